"""A service that grows and shrinks, in virtual time: a flash sale in a second, as often as you like.

You would like to know what happens if the boots take four minutes instead of one, at the height of the sale. Nobody
will let you try. Here the line, the machines and the controller are the parts of a simulation, and the rule is the very
object that the live controller asks.

Promised: one line for all machines, first come, first served; a request goes to the machine with the fewest in service,
of several the oldest; a machine that has to go takes nothing new and finishes what it has, so no request is lost; one
seed gives one answer. Not modelled: the balancer's own time, retries, a metric that comes late.
"""

from __future__ import annotations

import math
from collections import deque
from functools import partial

import numpy as np
import simpy
from simpy.events import Event

from minisys.autoscaling.cloud import Cloud, Fleet, Lease
from minisys.autoscaling.policies import Policy
from minisys.autoscaling.record import Run
from minisys.testbed import simulation
from minisys.testbed.simulation import OK, REFUSED, Alarm, Request, refuse, settle
from minisys.testbed.workload import Workload

READY, NOTICE, LOOK = 0.25, 0.5, 0.75  # what comes first at one moment: answers (0), these, arrivals (1)
DEFAULT = Cloud()


def simulate(
    policy: Policy, workload: Workload, *, cloud: Cloud = DEFAULT, seed: int = 0, progress: bool = False
) -> Run:
    """What came of *workload* on the machines of *cloud* while *policy* decided how many there are.

    *seed* draws the boots and the spot machines' lives. Raises ValueError if some work is longer than the notice of a
    spot machine, RuntimeError if requests still wait a day after the last came.
    """
    check(workload, cloud)
    made: list[Service] = []

    def build(env: simpy.Environment, _: np.random.Generator) -> Service:
        made.append(Service(env, Fleet(policy, cloud, seed), float(workload.arrival_s[-1])))
        return made[0]

    trace = simulation.simulate(workload, build, seed=seed, progress=progress)
    finished = trace.frame["finished_s"].to_numpy()
    names = np.array([int(name) for name in trace.servers] + [-1], dtype=np.int64)
    server = names[trace.frame["server"].cat.codes.to_numpy()]
    fleet = made[0].fleet
    return Run(workload, cloud, trace.frame["started_s"].to_numpy(), finished, server, fleet.looks, fleet.leases)


def check(workload: Workload, cloud: Cloud) -> None:
    """Raises ValueError for an empty workload, or one whose work outlasts a spot machine's notice."""
    if not len(workload):
        raise ValueError("the workload has no request")
    longest = float(workload.work_s.max())
    if cloud.spot and longest > cloud.notice_s:
        raise ValueError(f"a request of {longest:g} s of work outlasts the notice of {cloud.notice_s:g} s")


class Machine:
    """One machine: its lease, how many requests it serves, and how long its workers were busy since the last look."""

    def __init__(self, lease: Lease) -> None:
        self.lease, self.in_flight, self.busy_s, self.since_s, self.open = lease, 0, 0.0, 0.0, False

    def account(self, now: float) -> None:
        """Count the busy seconds up to *now*."""
        self.busy_s += self.in_flight * (now - self.since_s)
        self.since_s = now


class Service:
    """The line, the machines and the controller: a component that takes requests."""

    def __init__(self, env: simpy.Environment, fleet: Fleet, over_s: float) -> None:
        self.env, self.fleet, self.cloud, self.over_s = env, fleet, fleet.cloud, over_s
        self.room = math.inf if self.cloud.queue is None else self.cloud.queue
        self.line: deque[tuple[Request, Event]] = deque()
        self.machines: list[Machine] = []
        self.arrived, self.tick = 0, 1
        for lease in fleet.leases:
            self.machines.append(Machine(lease))
            self._open(self.machines[-1])
        self.alarm = Alarm(env, self._look, LOOK)
        self.alarm.set(self.cloud.period_s)

    def serve(self, request: Request) -> Event:
        """Serve *request* at the least busy machine, or let it wait, or refuse it."""
        done = Event(self.env)
        self.arrived += 1
        free = [each for each in self.machines if each.open and each.in_flight < self.cloud.workers]
        if free:
            self._start(min(free, key=lambda each: (each.in_flight, each.lease.number)), request, done)
        elif len(self.line) < self.room:
            self.line.append((request, done))
        else:
            refuse(done, REFUSED)
        return done

    def _start(self, machine: Machine, request: Request, done: Event) -> None:
        now = self.env._now
        machine.account(now)
        machine.in_flight += 1
        request.started_s, request.server = now, str(machine.lease.number)
        Alarm(self.env, partial(self._finish, machine, done)).set(now + request.work_s)

    def _finish(self, machine: Machine, done: Event, _: Event) -> None:
        machine.account(self.env._now)
        machine.in_flight -= 1
        if machine.open and self.line:
            self._start(machine, *self.line.popleft())
        elif not machine.open and not machine.in_flight:
            machine.lease.stopped_s = self.env._now
        settle(done, OK)

    def _open(self, machine: Machine) -> None:
        machine.open, machine.since_s = True, self.env._now
        while self.line and machine.in_flight < self.cloud.workers:
            self._start(machine, *self.line.popleft())

    def _close(self, lease: Lease) -> None:
        machine = self.machines[lease.number]
        machine.open = False
        if not machine.in_flight:
            lease.stopped_s = min(lease.stopped_s, self.env._now)

    def _ready(self, lease: Lease, _: Event) -> None:
        if lease.left_s == math.inf:
            self._open(self.machines[lease.number])

    def _notice(self, lease: Lease, _: Event) -> None:
        if lease.left_s == math.inf:
            self._close(self.fleet.leave(lease, self.env._now))

    def _look(self, _: Event) -> None:
        now, period_s = self.env._now, self.cloud.period_s
        for lease in self.fleet.live:
            if lease.ready_s <= now:
                self.machines[lease.number].account(now)
        busy = [machine.busy_s for machine in self.machines]
        starts, leaves = self.fleet.look(now, busy, self.arrived / period_s, len(self.line), self.over_s)
        for lease in starts:
            self.machines.append(Machine(lease))
            Alarm(self.env, partial(self._ready, lease), READY).set(lease.ready_s)
            if lease.spot:
                Alarm(self.env, partial(self._notice, lease), NOTICE).set(lease.notice_s)
        for lease in leaves:
            self._close(lease)
        for machine in self.machines:
            machine.busy_s = 0.0
        self.arrived, self.tick = 0, self.tick + 1
        self.alarm.set(self.tick * period_s)
