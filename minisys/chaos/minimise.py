"""From a bad day that broke the system to the few things that did it: delta debugging for fault plans.

A random plan with twenty faults lost an order. Which of them did it? Often two, a few seconds apart, and the other
eighteen only hide it. Leave some out, play it again, keep what still breaks: that is how a bug report gets short, and
here it is done by a program.

    found = minimise(plan, breaks=lambda plan: lost_orders(plan) > 0)

Promised: the smallest plan breaks the system too; leaving out any one of its faults does not (1-minimal); no plan is
played twice. Not promised: that no smaller one exists elsewhere; nor anything if *breaks* says now yes, now no: let it
play several seeds then. After A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", TSE 2002.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from minisys.chaos.plan import Fault, FaultPlan

Breaks = Callable[[FaultPlan], bool]


@dataclass(frozen=True)
class Step:
    """One plan that was played: how many *faults* it had, how long they lasted in all, and whether it *broke*."""

    faults: int
    lasted_s: float
    broke: bool


@dataclass
class Minimised:
    """The smallest *plan* found, and the *steps* that led there."""

    plan: FaultPlan
    steps: list[Step] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """Plans that were played."""
        return len(self.steps)


def minimise(plan: FaultPlan, breaks: Breaks, shorten: bool = True, shortest_s: float = 0.1) -> Minimised:
    """The smallest part of *plan* that still *breaks* the system.

    shorten: also halve how long faults last while it still breaks, down to *shortest_s* seconds.
    Raises ValueError if the whole plan does not break it, or nothing at all is needed to.
    """
    played = _Played(plan, breaks)
    if not played(plan.faults):
        raise ValueError(
            f"this plan of {len(plan)} faults does not break the system, so there is nothing to make smaller"
        )
    if played(()):
        raise ValueError("the system breaks without any fault; mend that first")
    faults = ddmin(plan.faults, played)
    if shorten:
        while (shorter := _shortened(faults, played, shortest_s)) != faults:
            faults = ddmin(shorter, played)  # what is shorter may need fewer
    return Minimised(plan.with_faults(faults), played.steps)


def ddmin(faults: Sequence[Fault], breaks: Callable[[Sequence[Fault]], bool]) -> tuple[Fault, ...]:
    """A 1-minimal part of *faults* for which *breaks* holds; it must hold for all of them, and for none must it."""
    kept, parts = tuple(faults), 2
    while len(kept) > 1:
        smaller = _smaller(kept, parts, breaks)
        if smaller is not None:
            parts = max(2, parts - 1) if len(smaller) > math.ceil(len(kept) / parts) else 2
            kept = smaller
        elif parts < len(kept):
            parts = min(len(kept), 2 * parts)
        else:
            break
    return kept


def _smaller(
    kept: tuple[Fault, ...], parts: int, breaks: Callable[[Sequence[Fault]], bool]
) -> tuple[Fault, ...] | None:
    """One of *parts* parts of *kept* that breaks, or else all but one part, or None."""
    edges = [round(len(kept) * i / parts) for i in range(parts + 1)]
    cuts = [(a, b) for a, b in zip(edges, edges[1:], strict=False) if a < b]
    for a, b in cuts:
        if b - a < len(kept) and breaks(kept[a:b]):
            return kept[a:b]
    for a, b in cuts:
        if (rest := kept[:a] + kept[b:]) and breaks(rest):
            return rest
    return None


def _shortened(
    faults: tuple[Fault, ...], breaks: Callable[[Sequence[Fault]], bool], shortest_s: float
) -> tuple[Fault, ...]:
    """The same faults, each halved as long as it still breaks."""
    for number, fault in enumerate(faults):
        while math.isfinite(fault.for_s) and fault.for_s / 2 >= shortest_s:
            half = fault.changed(for_s=fault.for_s / 2)
            tried = (*faults[:number], half, *faults[number + 1 :])
            if not breaks(tried):
                break
            faults, fault = tried, half
    return faults


class _Played:
    """Plays each set of faults once and remembers how it went."""

    def __init__(self, plan: FaultPlan, breaks: Breaks) -> None:
        self.plan, self.breaks = plan, breaks
        self.known: dict[frozenset[Fault], bool] = {}
        self.steps: list[Step] = []

    def __call__(self, faults: Sequence[Fault]) -> bool:
        key = frozenset(faults)
        if key not in self.known:
            broke = self.known[key] = bool(self.breaks(self.plan.with_faults(faults)))
            self.steps.append(Step(len(faults), sum(fault.for_s for fault in faults), broke))
        return self.known[key]
