"""The application of one region: POST /orders/17 writes order 17 into whichever of its databases takes writes.

Replicating the data is half of a standby region. The other half is this process: it must run, find the database that
is the primary *now*, and say no until there is one. It finds it as libpq does it, with a list of addresses and
target_session_attrs=read-write: a standby refuses, so the next one is tried.

    python -m minisys.regions.shop PORT [PORT ...]       prints READY and its own port

Promised: 201 only after COMMIT was answered; an order sent twice is stored once (its number is the key); 503 for
everything else, which may mean "done, but nobody knows". Not here: prices, customers' accounts, a queue.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import psycopg
from aiohttp import web

from minisys.testbed import http

PATIENCE_S = 1.0
TABLE = """create table orders (number bigint primary key, cents bigint not null,
 at timestamptz not null default clock_timestamp())"""
TAKE = "insert into orders (number, cents) values (%s, %s) on conflict (number) do nothing"


class Shop:
    """Takes orders with the databases on *ports*, in this order of preference; connections are kept and used again."""

    def __init__(self, ports: Sequence[int]) -> None:
        hosts = ",".join("127.0.0.1" for _ in ports)
        where = f"host={hosts} port={','.join(map(str, ports))} user=postgres"
        self._conninfo = f"{where} target_session_attrs=read-write connect_timeout=2"
        self._idle: list[psycopg.AsyncConnection] = []

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request: an order, or somebody who wants to know whether this process is there."""
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["health"]:
                return web.Response(text="here\n")
            case "POST", ["orders", number] if number.isdecimal():
                return await self._order(int(number))
        return web.Response(status=404, text="known: POST /orders/NUMBER, GET /health\n")

    async def _order(self, number: int) -> web.Response:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._take(number)
        except (psycopg.Error, TimeoutError, OSError) as problem:
            return web.Response(status=503, text=f"{type(problem).__name__}: {problem}\n")
        return web.Response(status=201)

    async def _take(self, number: int) -> None:
        connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        try:
            await connection.execute(TAKE, (number, 100 + number % 900))
        except BaseException:  # after a time-out, too, it is in the middle of something
            await connection.close()
            raise
        self._idle.append(connection)

    async def close(self) -> None:
        """Hang up."""
        for connection in self._idle:
            await connection.close()


async def serve(ports: Sequence[int]) -> None:
    """Take orders until this process is told to stop."""
    shop = Shop(ports)
    listening = await http.listen(shop.answer)
    print(f"READY {listening.port}", flush=True)
    await http.until_told_to_stop()
    await listening.close()
    await shop.close()


if __name__ == "__main__":
    asyncio.run(serve([int(word) for word in sys.argv[1:]]))
