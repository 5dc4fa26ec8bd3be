"""A system in virtual time: requests go in, a trace comes out, and a day of traffic passes in seconds.

Nobody may crash the shop at noon to see what happens. In virtual time anybody may, a thousand times, with other seeds.

Every part of a system, a server, a balancer or a cache, is a component with one verb, ``serve(request)``. It answers
with a SimPy event that succeeds with the outcome when the request is done. Components are made of components. Parts
work with callbacks instead of one SimPy process per request, which makes them four to five times faster.

Promised: no request is lost (`Trace.check`), Little's law holds in every run that finishes, one seed gives one answer,
and where two things happen at the same time departures come before arrivals. Not modelled: sockets and processors.
"""

from __future__ import annotations

import gc
import math
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappush
from typing import Any, Protocol

import numpy as np
import simpy
from simpy.events import NORMAL, URGENT, Event

from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload, stream

OK, REFUSED, FAILED, TIMEOUT, UNFINISHED = OUTCOMES
CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
UNFINISHED_CODE = CODES[UNFINISHED]


class Request:
    """One request on its way. The first six are given (see Workload); the rest is what became of it so far.

    started_s: service began at the server that answered. attempts: how often it was sent to a server.
    """

    __slots__ = (
        "index", "arrival_s", "work_s", "key", "size", "luck", "started_s", "finished_s", "server", "outcome", "attempts",
    )  # fmt: skip

    def __init__(self, index: int, arrival_s: float, work_s: float, key: int, size: int, luck: float) -> None:
        self.index, self.arrival_s, self.work_s, self.key, self.size, self.luck = index, arrival_s, work_s, key, size, luck
        self.started_s = self.finished_s = math.nan
        self.server: str | None = None
        self.outcome = UNFINISHED
        self.attempts = 1


class Component(Protocol):
    """Anything that takes requests."""

    def serve(self, request: Request) -> Event:
        """An event that succeeds with the outcome ("ok", "refused", "failed", "timeout") when *request* is done."""


class Alarm(Event):
    """An event that calls *ring* at the time it is set to, and may be set again afterwards.

    Set by absolute time: SimPy's delays can miss a time by one bit (now + (time - now)), and then two worlds differ by
    one request. *priority* URGENT rings before the arrivals of the same moment, NORMAL among them.
    """

    def __init__(self, env: simpy.Environment, ring: Callable[[Any], Any], priority: Any = URGENT) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        self.priority, self.rings = priority, [ring]

    def set(self, time_s: float) -> None:
        """Ring at *time_s* seconds."""
        self.callbacks = self.rings
        env = self.env
        heappush(env._queue, (time_s, self.priority, next(env._eid), self))


class _Worker(Alarm):
    """One of a server's workers: the alarm rings when it has finished what it serves."""

    request: Request
    done: Event


def settle(done: Event, outcome: str) -> None:
    """*done* succeeds with *outcome*, and everybody who waits for it hears of it here and now.

    Going through SimPy's calendar would cost half as much again, and let an arrival of this moment slip in between.
    """
    done._ok, done._value = True, outcome
    callbacks, done.callbacks = done.callbacks, None
    for callback in callbacks:
        callback(done)


def refuse(done: Event, outcome: str) -> Event:
    """*done* succeeds with *outcome* as soon as the caller, who does not have it yet, has had time to listen."""
    done._ok, done._value = True, outcome
    done.env.schedule(done, URGENT)
    return done


class Server:
    """*workers* who each serve one request at a time, first come first served, from one waiting line.

    queue: how many may wait (None: no limit); who finds it full is refused. speed: work_s seconds of work take
    work_s / speed. warm_up_s: for so long after (re)start it works at half speed. Raises ValueError for a bad number.
    """

    def __init__(
        self,
        env: simpy.Environment,
        name: str,
        *,
        workers: int = 1,
        queue: int | None = None,
        speed: float = 1.0,
        warm_up_s: float = 0.0,
    ) -> None:
        if workers < 1 or (queue is not None and queue < 0) or not speed > 0 or not warm_up_s >= 0:
            raise ValueError(
                f"server {name!r} needs workers >= 1, queue >= 0 or None, speed > 0 and warm_up_s >= 0, "
                f"got {workers}, {queue}, {speed}, {warm_up_s}"
            )
        self.env, self.name, self.workers, self.speed, self.warm_up_s = env, name, workers, speed, warm_up_s
        self.room = math.inf if queue is None else queue
        self.factor, self.alive, self.warm_at = 1.0, True, warm_up_s and env.now + warm_up_s
        self.waiting: deque[tuple[Request, Event]] = deque()
        self.idle = [_Worker(env, self._finish) for _ in range(workers)]
        self.busy: dict[_Worker, None] = {}  # in order of starting

    def serve(self, request: Request) -> Event:
        """Serve *request*: at once if a worker is free, else in turn."""
        done = Event(self.env)
        if not self.alive:
            refuse(done, FAILED)
        elif self.idle:
            self._start(self.idle.pop(), request, done)
        elif len(self.waiting) < self.room:
            self.waiting.append((request, done))
        else:
            refuse(done, REFUSED)
        return done

    def kill(self) -> None:
        """The process dies: everything in it fails now, and everything sent to it until restart() fails at once."""
        lost = [*(worker.done for worker in self.busy), *(done for _, done in self.waiting)]
        self.alive, self.idle, self.busy = False, [_Worker(self.env, self._finish) for _ in range(self.workers)], {}
        self.waiting.clear()
        for done in lost:
            settle(done, FAILED)

    def restart(self) -> None:
        """The process is back, empty and cold."""
        self.alive, self.warm_at = True, self.env.now + self.warm_up_s

    def slow(self, factor: float) -> None:
        """From now on work takes *factor* times as long (1: normal). Requests in service are not touched."""
        if not factor > 0:
            raise ValueError(f"server {self.name!r}: the factor must be above 0, got {factor}")
        self.factor = factor

    def _start(self, worker: _Worker, request: Request, done: Event) -> None:
        now = self.env._now
        request.started_s, request.server = now, self.name
        worker.request, worker.done = request, done
        self.busy[worker] = None
        cold = 2.0 if now < self.warm_at else 1.0
        worker.set(now + request.work_s / self.speed * self.factor * cold)

    def _finish(self, worker: _Worker) -> None:
        if worker not in self.busy:  # the process was killed meanwhile
            return
        del self.busy[worker]
        done = worker.done
        if self.waiting:
            self._start(worker, *self.waiting.popleft())
        else:
            self.idle.append(worker)
        settle(done, OK)


