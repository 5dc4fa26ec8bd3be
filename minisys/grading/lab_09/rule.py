"""Lab 09, task 3: a rule with a tolerance and a window for scaling in, judged on loads not seen before."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from random import Random

from minisys.grading.checks import Check, Wrong

Recent = list[tuple[float, int]]
Decide = Callable[[float, int, float, Recent], int]
Case = tuple[int, float, Recent, int, str]
TARGET, TOLERANCE, WINDOW_S, NOW, PERIOD_S = 0.6, 0.1, 300.0, 1_000.0, 15.0


def reference(now: float, current: int, load: float, recent: Recent) -> int:
    """The rule that is asked for."""
    ratio = load / TARGET
    asked = current if abs(ratio - 1) <= TOLERANCE + 1e-9 else math.ceil(current * ratio - 1e-9)
    recent[:] = [(at, count) for at, count in recent if at > now - WINDOW_S] + [(now, asked)]
    return asked if asked >= current else min(current, max(count for _, count in recent))


def asked(decide: Decide, now: float, current: int, load: float, recent: Recent) -> int:
    """The learner's number. Raises Wrong unless it is a whole one."""
    came = decide(now, current, load, recent)
    if came is None:
        raise Wrong("None", given=_given(current, load, recent), expected="a number", look="is there a `return`?")
    if isinstance(came, bool) or not hasattr(came, "__index__"):
        look = "math.ceil gives a whole number"
        raise Wrong(repr(came), given=_given(current, load, recent), expected="a whole number", look=look)
    return int(came)


def _given(current: int, load: float, recent: Recent) -> str:
    before = ", ".join(f"{count} wanted {NOW - at:.0f} s ago" for at, count in recent) or "nothing wanted before"
    return f"{current} machines at {load:.0%}, target 60 %; {before}"


def table(cases: tuple[Case, ...], decide: Decide) -> str:
    """Each case gives its number."""
    for current, load, recent, expected, look in cases:
        came = asked(decide, NOW, current, load, list(recent))
        if came != expected:
            raise Wrong(came, given=_given(current, load, recent), expected=f"{expected}", look=look)
    return f"{len(cases)} cases"


OUT: tuple[Case, ...] = (
    (10, 0.9, [], 15, "10 x 0.9 / 0.6, at once: growing does not wait"),
    (7, 0.72, [], 9, "7 x 0.72 / 0.6 is 8.4: a part of a machine is a machine"),
    (1, 1.0, [], 2, "1 x 1.0 / 0.6 is 1.7: a part of a machine is a machine"),
    (4, 0.9, [(NOW - 100, 9)], 6, "the window holds shrinking back; growing goes to what is asked for now"),
)
CALM: tuple[Case, ...] = (
    (10, 0.65, [], 10, "0.65 / 0.6 is 1.08: within 10 % of 1 nothing changes"),
    (10, 0.55, [], 10, "0.55 / 0.6 is 0.92: within 10 % of 1 nothing changes"),
    (100, 0.63, [], 100, "the tolerance is for the ratio of load and target, not for a number of machines"),
    (10, 0.67, [], 12, "0.67 / 0.6 is 1.12: beyond the tolerance; then all of it counts"),
    (10, 0.5, [], 9, "0.5 / 0.6 is 0.83: beyond the tolerance; nobody asked for more before"),
)
IN: tuple[Case, ...] = (
    (10, 0.3, [(NOW - 10, 10)], 10, "10 were wanted 10 s ago: wait"),
    (10, 0.3, [(NOW - 310, 10), (NOW - 290, 7), (NOW - 100, 6)], 7, "the most within 300 s; the 10 is older"),
    (10, 0.3, [(NOW - 300, 10), (NOW - 100, 6)], 6, "an entry of exactly 300 s ago is too old"),
    (10, 0.3, [(NOW - 200, 4)], 5, "what is asked for now is in the window too"),
    (10, 0.3, [(NOW - 400, 10)], 5, "a wish of 400 s ago is too old"),
    (5, 0.3, [(NOW - 100, 9)], 5, "9 were wanted, but the load falls: never grow because of the window"),
)


def noted(decide: Decide) -> str:
    """The recommendation is noted, and not what was returned."""
    recent: Recent = [(NOW - 10, 10)]
    asked(decide, NOW, 10, 0.3, recent)
    if (NOW, 5) not in [tuple(entry) for entry in recent]:
        given = "10 machines at 30 %, 10 wanted 10 s ago"
        look = "note what the ratio asks for now, before the window: append (now, number) to recent"
        raise Wrong(f"recent is {recent}", given=given, expected=f"({NOW:g}, 5) among its entries", look=look)
    return "the window knows what was asked for"


def unseen(decide: Decide) -> str:
    """Ten minutes of a wandering load, several times: the same numbers as the rule."""
    for seed in range(6):
        draw = Random(f"lab 09 task 3 {seed}")
        ours: Recent = []
        theirs: Recent = []
        current, work = 6, 3.6
        for look in range(1, 121):
            now = look * PERIOD_S
            work = min(max(work * draw.choice((0.8, 0.95, 1.0, 1.05, 1.3)), 0.5), 30.0)
            load = min(work / current, 1.0)
            expected, came = reference(now, current, load, ours), asked(decide, now, current, load, theirs)
            if came != expected:
                given = f"look {look} of a wandering load: {current} machines at {load:.0%}"
                kept = ", ".join(f"{count} ({now - at:.0f} s ago)" for at, count in ours[-6:])
                raise Wrong(
                    came, given=given, expected=f"{expected}; asked for lately: {kept}", look="what does recent hold?"
                )
            current = expected
    return "720 looks"


RULE = (
    Check("growing is at once, and rounded up", partial(table, OUT)),
    Check("within the tolerance nothing changes", partial(table, CALM)),
    Check("shrinking waits for 300 s", partial(table, IN)),
    Check("what was asked for is noted", noted),
    Check("unseen loads: look by look the rule's number", unseen, 10.0, after_others=True),
)
