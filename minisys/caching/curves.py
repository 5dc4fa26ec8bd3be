"""Miss-ratio curves: what would twice the memory buy? One trace, all sizes.

The team asks for a larger cache. Whether that helps depends on where the working set ends, and the only honest way to
know is to ask the trace. For LRU one pass answers for every size at once; other policies are run size by size, or in
miniature on a sample of the keys.

Promised: LRU's curve and the runs size by size are exact. A miniature is an estimate (its error is tested). Misses of
the first requests for each key count: nothing is warm when the trace begins. Not done here: sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from minisys.caching.belady import Belady
from minisys.caching.policies import POLICIES, Eviction, policy

NAMES = (*POLICIES, "belady")


def hits(chosen: Eviction, trace: Sequence[int], capacity: int) -> np.ndarray:
    """Hit (True) or miss for each request of *trace*, a list of keys, in an empty cache of *capacity* items."""
    found = bytearray(len(trace))
    held: set[int] = set()
    hit, admit, evict = chosen.hit, chosen.admit, chosen.evict
    for i, key in enumerate(trace):
        if key in held:
            found[i] = 1
            hit(key)
        else:
            if len(held) >= capacity:
                held.remove(evict())  # type: ignore[arg-type]
            admit(key)
            held.add(key)
    return np.frombuffer(found, dtype=bool)


def made(name: str, trace: Sequence[int], capacity: int) -> Eviction:
    """The policy called *name* for a cache of *capacity*; "belady" is told the *trace*. ValueError as policy()."""
    return Belady(trace) if name == "belady" else policy(name, capacity)


SMALLEST = 64  # items in a miniature: below, the luck of the hottest keys shows


def curve(name: str, keys: np.ndarray, sizes: Sequence[int], *, sample: float = 1.0) -> pd.DataFrame:
    """The miss ratio of policy *name* on the requests for *keys* at each of *sizes* (items): columns size, miss_ratio.

    *sample*: the share of keys to look at, in caches smaller by the same share (a miniature, of 64 items at least); LRU
    needs none.
    Raises ValueError for an unknown policy, a size below 1 or a sample outside (0, 1].
    """
    if name not in NAMES or not len(sizes) or min(sizes) < 1 or not 0 < sample <= 1:
        raise ValueError(
            f"need a policy of {', '.join(NAMES)}, sizes of 1 or more and a sample in (0, 1], "
            f"got {name!r}, {list(sizes)}, {sample}"
        )
    keys = np.ascontiguousarray(keys, dtype=np.int64)
    if name == "lru":
        ratios = lru_curve(keys, sizes)
    else:
        ratios = np.array([_miss_ratio(name, keys, size, min(1.0, max(sample, SMALLEST / size))) for size in sizes])
    return pd.DataFrame({"size": list(sizes), "miss_ratio": ratios})


def _miss_ratio(name: str, keys: np.ndarray, size: int, sample: float) -> float:
    """The miss ratio at one size, or its estimate from a *sample* of the keys.

    Misses are divided by the requests expected in the sample, not by those in it: whether the few hottest keys are
    among them is luck, and they hardly ever miss. Source: Waldspurger et al. 2015 (SHARDS-adj) and 2017 (miniatures).
    """
    trace, room = _sampled(keys, sample).tolist(), max(1, round(size * sample))
    missed = len(trace) - int(hits(made(name, trace, room), trace, room).sum())
    return min(missed / max(sample * len(keys), 1), 1.0)


def lru_curve(keys: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """LRU's exact miss ratio at each of *sizes*: a request hits if its stack distance is at most the size.

    Source: Mattson, Gecsei, Slutz and Traiger 1970, Evaluation techniques for storage hierarchies.
    """
    distance = stack_distances(keys)
    reused = np.sort(distance[distance > 0])
    return 1 - np.searchsorted(reused, np.asarray(sizes), side="right") / max(len(keys), 1)


def stack_distances(keys: np.ndarray) -> np.ndarray:
    """For each request how many different keys were asked for since the last one for its key, that one counted.

    0 for the first request of a key. O(n log n): a Fenwick tree counts the last requests of the keys in between.
    """
    _, dense = np.unique(np.asarray(keys, dtype=np.int64), return_inverse=True)
    dense = dense.astype(np.int64)
    return _compiled()(dense, int(dense.max()) + 1 if len(dense) else 0)


def _distances(keys: Any, count: int) -> Any:
    n = len(keys)
    tree, last, distance = np.zeros(n + 1, np.int64), np.zeros(count, np.int64), np.zeros(n, np.int64)
    held = 0
    for now in range(1, n + 1):
        key = keys[now - 1]
        before = last[key]
        if before:
            older, i = 0, before
            while i:  # keys whose last request is not after this key's
                older += tree[i]
                i &= i - 1
            distance[now - 1] = held - older + 1
            i = before
            while i <= n:
                tree[i] -= 1
                i += i & -i
        else:
            held += 1
        i = now
        while i <= n:
            tree[i] += 1
            i += i & -i
        last[key] = now
    return distance


@lru_cache(maxsize=1)
def _compiled() -> Any:
    import numba

    signature = "int64[::1](int64[::1], int64)"
    try:
        return numba.njit(signature, cache=True)(_distances)
    except RuntimeError:  # no place to keep compiled code
        return numba.njit(signature)(_distances)


def _sampled(keys: np.ndarray, share: float) -> np.ndarray:
    """The requests for a *share* of the keys, chosen by a hash of the key: all requests of a key, or none."""
    if share == 1.0:
        return keys
    spread = (keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    return keys[spread < np.uint64(int(share * 2**32))]