def simulate(
    workload: Workload,
    build: Callable[[simpy.Environment, np.random.Generator], Component],
    *,
    seed: int = 0,
    until: float | None = None,
    progress: bool = False,
) -> Trace:
    """Send *workload* into the component that *build* makes, in virtual time, and return the trace.

    build(env, rng) gets the SimPy environment and a generator seeded by *seed*. *until* (seconds) cuts the run off:
    what is still inside is "unfinished". *progress* shows a bar. Raises RuntimeError if a request got lost on the way.
    """
    env = simpy.Environment()
    users = _Users(env, workload, build(env, stream(seed, "system")))
    collecting = gc.isenabled()
    gc.disable()  # a run makes no cycles, and looking for them costs a fifth of it
    try:
        if progress:
            _run_with_bar(env, workload, until)
        else:
            env.run(until)
    finally:
        if collecting:
            gc.enable()
    return users.trace(complete=until is None)


class _Users:
    """Sends the workload's requests at their times, notes how each ended, and keeps Little's account beside it."""

    def __init__(self, env: simpy.Environment, workload: Workload, component: Component) -> None:
        self.env, self.workload, self.component = env, workload, component
        self.sent, self.inside, self.area, self.last = 0, 0, 0.0, 0.0
        n = len(workload)
        self.started, self.finished = array("d", [math.nan]) * n, array("d", [math.nan]) * n
        self.server, self.outcome = array("h", [-1]) * n, array("b", [UNFINISHED_CODE]) * n
        self.attempts = array("h", [1]) * n
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
        done.callbacks.append(lambda event: self._answered(request, event._value))
        self._await_next()

    def _answered(self, request: Request, outcome: str) -> None:
        now, i = self.env._now, request.index
        self.area += self.inside * (now - self.last)
        self.inside, self.last = self.inside - 1, now
        self.started[i], self.finished[i], self.attempts[i] = request.started_s, now, request.attempts
        self.outcome[i], server = CODES[outcome], request.server
        if server not in self.names:
            self.names[server] = len(self.names) - 1
        self.server[i] = self.names[server]

    def trace(self, complete: bool) -> Trace:
        """The trace so far. Raises RuntimeError if requests are missing or Little's law does not hold."""
        if complete and self.inside:
            raise RuntimeError(f"{self.inside} of {self.sent} requests never came back: a component lost them")
        sent = self.workload[: self.sent]
        columns = (self.started, self.finished, self.server, self.outcome, self.attempts)
        started, finished, server, outcome, attempts = (np.array(column[: self.sent]) for column in columns)
        if complete:
            stayed = float((finished - sent.arrival_s).sum())
            if abs(self.area - stayed) > 1e-6 * max(self.area, 1.0):
                raise RuntimeError(f"Little's law fails: number inside over time {self.area}, time inside {stayed}")
        names = [str(name) for name in self.names if name is not None]
        order = np.argsort(np.argsort(names)) if names else np.array([], dtype=int)
        server = np.r_[order, -1][server]  # codes in the order of the names, whoever answered first
        return Trace.from_columns(sent.arrival_s, started, finished, server, sorted(names), outcome, attempts, sent.key)


def _requests(workload: Workload, block: int = 10_000) -> Iterator[Request]:
    """The requests one by one; as Python numbers in blocks, so that a million of them do not lie in memory twice."""
    for first in range(0, len(workload), block):
        part = workload[first : first + block]
        columns = (part.arrival_s, part.work_s, part.key, part.size, part.luck)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for i, row in enumerate(rows, first):
            yield Request(i, *row)


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
