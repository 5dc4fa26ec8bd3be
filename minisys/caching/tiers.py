"""More than one cache: a hot key on one node, a small cache in each application server, and keys that do not exist.

The cache has ten nodes, and the node that holds the star's profile burns while nine idle. Or somebody asks for
products that were never there, misses every time, and the database pays. The cures are all "keep it somewhere else as
well", and each costs something: memory, freshness, or work on a write.

Promised: counts, for the same requests in time order. Simplified: no queues and no network; for those see model.py.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass

from minisys.caching.cache import Cache
from minisys.sharding.policies import hash64, ring
from minisys.testbed.workload import Workload


@dataclass(frozen=True)
class Load:
    """Who answered: the application's own memory, each cache node (*answered*: its requests), the database."""

    requests: int
    local_hits: int
    answered: dict[str, int]
    database: int

    @property
    def hottest_share(self) -> float:
        """The busiest node's share of what reached the nodes; 1 / nodes would be even."""
        return max(self.answered.values()) / max(sum(self.answered.values()), 1)

    @property
    def hit_ratio(self) -> float:
        """The share of requests that the database never saw."""
        return 1 - self.database / self.requests if self.requests else 0.0


def cluster(
    offered: Workload, *, nodes: int = 10, capacity: int = 1000, ttl_s: float = 60.0, apps: int = 8,
    local_items: int = 0, local_ttl_s: float = 1.0, hot: Collection[int] = (), copies: int = 1,
) -> Load:  # fmt: skip
    """*offered* through *apps* application servers to *nodes* cache nodes on a ring, *capacity* items each (LRU).

    *local_items*: room in each application's own memory, where a copy is used for *local_ttl_s*. *copies*: each key of
    *hot* is kept under so many names, on as many nodes as they fall on. The request's luck chooses application and
    copy. Raises ValueError for a number that is too small.
    """
    if min(nodes, capacity, apps, copies) < 1 or local_items < 0 or not min(ttl_s, local_ttl_s) > 0:
        raise ValueError(
            f"need nodes, capacity, apps, copies >= 1, local_items >= 0 and times above 0, got {nodes}, {capacity}, "
            f"{apps}, {copies}, {local_items}, {ttl_s}, {local_ttl_s}"
        )
    names = [f"node {i}" for i in range(nodes)]
    owners, places = ring(names, [1.0] * nodes)
    shared = [Cache("lru", capacity) for _ in names]
    local = [Cache("lru", local_items) for _ in range(apps)] if local_items else []
    asked, local_hits, database, hot, owner_of = [0] * nodes, 0, 0, frozenset(hot), dict[str, int]()
    for now, key, luck in zip(offered.arrival_s.tolist(), offered.key.tolist(), offered.luck.tolist(), strict=True):
        app, rest = divmod(luck * apps, 1.0)
        if local and local[int(app)].get(key, now=now):
            local_hits += 1
            continue
        name = f"{key}#{int(rest * copies)}" if key in hot else str(key)
        if name not in owner_of:
            owner_of[name] = owners[bisect_left(places, hash64(name)) % len(owners)]
        node = owner_of[name]
        asked[node] += 1
        if not shared[node].get(name, now=now):
            database += 1
            shared[node].put(name, True, now=now, ttl_s=ttl_s)
        if local:
            local[int(app)].put(key, True, now=now, ttl_s=local_ttl_s)
    return Load(len(offered), local_hits, dict(zip(names, asked, strict=True)), database)


@dataclass(frozen=True)
class Missing:
    """Requests that reached the database, for keys that exist and that do not, and the hit ratio of the first."""

    for_existing: int
    for_missing: int
    hit_ratio: float


def missing_keys(
    offered: Workload, *, existing: int, capacity: int = 1000, ttl_s: float = 60.0, negative_ttl_s: float | None = None
) -> Missing:  # fmt: skip
    """*offered* through one LRU cache, where only keys below *existing* exist.

    *negative_ttl_s*: "there is no such key" is kept for so long, in the same cache; None: it is not kept. Raises
    ValueError unless capacity is 1 or more and times are above 0.
    """
    cache, reads, hits, real = Cache("lru", capacity), {True: 0, False: 0}, 0, 0
    for now, key in zip(offered.arrival_s.tolist(), offered.key.tolist(), strict=True):
        there = key < existing
        found = cache.get(key, now=now) is not None
        hits, real = hits + (found and there), real + there
        if found:
            continue
        reads[there] += 1
        if there or negative_ttl_s is not None:
            cache.put(key, there, now=now, ttl_s=ttl_s if there else negative_ttl_s)
    return Missing(reads[True], reads[False], hits / real if real else 0.0)
