"""The pieces of the model: calls under way, visits at copies, the copies, and the world they are in.

An *ask* is one arrow taken once by one caller, with all its attempts. A *visit* is one attempt as the callee sees it:
it arrives, waits, is worked on, calls others, ends. Users are visits of their own part.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from heapq import heappush
from typing import Any

import simpy
from simpy.events import NORMAL, URGENT, Event

from minisys.design.flat import Flat
from minisys.design.requests import Requests, shard_tables
from minisys.design.tally import Tally
from minisys.design.timeline import Timeline
from minisys.load_balancing.policies import NAMES, Policy, Pool, new_pool, policy
from minisys.resilience.retries import RatioBudget

WAITING, WORKING, CALLING, ENDED, MESSAGE = range(5)
_NOTHING: list[Any] = []  # never changed: what is added makes a new list


class Visit:
    """One attempt at one copy. place: a zone, or a region's users; ask: what it answers (None: users, messages).

    ticket, lacks: of a cache with keys, see model_caches; note: what became of a message, see model_messages.
    """

    __slots__ = (
        "request", "part", "copy", "place", "path", "ask", "serial", "phase", "reached", "began", "next", "pending",
        "missed", "outcome", "server", "started", "attempts", "span", "tries", "ticket", "lacks", "note",
    )  # fmt: skip

    def __init__(self, request: int, part: int, copy: int, place: int, path: int, ask: Ask | None) -> None:
        self.request, self.part, self.copy, self.place, self.path, self.ask = request, part, copy, place, path, ask
        self.serial, self.phase, self.reached, self.began = 0, WAITING, math.nan, math.nan
        self.next, self.pending, self.missed, self.outcome, self.span, self.tries = 0, 0, False, 0, -1, 1
        self.server, self.started, self.attempts = -1, math.nan, 1
        self.ticket, self.lacks = -1, _NOTHING
        self.note: Any = None


class Ask:
    """One arrow taken by *caller*; *serial* is that of the attempt it waits for, -1 while it waits for none."""

    __slots__ = ("arrow", "caller", "path", "tries", "serial", "last", "began", "copy", "sent", "span")

    def __init__(self, arrow: int, caller: Visit, path: int, now: float) -> None:
        self.arrow, self.caller, self.path, self.began = arrow, caller, path, now
        self.tries, self.serial, self.last, self.copy, self.sent, self.span = 0, -1, -1, -1, now, -1


class Site:
    """One copy: its workers, its waiting line, and everybody who is inside; *lives*: how often it has died."""

    def __init__(self, copy: int) -> None:
        self.copy, self.busy, self.since, self.changed, self.lives = copy, 0, 0.0, 0.0, 0
        self.waiting: deque[Visit] = deque()
        self.inside: dict[Visit, None] = {}


class World:
    """Everything a run reads and changes. *ready*, *leaves*: seconds from and until which a copy takes requests."""

    def __init__(self, flat: Flat, line: Timeline, requests: Requests, tally: Tally) -> None:
        self.env = simpy.Environment()
        self.flat, self.line, self.tally = flat, line, tally
        self.parts: list[Any] = list(flat.design.parts)
        self.has_keys = [getattr(part, "capacity", None) is not None for part in self.parts]
        self.part = {name: column.tolist() for name, column in flat.parts.items()}
        self.arrow = {name: column.tolist() for name, column in flat.arrows.items()}
        self.broken = {name: table.tolist() for name, table in line.columns.items()}
        self.primary, self.healthy, self.start_s = line.primary.tolist(), line.healthy.tolist(), line.start_s.tolist()
        self.request = {name: column.tolist() for name, column in vars(requests).items()}
        self.shard = shard_tables(flat, requests).tolist()
        self.half, self.part_of = flat.half_s.tolist(), flat.part_of.tolist()
        self.zone_of, self.region_of = flat.zone_of.tolist(), flat.region_of.tolist()
        self.place_region = [flat.regions.index(flat.design.region_of(zone)) for zone in flat.zones]
        self.place_region += range(len(flat.regions))
        self.sites = [Site(copy) for copy in range(len(flat.copies))]
        self.ready, self.leaves = [0.0] * len(self.sites), [math.inf] * len(self.sites)
        self.policies: list[Policy] = [policy(NAMES[code]) for code in self.arrow["policy"]]
        self.pools: list[Pool] = [self._pool(arrow) for arrow in range(len(self.policies))]
        self.budgets = [RatioBudget(ratio) if ratio >= 0 else None for ratio in self.arrow["budget"]]
        self.known: dict[tuple[int, int, int], tuple[float, list[int]]] = {}
        self.messages: dict[int, deque[Visit]] = {part: deque() for part in range(len(flat.names))}
        self.lined = [0.0] * len(flat.names)  # until when a queue's length is added up
        self.tokens = [[max(1.0, rate), 0.0] for rate in self.part["rate"]]  # of an external's limit; when counted
        self.shelves: dict[tuple[int, int], Any] = {}  # of caches with keys, by copy and place: see model_caches
        self.epoch, self.serial, self.coming = 0, 0, 0
        self.reach: Callable[..., None]
        self.finish: Callable[..., None]
        self.begin: Callable[..., None]
        self.release: Callable[..., None]

    def _pool(self, arrow: int) -> Pool:
        rows = self.flat.copies_of(self.arrow["to"][arrow])
        return new_pool([self.flat.copies[row] for row in rows], None, self.policies[arrow])

    def ticket(self) -> int:
        """A number nobody else has."""
        self.serial += 1
        return self.serial

    def later(self, time_s: float, ring: Callable, *given: object, first: bool = False) -> None:
        """Call ring(world, *given) at *time_s* seconds; *first*: before everything else of that moment."""
        if time_s < math.inf:
            event = Event(self.env)
            event._ok, event._value = True, None
            event.callbacks = [lambda _: ring(self, *given)]
            heappush(self.env._queue, (time_s, URGENT if first else NORMAL, next(self.env._eid), event))

    def begin_span(self, visit: Visit, origin: int = -1) -> None:
        """Keep when *visit* was sent, if its request is one of those looked at closely; *origin*: a message's queue."""
        tally, one = self.tally, visit.ask
        if visit.request % tally.every or tally.used >= len(tally.spans):
            return
        visit.span, tally.used = tally.used, tally.used + 1
        if one:
            one.span = visit.span
        parent, arrow, origin = (one.caller.span, one.arrow, one.caller.copy) if one else (-1, -1, origin)
        attempt = one.tries if one else visit.tries
        tally.spans[visit.span] = visit.request, parent, arrow, origin, visit.copy, attempt, 4
        tally.spans_s[visit.span, 0] = self.env._now

    def mark_span(self, visit: Visit) -> None:
        """Note when it was there, was begun, and is done."""
        if visit.span >= 0:
            self.tally.spans_s[visit.span, 1:4] = visit.reached, visit.began, self.env._now

    def end_span(self, span: int, outcome: int) -> None:
        """Note how it ended, and when its caller knew, or gave it up."""
        if span >= 0 and math.isnan(self.tally.spans_s[span, 4]):
            self.tally.spans[span, 6] = outcome
            self.tally.spans_s[span, 4] = self.env._now

    def now_broken(self, name: str, copy: int) -> float:
        """What the plan does to *copy* now."""
        return self.broken[name][self.epoch][copy]

    def cut(self, one: int, other: int) -> bool:
        """Whether a partition lies between two copies."""
        sides = self.broken["side"][self.epoch]
        return sides[one] * sides[other] == 2
