"""An application server between its users, a cache and a database; what it does when a page is not there is a rule.

500 readers want the page that has just expired. The server asks the cache, the cache has an old copy or none, and then
stampede.py decides for each of them: serve, compute, wait, or serve and compute aside.

    python -m minisys.caching.front --cache 127.0.0.1:6380 --database http://127.0.0.1:4001 --protect "single flight"

The cache is any server that speaks the Redis protocol; a copy carries its own time of expiry, since some rules serve
it afterwards. Promised: within this process single flight is exact. Between several such processes it is one
computation each; for one in all it takes a lock in the cache.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import deque
from random import Random
from typing import Any, Protocol

import aiohttp
import hiredis
from aiohttp import web

from minisys.caching.stampede import COMPUTE, REFRESH, RULES, SERVE, Copy, Rule, rule
from minisys.testbed import entry, http


class Shared(Protocol):
    """The cache as the front needs it."""

    async def get(self, key: str) -> bytes | None:
        """The value of *key*, or None."""

    async def set(self, key: str, value: bytes) -> None:
        """Keep *value* under *key*."""


class Pages(Protocol):
    """The database as the front needs it."""

    async def make(self, key: str, work_s: float) -> str:
        """The page, which takes *work_s* seconds to make."""


class Front:
    """Answers reads from *cache*, or from *database* by *protection*; a page is fresh for *ttl_s* seconds.

    *luck*: where the one random number of a read comes from if the user sends none.
    """

    def __init__(self, cache: Shared, database: Pages, protection: Rule, ttl_s: float, luck: Random) -> None:
        self.cache, self.database, self.rule, self.ttl_s, self.luck = cache, database, protection, ttl_s, luck
        self.flights: dict[str, list[asyncio.Future[str]]] = {}  # key: computations under way

    async def read(self, key: str, work_s: float, luck: float) -> tuple[str, str]:
        """The page *key*, and who had it: "cache" or "database"."""
        kept = await self.cache.get(key)
        took_s, expires_s, page = json.loads(kept) if kept else (0.0, 0.0, "")
        copy = Copy(took_s, expires_s) if kept else None
        flights = self.flights.get(key, [])
        action = self.rule(copy, asyncio.get_running_loop().time(), bool(flights), luck)
        if action == SERVE:
            return page, "cache"
        if action in (COMPUTE, REFRESH):
            flight = asyncio.ensure_future(self._compute(key, work_s))
            self.flights.setdefault(key, []).append(flight)
            flight.add_done_callback(lambda done: self._landed(key, done))
            if action == REFRESH:
                return page, "cache"
            return await asyncio.shield(flight), "database"
        return await asyncio.shield(flights[0]), "database"  # wait for the first who computes

    async def _compute(self, key: str, work_s: float) -> str:
        loop = asyncio.get_running_loop()
        began = loop.time()
        page = await self.database.make(key, work_s)
        now = loop.time()
        await self.cache.set(key, json.dumps([now - began, now + self.ttl_s, page]).encode())
        return page

    def _landed(self, key: str, flight: asyncio.Future[str]) -> None:
        self.flights[key].remove(flight)
        if not self.flights[key]:
            del self.flights[key]
        if not flight.cancelled():
            flight.exception()  # whoever waits sees it; a refresh aside has nobody

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One user: GET /item/KEY with X-Work-S (what making the page takes) and X-Luck."""
        if request.path == "/health":
            return web.Response(text="ok\n")
        try:
            work_s = float(request.headers.get("X-Work-S", "0.05"))
            luck = float(request.headers.get("X-Luck") or self.luck.random())
        except ValueError as problem:
            return web.Response(status=400, text=f"X-Work-S and X-Luck must be numbers: {problem}\n")
        try:
            page, place = await self.read(request.path.rsplit("/", 1)[-1], work_s, luck)
        except (aiohttp.ClientError, ConnectionError) as problem:
            return web.Response(status=502, text=f"no page: {problem}\n", headers={"X-Served-By": "front"})
        return web.Response(text=page, headers={"X-Served-By": place})


class RespCache:
    """One connection to a Redis-protocol server, shared by all who ask: requests go out as they come (pipelining)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.parser = reader, writer, hiredis.Reader()
        self.asked: deque[asyncio.Future[Any]] = deque()
        self.listening = asyncio.ensure_future(self._listen())

    async def get(self, key: str) -> bytes | None:
        return await self.ask("GET", key)

    async def set(self, key: str, value: bytes) -> None:
        await self.ask("SET", key, value)

    async def ask(self, *words: str | bytes) -> Any:
        """The answer to one command. Raises ConnectionError if the server is gone or says no."""
        if self.listening.done():
            raise ConnectionError("the cache is gone")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        self.writer.write(hiredis.pack_command(words))  # type: ignore[arg-type]  # its types know no unions
        reply = await answer
        if isinstance(reply, hiredis.ReplyError):
            raise ConnectionError(f"the cache says {reply}")
        return reply

    async def _listen(self) -> None:
        try:
            while data := await self.reader.read(65_536):
                self.parser.feed(data)
                while (reply := self.parser.gets()) is not False:
                    self._settle(reply)
        except OSError:
            pass
        while self.asked:
            self._settle(hiredis.ReplyError("nothing any more: it is gone"))

    def _settle(self, reply: Any) -> None:
        answer = self.asked.popleft()
        if not answer.done():
            answer.set_result(reply)


class HttpDatabase:
    """The database over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url

    async def make(self, key: str, work_s: float) -> str:
        async with self.session.get(f"{self.url}/item/{key}", headers={"X-Work-S": repr(work_s)}) as answer:
            answer.raise_for_status()
            return await answer.text()


async def run(options: argparse.Namespace) -> None:
    """Run a front until it is told to stop."""
    protection = rule(options.protect)
    host, port = options.cache.rsplit(":", 1)
    cache = RespCache(*await asyncio.open_connection(host, int(port)))
    connector = aiohttp.TCPConnector(limit=0)  # the database's queue shall be at the database
    async with aiohttp.ClientSession(connector=connector) as session:
        database = HttpDatabase(session, options.database)
        front = Front(cache, database, protection, options.ttl, Random(1))
        listening = await http.listen(front.answer, options.port)
        print(f"READY {listening.port}", flush=True)
        await http.until_told_to_stop()
        await listening.close()
    cache.listening.cancel()
    cache.writer.close()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m minisys.caching.front", description=(__doc__ or "").split("\n")[0])
    made.add_argument("--cache", required=True, help="host:port of a server that speaks the Redis protocol")
    made.add_argument("--database", required=True, help="http://host:port of minisys.caching.database")
    made.add_argument("--protect", default="none", help=f"one of: {', '.join(RULES)} (default: none)")
    made.add_argument("--ttl", type=float, default=2.0, help="seconds for which a page is fresh (default: 2)")
    made.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    return made


if __name__ == "__main__":
    entry.main(parser(), run)
