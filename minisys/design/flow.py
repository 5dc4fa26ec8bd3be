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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minisys.design.hits import hit_share
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
from minisys.design.places import consumers, copies_of, holds, hop_s
from minisys.testbed import queueing

ROUNDS = 300  # circles of sent-and-forgotten calls converge or are hopeless by then
READS, WRITES = 0, 1


@dataclass(frozen=True, eq=False)
class Flows:
    """What flows through *design* when every client's rate is multiplied by *times*.

    `reads(name)`, `writes(name)`, `rate(name)` per second; `arrows` the calls per second by (from, place in its calls).
    A call goes to copies in the caller's region if there are any, else to all; writes go to the primary.
    """

    design: Design
    times: float = 1.0

    @cached_property
    def _order(self) -> tuple[list[str], dict[str, int]]:
        regions = list(self.design.regions) or ["here"]
        return regions, {name: i for i, name in enumerate(regions)}

    @cached_property
    def _solved(self) -> tuple[dict[str, np.ndarray], dict[tuple[str, int], float]]:
        """Arrivals by part: an array of regions (where they are served) by reads and writes; the rate of each arrow."""
        zero = np.zeros((len(self._order[0]), 2))
        arrived = {part.name: zero for part in self.design.parts}
        for _ in range(ROUNDS):
            found, arrows = {part.name: self._born(part) for part in self.design.parts}, {}
            for part in self.design.parts:
                for place, call, rate in self._leaving(part, arrived[part.name] + self._born(part)):
                    if call.to in found:
                        found[call.to] = found[call.to] + self._moved(self.design[call.to], rate)
                    arrows[part.name, place] = float(rate.sum())
            if all(np.abs(found[name] - arrived[name]).max() <= 1e-9 * found[name].max() for name in found):
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
            arrived = arrived * (1 - hit_share(self.design, part), 1)
        missed = arrived if isinstance(part, Cache) else np.zeros_like(arrived)
        chosen = self._routes(part) if isinstance(part, Dns) else None
        for place, call in enumerate(part.calls):
            some = {"reads": arrived * (1, 0), "writes": arrived * (0, 1), "misses": missed}.get(call.on, arrived)
            some = some * call.share * call.times
            if chosen is not None:
                some = some * (chosen == place)[:, None]
            target = next((other for other in self.design.parts if other.name == call.to), None)
            if isinstance(target, Cache) and not target.calls:  # asked beside the store: a miss is an answer
                missed = some / max(1, call.times) * (1 - hit_share(self.design, target), 1)
            yield place, call, some

    @cached_property
    def stands(self) -> dict[str, np.ndarray]:
        """How many copies of each part stand in each region; all zero for what stands nowhere."""
        counts = {part.name: np.zeros(len(self._order[0])) for part in self.design.parts}
        for part in self.design.parts:
            for copy in copies_of(self.design, part):
                counts[part.name][self._order[1][copy.region]] += 1
        return counts

    def _moved(self, part: Part, rate: np.ndarray) -> np.ndarray:
        """*rate* by the caller's region, as it arrives in the regions where the part stands."""
        there = self.stands[part.name]
        if not there.any():
            return rate  # it is everywhere, or nowhere: near who asks
        spread = (there / there.sum())[:, None]
        near = np.where(there[:, None] > 0, rate, 0.0)
        moved = near + spread * (rate - near).sum(axis=0)
        if isinstance(part, Database):
            home = np.eye(len(there))[self._order[1][copies_of(self.design, part)[0].region]][:, None]
            moved = home * rate.sum(axis=0) * ((0, 1) if part.read_replicas else (1, 1)) + (
                moved * (1, 0) if part.read_replicas else 0.0
            )
        return moved

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
        """Arrivals per second at a part by the region they are served in."""
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

    def work_s(self, part: Part) -> float:
        """Seconds that a request keeps a worker, on average: its work, and its calls if the worker waits for them."""
        return part.takes + (self.waiting_s(part) if holds(part) and self.rate(part.name) > 0 else 0.0)

    def busy(self, part: Part) -> float:
        """Workers that are busy on average (offered load in erlangs); of a database those of one primary."""
        if isinstance(part, Database):
            spread = part.copies if part.read_replicas else 1
            work = self.writes(part.name) * (part.write or part.takes) + self.reads(part.name) * part.takes / spread
            return work / max(1, part.shards)
        return self.rate(part.name) * self.work_s(part) if self.rate(part.name) else 0.0

    def utilisation(self, part: Part, gone: Mapping[str, int] | None = None) -> float:
        """How busy it is, 1 is full: of its workers in the busiest region, or of an external service's limit.

        gone: how many copies are missing in a region. Clients, names and edges: 0.
        """
        if isinstance(part, External):
            return self.rate(part.name) / part.limit if part.limit else 0.0
        if isinstance(part, Clients | Dns | Edge):
            return 0.0
        there = self.stands[part.name]
        if isinstance(part, Database) or not there.any():
            return self.busy(part) / max(1, self.servers(part))
        left = there - [(gone or {}).get(name, 0) for name in self._order[0]]
        rates = self._solved[0][part.name].sum(axis=1)
        if isinstance(part, Workers):  # any free worker takes a message, wherever it was sent
            rates, left = rates.sum(keepdims=True), left.sum(keepdims=True)
        if not (left > 0).any():
            return math.inf
        moved = np.where(left > 0, rates + np.where(left > 0, 0.0, rates).sum() / (left > 0).sum(), 0.0)
        most = self.servers(part) / part.workers / part.copies  # an autoscaler's copies stand like the others
        work_s = self.work_s(part)
        return max(
            rate * work_s / (copies * part.workers * most) if rate > 0 else 0.0
            for rate, copies in zip(moved.tolist(), left.tolist(), strict=True)
            if copies > 0
        )

    def answer_s(self, part: Part) -> float:
        """Mean seconds from a request's arrival at the part to its answer, its calls included; inf when overloaded."""
        if isinstance(part, Clients | Dns):
            return self.waiting_s(part)
        if isinstance(part, External):
            return part.takes if self.utilisation(part) <= 1 else math.inf
        return self.queueing_s(part) + part.takes + self.waiting_s(part)

    def queueing_s(self, part: Part) -> float:
        """Mean seconds a request waits at one copy before its work begins; inf when overloaded."""
        used = self.utilisation(part)
        if not used > 0 or part.takes <= 0:
            return 0.0
        if used >= 1:
            return math.inf
        scatter = {"constant": 0.0, "exponential": 1.0}.get(part.law, part.cv)
        work_s = self.work_s(part)
        return queueing.mmc(used * part.workers / work_s, work_s, part.workers).wait_s * (1 + scatter**2) / 2

    @cached_property
    def _waits(self) -> dict[str, float]:
        return {}

    def waiting_s(self, part: Part) -> float:
        """Mean seconds that a request at the part waits for the part's own calls (those together: the longest)."""
        if part.name not in self._waits:
            self._waits[part.name] = 0.0  # whoever asks in a circle
            self._waits[part.name] = self._waited(part)
        return self._waits[part.name]

    def _waited(self, part: Part) -> float:
        rate = part.rate * self.times if isinstance(part, Clients) else self.rate(part.name)
        whole = group = 0.0
        for place, call in enumerate(part.calls if rate > 0 else ()):
            taken = self.arrows.get((part.name, place), 0.0) / max(1, call.times) / rate
            if not call.waits or taken <= 0:
                continue
            there = self.answer_s(self.design[call.to])
            one = taken * min(there + hop_s(self.design, part, call), call.timeout or math.inf)
            whole, group = (whole, max(group, one)) if call.together else (whole + group, one)
        return whole + group


def flows(design: Design, times: float = 1.0) -> Flows:
    """The flows through a design at so many *times* its clients' rates. Raises ValueError unless times is positive."""
    if not 0 < times < math.inf:
        raise ValueError(f"times must be above 0, got {times!r}: what the clients' rates are multiplied by")
    return Flows(design, times)
