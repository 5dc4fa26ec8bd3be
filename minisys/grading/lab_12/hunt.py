"""Lab 12, task 4: shops with four planted weaknesses each, and what counts as found.

A finding is a claim, a fault and the weakness that they show. It counts if the claim fails in the shop as the learner
has repaired it so far, and stands once that weakness is repaired as well: nobody is believed without a rerun.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from random import Random
from typing import Any

from minisys.chaos import shop, shop_experiments
from minisys.chaos.experiment import Journal
from minisys.chaos.plan import Fault, FaultPlan
from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_12 import words

Find = Callable[["Shop"], Any]
PLANTED, AT_MOST = 4, 80
SEEDS = (5, 8, 3)  # together they hold all six, and in two of them one weakness hides another
A_FINDING = "(claim, fault, weakness)"


class TooMany(ValueError):
    """More experiments than a shop allows."""


class Shop:
    """A shop with four weaknesses, drawn by *seed*; try_out() and repair() are all that may be done to it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._planted = frozenset(Random(seed).sample(sorted(shop.WEAKNESSES), PLANTED))
        self.repaired: list[str] = []
        self.experiments = 0

    def try_out(self, claim: str, fault: Fault) -> Journal:
        """An experiment in virtual time: *claim*, one of shop.CLAIMS, while *fault* lasts.

        Its `ok` says whether the claim stood, its `why` what was measured and the limit. Raises ValueError for a
        claim or a fault that the shop cannot have, or after too many experiments.
        """
        self.experiments += 1
        if self.experiments > AT_MOST:
            raise TooMany(f"all {AT_MOST} experiments of this shop are used; hunt.Shop({self.seed}) is a new one")
        left = self._planted - set(self.repaired)
        journal = shop_experiments.try_out(left, claim, FaultPlan([fault]), seed=self.seed)
        journal.why = words.outcome(journal)
        return journal

    def repair(self, weakness: str) -> None:
        """Repair *weakness*, one of shop.WEAKNESSES, for good; where it is not, nothing changes."""
        shop.design([weakness])
        self.repaired.append(weakness)


def proved(seed: int, findings: Collection[Any]) -> set[str]:
    """Which of *findings* are proved, in their order, in the shop of *seed*. Raises Wrong for the first that is not."""
    own = Shop(seed)
    for one in findings:
        claim, fault, weakness = checked(one)
        before = own.try_out(claim, fault)
        own.repair(weakness)
        after = own.try_out(claim, fault)
        said = f"{claim!r} under {fault.kind} on {fault.target} shows {weakness!r}"
        if before.ok:
            raise Wrong(before.why, given=said, expected="that it fails", look=stood(fault))
        if not after.ok:
            look = "with that repaired it fails as before: another weakness is behind it"
            raise Wrong(f"after the repair {after.why}", given=said, expected="that the rerun stands", look=look)
    return set(own.repaired)


def stood(fault: Fault) -> str:
    """Where to look when the claim stood under *fault*."""
    if fault.kind == "slow answers":
        return "a slow answer is an answer: every order waits for it and is taken; what if none comes at all?"
    return "after the repairs before it in your list, this claim stands: nothing is shown"


def checked(one: Any) -> tuple[str, Fault, str]:
    """A finding, if it is one. Raises Wrong if not."""
    if not isinstance(one, tuple) or len(one) != 3 or not isinstance(one[1], Fault):
        raise Wrong(repr(one), expected=A_FINDING, look="the fault is a Fault, as you gave it to try_out")
    claim, fault, weakness = one
    if claim not in shop.CLAIMS or weakness not in shop.WEAKNESSES:
        raise Wrong(f"{claim!r}, {weakness!r}", expected="a claim of shop.CLAIMS, a weakness of shop.WEAKNESSES")
    return claim, fault, weakness


def hunted(seed: int, find: Find) -> str:
    """All four are found, and nothing that is not there."""
    mine = Shop(seed)
    try:
        findings = find(mine)
    except TooMany:
        look = "one claim and one fault per weakness is enough: six suspects, each tried before its repair and after it"
        raise Wrong(
            f"more than {AT_MOST} experiments", given=f"shop {seed}", expected=f"{AT_MOST} or fewer", look=look
        ) from None
    if not isinstance(findings, list | tuple):
        look = "is there a `return`?" if findings is None else f"return a list of {A_FINDING}"
        raise Wrong(repr(findings), given=f"shop {seed}", expected=f"a list of {A_FINDING}", look=look)
    found = proved(seed, findings)
    if missing := sorted(mine._planted - found):
        names = f"found {len(found)} of {PLANTED}: {', '.join(sorted(found)) or 'nothing'}"
        raise Wrong(names, given=f"shop {seed}", expected=f"{PLANTED} proved findings", look=hint(missing[0], found))
    return f"{mine.experiments} experiments, {PLANTED} findings proved"


def hint(missing: str, found: Collection[str]) -> str:
    """Where to look for *missing*, without saying what it is."""
    if missing == "single copy" and "untried failover" in found:
        return "repair what you have found and run all experiments again: one weakness can hide another"
    return {
        "no timeout": "a dead part refuses at once, a slow one answers late; what if it is there and says nothing?",
        "eager retries": "users may notice nothing; who does, when a part answers with errors?",
        "blind health check": "what if an application answers, quickly and wrongly?",
        "cache is a must": "which parts have no twin?",
        "untried failover": "which part has a standby?",
        "single copy": "taken is one thing, kept is another: is there a claim about that?",
    }[missing]


HUNT = tuple(Check(f"shop {seed}: all found and proved", partial(hunted, seed), limit_s=30.0) for seed in SEEDS)
