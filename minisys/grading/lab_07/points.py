"""Lab 07, task 2: how many points a shard needs on the ring, judged on a hundred rings that the learner has not seen.

A share of the ring is exact: the gaps in front of a shard's points. So no keys are needed, and the only luck is that of
the names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from minisys.grading.checks import Check, Wrong
from minisys.sharding.policies import ring

SHARDS, BOUND, OF, ENOUGH = 8, 1.15, 100, 95
CHANCE = 5  # the luck of a hundred sets of names: of right numbers one in a hundred falls below 90
ASKED = f"{ENOUGH}, and {CHANCE} less may be chance: {ENOUGH - CHANCE} is enough"
SPAN = 2**63
LEAST, MOST = 60, 600  # outside: surely too few, or wasteful; between them the rings decide


@lru_cache(maxsize=8)
def overload(points: int) -> tuple[float, ...]:
    """The share of the fullest shard in units of the mean, for each of a hundred sets of names, sorted."""
    return tuple(
        sorted(_fullest([f"unseen-{number}-{shard}" for shard in range(SHARDS)], points) for number in range(OF))
    )


def _fullest(names: list[str], points: int) -> float:
    owners, places = ring(names, [1.0] * len(names), points)
    share = [0] * len(names)
    for number, owner in enumerate(owners):
        share[owner] += (places[number] - places[number - 1]) % SPAN
    return max(share) * len(names) / SPAN


def number_of(answer: Callable[[], int]) -> int:
    """The learner's number. Raises Wrong unless it is a whole one above 0."""
    points = answer()
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise Wrong(repr(points), expected="a whole number, at least 1")
    if points > 20_000:
        raise Wrong(
            f"{points:,}", expected="thousands at most", look="eight shards times so many points must be sorted"
        )
    return points


def enough(answer: Callable[[], int]) -> str:
    """The fullest shard stays within the bound on 95 of 100 rings."""
    points = number_of(answer)
    within = sum(each <= BOUND for each in overload(min(points, MOST)))
    if within < ENOUGH - CHANCE:
        worst, middle = overload(points)[-1], overload(points)[OF // 2]
        look = (
            f"a share strays by about 1/sqrt(points) = {points**-0.5:.0%}, and the fullest of eight by more than that"
        )
        if points == 1:
            look = "one point each: the gaps between eight random points are anything but equal"
        given = f"{points} points, {OF} sets of {SHARDS} names"
        came = f"{within} within {BOUND - 1:.0%} (half of them above {middle - 1:.0%}, the worst {worst - 1:.0%})"
        raise Wrong(came, given=given, expected=ASKED, look=look)
    return f"{points:,} points each: {within} of {OF} rings within {BOUND - 1:.0%} ({ASKED})"


def not_wasteful(answer: Callable[[], int]) -> str:
    """Not more than twice as many points as are needed."""
    points = number_of(answer)
    half = points // 2
    if half > MOST or (half >= LEAST and sum(each <= BOUND for each in overload(half)) >= ENOUGH):
        look = "the error falls with the square root: from here on memory and lookups grow faster than it shrinks"
        raise Wrong(f"{points:,} points", expected=f"less: {half:,} would do as well", look=look)
    return "half as many would not be enough"


POINTS = (
    Check("the fullest shard is within 15 % on 95 of 100 rings (± 5 for chance)", enough, 20.0),
    Check("not twice as many as needed", not_wasteful, 20.0, after_others=True),
)
