"""Lab 11, task 3: what a budget allows, how fast it burns and when somebody is woken, worked out by hand.

The right numbers come from the course's own objects (minisys.observability.slo, alerts); the texts name the slip that
leads to the number that came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.observability.alerts import PUBLISHED, burn_for
from minisys.observability.slo import HOUR_S, Slo

Answer = Callable[[], Mapping[str, Any]]
ASKED = {
    "allowed_min": "minutes of total outage that 99.9 % in 30 days allow",
    "burn": "the burn rate while 1 % of the requests fail",
    "lasts_h": "hours until the whole budget is gone at that rate",
    "threshold": "the burn rate that spends 2 % of the budget in one hour",
    "detect_s": "seconds of total outage until the one-hour window passes that threshold",
    "missed": "the share of requests (0 to 1) that may fail for ever without passing it",
}
SLIPS: dict[str, dict[float, str]] = {
    "allowed_min": {
        4.32: "that is 99.99 %", 432: "that is 99 %", 43.8: "that is an average month; here it is 30 days",
        525.6: "that is a year", 0.72: "hours; the question asks for minutes",
    },
    "burn": {1: "burn rate 1 spends exactly the budget in 30 days; 0.1 % may fail, 1 % do", 0.1: "upside down",
             0.01: "that is the error ratio: divide by what is allowed, 0.001"},
    "lasts_h": {7200: "at a burn rate of 10 it is gone ten times as fast, not slower", 3: "days; the question asks for "
                "hours", 720: "that is at a burn rate of 1"},
    "threshold": {0.0144: "that is the error ratio; divided by 0.001 it is the burn rate", 7.2: "that spends 1 %",
                  36: "that spends 5 %", 0.02: "2 % of the budget of 720 hours, in one hour"},
    "detect_s": {0.864: "minutes; the question asks for seconds", 3600: "the window need not be full of errors: the "
                 "ratio over the hour must pass 1.44 %", 14.4: "that is the burn rate"},
    "missed": {0.001: "that is the budget: the rule fires at 14.4 times as much", 14.4: "that is the burn rate; which "
               "share of the requests is it?", 1.44: "per cent; as a share it is 0.0144"},
}  # fmt: skip


@lru_cache(maxsize=1)
def right() -> dict[str, float]:
    """The six numbers."""
    slo, page = Slo(0.999), PUBLISHED.conditions[0]
    return {
        "allowed_min": slo.downtime_s / 60,
        "burn": slo.burn_rate(0.01),
        "lasts_h": slo.lasts_s(0.01) / HOUR_S,
        "threshold": burn_for(0.02, HOUR_S),
        "detect_s": slo.detection_s(1.0, page.burn, HOUR_S),
        "missed": slo.threshold(page.burn),
    }


def numbers_of(answer: Answer) -> dict[str, float]:
    """The learner's numbers. Raises Wrong unless they are six."""
    told = answer()
    if not isinstance(told, Mapping) or set(told) != set(ASKED):
        raise Wrong(repr(told)[:100], expected=f"a dict with the keys {', '.join(ASKED)}")
    for name, number in told.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise Wrong(f"{name}: {number!r}", expected="a number")
    return dict(told)


def six_numbers(answer: Answer) -> str:
    """Six numbers with the right names."""
    return ", ".join(f"{name} {number:g}" for name, number in numbers_of(answer).items())


def one_number(name: str, answer: Answer) -> str:
    """The number called *name*, to within 1 %."""
    came, expected = numbers_of(answer)[name], right()[name]
    if abs(came - expected) > 0.01 * expected:
        near = (text for slip, text in SLIPS[name].items() if abs(came - slip) <= 0.005 * slip)
        general = "allowed to fail: 0.1 %; burn rate = error ratio / 0.001; 30 days are 720 hours"
        if name == "detect_s":
            general = "the window also holds the good minutes before: after t seconds the share is t / 3600"
        raise Wrong(f"{name} = {came:g}", given="99.9 % in 30 days", expected="another number",
                    look=next(near, general))  # fmt: skip
    return f"{came:g}"


BUDGET = (
    Check("six numbers", six_numbers),
    *(Check(text, partial(one_number, key)) for key, text in ASKED.items()),
)
