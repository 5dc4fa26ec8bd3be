"""Lab 12, task 5: a plan made as small as it can be, by a function that does not know why it breaks anything."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from minisys.chaos import shop_experiments
from minisys.chaos.drawing import random_plan
from minisys.chaos.plan import Fault
from minisys.grading.checks import Check, Wrong

Smaller = Callable[[list[Fault], Callable[[list[Fault]], bool]], Any]
FAULTS = [
    Fault(one.kind, one.target, float(at), 1.0, **one.values) for at, one in enumerate(shop_experiments.single_faults())
]


def minimal(smaller: Smaller, faults: list[Fault], breaks: Callable[[list[Fault]], bool], what: str, most: int) -> str:
    """The learner's result breaks, is a part, and needs each of its faults; within *most* runs."""
    runs = 0

    def counted(some: list[Fault]) -> bool:
        nonlocal runs
        runs += 1
        if runs > most:
            look = "leave out one fault at a time, keep what still breaks: n runs a round are enough"
            raise Wrong(f"more than {most} runs", given=what, expected="fewer", look=look)
        return breaks(list(some))

    came = smaller(list(faults), counted)
    if not isinstance(came, list | tuple) or not set(came) <= set(faults):
        look = "is there a `return`?" if came is None else "return a sublist: the same Fault objects, fewer of them"
        raise Wrong(repr(came)[:80], given=what, expected="a sublist of the faults", look=look)
    if not breaks(list(came)):
        look = "keep a smaller plan only if *it* breaks the shop; undo what you left out if not"
        raise Wrong(f"{len(came)} faults that break nothing", given=what, expected="a plan that breaks", look=look)
    for fault in came:
        if breaks([one for one in came if one != fault]):
            look = f"without {fault.kind} on {fault.target} it still breaks: go on until nothing can be left out"
            raise Wrong(f"{len(came)} faults", given=what, expected="that none can be left out", look=look)
    return f"{len(faults)} faults became {len(came)} in {runs} runs"


def made_up(size: int, smaller: Smaller) -> str:
    """A system that breaks when certain faults come together."""
    needed = set(Random(size).sample(FAULTS, size))
    return minimal(smaller, FAULTS, lambda some: needed <= set(some), f"16 faults, {size} of them needed", 200)


def either(smaller: Smaller) -> str:
    """A system with two causes: one of them is enough, and both hide each other."""
    pairs = [set(FAULTS[2:4]), set(FAULTS[9:11])]
    return minimal(smaller, FAULTS, lambda some: any(one <= set(some) for one in pairs), "16 faults, two causes", 200)


def bad_day(seed: int, smaller: Smaller) -> str:
    """A random day of the shop without weaknesses."""
    plan, breaks = random_plan(shop_experiments.MENU, 12, 4.0, seed), shop_experiments.breaks(())
    known: dict[frozenset[Fault], bool] = {}

    def again(some: list[Fault]) -> bool:
        key = frozenset(some)
        if key not in known:
            known[key] = breaks(plan.with_faults(some))
        return known[key]

    return minimal(smaller, list(plan), again, f"a bad day of the shop, seed {seed}", 200)


MINIMAL = (
    Check("one fault did it", partial(made_up, 1)),
    Check("three did it together", partial(made_up, 3)),
    Check("two causes, and one is enough", either),
    Check("a bad day of the shop", partial(bad_day, 1), limit_s=30.0, after_others=True),
)
