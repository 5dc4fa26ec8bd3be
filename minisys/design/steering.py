"""One run from outside the engine: the autoscalers' looks and the samples that charts are drawn from.

Both engines are driven by this, so an autoscaler decides the same in both: the objects of its own room, asked every few
seconds with what was measured since the last look.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from minisys.autoscaling.kubernetes import HorizontalPodAutoscaler
from minisys.autoscaling.policies import Instance, Policy, Seen, TargetTracking
from minisys.design.flat import Flat, autoscaler
from minisys.design.parts import Autoscaler
from minisys.design.tally import Tally

LONG_AGO_S = -3600.0  # when the copies that are there at the start were started: no rule takes them for new
SAMPLES = 100  # moments of a run at which the lines are measured


class Engine(Protocol):
    """What can be run: see model.Model."""

    def advance(self, until_s: float) -> None: ...
    def busy_s(self, copy: int) -> float: ...
    def arrived(self, copies: range) -> int: ...
    def waiting(self, part: int) -> int: ...
    def is_down(self, copy: int) -> bool: ...
    def open(self, copy: int, ready_s: float) -> None: ...
    def close(self, copy: int, now_s: float) -> None: ...


@dataclass
class Fleet:
    """The copies of one autoscaled part: those that are there, and what they were when last looked at."""

    part: int
    scaler: Autoscaler
    policy: Policy
    workers: int
    rows: range
    there: list[int]
    started: dict[int, float]
    ready: dict[int, float]
    busy: dict[int, float] = field(default_factory=dict)
    arrived: int = 0


def rule(scaler: Autoscaler) -> Policy:
    """The policy of that name from the autoscaling room. Raises ValueError for another name."""
    if scaler.policy == "hpa":
        return HorizontalPodAutoscaler(scaler.target, minimum=max(1, scaler.low), maximum=max(1, scaler.high))
    if scaler.policy == "target tracking":
        return TargetTracking(scaler.target, warm_up_s=scaler.boot)
    raise ValueError(f"an autoscaler's policy is hpa or target tracking, got {scaler.policy!r}")


def steer(engine: Engine, flat: Flat, tally: Tally, for_s: float, until_s: float) -> None:
    """Run *engine* to *until_s*; users come for *for_s* seconds. Fills tally.series: (t, waiting, copies), by part."""
    fleets = _fleets(flat)
    for fleet in fleets:
        for copy in fleet.rows:
            if copy not in fleet.there:
                engine.close(copy, -math.inf)
    stops = [(moment, 0) for moment in np.linspace(0.0, for_s, SAMPLES + 1)[1:].tolist()]
    stops += [
        (k * f.scaler.every, i) for i, f in enumerate(fleets, 1) for k in range(1, int(for_s / f.scaler.every) + 1)
    ]
    heapq.heapify(stops)
    while stops:
        now, who = heapq.heappop(stops)
        engine.advance(now)
        if who:
            _look(engine, fleets[who - 1], now)
        else:
            tally.series.append((now, [engine.waiting(part) for part in range(len(flat.names))], _sizes(flat, fleets)))
    engine.advance(until_s)


def _fleets(flat: Flat) -> list[Fleet]:
    fleets = []
    for row, part in enumerate(flat.design.parts):
        if (scaler := autoscaler(part)) is not None:
            rows = flat.copies_of(row)
            there = list(rows[: max(part.copies, scaler.low)])
            since = dict.fromkeys(there, LONG_AGO_S)
            fleets.append(Fleet(row, scaler, rule(scaler), part.workers, rows, there, since, dict(since)))
    return fleets


def _sizes(flat: Flat, fleets: list[Fleet]) -> list[int]:
    sizes = flat.parts["n"].tolist()
    for fleet in fleets:
        sizes[fleet.part] = len(fleet.there)
    return sizes


def _look(engine: Engine, fleet: Fleet, now: float) -> None:
    """Measure, ask the policy, open or close copies."""
    seen = []
    for copy in fleet.there:
        total = engine.busy_s(copy)
        ready = fleet.ready[copy] <= now and not engine.is_down(copy)
        share = (total - fleet.busy.get(copy, 0.0)) / (fleet.scaler.every * fleet.workers)
        fleet.busy[copy] = total
        changed = fleet.ready[copy] if fleet.ready[copy] <= now else fleet.started[copy]
        seen.append(Instance(min(1.0, share) if ready else None, fleet.started[copy], ready, changed))
    arrived = engine.arrived(fleet.rows)
    rate, fleet.arrived = (arrived - fleet.arrived) / fleet.scaler.every, arrived
    wanted = fleet.policy.desired(Seen(seen, rate, engine.waiting(fleet.part)), now)
    _resize(engine, fleet, min(fleet.scaler.high, max(fleet.scaler.low, wanted)), now)


def _resize(engine: Engine, fleet: Fleet, wanted: int, now: float) -> None:
    while len(fleet.there) < wanted:
        copy = next(row for row in fleet.rows if row not in fleet.there)
        fleet.there.append(copy)
        fleet.started[copy], fleet.ready[copy] = now, now + fleet.scaler.boot
        fleet.busy[copy] = engine.busy_s(copy)
        engine.open(copy, now + fleet.scaler.boot)
    while len(fleet.there) > max(1, wanted):
        engine.close(fleet.there.pop(), now)
