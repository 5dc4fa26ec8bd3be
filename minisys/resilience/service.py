"""One service of a chain as a process: workers, a waiting line, a protection, and perhaps a next service to call.

A shop's page needs orders, and orders needs payments. Each is a process with a few workers; a worker that calls the
next service is busy until the answer is there, as a thread would be. So one slow service can stop them all.

    python -m minisys.resilience.service --name payments --workers 4

Answers ``GET /item/17`` when its own work is done and the next service has answered; ``/health`` at once. Headers:
x-deadline-s (how long the caller will wait), X-Priority (0 matters most; else the item's number), X-Work-S (seconds of
work, where no table of draws was given). Admin: ``POST /control/slow?factor=10``, ``POST /control/fail?share=0.5``,
``GET /counts``. Promised: the model's service on a socket; every request is counted once. Not done: work on the
processor; stopping what nobody waits for any more (few real services can).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from typing import Any

from aiohttp import web

from minisys.resilience import job
from minisys.resilience.calling import LOCAL, OK, REJECTED, TIMEOUT, Caller
from minisys.resilience.job import Job, Table, numbers
from minisys.resilience.order import Order
from minisys.testbed import backend
from minisys.testbed.backend import Backend

STATUS = {OK: 200, REJECTED: 503, LOCAL: 503}  # how a call of the next service ended; anything else is 502
KINDS = ("arrived", "served", "refused", "late", "failed", "wasted")


class Service(Backend):
    """A service of the chain: *workers* who serve in order of arrival.

    told: policies and random numbers (Job); without a table of work, X-Work-S counts. next_url: of the service that it
    calls (None: it is the last). fails: share of requests that fail after their work. own_keys: items below this number
    need no next service. patience_s: the deadline of requests that bring none. edge: users call it, and hear of a
    timeout (504); other services only hear that a call failed (502). Raises ValueError for a bad number.
    """

    def __init__(
        self,
        name: str,
        workers: int = 4,
        *,
        told: Job | None = None,
        next_url: str | None = None,
        fails: float = 0.0,
        own_keys: int = 0,
        patience_s: float | None = None,
        edge: bool = False,
    ) -> None:
        super().__init__(name, workers)
        if patience_s is not None and not patience_s > 0:
            raise ValueError(f"service {name!r}: patience_s must be above 0 seconds or None, got {patience_s}")
        self.told = told = told or Job()
        self.workers, self.protection = workers, told.protection.start()
        self.caller: Caller | None = None
        self.work, self.luck = Table(told.work) if told.work else None, numbers(told.luck, f"luck {name}")
        self.call(next_url)
        self.own_keys, self.patience_s, self.edge = own_keys, patience_s, edge
        self.counts, self.arrivals = dict.fromkeys(KINDS, 0), list[float]()
        self.fail(fails)

    def call(self, url: str | None) -> None:
        """From now on the next service is at *url*, http://host:port. Raises ValueError for anything else."""
        if url is None:
            return
        if not re.fullmatch(r"http://[^/:]+:\d+/?", url):
            raise ValueError(f"the next service is at http://host:port, got {url!r}")
        self.caller = Caller(url, self.told.defences, numbers(self.told.jitter, f"jitter {self.name}"))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request from the door to its answer."""
        if request.path == "/health":
            return web.Response(text="ok\n")
        loop = asyncio.get_running_loop()
        now, guard = loop.time(), self.protection.concurrency
        try:
            order = Order(request, now, self.patience_s)
        except ValueError as problem:
            return self.say(400, f"{problem}\n")
        luck = self.luck.random()
        if self.work is not None:
            order.work_s = self.work.random()
        self.counts["arrived"] += 1
        self.arrivals.append(now)
        if not self.admits(order, now):
            return self.refuse("all busy, and enough wait; try again later\n")
        self.inside += 1
        answer: web.Response | None = None
        try:
            answer = await self.in_turn(order, luck)
        finally:
            self.inside -= 1
            if guard is not None:
                guard.leave(loop.time() - now, answer is not None and answer.status == 200)
        if request.transport is None or request.transport.is_closing():
            self.counts["wasted"] += 1  # nobody is there to read it
        return answer

    @property
    def queued(self) -> int:
        """How many wait for a worker."""
        return max(0, self.inside - self.workers)

    def admits(self, order: Order, now: float) -> bool:
        """Whether a request may join the line; if so, a place is taken where there is a limit of places."""
        guard = self.protection.concurrency
        return self.protection.comes(self.queued, order.priority, now) and (guard is None or guard.enter())

    async def in_turn(self, order: Order, luck: float) -> web.Response:
        """Wait for a worker; then work, unless that is not worth it any more."""
        loop, waits = asyncio.get_running_loop(), self.worker.locked()
        async with self.worker:
            now = loop.time()
            if waits and order.deadline.passed(now):
                self.counts["late"] += 1
                return self.say(504, "its deadline passed while it waited\n")
            if waits and not self.protection.turn(self.queued, now - order.arrived_s, order.priority, now):
                return self.refuse("requests wait too long here; try again later\n")
            answer = await self.serve(order, luck)
        answer.headers["X-Started-S"] = repr(now)
        return answer

    async def serve(self, order: Order, luck: float) -> web.Response:
        """The work, then the next service's part if there is one; its failure is ours."""
        broken = luck < self.share
        await asyncio.sleep(order.work_s * self.factor)
        if broken:
            self.counts["failed"] += 1
            return self.say(500, "this service is broken at the moment\n")
        if self.caller is None or order.key < self.own_keys:
            self.counts["served"] += 1
            return self.say(200, f"/item/{order.key} from {self.name}\n")
        return await self.ask_next(self.caller, order)

    async def ask_next(self, caller: Caller, order: Order) -> web.Response:
        """The next service's answer, or what its caller has instead."""
        path, fallback = f"/item/{order.key}", caller.defences.fallback
        reply = await caller.call(path, order.headers(), order.deadline)
        now, told = asyncio.get_running_loop().time(), {"X-Attempts": str(max(1, reply.attempts))}
        status = 504 if self.edge and reply.how == TIMEOUT else STATUS.get(reply.how, 502)
        if fallback is not None and status == 200:
            fallback.keep(path, reply.how, now)
        elif fallback is not None:
            status, told["X-Remark"] = 200, fallback.instead(path, now).quality
        if status == 503:
            told["Retry-After"] = "1"
        self.counts["served" if status == 200 else "failed"] += 1
        return self.say(status, f"{path} from {self.name}: {reply.how}\n", told)

    def refuse(self, text: str) -> web.Response:
        """No, in time for the caller to do something else."""
        self.counts["refused"] += 1
        return self.say(503, text, {"Retry-After": "1"})

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: GET /counts, POST /control/fail?share=S, /control/next?url=U; else as the test bench's."""
        what, query = f"{request.method} {request.path}", request.query
        if what == "GET /counts":
            return self.say(200, json.dumps(self.counted()))
        try:
            if what == "POST /control/fail":
                self.fail(float(query["share"]))
            elif what == "POST /control/next":
                self.call(query["url"])
            else:
                return await super().control(request)
        except (KeyError, ValueError) as problem:
            return self.say(400, f"not understood: {problem}\n")
        return self.say(200, f"{self.name}: done\n")

    def counted(self) -> dict[str, Any]:
        """What became of requests, how calls of the next service ended, and when requests came (seconds)."""
        calls = {} if self.caller is None else dict(self.caller.counts)
        return {"requests": self.counts, "calls": calls, "arrivals": self.arrivals}

    def fail(self, share: float) -> None:
        """From now on a *share* (0 to 1) of what it begins fails. Raises ValueError for any other number."""
        if not 0 <= share <= 1:
            raise ValueError(f"the share must lie between 0 and 1, got {share}")
        self.share = share

    async def close(self) -> None:
        """Let go of the connections to the next service."""
        if self.caller is not None:
            await self.caller.close()


def made(options: argparse.Namespace) -> Service:
    """The service that the command line asks for."""
    told = job.read(options.job)
    return Service(
        options.name, options.workers, told=told, next_url=options.next, fails=options.fails,
        own_keys=options.own_keys, patience_s=options.patience, edge=options.edge,
    )  # fmt: skip


def commands() -> argparse.ArgumentParser:
    """The command line."""
    parser = backend.parser("minisys.resilience.service", __doc__)
    parser.add_argument("--next", help="http://host:port of the service it calls (default: none)")
    parser.add_argument("--job", help="a file with policies and random numbers, as live.py writes it (default: none)")
    parser.add_argument("--fails", type=float, default=0.0, help="share of requests that fail (default: 0)")
    parser.add_argument("--own-keys", type=int, default=0, help="items below this need no next service (default: 0)")
    parser.add_argument("--patience", type=float, help="deadline in seconds of requests that bring none")
    parser.add_argument("--edge", action="store_true", help="say to the caller why a call failed, not only that it did")
    return parser


if __name__ == "__main__":
    backend.main(commands(), made)
