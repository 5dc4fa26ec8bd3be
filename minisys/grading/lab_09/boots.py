"""Lab 09, task 2: what a faster boot is worth, found by running the chapter's own model.

The two numbers are judged by the model's evening, run here with the learner's number and with its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from minisys.autoscaling import pareto, traffic
from minisys.grading.checks import Check, Wrong

Answer = Callable[[], Mapping[str, Any]]
NAMES = ("boot_s", "target", "why")
TARGET, SLOW_S, MOST, STEP_S, HUNDREDTHS = 0.7, 180.0, 1.0, 15, (50, 60, 70, 80)
WHY = {
    "late": "",
    "noise": "a noisy metric makes a rule nervous; here the load really rises, and the rule sees it at the next look",
    "looks": "looks are 15 s apart whatever the boot; making them 1 s apart saves 14 s of a delay of minutes",
    "rounding": "rounding up gives a part of one machine; the sale needs several at once",
}


@lru_cache(maxsize=64)
def missed(target: float, boot_s: float) -> float:
    """Percent missed on the evening of seed 0."""
    cloud = traffic.cloud(boot_s, 0.0)
    return pareto.judge(pareto.pods(target), pareto.evening(0), cloud, 0)["missed_percent"]


def told_by(answer: Answer) -> dict[str, Any]:
    """The learner's answers. Raises Wrong unless they are three."""
    told = answer()
    if not isinstance(told, Mapping) or set(told) != set(NAMES):
        raise Wrong(repr(told)[:100], expected=f"a dict with the keys {', '.join(NAMES)}")
    return dict(told)


def longest_boot(answer: Answer) -> str:
    """The longest boot with target 0.7."""
    boot_s = told_by(answer)["boot_s"]
    if isinstance(boot_s, bool) or not isinstance(boot_s, int | float) or boot_s % STEP_S or not 15 <= boot_s <= 600:
        raise Wrong(repr(boot_s), expected="seconds: 15, 30, 45, … 600", look="run the model with one after the other")
    came, given = missed(TARGET, float(boot_s)), f"target 0.7, boots of {boot_s:g} s"
    if came > MOST:
        raise Wrong(f"{came:.2f} % missed", given=given, expected="at most 1 %", look="boots must be faster than that")
    after = missed(TARGET, float(boot_s) + STEP_S)
    if after <= MOST:
        look = f"{boot_s + STEP_S:g} s would do as well: {after:.2f} % missed"
        raise Wrong(f"{boot_s:g} s", given=given, expected="the longest boot that does", look=look)
    return f"{boot_s:g} s: {came:.2f} % missed; with {boot_s + STEP_S:g} s it is {after:.2f} %"


def highest_target(answer: Answer) -> str:
    """The highest target with boots of three minutes."""
    target = told_by(answer)["target"]
    if isinstance(target, bool) or not isinstance(target, int | float):
        raise Wrong(repr(target), expected="0.5, 0.6, 0.7 or 0.8")
    hundredths = round(100 * target)
    if hundredths not in HUNDREDTHS:
        look = "a share, not per cent" if target > 1 else "one of the four"
        raise Wrong(repr(target), expected="0.5, 0.6, 0.7 or 0.8", look=look)
    came, given = missed(hundredths / 100, SLOW_S), f"target {target:g}, boots of 180 s"
    if came > MOST:
        look = "so full that there is no room for what comes while machines boot"
        raise Wrong(f"{came:.2f} % missed", given=given, expected="at most 1 %", look=look)
    above = missed((hundredths + 10) / 100, SLOW_S)
    if hundredths < 80 and above <= MOST:
        look = f"{target + 0.1:.1f} would do too, and it is cheaper: {above:.2f} % missed"
        raise Wrong(f"{target:g}", given=given, expected="the highest target that does", look=look)
    return f"{target:g}: {came:.2f} % missed; with {target + 0.1:.1f} it is {above:.2f} %"


def reason(answer: Answer) -> str:
    """Why the boot time decides."""
    why = told_by(answer)["why"]
    if why not in WHY:
        raise Wrong(repr(why), expected=f"one of {', '.join(WHY)}")
    if WHY[why]:
        raise Wrong(why, given="faster boots, the same rule, fewer misses", expected="another reason", look=WHY[why])
    return "what is ordered serves a boot later; what comes meanwhile meets the machines of before"


BOOTS = (
    Check("the longest boot that target 0.7 forgives", longest_boot, 30.0),
    Check("the target that boots of three minutes need", highest_target, 30.0),
    Check("why", reason),
)
