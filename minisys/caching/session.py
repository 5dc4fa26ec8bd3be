"""One client's conversation with the cache: carry out, or queue until EXEC, or say why not.

Two shops sell the last ticket: both read 1, both write 0. WATCH, then MULTI … EXEC is Redis's answer: the transaction
is dropped if anybody changed what was watched. Promised: between two commands of a transaction nobody comes in; a
command that is wrong before EXEC drops it whole, one that fails inside it does not undo the others (Redis's rule: there
is no rollback). Not here: the protocol's bytes (testbed/resp.py), the commands on keys.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from minisys.caching import admin, keys, strings  # noqa: F401 (they fill the table)
from minisys.caching.commands import COMMANDS, Command, Refused, command, find, unknown, wrong_number
from minisys.caching.keyspace import Keyspace, OutOfMemory
from minisys.testbed import resp
from minisys.testbed.resp import OK, Request
from minisys.testbed.resp_server import Hangup, Patience

if TYPE_CHECKING:
    from minisys.caching.service import Service
    from minisys.testbed.resp_server import Connection

QUEUED = b"+QUEUED\r\n"
AT_ONCE = {"multi", "exec", "discard", "watch", "quit"}  # not queued between MULTI and EXEC
WATCHED_KEYS = 10_000
NOT_STORED = resp.error("ERR this answer is left out: the transaction's answers would be too large")


class ClientSession:
    """What the server knows of one client. wire: Resp2 or Resp3; queue: of MULTI, None outside."""

    now = staticmethod(time.time)

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.connection.server.port

    def __init__(self, service: Service, connection: Connection) -> None:
        self.service, self.connection = service, connection
        self.keys: Keyspace = service.keys
        self.limits: resp.Limits = service.limits
        self.patience: Patience = service.patience
        self.wire: type[resp.Resp2] = resp.Resp2
        self.name = self.library = self.library_version = b""
        self.queue: list[tuple[Command, Request]] | None = None
        self.queued_bytes = 0
        self.broken = self.dirty = False
        self.watched: set[bytes] = set()

    def execute(self, request: Request) -> bytes:
        """The answer to *request*, encoded."""
        self.service.commands += 1
        found = COMMANDS.get(request[0]) or find(request[0])
        if found is None or not found.takes(len(request)):
            self.broken = True
            return resp.error(unknown(request) if found is None else wrong_number(found.name))
        try:
            if self.queue is not None and found.name not in AT_ONCE:
                return self._enqueue(found, request)
            return found.run(self, request)
        except Refused as problem:
            return resp.error(str(problem))
        except OutOfMemory as problem:
            return resp.error(f"OOM {problem}")

    def close(self) -> None:
        """The client is gone; nobody is told of changes any more."""
        self.unwatch()
        self.queue = None

    def unwatch(self) -> None:
        """Forget what was watched."""
        for key in self.watched:
            those = self.keys.watchers.get(key)
            if those is not None:
                those.discard(self._changed)
                if not those:
                    del self.keys.watchers[key]
        self.watched, self.dirty = set(), False

    def _enqueue(self, found: Command, request: Request) -> bytes:
        assert self.queue is not None
        self.queued_bytes += sum(map(len, request)) + 64 * len(request)
        if self.queued_bytes > self.limits.request_bytes:
            self.broken, self.queue = True, []
            raise Refused("ERR the transaction is too large, it is dropped")
        self.queue.append((found, request))
        return QUEUED

    def _changed(self) -> None:
        self.dirty = True


def _end(session: ClientSession) -> list[tuple[Command, Request]]:
    """Leave MULTI; what was queued."""
    queue, session.queue, session.broken, session.queued_bytes = session.queue or [], None, False, 0
    session.unwatch()
    return queue


@command("multi", 1, "noscript fast", keys=(0, 0, 0))
def multi(session: ClientSession, request: Request) -> bytes:
    if session.queue is not None:
        raise Refused("ERR MULTI calls can not be nested")
    session.queue, session.broken = [], False
    return OK


@command("discard", 1, "noscript fast", keys=(0, 0, 0))
def discard(session: ClientSession, request: Request) -> bytes:
    if session.queue is None:
        raise Refused("ERR DISCARD without MULTI")
    _end(session)
    return OK


@command("exec", 1, "noscript", keys=(0, 0, 0))
def exec_(session: ClientSession, request: Request) -> bytes:
    if session.queue is None:
        raise Refused("ERR EXEC without MULTI")
    now = session.now()
    for key in session.watched:
        session.keys.expire_if_due(key, now)  # going out of date is a change, too
    broken, dirty = session.broken, session.dirty
    queue = _end(session)
    if broken:
        raise Refused("EXECABORT Transaction discarded because of previous errors.")
    if dirty:
        return session.wire.null_array
    replies, size = [], 0
    for _, each in queue:
        reply = session.execute(each)
        size += len(reply)
        replies.append(reply if size <= strings.REPLY_BYTES else NOT_STORED)
    return resp.array(replies)


@command("watch", -2, "noscript fast", keys=(1, -1, 1))
def watch(session: ClientSession, request: Request) -> bytes:
    if session.queue is not None:
        raise Refused("ERR WATCH inside MULTI is not allowed")
    if len(session.watched) + len(request) > WATCHED_KEYS:
        raise Refused(f"ERR a client may watch {WATCHED_KEYS} keys at most")
    now = session.now()
    for key in request[1:]:
        session.keys.expire_if_due(key, now)
        session.watched.add(key)
        session.keys.watchers.setdefault(key, set()).add(session._changed)
    return OK


@command("unwatch", 1, "noscript fast", keys=(0, 0, 0))
def unwatch(session: ClientSession, request: Request) -> bytes:
    session.unwatch()
    return OK


@command("quit", -1, "noscript fast", keys=(0, 0, 0))
def quit_(session: ClientSession, request: Request) -> bytes:
    raise Hangup(OK)
