"""What one request says to the cache and to the database, in virtual time: the verbs that the patterns are made of.

A reader and a writer of the same key are 0.4 ms apart, and the order in which their four messages arrive decides what
everybody sees for the next hour. So every verb here takes time: the way there, the work, the way back.

Promised: each message is noted with its start, end and result. Simplified: the way takes the same time always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from minisys.caching.patterns import Steps
from minisys.testbed.simulation import Request

if TYPE_CHECKING:
    from minisys.caching.model import Shop


class Step(NamedTuple):
    """One message there and back: seconds, the number of the request, "cache" or "database", and what it said."""

    start_s: float
    end_s: float
    request: int
    place: str
    said: str


class CacheMessages:
    """The cache as one request sees it: each call is a message there and back, hop_s seconds each way."""

    def __init__(self, shop: Shop, request: Request) -> None:
        self.shop, self.request = shop, request

    def get(self, key: int) -> Steps:
        yield from self._go()
        waiting = self.shop.waiting.get(key)
        value = waiting[0] if waiting else self.shop.store.get(key, now=self.shop.env.now)
        yield from self._come_back(f"get: {'nothing' if value is None else value}")
        return value

    def lease(self, key: int) -> Steps:
        """get(), and a ticket with which a fetched value may be put."""
        yield from self._go()
        value, ticket = self.shop.store.get(key, now=self.shop.env.now), self.shop.tickets.setdefault(key, 0)
        yield from self._come_back(f"get: {'nothing' if value is None else value}")
        return value, ticket

    def put(self, key: int, value: int, *, ticket: int | None = None) -> Steps:
        yield from self._go()
        valid = ticket is None or ticket == self.shop.tickets.get(key)
        if valid:
            self.shop.store.put(key, value, now=self.shop.env.now, ttl_s=self.shop.ttl_s)
        yield from self._come_back(f"put {value}" if valid else f"put {value}: refused")

    def delete(self, key: int) -> Steps:
        yield from self._go()
        self.shop.store.delete(key)
        if key in self.shop.tickets:
            self.shop.tickets[key] += 1
        yield from self._come_back("delete")

    def keep(self, key: int, value: int) -> Steps:
        """Hold *value* until a flush has brought it to the database; apart from the limited room."""
        yield from self._go()
        self.shop.waiting[key] = max((value, self.request.work_s), self.shop.waiting.get(key, (0, 0.0)))
        yield from self._come_back(f"keep {value}")

    def _go(self) -> Steps:
        self.sent_s = self.shop.env.now
        yield self.shop.env.timeout(self.shop.hop_s)

    def _come_back(self, what: str) -> Steps:
        yield self.shop.env.timeout(self.shop.hop_s)
        self.shop.steps.append(Step(self.sent_s, self.shop.env.now, self.request.index, "cache", what))


class DatabaseMessages:
    """The database as one request sees it: some serve at once, the others wait in line; the later write wins."""

    def __init__(self, shop: Shop, request: Request) -> None:
        self.shop, self.request = shop, request

    def read(self, key: int) -> Steps:
        self.shop.counts.database_reads += 1
        self.request.server = "database"
        sent_s = yield from self._work()
        value = self.shop.rows.get(key, 0)
        yield from self._come_back(sent_s, f"read: {value}")
        return value

    def write(self, key: int, value: int) -> Steps:
        self.shop.counts.database_writes += 1
        self.request.server = "database"
        sent_s = yield from self._work()
        self.shop.rows[key] = max(value, self.shop.rows.get(key, 0))
        yield from self._come_back(sent_s, f"write {value}")

    def _work(self) -> Steps:
        sent_s = self.shop.env.now
        yield self.shop.env.timeout(self.shop.hop_s)
        with self.shop.workers.request() as turn:
            yield turn
            yield self.shop.env.timeout(self.request.work_s)
        return sent_s

    def _come_back(self, sent_s: float, what: str) -> Steps:
        yield self.shop.env.timeout(self.shop.hop_s)
        self.shop.steps.append(Step(sent_s, self.shop.env.now, self.request.index, "database", what))
