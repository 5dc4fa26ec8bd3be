"""Healing for real: a supervisor over live processes, crashes made on purpose, and the time until each is repaired.

At 3:12 a process dies. Who notices, who repairs, and how long do users pay? Here processes get SIGKILL behind the live
balancer while Locust's users ask, once with the supervisor and once with a human who comes some seconds later.

    with_it, without = healing(), healing(book=None); with_it.mttr_s, without.mttr_s

Promised: decisions are supervisor.py's, the ones that the model makes; every act is in `acts`; nothing outlives
the run. Times are scaled down: a human who needs HUMAN_S = 4 s stands for one who needs a quarter of an hour. Not
promised: milliseconds that repeat.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Any

from minisys.load_balancing.live import Cluster, cluster
from minisys.observability.repairs import World, watch
from minisys.observability.runbooks import Limits, Runbook, Runbooks
from minisys.observability.supervisor import Act, Supervisor
from minisys.testbed.load import load
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Constant, Deterministic, Workload, workload

HUMAN_S, STEADY_S = 4.0, 0.3  # a process that lives so long is there
LIVE = Runbooks(
    (
        Runbook("dead", ("restart", "restart", "restart", "page"), after=1),
        Runbook("silent", ("restart", "replace", "page")),
        Runbook("slow", ("drain", "page"), after=5),
    ),
    Limits(steps=3, within_s=30.0, wait_s=1.0, longest_wait_s=4.0),
)


@dataclass(frozen=True)
class Outage:
    """Backend *name* was killed at *began_s* and served again at *back_s* seconds (None: not while we looked)."""

    name: str
    began_s: float
    back_s: float | None


@dataclass(frozen=True)
class Healed:
    """What came of a run: the users' *trace*, the *outages*, what the supervisor did (*acts*, times in the trace's
    seconds) and the pages among it.
    """

    trace: Trace
    outages: list[Outage]
    acts: list[Act]

    @property
    def repaired(self) -> int:
        """How many outages ended."""
        return sum(each.back_s is not None for each in self.outages)

    @property
    def mttr_s(self) -> float:
        """Mean time from SIGKILL until the balancer sends requests to the new process, of those repaired."""
        return fmean(each.back_s - each.began_s for each in self.outages if each.back_s is not None)

    @property
    def pages(self) -> list[Act]:
        """Calls for a human."""
        return [act for act in self.acts if act.action == "page"]

    @property
    def failed(self) -> int:
        """Requests that did not end well."""
        return len(self.trace) - self.trace.count("ok")


def healing(
    book: Runbooks | None = LIVE,
    *,
    crashes: int = 3,
    every_s: float = 1.5,
    loop: str = "",
    human_s: float = HUMAN_S,
    seed: int = 0,
    progress: bool = False,
) -> Healed:
    """Three backends, *crashes* SIGKILLs *every_s* seconds apart to one after the other, and users all the while.

    book: what the supervisor goes by; None: a human restarts each *human_s* seconds after its death. loop: the backend
    that afterwards dies again and again, as soon as it is there. Raises ValueError for negative numbers.
    """
    if loop not in ("", *"abc"):
        raise ValueError(f"there are backends a, b and c, not {loop!r}")
    if crashes < 0 or not every_s > 0 or not human_s >= 0:
        raise ValueError(f"need crashes >= 0, every_s > 0, human_s >= 0; got {crashes}, {every_s}, {human_s}")
    with cluster(backends=3, workers=4) as shop:
        run = _Run(shop, book, human_s)
        deaths = [(1.0 + number * every_s, "abc"[number % 3]) for number in range(crashes)]
        plan: list[tuple[float, Callable[[], Any]]] = [(at_s, partial(run.crash, name)) for at_s, name in deaths]
        if loop:
            plan = [*plan, (1.0 + crashes * every_s, partial(run.loop, loop))]
        offered = steady(1.0 + crashes * every_s + 2.0 + bool(loop), seed=seed)
        with run:
            trace = load(shop.url, offered, at=[(0.0, run.begin), *plan], progress=progress)
            run.wait(human_s + 5.0 if book is None else 8.0)
    return Healed(trace, run.outages(), [replace(act, at_s=act.at_s - run.began_s) for act in run.acts])


def steady(for_s: float, rate_per_s: float = 40.0, seed: int = 0) -> Workload:
    """Even traffic of 20 ms a request."""
    return workload(round(for_s * rate_per_s), arrivals=Constant(rate_per_s), work=Deterministic(0.02), seed=seed)


class _Run:
    """The crashes of one run, who repairs them, and when each was over."""

    def __init__(self, shop: Cluster, book: Runbooks | None, human_s: float) -> None:
        self.shop, self.book, self.human_s = shop, book, human_s
        self.world, self.began_s = World(shop), 0.0
        self.acts: list[Act] = []
        self.open: list[tuple[str, float, int]] = []  # place, when, pid
        self.closed: list[Outage] = []
        self.seen_s: dict[int, float] = {}  # pid of a new process: when it first got requests
        self.stop, self.threads = threading.Event(), list[threading.Thread]()

    def __enter__(self) -> _Run:
        self._go(self._record)
        if self.book is not None:
            self._go(self._supervise)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.world.close()

    def _go(self, what: Callable[[], None]) -> None:
        self.threads.append(threading.Thread(target=what))
        self.threads[-1].start()

    def _supervise(self) -> None:
        assert self.book is not None
        watch(Supervisor(self.book), self.world, self.stop, acts=self.acts)

    def begin(self) -> None:
        """The users begin."""
        self.began_s = time.monotonic()

    def crash(self, place: str) -> None:
        """SIGKILL the process at *place*; without a supervisor a human is on the way."""
        node = self.world.node(place)
        self.open.append((place, time.monotonic(), node.pid))
        node.kill()
        if self.book is None:
            self._go(lambda: None if self.stop.wait(self.human_s) else self.shop.restart(self.world.at[place]))

    def loop(self, place: str) -> None:
        """From now on whatever serves at *place* dies at once."""
        self.crash(place)
        self._go(partial(self._again, place))

    def _again(self, place: str) -> None:
        while not self.stop.wait(0.05):
            if (node := self.world.node(place)).running:
                node.kill()

    def _record(self) -> None:
        """Close an outage once another process of that place gets requests."""
        while not self.stop.wait(0.02):
            states = {row["name"]: row["state"] for row in self.shop.backends()} if self.open else {}
            for outage in list(self.open):
                place, at_s, pid = outage
                node = self.world.node(place)
                if node.pid != pid and node.running and states.get(self.world.at[place]) == "up":
                    back_s = self.seen_s.setdefault(node.pid, time.monotonic())
                    if time.monotonic() - back_s >= STEADY_S:
                        self.open.remove(outage)
                        self.closed.append(Outage(place, at_s, back_s))

    def wait(self, at_most_s: float) -> None:
        """Until every outage is over, or a human was called, *at_most_s* seconds at the most."""
        until_s = time.monotonic() + at_most_s
        paged: set[str] = set()
        while {place for place, *_ in self.open} - paged and time.monotonic() < until_s:
            time.sleep(0.05)
            paged = {act.target for act in self.acts if act.action == "page"}

    def outages(self) -> list[Outage]:
        """All outages in their order, in seconds since the users began."""
        every = [*self.closed, *(Outage(place, at_s, None) for place, at_s, _ in self.open)]
        return [
            Outage(each.name, each.began_s - self.began_s, None if each.back_s is None else each.back_s - self.began_s)
            for each in sorted(every, key=lambda each: each.began_s)
        ]  # fmt: skip
