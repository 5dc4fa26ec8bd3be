"""A server of the live shop: stateless, so that any of them can take any request, and each can die at any moment.

    python -m minisys.design.shop_app --name app-1 --cache 6380 --broker 9324 --shard 7001,7002,7003

    GET  /item/4                            price and what is left: from the cache, else from the store
    POST /orders  {"item": 4}               with the header Idempotency-Key: 201, or 409 when it is sold out

An order draws its number in the store, is written there, then handed to the broker for the workers to charge, and only
then confirmed. Whoever got no answer asks again with the same key and gets the same unit. The cache is an optional
dependency: 50 ms, and behind a circuit breaker. The store and the broker are not; without them it says 503.

Promised: nothing is confirmed that is not on the disks of a majority. Not done: baskets, users, returns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from aiohttp import web

from minisys.design import shop_ledger as ledger
from minisys.design.shop_broker import Broker
from minisys.design.shop_store import BROKEN, Pipe, Shards, Silent
from minisys.resilience.breaker import Breaker
from minisys.testbed import backend

CACHE_S, TTL_MS = 0.05, 1_000
FRESH = {"Cache-Control": "public, max-age=1"}


class App(backend.Backend):
    """The server. *options*: see commands()."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options.name, options.workers, options.queue, options.speed)
        self.items, self.stock = options.items, options.stock
        self.store = Shards([list(map(int, text.split(","))) for text in options.shard], options.name)
        self.takes_s = options.takes
        self.broker = Broker(options.broker) if options.broker else None
        self.cache = Pipe(options.cache) if options.cache else None
        self.breaker = Breaker(failures=3, open_s=0.5)

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """A page or an order."""
        await asyncio.sleep(self.takes_s / self.speed * self.factor)
        try:
            if request.method == "POST" and request.path == "/orders":
                return await self.order(request)
            if request.method == "GET" and (item := self.item_of(request.path)) is not None:
                return await self.page(item)
        except Silent as problem:
            return self.say(503, f"try again: {problem}\n")
        return self.say(404, f"known: GET /item/0 to /item/{self.items - 1}, POST /orders\n")

    def item_of(self, path: str) -> int | None:
        """The item that GET *path* is about, None if there is none."""
        first, _, number = path.strip("/").partition("/")
        known = first == "item" and number.isdecimal() and len(number) < 9
        return int(number) if known and int(number) < self.items else None

    async def page(self, item: int) -> web.Response:
        """What *item* costs and how many are left, at most a second old."""
        text, where = await self.cached("GET", f"page:{item}"), "cache"
        if text is None:
            drawn = int(await self._ask(item, "GET", ledger.sold(item)) or 0)
            page = {"item": item, "cents": ledger.cents(item), "left": max(0, self.stock - drawn)}
            text, where = json.dumps(page).encode(), "store"
            await self.cached("SET", f"page:{item}", text, "PX", str(TTL_MS))
        headers = {"X-Served-By": self.name, "X-From": where, **FRESH}
        return web.Response(body=text, content_type="application/json", headers=headers)

    async def cached(self, *words: str | bytes) -> Any:
        """The cache's answer; None without one, and then it is left alone for a while."""
        now_s = asyncio.get_running_loop().time()
        if self.cache is None or not self.breaker.allow(now_s):
            return None
        answer, well = None, False
        try:
            async with asyncio.timeout(CACHE_S):
                answer, well = await self.cache.ask(*words), True
        except BROKEN:
            pass
        self.breaker.record(well, now_s)
        return answer

    async def order(self, request: web.BaseRequest) -> web.Response:
        """Take one order, or the same one again."""
        key, item = request.headers.get("Idempotency-Key", ""), await self._wanted(request)
        if item is None or not ledger.KEY.fullmatch(key):
            return self.say(400, f'need {{"item": 0 to {self.items - 1}}} and an Idempotency-Key (A-Z a-z 0-9 _ . -)\n')
        name = ledger.order_name(key, item)
        number = int(await self._ask(item, "ONCE", name, "1", "INCR", ledger.sold(item)))
        if number > self.stock:
            return self.say(409, "sold out\n")
        await self._ask(item, "SET", ledger.unit(item, number), name)
        job = {"order": name, "item": item, "unit": number, "cents": ledger.cents(item)}
        if self.broker is not None and not await self.broker.send(ledger.QUEUE, json.dumps(job)):
            return self.say(503, "try again: the broker does not answer\n")
        return web.json_response(job, status=201, headers={"X-Served-By": self.name, "Cache-Control": "no-store"})

    async def _wanted(self, request: web.BaseRequest) -> int | None:
        """The item in the order's body, None if there is none."""
        try:
            given = json.loads(await request.content.read(1_000))
            item = given["item"]
        except (ValueError, KeyError, TypeError):
            return None
        return item if type(item) is int and 0 <= item < self.items else None

    async def _ask(self, item: int, *words: str) -> Any:
        return await self.store.ask(ledger.shard_of(item, len(self.store.ports)), *words)

    async def close(self) -> None:
        """Hang up."""
        self.store.close()
        if self.cache is not None:
            self.cache.close()
        if self.broker is not None:
            await self.broker.close()


def commands() -> argparse.ArgumentParser:
    """The command line."""
    made = backend.parser("minisys.design.shop_app", __doc__)
    made.set_defaults(workers=64)
    made.add_argument("--cache", type=int, default=0, help="port of the cache (default: none)")
    made.add_argument("--broker", type=int, default=0, help="port of the broker (default: none)")
    made.add_argument("--shard", action="append", required=True, help="ports of a shard's replicas; repeat it")
    made.add_argument("--items", type=int, default=ledger.ITEMS, help=f"things on sale (default: {ledger.ITEMS})")
    made.add_argument("--stock", type=int, default=ledger.STOCK, help=f"units of each (default: {ledger.STOCK})")
    made.add_argument("--takes", type=float, default=0.0, help="seconds of work a request is, on a worker (default: 0)")
    return made


if __name__ == "__main__":
    backend.main(commands(), App)
