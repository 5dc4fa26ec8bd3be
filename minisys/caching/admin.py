"""Commands about the connection and the server: greet, name, configure, count.

They are few in number and many in forms, because client libraries and redis-benchmark ask them before anything else.
CONFIG knows what exists here and says no to the rest. The server says what it is (`INFO server`: server_name minisys)
and, for libraries that look at it, which Redis its commands follow (redis_version).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from minisys.caching.commands import (
    COMMANDS,
    Command,
    Refused,
    command,
    find,
    glob,
    memory,
    options,
    whole,
    wrong_number,
)  # fmt: skip
from minisys.caching.keyspace import POLICY_NAMES
from minisys.testbed.resp import OK, Request, Resp2, Resp3, array, bulk, integer, simple

if TYPE_CHECKING:
    from minisys.caching.session import ClientSession

FOLLOWS = "7.2.4"  # the Redis whose commands these are; Valkey reports the same
NOWHERE = (0, 0, 0)
NO_PASSWORD = (
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)


@command("ping", -1, "fast", keys=NOWHERE)
def ping(session: ClientSession, request: Request) -> bytes:
    if len(request) > 2:
        raise Refused(wrong_number("ping"))
    return bulk(request[1]) if len(request) == 2 else simple("PONG")


@command("echo", 2, "fast", keys=NOWHERE)
def echo(session: ClientSession, request: Request) -> bytes:
    return bulk(request[1])


@command("auth", -2, "noscript fast", keys=NOWHERE)
def auth(session: ClientSession, request: Request) -> bytes:
    raise Refused(NO_PASSWORD)


@command("select", 2, "fast", keys=NOWHERE)
def select(session: ClientSession, request: Request) -> bytes:
    if whole(request[1]) != 0:
        raise Refused("ERR DB index is out of range")
    return OK


@command("hello", -1, "noscript fast", keys=NOWHERE)
def hello(session: ClientSession, request: Request) -> bytes:
    if len(request) > 1:
        version = whole(request[1], "ERR Protocol version is not an integer or out of range")
        if version not in (2, 3):
            raise Refused("NOPROTO unsupported protocol version")
        try:
            given = options(request, 2, {b"AUTH": 2, b"SETNAME": 1})
        except Refused:
            raise Refused(f"ERR Syntax error in HELLO option '{request[2].decode(errors='replace')}'") from None
        if b"AUTH" in given:
            raise Refused(NO_PASSWORD)
        if b"SETNAME" in given:
            session.name = _name(given[b"SETNAME"][0])
        session.wire = Resp3 if version == 3 else Resp2
    about: dict[bytes, bytes] = {
        b"server": bulk(b"redis"), b"version": bulk(FOLLOWS.encode()), b"proto": integer(session.wire.version),
        b"id": integer(session.connection.number), b"mode": bulk(b"standalone"), b"role": bulk(b"master"),
        b"modules": array([]),
    }  # fmt: skip
    return session.wire.mapping((bulk(key), value) for key, value in about.items())


def _name(text: bytes) -> bytes:
    if len(text) > 256 or any(not 33 <= byte <= 126 for byte in text):
        raise Refused("ERR Client names cannot contain spaces, newlines or special characters.")
    return text


@command("client", -2, "noscript", keys=NOWHERE)
def client(session: ClientSession, request: Request) -> bytes:
    name, words = request[1].upper(), len(request)
    if name == b"ID" and words == 2:
        return integer(session.connection.number)
    if name == b"GETNAME" and words == 2:
        return bulk(session.name) if session.name else session.wire.null
    if name == b"SETNAME" and words == 3:
        session.name = _name(request[2])
        return OK
    if name == b"SETINFO" and words == 4:
        return _set_info(session, request[2].upper(), _name(request[3]))
    if name == b"INFO" and words == 2:
        return bulk(_client_line(session))
    if name == b"LIST" and words == 2:
        return bulk(b"".join(map(_client_line, session.service.sessions())))
    raise Refused(_no_subcommand(request, b"ID GETNAME SETNAME SETINFO INFO LIST"))


def _set_info(session: ClientSession, what: bytes, value: bytes) -> bytes:
    if what not in (b"LIB-NAME", b"LIB-VER"):
        raise Refused(f"ERR Unrecognized option '{what.decode(errors='replace')}'")
    setattr(session, "library" if what == b"LIB-NAME" else "library_version", value)
    return OK


def _client_line(session: ClientSession) -> bytes:
    connection = session.connection
    now = connection.server.now()
    host, port = (connection.transport.get_extra_info("peername") or ("?", 0))[:2]
    return (
        f"id={connection.number} addr={host}:{port} name={session.name.decode()} age={now - connection.since_s:.0f} "
        f"idle={now - connection.heard_s:.0f} db=0 multi={-1 if session.queue is None else len(session.queue)} "
        f"watch={len(session.watched)} qbuf={connection.requests.size} "
        f"omem={connection.transport.get_write_buffer_size()} resp={session.wire.version} "
        f"lib-name={session.library.decode()} lib-ver={session.library_version.decode()}\n"
    ).encode()


def _no_subcommand(request: Request, known: bytes) -> str:
    """Right name and wrong number of words, or no such thing."""
    name = request[0].decode(errors="replace").lower()
    sub = request[1][:128].decode(errors="replace")
    if request[1].upper() in known.split():
        return wrong_number(f"{name}|{sub.lower()}")
    return f"ERR unknown subcommand '{sub}'. Try {name.upper()} HELP."


SETTINGS: dict[str, Callable[[ClientSession], object]] = {
    "maxmemory": lambda session: session.keys.maxmemory,
    "maxmemory-policy": lambda session: session.keys.policy_name,
    "maxclients": lambda session: session.patience.clients,
    "timeout": lambda session: int(session.patience.idle_s),
    "proto-max-bulk-len": lambda session: session.limits.bulk_bytes,
    "port": lambda session: session.port,
    "databases": lambda session: 1,
    "save": lambda session: "",
    "appendonly": lambda session: "no",
}


@command("config", -2, "admin noscript", keys=NOWHERE)
def config(session: ClientSession, request: Request) -> bytes:
    name = request[1].upper()
    if name == b"GET" and len(request) > 2:
        patterns = [glob(pattern.lower()) for pattern in request[2:]]
        names = [each for each in SETTINGS if any(pattern.fullmatch(each.encode()) for pattern in patterns)]
        return session.wire.mapping(
            (bulk(each.encode()), bulk(str(SETTINGS[each](session)).encode())) for each in names
        )
    if name == b"SET" and len(request) > 3 and len(request) % 2 == 0:
        for i in range(2, len(request), 2):
            _configure(session, request[i].lower(), request[i + 1])
        return OK
    if name == b"RESETSTAT" and len(request) == 2:
        session.service.reset()
        return OK
    raise Refused(_no_subcommand(request, b"GET SET RESETSTAT"))


def _configure(session: ClientSession, name: bytes, value: bytes) -> None:
    """Change one setting. Raises Refused as Redis says it."""
    text = value.decode(errors="replace")
    try:
        if name == b"maxmemory":
            session.keys.configure(maxmemory=memory(value))
        elif name == b"maxmemory-policy":
            if text not in POLICY_NAMES:
                raise ValueError(f"argument must be one of the following: {', '.join(POLICY_NAMES)}")
            session.keys.configure(policy_name=text)
        elif name == b"maxclients":
            session.patience.clients = _between(text, 1, 100_000)
        elif name == b"timeout":
            session.patience.idle_s = _between(text, 0, 10**9)
        else:
            raise Refused(
                f"ERR Unknown option or number of arguments for CONFIG SET - '{name.decode(errors='replace')}'"
            )
    except ValueError as problem:
        said = f"ERR CONFIG SET failed (possibly related to argument '{name.decode()}') - {problem}"
        raise Refused(said) from None


def _between(text: str, low: int, high: int) -> int:
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"argument must be between {low} and {high} inclusive")
    return int(text)


@command("memory", -2, "readonly", keys=(2, 2, 1))
def memory_(session: ClientSession, request: Request) -> bytes:
    """MEMORY USAGE key [SAMPLES n]: what the key counts for in maxmemory."""
    if request[1].upper() != b"USAGE" or len(request) < 3:
        raise Refused(_no_subcommand(request, b"USAGE"))
    options(request, 3, {b"SAMPLES": 1})
    there = session.keys.there(request[2], session.now())
    return integer(session.keys.sizes[request[2]]) if there else session.wire.null


@command("command", -1, "", keys=NOWHERE)
def command_(session: ClientSession, request: Request) -> bytes:
    name = request[1].upper() if len(request) > 1 else b"INFO"
    names = sorted({each.name for each in COMMANDS.values()})
    if name == b"COUNT":
        return integer(len(names))
    if name == b"LIST":
        return array([bulk(each.encode()) for each in names])
    if name == b"DOCS":
        return session.wire.mapping(())
    if name == b"INFO":
        wanted = request[2:] or [each.encode() for each in names]
        return array([_about(found) if (found := find(each)) else session.wire.null_array for each in wanted])
    raise Refused(_no_subcommand(request, b"COUNT LIST DOCS INFO"))


def _about(found: Command) -> bytes:
    first, last, step = found.keys
    flags = array([simple(flag) for flag in found.flags])
    return array([bulk(found.name.encode()), integer(found.arity), flags, integer(first), integer(last), integer(step)])


@command("info", -1, "", keys=NOWHERE)
def info(session: ClientSession, request: Request) -> bytes:
    wanted = {word.lower().decode(errors="replace") for word in request[1:]} - {"all", "default", "everything"}
    parts = []
    for title, lines in session.service.report().items():
        if not wanted or title.lower() in wanted:
            parts.append(f"# {title}\r\n" + "".join(f"{name}:{value}\r\n" for name, value in lines.items()))
    return bulk("\r\n".join(parts).encode())


def about_server(port: int, up_s: float) -> dict[str, object]:
    """INFO's first section; *up_s*: seconds since the start."""
    return {
        "server_name": "minisys", "redis_version": FOLLOWS, "redis_mode": "standalone", "process_id": os.getpid(),
        "tcp_port": port, "uptime_in_seconds": int(up_s),
    }  # fmt: skip
