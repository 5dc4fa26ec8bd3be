"""The processes of the shop: an application, the price service, the order book and its standby.

    python -m minisys.chaos.shop_nodes app --cache 6380 --prices 8001 --orders 8002 --standby 8003
    python -m minisys.chaos.shop_nodes prices
    python -m minisys.chaos.shop_nodes orders --file orders.db --standby 8003
    python -m minisys.chaos.shop_nodes orders --file standby.db --read-only

Orders are rows of an SQLite file, written before they are confirmed (synchronous=NORMAL: they outlive SIGKILL, but not
a power cut, which a chapter cannot cause). Each takes --weakness, repeated. Control port: GET /counts, and POST
/control/fault?errors=1&slower_s=0.2.

Promised: an application takes its steps from shop.take_order; a confirmed order is in a file. Not done: prices that
mean something; a standby that gives its rows back to the book.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sqlite3
from contextlib import closing
from typing import Any

import aiohttp
import hiredis
from aiohttp import web

from minisys.chaos import shop
from minisys.testbed.backend import Backend, main, parser

BROKEN = (aiohttp.ClientError, OSError, TimeoutError, hiredis.HiredisError)


class Node(Backend):
    """A backend that can be told to fail: *errors* is the share of requests answered 503, *slower_s* a delay."""

    def __init__(self, name: str, workers: int = 64, speed: float = 1.0, queue: int | None = None) -> None:
        super().__init__(name, workers, queue, speed)
        self.errors = self.slower_s = 0.0
        self.rng = random.Random(name)

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """What the node does, unless it is to fail."""
        await asyncio.sleep(self.slower_s)
        if self.failing():
            return self.say(503, "told to fail\n")
        try:
            return await self.work(request)
        except shop.Unavailable as problem:
            return self.say(503, f"{problem}\n")

    def failing(self) -> bool:
        """Whether this request is one of those that fail."""
        return self.errors > 0 and self.rng.random() < self.errors

    async def work(self, request: web.BaseRequest) -> web.Response:
        """The node's own work."""
        raise NotImplementedError

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The control port."""
        if request.path == "/counts":
            return web.json_response(self.counts())
        if request.path != "/control/fault":
            return await super().control(request)
        self.errors, self.slower_s = (float(request.query.get(name, "0")) for name in ("errors", "slower_s"))
        return self.say(200, "so be it\n")

    def counts(self) -> dict[str, Any]:
        """What monitoring may know."""
        return {}


class Prices(Node):
    """The price service."""

    async def work(self, request: web.BaseRequest) -> web.Response:
        """Every item costs something."""
        await asyncio.sleep(shop.PRICE_S)
        return self.say(200, "9.95\n")


class Book(Node):
    """The order book in an SQLite *file*, copied to a *standby* port if there is one; *read_only*: it takes none."""

    def __init__(self, name: str, file: str, standby: int | None, read_only: bool) -> None:
        super().__init__(name)
        self.read_only, self.standby = read_only, standby
        self.file = sqlite3.connect(file, isolation_level=None)
        self.file.execute("PRAGMA journal_mode=WAL")
        self.file.execute("PRAGMA synchronous=NORMAL")
        self.file.execute("CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY) WITHOUT ROWID")
        self.session: aiohttp.ClientSession | None = None

    async def work(self, request: web.BaseRequest) -> web.Response:
        """Write one order down: PUT /order/17, or /copy/17 from the book; twice is once."""
        kind, _, number = request.path.strip("/").partition("/")
        if self.read_only and kind == "order":
            raise shop.Unavailable(f"{self.name} is read-only")
        self.file.execute("INSERT OR IGNORE INTO orders VALUES (?)", (int(number),))
        if self.standby is not None:
            await self.copy(number)
        return self.say(200, "written\n")

    async def copy(self, number: str) -> None:
        """Copy an order to the standby; without it, the book goes on alone."""
        self.session = self.session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=shop.COPY_TIMEOUT_S))
        try:
            async with self.session.put(f"http://127.0.0.1:{self.standby}/copy/{number}"):
                pass
        except BROKEN:
            pass

    def counts(self) -> dict[str, Any]:
        """Every order in the book."""
        return {"rows": [row[0] for row in self.file.execute("SELECT number FROM orders")]}

    async def close(self) -> None:
        """Let go of the file."""
        self.file.close()
        if self.session is not None:
            await self.session.close()


class App(Node):
    """An application of the shop: takes orders, PUT /item/17. *ports*: of "cache", "prices", "orders", "standby"."""

    def __init__(self, options: argparse.Namespace, built: shop.Design) -> None:
        super().__init__(options.name, options.workers, options.speed, options.queue)
        self.built, self.home = built, shop.Home()
        self.ports = {name: getattr(options, name) for name in ("cache", "prices", "orders", "standby")}
        self.session: aiohttp.ClientSession | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """An order; or a health check, which looks at whether it would fail, or does not."""
        if request.path == "/health" and self.built.check_looks and self.failing():
            return self.say(503, "orders fail here\n")
        return await super().answer(request)

    async def work(self, request: web.BaseRequest) -> web.Response:
        """Take one order."""
        number = int(request.path.rpartition("/")[2])
        source = await shop.run_order(shop.take_order(self.built, number, shop.item_of(number), self.home), self.ask)
        return self.say(200, f"order {number} taken, price from {source}\n")

    async def ask(self, call: shop.Call) -> Any:
        """Make one call. Raises Unavailable if it fails or takes too long."""
        try:
            async with asyncio.timeout(call.timeout_s):
                return await (self._ask_cache(call) if call.target == "cache" else self._ask_service(call))
        except BROKEN as problem:
            raise shop.Unavailable(f"{call.target}: {type(problem).__name__} {problem}".rstrip()) from None

    async def _ask_cache(self, call: shop.Call) -> Any:
        words: tuple[Any, ...] = ("GET", call.key)
        if call.what == "set":
            words = ("SET", call.key, "9.95", "PX", round(shop.TTL_S * 1000))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["cache"])
        with closing(writer):
            writer.write(hiredis.pack_command(words))
            replies = hiredis.Reader()
            while (reply := replies.gets()) is False:
                if not (data := await reader.read(65_536)):
                    raise ConnectionError("the cache hung up")
                replies.feed(data)
        return reply

    async def _ask_service(self, call: shop.Call) -> Any:
        if self.session is None:
            limits = aiohttp.TCPConnector(limit=0)
            self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), connector=limits)
        method, path = ("PUT", "order") if call.what == "write" else ("GET", "price")
        async with self.session.request(
            method, f"http://127.0.0.1:{self.ports[call.target]}/{path}/{call.key}"
        ) as answer:
            if answer.status >= 400:
                raise shop.Unavailable(f"{call.target} said {answer.status}: {(await answer.text()).strip()}")
            return await answer.read()

    def counts(self) -> dict[str, Any]:
        """Calls to the price service, and the book in use."""
        return vars(self.home)

    async def close(self) -> None:
        """Hang up."""
        if self.session is not None:
            await self.session.close()


def make(options: argparse.Namespace) -> Backend:
    """The node that the command line asks for. Raises ValueError for an unknown weakness."""
    built = shop.design(options.weakness)
    if options.role == "app":
        return App(options, built)
    if options.role == "prices":
        return Prices(options.name)
    return Book(options.name, options.file, options.standby if built.copies else None, options.read_only)


def commands() -> argparse.ArgumentParser:
    """The command line."""
    made = parser("minisys.chaos.shop_nodes", __doc__)
    made.add_argument("role", choices=("app", "prices", "orders"))
    for name in ("cache", "prices", "orders", "standby"):
        made.add_argument(f"--{name}", type=int, default=None, help=f"the port of {name}")
    made.add_argument("--weakness", action="append", default=[], help="one of shop.WEAKNESSES; repeat it")
    made.add_argument("--file", default=":memory:", help="where the book is (default: in memory)")
    made.add_argument("--read-only", action="store_true", help="a standby that has not been promoted")
    return made


if __name__ == "__main__":
    main(commands(), make)
