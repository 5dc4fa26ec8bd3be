"""Lab 11, task 1: the estimate that Prometheus makes of a quantile, on histograms made by hand and by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from minisys.grading.checks import Check, Wrong
from minisys.observability.histograms import Classic
from minisys.testbed.workload import stream

Buckets = Sequence[tuple[float, int]]
Quantile = Callable[[float, Buckets], float]
EXAMPLE: Buckets = ((0.1, 50), (0.5, 90), (1.0, 100), (math.inf, 100))


def cumulative(made: Classic) -> list[tuple[float, int]]:
    """A histogram as Prometheus shows it: (le, how many up to it), the last one infinite."""
    total, rows = 0, []
    for edge, count in zip((*made.edges, math.inf), made.counts, strict=True):
        total += count
        rows.append((edge, total))
    return rows


def asked(quantile: Quantile, q: float, buckets: Buckets) -> float:
    """The learner's estimate. Raises Wrong if it is no number."""
    came = quantile(q, list(buckets))
    if isinstance(came, bool) or not isinstance(came, int | float):
        look = "is there a `return`?" if came is None else ""
        raise Wrong(repr(came), given=f"quantile({q:g}, {list(buckets)})", expected="seconds", look=look)
    return float(came)


def same(quantile: Quantile, q: float, buckets: Buckets, expected: float, look: str) -> None:
    """Raises Wrong unless the learner's estimate is *expected*."""
    came = asked(quantile, q, buckets)
    if not (math.isclose(came, expected, rel_tol=1e-6) or (math.isnan(came) and math.isnan(expected))):
        raise Wrong(f"{came:g}", given=f"quantile({q:g}, {list(buckets)})", expected=f"{expected:g}", look=look)


def inside(quantile: Quantile) -> str:
    """Straight lines within a bucket."""
    slips = {
        0.5: "that is the bucket's edge: as if all of it were as slow as its slowest",
        0.3: "that is the bucket's middle: go as far into it as the rank goes",
        0.125: "start at the bucket's lower edge: 0.1 + …",
    }
    came = asked(quantile, 0.6, EXAMPLE)
    if not math.isclose(came, 0.2, rel_tol=1e-6):
        look = slips.get(round(came, 6), "rank 60 is the 10th of the 40 between 0.1 and 0.5: 0.1 + 0.4 x 10 / 40")
        raise Wrong(f"{came:g}", given=f"quantile(0.6, {list(EXAMPLE)})", expected="0.2", look=look)
    look = "rank 80 is the 30th of the 40 between 0.1 and 0.5: 0.1 + 0.4 x 30 / 40"
    same(quantile, 0.8, EXAMPLE, 0.4, look)
    return "rank, bucket, straight line"


def first(quantile: Quantile) -> str:
    """The first bucket begins at 0."""
    same(quantile, 0.25, EXAMPLE, 0.05, "the first bucket begins at 0 (latencies are not negative)")
    return "the first bucket begins at 0"


def last(quantile: Quantile) -> str:
    """Above the last finite edge nothing is known but that edge."""
    buckets = ((0.1, 50), (0.5, 90), (math.inf, 100))
    look = "nobody knows how slow the last ones were; Prometheus says the last finite edge"
    same(quantile, 0.95, buckets, 0.5, look)
    return "0.5: at least, and nobody knows how much more"


def empty(quantile: Quantile) -> str:
    """No values, no quantile."""
    same(quantile, 0.5, ((0.1, 0), (math.inf, 0)), math.nan, "nobody asked: no number is right; math.nan says so")
    return "nan"


def many(quantile: Quantile) -> str:
    """Forty histograms by seed, against the course's own."""
    edges = (0.01, 0.05, 0.1, 0.25, 1.0)
    for seed in range(40):
        rng = stream(seed, "buckets")
        made = Classic.of(rng.lognormal(-2.5, 1.2, int(rng.integers(1, 60))), edges)
        q = float(rng.uniform(0.01, 0.99))
        look = "empty buckets have the count of the one before: take the first whose count reaches q x all"
        same(quantile, round(q, 3), cumulative(made), made.quantile(round(q, 3)), look)
    return "40 histograms, as Prometheus has it"


BUCKETS = (
    Check("within a bucket, on a straight line", inside),
    Check("the first bucket begins at 0", first),
    Check("above the last edge, that edge", last),
    Check("without values there is no quantile", empty),
    Check("forty histograms", many, after_others=True),
)
