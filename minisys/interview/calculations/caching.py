"""Numbers of chapter 04: hits and misses, latency, time to live, stampedes, early refresh, tiers, write-behind."""

from __future__ import annotations

from math import exp

from minisys.interview.calculations import calculation


@calculation
def database_load_grown(before_percent: float, after_percent: float) -> float:
    """How many times the reads at the database become when the hit ratio falls from one value to another."""
    return (100 - after_percent) / (100 - before_percent)


@calculation
def hits_shrunk(before_percent: float, after_percent: float) -> float:
    """Slip: the hits compared, not the misses."""
    return before_percent / after_percent


@calculation
def database_load_without_cache(before_percent: float, after_percent: float) -> float:
    """Slip: the whole cache lost."""
    return 100 / (100 - before_percent)


@calculation
def read_ms(hit_percent: float, cache_ms: float, database_ms: float) -> float:
    """Mean time of a cache-aside read: everybody asks the cache, those who miss then ask the database."""
    return cache_ms + (1 - hit_percent / 100) * database_ms


@calculation
def read_without_looking_ms(hit_percent: float, cache_ms: float, database_ms: float) -> float:
    """Slip: a miss costs the database alone."""
    return cache_ms * hit_percent / 100 + (1 - hit_percent / 100) * database_ms


@calculation
def read_shares_swapped_ms(hit_percent: float, cache_ms: float, database_ms: float) -> float:
    """Slip: hits and misses mixed up."""
    return cache_ms + hit_percent / 100 * database_ms


@calculation
def ttl_hit_percent(rate_per_min: float, ttl_min: float) -> float:
    """Hit ratio of one key with Poisson reads: each fetch is followed by the reads of one lifetime, all of them hits.

    Source: Jung, Berger and Balakrishnan 2003, INFOCOM.
    """
    reads = rate_per_min * ttl_min
    return 100 * reads / (1 + reads)


@calculation
def sliding_hit_percent(rate_per_min: float, ttl_min: float) -> float:
    """Slip: a lifetime that every read begins anew."""
    return 100 * (1 - exp(-rate_per_min * ttl_min))


@calculation
def fetch_among_reads_percent(rate_per_min: float, ttl_min: float) -> float:
    """Slip: the fetch taken for one of the reads of its own lifetime."""
    return 100 * (1 - 1 / (rate_per_min * ttl_min))


@calculation
def stampede_queries(rate: float, query_ms: float) -> float:
    """Equal queries that start while the first one after an expiry is still under way."""
    return rate * query_ms / 1000


@calculation
def stampede_in_a_second(rate: float, query_ms: float) -> float:
    """Slip: the reads of a whole second."""
    return rate


@calculation
def coalesced_queries(rate: float, query_ms: float) -> float:
    """Slip: one, as if somebody made the others wait."""
    return 1.0


@calculation
def early_refresh_percent(left_s: float, compute_s: float, beta: float) -> float:
    """Chance that a read *left_s* before the expiry refreshes early: −compute × beta × ln(random) reaches that far.

    Source: Vattani, Chierichetti and Lowenstein 2015, PVLDB 8(8).
    """
    return 100 * exp(-left_s / (compute_s * beta))


@calculation
def early_refresh_without_beta_percent(left_s: float, compute_s: float, beta: float) -> float:
    """Slip: beta left out."""
    return 100 * exp(-left_s / compute_s)


@calculation
def no_early_refresh_percent(left_s: float, compute_s: float, beta: float) -> float:
    """Slip: the chance that it does not."""
    return 100 - early_refresh_percent(left_s, compute_s, beta)


@calculation
def past_two_tiers_percent(local_percent: float, shared_percent: float) -> float:
    """Reads that neither a local cache nor, of what is left, a shared one answers."""
    return (100 - local_percent) * (100 - shared_percent) / 100


@calculation
def past_the_shared_tier_percent(local_percent: float, shared_percent: float) -> float:
    """Slip: the second tier alone."""
    return 100 - shared_percent


@calculation
def past_the_mean_tier_percent(local_percent: float, shared_percent: float) -> float:
    """Slip: the mean of the two hit ratios."""
    return 100 - (local_percent + shared_percent) / 2


@calculation
def unflushed_writes(writes: float, flush_s: float) -> float:
    """Confirmed writes that are only in a write-behind cache, at worst: those of a whole interval."""
    return writes * flush_s


@calculation
def unflushed_on_average(writes: float, flush_s: float) -> float:
    """Slip: the mean taken for the worst."""
    return writes * flush_s / 2


@calculation
def unflushed_of_a_second(writes: float, flush_s: float) -> float:
    """Slip: those of one second."""
    return writes
