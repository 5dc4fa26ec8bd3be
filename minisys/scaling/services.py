"""The payment service and the notification service of a bank: both in one process, or each in processes of its own.

A payment ends with a message to the customer. In one program that is a function call. In two services it is a request
over the network to somebody who may be slow, or dead, and then: is the payment made or not? Here is one server that can
be the whole (the monolith) or either part, and the ways in which a payment may get its message out.

    python -m minisys.scaling.services                                                       the monolith
    python -m minisys.scaling.services --serves notification
    python -m minisys.scaling.services --serves payment --notify http://127.0.0.1:4001 --how call

``/item/17``: even numbers are payments, odd ones notifications. Ways: *call* waits for the other service and fails with
it; *fallback* waits a moment, then makes the payment without the message (``X-Remark: not notified``); *queue* keeps
the message in this process, makes the payment, and sends it when it can. Without --notify the message is a function
call that takes --notify-work seconds. Other options and the admin port are those of testbed.backend; in addition
``GET /control/notified`` counts messages told, waiting and given up. Not done: a queue that outlives its process
(chapter 08).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from contextlib import suppress

import aiohttp
from aiohttp import web

from minisys.testbed import backend
from minisys.testbed.backend import Backend

PAYMENT, NOTIFICATION = KINDS = ("payment", "notification")
ITEM = re.compile(r"/item/(\d{1,18})")
NOT_NOTIFIED = "not notified"
PATIENCE_S = {"call": 10.0, "fallback": 0.1, "queue": 0.5}  # how long one attempt to tell may take
AGAIN_S, ROOM = 0.05, 1_000  # the queue: seconds until the next attempt, messages it holds at the most


def kind_of(path: str) -> str | None:
    """The kind of the request for *path*: a payment if its number is even, a notification if odd, None if neither."""
    item = ITEM.fullmatch(path)
    return None if item is None else KINDS[int(item[1]) % 2]


class NotTold(Exception):
    """The notification service did not take the message; the text says why."""


class InProcess:
    """A function call: the message takes *work_s* seconds of this worker, and nothing can come in between."""

    def __init__(self, work_s: float) -> None:
        self.work_s, self.told, self.waiting, self.given_up = work_s, 0, 0, 0

    async def tell(self, path: str) -> str:
        """Get the message for *path* out; returns a remark for the user, or "". May raise NotTold."""
        if self.work_s:
            await asyncio.sleep(self.work_s)
        self.told += 1
        return ""

    async def close(self) -> None:
        """Let go of connections."""


class Call(InProcess):
    """A request to the notification service at *url*, for at most *patience_s* seconds; who calls fails with it."""

    def __init__(self, work_s: float, url: str, patience_s: float) -> None:
        super().__init__(work_s)
        self.url, self.patience_s = url.rstrip("/"), patience_s
        timeout = aiohttp.ClientTimeout(patience_s)
        self.session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))

    async def tell(self, path: str) -> str:
        number = int(path.rsplit("/", 1)[1]) + 1  # the message of payment 16 is notification 17: sent twice, it is one
        headers = {"X-Work-S": repr(self.work_s)}
        try:
            async with self.session.put(f"{self.url}/item/{number}", headers=headers) as answer:
                said = await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            why = str(problem) or f"no answer within {self.patience_s:g} s"
            raise NotTold(f"the notification service at {self.url} is not there: {why}") from None
        if answer.status != 200:
            raise NotTold(f"the notification service at {self.url} said {answer.status}: {said.strip()[:200]}")
        self.told += 1
        return ""

    async def close(self) -> None:
        await self.session.close()


class Fallback(Call):
    """The same request with little patience; without an answer the payment is made, and nobody is told."""

    async def tell(self, path: str) -> str:
        try:
            return await super().tell(path)
        except NotTold:
            self.given_up += 1
            return NOT_NOTIFIED


class Queue(Call):
    """The message is kept here and sent by somebody else, again and again until it is taken: nobody waits for it."""

    def __init__(self, work_s: float, url: str, patience_s: float) -> None:
        super().__init__(work_s, url, patience_s)
        self.messages: asyncio.Queue[str] = asyncio.Queue(ROOM)
        self.senders = [asyncio.create_task(self._send()) for _ in range(4)]

    async def tell(self, path: str) -> str:
        try:
            self.messages.put_nowait(path)
        except asyncio.QueueFull:
            self.given_up += 1
            return NOT_NOTIFIED
        self.waiting += 1
        return ""

    async def _send(self) -> None:
        while True:
            path = await self.messages.get()
            while True:
                try:
                    await super().tell(path)
                    break
                except NotTold:
                    await asyncio.sleep(AGAIN_S)
            self.waiting -= 1

    async def close(self) -> None:
        for sender in self.senders:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender
        await super().close()


def notifier(how: str, url: str | None, work_s: float = 0.0) -> InProcess:
    """The way *how* ("call", "fallback" or "queue") to tell the service at *url*; without one, a function call.

    *work_s*: seconds of work that a message is. Call it in a running loop. Raises ValueError for anything else.
    """
    if not 0 <= work_s < 3600:
        raise ValueError(f"a message takes 0 to 3600 seconds of work, got {work_s}")
    if url is None:
        return InProcess(work_s)
    if how not in PATIENCE_S or not re.fullmatch(r"http://[^/:]+:\d+/?", url):
        raise ValueError(f"tell a service at http://host:port by {', '.join(PATIENCE_S)}, got {url!r} and {how!r}")
    ways: dict[str, type[Call]] = {"call": Call, "fallback": Fallback, "queue": Queue}
    return ways[how](work_s, url, PATIENCE_S[how])


def parts(text: str) -> tuple[str, ...]:
    """ "payment,notification" as a tuple. Raises ValueError for a word that is neither."""
    names = tuple(text.split(","))
    if not names or not set(names) <= set(KINDS):
        raise ValueError(f"a server serves {' or '.join(KINDS)}, or both with a comma between, got {text!r}")
    return names


class Service(Backend):
    """The test bench's work server that serves the kinds *serves* only, and tells customers of payments."""

    def __init__(
        self, name: str, workers: int, queue: int | None, speed: float, serves: tuple[str, ...], customers: InProcess
    ) -> None:
        super().__init__(name, workers, queue, speed)
        self.serves, self.customers = serves, customers

    async def reply(self, request: web.BaseRequest) -> web.Response:
        """The answer to a request whose own work is done; a payment's message is part of it."""
        kind = kind_of(request.path)
        if kind not in self.serves:
            return self.say(404, f"{self.name} serves {' and '.join(self.serves)}, not {request.path}\n")
        try:
            remark = await self.customers.tell(request.path) if kind == PAYMENT else ""
        except NotTold as problem:
            return self.say(502, f"the payment was not made: {problem}\n")
        return self.say(200, f"{kind} {request.path} from {self.name}\n", {"X-Remark": remark} if remark else {})

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """The admin port: GET /control/notified; the rest as the test bench's."""
        if (request.method, request.path) != ("GET", "/control/notified"):
            return await super().control(request)
        counts = {name: getattr(self.customers, name) for name in ("told", "waiting", "given_up")}
        return self.say(200, json.dumps(counts))

    async def close(self) -> None:
        """What is in a queue is lost with the process."""
        await self.customers.close()


def made(options: argparse.Namespace) -> Service:
    """The server that the command line asks for."""
    serves, customers = parts(options.serves), notifier(options.how, options.notify, options.notify_work)
    return Service(options.name, options.workers, options.queue, options.speed, serves, customers)


def commands() -> argparse.ArgumentParser:
    """The command line."""
    parser = backend.parser("minisys.scaling.services", __doc__)
    parser.add_argument("--serves", default=",".join(KINDS), help="payment, notification, or both (default)")
    parser.add_argument("--notify", help="the notification service's http://host:port (default: none, a function call)")
    parser.add_argument("--how", default="call", help="call, fallback or queue (default: call)")
    parser.add_argument("--notify-work", type=float, default=0.0, help="seconds of work of a payment's message")
    return parser


if __name__ == "__main__":
    backend.main(commands(), made)
