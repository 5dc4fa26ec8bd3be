"""Edges, a shield and an origin in virtual time: who answered, after how long, and what the origin had to do.

Six regions ask for the same page, whose copies end at the same moment. Do six questions reach the origin, or one? It
depends on a cache that no user ever talks to. The model plays the rules of the live edge (ages, coalescing, stale
answers) with nothing in the way.

Promised: with clock="virtual" the live network gives the same trace, request by request. A copy's age begins when it
was asked for and goes along from the shield in whole seconds (RFC 9111, 4.2.3), here as there. Not modelled: stores
that are full, errors, bandwidth; one page per key, which never changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count

import numpy as np

from minisys.caching.content import round_trip_s
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

NEAR_S = 0.010  # round trip between a user and the edge of their region
Answered = Callable[[int, str], None]  # called with the whole seconds of age and who answered


@dataclass
class Copy:
    """What a cache keeps of a key: when it was asked for, and the age that came with it; both in seconds."""

    asked_s: float
    reported_s: int

    def age_s(self, now_s: float) -> float:
        """Its age now."""
        return self.reported_s + now_s - self.asked_s


class Agenda:
    """What happens when: the model's clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._ticket = count()

    def at(self, time_s: float, do: Callable[[], None]) -> None:
        """Do this at *time_s*."""
        heappush(self._due, (time_s, next(self._ticket), do))

    def run(self) -> None:
        """Do everything, in order of time."""
        while self._due:
            self.now_s, _, do = heappop(self._due)
            do()


class Origin:
    """*workers* who each make one answer in work_s seconds; who has a copy with a tag only waits for check_s."""

    name = "origin"

    def __init__(self, agenda: Agenda, work_s: float, check_s: float, workers: int) -> None:
        self.agenda, self.work_s, self.check_s = agenda, work_s, check_s
        self.free_s = [0.0] * workers
        self.asked_s: list[float] = []

    def ask(self, key: int, has_copy: bool, answered: Answered) -> None:
        """Call *answered* when the answer is made."""
        self.asked_s.append(self.agenda.now_s)
        done_s = max(self.agenda.now_s, heappop(self.free_s)) + (self.check_s if has_copy else self.work_s)
        heappush(self.free_s, done_s)
        self.agenda.at(done_s, partial(answered, 0, self.name))


@dataclass
class Cache:
    """An edge or a shield: keeps each key for ttl_s, may answer swr_s longer while it asks for a new one.

    behind: what it asks, distance_s away there and back; None of its copies is ever pushed out.
    """

    name: str
    agenda: Agenda
    behind: Cache | Origin
    distance_s: float
    ttl_s: float
    swr_s: float = 0.0
    copies: dict[int, Copy] = field(default_factory=dict)
    waiting: dict[int, list[Answered]] = field(default_factory=dict)

    def ask(self, key: int, has_copy: bool, answered: Answered, waited: bool = False) -> None:
        """Call *answered* with a copy's age, at once or when one has come."""
        copy, now_s = self.copies.get(key), self.agenda.now_s
        past_s = math.inf if copy is None else copy.age_s(now_s) - self.ttl_s
        if copy is not None and past_s < max(0.0, self.swr_s):
            if past_s >= 0 and key not in self.waiting:
                self._fetch(key, None)
            answered(int(copy.age_s(now_s)), self.name)
        elif key in self.waiting and not waited:
            self.waiting[key].append(partial(self._again, key, has_copy, answered))
        else:
            self._fetch(key, answered)

    def _again(self, key: int, has_copy: bool, answered: Answered, _: int, __: str) -> None:
        self.ask(key, has_copy, answered, waited=True)

    def _fetch(self, key: int, leader: Answered | None) -> None:
        """Ask what is behind; the leader is answered by what comes, those who wait look for the copy again."""
        asked_s, ours = self.agenda.now_s, key not in self.waiting
        if ours:
            self.waiting[key] = []

        def arrived(age_s: int, who: str) -> None:
            self.copies[key] = Copy(asked_s, age_s)
            if leader is not None:
                leader(age_s, who)
            for each in self.waiting.pop(key, []) if ours else []:
                each(age_s, who)

        def made(age_s: int, who: str) -> None:  # asked for a newer one, all it brings is "yours is still good"
            later(self.agenda, self.distance_s / 2, arrived, age_s, self.name if has_copy else who)

        has_copy = key in self.copies
        there_s = asked_s + self.distance_s / 2
        self.agenda.at(there_s, partial(self.behind.ask, key, has_copy, made))


