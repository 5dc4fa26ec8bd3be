"""A link to a server that says everything back: what the tests of the bad network talk through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from minisys.testbed.clock import run_virtual
from minisys.testbed.fault_proxy import FaultProxy, Link

Talk = Callable[[Link, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


def through(talk: Talk, seed: int = 0) -> None:
    """Run *talk* on the virtual clock over a link to a server that says everything back; then count the bytes."""

    async def main() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        proxy = FaultProxy(seed)
        link = await proxy.add("a-b", server.sockets[0].getsockname()[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        try:
            await talk(link, reader, writer)
        finally:
            writer.close()
            await proxy.close()
            server.close()
            await asyncio.sleep(1)
        for count in link.counts.values():
            assert count.read == count.passed + count.lost

    run_virtual(main())
