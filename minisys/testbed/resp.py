"""The Redis protocol: bytes from a client become requests, answers become bytes.

A stranger sends "*4000000000" and hangs up. A server that makes room for four thousand million arguments, because it
was told to, is dead. So a request is measured before anything is kept of it. What arrives whole and small, as nearly
all requests do, is parsed by hiredis, which is C; the rest (cut in two, large, typed by hand, suspicious) by the
readable parser below. Both give the same requests wherever the stream is cut.

Promised: requests as lists of byte strings, pipelines, inline commands, RESP2 and RESP3 answers; an unfinished request
never holds more than the limits say. Not here: sockets (resp_server.py), what a command means. As Redis does, the two
bytes after an argument are skipped, not looked at. Source: redis.io/docs/latest/develop/reference/protocol-spec.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import hiredis

Request = list[bytes]
MANY = re.compile(rb"\*\d{5}")  # hiredis makes room for an array as soon as it has read its length; so it does
MANY_3 = re.compile(rb"[~>]\d{5}")  # for RESP3's sets and pushes
FAST_BYTES = 65_536  # up to here looking for MANY costs less than hiredis saves
NUMBER, INLINE_BYTES = re.compile(rb"-?\d{1,19}"), 65_536
_END = secrets.token_hex(8).encode()  # fed after a chunk: if it comes out last, the chunk ended with a whole request
_END_FED = b"*1\r\n$16\r\n%s\r\n" % _END
_WORD = re.compile(rb"""\s*+([^\s"']*+)("(?:\\.|[^"\\])*"|'(?:\\'|[^'])*')?(?=\s|$)""", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


class ProtocolError(ValueError):
    """What came is no request; after the answer that says so, the connection must be closed."""


@dataclass(frozen=True)
class Limits:
    """How large a request may be: *bulk_bytes* an argument, *arguments* their number, *request_bytes* all together.

    Raises ValueError unless all are at least 1 and an argument fits into a request.
    """

    bulk_bytes: int = 16 * 2**20
    request_bytes: int = 32 * 2**20
    arguments: int = 2**20

    def __post_init__(self) -> None:
        if not 1 <= self.bulk_bytes <= self.request_bytes or self.arguments < 1:
            raise ValueError(f"need 1 <= bulk_bytes <= request_bytes and arguments >= 1, got {self}")


class Requests:
    """The requests in one client's stream. *reader* may be shared by all clients: nothing stays in it between chunks.

    size: bytes that are held of an unfinished request. error: what was wrong with the stream, None while it is sound.
    """

    __slots__ = ("_arguments", "_fast_bytes", "_held", "_left", "_limits", "_need", "_taken", "error")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._fast_bytes = min(FAST_BYTES, limits.bulk_bytes, 6 * limits.arguments)  # within it no limit can be passed
        self._held = bytearray()
        self._need = 1  # bytes that must be held before looking again is of use
        self._arguments: Request = []
        self._left = self._taken = 0  # arguments still to come, bytes of those that came
        self.error: ProtocolError | None = None

    @property
    def size(self) -> int:
        return len(self._held) + self._taken

    def feed(self, data: bytes, reader: hiredis.Reader) -> list[Request]:
        """The requests that *data* completes. After something wrong, `error` is set and the rest is not looked at."""
        if self.error is not None:
            return []
        if not self._held and not self._left and len(data) <= self._fast_bytes and data[:1] == b"*":
            if not _promises_many(data) and (whole := _whole(data, reader)) is not None:
                return whole
        self._held += data
        found: list[Request] = []
        if len(self._held) >= self._need:
            try:
                self._parse(found)
            except ProtocolError as problem:
                self.error = problem
                self._held, self._arguments, self._taken = bytearray(), [], 0
        return found

    def _parse(self, found: list[Request]) -> None:
        """Move whole requests from what is held to *found*. Raises ProtocolError."""
        held, at = bytes(self._held), 0
        try:
            while at < len(held):
                at = self._argument(held, at) if self._left else self._begin(held, at, found)
                if self._arguments and not self._left:
                    found.append(self._arguments)
                    self._arguments, self._taken = [], 0
            self._need = 1
        except _Incomplete as more:
            at, self._need = more.at, more.need
        del self._held[:at]

    def _begin(self, held: bytes, at: int, found: list[Request]) -> int:
        """Read a request's first line at *at*; where it goes on."""
        if held[at] != 0x2A:  # *
            line, after = _line(held, at, INLINE_BYTES, "inline request", b"\n")
            words = split_inline(line.rstrip(b"\r"))
            found += [words] * bool(words)
            return after
        line, after = _line(held, at + 1, 64, "mbulk count string", start=at)
        self._left = max(0, _number(line, "multibulk length"))
        if self._left > self._limits.arguments:
            raise ProtocolError("Protocol error: invalid multibulk length")
        return after

    def _argument(self, held: bytes, at: int) -> int:
        """Read one argument at *at*; where it goes on."""
        if held[at] != 0x24:  # $
            raise ProtocolError(f"Protocol error: expected '$', got '{chr(held[at])}'")
        line, after = _line(held, at + 1, 64, "bulk count string", start=at)
        length = _number(line, "bulk length")
        if not 0 <= length <= self._limits.bulk_bytes:
            raise ProtocolError("Protocol error: invalid bulk length")
        if self._taken + length > self._limits.request_bytes:
            raise ProtocolError("Protocol error: too big request")
        if len(held) < after + length + 2:
            raise _Incomplete(at, after + length + 2 - at)
        self._arguments.append(held[after : after + length])
        self._left -= 1
        self._taken += length + 64  # an argument costs more than its bytes
        return after + length + 2


class _Incomplete(Exception):
    """The rest has not come yet: keep from *at*, look again at *need* bytes."""

    def __init__(self, at: int, need: int) -> None:
        self.at, self.need = at, need


def _promises_many(data: bytes) -> bool:
    """Whether *data* may announce more than 9,999 of something. (In three steps, because each is a fast search.)"""
    return MANY.search(data) is not None or ((b"~" in data or b">" in data) and MANY_3.search(data) is not None)


def _whole(data: bytes, reader: hiredis.Reader) -> list[Request] | None:
    """The requests of *data* by hiredis, or None unless it consists of whole requests of byte strings."""
    found = []
    try:
        reader.feed(data)
        reader.feed(_END_FED)
        while (one := reader.gets()) is not False:
            found.append(one)
        if found and found.pop() == [_END] and set(map(type, chain.from_iterable(found))) <= {bytes}:
            return [one for one in found if one] if [] in found else found
    except (hiredis.ProtocolError, TypeError):  # TypeError: *-1 gives None
        pass
    reader.__init__()  # type: ignore[misc]  # it holds half a request now
    return None


def _line(held: bytes, at: int, most: int, what: str, end: bytes = b"\r\n", start: int = -1) -> tuple[bytes, int]:
    """The line at *at* without its *end*, and where the next begins."""
    stop = held.find(end, at, at + most + len(end))
    if stop < 0:
        if len(held) - at > most:
            raise ProtocolError(f"Protocol error: too big {what}")
        raise _Incomplete(at if start < 0 else start, len(held) - (at if start < 0 else start) + 1)
    return held[at:stop], stop + len(end)


def _number(text: bytes, what: str) -> int:
    if not NUMBER.fullmatch(text):
        raise ProtocolError(f"Protocol error: invalid {what}")
    return int(text)


def split_inline(line: bytes) -> Request:
    """The words of a command typed by hand; "..." and '...' keep blanks. Raises ProtocolError if a quote is open."""
    words, at, line = [], 0, line.strip()
    while at < len(line):
        if (match := _WORD.match(line, at)) is None:
            raise ProtocolError("Protocol error: unbalanced quotes in request")
        words.append(match[1] + _unquote(match[2] or b""))
        at = match.end()
    return words


def _unquote(piece: bytes) -> bytes:
    if piece[:1] == b'"':
        return _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else _PLAIN.get(m[2], m[2]), piece[1:-1])
    return piece[1:-1].replace(b"\\'", b"'") if piece[:1] == b"'" else piece


OK = b"+OK\r\n"


def simple(text: str) -> bytes:
    """A simple string, such as PONG."""
    return b"+%s\r\n" % text.encode()


def error(text: str) -> bytes:
    """An error; its first word is the kind (ERR, WRONGTYPE, OOM, …). Line ends become blanks."""
    return b"-%s\r\n" % text.replace("\r", " ").replace("\n", " ").encode(errors="replace")


def integer(number: int) -> bytes:
    """A 64-bit integer."""
    return b":%d\r\n" % number


def bulk(value: bytes) -> bytes:
    """A byte string."""
    return b"$%d\r\n%s\r\n" % (len(value), value)


def array(replies: Sequence[bytes]) -> bytes:
    """An array of *replies* that are encoded already."""
    return b"*%d\r\n%s" % (len(replies), b"".join(replies))


class Resp2:
    """What the two versions say differently, as version 2 says it."""

    version = 2
    null = b"$-1\r\n"
    null_array = b"*-1\r\n"

    @staticmethod
    def mapping(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Encoded keys and values, flat, for clients that know no maps."""
        return array([part for pair in pairs for part in pair])


class Resp3(Resp2):
    """As version 3 says it."""

    version = 3
    null = null_array = b"_\r\n"

    @staticmethod
    def mapping(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Encoded keys and values as a map."""
        parts = [part for pair in pairs for part in pair]
        return b"%%%d\r\n%s" % (len(parts) // 2, b"".join(parts))
