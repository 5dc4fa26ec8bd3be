"""Commands on keys, and those that client libraries ask before anything else.

They are as many as a shop, a counter and a lock need; the cache of chapter 04 knows more. A command that changes
something says what it changes as an entry (store.py), never how: SET with EX 10 becomes a date, INCR a number, so that
the replica gets the same result at another time. Promised: the answers and errors of Redis 7 for what is here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minisys.sharding.command_table import COMMANDS, NOWHERE, Command, Refused, command
from minisys.testbed import resp
from minisys.testbed.resp import OK, Request, array, bulk, integer, simple
from minisys.testbed.resp_server import Hangup

if TYPE_CHECKING:
    from minisys.sharding.session import ClientSession

WRITE = "write denyoom fast"
FOLLOWS = b"7.2.4"  # the Redis whose commands these are; Valkey reports the same
INT, INT_MIN, INT_MAX = re.compile(rb"0|-?[1-9]\d{0,18}"), -(2**63), 2**63 - 1
SYNTAX, NOT_INT = "ERR syntax error", "ERR value is not an integer or out of range"
UNITS_MS = {b"EX": (1000, False), b"PX": (1, False), b"EXAT": (1000, True), b"PXAT": (1, True)}


def whole(text: bytes) -> int:
    """A 64-bit integer as Redis writes it. Raises Refused."""
    if not INT.fullmatch(text) or not INT_MIN <= int(text) <= INT_MAX:
        raise Refused(NOT_INT)
    return int(text)


def value_of(session: ClientSession, key: bytes) -> bytes | None:
    """The value of *key*; None if it is not there or out of date."""
    store = session.node.store
    return store.values.get(key) if store.there(key, session.node.now_ms) else None


def put(session: ClientSession, key: bytes, value: bytes, deadline_ms: int | None = None) -> None:
    """Write *value* under *key*, to be forgotten at *deadline_ms* (milliseconds since 1970; None: never)."""
    session.node.log(b"SET", key, value, b"" if deadline_ms is None else b"%d" % deadline_ms)


@command("get", 2)
def get(session: ClientSession, request: Request) -> bytes:
    value = value_of(session, request[1])
    return session.wire.null if value is None else bulk(value)


@command("mget", -2, keys=(1, -1, 1))
def mget(session: ClientSession, request: Request) -> bytes:
    values = [value_of(session, key) for key in request[1:]]
    return array([session.wire.null if value is None else bulk(value) for value in values])


@command("exists", -2, keys=(1, -1, 1))
def exists(session: ClientSession, request: Request) -> bytes:
    return integer(sum(value_of(session, key) is not None for key in request[1:]))


@command("strlen", 2)
def strlen(session: ClientSession, request: Request) -> bytes:
    return integer(len(value_of(session, request[1]) or b""))


@command("pttl", 2)
def pttl(session: ClientSession, request: Request) -> bytes:
    if value_of(session, request[1]) is None:
        return integer(-2)
    deadline_ms = session.node.store.deadline_ms.get(request[1])
    return integer(-1 if deadline_ms is None else max(0, deadline_ms - session.node.now_ms))


@command("set", -3, "write denyoom")
def set_(session: ClientSession, request: Request) -> bytes:
    key, at, given, deadline_ms = request[1], 3, set(), None
    while at < len(request):
        option = request[at].upper()
        given.add(option)
        if option in UNITS_MS and at + 1 < len(request):
            deadline_ms = _deadline(session, request[at + 1], option)
            at += 1
        elif option not in (b"NX", b"XX", b"GET", b"KEEPTTL"):
            raise Refused(SYNTAX)
        at += 1
    if {b"NX", b"XX"} <= given or len(given & {b"KEEPTTL", *UNITS_MS}) > 1:
        raise Refused(SYNTAX)
    before = value_of(session, key)
    old = session.wire.null if before is None else bulk(before)
    if (b"NX" in given and before is not None) or (b"XX" in given and before is None):
        return old if b"GET" in given else session.wire.null
    put(session, key, request[2], session.node.store.deadline_ms.get(key) if b"KEEPTTL" in given else deadline_ms)
    return old if b"GET" in given else OK


def _deadline(session: ClientSession, text: bytes, unit: bytes) -> int:
    factor, absolute = UNITS_MS[unit]
    number = whole(text)
    if number <= 0 or number * factor > INT_MAX:
        raise Refused("ERR invalid expire time in 'set' command")
    return number * factor + (0 if absolute else session.node.now_ms)


@command("mset", -3, "write denyoom", keys=(1, -1, 2))
def mset(session: ClientSession, request: Request) -> bytes:
    if len(request) % 2 == 0:
        raise Refused("ERR wrong number of arguments for 'mset' command")
    for at in range(1, len(request), 2):
        put(session, request[at], request[at + 1])
    return OK


@command("del", -2, "write", keys=(1, -1, 1))
def del_(session: ClientSession, request: Request) -> bytes:
    there = [key for key in dict.fromkeys(request[1:]) if value_of(session, key) is not None]
    if there:
        session.node.log(b"DEL", *there)
    return integer(len(there))


@command("incr", 2, WRITE)
def incr(session: ClientSession, request: Request) -> bytes:
    return _add(session, request[1], 1)


@command("incrby", 3, WRITE)
def incrby(session: ClientSession, request: Request) -> bytes:
    return _add(session, request[1], whole(request[2]))


def _add(session: ClientSession, key: bytes, amount: int) -> bytes:
    number = whole(value_of(session, key) or b"0") + amount
    if not INT_MIN <= number <= INT_MAX:
        raise Refused("ERR increment or decrement would overflow")
    put(session, key, b"%d" % number, session.node.store.deadline_ms.get(key))
    return integer(number)


@command("restore", -4, "write denyoom")
def restore(session: ClientSession, request: Request) -> bytes:
    """RESTORE key milliseconds value [REPLACE] [ABSTTL]: the value as it is, for only strings are kept here."""
    options = {word.upper() for word in request[4:]}
    if not options <= {b"REPLACE", b"ABSTTL"}:
        raise Refused(SYNTAX)
    if b"REPLACE" not in options and value_of(session, request[1]) is not None:
        raise Refused("BUSYKEY Target key name already exists.")
    ttl_ms = whole(request[2])
    if ttl_ms and b"ABSTTL" not in options:
        ttl_ms += session.node.now_ms
    put(session, request[1], request[3], ttl_ms or None)
    return OK


@command("dbsize", 1, keys=NOWHERE)
def dbsize(session: ClientSession, request: Request) -> bytes:
    return integer(len(session.node.store.values))


@command("ping", -1, "fast", keys=NOWHERE)
def ping(session: ClientSession, request: Request) -> bytes:
    return bulk(request[1]) if len(request) == 2 else simple("PONG")


@command("echo", 2, "fast", keys=NOWHERE)
def echo(session: ClientSession, request: Request) -> bytes:
    return bulk(request[1])


@command("select", 2, "fast", keys=NOWHERE)
def select(session: ClientSession, request: Request) -> bytes:
    if request[1] != b"0":
        raise Refused("ERR SELECT is not allowed in cluster mode")
    return OK


@command("quit", -1, "fast", keys=NOWHERE)
def quit_(session: ClientSession, request: Request) -> bytes:
    raise Hangup(OK)


@command("hello", -1, "fast", keys=NOWHERE)
def hello(session: ClientSession, request: Request) -> bytes:
    if len(request) > 1:
        if request[1] not in (b"2", b"3"):
            raise Refused("NOPROTO unsupported protocol version")
        if len(request) > 2 and not (len(request) == 4 and request[2].upper() == b"SETNAME"):
            raise Refused(f"ERR Syntax error in HELLO option '{request[2][:64].decode(errors='replace')}'")
        session.name = request[3] if len(request) == 4 else session.name
        session.wire = resp.Resp3 if request[1] == b"3" else resp.Resp2
    about = {
        b"server": bulk(b"redis"), b"version": bulk(FOLLOWS), b"proto": integer(session.wire.version),
        b"id": integer(session.connection.number), b"mode": bulk(b"cluster"),
        b"role": bulk(b"master" if session.node.role == "primary" else b"replica"), b"modules": array([]),
    }  # fmt: skip
    return session.wire.mapping((bulk(key), value) for key, value in about.items())


@command("client", -2, "fast", keys=NOWHERE)
def client(session: ClientSession, request: Request) -> bytes:
    name = request[1].upper()
    if name == b"ID":
        return integer(session.connection.number)
    if name == b"GETNAME":
        return bulk(session.name) if session.name else session.wire.null
    if name == b"SETNAME" and len(request) == 3:
        session.name = request[2]
        return OK
    if name == b"SETINFO" and len(request) == 4:
        return OK
    raise Refused(f"ERR unknown subcommand '{request[1][:64].decode(errors='replace')}'. Try CLIENT HELP.")


@command("command", -1, keys=NOWHERE)
def command_(session: ClientSession, request: Request) -> bytes:
    name = request[1].upper() if len(request) > 1 else b""
    if name == b"COUNT":
        return integer(len(COMMANDS))
    if name == b"DOCS":
        return session.wire.mapping([])
    if name not in (b"", b"INFO"):
        raise Refused(f"ERR unknown subcommand '{request[1][:64].decode(errors='replace')}'. Try COMMAND HELP.")
    wanted = [COMMANDS.get(word.lower()) for word in request[2:]] or list(COMMANDS.values())
    return array([session.wire.null_array if each is None else _described(each) for each in wanted])


def _described(found: Command) -> bytes:
    flags = array([simple(flag) for flag in found.flags])
    nothing = [array([])] * 4  # categories, tips, key specifications, subcommands: Redis 7 has them, RESP3 clients look
    return array([bulk(found.name.encode()), integer(found.arity), flags, *map(integer, found.keys), *nothing])
