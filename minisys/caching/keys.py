"""Commands on keys: is it there, when does it go, which ones are there, and away with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minisys.caching.commands import INT_MAX, INT_MIN, SYNTAX, Refused, command, glob, options, whole
from minisys.testbed.resp import OK, Request, array, bulk, integer, simple

if TYPE_CHECKING:
    from minisys.caching.session import ClientSession


def _count(session: ClientSession, keys: list[bytes]) -> int:
    now = session.now()
    return sum(session.keys.there(key, now) for key in keys)


@command("del", -2, "write", keys=(1, -1, 1))
@command("unlink", -2, "write fast", keys=(1, -1, 1))
def delete(session: ClientSession, request: Request) -> bytes:
    now = session.now()
    return integer(sum(session.keys.there(key, now) and session.keys.delete(key) for key in request[1:]))


@command("exists", -2, keys=(1, -1, 1))
def exists(session: ClientSession, request: Request) -> bytes:
    return integer(_count(session, request[1:]))


@command("touch", -2, keys=(1, -1, 1))
def touch(session: ClientSession, request: Request) -> bytes:
    now = session.now()
    there = [key for key in request[1:] if session.keys.there(key, now)]
    for key in there:
        session.keys.policy.hit(key)
    return integer(len(there))


@command("type", 2)
def type_(session: ClientSession, request: Request) -> bytes:
    return simple("string" if _count(session, request[1:]) else "none")


def _expire(session: ClientSession, request: Request, name: str, unit_s: float, absolute: bool) -> bytes:
    """EXPIRE and its kin; a time that is over removes the key at once."""
    given = options(request, 3, {b"NX": 0, b"XX": 0, b"GT": 0, b"LT": 0}) if len(request) > 3 else {}
    if b"NX" in given and len(given) > 1:
        raise Refused("ERR NX and XX, GT or LT options at the same time are not compatible")
    if {b"GT", b"LT"} <= given.keys():
        raise Refused("ERR GT and LT options at the same time are not compatible")
    number = whole(request[2])
    now = session.now()
    if not INT_MIN <= number * round(unit_s * 1000) <= INT_MAX - round(now * 1000):
        raise Refused(f"ERR invalid expire time in '{name}' command")
    at_s, key = number * unit_s + (0.0 if absolute else now), request[1]
    if not session.keys.there(key, now) or not _wanted(given, session.keys.deadline_s.get(key), at_s):
        return integer(0)
    if at_s <= now:
        session.keys.delete(key)
    else:
        session.keys.set_deadline(key, at_s)
        session.keys.touch(key)
    return integer(1)


def _wanted(given: dict[bytes, list[bytes]], before_s: float | None, at_s: float) -> bool:
    """Whether NX, XX, GT and LT let the new deadline through; none at all counts as the latest possible."""
    if (b"NX" in given and before_s is not None) or (b"XX" in given and before_s is None):
        return False
    if b"GT" in given:
        return before_s is not None and at_s > before_s
    return not (b"LT" in given and before_s is not None and at_s >= before_s)


@command("expire", -3, "write fast")
def expire(session: ClientSession, request: Request) -> bytes:
    return _expire(session, request, "expire", 1.0, False)


@command("pexpire", -3, "write fast")
def pexpire(session: ClientSession, request: Request) -> bytes:
    return _expire(session, request, "pexpire", 1e-3, False)


@command("expireat", -3, "write fast")
def expireat(session: ClientSession, request: Request) -> bytes:
    return _expire(session, request, "expireat", 1.0, True)


@command("pexpireat", -3, "write fast")
def pexpireat(session: ClientSession, request: Request) -> bytes:
    return _expire(session, request, "pexpireat", 1e-3, True)


def _left(session: ClientSession, key: bytes, answer: Callable[[float, float], int]) -> bytes:
    """What *answer* makes of deadline and now; -2 without the key, -1 without a deadline."""
    now = session.now()
    if not session.keys.there(key, now):
        return integer(-2)
    at_s = session.keys.deadline_s.get(key)
    return integer(-1 if at_s is None else answer(at_s, now))


@command("ttl", 2)
def ttl(session: ClientSession, request: Request) -> bytes:
    return _left(session, request[1], lambda at_s, now: int(at_s - now + 0.5))


@command("pttl", 2)
def pttl(session: ClientSession, request: Request) -> bytes:
    return _left(session, request[1], lambda at_s, now: round((at_s - now) * 1000))


@command("expiretime", 2)
def expiretime(session: ClientSession, request: Request) -> bytes:
    return _left(session, request[1], lambda at_s, now: int(at_s + 0.5))


@command("pexpiretime", 2)
def pexpiretime(session: ClientSession, request: Request) -> bytes:
    return _left(session, request[1], lambda at_s, now: round(at_s * 1000))


@command("persist", 2, "write fast")
def persist(session: ClientSession, request: Request) -> bytes:
    key = request[1]
    if not session.keys.there(key, session.now()) or key not in session.keys.deadline_s:
        return integer(0)
    session.keys.set_deadline(key, None)
    session.keys.touch(key)
    return integer(1)


@command("keys", 2, "readonly")
def keys(session: ClientSession, request: Request) -> bytes:
    matches, now = glob(request[1]).fullmatch, session.now()
    return array([bulk(key) for key in list(session.keys.values) if matches(key) and session.keys.there(key, now)])


@command("scan", -2, "readonly", keys=(0, 0, 0))
def scan(session: ClientSession, request: Request) -> bytes:
    if not request[1].isdigit():
        raise Refused("ERR invalid cursor")
    given = options(request, 2, {b"MATCH": 1, b"COUNT": 1, b"TYPE": 1})
    count = whole(given[b"COUNT"][0]) if b"COUNT" in given else 10
    if count < 1:
        raise Refused(SYNTAX)
    cursor, found = session.keys.walk(int(request[1]), count)
    now = session.now()
    found = [key for key in found if session.keys.there(key, now)]
    if b"MATCH" in given:
        matches = glob(given[b"MATCH"][0]).fullmatch
        found = [key for key in found if matches(key)]
    if given.get(b"TYPE", [b"string"])[0].lower() != b"string":
        found = []
    return array([bulk(b"%d" % cursor), array([bulk(key) for key in found])])


@command("dbsize", 1, keys=(0, 0, 0))
def dbsize(session: ClientSession, request: Request) -> bytes:
    return integer(len(session.keys))


@command("flushdb", -1, "write", keys=(0, 0, 0))
@command("flushall", -1, "write", keys=(0, 0, 0))
def flush(session: ClientSession, request: Request) -> bytes:
    if len(request) > 2 or (len(request) == 2 and request[1].upper() not in (b"SYNC", b"ASYNC")):
        raise Refused(SYNTAX)
    session.keys.clear()
    return OK
