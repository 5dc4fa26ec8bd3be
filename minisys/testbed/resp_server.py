"""A server for the Redis protocol on loopback: connections, back-pressure, and clients that mean no good.

One client asks for a million values and never reads the first. The answers have to wait somewhere; if that is our
memory, one client ends the server for all. So a connection whose answers pile up is not read from any more: its next
requests wait in its own kernel, then in its own process. If it still reads nothing it is closed.

Promised: per client at most the limits plus one chunk in and one answer out, in all at most held_bytes of unfinished
requests; one chunk of one client is served at a time, so every command is done whole. Not here: what a command means
(a Session knows), TLS, anything but 127.0.0.1.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import hiredis

from minisys.testbed import resp
from minisys.testbed.resp import Request, Requests

HIGH_WATER_BYTES = 2**20  # answers that wait for a client before we stop reading from it
FLUSH_BYTES = 2**16
SWEEP_S = 0.25


@dataclass
class Patience:
    """What all clients together may cost; the server looks at it each time, so it may be changed while it runs.

    clients: how many at once; idle_s: silence after which one is closed, 0 never; stuck_s: how long one may leave its
    answers unread; held_bytes: unfinished requests of all clients.
    """

    clients: int = 10_000
    idle_s: float = 0.0
    stuck_s: float = 10.0
    held_bytes: int = 256 * 2**20


class Hangup(Exception):
    """Raised by a Session: send this *reply* as the last one, then close."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply


class Session(Protocol):
    """One client's conversation."""

    def execute(self, request: Request) -> bytes | asyncio.Future[bytes]:
        """The encoded answer, or a future of it; the client's next requests wait for that. May raise Hangup."""

    def close(self) -> None:
        """The client is gone."""


