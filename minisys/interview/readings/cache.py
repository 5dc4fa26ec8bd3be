"""A cache beside a database for six minutes, one thing happening in the middle: the caching room's cache."""

from __future__ import annotations

import random

from minisys.caching.cache import Cache
from minisys.interview.readings import SCENARIOS, Played
from minisys.testbed.workload import Zipf, stream

ROWS, STEP_S, KEYS, CAPACITY = 24, 15.0, 20_000, 3_000


def play(cause: str, seed: int) -> Played:
    """A quarter of a minute a row: what was read, what the cache could answer, what the database had to."""
    dice = random.Random(f"{cause}/{seed}")
    rate, begins, skew = dice.choice((60, 80, 100)), dice.randrange(8, 12), dice.uniform(0.85, 1.0)
    ends, every_s = begins + dice.randrange(5, 8), dice.choice((75.0, 90.0))
    cache, rng = Cache("lru", CAPACITY), stream(seed, f"reads {cause}")
    wanted = iter(Zipf(KEYS, skew).sample(int(rate * (240 + 4 * STEP_S * ROWS)), rng).tolist())
    period_s = every_s if cause == "expiry together" else None
    for _ in range(rate * 240):
        _read(cache, next(wanted), 0.0, None if period_s is None else period_s)
    rows, scanned = [], KEYS
    for row in range(ROWS):
        during, now = begins <= row < ends, row * STEP_S
        if cause == "flush" and row == begins:
            cache = Cache("lru", CAPACITY)
        held = len(cache)
        reads = int(rng.poisson(rate * (3 if cause == "more traffic" and during else 1) * STEP_S))
        asked = [_moved(next(wanted), cause, row >= begins) for _ in range(reads)]
        if cause == "scan" and during:
            asked = [key for pair in zip(asked, range(scanned, scanned + reads), strict=True) for key in pair]
            scanned += reads
        missed = sum(not _read(cache, key, now, _left(now, period_s)) for key in asked)
        hits = 100 * (1 - missed / len(asked))
        each = round(len(asked) / STEP_S), round(hits, 1), round(missed / STEP_S, 1), len(set(asked)), held
        rows.append((f"{now:.0f}", *each))
    caption = f"A cache with LRU and room for {CAPACITY:,} answers, beside a database; a row is {STEP_S:.0f} s."
    told = f"Everything expired every {every_s:.0f} s." if period_s else f"It began in second {begins * STEP_S:.0f}."
    return Played(caption, SCENARIOS["cache"].columns, tuple(rows), told)


def _left(now: float, period_s: float | None) -> float | None:
    """Seconds until everything expires: at the same moments for all, as when a job sets the lifetimes by the clock."""
    return None if period_s is None else period_s - now % period_s


def _moved(key: int, cause: str, after: bool) -> int:
    """Popularity moves to other keys when a shift has begun."""
    return KEYS - 1 - key if cause == "shift" and after else key


def _read(cache: Cache, key: int, now: float, ttl_s: float | None) -> bool:
    hit = cache.get(key, now=now) is not None
    if not hit:
        cache.put(key, True, now=now, ttl_s=ttl_s)
    return hit
