"""Answers to lab 11: wrong ones that a learner may well write, each with what its report must say, and right ones
written another way, which must pass."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from statistics import fmean

from minisys.observability import traces
from minisys.observability.alerts import Condition
from minisys.observability.runbooks import Runbooks

HOUR_S = 3_600.0

# Task 1 and 2 --------------------------------------------------------------------------------------------------------


def quantile(inside="line", first=0.0, last="edge", none=math.nan, strict=False):
    """The estimate with one thing wrong."""

    def answer(q, buckets):
        total, low, before = buckets[-1][1], first, 0
        if not total:
            return none
        for edge, count in buckets:
            reached = count > q * total if strict else count >= q * total
            if reached and count > before:
                if edge == math.inf:
                    return low if last == "edge" else last
                share = (q * total - before) / (count - before)
                return low + (edge - low) * {"line": share, "edge": 1.0, "middle": 0.5}[inside]
            low, before = edge, count
        return none

    return answer


def from_zero(q, buckets):
    """The line begins at 0 in every bucket."""
    before = 0
    for edge, count in buckets:
        if count >= q * buckets[-1][1]:
            return edge * (q * buckets[-1][1] - before) / (count - before)
        before = count


def counted_back(q, buckets):  # right
    total = buckets[-1][1]
    if not total:
        return math.nan
    place = min(i for i, (_, count) in enumerate(buckets) if count >= q * total)
    low, before = buckets[place - 1] if place else (0.0, 0)
    if buckets[place][0] == math.inf:
        return low
    return low + (buckets[place][0] - low) * (q * total - before) / (buckets[place][1] - before)


def says_nothing(*_):
    return None


def grown(counts, restarts=True):
    return sum(now - old if now >= old or not restarts else now for old, now in zip(counts, counts[1:], strict=False))


def alone(rows, q, restarts=True):
    return quantile()(q, sorted((edge, grown(counts, restarts)) for edge, counts in rows.items()))


def merged(grow):
    def answer(looks, q):
        together = Counter()
        for rows in looks.values():
            for edge, counts in rows.items():
                together[edge] += grow(counts)
        return quantile()(q, sorted(together.items()))

    return answer


def mean_of(looks, q):
    return fmean(alone(rows, q) for rows in looks.values())


def mean_unless_new(looks, q):
    """Right for one server; for more, the mean of their percentiles, except where no counter began above 0."""
    fresh = all(counts[0] == 0 for rows in looks.values() for counts in rows.values())
    return (merged(grown) if fresh else mean_of)(looks, q)


def weighted(looks, q):
    sizes = {name: grown(rows[math.inf]) for name, rows in looks.items()}
    return sum(alone(looks[name], q) * size for name, size in sizes.items()) / sum(sizes.values())


def worst(looks, q):
    return max(alone(rows, q) for rows in looks.values())


# Task 3 and 4 --------------------------------------------------------------------------------------------------------


def budget(**changed):
    right = {"allowed_min": 43.2, "burn": 10, "lasts_h": 72, "threshold": 14.4, "detect_s": 51.84, "missed": 0.0144}
    return lambda: right | changed


def rule(*conditions):
    return lambda: list(conditions)


FAST = Condition(HOUR_S, 14.4, short_s=300)
SLOW = Condition(72 * HOUR_S, 1.0, short_s=6 * HOUR_S, severity="ticket")

# Task 5 --------------------------------------------------------------------------------------------------------------


def totals(group, of, mean=True):
    seconds = defaultdict(float)
    for spans in group:
        for key, value in of(spans):
            seconds[key] += value / (len(group) if mean else 1)
    return seconds


def lasts(spans):
    return [((span.service, span.name), span.duration_s) for span in spans]


def own(spans):
    """Own work of every span, whether anybody waited for it or not."""
    below = defaultdict(float)
    for span in spans:
        below[span.parent] += span.duration_s
    return [((span.service, span.name), span.duration_s - below[span.span]) for span in spans]


def blamed(spans):
    return traces.blame(spans).items()


def largest(of, compare=True, mean=True):
    def answer(before, after):
        now = totals(after, of, mean)
        was = totals(before, of, mean) if compare else defaultdict(float)
        return max(now, key=lambda key: now[key] - was[key])

    return answer


def only_the_name(before, after):
    return largest(blamed)(before, after)[0]


# Task 6 --------------------------------------------------------------------------------------------------------------


def book(
    dead="[restart, restart, page]", silent="[restart, replace, page]", slow="[restart, replace, page]",
    failing="[restart, page]", looks=5, **limits,
):  # fmt: skip
    kept = {"steps": 3, "within_s": 900, "wait_s": 60, "longest_wait_s": 120, "at_once": 0.34} | limits
    books = {"dead": (dead, 1), "silent": (silent, 2), "slow": (slow, looks), "failing": (failing, 3)}
    rows = [f"  {name}: {{steps: {steps}, after: {after}}}\n" for name, (steps, after) in books.items() if steps]
    return lambda: "runbooks:\n" + "".join(rows) + f"limits: {kept}\n"


def as_object():
    return Runbooks.from_yaml(book()())


ENDLESS = "[" + ", ".join(["restart"] * 9) + "]"
