"""What came of one run: what the users saw, what the controller did, and the bill.

Promised: both twins return this, equal to the last bit. Not here: charts (explore.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from minisys.autoscaling.cloud import Cloud, Lease, Prices
from minisys.autoscaling.policies import Look
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload

AT_LIST_PRICE = Prices()


@dataclass(frozen=True)
class Run:
    """The requests' *started_s*, *finished_s* (NaN start: refused) and *server* (the lease's number, -1: none), the
    controller's *looks*, the machines' *leases*, and *end_s*, when the last answer was given.
    """

    workload: Workload
    cloud: Cloud
    started_s: np.ndarray
    finished_s: np.ndarray
    server: np.ndarray
    looks: Sequence[Look]
    leases: Sequence[Lease]

    @property
    def end_s(self) -> float:
        """When the last answer was given."""
        return float(np.max(self.finished_s))

    @property
    def refused(self) -> int:
        """Requests that found the line full."""
        return int(np.isnan(self.started_s).sum())

    @property
    def taken_away(self) -> int:
        """Spot machines that the cloud took back."""
        return sum(lease.spot and lease.left_s == lease.notice_s for lease in self.leases)

    def missed(self, slo_s: float) -> float:
        """The share of the requests that were refused or took longer than *slo_s* seconds."""
        late = ~(self.finished_s - self.workload.arrival_s <= slo_s) | np.isnan(self.started_s)
        return float(late.mean())

    def hours(self, prices: Prices = AT_LIST_PRICE) -> float:
        """The bill, in hours of one machine on demand: all machines, and the warm pool for the whole time."""
        rented = math.fsum(lease.hours(self.end_s, prices) for lease in self.leases)
        return rented + self.cloud.warm * prices.warm * self.end_s / 3600

    @cached_property
    def trace(self) -> Trace:
        """The run as a Trace; machines are called "i0", "i1" …"""
        refused = np.isnan(self.started_s)
        code = np.where(refused, OUTCOMES.index("refused"), OUTCOMES.index("ok"))
        names = [f"i{lease.number}" for lease in self.leases]
        work, once = self.workload, np.ones(len(self.workload))
        return Trace.from_columns(
            work.arrival_s, self.started_s, self.finished_s, self.server, names, code, once, work.key
        )

    def frame(self) -> pd.DataFrame:
        """The controller's looks, one a row."""
        return pd.DataFrame([asdict(look) for look in self.looks])

    def capacity(self, step_s: float = 15.0) -> pd.DataFrame:
        """Machines that take requests, and machines that are paid, every *step_s* seconds: time_s, serving, paid."""
        times = np.arange(0.0, self.end_s + step_s, step_s)
        ready, left, start, stop = (
            np.sort([getattr(lease, name) for lease in self.leases])
            for name in ("ready_s", "left_s", "started_s", "stopped_s")
        )
        never = np.sort([lease.left_s for lease in self.leases if lease.left_s < lease.ready_s])
        began = np.sort([lease.ready_s for lease in self.leases if lease.left_s < lease.ready_s])
        count = lambda moments: np.searchsorted(moments, times, side="right")  # noqa: E731
        serving = count(ready) - count(left) - (count(began) - count(never))
        return pd.DataFrame({"time_s": times, "serving": serving, "paid": count(start) - count(stop)})

    @property
    def turns(self) -> int:
        """How often the wanted number went up after it had gone down, or the other way round: flapping, counted."""
        wanted = np.array([look.wanted for look in self.looks])
        steps = np.sign(np.diff(wanted))
        steps = steps[steps != 0]
        return int((steps[1:] != steps[:-1]).sum())
