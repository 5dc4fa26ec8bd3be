"""How many requests a second reach each box, and how busy that keeps it: the flow equations of a design.

Before anybody simulates anything, an interviewer multiplies: 5,000 requests a second, nine of ten reads answered by the
cache, so 500 reads and the writes reach the database, two milliseconds each: one worker is not enough. Here the same
multiplication goes along every arrow, for reads and writes, from each region.

Promised: visits, utilisation (with Little's law for workers that wait for their calls) and mean answer times from
M/M/c per copy; in the long run a simulation has the same flows. Not here: percentiles, bursts, failures, retries (run).
Source: operational analysis, Denning and Buzen 1978; M/M/c corrected for other laws by Allen 1990 (Allen-Cunneen).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from minisys.design.parts import (
    Cache,
    Call,
    Clients,
    Database,
    Design,
    Dns,
    Edge,
    External,
    Part,
    Queue,
    Service,
    Workers,
)
from minisys.testbed import queueing

ROUNDS = 300  # circles of sent-and-forgotten calls converge or are hopeless by then
READS, WRITES = 0, 1


class Copy(NamedTuple):
    """One copy of a part: its *number* from 0, the *zone* and the *region* it stands in."""

    number: int
    zone: str
    region: str


def copies_of(design: Design, part: Part) -> list[Copy]:
    """Where the copies of a part stand, in turn in its zones: of a database, the first shard's.

    Users, names, edges and other people's services stand nowhere: no copies.
    """
    zones = () if isinstance(part, Clients | Dns | Edge | External) else design.zones_of(part)
    placed = [zones[i % len(zones)] for i in range(part.copies)] if zones else []
    return [Copy(i, zone, design.region_of(zone)) for i, zone in enumerate(placed)]


def consumers(design: Design, queue: Part) -> list[Workers]:
    """The workers that take messages from *queue*."""
    return [part for part in design.of(Workers) if part.source == queue.name]


@dataclass(frozen=True, eq=False)
class Flows:
    """What flows through *design* when every client's rate is multiplied by *times*.

    `reads(name)`, `writes(name)`, `rate(name)` per second; `arrows` the calls per second by (from, place in its calls).
    """

    design: Design
    times: float = 1.0

    @cached_property
    def _order(self) -> tuple[list[str], dict[str, int]]:
        regions = list(self.design.regions) or ["here"]
        return regions, {name: i for i, name in enumerate(regions)}

    @cached_property
    def _solved(self) -> tuple[dict[str, np.ndarray], dict[tuple[str, int], float]]:
        """Arrivals by part: an array of regions (where the user is) by reads and writes; and the rate of each arrow."""
        zero = np.zeros((len(self._order[0]), 2))
        arrived = {part.name: zero for part in self.design.parts}
        for _ in range(ROUNDS):
            found, arrows = {part.name: self._born(part) for part in self.design.parts}, {}
            for part in self.design.parts:
                for place, call, rate in self._leaving(part, arrived[part.name] + self._born(part)):
                    if call.to in found:
                        found[call.to] = found[call.to] + rate
                    arrows[part.name, place] = float(rate.sum())
            if all(np.allclose(found[name], arrived[name], rtol=1e-9, atol=1e-12) for name in found):
                break
            arrived = {name: np.minimum(rate, 1e15) for name, rate in found.items()}
        return {part.name: arrived[part.name] for part in self.design.parts}, arrows

    def _born(self, part: Part) -> np.ndarray:
        born = np.zeros((len(self._order[0]), 2))
        if isinstance(part, Clients):
            rate = part.rate * self.times
            born[self._order[1].get(part.region, 0)] = (rate * (1 - part.writes), rate * part.writes)
        return born

    def _leaving(self, part: Part, arrived: np.ndarray) -> Iterator[tuple[int, Call, np.ndarray]]:
        """The calls that leave a part, each with the rate at which it is made. A client's own requests come twice."""
        if isinstance(part, Clients):
            arrived = self._born(part)
        if isinstance(part, Queue):
            takers = consumers(self.design, part)
            power = [max(1e-12, taker.workers * taker.copies / max(taker.takes, 1e-9)) for taker in takers]
            for place, (taker, share) in enumerate(zip(takers, np.divide(power, sum(power) or 1.0), strict=True)):
                yield -1 - place, Call(taker.name), arrived * share
        if isinstance(part, Cache):
            arrived = arrived * (1 - part.hits, 1)
        missed = arrived if isinstance(part, Cache) else np.zeros_like(arrived)
        chosen = self._routes(part) if isinstance(part, Dns) else None
        for place, call in enumerate(part.calls):
            some = {"reads": arrived * (1, 0), "writes": arrived * (0, 1), "misses": missed}.get(call.on, arrived)
            some = some * call.share * call.times
            if chosen is not None:
                some = some * (chosen == place)[:, None]
            target = next((other for other in self.design.parts if other.name == call.to), None)
            if isinstance(target, Cache) and not target.calls:  # asked beside the store: a miss is an answer
                missed = some / max(1, call.times) * (1 - target.hits, 1)
            yield place, call, some

    def _routes(self, dns: Dns) -> np.ndarray:
        """For users of each region: which of the calls the name leads to, when all are healthy."""
        regions = [{copy.region for copy in copies_of(self.design, self.design[call.to])} for call in dns.calls]
        near = [next((i for i, there in enumerate(regions) if name in there), 0) for name in self._order[0]]
        return np.array([0] * len(near) if dns.route == "first" else near)

    @property
    def arrows(self) -> dict[tuple[str, int], float]:
        """Calls per second by (caller, place in its calls); a queue's takers have the places -1, -2, …"""
        return self._solved[1]

    def by_region(self, name: str) -> dict[str, float]:
        """Arrivals per second at a part by the region its users are in."""
        return dict(zip(self._order[0], self._solved[0][name].sum(axis=1).tolist(), strict=True))

    def reads(self, name: str) -> float:
        """Reads per second that arrive at a part."""
        return float(self._solved[0][name][:, READS].sum())

    def writes(self, name: str) -> float:
        """Writes per second that arrive at a part."""
        return float(self._solved[0][name][:, WRITES].sum())

    def rate(self, name: str) -> float:
        """Requests per second that arrive at a part."""
        return self.reads(name) + self.writes(name)

    def servers(self, part: Part) -> int:
        """Workers in all that share the part's work, with the autoscaler's most copies. A database: of one primary."""
        scaler = part.autoscaler if isinstance(part, Service | Workers) else None
        return part.workers * (1 if isinstance(part, Database) else scaler.high if scaler else part.copies)

    def busy(self, part: Part) -> float:
        """Workers that are busy on average (offered load in erlangs), of the busiest copy's set for a database."""
        reads, writes = self.reads(part.name), self.writes(part.name)
        if isinstance(part, Database):
            spread = part.copies if part.read_replicas else 1
            return (writes * (part.write or part.takes) + reads * part.takes / spread) / max(1, part.shards)
        held = self.waiting_s(part) if part.holds else 0.0
        return (reads + writes) * (part.takes + held) if reads + writes else 0.0

    def utilisation(self, part: Part) -> float:
        """How busy it is, 1 is full: of its workers, or of an external service's limit. Clients and names: 0."""
        if isinstance(part, External):
            return self.rate(part.name) / part.limit if part.limit else 0.0
        return 0.0 if isinstance(part, Clients | Dns) else self.busy(part) / max(1, self.servers(part))

    def answer_s(self, part: Part, above: frozenset[str] = frozenset()) -> float:
        """Mean seconds from a request's arrival at the part to its answer, its calls included; inf when overloaded."""
        if part.name in above:
            return 0.0
        held = self.waiting_s(part, above)
        if isinstance(part, Clients | Dns):
            return held
        if isinstance(part, External):
            return part.takes if self.utilisation(part) <= 1 else math.inf
        return self.queueing_s(part) + part.takes + held

    def queueing_s(self, part: Part) -> float:
        """Mean seconds a request waits at one copy before its work begins; inf when overloaded."""
        busy, servers = self.busy(part), self.servers(part)
        if not busy > 0 or servers < 1 or part.takes <= 0:
            return 0.0
        if busy >= servers:
            return math.inf
        each = busy / servers * part.workers  # offered to one copy
        scatter = {"constant": 0.0, "exponential": 1.0}.get(part.law, part.cv)
        work_s = busy / max(1e-12, self.rate(part.name)) if part.holds else part.takes
        return queueing.mmc(each / work_s, work_s, part.workers).wait_s * (1 + scatter**2) / 2

    def waiting_s(self, part: Part, above: frozenset[str] = frozenset()) -> float:
        """Mean seconds that a request at the part waits for the part's own calls (those together: the longest)."""
        rate = self.rate(part.name) if not isinstance(part, Clients) else part.rate * self.times
        if not rate > 0:
            return 0.0
        whole = group = 0.0
        for place, call in enumerate(part.calls):
            taken = self.arrows.get((part.name, place), 0.0) / max(1, call.times) / rate
            if not call.waits or taken <= 0:
                continue
            there = self.answer_s(self.design[call.to], above | {part.name})
            one = taken * min(there + self.hop_s(part, call), call.timeout or math.inf)
            whole, group = (whole, max(group, one)) if call.together else (whole + group, one)
        return whole + group

    def hop_s(self, part: Part, call: Call) -> float:
        """Mean seconds on the network for one call and its answer."""
        return 0.001


def flows(design: Design, times: float = 1.0) -> Flows:
    """The flows through a design at so many *times* its clients' rates. Raises ValueError unless times is positive."""
    if not 0 < times < math.inf:
        raise ValueError(f"times must be above 0, got {times!r}: what the clients' rates are multiplied by")
    return Flows(design, times)
