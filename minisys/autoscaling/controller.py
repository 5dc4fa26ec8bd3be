"""The controller: looks at the balancer twice a second, asks the policy, and brings machines in and out unnoticed.

It is the one program that may switch off the shop. Its metric disappears, its machines do not boot, it is killed
between "drain" and "stop": whatever happens, users must not pay for it. So it never remembers what it can ask, changes
nothing when it sees nothing, and takes a machine away only after the balancer says that nothing is on it.

Promised: level-triggered (after a restart it goes on from what is there); a machine is drained, seen empty, forgotten
by the balancer and then ended, in this order; between *minimum* and *maximum*; each trouble is one line when it begins
and one when it is over. A drained machine is asked back before a new one is ordered. Not done: two controllers at a
time, several groups of machines.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable
from statistics import fmean
from threading import Event

from minisys.autoscaling.machines import BOOTING, FAILED, LOST, RUNNING, Machine
from minisys.autoscaling.policies import Instance, Look, Policy, Seen
from minisys.autoscaling.world import Metrics, World
from minisys.testbed.nodes import NodeFailed

SAMPLES = 8  # of the metrics in one period: requests in flight change faster than anybody decides


class Controller:
    """Asks *policy* every *period_s* seconds and makes *world* follow.

    *minimum*, *maximum*: machines. *workers* of a machine. After a boot that failed, or took longer than
    *boot_limit_s*, nothing is ordered for *backoff_s* seconds, twice as long after the next one, at most
    *longest_backoff_s*; a machine that serves ends that. *say* gets its lines. `looks` holds what it saw and wanted.
    Raises ValueError unless 1 <= minimum <= maximum, workers >= 1 and the times are above 0.
    """

    def __init__(
        self,
        policy: Policy,
        world: World,
        *,
        minimum: int = 1,
        maximum: int = 10,
        workers: int = 2,
        period_s: float = 0.5,
        backoff_s: float = 1.0,
        longest_backoff_s: float = 60.0,
        boot_limit_s: float = 60.0,
        say: Callable[[str], None] = print,
    ) -> None:
        if not 1 <= minimum <= maximum or workers < 1:
            raise ValueError(f"need 1 <= minimum <= maximum and workers >= 1, got {minimum}, {maximum}, {workers}")
        if not min(period_s, backoff_s, longest_backoff_s, boot_limit_s) > 0:
            raise ValueError(
                f"times must be above 0 s, got {period_s}, {backoff_s}, {longest_backoff_s}, {boot_limit_s}"
            )
        self.policy, self.world, self.say = policy, world, say
        self.minimum, self.maximum, self.workers, self.period_s = minimum, maximum, workers, period_s
        self.backoff_s, self.longest_backoff_s, self.boot_limit_s = backoff_s, longest_backoff_s, boot_limit_s
        self.looks: list[Look] = []
        self.samples: list[Metrics] = []
        self.before: float | None = None  # requests that had come at the last look
        self.since: dict[str, float] = {}  # when each machine was seen serving first
        self.failures, self.not_before_s = 0, -math.inf
        self.told: set[str] = set()

    def sample(self, now: float) -> None:
        """Take one sample of the metrics, and do what is due: let in who has booted, end who is empty."""
        try:
            states, machines = self.world.backends(), self.world.machines()
            metrics = self.world.metrics()
        except NodeFailed as problem:
            self._trouble("blind", f"no metric ({problem}); nothing is changed until there is one")
            return
        self._over("blind", "the metric is back")
        self.samples.append(metrics)
        for machine in machines:
            try:
                self._attend(machine, states.get(machine.name, ""), metrics, now)
            except NodeFailed as problem:
                self._trouble(f"attend {machine.name}", f"{machine.name}: {problem}; tried again")
            else:
                self.told.discard(f"attend {machine.name}")

    def look(self, now: float) -> Look | None:
        """Ask the policy and order or drain machines; None, and nothing done, if there was no sample since the last."""
        samples, self.samples = self.samples, []
        if not samples:
            return None
        try:
            states, machines = self.world.backends(), self.world.machines()
            seen = self._seen(samples, states, machines)
            wanted = self._bounded(self.policy.desired(seen, now))
        except Exception as problem:  # a policy may be anybody's; the shop must survive it
            self._trouble("policy", f"no decision ({type(problem).__name__}: {problem}); nothing is changed")
            return None
        self._over("policy", "decisions are made again")
        load = seen.utilisation()
        ready = sum(each.ready for each in seen.instances)
        made = Look(now, seen.current, ready, math.nan if load is None else load, seen.rate_per_s, seen.backlog, wanted)
        self.looks.append(made)
        try:
            self._follow(wanted - seen.current, states, machines, now)
        except NodeFailed as problem:
            self._trouble("follow", f"{wanted} machines wanted, {seen.current} there: {problem}; tried again")
        else:
            self._over("follow", "the machines follow again")
        return made

    def _attend(self, machine: Machine, state: str, metrics: Metrics, now: float) -> None:
        """What one machine needs now, whoever ordered it."""
        name, empty = machine.name, metrics.in_flight.get(machine.name) == 0.0  # no metric: not known to be empty
        late = machine.state == BOOTING and now > machine.started_s + self.boot_limit_s
        if machine.state == FAILED or late:
            self.world.end(name)
            self._back_off(name, machine.reason or f"not ready after {self.boot_limit_s:g} s", now)
        elif machine.state == LOST:
            if state:
                self.world.forget(name)
            self.world.end(name)
            self.say(f"{name} is lost ({machine.reason}); it is replaced if the policy wants it")
        elif machine.state == RUNNING and not state:
            self.world.warm(machine)
            self.world.add(machine)
            self.failures, self.not_before_s = 0, -math.inf
        elif state == "draining" and empty:
            self.world.forget(name)
            self.world.end(name)
            self.since.pop(name, None)
        elif state == "up":
            self.since.setdefault(name, now)

    def _seen(self, samples: list[Metrics], states: dict[str, str], machines: list[Machine]) -> Seen:
        """What the policy may see: machines that serve or boot, with their mean load over the samples."""
        instances = []
        for machine in machines:
            state = states.get(machine.name, "")
            if machine.state not in (BOOTING, RUNNING) or state == "draining":
                continue
            ready = state == "up"
            busy = [
                min(each.in_flight[machine.name], self.workers) for each in samples if machine.name in each.in_flight
            ]
            load = fmean(busy) / self.workers if busy and ready else None
            changed_s = self.since.get(machine.name, machine.started_s) if ready else machine.started_s
            instances.append(Instance(load, machine.started_s, ready, changed_s))
        last = samples[-1]
        came = last.answers + sum(last.in_flight.values())
        rate_per_s = 0.0 if self.before is None else max(0.0, came - self.before) / self.period_s
        self.before = came
        waiting = sum(max(0.0, count - self.workers) for count in last.in_flight.values())
        return Seen(instances, rate_per_s, int(waiting))

    def _bounded(self, asked: int) -> int:
        """What the policy asked for, within the bounds; the ceiling is worth a line. Raises TypeError for 2.5."""
        asked = operator.index(asked)
        if asked > self.maximum:
            self._trouble("ceiling", f"{asked} machines wanted, {self.maximum} is the ceiling: users will wait")
        else:
            self._over("ceiling", f"below the ceiling of {self.maximum} again")
        return min(max(asked, self.minimum), self.maximum)

    def _follow(self, change: int, states: dict[str, str], machines: list[Machine], now: float) -> None:
        """Bring *change* machines in, those being drained first, or take so many out, those that boot first."""
        if change > 0:
            back = [each for each in machines if each.state == RUNNING and states.get(each.name) == "draining"][:change]
            for machine in back:
                self.world.add(machine)
            if now >= self.not_before_s:
                for _ in range(change - len(back)):
                    self.world.order()
            return
        boot = sorted((each for each in machines if each.state == BOOTING), key=_age)
        serve = sorted((each for each in machines if each.state == RUNNING and states.get(each.name) == "up"), key=_age)
        for machine in (boot + serve[: max(0, len(serve) - 1)])[:-change]:  # one serves always
            (self.world.end if machine.state == BOOTING else self.world.drain)(machine.name)

    def _back_off(self, name: str, reason: str, now: float) -> None:
        """A boot failed: order nothing for a while, twice as long each time."""
        wait_s = min(self.backoff_s * 2**self.failures, self.longest_backoff_s)
        if now >= self.not_before_s:  # several that failed together count as one failure
            self.failures, self.not_before_s = self.failures + 1, now + wait_s
            self.say(f"{name} did not boot: {reason}; nothing is ordered for {wait_s:g} s")

    def _trouble(self, kind: str, text: str) -> None:
        if kind not in self.told:
            self.told.add(kind)
            self.say(text)

    def _over(self, kind: str, text: str) -> None:
        if kind in self.told:
            self.told.discard(kind)
            self.say(text)


def _age(machine: Machine) -> float:
    return -machine.started_s  # the youngest first, as Kubernetes does


def run(controller: Controller, stop: Event, after: Callable[[Look], None] = lambda look: None) -> None:
    """Let *controller* look every period until *stop* is set; *after* gets each look."""
    pause_s = controller.period_s / SAMPLES
    due_s = time.monotonic() + controller.period_s
    while not stop.wait(pause_s):
        controller.sample(time.monotonic())
        now = time.monotonic()
        if now >= due_s:
            look = controller.look(now)
            due_s = max(due_s + controller.period_s, now)
            if look is not None:
                after(look)
