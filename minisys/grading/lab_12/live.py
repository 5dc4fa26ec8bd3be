"""Lab 12, task 6: one experiment on real processes, before a fix and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minisys.chaos import shop
from minisys.chaos.plan import Fault
from minisys.chaos.shop_live import LiveShop
from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_12 import words
from minisys.testbed.nodes import NodeFailed, ask

Experiment = Callable[[], Any]
WEAK = "single copy"
CLAIM, PART = "no confirmed order is lost", "orders"
ORDERS = 30
LONGEST_S = 3.0


def asked(experiment: Experiment) -> tuple[str, Fault]:
    """The learner's claim and fault. Raises Wrong if they are none, or too much for a live shop."""
    came = experiment()
    if not isinstance(came, tuple) or len(came) != 2 or not isinstance(came[1], Fault):
        raise Wrong(repr(came), expected="a pair: a claim of shop.CLAIMS, and a Fault")
    claim, fault = came
    if claim not in shop.CLAIMS:
        raise Wrong(repr(claim), expected=f"one of {', '.join(shop.CLAIMS)}")
    try:
        shop.check_fault(fault.kind, fault.target)
    except ValueError as problem:
        raise Wrong(problem, expected="a fault that a part of the shop can have") from None
    return claim, fault


def small(experiment: Experiment) -> str:
    """It has an end, and a near one."""
    claim, fault = asked(experiment)
    if fault.for_s > LONGEST_S:
        look = "give the fault a for_s: real users wait for its end"
        raise Wrong(f"{fault.for_s:g} s", given=f"{fault.kind} on {fault.target}", expected="3 s or less", look=look)
    return f"{claim}, under {fault.kind} on {fault.target}, {fault.for_s:g} s at the most"


def finds(experiment: Experiment) -> str:
    """On the weak shop it shows the weakness."""
    claim, fault = asked(experiment)
    value, held = measured({WEAK}, claim, fault)
    said = words.counted(shop.CLAIMS[claim], value)
    if held:
        given = f"a live shop with {WEAK!r}: {claim}, under {fault.kind} on {fault.target}"
        raise Wrong(f"{said}, the claim stood", given=given, expected="that it fails", look=hint(claim, fault))
    return f"live: {said}, the claim failed"


def hint(claim: str, fault: Fault) -> str:
    """Where to look when *claim* stood under *fault* on the weak shop: half of it may be right."""
    if claim == CLAIM and fault.target == PART:
        return "right claim, right part; but is it gone for long enough? Thirty orders are to meet the standby"
    if fault.target == PART:
        return "right part, wrong claim: users may be served well by a standby that lacks what was confirmed before"
    if claim == CLAIM:
        return f"right claim, wrong part: without {fault.target} the book is still there; when is a copy needed?"
    return "what does a copy save, and when is it needed? One claim is about that, one part must be gone"


def stands(experiment: Experiment) -> str:
    """On the repaired shop it stands."""
    claim, fault = asked(experiment)
    value, held = measured((), claim, fault)
    said = words.counted(shop.CLAIMS[claim], value)
    if not held:
        raise Wrong(f"{said}, the claim failed", given="the live shop, repaired", expected="that it stands")
    return f"live, repaired: {said}, the claim stood"


def measured(weaknesses: Any, claim: str, fault: Fault) -> tuple[float, bool]:
    """What *claim* measures on a live shop: orders before the fault, while it lasts, and after it."""
    with LiveShop(weaknesses) as running:
        buy(running, 0)
        before = running.readings()
        undo = running.begin(fault)
        try:
            buy(running, ORDERS)
        finally:
            undo()
        value = shop.CLAIMS[claim].value(running.readings().since(before))
    return value, shop.CLAIMS[claim].holds(value)


def buy(running: LiveShop, first: int) -> None:
    """ORDERS orders, one after another; those that fail are counted by the shop."""
    for number in range(first, first + ORDERS):
        try:
            ask("PUT", f"{running.url}/item/{number}")
        except NodeFailed:
            pass


LIVE = (
    Check("a small experiment", small),
    Check("live: it shows that there is a single copy", finds, limit_s=40.0, after_others=True),
    Check("live: after the repair the same experiment stands", stands, limit_s=40.0, after_others=True),
)
