"""Customers who order at a steady rate through a name, and keep the receipt of every order that was confirmed.

A region that lost your order does not know it. You do, if you kept the receipt. So both numbers of a disaster are
counted here, from outside: the *recovery point* is how much of what was confirmed is gone, the *recovery time* is how
long nobody was served. A status page, or the database's own log, would know neither.

Promised: an open load, orders go out whether or not others were answered; each is sent once and has its own number;
whoever asks keeps the name's old address for TTL_S seconds, as a resolver does. Not promised: retries, think time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass

import aiohttp

CUSTOMERS, TTL_S, PATIENCE_S = 10, 0.2, 2.0


class Name:
    """The shop's name in the DNS: *ports* are the addresses it has now. Whoever has asked keeps them for a while."""

    def __init__(self, *ports: int) -> None:
        self.ports = ports

    def point(self, *ports: int) -> None:
        """The name has these addresses from now on."""
        self.ports = ports


@dataclass(frozen=True)
class Order:
    """One order: when it was *sent_s* and its sender *told_s*, on the monotonic clock; *ok*: it was confirmed."""

    number: int
    sent_s: float
    told_s: float
    ok: bool


class Customers:
    """CUSTOMERS customers who send *rate_per_s* orders a second to *name*, for the time of a ``with`` block.

    receipts: all orders that were answered or given up so far. Raises ValueError unless rate_per_s > 0.
    """

    def __init__(self, name: Name, rate_per_s: float = 100.0) -> None:
        if not rate_per_s > 0:
            raise ValueError(f"rate_per_s must be > 0, got {rate_per_s}")
        self.name, self.rate_per_s = name, rate_per_s
        self.receipts: list[Order] = []
        self._over = threading.Event()
        self._known: dict[int, tuple[float, tuple[int, ...]]] = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._order()), name="customers", daemon=True)

    def __enter__(self) -> Customers:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for the answers that are still due."""
        self._over.set()
        self._thread.join()

    def served_since(self, moment_s: float) -> bool:
        """Whether an order that was sent after *moment_s* has been confirmed."""
        return any(one.ok and one.sent_s >= moment_s for one in self.receipts[-200:])

    async def _order(self) -> None:
        began, number = time.monotonic(), 0
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE_S)) as session,
            asyncio.TaskGroup() as orders,
        ):
            while not self._over.is_set():
                number += 1
                orders.create_task(self._send(session, number))
                await asyncio.sleep(max(0.0, began + number / self.rate_per_s - time.monotonic()))

    async def _send(self, session: aiohttp.ClientSession, number: int) -> None:
        sent_s = time.monotonic()
        try:
            async with session.post(f"http://127.0.0.1:{self._address(number)}/orders/{number}") as answer:
                ok = answer.status == 201
        except (aiohttp.ClientError, TimeoutError, OSError):
            ok = False
        self.receipts.append(Order(number, sent_s, time.monotonic(), ok))

    def _address(self, number: int) -> int:
        """Where customer number % CUSTOMERS believes the shop to be: half of them prefer the second address."""
        customer, now = number % CUSTOMERS, time.monotonic()
        asked_s, ports = self._known.get(customer, (-TTL_S, ()))
        if now >= asked_s + TTL_S or not ports:
            ports = self.name.ports
            self._known[customer] = now, ports
        return ports[customer % len(ports)]
