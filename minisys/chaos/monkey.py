"""A monkey that breaks things at random, in office hours, and never more than you allow.

Netflix let a program end machines at random on working days, between 9 and 15 o'clock, so that everybody built services
that survive it and was at their desk when one did not (Chaos Monkey; netflix.github.io/chaosmonkey). What made it fit
for production were the limits: when, how often, how many at a time, who is left alone, and a record of what it did.

    monkey = Monkey({"app": ["a", "b", "c"]}, [Choice("kill", ["a", "b", "c"])], per_day=1)
    plan = monkey.plan(days=5, seed=7)                           # data: look at it before anything breaks
    play(plan, Audited(BlastRadius(injector, monkey.groups), path), clock)

Promised: one seed gives one plan; nothing outside office hours, nothing beyond the blast radius, nothing that opted
out; the limits are kept twice, when drawing and when breaking. With DryRun as injector nothing breaks and the audit log
says what would have. Time 0 of a plan is Monday 0:00.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from minisys.chaos.drawing import Choice, overlap
from minisys.chaos.inject import DryRun, Injector, Undo
from minisys.chaos.plan import Fault, FaultPlan

HOUR_S, DAY_S = 3600.0, 86_400.0


@dataclass(frozen=True)
class Hours:
    """Office hours: from *from_h* to *to_h* o'clock on *days* (0: Monday). Raises ValueError if there are none."""

    from_h: float = 9.0
    to_h: float = 15.0
    days: tuple[int, ...] = (0, 1, 2, 3, 4)

    def __post_init__(self) -> None:
        if not (0 <= self.from_h < self.to_h <= 24 and self.days and set(self.days) <= set(range(7))):
            raise ValueError(f"need 0 <= from_h < to_h <= 24 and days from 0 to 6, got {self}")

    def left_s(self, at_s: float) -> float:
        """Seconds of office hours that are left *at_s* seconds after Monday 0:00; 0 outside of them."""
        day, second = divmod(at_s, DAY_S)
        if int(day) % 7 not in self.days or second < self.from_h * HOUR_S:
            return 0.0
        return max(0.0, self.to_h * HOUR_S - second)


@dataclass(frozen=True)
class Monkey:
    """What may break: *menu*; on the members of *groups*, of each *per_day* faults a working day on average.

    blast_radius: members of one group that may be broken at a time. opt_out: targets that are left alone. hours: when.
    Raises ValueError unless per_day > 0 and 1 <= blast_radius, and every member that is not opted out is on the menu.
    """

    groups: Mapping[str, Sequence[str]]
    menu: Sequence[Choice]
    per_day: float = 1.0
    blast_radius: int = 1
    opt_out: Collection[str] = ()
    hours: Hours = field(default_factory=Hours)

    def __post_init__(self) -> None:
        if not self.per_day > 0 or self.blast_radius < 1:
            raise ValueError(f"need per_day > 0 and blast_radius >= 1, got {self.per_day} and {self.blast_radius}")
        known = {target for choice in self.menu for target in choice.targets}
        for target in (one for group in self.groups.values() for one in group):
            if target not in known and target not in self.opt_out:
                raise ValueError(f"nothing on the menu can happen to {target!r}; put it there, or let it opt out")

    def plan(self, days: int, seed: int) -> FaultPlan:
        """What it does in *days* days from Monday on. Faults end before the office closes."""
        faults: list[Fault] = []
        for group, members in self.groups.items():
            rng = Random(f"monkey {seed} {group}")
            open_s = (self.hours.to_h - self.hours.from_h) * HOUR_S
            at_s = 0.0
            while (at_s := at_s + rng.expovariate(self.per_day / open_s)) < days * DAY_S:
                fault = self._fault(rng, members, at_s)
                if fault is not None and self._allowed(fault, members, faults):
                    faults.append(fault)
        return FaultPlan(faults, seed)

    def _fault(self, rng: Random, members: Sequence[str], at_s: float) -> Fault | None:
        """A fault of one of the *members*; None where it may not be. Draws the same number of times in any case."""
        target = rng.choice(list(members))
        choices = [choice for choice in self.menu if target in choice.targets]
        if not choices:
            return None
        fault, left_s = rng.choice(choices).draw(rng, at_s, target), self.hours.left_s(at_s)
        if not left_s or target in self.opt_out:
            return None
        return fault.changed(for_s=min(fault.for_s, left_s))

    def _allowed(self, fault: Fault, members: Sequence[str], others: Sequence[Fault]) -> bool:
        """Whether the group has room for another fault, and none of its kind is there."""
        if any(overlap(fault, other) for other in others):
            return False
        at_once = {o.target for o in others if o.target in members and o.at_s < fault.end_s and fault.at_s < o.end_s}
        return len(at_once | {fault.target}) <= self.blast_radius


class TooMuch(RuntimeError):
    """A fault would have broken more at a time than is allowed; it was not begun."""


class BlastRadius:
    """Lets *inner* break at most *at_most* members of each of *groups* at a time, whatever the plan says.

    A target that is in no group is one by itself. *opt_out* names what may not be touched at all.
    """

    def __init__(
        self, inner: Injector, groups: Mapping[str, Sequence[str]], at_most: int = 1, opt_out: Collection[str] = ()
    ) -> None:
        self.inner, self.groups, self.at_most, self.opt_out = inner, groups, at_most, opt_out
        self.broken: list[str] = []

    def begin(self, fault: Fault) -> Undo:
        """Begin it if there is room. Raises TooMuch if not."""
        if fault.target in self.opt_out:
            raise TooMuch(f"{fault.target!r} has opted out; {fault.kind!r} was not begun")
        group = next((set(one) for one in self.groups.values() if fault.target in one), {fault.target})
        at_once = {target for target in self.broken if target in group} | {fault.target}
        if len(at_once) > self.at_most:
            raise TooMuch(
                f"{fault.kind!r} on {fault.target!r} would make {len(at_once)} of its group broken at a time "
                f"({', '.join(sorted(at_once))}); the blast radius is {self.at_most}"
            )
        undo = self.inner.begin(fault)
        self.broken.append(fault.target)

        def again() -> None:
            undo()
            self.broken.remove(fault.target)

        return again


class Audited:
    """Writes a line of JSON into the file *path* before and after whatever *inner* does, and what went wrong.

    A line: when (*now_s*, seconds since 1970 by default), what, the fault, whether it was a dry run, the problem.
    """

    def __init__(self, inner: Injector, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self.inner, self.path, self.now_s = inner, path, now_s

    def begin(self, fault: Fault) -> Undo:
        """Begin it, on record."""
        undo = self._recorded("begin", fault, lambda: self.inner.begin(fault))
        return lambda: self._recorded("end", fault, undo)

    def _recorded(self, what: str, fault: Fault, act: Callable[[], Any]) -> Any:
        self._write(what, fault)
        try:
            return act()
        except BaseException as problem:
            self._write(what, fault, f"{type(problem).__name__}: {problem}")
            raise

    def _write(self, what: str, fault: Fault, problem: str = "") -> None:
        line = {
            "at_s": self.now_s(),
            "what": what,
            "dry": _dry(self.inner),
            "fault": fault.to_dict(),
            "problem": problem,
        }
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")


def _dry(injector: Any) -> bool:
    """Whether at the bottom of it nothing is broken."""
    while hasattr(injector, "inner"):
        injector = injector.inner
    return isinstance(injector, DryRun)
