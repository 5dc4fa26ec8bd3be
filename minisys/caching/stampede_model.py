"""Readers, one popular key and a database in virtual time: how many computed it, and how long did the others wait?

Promised: the rules of stampede.py decide, all of them for the same readers; every computation is counted with its
start and end. Simplified: the database's workers take one computation each, in the order of asking, and a look into
the cache takes *cache_s*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import simpy
from simpy.events import Event

from minisys.caching.stampede import COMPUTE, REFRESH, SERVE, WAIT, Copy, Rule, rule
from minisys.testbed.simulation import OK, Request, Server, refuse, settle
from minisys.testbed.simulation import simulate as run
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload


@dataclass
class Run:
    """The trace, and of every computation (asked_s, done_s, key); *stale*: how many answers were past their time."""

    protection: str
    trace: Trace
    stale: int
    computations: list[tuple[float, float, int]] = field(default_factory=list)

    def queue(self, samples: int = 400) -> pd.DataFrame:
        """Computations at the database, waiting or at work, at evenly spaced moments: columns time_s, computations."""
        made = np.array([(asked, done) for asked, done, _ in self.computations]).reshape(-1, 2)
        at = np.linspace(0.0, self.trace.span_s, samples)
        inside = np.searchsorted(np.sort(made[:, 0]), at, "right") - np.searchsorted(np.sort(made[:, 1]), at, "right")
        return pd.DataFrame({"time_s": at, "computations": inside})


class Front:
    """The cache with its readers: asks the rule what to do for each of them."""

    def __init__(self, env: simpy.Environment, protection: Rule, ttl_s: float, workers: int) -> None:
        self.env, self.rule, self.ttl_s = env, protection, ttl_s
        self.database = Server(env, "database", workers=workers)
        self.copies: dict[int, Copy] = {}
        self.computing: defaultdict[int, int] = defaultdict(int)
        self.waiting: defaultdict[int, list[tuple[Request, Event]]] = defaultdict(list)
        self.stale, self.computations = 0, list[tuple[float, float, int]]()

    def serve(self, request: Request) -> Event:
        """Answer *request* with a copy, old or new."""
        now, key, done = self.env.now, request.key, Event(self.env)
        copy = self.copies.get(key)
        action = self.rule(copy, now, self.computing[key] > 0, request.luck)
        if action in (SERVE, REFRESH):
            request.started_s, request.server = now, "cache"
            self.stale += copy is not None and now >= copy.expires_s
            refuse(done, OK)  # an answer at once, good or bad
        elif action == WAIT:
            self.waiting[key].append((request, done))
        elif action != COMPUTE:
            raise ValueError(f"a rule answers serve, compute, wait or refresh, got {action!r}")
        if action in (COMPUTE, REFRESH):
            self._compute(request, done if action == COMPUTE else None)
        return done

    def _compute(self, request: Request, done: Event | None) -> None:
        asked_s, key = self.env.now, request.key
        inner = request if done else Request(request.index, asked_s, request.work_s, key, request.size, request.luck)
        self.computing[key] += 1

        def finished(_: Event) -> None:
            now = self.env.now
            self.computing[key] -= 1
            self.computations.append((asked_s, now, key))
            self.copies[key] = Copy(now - asked_s, now + self.ttl_s)
            waiting, self.waiting[key] = self.waiting[key], []
            for other, event in waiting:
                other.started_s, other.server = inner.started_s, "database"
                other.started_s = max(other.started_s, other.arrival_s)
                settle(event, OK)
            if done:
                settle(done, OK)

        self.database.serve(inner).callbacks.append(finished)


def simulate(
    protection: str | Rule, offered: Workload, *, ttl_s: float = 5.0, workers: int = 4,
    kept: Mapping[int, Copy] | None = None, seed: int = 0,
) -> Run:  # fmt: skip
    """*offered* (key: what they want, work_s: what computing it takes) under one protection.

    *kept*: the copies in the cache at the start (default: none). A new copy is fresh for *ttl_s* seconds; the database
    computes *workers* at once. Raises ValueError for an unknown protection, a ttl_s not above 0 or no worker.
    """
    if not ttl_s > 0 or workers < 1:
        raise ValueError(f"need ttl_s above 0 seconds and at least 1 worker, got {ttl_s} and {workers}")
    fronts: list[Front] = []

    def build(env: simpy.Environment, rng: np.random.Generator) -> Front:
        fronts.append(Front(env, rule(protection), ttl_s, workers))
        fronts[0].copies.update(kept or {})
        return fronts[0]

    trace = run(offered, build, seed=seed)
    name = protection if isinstance(protection, str) else getattr(protection, "__name__", "yours")
    return Run(name, trace, fronts[0].stale, fronts[0].computations)
