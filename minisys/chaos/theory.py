"""What can be said beforehand, with a pencil: the shop's calls to the price service, searching at random, sample sizes.

A prediction is half of an experiment. Whoever cannot say what the healthy system does cannot see that it did something
else; and whoever says only "it should be fine" has learnt nothing when it was.

Promised: closed forms under the assumptions that each one states; the tests hold them against simulation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from scipy.special import bdtr, bdtrc


def misses(rate_per_s: float, items: int, ttl_s: float) -> float:
    """Share of requests that a cache with a time to live of *ttl_s* seconds cannot answer: 1 / (1 + rate x ttl).

    Poisson requests at *rate_per_s*, spread evenly over *items*; a miss is filled at once. Between two fills of an
    item lie ttl_s seconds and then the wait for its next request: one miss for each 1 + rate x ttl requests (renewal).
    Raises ValueError unless the rate and items are above 0 and ttl_s >= 0.
    """
    if not rate_per_s > 0 or items < 1 or not ttl_s >= 0:
        raise ValueError(f"need rate_per_s > 0, items >= 1, ttl_s >= 0; got {rate_per_s}, {items}, {ttl_s}")
    return 1 / (1 + rate_per_s / items * ttl_s)


def calls_per_order(
    second: float, down_s: tuple[float, float], rate_per_s: float, items: int, ttl_s: float, attempts: int
) -> float:
    """Calls to the price service for each order, at *second*; from down_s[0] to down_s[1] every call fails.

    Before: the share of misses. While it is down nothing is filled: who was in the cache leaves it within ttl_s,
    evenly, and each miss is *attempts* calls. After: an item misses until its first request has filled it.
    """
    usual = misses(rate_per_s, items, ttl_s)
    began_s, ended_s = down_s
    if second < began_s:
        return usual
    if second < ended_s:
        left = max(0.0, 1 - (second - began_s) / ttl_s)  # of what was in the cache
        return attempts * (1 - (1 - usual) * left)
    if second - ended_s < ttl_s:
        return math.exp(-rate_per_s / items * (second - ended_s))
    return usual


def found_within(shares: Sequence[float], experiments: int) -> float:
    """Chance that *experiments* drawn at random find every weakness; one experiment finds number i with shares[i].

    Each experiment finds one weakness at the most, as a single fault does. Inclusion and exclusion over what is still
    missing. Raises ValueError unless the shares are 0 or more and add up to at most 1, and experiments >= 0.
    """
    if experiments < 0 or min(shares, default=0) < 0 or sum(shares) > 1 + 1e-9:
        raise ValueError(f"need experiments >= 0 and shares of together at most 1, got {experiments} and {shares}")
    total = 0.0
    for size in range(len(shares) + 1):
        for missing in itertools.combinations(shares, size):
            total += (-1) ** size * max(0.0, 1 - sum(missing)) ** experiments
    return min(1.0, max(0.0, total))


def alarm_at(orders: int, usual: float, false_alarm: float = 0.01) -> int:
    """How many of *orders* must fail before it is no accident: the least k with P(k or more) <= *false_alarm*.

    usual: the share that fails anyhow. Raises ValueError unless orders >= 1 and both shares lie in [0, 1).
    """
    if orders < 1 or not 0 <= usual < 1 or not 0 < false_alarm < 1:
        raise ValueError(f"need orders >= 1 and shares in [0, 1), got {orders}, {usual}, {false_alarm}")
    k = 1
    while k <= orders and bdtrc(k - 1, orders, usual) > false_alarm:
        k += 1
    return k


def noticed(orders: int, usual: float, broken: float, false_alarm: float = 0.01) -> float:
    """Chance that an experiment on *orders* notices a weakness that makes a share *broken* of them fail."""
    k = alarm_at(orders, usual, false_alarm)
    return 0.0 if k > orders else float(1 - bdtr(k - 1, orders, max(usual, broken)))
