"""Fault plans drawn at random: thousands of bad days that nobody would have thought of.

People try what they can imagine, and the outage was the combination that nobody had imagined. A menu says what may
break and how badly; a seed says which of it does this time, so that a day that broke the system can be had again.

Promised: one seed gives one plan, whatever else draws; a plan keeps the rules of plan.py. Not promised: that the days
are as likely as in life; the menu is an assumption, state it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from minisys.chaos.kinds import checked
from minisys.chaos.plan import Fault, FaultPlan

TRIES = 200


@dataclass(frozen=True)
class Choice:
    """A fault of *kind* that may happen to any of *targets*, for a time drawn from *for_s* (low, high), in seconds.

    values: figures of the kind; a pair (low, high) is drawn from uniformly. Raises ValueError for a kind, a value or a
    range that is not allowed, or if there is no target.
    """

    kind: str
    targets: Sequence[str]
    for_s: tuple[float, float] = (1.0, 10.0)
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.targets or not 0 < self.for_s[0] <= self.for_s[1]:
            raise ValueError(f"need a target, and 0 < low <= high for for_s; got {self.targets!r} and {self.for_s}")
        for end in (0, 1):
            checked(self.kind, {name: one[end] if _pair(one) else one for name, one in self.values.items()})

    def draw(self, rng: Random, at_s: float, target: str | None = None) -> Fault:
        """One of these faults, at *at_s*, on *target* (None: any)."""
        values = {name: rng.uniform(*one) if _pair(one) else one for name, one in self.values.items()}
        return Fault(self.kind, target or rng.choice(list(self.targets)), at_s, rng.uniform(*self.for_s), **values)


def random_plan(menu: Sequence[Choice], count: int, within_s: float, seed: int) -> FaultPlan:
    """*count* faults of the *menu*, each as likely, that begin within *within_s* seconds.

    Raises ValueError if the menu is empty, or so many faults do not fit without overlapping.
    """
    if not menu or count < 0 or not within_s > 0:
        raise ValueError(f"need a menu, count >= 0, within_s > 0; got {len(menu)} choices, {count}, {within_s}")
    rng, faults = Random(f"plan {seed}"), list[Fault]()
    for _ in range(TRIES + count):
        if len(faults) == count:
            return FaultPlan(faults, seed)
        fault = rng.choice(list(menu)).draw(rng, rng.uniform(0, within_s))
        if not any(overlap(fault, other) for other in faults):
            faults.append(fault)
    if len(faults) == count:
        return FaultPlan(faults, seed)
    raise ValueError(f"{count} faults do not fit into {within_s:g} s without overlapping; give more time or targets")


def overlap(one: Fault, other: Fault) -> bool:
    """Whether two faults are of one kind, on one target, at one time."""
    same = (one.kind, one.target) == (other.kind, other.target)
    return same and one.at_s < other.end_s and other.at_s < one.end_s


def _pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2
