"""Deciding before it happens: a timetable, a forecast from the days before, and one bigger machine for contrast.

The rush comes at nine, as yesterday and the day before; a rule that waits to see it is late every day by the time
that a server takes to boot. A plan is in time, until the day that is not like the others.

Promised: decisions only, as in policies.py. Not here: how good a forecast is on your traffic: `Predictive.error` says
how wrong it was so far, and the model what that costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from minisys.autoscaling.policies import Seen, check_target, whole

DAY_S = 86_400.0


@dataclass
class Scheduled:
    """A timetable: from each time on, so many instances. *plan*: (second of the period, instances), in order.

    Starts again every *period_s* seconds; before its first entry the last one holds. Raises ValueError for an empty
    plan or times out of order. Source: Amazon EC2 Auto Scaling, scheduled actions; KEDA, cron scaler.
    """

    plan: Sequence[tuple[float, int]]
    period_s: float = DAY_S

    def __post_init__(self) -> None:
        times = [at for at, _ in self.plan]
        if not times or times != sorted(times) or not (0 <= times[0] and times[-1] < self.period_s):
            raise ValueError(f"a plan needs times in order from 0 to below {self.period_s:g} s, got {self.plan!r}")

    def desired(self, seen: Seen, now: float) -> int:
        at = now % self.period_s
        return next((count for start, count in reversed(self.plan) if start <= at), self.plan[-1][1])


@dataclass
class Predictive:
    """As many as the same time of the days before asks for, *lead_s* ahead, plus *errors* times the usual error.

    *history*: for each day before, the requests a second in each of its slots of *slot_s* seconds (a day is
    *slots* of them); what is seen is noted and becomes history the next day. *service_s*: seconds of work of a request;
    *workers* of an instance; *target* utilisation. Without any history it asks for nothing: combine it with a rule
    that sees. Raises ValueError for days of unequal length, or a number of 0 or less. Source: Hyndman and
    Athanasopoulos 2021, Forecasting: Principles and Practice, section 5.2 (seasonal naive, here the mean of the days).
    """

    service_s: float
    workers: int = 1
    target: float = 0.6
    lead_s: float = 180.0
    errors: float = 1.0
    slot_s: float = 300.0
    history: Sequence[Sequence[float]] = ()
    slots: int = 288
    days: list[list[float]] = field(default_factory=list, init=False, repr=False)
    today: dict[int, list[float]] = field(default_factory=dict, init=False, repr=False)
    day: int = field(default=0, init=False, repr=False)
    means: list[float] = field(default_factory=list, init=False, repr=False)
    error: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        check_target(self.target)
        if not (self.service_s > 0 and self.workers > 0 and self.slot_s > 0 and self.slots > 0):
            raise ValueError(f"service_s, workers, slot_s and slots must be above 0, got {self!r}")
        if any(len(day) != self.slots for day in self.history):
            raise ValueError(f"every day needs {self.slots} slots, got {[len(day) for day in self.history]}")
        self.days = [list(day) for day in self.history]
        self._learn()

    def desired(self, seen: Seen, now: float) -> int:
        self.note(seen.rate_per_s, now)
        if not self.days:
            return 0
        first, last = (math.floor(at / self.slot_s) for at in (now, now + self.lead_s))
        rate = max(self.forecast(slot) for slot in range(first, last + 1))
        return whole(rate * (1 + self.errors * self.error) * self.service_s / self.workers / self.target)

    def note(self, rate_per_s: float, now: float) -> None:
        """Keep what came; a full day joins the history, a slot that nobody looked at takes the forecast."""
        day, slot = divmod(math.floor(now / self.slot_s), self.slots)
        if day != self.day:
            if self.today and day > self.day:  # set back, the clock has not finished a day
                kept = [fmean(self.today[at]) if at in self.today else self.forecast(at) for at in range(self.slots)]
                self.days.append(kept)
                self._learn()
            self.day, self.today = day, {}
        if math.isfinite(rate_per_s):
            self.today.setdefault(slot, []).append(rate_per_s)

    def forecast(self, slot: int) -> float:
        """Requests a second in this slot: the mean of the days before; 0 without any."""
        return self.means[slot % self.slots] if self.means else 0.0

    def _learn(self) -> None:
        """The mean of each slot, and the usual error as a share: the root mean square of what the days differ by."""
        self.means = [fmean(slot) for slot in zip(*self.days, strict=True)]
        if len(self.days) < 2 or not any(self.means):
            return
        squares = [(rate - mean) ** 2 for day in self.days for rate, mean in zip(day, self.means, strict=True)]
        self.error = math.sqrt(sum(squares) / ((len(self.days) - 1) * self.slots)) / fmean(self.means)


SIZES = (1, 2, 4, 8, 16, 32, 64)  # vCPUs of the machines on offer, doubling as the clouds' do


def vertical_size(
    used: Sequence[float], sizes: Sequence[int] = SIZES, *, percentile: float = 90.0, margin: float = 0.15
) -> int:
    """Vertical scaling: the smallest of *sizes* that holds the *percentile* of the cores *used*, plus *margin*.

    A machine is replaced by another one, so this is a restart, not an addition, and it ends at the largest size: where
    none is large enough that is the answer. Raises ValueError for no use, no size or a percentile outside 0 to 100.
    Source: Kubernetes vertical-pod-autoscaler, the recommender's defaults (90th percentile, 15 % margin).
    """
    if not used or not sizes or not 0 <= percentile <= 100:
        raise ValueError(f"need some use, some sizes and a percentile, got {len(used)}, {len(sizes)}, {percentile}")
    ordered = sorted(used)
    rank = max(0, math.ceil(percentile / 100 * len(ordered)) - 1)
    needed = ordered[rank] * (1 + margin)
    return next((size for size in sorted(sizes) if size >= needed - 1e-9), max(sizes))
