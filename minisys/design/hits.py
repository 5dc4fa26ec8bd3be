"""The share of its reads that a cache answers: the one that is written on it, or what its keys come to.

A flow equation needs a share, and a cache with a capacity has none. So it is asked for some ten thousand keys, by the
clients' own popularity, with its own eviction and time to live, and the hits of the second half are counted.

Promised: the same answer each time; for a cache that the clients' requests reach as they are, what a long run shows.
Only a guess: behind another cache, where writes delete much of what is held, or where a hash spreads the keys
unevenly.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from minisys.caching.cache import Cache as Held
from minisys.design.parts import Cache, Clients, Design
from minisys.load_balancing.policies import policy
from minisys.testbed.workload import Uniform, Zipf, stream

LEAST, MOST = 20_000, 200_000  # requests that are replayed
Groups = tuple[tuple[int, float, float], ...]


def hit_share(design: Design, cache: Cache) -> float:
    """From 0 to 1: *hits*, or for a cache with a capacity the share in a replay of the clients' keys."""
    if cache.capacity is None:
        return cache.hits
    apart = 1 if "key" in policy(cache.policy).reads else cache.copies  # who is asked in turn holds the same as others
    groups = tuple((one.keys, one.skew, one.rate * (1 - one.writes) / apart) for one in design.of(Clients))
    return _replayed(tuple(one for one in groups if one[2] > 0), cache.eviction, cache.capacity * cache.copies // apart,
                     cache.ttl)  # fmt: skip


@lru_cache(maxsize=256)
def _replayed(groups: Groups, eviction: str, capacity: int, ttl_s: float | None) -> float:
    """The hits of the second half of a replay of *groups* (keys, skew, rate per second); 0 if nobody reads."""
    rate = sum(one[2] for one in groups)
    if not rate:
        return 0.0
    n = min(MOST, max(LEAST, 4 * capacity))
    rng, held, hits = stream(0, "hits"), Held(eviction, capacity), 0
    drawn = [(Zipf(keys, skew) if skew > 0 else Uniform(keys)).sample(n, rng).tolist() for keys, skew, _ in groups]
    whose = rng.choice(len(groups), n, p=np.array([one[2] for one in groups]) / rate).tolist()
    for i, group in enumerate(whose):
        key, now = drawn[group][i], i / rate
        found = held.get(key, now=now) is not None
        hits += found and i >= n // 2
        if not found:
            held.put(key, True, now=now, ttl_s=ttl_s)
    return hits / (n - n // 2)
