"""Lab 09, task 1: the HorizontalPodAutoscaler's arithmetic, worked out by hand.

The right numbers come from the course's own rule (minisys.autoscaling.kubernetes); the texts name the slip that leads
to the number that came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from minisys.autoscaling.kubernetes import DOWN, UP, Behaviour, HorizontalPodAutoscaler, Limit, proportional
from minisys.autoscaling.policies import Instance, Seen
from minisys.grading.checks import Check, Wrong

Answer = Callable[[], Mapping[str, Any]]
OLD = -1_000.0
ASKED = {
    "plain": "50 pods at 90 %, target 75 %",
    "tolerance": "10 pods at 65 %, target 60 %",
    "booting": "3 pods at 90 % and one that is not ready, target 60 %",
    "silent": "4 pods at 20 % CPU and one that sends no metric, target 50 %",
    "window": "10 pods; wanted 320 s ago: 10, 240 s: 7, 120 s: 9, 30 s: 6; now 4",
    "limits": "80 pods, 10 wanted; the larger of 4 pods and 10 % a minute; after the second minute",
}
SLIPS: dict[str, dict[int, str]] = {
    "plain": {
        42: "upside down: current x metric / target",
        45: "that is 50 x 0.9: divide by the target too",
        68: "that is 90 x 75 / 100; the formula is 50 x 90 / 75",
    },
    "tolerance": {
        11: "65 / 60 is 1.083, within 10 % of 1: nothing is changed",
        9: "65 / 60 is above 1, and within 10 % of it",
        12: "the tolerance is no factor; within it nothing is changed",
    },
    "booting": {
        6: "that counts four pods at 90 %; the one that is not ready uses nothing if the rule would grow",
        3: "four are there already, and growing rounds up: (3 x 90 + 0) / 4 = 67.5 %, beyond the tolerance",
        4: "(3 x 90 + 0) / 4 is 67.5 %, and 67.5 / 60 = 1.125 is beyond the tolerance",
        7: "start from the 3 x 90 % that are known and one that counts 0 %, not from one more pod at 90 %",
    },
    "silent": {
        1: "the formula rounds up; and when the rule would shrink, a silent pod counts 100 %, not 0",
        2: "that counts it as idle, or not at all; when the rule would shrink, a silent pod may be using all of it",
        5: "(4 x 20 + 100) / 5 = 36 %; 36 / 50 is beyond the tolerance",
        3: "a custom metric would count the target for it; of CPU it may be using all: (4 x 20 + 100) / 5 = 36 %",
    },
    "window": {
        4: "scaling in waits: the most that was wanted within the last 300 s",
        10: "that wish is 320 s old, and the window is 300 s",
        7: "the most within the window, not the first of it",
        6: "the most within the window, not the last before now",
    },
    "limits": {
        10: "only so much a minute",
        63: "72 less 10 % is 64.8: the part of a pod goes too, and no more: 64",
        72: "that is after the first minute, or after two of the smaller limit, 4 pods each",
        76: "the larger of the two: 10 % of 80 are 8 pods",
        65: "72 less 10 % is 64.8, and a pod that may go goes: 64",
        62: "10 % of what there was when the minute began: of 72, not of 100",
    },
}


@lru_cache(maxsize=1)
def right() -> dict[str, int]:
    """The six numbers, by the rule itself."""
    full, idle = Instance(0.9, OLD, True, OLD), Instance(0.2, OLD, True, OLD)
    new, silent = Instance(None, -10.0, False, -10.0), Instance(None, OLD, True, OLD)
    waiting = HorizontalPodAutoscaler(0.6)
    for ago_s, count in ((320, 10), (240, 7), (120, 9), (30, 6)):
        waiting.stabilised(count, 10, -ago_s)
    slow = HorizontalPodAutoscaler(0.6, up=UP, down=Behaviour(0.0, (Limit(pods=4, period_s=60), Limit(10, None, 60))))
    first = slow.limited(10, 80, 0.0)
    slow.changes.append((0.0, first - 80))
    return {
        "plain": proportional(50, 90, 75),
        "tolerance": proportional(10, 65, 60),
        "booting": HorizontalPodAutoscaler(0.6).recommendation(Seen([full] * 3 + [new]), 0.0),
        "silent": HorizontalPodAutoscaler(0.5, down=DOWN).recommendation(Seen([idle] * 4 + [silent]), 0.0),
        "window": waiting.stabilised(4, 10, 0.0),
        "limits": slow.limited(10, first, 60.0),
    }


def numbers_of(answer: Answer) -> dict[str, float]:
    """The learner's numbers. Raises Wrong unless they are six."""
    told = answer()
    if not isinstance(told, Mapping) or set(told) != set(ASKED):
        raise Wrong(repr(told)[:100], expected=f"a dict with the keys {', '.join(ASKED)}")
    for name, number in told.items():
        if isinstance(number, str):
            raise Wrong(
                f"{name}: {number!r}", expected="a number", look="without quotation marks and words: it is a text"
            )
        if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
            look = "pods are whole: the formula rounds up"
            raise Wrong(f"{name}: {number!r}", expected="a whole number of pods", look=look)
    return dict(told)


def six_numbers(answer: Answer) -> str:
    """Six numbers with the right names."""
    return ", ".join(f"{name} {number:.0f}" for name, number in numbers_of(answer).items())


def one_number(name: str, answer: Answer) -> str:
    """The number called *name*."""
    came, expected = int(numbers_of(answer)[name]), right()[name]
    if came != expected:
        look = SLIPS[name].get(came, "ceil(current x metric / target), then the rule that this line is about")
        raise Wrong(f"{came} pods", given=ASKED[name], expected=f"{expected}", look=look)
    return f"{came} pods"


ARITHMETIC = (
    Check("six numbers", six_numbers),
    *(Check(asked, partial(one_number, key)) for key, asked in ASKED.items()),
)
