"""A balancer and a cloud that exist only in a test, on its clock, and that notice every harm done to users."""

from __future__ import annotations

from collections.abc import Callable

from minisys.autoscaling.controller import SAMPLES, Controller
from minisys.autoscaling.machines import BOOTING, FAILED, RUNNING, Machine
from minisys.autoscaling.policies import Policy
from minisys.autoscaling.world import Metrics
from minisys.testbed.nodes import NodeFailed

PERIOD_S, WORKERS = 0.5, 2


class Killed(BaseException):
    """SIGKILL: nothing in the controller may catch it."""


class Stage:
    """World for a controller: *load* gives the utilisation of each machine that serves, at a time in seconds.

    A drained machine stays busy for *empties_s*. Asserts that nobody is ended who may have a request.
    """

    def __init__(self, first: int = 1, boot_s: float = 0.9, empties_s: float = 0.3) -> None:
        self.now, self.boot_s, self.empties_s = 0.0, boot_s, empties_s
        self.load: Callable[[float], float] = lambda now: 0.5
        self.rented = [Machine(f"m{n}", -100.0, RUNNING, f"h:{n}", -99.0) for n in range(first)]
        self.count, self.faults = first, 0
        self.states = {each.name: "up" for each in self.rented}
        self.drained: dict[str, float] = {}
        self.blind, self.hidden = False, set[str]()
        self.calls, self.kill_at = 0, -1
        self.most, self.least = first, first
        self.done: list[tuple[float, str, str]] = []

    def step_to(self, now: float) -> None:
        self.now = now
        for each in self.rented:
            if each.state == BOOTING and now >= each.started_s + self.boot_s:
                each.state = FAILED if each.reason else RUNNING
                each.ready_s = now
        self.least = min(self.least, sum(state == "up" for state in self.states.values()))
        self.most = max(self.most, len(self.rented))

    def in_flight(self, name: str) -> float:
        if self.states[name] == "draining":
            return float(self.now < self.drained[name] + self.empties_s)
        return self.load(self.now) * WORKERS

    def metrics(self) -> Metrics:
        self._call("metrics", "")
        if self.blind:
            raise NodeFailed("connection refused")
        shown = {name: self.in_flight(name) for name in self.states if name not in self.hidden}
        return Metrics(shown, 0.0)

    def backends(self) -> dict[str, str]:
        return dict(self.states)

    def machines(self) -> list[Machine]:
        return list(self.rented)

    def order(self) -> str:
        self._call("order", f"m{self.count}")
        made = Machine(f"m{self.count}", self.now, reason="no image" if self.faults else "")
        self.count, self.faults = self.count + 1, max(0, self.faults - 1)
        self.rented.append(made)
        return made.name

    def end(self, name: str) -> None:
        self._call("end", name)
        assert name not in self.states, f"{name} ended while the balancer sends users there"
        self.rented = [each for each in self.rented if each.name != name]

    def warm(self, machine: Machine) -> None:
        self._call("warm", machine.name)

    def add(self, machine: Machine) -> None:
        self._call("add", machine.name)
        self.states[machine.name] = "up"

    def drain(self, name: str) -> None:
        self._call("drain", name)
        self.states[name], self.drained[name] = "draining", self.now

    def forget(self, name: str) -> None:
        self._call("forget", name)
        lost = all(each.state != RUNNING for each in self.rented if each.name == name)
        assert lost or self.in_flight(name) == 0, f"{name} forgotten with requests on it"
        del self.states[name]

    def _call(self, what: str, name: str) -> None:
        self.calls += 1
        if self.calls == self.kill_at:
            raise Killed
        if what != "metrics":
            self.done.append((self.now, what, name))


class Run:
    """A controller on a stage; `go` lets time pass, and a killed controller is started again."""

    def __init__(self, policy: Policy, stage: Stage, **options: float) -> None:
        self.stage, self.lines, self.tick, self.kills = stage, list[str](), 0, 0
        self.make = lambda: Controller(
            policy,
            stage,
            workers=WORKERS,
            period_s=PERIOD_S,
            say=self.lines.append,
            **options,  # type: ignore[arg-type]
        )
        self.controller = self.make()
        self.wanted: list[int] = []

    def go(self, for_s: float) -> Run:
        end = self.stage.now + for_s
        while self.stage.now < end - 1e-9:
            self.tick += 1
            self.stage.step_to(self.tick * PERIOD_S / SAMPLES)
            try:
                self.controller.sample(self.stage.now)
                if self.tick % SAMPLES == 0 and (look := self.controller.look(self.stage.now)):
                    self.wanted.append(look.wanted)
            except Killed:
                self.controller, self.kills = self.make(), self.kills + 1
        return self
