"""What sharding must cost, before anything runs: balance, movement, tails, hot keys, transactions.

"We have ten shards; why is one of them twice as full, why is every second page slow, and why did twenty shards not
help?" Each of these has a short formula, and most arguments about sharding end when somebody computes it.

Promised: exact results under the stated assumptions (random hashes, independent shards).
Not given here: queues (testbed.queueing), traffic that changes, shards that fail together.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad
from scipy.special import gammainc


def ring_spread(points: int, shards: int) -> float:
    """The standard deviation of a shard's share of the ring, divided by the mean, with *points* places each.

    A share is Beta(v, v (n - 1)) distributed, so this is sqrt((n - 1) / (n v + 1)), nearly 1 / sqrt(v). Raises
    ValueError unless both are at least 1. Source: spacings of uniform points (David and Nagaraja 2003, section 6.4).
    """
    _whole(points=points, shards=shards)
    return math.sqrt((shards - 1) / (shards * points + 1))


def ring_peak(points: int, shards: int) -> float:
    """The expected share of the fullest of *shards* shards on a ring, divided by the mean, with *points* places each.

    The shares are Gamma(v) variables divided by their sum, which is independent of them: E max = E max Gamma(v) / v.
    One point each gives the harmonic number H_n. Raises ValueError unless both are at least 1. Source: as ring_spread.
    """
    _whole(points=points, shards=shards)
    top = 1.0 + 40.0 / math.sqrt(points) + 40.0 / points
    cut = [x for x in (0.5, 1.0, 1.5, 2.0, 4.0) if x < top]
    return float(quad(lambda x: 1.0 - gammainc(points, points * x) ** shards, 0.0, top, points=cut, limit=200)[0])


def hash_spread(keys: int, shards: int) -> float:
    """The standard deviation of a shard's number of *keys*, divided by the mean, under a perfectly random hash.

    sqrt((n - 1) / m): with few keys (tenants, countries) even a perfect hash is uneven. Raises ValueError unless both
    are at least 1. Source: the binomial distribution.
    """
    _whole(keys=keys, shards=shards)
    return math.sqrt((shards - 1) / keys)


def modulo_movement(before: int, after: int) -> float:
    """The share of the keys that ``key % n`` moves when *before* shards become *after*.

    Of lcm(a, b) remainders, min(a, b) agree. 10 to 11: 90.9 %; doubling: half. Raises ValueError unless both are at
    least 1. Source: the Chinese remainder theorem.
    """
    _whole(before=before, after=after)
    return 1.0 - min(before, after) / math.lcm(before, after)


def least_movement(before: int, after: int) -> float:
    """The least share of the keys that must move so that *after* equal shards hold what *before* held.

    Raises ValueError unless both are at least 1.
    """
    _whole(before=before, after=after)
    return abs(after - before) / max(before, after)


def fan_out_tail(slow: float, shards: int) -> float:
    """The share of the requests that wait for a slow answer, if each asks *shards* shards: 1 - p^n with p = 1 - slow.

    *slow*: the share of a single shard's answers that are slow. Shards are taken as independent. Raises ValueError
    unless slow is in [0, 1]. Source: Dean and Barroso 2013, The Tail at Scale, CACM 56(2).
    """
    _share(slow=slow)
    _whole(shards=shards)
    return -math.expm1(shards * math.log1p(-slow)) if slow < 1 else 1.0


def fan_out_percentile(q: float, shards: int) -> float:
    """Which percentile of one shard is the *q*-th percentile of requests that ask *shards* of them: 100 (q/100)^(1/n).

    With 100 shards the median of the users is the 99.3th percentile of a shard. Raises ValueError unless 0 <= q <= 100.
    """
    _share(q=q / 100)
    _whole(shards=shards)
    return 100.0 * (q / 100.0) ** (1.0 / shards)


def zipf_top(keys: int, skew: float) -> float:
    """The share of the requests for the most popular of *keys* keys, the k-th in proportion to 1/k^skew.

    Raises ValueError for skew below 0. Source: Zipf 1949.
    """
    _whole(keys=keys)
    if skew < 0:
        raise ValueError(f"skew must be 0 or more, got {skew}")
    return float(1.0 / (np.arange(1, keys + 1) ** -float(skew)).sum())


def hot_shard(top: float, shards: int) -> float:
    """The share of all requests at the shard of a key that gets the share *top*; the others are spread evenly.

    p + (1 - p) / n: it never falls below p. Raises ValueError unless top is in [0, 1].
    """
    _share(top=top)
    _whole(shards=shards)
    return top + (1.0 - top) / shards


def capacity(top: float, shards: int) -> float:
    """How much more *shards* shards serve than one before the hot key's shard is full: 1 / hot_shard, at most 1 / p."""
    return 1.0 / hot_shard(top, shards)


def scatter_capacity(shards: int, scattered: float) -> float:
    """How much more *shards* shards serve than one if a share *scattered* of the requests must ask them all.

    A request for one key is one piece of work, one for all is n: n / ((1 - s) + s n), at most 1 / s. The same form as
    Amdahl's law. Raises ValueError unless scattered is in [0, 1].
    """
    _share(scattered=scattered)
    _whole(shards=shards)
    return shards / ((1.0 - scattered) + scattered * shards)


def transaction_availability(shard: float, parts: int, coordinator: float = 1.0) -> float:
    """The share of the time in which a transaction over *parts* shards can commit; each shard is up a share *shard*.

    All must be up, and the *coordinator*: a^k. Raises ValueError unless both shares are in [0, 1].
    """
    _share(shard=shard, coordinator=coordinator)
    _whole(parts=parts)
    return coordinator * shard**parts


def single_shard(parts: int, shards: int) -> float:
    """The chance that *parts* keys, each on a random one of *shards* shards, are all on one: 1 / n^(k - 1)."""
    _whole(parts=parts, shards=shards)
    return float(shards) ** (1 - parts)


def _whole(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1 or number != int(number):
            raise ValueError(f"{name} must be a whole number of 1 or more, got {number!r}")


def _share(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 <= number <= 1:
            raise ValueError(f"{name} must be between 0 and 1, got {number!r}")
