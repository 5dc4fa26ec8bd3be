"""Numbers of chapter 06: majorities, waiting for a replica, failover, elections, partial quorums, commit wait.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from math import ceil, comb

from minisys.interview.calculations import calculation, working

MONTH_MIN = 30 * 24 * 60


@working
def servers_for_failures(failures: float) -> dict[str, float]:
    """Servers of a majority quorum that goes on without some of them. Source: Ongaro and Ousterhout 2014, section 5."""
    return {"alive": failures + 1, "servers": failures + 1 + failures}


@calculation
def servers_for_liars(failures: float) -> float:
    """Slip: servers that may lie (Byzantine faults), not merely stop."""
    return 3 * failures + 1


@working
def writes_in_turn_per_s(fsync_ms: float, trip_ms: float) -> dict[str, float]:
    """Writes a second of one client who waits for each, with a replica that makes it durable before it answers."""
    each_ms = fsync_ms + trip_ms + fsync_ms
    return {"each_ms": each_ms, "a_second": 1000 / each_ms}


@calculation
def writes_in_turn_alone_per_s(fsync_ms: float, trip_ms: float) -> float:
    """Slip: confirmed by the primary alone."""
    return 1000 / fsync_ms


@calculation
def writes_in_turn_in_memory_per_s(fsync_ms: float, trip_ms: float) -> float:
    """Slip: a replica that answers before it is durable."""
    return 1000 / (fsync_ms + trip_ms)


@working
def read_replicas(capacity: float, writes: float, reads: float) -> dict[str, float]:
    """Replicas that answer all reads, while each of them repeats every write."""
    left = capacity - writes
    return {"left": left, "replicas": ceil(reads / left - 1e-9)}


@calculation
def read_replicas_without_writes(capacity: float, writes: float, reads: float) -> float:
    """Slip: replicas that only read."""
    return ceil(reads / capacity - 1e-9)


@calculation
def servers_sharing_all(capacity: float, writes: float, reads: float) -> float:
    """Slip: reads and writes shared out among all."""
    return ceil((reads + writes) / capacity - 1e-9)


@working
def writes_failed_in_failover(
    heartbeat_s: float, missed: float, promotion_s: float, redirect_s: float, writes: float
) -> dict[str, float]:
    """Writes that fail from the death of a primary just after its heartbeat until clients reach the next one."""
    noticed = heartbeat_s * missed
    outage = noticed + promotion_s + redirect_s
    return {"noticed": noticed, "outage": outage, "failed": outage * writes}


@calculation
def writes_failed_in_promotion(
    heartbeat_s: float, missed: float, promotion_s: float, redirect_s: float, writes: float
) -> float:
    """Slip: the promotion alone."""
    return promotion_s * writes


@calculation
def writes_failed_until_promoted(
    heartbeat_s: float, missed: float, promotion_s: float, redirect_s: float, writes: float
) -> float:
    """Slip: clients that know the new primary at once."""
    return (heartbeat_s * missed + promotion_s) * writes


@working
def new_leader_ms(servers: float, low_ms: float, high_ms: float, trip_ms: float) -> dict[str, float]:
    """Mean time from a dead leader's last heartbeat to the next leader, if the first candidate wins.

    The smallest of n uniform draws lies 1/(n + 1) of the way up.
    """
    followers = servers - 1
    first_ms = low_ms + (high_ms - low_ms) / (followers + 1)
    return {"followers": followers, "first_ms": first_ms, "leader_ms": first_ms + trip_ms}


@calculation
def new_leader_by_the_mean_ms(servers: float, low_ms: float, high_ms: float, trip_ms: float) -> float:
    """Slip: the mean timeout, not the shortest."""
    return (low_ms + high_ms) / 2 + trip_ms


@calculation
def new_leader_with_the_dead_ms(servers: float, low_ms: float, high_ms: float, trip_ms: float) -> float:
    """Slip: the dead leader counted among those who wait."""
    return low_ms + (high_ms - low_ms) / (servers + 1) + trip_ms


@working
def majority_down_minutes(down_percent: float) -> dict[str, float]:
    """Minutes of a 30-day month in which fewer than two of three independent servers are up."""
    down = down_percent / 100
    two, three = 3 * down**2 * (1 - down), down**3
    return {"two": 100 * two, "three": 100 * three, "minutes": (two + three) * MONTH_MIN}


@calculation
def one_server_down_minutes(down_percent: float) -> float:
    """Slip: one server."""
    return down_percent / 100 * MONTH_MIN


@calculation
def all_servers_down_minutes(down_percent: float) -> float:
    """Slip: one of three is enough."""
    return (down_percent / 100) ** 3 * MONTH_MIN


@working
def versions_behind_percent(copies: float, written: float, versions: float) -> dict[str, float]:
    """Chance that a read of one copy misses each of the last writes, none of which spreads any further.

    Source: Bailis et al. 2012, PVLDB 5(8), k-staleness.
    """
    missed = comb(int(copies - written), 1) / comb(int(copies), 1)
    return {"missed": 100 * missed, "behind": 100 * missed**versions}


@calculation
def some_version_missed_percent(copies: float, written: float, versions: float) -> float:
    """Slip: at least one of them missed, not all."""
    return 100 * (1 - (written / copies) ** versions)


@working
def commits_with_wait_per_s(epsilon_ms: float, majority_ms: float) -> dict[str, float]:
    """Commits of one row a second, if commit wait (twice the clock's uncertainty) runs while a majority is asked.

    Source: Corbett et al. 2012, OSDI, section 4.2.1.
    """
    wait_ms = 2 * epsilon_ms
    held_ms = max(wait_ms, majority_ms)
    return {"wait_ms": wait_ms, "held_ms": held_ms, "a_second": 1000 / held_ms}


@calculation
def commits_with_wait_after_per_s(epsilon_ms: float, majority_ms: float) -> float:
    """Slip: first the majority, then the wait."""
    return 1000 / (2 * epsilon_ms + majority_ms)
