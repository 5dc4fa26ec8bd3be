"""A layer-4 balancer: chooses a backend for each TCP connection and copies bytes, whatever they mean.

It is fast and speaks every protocol, because it understands none. A client that keeps its connection for an hour keeps
its backend for an hour too: a new backend stays idle until somebody connects, and no request can be retried.

Promised: the same policies as at layer 7, asked once a connection (key: the client's address); both directions are
copied with back-pressure; a backend that refuses is skipped for the next one. Not done: reading what goes by.
"""

from __future__ import annotations

import asyncio
import random

from minisys.load_balancing.balancer import Backend, Balancer
from minisys.sharding.policies import hash64

CHUNK = 65_536


class Splicer:
    """Copies bytes between clients and the backends of *balancer*. *connect_s*: seconds to reach a backend."""

    def __init__(self, balancer: Balancer, connect_s: float = 1.0) -> None:
        self.balancer, self.connect_s = balancer, connect_s
        self.tasks: set[asyncio.Task] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client connection, from its first byte to its last."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        key, tried = hash64(str(writer.get_extra_info("peername")[0])), list[str]()
        while (backend := self.balancer.choose(key, random.random(), now(), tried, len(tried))) is not None:
            tried.append(backend.name)
            begin, connection = now(), await self._connect(backend)
            try:
                if connection is not None:
                    await asyncio.gather(_copy(reader, connection[1], half=True), _copy(connection[0], writer))
                    return
            finally:
                if connection is not None:
                    connection[1].close()
                self.balancer.finished(backend, connection is not None, now() - begin, now())

    async def _connect(self, backend: Backend) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            opening = asyncio.open_connection(backend.host, backend.port, limit=CHUNK)
            return await asyncio.wait_for(opening, self.connect_s)
        except (OSError, TimeoutError):
            return None

    async def close(self, patience_s: float = 5.0) -> None:
        """Let the connections end by themselves for *patience_s* seconds, then cut them."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=patience_s)
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, half: bool = False) -> None:
    """Bytes from *source* to *sink* until one of them ends. *half*: then only say so, an answer may still come."""
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        if half and sink.can_write_eof():
            sink.write_eof()
            return
    except OSError:
        sink.transport.abort()
    sink.close()
