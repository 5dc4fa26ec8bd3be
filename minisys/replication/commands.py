"""What clients may say to a replica, in the Redis protocol, and what they are told.

An application was written for one Redis server. Now there are three replicas, and it must not notice before one dies;
then it must be told plainly: who the primary is, whether its write has happened, or that nobody knows. So the errors
begin with the words that Redis and its client libraries know (READONLY, CLUSTERDOWN, MISCONF, REDIRECT), and with
TIMEOUT and ABORTED where Redis has none, because it does not wait.

Beside GET, SET (NX, XX, IFEQ, GET), DEL, INCR, INCRBY, DBSIZE, PING, ECHO, HELLO, CLIENT, SELECT, INFO, ROLE, QUIT:

    CAS key old new             1 if the value was old and is new now, else 0
    ONCE client number write    a write that is carried out once, however often it is sent with this number
    WAIT replicas ms            how many replicas have this connection's last write, after at most so long
    POSITION                    where this connection's last write is in the log
    AFTER position GET key      the value as of that write or later, from any replica (read your writes)
    READONLY, READWRITE         reads of this connection may, or may not, be answered by a follower, however stale

Promised: one connection's requests are carried out in their order. Not done: transactions, blocking commands, Lua,
users and passwords.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from minisys.replication.redis_store import WRITES, problem, whole
from minisys.testbed import resp
from minisys.testbed.resp import Request, Resp2, Resp3, array, bulk, integer
from minisys.testbed.resp_server import Connection, Hangup

if TYPE_CHECKING:
    from minisys.replication.redis_store import Command

Reply = bytes | asyncio.Future[bytes]
QUIET = {b"COMMAND": array([]), b"READWRITE": resp.OK}
LONGEST_WAIT_MS = 3_600_000


class Node(Protocol):
    """What a replica has for its clients' sessions."""

    def write(self, command: Command) -> asyncio.Future[bytes]: ...
    def get(self, key: bytes, stale: bool) -> Reply: ...
    def after(self, position: int, key: bytes) -> Reply: ...
    def wait(self, position: int, replicas: int, within_s: float) -> Reply: ...
    def role(self) -> bytes: ...
    def info(self) -> dict[str, Any]: ...
    def size(self) -> int: ...
    @property
    def position(self) -> int: ...


