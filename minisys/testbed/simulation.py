"""A system in virtual time: requests go in, a trace comes out, and a day of traffic passes in seconds.

Nobody may crash the shop at noon to see what happens. In virtual time anybody may, a thousand times, with other seeds.
`build` makes the system out of components (server.py); `simulate` sends it the workload and writes down what came back.

Promised: no request is lost and time runs forwards (`Trace.check`), Little's law holds in every run that finishes, one
seed gives one answer, and where two things happen at the same moment departures come before arrivals. Not promised:
the width of the answer's band; run at least five seeds (`trace.band`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

import numpy as np
import simpy
from simpy.core import StopSimulation
from simpy.events import NORMAL, Event

from minisys.testbed.server import (
    FAILED,
    OK,
    REFUSED,
    TIMEOUT,
    UNFINISHED,
    Alarm,
    Component,
    Request,
    Server,
    refuse,
    settle,
)
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload, stream

__all__ = [
    "FAILED", "OK", "REFUSED", "TIMEOUT", "UNFINISHED",
    "Alarm", "Component", "Request", "Server", "refuse", "settle", "simulate",
]  # fmt: skip
CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}


def simulate(
    workload: Workload,
    build: Callable[[simpy.Environment, np.random.Generator], Component],
    *,
    seed: int = 0,
    until: float | None = None,
    progress: bool = False,
) -> Trace:
    """Send *workload* into the component that *build* makes, in virtual time, and return the trace.

    build(env, rng) gets the SimPy environment and a generator seeded by *seed*. The run ends with the last answer, or
    before the first thing that happens at *until* (seconds): what is inside then is "unfinished". *progress* shows a
    bar. Raises ValueError for a bad *until* or an unknown outcome, RuntimeError if a request got lost on the way.
    """
    if until is not None and not until > 0:
        raise ValueError(f"until must be above 0 seconds, or None, got {until}")
    env = simpy.Environment()
    users = _Users(env, workload, build(env, stream(seed, "system")))
    if progress:
        _run_with_bar(env, workload, until)
    else:
        env.run(until)
    return users.trace(complete=until is None)


class _Users:
    """Sends the workload's requests at their times, notes how each ended, and keeps Little's account beside it."""

    def __init__(self, env: simpy.Environment, workload: Workload, component: Component) -> None:
        self.env, self.workload, self.component = env, workload, component
        self.sent, self.inside, self.area, self.last = 0, 0, 0.0, 0.0
        n = len(workload)
        self.started, self.finished = array("d", [math.nan]) * n, array("d", [math.nan]) * n
        self.server, self.attempts = array("h", [-1]) * n, array("h", [1]) * n
        self.outcome = array("b", [CODES[UNFINISHED]]) * n
        self.names: dict[str | None, int] = {None: -1}
        self.coming = _requests(workload)
        self.alarm = Alarm(env, self._arrive, NORMAL)
        self._await_next()

    def _await_next(self) -> None:
        self.next = next(self.coming, None)
        if self.next is not None:
            self.alarm.set(self.next.arrival_s)

    def _arrive(self, _: Event) -> None:
        request, now = self.next, self.env._now
        assert request is not None
        self.area += self.inside * (now - self.last)
        self.inside, self.last, self.sent = self.inside + 1, now, self.sent + 1
        done = self.component.serve(request)
        done.callbacks.append(partial(self._answered, request))
        self._await_next()

    def _answered(self, request: Request, done: Event) -> None:
        now, i, outcome = self.env._now, request.index, done._value
        self.area += self.inside * (now - self.last)
        self.inside, self.last = self.inside - 1, now
        self.started[i], self.finished[i], self.attempts[i] = request.started_s, now, request.attempts
        if outcome not in CODES or outcome == UNFINISHED:
            raise ValueError(f"request {i} was answered with {outcome!r}; known outcomes: {', '.join(OUTCOMES[:-1])}")
        self.outcome[i] = CODES[outcome]
        if request.server not in self.names:
            self.names[request.server] = len(self.names) - 1
        self.server[i] = self.names[request.server]
        if not self.inside and self.next is None:
            self._stop()

    def _stop(self) -> None:
        """Everybody has an answer; health checks and the like would go on for ever."""
        over = Event(self.env)
        over.callbacks.append(StopSimulation.callback)
        over.succeed()

    def trace(self, complete: bool) -> Trace:
        """The trace so far. Raises RuntimeError if requests are missing or Little's law does not hold."""
        if complete and self.inside:
            raise RuntimeError(f"{self.inside} of {self.sent} requests never came back: a component lost them")
        sent = self.workload[: self.sent]
        columns = (self.started, self.finished, self.server, self.outcome, self.attempts)
        started, finished, server, outcome, attempts = (np.array(column[: self.sent]) for column in columns)
        if complete:
            _check_little(self.area, float((finished - sent.arrival_s).sum()))
        names = [name for name in self.names if name is not None]
        order = np.argsort(np.argsort(names)) if names else np.array([], dtype=int)
        server = np.r_[order, -1][server]  # codes in the order of the names, whoever answered first
        times = sent.arrival_s, started, finished
        return Trace.from_columns(*times, server, sorted(names), outcome, attempts, sent.key).check()


def _check_little(area: float, stayed: float) -> None:
    """Little's law: the number inside, summed over time, is the time inside, summed over requests."""
    if abs(area - stayed) > 1e-6 * max(area, 1.0):
        raise RuntimeError(f"Little's law fails: number inside over time {area}, time inside {stayed}")


def _requests(workload: Workload, block: int = 10_000) -> Iterator[Request]:
    """The requests one by one; as Python numbers in blocks, so that a million of them do not lie in memory twice."""

    def part(first: int) -> Iterator[Request]:
        some = workload[first : first + block]
        columns = (some.arrival_s, some.work_s, some.key, some.size, some.luck)
        return map(Request, range(first, first + len(some)), *(column.tolist() for column in columns))

    return chain.from_iterable(map(part, range(0, len(workload), block)))


def _run_with_bar(env: simpy.Environment, workload: Workload, until: float | None) -> None:
    """Run to the end with a progress bar that goes by virtual time."""
    from rich.progress import Progress

    last = float(workload.arrival_s[-1]) if len(workload) else 0.0
    end = last if until is None else min(until, last)
    with Progress(transient=True) as bar:
        task = bar.add_task("simulating", total=100)
        for percent in range(1, 100):
            if (stop := end * percent / 100) > env.now:
                env.run(stop)
            bar.update(task, completed=percent)
        env.run(until)
