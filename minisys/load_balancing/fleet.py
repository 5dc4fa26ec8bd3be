"""The backends behind one balancer in virtual time, and who of them may get a request now.

At 11:02 backend b dies. Nobody tells the balancer: it finds out, after two failed checks, and until then it goes on
sending users there. How many they are is decided here, by intervals and thresholds, not by the choice of a policy.

Promised: plans are carried out to the moment; active checks find the dead and the paused and put them back; ejection
and slow start work as in health.py. Not done here: the choice and the retries (model.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import simpy
from simpy.events import Event

from minisys.load_balancing.health import Health, OutlierEjection, slow_start
from minisys.load_balancing.plan import HealthCheck, Step, all_names, check_plan, speeds
from minisys.load_balancing.policies import Policy, new_pool
from minisys.testbed.simulation import FAILED, Alarm, Request, Server, settle


def at(env: simpy.Environment, time_s: float, call: Callable[[], object]) -> None:
    """Do *call* at *time_s* seconds, before the arrivals of that moment."""
    Alarm(env, lambda _: call()).set(time_s)


class Backend(Server):
    """A server that can also be paused, as by SIGSTOP: it answers nobody and refuses nobody, until it is resumed.

    Work that would have ended during the pause ends when it is resumed, because a sleeper's clock goes on; who
    connected meanwhile is served then. A paused process can be killed.
    """

    paused = False

    def serve(self, request: Request) -> Event:
        """Serve *request*, or keep it in the kernel's backlog while paused."""
        if not (self.paused and self.alive):
            return super().serve(request)
        self.backlog.append((request, done := Event(self.env)))
        return done

    def pause(self) -> None:
        """From now on nothing gets an answer."""
        if not self.paused:
            self.paused = True
            self.overdue: list = []  # workers
            self.backlog: list[tuple[Request, Event]] = []

    def resume(self) -> None:
        """Go on: first what is overdue, then who connected meanwhile."""
        if self.paused:
            self.paused = False
            for worker in self.overdue:
                super()._finish(worker)
            for request, done in self.backlog:
                self._serve_late(request, done)

    def kill(self) -> None:
        """The process dies, paused or not, with everything in it."""
        lost = self.backlog if self.paused else []
        self.paused = False
        super().kill()
        for _, done in lost:
            settle(done, FAILED)

    def stop(self) -> None:
        """It refuses whoever comes from now on, and finishes what it has."""
        self.alive = False

    def _serve_late(self, request: Request, done: Event) -> None:
        answer = super().serve(request)
        assert answer.callbacks is not None
        answer.callbacks.append(lambda event: settle(done, event.value))

    def _finish(self, worker: Any) -> None:
        if self.paused:
            self.overdue.append(worker)
        else:
            super()._finish(worker)


@dataclass(frozen=True)
class Shape:
    """What the backends are like: workers and queue of each, weights and speeds in the order of their names."""

    names: Sequence[str]
    workers: int = 1
    queue: int | None = None
    weights: Sequence[float] | None = None
    speed: Sequence[float] | None = None


class Fleet:
    """The backends of *shape*, what *plan* does to them, and the pool that the policy sees.

    health: the active checks, None for none. ejection: passive checks. slow_start_s: seconds until a backend that
    came back has its full weight. Raises ValueError for a plan or shape that makes no sense.
    """

    def __init__(
        self,
        env: simpy.Environment,
        policy: Policy,
        shape: Shape,
        plan: Sequence[Step] = (),
        health: HealthCheck | None = None,
        ejection: OutlierEjection | None = None,
        slow_start_s: float = 0.0,
    ) -> None:
        plan = check_plan(plan, shape.names)
        self.env, self.policy, self.health, self.ejection = env, policy, health, ejection
        self.slow_start_s = slow_start_s
        self.names = all_names(plan, shape.names)
        new = len(self.names) - len(shape.names)
        rates = speeds(shape.speed, shape.names) + [1.0] * new
        weights = new_pool(shape.names, shape.weights, policy).weight
        self.pool = new_pool(self.names, weights + [0.0] * new, policy)
        self.weights = list(self.pool.weight)  # as configured; the pool has them as slow start leaves them
        self.backends = [
            Backend(env, name, workers=shape.workers, queue=shape.queue, speed=rate)
            for name, rate in zip(self.names, rates, strict=True)
        ]
        self.here = [True] * len(shape.names) + [False] * new
        self.states = [Health(health.rise, health.fall) if health else Health() for _ in self.names]
        self.warming: dict[int, float] = {}
        self.fragile = bool(plan)
        for step in plan:
            at(env, step.at_s, partial(self._carry_out, step))
        if health and any(step.action in ("kill", "stop", "pause") for step in plan):  # else every check would say yes
            at(env, env.now + health.interval_s, self._check_all)

    def warm(self) -> None:
        """Bring the weights of the backends in slow start up to date."""
        for i, since in list(self.warming.items()):
            self.pool.weight[i] = slow_start(self.weights[i], self.env.now - since, self.slow_start_s)
            if self.env.now - since >= self.slow_start_s:
                del self.warming[i]

    def seen(self, i: int, ok: bool) -> None:
        """Note how a real request to backend *i* went; it may be put aside for a while."""
        if self.ejection is not None:
            until = self.ejection.seen(self.names[i], ok, sum(self.here), self.env.now)
            if until is not None:
                self._refresh()
                at(self.env, until, self._refresh)

    def _carry_out(self, step: Step) -> None:
        i = self.names.index(step.backend)
        backend = self.backends[i]
        if step.action == "add":
            self.here[i], self.warming[i] = True, self.env.now
            self._weigh(i, step.value)
        elif step.action == "drain":
            self.here[i] = False
        elif step.action == "remove":
            self.here[i] = False
            self._weigh(i, 0.0)
        elif step.action == "weight":
            self._weigh(i, step.value)
        elif step.action == "slow":
            backend.slow(step.value)
        else:
            getattr(backend, step.action)()  # kill, stop, restart, pause, resume
        self._refresh()

    def _weigh(self, i: int, weight: float) -> None:
        """Backend *i* weighs *weight* from now on, and the lookup table follows."""
        self.weights[i] = self.pool.weight[i] = weight
        self.pool.table[:], self.pool.place[:] = self.policy.build_table(self.names, self.weights)

    def _refresh(self) -> None:
        """Who is eligible: here, well, not put aside, with some weight."""
        now, ejection = self.env.now, self.ejection
        self.pool.eligible[:] = [
            i
            for i, name in enumerate(self.names)
            if self.here[i]
            and self.weights[i] > 0
            and self.states[i].up
            and not (ejection and ejection.is_out(name, now))
        ]

    def _check_all(self) -> None:
        """Ask all backends; a paused one has until the time limit to answer. Then wait for the next round."""
        assert self.health is not None
        if self.env.peek() == math.inf:  # nothing else will ever happen: the run is over
            return
        at(self.env, self.env.now + self.health.interval_s, self._check_all)
        for i, backend in enumerate(self.backends):
            if backend.paused:
                at(self.env, self.env.now + self.health.timeout_s, partial(self._checked, i))
            else:
                self._checked(i)

    def _checked(self, i: int) -> None:
        change = self.states[i].seen(self.backends[i].alive and not self.backends[i].paused)
        if change == "up":
            self.warming[i] = self.env.now
        if change:
            self._refresh()
