"""What a run of a chain left behind: each user's outcome, and every call at every service, useful or not.

After an outage two questions are asked: how many users got what they came for, and what all those machines were busy
with. The first is goodput; the second needs every call, also those whose caller had long gone.

Promised: calls of one request are linked to the call that made them, so that wasted work can be counted to the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from minisys.resilience.chain import Chain
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload

FATES = ("unfinished", "ok", "failed", "refused", "shed", "expired")  # of a call, at the service
UNFINISHED, OK, FAILED, REFUSED, SHED, EXPIRED = range(len(FATES))


@dataclass(frozen=True)
class Run:
    """One run, as arrays. By user: outcome (code into OUTCOMES), finished_s, degraded (a fallback answered a part).

    By call, in the order of sending: request, hop, parent (the call that made it, -1: a user), sent_s, began_s (NaN:
    never), ended_s, work_s (done on it), fate (code into FATES), used (whether its answer ended its caller's wait).
    """

    chain: Chain
    workload: Workload
    outcome: np.ndarray
    finished_s: np.ndarray
    degraded: np.ndarray
    request: np.ndarray
    hop: np.ndarray
    parent: np.ndarray
    sent_s: np.ndarray
    began_s: np.ndarray
    ended_s: np.ndarray
    work_s: np.ndarray
    fate: np.ndarray
    used: np.ndarray

    @cached_property
    def latency_s(self) -> np.ndarray:
        """Seconds from a user's first call to the answer or the error."""
        return self.finished_s - self.workload.arrival_s

    @cached_property
    def in_time(self) -> np.ndarray:
        """Whether each user had a good answer within the patience."""
        return (self.outcome == OUTCOMES.index("ok")) & (self.latency_s <= self.chain.patience_s + 1e-12)

    @cached_property
    def useful(self) -> np.ndarray:
        """Whether each call was part of an answer that a user got in time."""
        found = self.used & (self.fate == OK) & self.in_time[self.request]
        for hop in range(1, len(self.chain.services)):
            here = np.flatnonzero(self.hop == hop)
            found[here] &= found[self.parent[here]]
        return found

    @cached_property
    def tries(self) -> np.ndarray:
        """Calls by user (rows) and service (columns)."""
        shape = len(self.workload), len(self.chain.services)
        counted = np.bincount(self.request * shape[1] + self.hop, minlength=shape[0] * shape[1])
        return counted.reshape(shape)

    @property
    def amplification(self) -> np.ndarray:
        """Calls at each service for one request of a user."""
        return self.tries.mean(axis=0)

    @property
    def wasted(self) -> float:
        """Share of all the services' work that was not part of an answer in time."""
        total = float(self.work_s.sum())
        return float(self.work_s[~self.useful].sum()) / total if total else 0.0

    def goodput(self, from_s: float = 0.0, until_s: float = np.inf) -> float:
        """Share of the users who came between *from_s* and *until_s* that were answered in time; NaN if none came."""
        came = (self.workload.arrival_s >= from_s) & (self.workload.arrival_s < until_s)
        return float(self.in_time[came].mean()) if came.any() else float("nan")

    def by_second(self, step_s: float = 1.0) -> pd.DataFrame:
        """Rates a second: users who come, users answered in time (by arrival), calls of the last service."""
        steps = max(int(np.ceil(self.workload.arrival_s[-1] / step_s)), 1)
        last = self.hop == len(self.chain.services) - 1

        def rate(times_s: np.ndarray) -> np.ndarray:
            return np.histogram(times_s, steps, (0.0, steps * step_s))[0] / step_s

        arrival = self.workload.arrival_s
        columns = {"come": arrival, "answered in time": arrival[self.in_time], "calls": self.sent_s[last]}
        frame = pd.DataFrame({name: rate(times) for name, times in columns.items()})
        frame.insert(0, "second", (np.arange(steps) + 0.5) * step_s)
        return frame

    def trace(self) -> Trace:
        """The users' view as a trace of the test bed."""
        n = len(self.workload)
        nothing, first = np.full(n, np.nan), self.chain.services[0].name
        whose = np.where(self.outcome == 0, 0, -1)  # the first service speaks for all behind it
        tries = np.maximum(self.tries[:, 0], 1)
        return Trace.from_columns(
            self.workload.arrival_s, nothing, self.finished_s, whose, [first], self.outcome, tries, self.workload.key
        )

    def calls(self) -> pd.DataFrame:
        """Every call as a frame, with names in place of numbers."""
        names = np.array([each.name for each in self.chain.services])
        return pd.DataFrame(
            {
                "request": self.request, "service": names[self.hop], "sent_s": self.sent_s, "began_s": self.began_s,
                "ended_s": self.ended_s, "work_s": self.work_s, "fate": np.array(FATES)[self.fate],
                "used": self.used, "useful": self.useful,
            }
        )  # fmt: skip