class ReplicaSession:
    """One client's conversation with *node*. position: where its last write is in the log, 0 before the first."""

    def __init__(self, node: Node, connection: Connection) -> None:
        self.node, self.connection = node, connection
        self.wire: type[Resp2] = Resp2
        self.stale, self.position, self.client_name = False, 0, b""

    def execute(self, request: Request) -> Reply:
        """The answer to *request*, encoded, or a future of it."""
        name = request[0].upper()
        if name == b"GET" and len(request) == 2:
            return self._null(self.node.get(request[1], self.stale))
        if name.decode("latin-1") in WRITES:
            return self._write([name.decode(), *(word.decode("latin-1") for word in request[1:])])
        method = getattr(self, f"_{name.decode('latin-1').lower()}", None) if name in TALK else None
        if method is None:
            shown = request[0][:128].decode(errors="replace")
            return QUIET.get(name) or resp.error(f"ERR unknown command '{shown}', or not with so many arguments")
        try:
            return method(*request[1:])
        except TypeError:  # too few words, or too many
            return resp.error(f"ERR wrong number of arguments for '{name.decode().lower()}' command")

    def close(self) -> None:
        """The client is gone; what it has written goes on."""

    def _write(self, command: Command) -> Reply:
        if command[0] == "ONCE" and len(command) > 3:
            command[3] = command[3].upper()
        if (wrong := problem(command)) is not None:
            return resp.error(wrong)
        answer = self.node.write(command)
        answer.add_done_callback(self._written)
        return self._null(answer)

    def _written(self, answer: asyncio.Future[bytes]) -> None:
        self.position = self.node.position  # at least as far as this write: it was applied a moment ago

    def _null(self, reply: Reply) -> Reply:
        """The same with version 3's null where version 2 has its own."""
        if self.wire is Resp2:
            return reply
        if isinstance(reply, bytes):
            return self.wire.null if reply == Resp2.null else reply
        translated: asyncio.Future[bytes] = reply.get_loop().create_future()
        reply.add_done_callback(
            lambda done: translated.set_result(self.wire.null if done.result() == Resp2.null else done.result())
        )
        return translated

    def _ping(self, word: bytes | None = None) -> bytes:
        return resp.simple("PONG") if word is None else bulk(word)

    def _echo(self, word: bytes) -> bytes:
        return bulk(word)

    def _select(self, number: bytes) -> bytes:
        return resp.OK if number == b"0" else resp.error("ERR DB index is out of range")

    def _quit(self) -> bytes:
        raise Hangup(resp.OK)

    def _dbsize(self) -> bytes:
        return integer(self.node.size())

    def _role(self) -> bytes:
        return self.node.role()

    def _readonly(self) -> bytes:
        self.stale = True
        return resp.OK

    def _readwrite(self) -> bytes:
        self.stale = False
        return resp.OK

    def _position(self) -> bytes:
        return integer(self.position)

    def _info(self, section: bytes = b"replication") -> bytes:
        lines = [f"{name}:{value}" for name, value in self.node.info().items()]
        return bulk("\r\n".join(["# Replication", *lines, ""]).encode())

    def _wait(self, replicas: bytes, within_ms: bytes) -> Reply:
        number, ms = (whole(word.decode("latin-1")) for word in (replicas, within_ms))
        if number is None or ms is None or number < 0 or not 0 <= ms <= LONGEST_WAIT_MS:
            return resp.error(f"ERR WAIT replicas ms: need 0 or more and 0 to {LONGEST_WAIT_MS}")
        return self.node.wait(self.position, number, (ms or LONGEST_WAIT_MS) / 1000)  # 0 means for ever, as in Redis

    def _after(self, position: bytes, command: bytes, key: bytes) -> Reply:
        place = whole(position.decode("latin-1"))
        if place is None or command.upper() != b"GET":
            return resp.error("ERR AFTER position GET key: the position is what POSITION said")
        return self._null(self.node.after(place, key))

    def _client(self, word: bytes, *words: bytes) -> bytes:
        match word.upper():
            case b"ID":
                return integer(self.connection.number)
            case b"GETNAME":
                return bulk(self.client_name) if self.client_name else self.wire.null
            case b"SETNAME" if len(words) == 1:
                self.client_name = words[0]
                return resp.OK
            case b"SETINFO":
                return resp.OK
        return resp.error("ERR known are CLIENT ID, GETNAME, SETNAME and SETINFO")

    def _hello(self, version: bytes = b"2", *words: bytes) -> bytes:
        if version not in (b"2", b"3"):
            return resp.error("NOPROTO unsupported protocol version")
        if b"AUTH" in (word.upper() for word in words):
            return resp.error("ERR AUTH is not supported: there are no users and no passwords here")
        self.wire = Resp3 if version == b"3" else Resp2
        about = {
            b"server": bulk(b"redis"), b"version": bulk(b"7.2.4"), b"proto": integer(self.wire.version),
            b"id": integer(self.connection.number), b"mode": bulk(b"standalone"),
            b"role": bulk(self.node.info()["role"].encode()), b"modules": array([]),
        }  # fmt: skip
        return self.wire.mapping((bulk(key), value) for key, value in about.items())


TALK = {
    b"PING", b"ECHO", b"SELECT", b"QUIT", b"DBSIZE", b"ROLE", b"READONLY", b"READWRITE", b"POSITION", b"INFO", b"WAIT",
    b"AFTER", b"CLIENT", b"HELLO",
}  # fmt: skip
