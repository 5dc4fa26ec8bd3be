"""Failure and repair as a calendar, drawn before anything runs: who is down from when to when.

A disk fails every three years and takes four hours to replace; nobody can wait for that in a course. On a fast clock
the same machine fails every two seconds and is repaired in 0.1. The calendar is data: the simulation reads it, and the
live processes live by it, so both meet the same bad luck.

Promised: alternating exponential times, started in the steady state; one seed, one calendar, and a component keeps its
calendar when others are added. Not promised: other laws; the long-run share of time up does not depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minisys.availability import theory
from minisys.availability.graph import Service
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload, stream

Calendar = Mapping[str, np.ndarray]  # for each component rows of (down from, up again), seconds


@dataclass(frozen=True)
class Repair:
    """A component fails *mtbf_s* seconds after its last repair and is repaired in *mttr_s*, both on average.

    Raises ValueError unless both are positive.
    """

    mtbf_s: float
    mttr_s: float

    def __post_init__(self) -> None:
        if not (0 < self.mtbf_s < math.inf and 0 < self.mttr_s < math.inf):
            raise ValueError(f"need mtbf_s > 0 and mttr_s > 0 seconds, got {self.mtbf_s} and {self.mttr_s}")

    @property
    def availability(self) -> float:
        """The long-run share of time up."""
        return theory.from_repair(self.mtbf_s, self.mttr_s)

    @classmethod
    def of(cls, availability: float, mttr_s: float) -> Repair:
        """The law with this *availability* (above 0, below 1) and mean repair time *mttr_s*."""
        if not 0 < availability < 1:
            raise ValueError(f"availability must be above 0 and below 1, got {availability}")
        return cls(mttr_s * availability / (1 - availability), mttr_s)

    def outages(self, for_s: float, rng: np.random.Generator) -> np.ndarray:
        """Rows (down from, up again) in *for_s* seconds. In the steady state at 0: an outage may be on already."""
        rows, now = [], 0.0 if rng.random() >= self.availability else float(rng.exponential(self.mtbf_s))
        while now < for_s:
            back = now + float(rng.exponential(self.mttr_s))
            rows.append((now, back))
            now = back + float(rng.exponential(self.mtbf_s))
        return np.array(rows).reshape(-1, 2)


def calendar(service: Service, for_s: float, *, mttr_s: float, seed: int) -> Calendar:
    """Outages of every component of *service* that is not always up, over *for_s* seconds; repairs take *mttr_s*.

    Raises ValueError unless for_s and mttr_s are positive.
    """
    if not for_s > 0:
        raise ValueError(f"for_s must be above 0 seconds, got {for_s}")
    shares = {name: service.availability_of(name) for name in service.components()}
    return {
        name: Repair.of(share, mttr_s).outages(for_s, stream(seed, f"outages of {name}"))
        for name, share in shares.items()
        if share < 1
    }


def is_up(outages: np.ndarray, at_s: np.ndarray) -> np.ndarray:
    """Whether a component with these *outages* is up at each of the moments *at_s*."""
    return np.searchsorted(outages[:, 0], at_s, "right") == np.searchsorted(outages[:, 1], at_s, "right")


def simulate(service: Service, workload: Workload, plan: Calendar) -> Trace:
    """What the users of *service* see if its components fail as *plan* says: each request succeeds or fails at once."""
    up = {name: is_up(plan[name], workload.arrival_s) for name in plan}
    served = np.broadcast_to(service.works(up), len(workload))
    outcome = np.where(served, OUTCOMES.index("ok"), OUTCOMES.index("failed"))
    at = workload.arrival_s
    who: Sequence[str] = [service.entrance]
    return Trace.from_columns(at, at, at, np.zeros(len(at), int), who, outcome, np.ones(len(at)), workload.key)
