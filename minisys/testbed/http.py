"""The HTTP pieces that live nodes share: start a server on loopback, say where, stop it gently.

Every node does the same at its start and end: bind 127.0.0.1 on a port that is free, print it, and on SIGTERM finish
what is in hand before it goes. HTTP itself is aiohttp's.

Promised: loopback only; a client that does not finish its request header in time is cut off (aiohttp would wait for
ever); headers above 16 kB get 431. Not done here: what to answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict

from minisys.testbed.signals import until_told_to_stop as until_told_to_stop

HEADER_TIMEOUT_S = 5.0
MAX_HEADER_BYTES = 16_384
HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade")
)  # fmt: skip
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _PatientHandler(RequestHandler):
    """aiohttp's connection, plus a deadline for the header of each request (against slowloris)."""

    __slots__ = ("_header_timeout_s", "_deadline")

    def __init__(self, *args: Any, header_timeout_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timeout_s = header_timeout_s
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._expect_header()

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and not self._messages and self._current_request is None:
            self._expect_header()  # the first bytes of the next request on a kept-alive connection
        super().data_received(data)
        if self._messages or self._current_request is not None or self._payload_parser is not None:
            self._cancel_deadline()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._cancel_deadline()
        super().connection_lost(exc)

    def _expect_header(self) -> None:
        self._deadline = self._loop.call_later(self._header_timeout_s, self._too_slow)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport is not None and self._current_request is None and not self._messages:
            text = b"the request header did not arrive in time\n"
            head = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(text)
            self.transport.write(head + text)
            self.transport.close()


class Server(web.Server):
    """aiohttp's low-level server with a header deadline and size limits."""

    def __init__(self, handler: Handler, *, header_timeout_s: float = HEADER_TIMEOUT_S, **limits: Any) -> None:
        limits = {"max_line_size": MAX_HEADER_BYTES, "max_field_size": MAX_HEADER_BYTES, "access_log": None} | limits
        super().__init__(handler, **limits)
        self._header_timeout_s = header_timeout_s
        self.open: dict[RequestHandler, asyncio.Transport] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """A connection is there."""
        super().connection_made(handler, transport)
        self.open[handler] = transport

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """A connection is gone."""
        super().connection_lost(handler, exc)
        self.open.pop(handler, None)

    def __call__(self) -> RequestHandler:
        return _PatientHandler(self, loop=self._loop, header_timeout_s=self._header_timeout_s, **self._kwargs)


class Listening:
    """A server that accepts connections on 127.0.0.1; `listen()` makes it."""

    def __init__(self, server: Server, sockets: asyncio.Server) -> None:
        self.server, self.sockets = server, sockets
        self.port = int(sockets.sockets[0].getsockname()[1])

    def abort(self) -> None:
        """Gone at once, as if killed: nobody listens, every connection breaks."""
        self.sockets.close()
        for connection in list(self.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def close(self, patience_s: float = 5.0) -> None:
        """Accept nobody new, finish what is in hand within *patience_s* seconds, then cut what is left."""
        self.sockets.close()
        for _ in range(3):  # turns of the loop: who was accepted a moment ago is known to the server then
            await asyncio.sleep(0)
        self.server.pre_shutdown()
        await self.server.shutdown(patience_s)
        for transport in list(self.server.open.values()):  # whoever came while it shut down
            transport.abort()
        await asyncio.sleep(0)  # in the next turn a closed connection lets go of its socket


async def listen(handler: Handler, port: int = 0, **limits: Any) -> Listening:
    """Serve *handler* on 127.0.0.1:*port* (0: any free one). Raises OSError if the port is taken."""
    server = Server(handler, **limits)
    loop = asyncio.get_running_loop()
    return Listening(server, await loop.create_server(server, "127.0.0.1", port, backlog=1024))


def end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers that may travel on: all but the hop-by-hop ones and those that Connection names (RFC 9110, 7.6.1)."""
    given: CIMultiDict[str] = CIMultiDict(headers)
    named = {name.strip().lower() for value in given.getall("Connection", []) for name in value.split(",")}
    for name in HOP_BY_HOP | named:
        given.popall(name, None)
    return given


async def body_of(
    request: web.BaseRequest, limit_bytes: int, too_large: Callable[[str], Exception], whole_bytes: int = -1
) -> bytes | AsyncIterator[bytes]:
    """The user's body: whole if it says that it has at most *whole_bytes* (it can be sent twice), else in pieces.

    limit_bytes: the most that is taken; *too_large* makes, from one sentence, the exception that is raised beyond it:
    here if the user says so beforehand, else when the piece that is too much comes.
    """
    if not request.can_read_body:
        return b""
    if (request.content_length or 0) > limit_bytes:
        raise too_large(f"the body has {request.content_length} bytes, the limit is {limit_bytes}")
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if request.content_length is not None and request.content_length <= whole_bytes:
        return await request.content.read(-1)
    return _pieces(request, limit_bytes, too_large)


async def _pieces(
    request: web.BaseRequest, limit_bytes: int, too_large: Callable[[str], Exception]
) -> AsyncIterator[bytes]:
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > limit_bytes:
            raise too_large(f"the body has more than {limit_bytes} bytes")
        yield piece
