"""Lab 12, task 3: a limit that keeps a monkey from doing harm, tried with what it lets through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from minisys.chaos.drawing import random_plan
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop_experiments import MENU, try_out
from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_12 import words

Allowed = Callable[[Fault, Sequence[Fault]], object]
DAYS = range(8)
RECOVERY_S = 1.0  # health checks must see twice that a part is back; until then its twin is alone


def asked(allowed: Allowed, fault: Fault, active: Sequence[Fault]) -> bool:
    """The learner's answer. Raises Wrong if it is none."""
    came = allowed(fault, list(active))
    if not isinstance(came, bool):
        raise Wrong(repr(came), given=said(fault, active), expected="True or False", look="is there a `return`?")
    return came


def said(fault: Fault, active: Sequence[Fault]) -> str:
    """A question in words."""
    now = ", ".join(f"{one.kind} on {one.target} from {one.at_s:g} to {one.end_s:g} s" for one in active) or "nothing"
    return f"{fault.kind} on {fault.target} at {fault.at_s:g} s for {fault.for_s:g} s; active: {now}"


def let_through(allowed: Allowed, plan: FaultPlan) -> FaultPlan:
    """Of *plan*, what the learner's limit lets through, asked fault by fault as they come."""
    kept: list[Fault] = []
    for fault in plan:
        if asked(allowed, fault, [one for one in kept if _counts(one, fault.at_s)]):
            kept.append(fault)
    return plan.with_faults(kept)


def _counts(earlier: Fault, at_s: float) -> bool:
    """Whether *earlier* is still to be reckoned with: the shop never goes back to a book that it has left."""
    return earlier.end_s + RECOVERY_S > at_s or earlier.target == "orders"


class Question(NamedTuple):
    """A fault, the faults that are active, whether it may begin, and why."""

    fault: Fault
    active: Sequence[Fault]
    wanted: bool
    look: str


def _kill(part: str, at_s: float = 1.0, for_s: float = 2.0) -> Fault:
    return Fault("kill", part, at_s, for_s)


PAUSED, BACK = Fault("pause", "a", 0.5, 2.0), _kill("a", 0.0, 2.0)
ALONE = Question(_kill("cache"), [], True, "one part at a time is what the shop is built for")
TWO = Question(_kill("cache"), [_kill("a", 0.0)], True, "two at a time are allowed, if they are no twins")
RULES = {
    "twins: of a pair, never both": [
        ALONE,
        TWO,
        Question(_kill("a"), [_kill("b", 0.0)], False, "a and b stand in for each other: never both"),
        Question(_kill("b"), [PAUSED], False, "a paused twin is as good as a dead one"),
        Question(_kill("standby"), [_kill("orders", 0.0)], False, "the book and its standby are twins, too"),
        Question(_kill("orders"), [_kill("standby", 0.0)], False, "in either order"),
        Question(_kill("b", 2.5), [BACK], False, "a is back for half a second only: what is in active counts"),
        Question(_kill("standby", 9.0), [_kill("orders", 0.0)], False, "what is in active counts, all day"),
    ],
    "a part that is broken already is left alone": [
        ALONE,
        TWO,
        Question(PAUSED, [_kill("a", 0.0)], False, "a is broken already: nothing would be learnt from more"),
    ],
    "at most two at a time": [
        TWO,
        Question(_kill("prices"), [_kill("a", 0.0), _kill("cache", 0.0)], False, "two at a time at the most"),
        Question(_kill("prices", 2.5), [BACK, _kill("cache", 2.0)], False,
                 "a fault that ended less than a second ago is in active and counts toward the two"),
    ],
    "no fault longer than 5 s": [
        Question(_kill("cache", for_s=5.0), [], True, "5 s are allowed"),
        Question(_kill("cache", for_s=6.0), [], False, "no fault longer than 5 s"),
    ],
}  # fmt: skip


def kept(rule: str, allowed: Allowed) -> str:
    """Every question of *rule* is answered rightly, those where it allows the fault as well."""
    for fault, active, wanted, look in RULES[rule]:
        if asked(allowed, fault, active) != wanted:
            raise Wrong(not wanted, given=said(fault, active), expected=wanted, look=look)
    return f"{len(RULES[rule])} questions"


def harmless(allowed: Allowed) -> str:
    """What passes does no harm to a shop without weaknesses."""
    count = 0
    for seed in DAYS:
        plan = let_through(allowed, random_plan(MENU, 12, 12.0, seed))
        count += len(plan)
        journal = try_out((), "orders succeed", plan, seed=seed)
        if not journal.ok:
            raise Wrong(words.outcome(journal), given=f"the random day {seed}, {len(plan)} of 12 faults let through",
                        expected="at least 90 % of the orders")  # fmt: skip
    return f"{len(DAYS)} random days, {count} faults let through, no claim broken"


RADIUS = (
    *(Check(rule, partial(kept, rule)) for rule in RULES),
    Check("eight random days that pass it do no harm", harmless, limit_s=20.0, after_others=True),
)
