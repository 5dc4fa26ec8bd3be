"""A worker of the live shop: takes orders from the broker, has them charged, writes the receipt, and only then deletes.

    python -m minisys.design.shop_worker --name worker-1 --broker 9324 --bank 8005 --shard 7001,7002,7003

It may die between any two of these steps. The broker then gives the message to another worker after the visibility
timeout, and everything is done again: the bank sees the same idempotency key and charges nothing, the receipt is
written over with itself. At least once, made exactly once by names (chapter 09).

It also looks through the book for orders that were written but whose message never reached the broker, because the app
died in between and the user did not come back: it sends that message itself. So the book is the outbox.

Promised: no message is deleted before the bank and the store have it. Not done: parcels.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from typing import Any

import aiohttp
from aiohttp import web

from minisys.design import shop_ledger as ledger
from minisys.design.shop_broker import BROKEN, Broker
from minisys.design.shop_store import Shards, Silent
from minisys.testbed import backend

BANK_S, SWEEP_S, OLD_S, GONE_S = 1.0, 1.0, 4.0, 30.0


class Worker(backend.Backend):
    """The worker; it works from its first look at the queue until it is told to stop. *options*: see commands()."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options.name, options.workers, options.queue, options.speed)
        self.items, self.stock, self.hands = options.items, options.stock, options.hands
        self.store = Shards([list(map(int, text.split(","))) for text in options.shard], options.name)
        self.takes_s = options.takes
        self.bank, self.broker = f"http://127.0.0.1:{options.bank}/charges", Broker(options.broker)
        self.session: aiohttp.ClientSession | None = None
        self.done = self.sent_again = 0
        self.low = [1] * self.items  # units below are paid: the sweep begins here
        self.unpaid_s: dict[tuple[int, int], float] = {}  # since when we know of a unit without a receipt
        self.sent_s: dict[tuple[int, int], float] = {}  # when we sent it again
        self.tasks = [asyncio.ensure_future(self.work()) for _ in range(self.hands)]
        self.tasks.append(asyncio.ensure_future(self.sweep()))

    async def work(self) -> None:
        """Take messages and do them, for ever."""
        while True:
            try:
                for message in await self.broker.receive(ledger.QUEUE):
                    await self.do(message)
            except (*BROKEN, Silent):  # the message, if there was one, comes back
                await asyncio.sleep(0.1)

    async def do(self, message: dict[str, Any]) -> None:
        """One order. Raises what broke; then nothing is deleted."""
        job = json.loads(message["Body"])
        await asyncio.sleep(self.takes_s / self.speed * self.factor)
        number = await self.charge(job)
        shard = ledger.shard_of(job["item"], len(self.store.ports))
        await self.store.ask(shard, "SET", ledger.paid(job["item"], job["unit"]), str(number))
        await self.broker.delete(ledger.QUEUE, message)
        self.done += 1

    async def charge(self, job: dict[str, Any]) -> int:
        """The bank's receipt. Raises one of BROKEN if there is none; then it may have been charged or not."""
        if self.session is None:
            self.session = aiohttp.ClientSession()
        body, head = {"order": job["order"], "cents": job["cents"]}, {"Idempotency-Key": job["order"]}
        async with asyncio.timeout(BANK_S), self.session.post(self.bank, json=body, headers=head) as answer:
            if answer.status != 201:
                raise ConnectionError(f"the bank says {answer.status}")
            return int((await answer.json())["number"])

    async def sweep(self) -> None:
        """Look for orders that nobody was told about, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            for item in range(self.items):
                with contextlib.suppress(Silent, *BROKEN):
                    await self.look_through(item)

    async def look_through(self, item: int) -> None:
        """Send again what is in the book for OLD_S seconds and has no receipt. Raises Silent."""
        shard, now_s = ledger.shard_of(item, len(self.store.ports)), asyncio.get_running_loop().time()
        drawn = min(self.stock, int(await self.store.ask(shard, "GET", ledger.sold(item)) or 0))
        for number in range(self.low[item], drawn + 1):
            over = await self.store.ask(shard, "GET", ledger.paid(item, number)) is not None
            since_s = now_s - self.unpaid_s.setdefault((item, number), now_s)
            if not over and since_s > OLD_S:
                over = not await self.again(shard, item, number, now_s) and since_s > GONE_S
            if over and number == self.low[item]:
                self.low[item] += 1
                self.unpaid_s.pop((item, number))

    async def again(self, shard: int, item: int, number: int, now_s: float) -> bool:
        """Send the message of an order again; whether there is such an order: a number may be drawn and never used."""
        name = await self.store.ask(shard, "GET", ledger.unit(item, number))
        if name is not None and now_s - self.sent_s.get((item, number), 0.0) > OLD_S:
            self.sent_s[item, number] = now_s
            job = {"order": name.decode(), "item": item, "unit": number, "cents": ledger.cents(item)}
            self.sent_again += await self.broker.send(ledger.QUEUE, json.dumps(job))
        return name is not None

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: GET /counts."""
        if request.path == "/counts":
            return web.json_response({"done": self.done, "sent_again": self.sent_again})
        return await super().control(request)

    async def close(self) -> None:
        """Let go; what is in hand comes back to somebody else."""
        for task in self.tasks:
            task.cancel()
        self.store.close()
        await self.broker.close()
        if self.session is not None:
            await self.session.close()


def commands() -> argparse.ArgumentParser:
    """The command line."""
    made = backend.parser("minisys.design.shop_worker", __doc__)
    made.add_argument("--broker", type=int, required=True, help="port of the broker")
    made.add_argument("--bank", type=int, required=True, help="port of the bank")
    made.add_argument("--shard", action="append", required=True, help="ports of a shard's replicas; repeat it")
    made.add_argument("--hands", type=int, default=4, help="orders it works on at a time (default: 4)")
    made.add_argument("--items", type=int, default=ledger.ITEMS, help=f"things on sale (default: {ledger.ITEMS})")
    made.add_argument("--stock", type=int, default=ledger.STOCK, help=f"units of each (default: {ledger.STOCK})")
    made.add_argument("--takes", type=float, default=0.0, help="seconds of work an order is (default: 0)")
    return made


if __name__ == "__main__":
    backend.main(commands(), Worker)