class Connection(asyncio.Protocol):
    """One client of *server*. number: counts from 1; heard_s: when it last sent something (the loop's clock)."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.requests = Requests(server.limits)
        self.waiting: deque[Request] = deque()  # parsed, but its answers would pile up
        self.held = self.number = 0
        self.heard_s = self.since_s = server.now()
        self.stuck_s: float | None = None
        self.stuck_bytes = 0
        self.pending: asyncio.Future[bytes] | None = None  # the answer that all further requests wait for
        self.transport: Any = None
        self.session: Session | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        if len(self.server.connections) >= self.server.patience.clients:
            self.server.turned_away += 1
            self._last_words(resp.error("ERR max number of clients reached"))
            return
        self.server.accepted += 1
        self.number = self.server.accepted
        self.server.connections[self.number] = self
        self.session = self.server.open(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.held_bytes -= self.held
        self.waiting.clear()
        self.pending = None
        self.server.connections.pop(self.number, None)
        if self.session is not None:
            self.session.close()
            self.session = None

    def data_received(self, data: bytes) -> None:
        if self.session is None or self.transport.is_closing():
            return
        server = self.server
        self.heard_s = server.now()
        requests = self.requests.feed(data, server.reader)
        if self.held or self.requests.size:
            server.held_bytes += self.requests.size - self.held
            self.held = self.requests.size
            if server.held_bytes > server.patience.held_bytes:
                self._last_words(resp.error("ERR too many unfinished requests at the server, closed the last one"))
                return
        if self.waiting or self.stuck_s is not None or self.pending is not None:
            self.waiting.extend(requests)
        else:
            self._serve(requests)
        self._end_if_broken()

    def resume_writing(self) -> None:
        if self.stuck_s is None or self.transport.is_closing():
            return
        self.stuck_s = None
        self._go_on()

    def eof_received(self) -> bool:
        return False  # close, after what is still to be written

    def close(self) -> None:
        """Close, after what is still to be written."""
        self.transport.close()

    def check(self, now: float) -> None:
        """Close if it was silent or stuck for too long."""
        patience = self.server.patience
        if self.stuck_s is not None:
            left = self.transport.get_write_buffer_size()
            if left < self.stuck_bytes:  # it reads, if slowly
                self.stuck_bytes, self.stuck_s = left, now
            elif now - self.stuck_s > patience.stuck_s:
                self.transport.abort()
        elif patience.idle_s and self.pending is None and now - self.heard_s > patience.idle_s:
            self.close()

    def _serve(self, requests: list[Request]) -> None:
        """Answer *requests* in order; what is left when the answers pile up waits."""
        assert self.session is not None
        execute, replies, size = self.session.execute, [], 0
        try:
            for done, request in enumerate(requests, 1):
                reply = execute(request)
                if not isinstance(reply, bytes):
                    self._await(reply, requests[done:])
                    break
                replies.append(reply)
                size += len(reply)
                if size > FLUSH_BYTES:
                    self.transport.write(b"".join(replies))
                    replies, size = [], 0
                    if self.transport.get_write_buffer_size() > HIGH_WATER_BYTES:
                        self._wait(requests[done:])
                        return
        except Hangup as last:
            self._last_words(b"".join(replies) + last.reply)
            return
        if replies:
            self.transport.write(b"".join(replies))

    def _go_on(self) -> None:
        """Answer what has waited, and read on if nothing keeps us."""
        requests = list(self.waiting)
        self.waiting.clear()
        self._serve(requests)
        if self.stuck_s is None and self.pending is None:
            self.transport.resume_reading()
        self._end_if_broken()

    def _await(self, reply: asyncio.Future[bytes], requests: list[Request]) -> None:
        """The answer comes later; until then *requests* wait, and we do not read on."""
        self.waiting.extend(requests)
        self.pending = reply
        self.transport.pause_reading()
        reply.add_done_callback(self._answer)

    def _answer(self, reply: asyncio.Future[bytes]) -> None:
        if self.pending is not reply or reply.cancelled() or self.transport.is_closing():  # the client has gone
            return
        self.pending = None
        if (bug := reply.exception()) is not None:
            self.transport.abort()
            raise bug
        self.transport.write(reply.result())
        if self.transport.get_write_buffer_size() > HIGH_WATER_BYTES:
            self._wait([])
        else:
            self._go_on()

    def _wait(self, requests: list[Request]) -> None:
        self.waiting.extend(requests)
        self.stuck_s, self.stuck_bytes = self.server.now(), self.transport.get_write_buffer_size()
        self.transport.pause_reading()

    def _end_if_broken(self) -> None:
        problem = self.requests.error
        if problem is not None and not self.waiting and self.pending is None:
            self._last_words(resp.error(f"ERR {problem}"))

    def _last_words(self, reply: bytes) -> None:
        self.waiting.clear()
        if not self.transport.is_closing():
            self.transport.write(reply)
            self.transport.close()


class Server:
    """Clients on 127.0.0.1; *open* makes a Session for each. Start it with `listen`."""

    def __init__(self, open: Callable[[Connection], Session], limits: resp.Limits, patience: Patience) -> None:
        self.open, self.limits, self.patience = open, limits, patience
        self.reader = hiredis.Reader()
        self.connections: dict[int, Connection] = {}
        self.accepted = self.turned_away = self.held_bytes = self.port = 0
        self.now = asyncio.get_running_loop().time
        self._tasks: list[asyncio.Task] = []

    async def listen(self, port: int = 0) -> None:
        """Accept clients on *port* (0: any free one). Raises OSError if it is taken."""
        loop = asyncio.get_running_loop()
        self._sockets = await loop.create_server(lambda: Connection(self), "127.0.0.1", port, backlog=1024)
        self.port = int(self._sockets.sockets[0].getsockname()[1])
        self._tasks.append(loop.create_task(self._sweep()))

    async def close(self) -> None:
        """Accept nobody new, and let go of everybody."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sockets.close()
        for connection in list(self.connections.values()):
            connection.close()
        await asyncio.sleep(0)
        for connection in list(self.connections.values()):
            connection.transport.abort()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for connection in list(self.connections.values()):
                connection.check(self.now())
