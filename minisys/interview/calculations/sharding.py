"""Numbers of chapter 07: what moves, how even a ring is, a hot key, a tail over many shards, transactions in doubt.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from minisys.interview.calculations import calculation, working

SLOTS = 16_384


@working
def growing_hours(terabytes: float, shards: float, added: float, mb_per_s: float) -> dict[str, float]:
    """Hours of copying when a consistently hashed store grows: the newcomers' share moves, and nothing else."""
    share = 100 * added / (shards + added)
    moved = terabytes * share / 100
    return {"share": share, "moved": moved, "hours": moved * 1e6 / mb_per_s / 3600}


@calculation
def growing_everything_hours(terabytes: float, shards: float, added: float, mb_per_s: float) -> float:
    """Slip: everything moved."""
    return terabytes * 1e6 / mb_per_s / 3600


@calculation
def growing_by_the_old_count_hours(terabytes: float, shards: float, added: float, mb_per_s: float) -> float:
    """Slip: the newcomers' share of the shards that were there before."""
    return terabytes * added / shards * 1e6 / mb_per_s / 3600


@working
def slots_moved(primaries: float) -> dict[str, float]:
    """Slots that a Redis cluster gives to one more primary, so that all have alike.

    Source: Redis cluster specification.
    """
    return {"after": primaries + 1, "slots": SLOTS / (primaries + 1)}


@calculation
def slots_of_one_before(primaries: float) -> float:
    """Slip: what each had before."""
    return SLOTS / primaries


@calculation
def slots_moved_by_modulo(primaries: float) -> float:
    """Slip: every slot's home computed anew by modulo."""
    return SLOTS * primaries / (primaries + 1)


@working
def ring_points(spread_percent: float) -> dict[str, float]:
    """Points of each shard for a spread (standard deviation over mean) of the shares: it falls with the root of them.

    Source: Lamping and Veach 2014, arXiv:1406.2294.
    """
    ratio = 100 / spread_percent
    return {"ratio": ratio, "points": ratio**2}


@working
def hot_key_limit_per_s(shards: float, capacity: float, hot_percent: float) -> dict[str, float]:
    """Requests a second of a whole store at which the shard of its hottest key is full; the others share the rest."""
    busiest = hot_percent + (100 - hot_percent) / shards
    return {"busiest": busiest, "total": capacity / (busiest / 100)}


@calculation
def even_limit_per_s(shards: float, capacity: float, hot_percent: float) -> float:
    """Slip: all shards full at once."""
    return shards * capacity


@calculation
def hot_key_alone_limit_per_s(shards: float, capacity: float, hot_percent: float) -> float:
    """Slip: a shard for the hot key and nothing else."""
    return capacity / (hot_percent / 100)


@working
def slow_allowed_percent(shards: float, slow_percent: float) -> dict[str, float]:
    """Slow answers that each shard may give if only some pages, each needing all shards, may be slow.

    Source: Dean and Barroso 2013, CACM 56(2).
    """
    all_fast = 100 - slow_percent
    return {"all_fast": all_fast, "each": 100 * (1 - (all_fast / 100) ** (1 / shards))}


@calculation
def slow_pages_of_all_shards_percent(shards: float, slow_percent: float) -> float:
    """Slip: the other way round, pages that are slow if each shard is slow that often."""
    return 100 * (1 - (1 - slow_percent / 100) ** shards)


@calculation
def slow_as_the_page_percent(shards: float, slow_percent: float) -> float:
    """Slip: as good as the page."""
    return slow_percent


@working
def locked_in_doubt(rate: float, window_ms: float, rows: float, down_s: float) -> dict[str, float]:
    """Rows that stay locked while a coordinator of two-phase commit is down: those prepared and not yet decided."""
    in_doubt = rate * window_ms / 1000
    return {"in_doubt": in_doubt, "locked": in_doubt * rows}


@calculation
def locked_for_the_outage(rate: float, window_ms: float, rows: float, down_s: float) -> float:
    """Slip: the transactions of the whole outage."""
    return rate * down_s * rows


@calculation
def locked_in_milliseconds(rate: float, window_ms: float, rows: float, down_s: float) -> float:
    """Slip: milliseconds taken for seconds."""
    return rate * window_ms * rows
