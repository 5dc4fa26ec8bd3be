"""What replication costs and what it saves, as arithmetic: overlap, availability, lag, elections, waiting for clocks.

"Three copies, read one, write one: how often is a read old?" In the worst moment, right after the write, in two of
three reads; whether that moment lasts a millisecond or a second is a matter of the network (pbs.py). These are the
sums that a design review should do on paper.

Promised: exact for what is stated, with its source; independence of failures is assumed throughout and is what real
outages break first. Not given here: delays with tails, for which pbs.py draws; anything with retries.
"""

from __future__ import annotations

import math

from minisys.availability.theory import k_of_n
from minisys.testbed.queueing import mg1


def overlap_probability(n: int, r: int, w: int) -> float:
    """The chance that *r* of *n* copies, picked at random, meet at least one of the *w* that have the newest write.

    1 if r + w > n. Raises ValueError unless 1 <= r, w <= n. Source: Bailis et al., PBS, VLDB 2012, equation 1.
    """
    if not (1 <= r <= n and 1 <= w <= n):
        raise ValueError(f"need 1 <= r <= n and 1 <= w <= n, got n={n}, r={r}, w={w}")
    return 1.0 - math.comb(n - w, r) / math.comb(n, r)


def stale_probability(n: int, r: int, w: int, versions: int = 1) -> float:
    """The chance that a read returns none of the newest *versions* writes, if copies never spread by themselves.

    (C(n - w, r) / C(n, r)) to the power of versions: an upper bound for a store that goes on copying. Raises
    ValueError as overlap_probability does, and for versions below 1. Source: PBS, equation 2 (k-staleness).
    """
    if versions < 1:
        raise ValueError(f"versions must be 1 or more, got {versions}")
    return (1.0 - overlap_probability(n, r, w)) ** versions


def quorum_availability(n: int, needed: int, node: float, *, sloppy_nodes: int = 0) -> float:
    """The chance that *needed* of a key's *n* homes are up, each with availability *node*.

    *sloppy_nodes*: further nodes that may stand in for a home. Raises ValueError unless 1 <= needed <= n.
    """
    if not 1 <= needed <= n:
        raise ValueError(f"need 1 <= needed <= n, got n={n}, needed={needed}")
    return k_of_n(needed, n + sloppy_nodes, node)


def zoned_availability(zones: int, per_zone: int, needed: int, node: float, zone: float) -> float:
    """The chance that *needed* of zones x per_zone copies are up, where a zone takes all of its copies down at once.

    *node*: availability of a copy while its zone is up; *zone*: of a zone. Aurora: 3 zones, 2 copies in each, 4 needed
    to write and 3 to read. Raises ValueError for shares outside 0 to 1. Source: Verbitski et al., SIGMOD 2017.
    """
    total = 0.0
    for up in range(zones + 1):
        copies = up * per_zone
        if copies >= needed:
            chance = math.comb(zones, up) * zone**up * (1 - zone) ** (zones - up)
            total += chance * k_of_n(needed, copies, node)
    return total


def survives(zones: int, per_zone: int, needed: int, *, zones_down: int = 0, more_down: int = 0) -> bool:
    """Whether *needed* copies are left when whole zones and then single further copies are gone."""
    return (zones - zones_down) * per_zone - more_down >= needed


def replication_lag_s(rate_per_s: float, apply_s: float, network_s: float = 0.0, cv: float = 1.0) -> float:
    """How far a replica is behind on average, seconds: a single thread applies *rate_per_s* writes of *apply_s* each.

    An M/G/1 queue behind a cable: *network_s* plus waiting plus applying; *cv* is the spread of the work. Raises
    ValueError at a utilisation of 1 or more: then the replica falls back for ever.
    """
    return network_s + mg1(rate_per_s, apply_s, cv).response_s


def catch_up_s(backlog: float, rate_per_s: float, apply_s: float) -> float:
    """How long a replica that is *backlog* writes behind needs until it is level, while writes go on.

    Infinite if it applies no faster than writes come.
    """
    spare = 1.0 / apply_s - rate_per_s
    return backlog / spare if spare > 0 else math.inf


def expected_loss(rate_per_s: float, lag_s: float) -> float:
    """How many acknowledged writes an asynchronous primary takes with it on average: those still on their way."""
    return rate_per_s * lag_s


def election_s(
    servers: int, low_s: float, high_s: float, *, heartbeat_s: float = 0.0, round_trip_s: float = 0.0
) -> float:
    """How long Raft's servers are without a leader on average, if the first candidate wins.

    The shortest of servers - 1 time-outs between *low_s* and *high_s*, less the time since the last heartbeat (the
    leader dies at a random moment between two), plus one round trip for the votes. A split vote costs about as much
    again, so this is a lower bound, good when high - low is large beside the round trip. Raises ValueError for fewer
    than 2 servers or high < low. Source: Ongaro and Ousterhout, USENIX ATC 2014, sections 5.2 and 9.3.
    """
    if servers < 2 or not 0 <= low_s <= high_s:
        raise ValueError(f"need servers >= 2 and 0 <= low_s <= high_s, got {servers}, {low_s}, {high_s}")
    return low_s + (high_s - low_s) / servers - heartbeat_s / 2 + round_trip_s


def split_vote_probability(servers: int, low_s: float, high_s: float, one_way_s: float) -> float:
    """The chance that a second server times out before the first candidate's request can have reached it.

    One minus (1 - one_way / (high - low)) to the power of servers - 1, for time-outs spread evenly. Raises ValueError
    for fewer than 3 servers. A second candidate is necessary for a split vote, not enough: an upper bound.
    """
    if servers < 3:
        raise ValueError(f"a vote can split from 3 servers on, got {servers}")
    if high_s - low_s <= one_way_s:
        return 1.0
    # the gap between the two smallest of m uniform numbers exceeds x with probability (1 - x) ** m
    return 1.0 - (1.0 - one_way_s / (high_s - low_s)) ** (servers - 1)


def clock_uncertainty_s(poll_s: float = 30.0, drift: float = 200e-6, base_s: float = 0.001) -> float:
    """The mean uncertainty of a clock that is set every *poll_s* seconds, to within *base_s*, and drifts meanwhile.

    A saw-tooth from base_s to base_s + drift x poll_s: with Spanner's numbers 1 to 7 ms, 4 on average. Source: Corbett
    et al., "Spanner", OSDI 2012, section 3.
    """
    return base_s + drift * poll_s / 2


def commit_wait_s(uncertainty_s: float) -> float:
    """How long Spanner holds back a commit so that no clock anywhere can still be before its time stamp: twice that."""
    return 2 * uncertainty_s
