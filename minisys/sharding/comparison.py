"""Placements side by side: how even, what moves, how long a look-up takes, what must be kept in memory.

"Consistent hashing is better" is not an answer; better at what? These are the four questions, asked of every placement
with the same keys.

Promised: balance and movement are counted, key by key; memory is what Python really holds for the table.
Not promised: a look-up's time elsewhere. It is measured here and now, in Python; the order of the methods is the point.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from time import process_time

import pandas as pd

from minisys.sharding.placements import NAMES, Placement, placement


def keys_of(n: int, what: str = "item") -> list[str]:
    """*n* keys in the manner of a shop: item:0000000, item:0000001 and so on."""
    return [f"{what}:{number:07d}" for number in range(n)]


def shards_of(n: int) -> list[str]:
    """Names of *n* shards."""
    return [f"shard-{number}" for number in range(n)]


def balance(placed: Sequence[str], shards: Sequence[str]) -> tuple[float, float]:
    """The fullest and the emptiest shard's keys, each over the mean. *placed*: the shard of each key."""
    held = Counter(placed)
    mean = len(placed) / len(shards)
    return max(held.values()) / mean, min(held[shard] for shard in shards) / mean


def moved(before: Sequence[str], after: Sequence[str]) -> float:
    """The share of the keys whose shard is another *after* than *before*."""
    return sum(b != a for b, a in zip(before, after, strict=True)) / len(before)


def moved_needlessly(before: Sequence[str], after: Sequence[str]) -> float:
    """The share of the keys that moved between two shards which were there before and are there after."""
    stay = set(before) & set(after)
    return sum(b != a and b in stay and a in stay for b, a in zip(before, after, strict=True)) / len(before)


def lookup_s(chosen: Placement, keys: Sequence[str]) -> float:
    """Seconds of processor time that one look-up takes, the hash of the key included; the best of three rounds."""
    took = []
    for _ in range(3):
        began = process_time()
        for key in keys:
            chosen.place(key)
        took.append((process_time() - began) / len(keys))
    return min(took)


def held_bytes(thing: object, seen: set[int] | None = None) -> int:
    """Bytes of *thing* and all that its tuples, lists and dictionaries hold, each object once."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    inside: list[object] = []
    if isinstance(thing, Mapping):
        inside = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple):
        inside = list(thing)
    return sys.getsizeof(thing) + sum(held_bytes(each, seen) for each in inside)


def compared(keys: Sequence[str], shards: int = 10, names: Sequence[str] = NAMES) -> pd.DataFrame:
    """One row for each placement of *keys* on *shards* shards: balance, movement in percent, memory in kB.

    "added" is one shard more, "removed" the first shard gone, "needless" what moved on adding between shards that were
    there before. Everything is counted, so the frame is the same on every machine of one Python version.
    """
    rows = []
    for name in names:
        all_shards = shards_of(shards + 1)
        chosen = placement(name, all_shards[:-1], keys)
        now, more, fewer = (
            [each.place(key) for key in keys]
            for each in (chosen, chosen.resized(all_shards), chosen.resized(all_shards[1:-1]))
        )
        high, low = balance(now, all_shards[:-1])
        share = 100 * moved(now, more), 100 * moved_needlessly(now, more), 100 * moved(now, fewer)
        rows.append((name, high, low, *share, held_bytes(chosen.table) / 1000))
    columns = ["placement", "max_over_mean", "min_over_mean", "added", "needless", "removed", "memory_kb"]
    return pd.DataFrame(rows, columns=columns)


def lookup_times(keys: Sequence[str], shards: int = 10, names: Sequence[str] = NAMES) -> pd.DataFrame:
    """Microseconds of one look-up for each placement, as measured now: columns placement and lookup_us."""
    rows = [(name, 1e6 * lookup_s(placement(name, shards_of(shards), keys), keys)) for name in names]
    return pd.DataFrame(rows, columns=["placement", "lookup_us"])
