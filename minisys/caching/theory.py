"""What hit ratio to expect before anything is built, and what it does to the latency and to the database.

"Is 1 GB of cache enough?" An answer needs only how popular the keys are. Che's approximation turns popularity and size
into a hit ratio for LRU, FIFO and random eviction, with a time to live if there is one; the rest is arithmetic that
people get wrong in meetings: at 90 % hits the loss of the cache makes ten databases' load of one.

Promised: each formula with its source; independent requests (no trends, no scans) are assumed throughout, and within
that the error is below 1 % for a hundred items or more. Not given: LFU, SIEVE and the like, for which curves.py runs
the policy itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

KINDS = ("lru", "fifo", "random")


@dataclass(frozen=True, eq=False)
class Expected:
    """What a formula says of one cache.

    *hit_ratio* of all requests, *of_key* of each key's (the same order as the rates). *stay_s*: the characteristic
    time; under LRU a key goes when it has not been asked for so long, under FIFO and random it stays so long on
    average. Infinite when everything fits; capped by a time to live.
    """

    hit_ratio: float
    of_key: np.ndarray
    stay_s: float


def zipf(keys: int, skew: float) -> np.ndarray:
    """The share of requests for each of *keys* keys, most popular first: in proportion to 1 / rank ** *skew*.

    Raises ValueError unless keys is 1 or more and skew 0 (all equal) or more.
    """
    if keys < 1 or not 0 <= skew < math.inf:
        raise ValueError(f"need at least 1 key and a skew of 0 or more, got keys={keys}, skew={skew}")
    weights = np.arange(1.0, keys + 1) ** -skew
    return weights / weights.sum()


def che(rates_per_s: np.ndarray, capacity: int, kind: str = "lru", *, ttl_s: float = math.inf) -> Expected:
    """Che's approximation for a cache of *capacity* items asked for key i at rates_per_s[i] (shares: 1 request = 1 s).

    *kind*: "lru", or "fifo" and "random", which have the same hit ratio. *ttl_s*: a copy is used for so long after it
    was fetched and no longer. Raises ValueError for an unknown kind, capacity below 1 or a rate or time not above 0.
    Source: Che, Tung and Wang 2002; Fricker, Robert and Roberts 2012, arXiv 1202.3974; the time to live as a renewal
    cycle, as in Fofack et al. 2014.
    """
    rates = np.asarray(rates_per_s, dtype=float)
    if kind not in KINDS or capacity < 1 or not ttl_s > 0 or not len(rates) or not (rates > 0).all():
        raise ValueError(
            f"need kind in {KINDS}, capacity >= 1, ttl_s > 0 and rates above 0, "
            f"got {kind!r}, {capacity}, {ttl_s}, {len(rates)} rates from {min(rates, default=0)}"
        )
    unlimited = np.ones_like(rates) if ttl_s == math.inf else rates * ttl_s / (1 + rates * ttl_s)
    if unlimited.sum() <= capacity:  # nothing has to go for want of room
        of_key, stay_s = unlimited, ttl_s
    else:
        occupied = (lambda stay: _lru(rates, stay, ttl_s)) if kind == "lru" else (lambda stay: _fifo(rates, stay))
        stay_s = _solve(lambda stay: float(occupied(stay).sum()) - capacity, capacity / float(rates.sum()))
        of_key = occupied(stay_s)
    return Expected(float(of_key @ rates / rates.sum()), of_key, float(stay_s))


def perfect_lfu(shares: np.ndarray, capacity: int) -> float:
    """The hit ratio when the *capacity* most popular keys are always there: the best for independent requests."""
    shares = np.asarray(shares, dtype=float)
    return float(np.sort(shares)[::-1][:capacity].sum() / shares.sum())


def working_set(rates_per_s: np.ndarray, window_s: float) -> float:
    """How many different keys are asked for in *window_s* seconds, on average. Source: Denning 1968.

    Che's characteristic time is the window in which as many keys are asked for as the cache can hold.
    """
    if not window_s >= 0:
        raise ValueError(f"window_s must be 0 or more seconds, got {window_s}")
    return float(-np.expm1(-np.asarray(rates_per_s, dtype=float) * window_s).sum())


def mean_latency_s(hit_ratio: float, cache_s: float, database_s: float) -> float:
    """The mean time of a read: everybody asks the cache (*cache_s*), who misses also the database (*database_s*)."""
    return cache_s + (1 - _share(hit_ratio)) * database_s


def database_load(rate_per_s: float, hit_ratio: float) -> float:
    """Requests a second that get through to the database."""
    return rate_per_s * (1 - _share(hit_ratio))


def load_without_cache(hit_ratio: float) -> float:
    """How many times its usual load the database meets when the cache is lost: 10 at a hit ratio of 0.9."""
    return math.inf if _share(hit_ratio) == 1 else 1 / (1 - hit_ratio)


def tier_hit_ratio(first: float, second: float) -> float:
    """The hit ratio of two tiers together, if the second answers a share *second* of what the first lets through."""
    return _share(first) + (1 - first) * _share(second)


def _share(hit_ratio: float) -> float:
    if not 0 <= hit_ratio <= 1:
        raise ValueError(f"a hit ratio lies between 0 and 1, got {hit_ratio}")
    return hit_ratio


def _lru(rates: np.ndarray, stay_s: float, ttl_s: float) -> np.ndarray:
    """The hit ratio of each key that goes when idle for *stay_s* or when *ttl_s* old: hits of a stay / (hits + 1)."""
    idle = np.exp(-rates * stay_s)
    if ttl_s == math.inf:
        return 1 - idle
    if ttl_s <= stay_s:
        return rates * ttl_s / (1 + rates * ttl_s)
    per_fetch = _requests_per_stay(rates, idle, stay_s, ttl_s)
    return 1 - 1 / per_fetch


def _requests_per_stay(rates: np.ndarray, idle: np.ndarray, stay_s: float, ttl_s: float) -> np.ndarray:
    """Requests from one fetch to the end of the copy's stay, the fetch counted, by the inverse Laplace transform.

    Up to forty stay_s exactly, an alternating sum. Beyond, its digits cancel: then the limits 1 + rate ttl_s (asked
    for all the time) and 1 / idle (never too old) joined by the exponential decay of the stay.
    """
    if ttl_s > 40 * stay_s:
        hits = 1 / idle - 1
        return 1 - hits * np.expm1(-rates * ttl_s / hits)
    total = np.zeros_like(rates)
    for k in range(int(ttl_s / stay_s) + 1):
        left = ttl_s - k * stay_s
        log_u = k * (np.log(rates) - rates * stay_s)  # (rate times idle) to the power of k, without underflow
        term = np.exp(log_u + k * math.log(left or 1.0) - math.lgamma(k + 1)) if left or not k else 0.0
        total += (-1) ** k * term * (1 + rates * left / (k + 1))
    return total


def _fifo(rates: np.ndarray, stay_s: float) -> np.ndarray:
    return rates * stay_s / (1 + rates * stay_s)


def _solve(excess: Callable[[float], float], guess: float) -> float:
    """Where the increasing function *excess* of a positive number is 0."""
    from scipy.optimize import brentq

    low = high = guess
    while excess(high) < 0:
        low, high = high, high * 2
    while excess(low) > 0:
        low /= 2
    return float(brentq(excess, low, high, rtol=1e-12))
