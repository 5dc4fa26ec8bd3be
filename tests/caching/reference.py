"""Traces, and the same caches written by others: what the policies are compared with, request by request."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from minisys.caching.policies import Eviction


def mixed(seed: int, n: int = 10_000, keys: int = 500, skew: float = 0.9) -> list[int]:
    """*n* keys: Zipf, with four scans over keys that nobody asks for again, and a change of favourites half-way."""
    rng = random.Random(seed)
    weights = [1 / (rank + 1) ** skew for rank in range(keys)]
    order = list(range(keys))
    rng.shuffle(order)
    trace = rng.choices(range(keys), weights, k=n // 2) + rng.choices(order, weights, k=n - n // 2)
    for start in range(n // 8, n, n // 4):
        scan = range(keys + start, keys + min(start + keys // 8, n))
        trace[start : start + len(scan)] = scan
    return trace


def size_of(key: int) -> int:
    """A size from 1 to 13 that is the key's own."""
    return 1 + key * 7 % 13


def hits(policy: Eviction, trace: Sequence[Hashable], capacity: int) -> list[bool]:
    """Hit or miss for each request of *trace*, in a cache of *capacity* items."""
    held: set[Hashable] = set()
    found = []
    for key in trace:
        found.append(key in held)
        if key in held:
            policy.hit(key)
            continue
        if len(held) == capacity:
            held.remove(policy.evict())
        policy.admit(key)
        held.add(key)
    assert len(held) <= capacity
    return found


def library_hits(cache: Any, trace: Sequence[int], sized: bool = False) -> list[bool]:
    """The same from a cache of libcachesim, which wants to be told when each key is next asked for (Belady)."""
    import libcachesim

    next_use: dict[int, int] = {}
    when = [0] * len(trace)
    for i in range(len(trace) - 1, -1, -1):
        when[i], next_use[trace[i]] = next_use.get(trace[i], 2**62), i
    found = []
    for i, key in enumerate(trace):
        size = size_of(key) if sized else 1
        request = libcachesim.Request(obj_id=key + 1, obj_size=size, clock_time=i, next_access_vtime=when[i])
        found.append(cache.get(request))
    return found


def dict_hits(cache: Any, trace: Sequence[int]) -> list[bool]:
    """The same from a cache of cachetools, which is used like a dict."""
    found = []
    for key in trace:
        found.append(key in cache)
        if found[-1]:
            cache[key]
        else:
            cache[key] = True
    return found


def lfu_halving(trace: Sequence[int], capacity: int, ageing: int) -> list[bool]:
    """LFU with ageing from the definition: search all counts; equal counts in the order in which they got there."""
    count: dict[int, int] = {}
    arrived: dict[int, tuple[int, ...]] = {}  # the moment of the present count, before it that of the one merged
    found, since = [], 0
    for now, key in enumerate(trace):
        found.append(key in count)
        if key not in count and len(count) == capacity:
            gone = min(count, key=lambda held: (count[held], arrived[held]))
            del count[gone], arrived[gone]
        count[key] = count.get(key, 0) + 1
        arrived[key] = (now,)
        since += 1
        if since >= ageing * len(count):
            order = sorted(count, key=lambda held: (count[held], arrived[held]))
            for place, held in enumerate(order):
                count[held] //= 2
                arrived[held] = (-len(order), place)
            since = 0
    return found


class Exactly:
    """Counts every key exactly, with the same ceiling and halving as the sketch: no two keys share a counter."""

    def __init__(self, sample: int) -> None:
        self.counts: Counter[Hashable] = Counter()
        self.sample, self.counted = sample, 0

    def estimate(self, key: Hashable) -> int:
        return self.counts[key]

    def add(self, key: Hashable) -> None:
        self.counts[key] = min(15, self.counts[key] + 1)
        self.counted += 1
        if self.counted >= self.sample:
            self.counts = Counter({held: count // 2 for held, count in self.counts.items()})
            self.counted //= 2


def w_tinylfu(trace: Sequence[int], capacity: int) -> list[bool]:
    """W-TinyLFU from the paper's words, with lists and exact counts: slow, and nothing in common with the package."""
    room = max(1, capacity // 100)
    protected_room = (capacity - room) * 4 // 5
    window: list[int] = []
    probation: list[int] = []
    protected: list[int] = []
    counts = Exactly(10 * capacity)
    found = []
    for key in trace:
        found.append(key in window or key in probation or key in protected)
        if key in window or key in protected:
            part = window if key in window else protected
            part.remove(key)
            part.append(key)
        elif key in probation:
            probation.remove(key)
            protected.append(key)
            if len(protected) > protected_room:
                probation.append(protected.pop(0))
        else:
            if len(window) == room:  # the newcomer's place is taken by the window's oldest, who asks to stay
                candidate = window.pop(0)
                if room + len(probation) + len(protected) < capacity:
                    probation.append(candidate)
                else:
                    losers = probation or protected
                    if counts.estimate(candidate) > counts.estimate(losers[0]):
                        losers.pop(0)
                        probation.append(candidate)
            window.append(key)
        counts.add(key)
    return found
