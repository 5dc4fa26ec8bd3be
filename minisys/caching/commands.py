"""The table of commands, and what all of them need: arguments as numbers, errors in Redis's words.

A web application that was written against Redis asks `SET basket:17 … NX PX 30000` and expects the answer that Redis
gives, down to the first word of an error, because its client library turns that word into an exception. The commands
themselves are in strings.py, keys.py and admin.py; session.py carries them out.

Promised: names, arities and key positions as `COMMAND INFO` of Redis 7 says them, for those that exist here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minisys.testbed.resp import Request

if TYPE_CHECKING:
    from minisys.caching.session import ClientSession

Run = Callable[["ClientSession", Request], bytes]
INT = re.compile(rb"0|-?[1-9]\d{0,18}")
INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class Refused(Exception):
    """The command is not carried out; the text is the error that the client gets."""


SYNTAX = "ERR syntax error"
NOT_INT = "ERR value is not an integer or out of range"


@dataclass(frozen=True)
class Command:
    """A command: *arity* counts its name, negative means "at least"; *keys* first, last and step, as Redis has them."""

    name: str
    run: Run
    arity: int
    flags: tuple[str, ...]
    keys: tuple[int, int, int]

    def takes(self, words: int) -> bool:
        """Whether so many words are right for it."""
        return words == self.arity if self.arity > 0 else words >= -self.arity


COMMANDS: dict[bytes, Command] = {}  # by name in upper and in lower case


def command(name: str, arity: int, flags: str = "readonly fast", keys: tuple[int, int, int] = (1, 1, 1)) -> Callable:
    """Put the decorated function into the table as *name*."""

    def register(run: Run) -> Run:
        made = Command(name, run, arity, tuple(flags.split()), keys)
        COMMANDS[name.upper().encode()] = COMMANDS[name.encode()] = made
        return run

    return register


def find(name: bytes) -> Command | None:
    """The command called *name*, in any case."""
    return COMMANDS.get(name) or COMMANDS.get(name.upper())


def unknown(request: Request) -> str:
    """What Redis says to a command that it does not know."""
    words = "".join(f"'{_shown(word)}' " for word in request[1:20])[:128]
    return f"ERR unknown command '{_shown(request[0])}', with args beginning with: {words}"


def wrong_number(name: str) -> str:
    """What Redis says to too few or too many words."""
    return f"ERR wrong number of arguments for '{name}' command"


def whole(text: bytes, problem: str = NOT_INT) -> int:
    """A 64-bit integer as Redis writes it: no blanks, no plus, no leading zeros. Raises Refused."""
    if not INT.fullmatch(text) or not INT_MIN <= int(text) <= INT_MAX:
        raise Refused(problem)
    return int(text)


def memory(text: bytes) -> int:
    """Bytes from "8mb", "8m", "1gb", "100": mb is 1024 × 1024, m a million. Raises ValueError."""
    match = re.fullmatch(rb"(\d{1,18})(b|k|kb|m|mb|g|gb)?", text.lower())
    if match is None:
        raise ValueError(f"memory is a number with b, k, kb, m, mb, g or gb, got {text.decode(errors='replace')!r}")
    unit = (match[2] or b"b").decode()
    power = " kmg".index(unit[0]) if unit != "b" else 0
    return int(match[1]) * (1024 if len(unit) == 2 else 1000) ** power


def options(request: Request, begin: int, known: dict[bytes, int]) -> dict[bytes, list[bytes]]:
    """The options after word *begin*: each of *known* with as many words as it says. Raises Refused.

    As Redis does, a later one overwrites an earlier one of the same name.
    """
    found: dict[bytes, list[bytes]] = {}
    at = begin
    while at < len(request):
        name = request[at].upper()
        if name not in known or at + known[name] >= len(request):
            raise Refused(SYNTAX)
        found[name] = request[at + 1 : at + 1 + known[name]]
        at += 1 + known[name]
    return found


def glob(pattern: bytes) -> re.Pattern[bytes]:
    r"""Redis's patterns as a regular expression: * ? [abc] [^a] [a-z] and \ before a character."""
    out: list[bytes] = []
    at = 0
    while at < len(pattern):
        one = pattern[at : at + 1]
        at += 1
        if one == b"*":
            out.append(b".*" if not out or out[-1] != b".*" else b"")
        elif one == b"?":
            out.append(b".")
        elif one == b"[":
            piece, at = _class(pattern, at)
            out.append(piece)
        else:
            if one == b"\\" and at < len(pattern):
                one, at = pattern[at : at + 1], at + 1
            out.append(re.escape(one))
    return re.compile(b"".join(out), re.DOTALL)


def _class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """The [class] that begins at *at*, as a regular expression, and where the pattern goes on."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    parts: list[bytes] = []
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
            at += 1
        low = pattern[at : at + 1]
        if pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            low, high = sorted((low, pattern[at + 2 : at + 3]))
            parts.append(re.escape(low) + b"-" + re.escape(high))
            at += 3
        else:
            parts.append(re.escape(low))
            at += 1
    inside = b"".join(parts)
    if not inside:
        return (b"." if negated else b"(?!)"), at + 1
    return b"[" + (b"^" if negated else b"") + inside + b"]", at + 1


def _shown(word: bytes) -> str:
    return word[:128].decode("utf-8", "replace")
