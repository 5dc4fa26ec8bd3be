"""Experiments on the shop: a claim put to the test in virtual time or on live processes, and what a fix is worth.

"We found a weakness" is easily said. Found means here: the claim fails under this fault, and with that one weakness
repaired, everything else as it was, the same claim stands the same fault.

    journal = try_out({"no timeout", "single copy"}, "orders succeed", pause_prices)      # 20 ms, virtual
    found_by({"no timeout", "single copy"}, "orders succeed", pause_prices)               # {"no timeout"}

Promised: the claim is measured from the beginning of the faults on, by what monitoring counts; it is checked before,
and the experiment is aborted when fewer than half of the orders succeed, if asked to. Not promised: that a claim that
stood will always stand.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

from minisys.chaos import shop, shop_runs
from minisys.chaos.drawing import Choice
from minisys.chaos.experiment import Experiment, Hypothesis, Journal
from minisys.chaos.inject import SimClock
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop import Readings
from minisys.chaos.shop_model import SimShop

WARM_S = 1.0  # orders come in for so long before an experiment begins
SETTLE_S = 0.3
ENOUGH = 20  # orders, before the abort condition judges
SINCE = f"; the last figure is over the whole time from the first fault to {SETTLE_S:g} s after the last"
MEASURES = {
    "success": f"share of the answered orders that were taken, at least 0.9{SINCE}",
    "calls_per_order": f"calls to the price service for each answered order, at most 1.5{SINCE}",
    "lost": "confirmed orders that are not in the book in use, at most 0",
}


@dataclass
class Watch:
    """Measures a *claim* from its first look on; *read* gives the counters."""

    claim: shop.Claim
    read: Callable[[], Readings]
    began: Readings | None = field(default=None, init=False)

    def look(self) -> float:
        """The claim's measure; the first look measures what has been so far, and counting begins anew."""
        now = self.read()
        if self.began is None:
            self.began = now
            return self.claim.value(now)
        return self.claim.value(now.since(self.began))

    def alarming(self, success: float) -> bool:
        """Whether fewer than *success* of the orders since the first look were taken, of ENOUGH or more."""
        now = self.read() if self.began is None else self.read().since(self.began)
        return now.answered >= ENOUGH and now.success < success


def experiment(claim: str, plan: FaultPlan, read: Callable[[], Readings], abort_below: float | None) -> Experiment:
    """The experiment that *claim*, one of shop.CLAIMS, holds under *plan*; aborted below a success of *abort_below*.

    Raises ValueError for a claim that is not known, or a fault that the shop cannot have.
    """
    if claim not in shop.CLAIMS:
        raise ValueError(f"unknown claim {claim!r}; known: {', '.join(shop.CLAIMS)}")
    for fault in plan:
        shop.check_fault(fault.kind, fault.target)
    watch = Watch(shop.CLAIMS[claim], read)
    abort = None if abort_below is None else (lambda: watch.alarming(abort_below))
    steady = Hypothesis(claim, watch.look, watch.claim.holds, MEASURES[watch.claim.measure])
    return Experiment(steady, plan, abort=abort, settle_s=SETTLE_S)


def try_out(
    weaknesses: Iterable[str], claim: str, plan: FaultPlan, *, abort_below: float | None = None, seed: int = 0
) -> Journal:
    """The journal of an experiment in virtual time: *claim* under *plan*, on a shop with *weaknesses*.

    Raises ValueError as `experiment` does, RuntimeError if the experiment did not come to its end.
    """
    journals: list[Journal] = []

    def start(sim: SimShop) -> None:
        made = experiment(claim, plan, sim.readings, abort_below)
        journals.append(made.journal())

        def later() -> Generator:
            yield sim.env.timeout(WARM_S)
            made.run(sim, SimClock(sim.env), journals[0])

        sim.env.process(later())

    offered = shop_runs.orders(WARM_S + plan.end_s + SETTLE_S + 0.5, seed=seed)
    shop_runs.run(weaknesses, start, offered, seed)
    if journals[0].status == "running":
        raise RuntimeError(f"the orders ended before the experiment did: {plan.end_s:g} s of faults")
    return journals[0]


def found_by(weaknesses: Iterable[str], claim: str, plan: FaultPlan, *, seed: int = 0) -> set[str]:
    """Which of *weaknesses* the experiment finds: repaired alone, each of them lets a claim stand that failed before.

    Empty if the claim stood. Where only two repairs together help, neither is found by this experiment.
    """
    has = set(weaknesses)
    if try_out(has, claim, plan, seed=seed).status != "deviated":
        return set()
    return {one for one in has if try_out(has - {one}, claim, plan, seed=seed).ok}


def single_faults(for_s: float = 3.0) -> list[Fault]:
    """Each fault that the shop can have, alone, at the start, for *for_s* seconds: the monkey's whole choice."""
    values = {"errors": {"ratio": 1.0}, "slow answers": {"delay_s": 0.2}}
    pairs = itertools.chain.from_iterable(((part, kind) for kind in kinds) for part, kinds in shop.FAULTS.items())
    return [Fault(kind, part, 0.0, for_s, **values.get(kind, {})) for part, kind in pairs]


MENU = (
    Choice("kill", shop.PARTS, (0.5, 2.0)),
    Choice("pause", shop.PARTS, (0.5, 2.0)),
    Choice("slow answers", ["prices"], (0.5, 2.0), {"delay_s": (0.02, 0.3)}),
    Choice("errors", ["prices"], (0.5, 2.0), {"ratio": (0.2, 1.0)}),
)
"""What may happen on a bad day of the shop; each line as likely as the others."""


def breaks(weaknesses: Iterable[str], claim: str = "orders succeed", seed: int = 0) -> Callable[[FaultPlan], bool]:
    """Whether a plan makes *claim* fail on a shop with *weaknesses*: what the minimiser asks again and again."""
    has = set(weaknesses)
    return lambda plan: not try_out(has, claim, plan, seed=seed).ok


def everything(weaknesses: Iterable[str], *, seed: int = 0) -> dict[tuple[str, str, str], set[str]]:
    """For each single fault and claim that finds something: (claim, kind, target) and what it finds."""
    found = {}
    for fault in single_faults():
        for claim in shop.CLAIMS:
            if hit := found_by(weaknesses, claim, FaultPlan([fault], seed), seed=seed):
                found[claim, fault.kind, fault.target] = hit
    return found