@dataclass(frozen=True)
class Plan:
    """A network: cities with an edge each, the origin's city, and that of the shield (None: none).

    ttl_s, swr_s: how long copies are fresh, and may be used stale while a new one is fetched. work_s, check_s, workers:
    the origin's. caching: False for a network that keeps nothing. Raises ValueError for a number out of range.
    """

    regions: Sequence[str]
    origin: str = "Frankfurt"
    shield: str | None = None
    ttl_s: float = 60.0
    swr_s: float = 0.0
    work_s: float = 0.05
    check_s: float = 0.002
    workers: int = 8
    caching: bool = True

    def __post_init__(self) -> None:
        if not self.regions or self.workers < 1:
            raise ValueError(f"need at least one region and one worker, got {self.regions} and {self.workers}")
        for name in ("ttl_s", "swr_s", "work_s", "check_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or more seconds, got {getattr(self, name)}")
        if self.ttl_s and self.ttl_s < 2:
            raise ValueError(f"a ttl below 2 s is shorter than a fetch may take; got {self.ttl_s}")

    def region_of(self, luck: np.ndarray) -> np.ndarray:
        """Which region each request comes from: its luck says."""
        return np.minimum((luck * len(self.regions)).astype(int), len(self.regions) - 1)


def simulate(plan: Plan, workload: Workload) -> Trace:
    """The trace of *workload* through the network of *plan*; a request's region is drawn from its luck.

    A trace's server is who made or had the answer: "origin", "shield", or the region's edge. attrs["origin"] counts
    the requests that reached the origin, attrs["origin_s"] has their times.
    """
    agenda = Agenda()
    origin = Origin(agenda, plan.work_s, plan.check_s, plan.workers)
    behind: Cache | Origin = origin
    if plan.shield and plan.caching:
        behind = Cache("shield", agenda, origin, round_trip_s(plan.shield, plan.origin), plan.ttl_s, plan.swr_s)
    place = plan.shield if plan.shield and plan.caching else plan.origin
    edges = [Cache(name, agenda, behind, round_trip_s(name, place), plan.ttl_s, plan.swr_s) for name in plan.regions]
    finished_s, who = np.full(len(workload), np.nan), [""] * len(workload)

    def ended(index: int, _: int, name: str) -> None:
        finished_s[index], who[index] = agenda.now_s + NEAR_S / 2, name

    def direct(index: int, region: int) -> None:
        way_s = edges[region].distance_s / 2
        back = partial(later, agenda, way_s, partial(ended, index))
        agenda.at(agenda.now_s + way_s, partial(origin.ask, 0, False, back))

    for index, region in enumerate(plan.region_of(workload.luck).tolist()):
        here = edges[region]
        ask = partial(here.ask, int(workload.key[index]), False, partial(ended, index))
        arrives_s = float(workload.arrival_s[index]) + NEAR_S / 2
        agenda.at(arrives_s, ask if plan.caching else partial(direct, index, region))
    agenda.run()
    names = ["origin", "shield", *plan.regions]
    codes, sent_s = [names.index(name) for name in who], workload.arrival_s
    zeros = np.zeros(len(workload), dtype=int)
    trace = Trace.from_columns(sent_s, sent_s, finished_s, codes, names, zeros, zeros + 1, workload.key)
    trace.frame.attrs.update(origin=len(origin.asked_s), origin_s=origin.asked_s)
    return trace


def later(agenda: Agenda, after_s: float, do: Answered, age_s: int, name: str) -> None:
    """Do it *after_s* seconds from now: an answer's way back."""
    agenda.at(agenda.now_s + after_s, partial(do, age_s, name))
