"""Lab 03, task 4: who is up, judged from a stream of probes, and how long a hung backend goes unnoticed.

A rule that is right on a calm day flaps on a bad one. The checks try every stream of up to seven probes and show the
shortest one that goes wrong; the package's own state machine is the reference. The worst detection time is found by
trying every moment at which a backend may stop, not by a formula.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.load_balancing.health import Health
from minisys.load_balancing.plan import HealthCheck


def one_state_a_probe(states: Callable[..., Any], worst_detection_s: Any = None) -> str:
    """Without failures a backend stays up, one state for each probe."""
    came_out = list(states([True, True, True], 2, 2))
    if came_out != ["up", "up", "up"]:
        given = "probes yes yes yes, rise 2, fall 2"
        raise Wrong(came_out, given=given, expected=["up", "up", "up"], look="one word a probe; it starts up")
    return "three yeses, three times up"


def same_as_the_state_machine(states: Callable[..., Any], worst_detection_s: Any = None) -> str:
    """Every stream of up to seven probes, rise and fall from 1 to 3; the shortest one that differs is shown."""
    tried = 0
    for length in range(1, 8):
        for probes in itertools.product((True, False), repeat=length):
            for rise, fall in itertools.product((1, 2, 3), repeat=2):
                came_out, expected = list(states(list(probes), rise, fall)), _states(probes, rise, fall)
                tried += 1
                if came_out != expected:
                    raise _health_wrong(probes, rise, fall, came_out, expected)
    return f"{tried:,} streams of probes"


def _states(probes: Sequence[bool], rise: int, fall: int) -> list[str]:
    health = Health(rise, fall)
    states = []
    for ok in probes:
        health.seen(ok)
        states.append("up" if health.up else "down")
    return states


def _health_wrong(probes: Sequence[bool], rise: int, fall: int, came_out: list[str], expected: list[str]) -> Wrong:
    look = f"it falls after {fall} noes in a row, it rises after {rise} yeses in a row"
    if len(came_out) == len(expected):
        i = next(i for i, pair in enumerate(zip(came_out, expected, strict=True)) if pair[0] != pair[1])
        look = f"state {i + 1} differs: {look}"
        if expected[i] == "up" and not all(not ok for ok in probes[max(0, i - fall + 1) : i + 1]):
            look += "; a yes in between sets the count of noes back to 0"
        elif expected[i] == "down" and not all(probes[max(0, i - rise + 1) : i + 1]):
            look += "; a no in between sets the count of yeses back to 0"
    given = f"probes {' '.join('yes' if ok else 'no' for ok in probes)}, rise {rise}, fall {fall}"
    return Wrong(" ".join(map(str, came_out)), given=given, expected=" ".join(expected), look=look)


def knows_the_detection_time(states: Callable[..., Any], worst_detection_s: Callable[..., float]) -> str:
    """The worst case over every moment at which a backend can stop answering."""
    for check in (HealthCheck(1.0, 0.4, 2, 3), HealthCheck(5.0, 2.0, 2, 2), HealthCheck(0.2, 0.1, 1, 1)):
        came_out = worst_detection_s(check.interval_s, check.timeout_s, check.fall)
        expected = _slowest_detection_s(check)
        given = f"interval_s {check.interval_s:g}, timeout_s {check.timeout_s:g}, fall {check.fall}"
        if not isinstance(came_out, int | float) or not math.isclose(came_out, expected, rel_tol=1e-3):
            look = "draw the probes on a line; a backend stops right after it answered one. When is the last no known?"
            if isinstance(came_out, int | float) and math.isclose(came_out, check.fall * check.interval_s):
                look = "the last probe is only a no when its timeout is over"
            elif isinstance(came_out, int | float) and came_out < expected:
                look = f"too early for the worst case. {look}"
            raise Wrong(f"{came_out} s", given=given, expected=f"{expected:g} s", look=look)
    return f"last of three: {given}: {expected:g} s"


def _slowest_detection_s(check: HealthCheck, phases: int = 1000) -> float:
    """By trying: the backend stops at one of many moments between two probes; a hung probe is a no at its timeout."""
    worst = 0.0
    for phase in range(phases):
        stopped_s = check.interval_s * phase / phases  # a probe at 0 was answered
        health, probe = Health(check.rise, check.fall), 0
        while health.up:
            probe += 1
            health.seen(probe * check.interval_s < stopped_s)
        worst = max(worst, probe * check.interval_s + check.timeout_s - stopped_s)
    return worst


HEALTH_RULE = (
    Check("there is one state for each probe", one_state_a_probe),
    Check("every short stream of probes gives the right states", same_as_the_state_machine, 20.0),
    Check("the detection time is the worst case", knows_the_detection_time),
)
