"""What is replicated: keys with values, changed by commands that do the same on every replica.

"Add one to the counter" is sent, carried out, and the answer is lost on its way. The client asks again, and the counter
has moved by two. If the request had a number, and the store remembered the last number of each client, the second
would get the first's answer. So that a new leader knows too, this memory is part of what is replicated.

Promised: `apply` depends on nothing but the store and the command, so replicas that apply the same commands in the same
order are equal, `dump` for `dump`. Values are byte strings; inside they are text in Latin-1, byte for byte, because a
log line is JSON. Not done: other types, expiry (a clock would have to be replicated too), memory limits.

Commands are lists of words: SET key value [NX | XX | IFEQ old] [GET], CAS key old new, DEL key ..., INCR key,
INCRBY key by, ONCE client number command .... IFEQ is Valkey's; CAS (1 if it was set, 0 if not) and ONCE are ours.
(The model's store, with Python values instead of Redis's commands, is raft_store.py.)
"""

from __future__ import annotations

import re
from typing import Any

from minisys.testbed import resp

Command = list[str]
NULL = resp.Resp2.null
CLIENTS = 10_000  # whose last answers are remembered; the longest silent is forgotten first
INT = re.compile(r"0|-?[1-9]\d{0,18}")
WRITES = {
    "SET": 3,
    "CAS": 4,
    "DEL": 2,
    "INCR": 2,
    "INCRBY": 3,
    "ONCE": 4,
}  # the commands that write, and how many words they have at least
EXACT = {"CAS", "INCR", "INCRBY"}
SYNTAX = "ERR syntax error"
NOT_INT = "ERR value is not an integer or out of range"


class RedisStore:
    """Keys and values, and the last answer that each client with numbered requests got."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.answers: dict[str, tuple[int, str]] = {}

    def get(self, key: bytes) -> bytes:
        """The encoded answer to GET *key*."""
        value = self.values.get(key.decode("latin-1"))
        return NULL if value is None else resp.bulk(value.encode("latin-1"))

    def apply(self, command: Command) -> bytes:
        """Carry *command* out; the encoded answer. A command that `problem` finds fault with must not come here."""
        if command[0] == "ONCE":
            return self._once(command[1], int(command[2]), command[3:])
        return _APPLY[command[0]](self.values, *command[1:])

    def dump(self) -> dict[str, Any]:
        """All of it as JSON values, for a snapshot."""
        return {"values": dict(self.values), "answers": [[who, *last] for who, last in self.answers.items()]}

    def load(self, dumped: dict[str, Any] | None) -> None:
        """Be what was dumped, None: empty."""
        self.values = dict(dumped["values"]) if dumped else {}
        self.answers = {who: (number, answer) for who, number, answer in dumped["answers"]} if dumped else {}

    def _once(self, client: str, number: int, command: Command) -> bytes:
        last = self.answers.pop(client, (-1, ""))
        if number == last[0]:
            answer = last[1].encode("latin-1")
        elif number < last[0]:
            self.answers[client] = last
            return resp.error(f"ERR request {number} is older than this client's last, {last[0]}")
        else:
            answer = self.apply(command)
        self.answers[client] = (number, answer.decode("latin-1"))  # at the end: the longest silent is first
        if len(self.answers) > CLIENTS:
            del self.answers[next(iter(self.answers))]
        return answer


def problem(command: Command) -> str | None:
    """Why *command*, its name in capitals, cannot be carried out by any store; None if it can."""
    name = command[0]
    if name not in WRITES:
        return f"ERR {name!r} is no command that writes"
    if len(command) < WRITES[name] or (name in EXACT and len(command) > WRITES[name]):
        return f"ERR wrong number of arguments for '{name.lower()}' command"
    if name == "INCRBY" and whole(command[2]) is None:
        return NOT_INT
    if name == "ONCE":
        if not re.fullmatch(r"\d{1,15}", command[2]):
            return f"ERR ONCE client number command: the number must be 0 or more, got {command[2][:20]!r}"
        return SYNTAX if command[3] == "ONCE" else problem(command[3:])
    return None if name != "SET" or _options(command[3:]) is not None else SYNTAX


def whole(text: str) -> int | None:
    """A 64-bit integer as Redis writes it, None for anything else."""
    return int(text) if INT.fullmatch(text) and -(2**63) <= int(text) < 2**63 else None


def _options(words: Command) -> tuple[str, str, bool] | None:
    """The condition of a SET, its argument, and whether the old value is wanted; None for a syntax error."""
    condition, argument, get, left = "", "", False, list(words)
    while left:
        word = left.pop(0).upper()
        if word == "GET" and not get:
            get = True
        elif word in ("NX", "XX", "IFEQ") and not condition:
            condition = word
            if word == "IFEQ":
                if not left:
                    return None
                argument = left.pop(0)
        else:
            return None
    return condition, argument, get


def _set(values: dict[str, str], key: str, value: str, *words: str) -> bytes:
    condition, argument, get = _options(list(words)) or ("", "", False)
    old = values.get(key)
    fits = {"": True, "NX": old is None, "XX": old is not None, "IFEQ": old == argument}[condition]
    if fits:
        values[key] = value
    if get:
        return NULL if old is None else resp.bulk(old.encode("latin-1"))
    return resp.OK if fits else NULL


def _cas(values: dict[str, str], key: str, old: str, new: str) -> bytes:
    if values.get(key) != old:
        return resp.integer(0)
    values[key] = new
    return resp.integer(1)


def _del(values: dict[str, str], *keys: str) -> bytes:
    return resp.integer(sum(values.pop(key, None) is not None for key in keys))


def _incrby(values: dict[str, str], key: str, by: str = "1") -> bytes:
    number, step = whole(values.get(key, "0")), whole(by)
    if number is None or step is None:
        return resp.error(NOT_INT)
    if not -(2**63) <= number + step < 2**63:
        return resp.error("ERR increment or decrement would overflow")
    values[key] = str(number + step)
    return resp.integer(number + step)


_APPLY: dict[str, Any] = {"SET": _set, "CAS": _cas, "DEL": _del, "INCR": _incrby, "INCRBY": _incrby}
