"""What a system in virtual time is made of: requests, components that serve them, and the simplest one, a server.

At the cheese counter two people serve, and there is room for ten to wait. Who comes eleventh goes home. That is a
server: workers, one waiting line, an end to it. Everything larger, a balancer or a cache, is built of such parts and
is itself one: a component, with one verb, ``serve(request)``.

Promised: first come, first served; no worker idles while somebody waits; a killed server answers every request it
held, with "failed". Parts work with callbacks, not with one SimPy process per request: three times as fast. Not
modelled: sockets, processors, memory.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from heapq import heappush
from typing import Any, Protocol

import simpy
from simpy.events import URGENT, Event

from minisys.testbed.trace import OUTCOMES

OK, REFUSED, FAILED, TIMEOUT, UNFINISHED = OUTCOMES


class Request:
    """One request on its way. The first six are given (see Workload); the rest is what became of it so far.

    started_s: when service began at the server that answered, NaN if never. server: its name. attempts: how often it
    was sent to a server. When and how it ended stands in the trace.
    """

    __slots__ = ("index", "arrival_s", "work_s", "key", "size", "luck", "started_s", "server", "attempts")

    def __init__(self, index: int, arrival_s: float, work_s: float, key: int, size: int, luck: float) -> None:
        self.index, self.arrival_s, self.work_s = index, arrival_s, work_s
        self.key, self.size, self.luck = key, size, luck
        self.started_s = math.nan
        self.server: str | None = None
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
        self.calendar, self.tickets = env._queue, env._eid

    def set(self, time_s: float) -> None:
        """Ring at *time_s* seconds."""
        self.callbacks = self.rings
        heappush(self.calendar, (time_s, self.priority, next(self.tickets), self))


class Worker(Alarm):
    """One of a server's workers: the alarm rings when *request* is finished. done is None while the worker idles."""

    request: Request
    done: Event | None = None


def settle(done: Event, outcome: str) -> None:
    """*done* succeeds with *outcome*, and everybody who waits for it hears of it here and now.

    Going through SimPy's calendar would cost half as much again, and let an arrival of this moment slip in between.
    """
    done._ok, done._value = True, outcome
    callbacks, done.callbacks = done.callbacks, None  # type: ignore[assignment]
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
    work_s / speed. warm_up_s: for so many seconds after the start or a restart it works at half speed.
    Raises ValueError for a bad number.
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
        _check(name, workers, queue, speed, warm_up_s)
        self.env, self.name, self.workers, self.speed, self.warm_up_s = env, name, workers, speed, warm_up_s
        self.room = math.inf if queue is None else queue
        self.factor, self.alive, self.warm_at = 1.0, True, env.now + warm_up_s
        self.waiting: deque[tuple[Request, Event]] = deque()
        self._hire()

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
        self.alive = False
        busy = sorted((w.request.started_s, w.request.index, w) for w in self.staff if w.done is not None)
        lost = [*(worker.done for *_, worker in busy if worker.done is not None), *(done for _, done in self.waiting)]
        for worker in self.staff:
            worker.done = None  # its alarm may still ring, for nobody
        self.waiting.clear()
        self._hire()
        for done in lost:
            settle(done, FAILED)

    def restart(self) -> None:
        """The process is back, empty and cold."""
        self.alive, self.warm_at = True, self.env.now + self.warm_up_s

    def slow(self, factor: float) -> None:
        """From now on work takes *factor* times as long (1: normal). Requests in service are not touched."""
        if not 0 < factor < math.inf:
            raise ValueError(f"server {self.name!r}: the factor must be above 0, got {factor}")
        self.factor = factor

    def _hire(self) -> None:
        self.staff = [Worker(self.env, self._finish) for _ in range(self.workers)]
        self.idle = list(self.staff)

    def _start(self, worker: Worker, request: Request, done: Event) -> None:
        now = self.env._now
        request.started_s, request.server = now, self.name
        worker.request, worker.done = request, done
        takes_s = request.work_s / self.speed * self.factor
        worker.set(now + (2 * takes_s if now < self.warm_at else takes_s))

    def _finish(self, worker: Worker) -> None:
        done = worker.done
        if done is None:  # the process was killed meanwhile
            return
        if self.waiting:
            self._start(worker, *self.waiting.popleft())
        else:
            worker.done = None
            self.idle.append(worker)
        settle(done, OK)


def _check(name: str, workers: int, queue: int | None, speed: float, warm_up_s: float) -> None:
    good = workers >= 1 and (queue is None or queue >= 0) and 0 < speed < math.inf and 0 <= warm_up_s < math.inf
    if not good:
        raise ValueError(
            f"server {name!r} needs workers >= 1, queue >= 0 or None, speed > 0 and warm_up_s >= 0, "
            f"got workers={workers}, queue={queue}, speed={speed}, warm_up_s={warm_up_s}"
        )
