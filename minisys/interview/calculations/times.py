"""Estimation drills that ask how long, how likely and how old: tails, outages, recovery, lag, distance.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from math import comb

from minisys.availability import theory
from minisys.interview.calculations import calculation, working
from minisys.interview.constants import constant


@working
def slow_pages_percent(calls: float, slow_percent: float) -> dict[str, float]:
    """Pages that meet at least one slow call of many in parallel. Source: Dean and Barroso 2013, CACM 56(2)."""
    all_fast = 100 * (1 - slow_percent / 100) ** calls
    return {"all_fast": all_fast, "slow": 100 - all_fast}


@calculation
def slow_calls_added_percent(calls: float, slow_percent: float) -> float:
    """Slip: shares added up."""
    return calls * slow_percent


@working
def chain_down_minutes(
    gateway_percent: float, server_percent: float, servers: float, database_percent: float
) -> dict[str, float]:
    """Minutes down in 30 days: gateway, then one of some servers, then a database."""
    tier = theory.parallel(*[server_percent / 100] * int(servers))
    whole = theory.series(gateway_percent / 100, tier, database_percent / 100)
    minutes = theory.downtime_s(whole, theory.MONTH_S) / 60
    return {"tier_down": 100 * (1 - tier), "whole_down": 100 * (1 - whole), "minutes": minutes}


@calculation
def chain_all_in_series_minutes(
    gateway_percent: float, server_percent: float, servers: float, database_percent: float
) -> float:
    """Slip: every server needed."""
    parts = [gateway_percent, *[server_percent] * int(servers), database_percent]
    return theory.downtime_s(theory.series(*(part / 100 for part in parts)), theory.MONTH_S) / 60


@calculation
def chain_database_minutes(
    gateway_percent: float, server_percent: float, servers: float, database_percent: float
) -> float:
    """Slip: as good as its weakest link."""
    return theory.downtime_s(database_percent / 100, theory.MONTH_S) / 60


@working
def shed_percent(reads: float, hit_percent: float, capacity: float) -> dict[str, float]:
    """Share of the reads that must not reach the database once the cache is gone."""
    usual = reads * (1 - hit_percent / 100)
    return {"usual": usual, "times": reads / usual, "shed": 100 * (1 - capacity / reads)}


@calculation
def served_percent(reads: float, hit_percent: float, capacity: float) -> float:
    """Slip: what may pass, not what may not."""
    return 100 * capacity / reads


@calculation
def shed_with_misses_twice_percent(reads: float, hit_percent: float, capacity: float) -> float:
    """Slip: the usual misses counted once more."""
    usual = shed_percent(reads, hit_percent, capacity)["usual"]
    return 100 * (1 - (capacity - usual) / reads)


@working
def load_with_retries(rate: float, fail_percent: float, attempts: float) -> dict[str, float]:
    """Attempts a second when each fails with the same chance and is tried again up to a limit."""
    fail = fail_percent / 100
    mean = (1 - fail**attempts) / (1 - fail)
    return {"mean": mean, "load": rate * mean}


@calculation
def load_if_all_retry(rate: float, fail_percent: float, attempts: float) -> float:
    """Slip: every request uses up its attempts."""
    return rate * attempts


@calculation
def load_with_one_retry(rate: float, fail_percent: float, attempts: float) -> float:
    """Slip: retries fail no more."""
    return rate * (1 + fail_percent / 100)


@working
def restore_hours(terabytes: float, gbit_per_s: float, used_percent: float) -> dict[str, float]:
    """Hours to copy a backup over a link of which a share is really used."""
    gigabytes_per_s = gbit_per_s * used_percent / 100 / 8
    seconds = terabytes * 1000 / gigabytes_per_s
    return {"gigabytes_per_s": gigabytes_per_s, "seconds": seconds, "hours": seconds / 3600}


@calculation
def restore_hours_bits_as_bytes(terabytes: float, gbit_per_s: float, used_percent: float) -> float:
    """Slip: gigabits taken for gigabytes."""
    return restore_hours(terabytes, gbit_per_s, used_percent)["hours"] / 8


@calculation
def restore_hours_at_full_speed(terabytes: float, gbit_per_s: float, used_percent: float) -> float:
    """Slip: the whole link used."""
    return restore_hours(terabytes, gbit_per_s, 100)["hours"]


@working
def worst_loss_hours(interval_h: float, run_h: float) -> dict[str, float]:
    """The most that is lost: the last finished backup shows the moment at which it began."""
    return {"next_done": interval_h + run_h}


@calculation
def interval_alone_hours(interval_h: float, run_h: float) -> float:
    """Slip: the running backup taken for a finished one."""
    return interval_h


@calculation
def mean_loss_hours(interval_h: float, run_h: float) -> float:
    """Slip: the mean taken for the worst."""
    return interval_h / 2


@working
def lost_writes(writes: float, lag_ms: float) -> dict[str, float]:
    """Acknowledged writes that an asynchronous replica has not got when it is promoted."""
    lag_s = lag_ms / 1000
    return {"lag_s": lag_s, "lost": writes * lag_s}


@calculation
def lost_writes_unscaled(writes: float, lag_ms: float) -> float:
    """Slip: milliseconds taken for seconds."""
    return writes * lag_ms


@calculation
def lost_writes_divided(writes: float, lag_ms: float) -> float:
    """Slip: divided instead of multiplied."""
    return writes / (lag_ms / 1000)


@working
def catch_up_s(burst: float, applied: float, burst_s: float, usual: float) -> dict[str, float]:
    """Seconds after a burst until a replica is level again."""
    backlog = (burst - applied) * burst_s
    spare = applied - usual
    return {"backlog": backlog, "spare": spare, "seconds": backlog / spare}


@calculation
def catch_up_without_new_writes_s(burst: float, applied: float, burst_s: float, usual: float) -> float:
    """Slip: nothing new is written meanwhile."""
    return (burst - applied) * burst_s / applied


@calculation
def catch_up_with_whole_burst_s(burst: float, applied: float, burst_s: float, usual: float) -> float:
    """Slip: nothing applied during the burst."""
    return burst * burst_s / (applied - usual)


@working
def far_page_ms(calls: float, own_ms: float) -> dict[str, float]:
    """A page whose calls cross the Atlantic one after the other."""
    waiting_ms = calls * constant("eu_na_east_ms")
    return {"waiting_ms": waiting_ms, "page_ms": waiting_ms + own_ms}


@calculation
def far_page_at_once_ms(calls: float, own_ms: float) -> float:
    """Slip: all calls at the same time."""
    return constant("eu_na_east_ms") + own_ms


@calculation
def far_page_one_way_ms(calls: float, own_ms: float) -> float:
    """Slip: half of each round trip."""
    return calls * constant("eu_na_east_ms") / 2 + own_ms


@working
def sold_out_s(seats: float, work_ms: float) -> dict[str, float]:
    """Seconds to sell *seats* that one row counts, each sale confirmed by a majority of three regions."""
    held_ms = work_ms + constant("ssd_fsync_us") / 1000 + constant("eu_na_east_ms")
    a_second = 1000 / held_ms
    return {"held_ms": held_ms, "a_second": a_second, "seconds": seats / a_second}


@calculation
def sold_out_all_regions_s(seats: float, work_ms: float) -> float:
    """Slip: all three regions must confirm."""
    return seats * (work_ms + constant("ssd_fsync_us") / 1000 + constant("eu_singapore_ms")) / 1000


@calculation
def sold_out_one_region_s(seats: float, work_ms: float) -> float:
    """Slip: nobody waits for another region."""
    return seats * (work_ms + constant("ssd_fsync_us") / 1000) / 1000


@working
def stale_percent(copies: float, written: float, asked: float) -> dict[str, float]:
    """Reads that miss the newest write: all copies they ask are among those without it. Source: Bailis et al. 2012."""
    without = comb(int(copies - written), int(asked))
    of = comb(int(copies), int(asked))
    return {"without": without, "of": of, "stale": 100 * without / of}


@calculation
def stale_with_repeats_percent(copies: float, written: float, asked: float) -> float:
    """Slip: the same copy may be asked twice."""
    return 100 * (1 - written / copies) ** asked


@calculation
def found_percent(copies: float, written: float, asked: float) -> float:
    """Slip: the reads that find it."""
    return 100 - stale_percent(copies, written, asked)["stale"]
