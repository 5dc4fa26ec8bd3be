"""Lab 12, task 1: how large, how long, how often, worked out by hand.

The right numbers come from the course's own formulas; the texts name the slip that leads to the number that came.
"""

from __future__ import annotations

import math
from functools import partial

from minisys.chaos import schedule
from minisys.grading.checks import Check, Wrong
from minisys.grading.paper import Answer, given_number

RATE, SECONDS, SHARE, HURTS = 40, 30, 0.05, 0.2
BREAKS, EVERY = 3.0, 90.0
ASKED = {
    "exposed": "40 orders a second for 30 s, 5 % of them exposed",
    "missed": "12 exposed orders, each fails with 20 % if the weakness is there",
    "enough": "the smallest number of orders with a chance below 1 % that none fails",
    "fresh": "3 breaks a year on average, 90 days after the last test",
    "average": "3 breaks a year on average, tested every 90 days, at a random moment",
}
UNITS = {
    "exposed": "a number of orders",
    "missed": "a chance from 0 to 1",
    "enough": "a whole number of orders",
    "fresh": "a chance from 0 to 1",
    "average": "a chance from 0 to 1",
}
FORMULAS = {
    "exposed": "rate x seconds x share",
    "missed": "each order is well with 1 - 0.2, and all twelve are to be, independently",
    "enough": "the smallest whole n with 0.8^n < 0.01: try one n after the other, or divide two logarithms",
    "fresh": "nothing has happened in the time: exp(-rate x time), both in years or both in days",
    "average": "the mean of exp(-rate x time) from 0 to 90 days: integrate, and divide by the length of the interval",
}


def right() -> dict[str, float]:
    """The five numbers."""
    return {
        "exposed": RATE * SECONDS * SHARE,
        "missed": (1 - HURTS) ** 12,
        "enough": math.ceil(math.log(0.01) / math.log(1 - HURTS)),
        "fresh": schedule.works_after(BREAKS, EVERY),
        "average": schedule.works(BREAKS, EVERY),
    }


def slips() -> dict[str, list[tuple[float, str]]]:
    """For each number: what comes out of a usual slip, and where to look."""
    expected = BREAKS * EVERY / 365
    return {
        "exposed": [(1200, "that is all of them; 5 % are exposed"), (2, "that is a second's worth")],
        "missed": [
            (HURTS**12, "that is the chance that all twelve fail; none fails with 0.8 each"),
            (1 - (1 - HURTS) ** 12, "that is the chance that it is noticed: the rest of 1"),
            (0, "12 x 0.2 = 2.4 are expected, but there may be none"),
        ],
        "enough": [
            (20, "0.8 to the 20th is 0.0115: not below 0.01 yet"),
            (5, "with five, one failure is expected; still 0.8^5 = 33 % of such experiments see none"),
            (math.log(0.01) / math.log(0.8), "orders are whole: round up"),
        ],
        "fresh": [
            (1 - expected, "a straight line goes below 0 in the end: exp(-rate x time)"),
            (math.exp(-BREAKS * EVERY), "the rate is per year, the time in days: 90 days are 90/365 of a year"),
            (1 - math.exp(-expected), "that is the chance that it is broken"),
            (schedule.works(BREAKS, EVERY), "that is the mean over the 90 days; here they are over"),
        ],
        "average": [
            (math.exp(-expected), "that is at the end of the 90 days; on average it is less long ago"),
            (math.exp(-expected / 2), "close: but the mean of exp is not exp of the mean; (1 - exp(-x)) / x"),
            (1 - math.exp(-expected), "divide by x = 3 x 90/365: it is a mean over the interval"),
        ],
    }


def number(name: str, answer: Answer) -> str:
    """One of the five."""
    came, wanted = given_number(name, answer, ASKED, UNITS), right()[name]
    if abs(came - wanted) <= (0.006 if wanted < 1 else 1e-9):
        return f"{came:.3g}"
    near = [text for value, text in slips()[name] if abs(came - value) < 0.004]
    if wanted < 1 < came <= 100:
        near = near or ["a chance lies between 0 and 1, not between 0 and 100"]
    raise Wrong(f"{came:.4g}", given=ASKED[name], expected=UNITS[name], look=near[0] if near else FORMULAS[name])


PAPER = tuple(Check(ASKED[name], partial(number, name)) for name in ASKED)
