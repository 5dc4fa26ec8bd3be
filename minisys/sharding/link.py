"""A connection to a server of the Redis protocol, from inside another one's event loop.

Servers of a cluster ask one another: a shard its replica, a node the coordinator, the router everybody. They must not
stand still meanwhile. So questions go out as they come and each has a future for its answer, in order.

Promised: when the connection ends, every question without an answer fails with ConnectionError. Not here: connecting
again, or knowing whether an unanswered command was carried out (nobody can).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import hiredis


def pack(words: Sequence[bytes | str | int]) -> bytes:
    """A command as it goes over the wire."""
    packed: bytes = hiredis.pack_command(tuple(words))  # type: ignore[arg-type]  # its stub knows one-word commands only
    return packed


class Link(asyncio.Protocol):
    """One connection; `open_link` makes it. An error reply is an answer: the future gives a hiredis.ReplyError."""

    def __init__(self) -> None:
        self.reader = hiredis.Reader()
        self.asked: deque[asyncio.Future[Any]] = deque()
        self.transport: Any = None
        self.lost = False

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more (uvloop raises if one tries, asyncio says nothing)."""
        return self.lost or self.transport is None or self.transport.is_closing()

    def ask(self, *words: bytes | str | int) -> asyncio.Future[Any]:
        """Send a command; the future of its answer."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.closed:
            future.set_exception(ConnectionError("the connection is closed"))
        else:
            self.asked.append(future)
            self.transport.write(pack(words))
        return future

    def ask_all(self, commands: Sequence[Sequence[bytes | str | int]]) -> list[asyncio.Future[Any]]:
        """Send *commands* in one go, so that nobody comes in between; the futures of their answers."""
        futures = [asyncio.get_running_loop().create_future() for _ in commands]
        if self.closed:
            for future in futures:
                future.set_exception(ConnectionError("the connection is closed"))
        else:
            self.asked.extend(futures)
            self.transport.write(b"".join(pack(each) for each in commands))
        return futures

    def close(self) -> None:
        """Let go at once."""
        self.lost = True
        if self.transport is not None:
            self.transport.abort()

    def answered(self, reply: Any) -> None:
        """The next answer has come."""
        if self.asked and not (future := self.asked.popleft()).done():
            future.set_result(reply)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self.reader.feed(data)
            while (reply := self.reader.gets()) is not False:
                self.answered(reply)
        except hiredis.ProtocolError:
            self.close()  # whoever this is, it does not speak our language

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        while self.asked:
            if not (future := self.asked.popleft()).done():
                future.set_exception(ConnectionError("the connection was closed before the answer came"))
                future.exception()  # whoever asked may have gone


async def open_link(port: int, within_s: float = 1.0, link: Link | None = None) -> Link:
    """A connection to 127.0.0.1:*port*. Raises OSError (TimeoutError is one) if nobody accepts *within_s* seconds."""
    made = link or Link()
    async with asyncio.timeout(within_s):
        await asyncio.get_running_loop().create_connection(lambda: made, "127.0.0.1", port)
    return made
