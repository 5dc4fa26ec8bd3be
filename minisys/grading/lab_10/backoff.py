"""Lab 10, task 1: exponential backoff with full jitter: bounds, cap, whose randomness, and a crowd that must part."""

from __future__ import annotations

import random
from collections.abc import Callable

from minisys.grading.checks import Check, Wrong

Wait = Callable[[int, float, float, random.Random], float]
DRAWS = 2_000


class _Fixed(random.Random):
    """A generator whose every draw lies at the same place between its ends: 0 the low one, 1 (nearly) the high one."""

    def __new__(cls, place: float) -> _Fixed:
        return super().__new__(cls)

    def __init__(self, place: float) -> None:
        super().__init__(0)
        self.place, self.asked = place, 0

    def random(self) -> float:
        self.asked += 1
        return self.place


def asked(wait_s: Wait, attempt: int, base_s: float, cap_s: float, rng: random.Random) -> float:
    """The learner's seconds. Raises Wrong unless it is a number."""
    given = f"wait_s({attempt}, {base_s:g}, {cap_s:g}, rng)"
    try:
        came = wait_s(attempt, base_s, cap_s, rng)
    except OverflowError:
        look = "2.0 ** 2000 is no float any more: limit the exponent, or stop doubling at the cap"
        raise Wrong("OverflowError", given=given, expected="a number of seconds", look=look) from None
    if came is None or isinstance(came, bool) or not isinstance(came, int | float):
        look = "is there a `return`?" if came is None else "seconds, a float"
        raise Wrong(repr(came), given=given, expected="a number of seconds", look=look)
    return float(came)


def doubles(wait_s: Wait) -> str:
    """With the luckiest and unluckiest draw: from 0 to base * 2^attempt."""
    for attempt, most in enumerate((0.1, 0.2, 0.4, 0.8)):
        low, high = (asked(wait_s, attempt, 0.1, 60.0, _Fixed(place)) for place in (0.0, 1.0))
        given = f"base 0.1 s, cap 60 s, failed try {attempt} (0 is the first), the largest draw that rng can give"
        if abs(high - most) > 1e-6:
            look = "base * 2 ** attempt: the first wait is up to base itself, and each next one up to twice as long"
            if abs(high - 2 * most) < 1e-6:
                look = "one doubling too many, or the jitter comes on top: full jitter only ever makes a wait shorter"
            raise Wrong(f"{high:g} s", given=given, expected=f"{most:g} s", look=look)
        if abs(low) > 1e-6:
            look = "full jitter goes down to 0: whoever draws low is already back while the others still wait"
            if abs(low - high) < 1e-9:
                look = "always the same: all who failed together come back together; draw it with rng"
            raise Wrong(f"{low:g} s", given=given.replace("largest", "smallest"), expected="0 s", look=look)
    return "0.1, 0.2, 0.4, 0.8 s at most"


def capped(wait_s: Wait) -> str:
    """The cap holds, also for a try that nobody will ever make, and the draw is made below it."""
    for attempt in (5, 10, 2_000):
        came = asked(wait_s, attempt, 0.1, 2.0, _Fixed(1.0))
        if came > 2.0 + 1e-6:
            given = f"base 0.1 s, cap 2 s, failed try {attempt}"
            raise Wrong(f"{came:g} s", given=given, expected="at most 2 s", look="min(cap_s, …) comes first")
    rng = random.Random("lab 10 task 1")
    at_cap = sum(asked(wait_s, 8, 0.1, 2.0, rng) >= 2.0 - 1e-9 for _ in range(DRAWS))
    if at_cap > DRAWS // 100:
        look = "the cap cuts what was drawn, so most wait exactly 2 s, together: cap first, then draw below it"
        given = f"base 0.1 s, cap 2 s, failed try 8, {DRAWS} clients"
        raise Wrong(f"{at_cap} wait 2 s exactly", given=given, expected="hardly any", look=look)
    return "never above the cap, and nobody sticks to it"


def own_luck(wait_s: Wait) -> str:
    """The random numbers are rng's."""
    rng = _Fixed(0.5)
    first = asked(wait_s, 3, 0.1, 60.0, rng)
    if not rng.asked:
        look = "the module's random knows nothing of the seed; draw with rng.uniform or rng.random"
        raise Wrong("rng was not asked", given="wait_s(3, 0.1, 60, rng)", expected="one draw from rng", look=look)
    if abs(first - 0.4) > 1e-6:
        look = "every wait from 0 up must be as likely as any other: rng.uniform(0, …)"
        raise Wrong(f"{first:g} s", given="the draw in the middle, at most 0.8 s", expected="0.4 s", look=look)
    return "one seed, one answer"


def a_crowd(wait_s: Wait) -> str:
    """A thousand clients that failed at once: how many come back in the fullest of 100 moments?"""
    rng = random.Random("lab 10 crowd")
    moments = [0] * 100
    for _ in range(1_000):
        moments[min(99, int(asked(wait_s, 4, 0.1, 60.0, rng) / 1.6 * 100))] += 1
    if max(moments) > 40:
        look = "a thousand who failed together should be spread over the whole 1.6 s, some ten in each hundredth"
        raise Wrong(f"{max(moments)} of 1000 clients in one hundredth of the time", given="failed try 4, base 0.1 s",
                    expected="at most 40", look=look)  # fmt: skip
    return f"1000 clients: at most {max(moments)} of them in a hundredth of the time"


BACKOFF = (
    Check("it doubles, and draws from 0 to there", doubles),
    Check("the cap holds, and is no meeting point", capped),
    Check("its luck is the rng that it is given", own_luck),
    Check("a thousand clients part", a_crowd, after_others=True),
)
