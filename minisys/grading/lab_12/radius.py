"""Lab 12, task 3: a limit that keeps a monkey from doing harm, tried with what it lets through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minisys.chaos.drawing import random_plan
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop_experiments import MENU, try_out
from minisys.grading.checks import Check, Wrong

Allowed = Callable[[Fault, Sequence[Fault]], object]
TWINS = {"a": "b", "b": "a", "orders": "standby", "standby": "orders"}
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
    now = ", ".join(f"{one.kind} on {one.target}" for one in active) or "nothing"
    return f"{fault.kind} on {fault.target} for {fault.for_s:g} s, while broken: {now}"


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


def table(allowed: Allowed) -> str:
    """The rules, one by one."""
    kill = {name: Fault("kill", name, 0.0, 2.0) for name in ("a", "b", "orders", "standby", "cache", "prices")}
    questions = [
        (kill["cache"], [], True, "one part at a time is what the shop is built for"),
        (kill["a"], [kill["b"]], False, "a and b stand in for each other: never both"),
        (kill["b"], [Fault("pause", "a", 0.0, 2.0)], False, "a paused twin is as good as a dead one"),
        (kill["standby"], [kill["orders"]], False, "the book and its standby are twins, too"),
        (kill["orders"], [kill["standby"]], False, "in either order"),
        (kill["cache"], [kill["a"]], True, "two at a time are allowed, if they are no twins"),
        (kill["prices"], [kill["a"], kill["cache"]], False, "two at a time at the most"),
        (Fault("kill", "cache", 0.0, 6.0), [], False, "no fault longer than 5 s"),
        (Fault("kill", "cache", 0.0, 5.0), [], True, "5 s are allowed"),
        (Fault("pause", "a", 0.0, 2.0), [kill["a"]], False, "a is broken already: nothing would be learnt from more"),
    ]
    for fault, active, wanted, look in questions:
        if asked(allowed, fault, active) != wanted:
            raise Wrong(not wanted, given=said(fault, active), expected=wanted, look=look)
    return f"{len(questions)} questions"


def harmless(allowed: Allowed) -> str:
    """What passes does no harm to a shop without weaknesses."""
    count = 0
    for seed in DAYS:
        plan = let_through(allowed, random_plan(MENU, 12, 12.0, seed))
        count += len(plan)
        journal = try_out((), "orders succeed", plan, seed=seed)
        if not journal.ok:
            raise Wrong(journal.why, given=f"the random day {seed}, {len(plan)} of 12 faults let through",
                        expected="at least 90 % of the orders")  # fmt: skip
    return f"{len(DAYS)} random days, {count} faults let through, no claim broken"


RADIUS = (
    Check("the four rules", table),
    Check("eight random days that pass it do no harm", harmless, limit_s=20.0, after_others=True),
)
