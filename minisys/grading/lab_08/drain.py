"""Lab 08, task 1: how many consumers a backlog needs.

Twice the consumers for half the drain is a guess that costs money. Drain times come from the chapter's model on seeds
that the learner has not used. A reason is judged by its structure only: a program cannot read an argument, so the
learner compares it with the one in the solution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from minisys.grading.checks import Check, NotRun, Wrong
from minisys.queues.model import Plan, through_queue
from minisys.testbed.arrivals import FlashSale
from minisys.testbed.workload import Deterministic, workload

WORDS = 6  # the shortest reason that can hold a cause and an effect
BASE_PER_S, PEAK_PER_S, SALE_S, WORK_S = 12.0, 60.0, 60.0, 0.5
NOW, GOAL_S, BEFORE_S = 10, 150.0, 10.0
SPARE = (
    "spare", "headroom", "beyond", "more than", "left", "leave", "remain", "difference", "minus", "−", " - ", "surplus",
    "above", "extra", "excess", "over what", "net ", "subtract",
)  # fmt: skip
UNSEEN = (801, 802, 803)
Sized = Callable[[], dict[str, Any]]


def drain_s(consumers: int, seed: int = 1) -> float:
    """Seconds from the end of the sale until nobody waits, in the model. Raises ValueError if it never drains."""
    if not consumers / WORK_S > BASE_PER_S:
        raise ValueError(f"{consumers} consumers do {consumers / WORK_S:g} a second, and {BASE_PER_S:g} come: no end")
    sale = FlashSale(BASE_PER_S, PEAK_PER_S, at_s=BEFORE_S, ramp_s=0.001, hold_s=SALE_S)
    offered = workload(9_000, arrivals=sale, work=Deterministic(WORK_S), seed=seed)
    frame = through_queue(offered, Plan(consumers)).frame
    end_s = BEFORE_S + SALE_S
    after = frame[frame["sent_s"] > end_s]
    at_once = after[after["started_s"] - after["sent_s"] < 1e-9]
    return float(at_once["sent_s"].iloc[0] - end_s) if len(at_once) else float(frame["done_s"].max() - end_s)


@lru_cache(maxsize=32)
def unseen_drain_s(consumers: int) -> float:
    """Mean over seeds that the learner has not used."""
    return sum(drain_s(consumers, seed) for seed in UNSEEN) / len(UNSEEN)


def has_three_parts(size: Sized) -> str:
    """A prediction and a number of consumers, and a sentence."""
    answer = size()
    if not isinstance(answer, dict) or set(answer) != {"predicted", "measured", "because"}:
        raise Wrong(repr(answer), expected="a dict with the keys 'predicted', 'measured' and 'because'")
    if not isinstance(answer["predicted"], int | float):
        raise Wrong(f"predicted = {answer['predicted']!r}", expected="a number: your guess, whatever it was")
    measured = answer["measured"]
    if isinstance(measured, bool) or not isinstance(measured, int) or not 1 <= measured <= 1000:
        look = "whole consumers: round up" if isinstance(measured, float) else ""
        raise Wrong(f"measured = {measured!r}", expected="a whole number of consumers", look=look)
    return f"predicted {answer['predicted']:g}, measured {measured}"


def reaches_the_goal(size: Sized) -> str:
    """In time on other seeds, and with one fewer it would not be."""
    consumers = size()["measured"]
    if consumers / WORK_S <= BASE_PER_S:
        look = "the line never gets shorter: what the consumers do must be more than what comes"
        raise Wrong(f"{consumers} consumers", given=f"{BASE_PER_S:g} a second come", look=look)
    came_s, given = unseen_drain_s(consumers), f"{consumers} consumers, {len(UNSEEN)} unseen sales"
    if came_s > GOAL_S:
        look = "one more?" if unseen_drain_s(consumers + 1) <= GOAL_S else "more consumers"
        raise Wrong(f"{came_s:.0f} s", given=given, expected=f"{GOAL_S:g} s at most", look=look)
    if (consumers - 1) / WORK_S > BASE_PER_S and unseen_drain_s(consumers - 1) <= GOAL_S:
        look = "fewer will do: what drains the line is what the consumers do beyond what still comes"
        if consumers == 2 * NOW:
            look = "twice as many is far more than twice as fast here; " + look
        raise Wrong(f"{came_s:.0f} s", given=given, expected="the smallest number that does it", look=look)
    return f"{came_s:.0f} s instead of {unseen_drain_s(NOW):.0f} s"


def explanation_has_a_shape(size: Sized) -> str:
    """Structure only: long enough, and about what is spare."""
    answer = size()
    if not isinstance(answer, dict) or "because" not in answer:
        raise NotRun("there is no reason yet")
    text = str(answer["because"])
    if len(text.split()) < WORDS:
        raise Wrong(f"{len(text.split())} words", expected=f"at least {WORDS}", look="why are so few more enough?")
    if not any(sign in text.lower() for sign in SPARE):
        look = "some of the capacity serves the orders that still come. What is left of it, before and after?"
        raise Wrong("nothing about what is spare", given=text, expected="a sentence about what is spare", look=look)
    return "structure only: compare your reason with the one in the solution"


DRAIN = (
    Check("the answer has a prediction, a measurement and a reason", has_three_parts),
    Check("with so many the line is gone in time, and no fewer will do", reaches_the_goal, 60.0, after_others=True),
    Check("the reason names what is spare", explanation_has_a_shape),
)
