"""Which copy of each shard is its primary, when, and what is lost when one dies.

The primary dies with writes on it that it has confirmed and nobody else has. Whether that is nothing, a fifth of a
second, or everything since last night's backup, is decided by one word in the design: how it replicates.

    none       nobody else has anything: it is down until it is back, or, if it never is, back to the last backup
    async      what was confirmed within *lag* seconds before is lost when another copy is promoted
    semi-sync  the nearest other copy has it all; lost only if that one went as well
    all        every copy that is up has it all
    raft       a majority has it all, and without a majority there is no primary

Promised: worked out from the plan alone. Simplified: one failure detector that is never wrong, so never two primaries;
the first copy that is up and reachable is promoted *failover* seconds later; copies catch up while they are away.
"""

from __future__ import annotations

import math

import numpy as np

from minisys.design.flat import Flat
from minisys.design.parts import Database

Lost = tuple[int, float, float]
Columns = dict[str, np.ndarray]


def primaries(
    flat: Flat, times: list[float], columns: Columns
) -> tuple[list[float], Columns, np.ndarray, tuple[Lost, ...]]:
    """Epochs, columns, primary by (epoch, copy) and lost windows; promotions begin epochs of their own."""
    terms: list[tuple[list[int], list[tuple[float, int]], Database]] = []
    lost: list[Lost] = []
    for part in flat.design.of(Database):
        rows = flat.copies_of(flat.names.index(part.name))
        for shard in range(part.shards):
            members = list(rows[shard * part.copies : (shard + 1) * part.copies])
            held, gone = _terms(flat, part, members, times, columns)
            terms.append((members, held, part))
            lost += gone
    moments = sorted({at for _, held, _ in terms for at, _ in held} | set(times))
    old = [int(np.searchsorted(times, moment, side="right")) - 1 for moment in moments]
    columns = {name: table[old].copy() for name, table in columns.items()}
    primary = np.full((len(moments), len(flat.copies)), -1, dtype=np.int64)
    for members, held, part in terms:
        for epoch, moment in enumerate(moments):
            leader = [who for at, who in held if at <= moment][-1]
            primary[epoch, members] = leader
            if leader >= 0:
                columns["extra"][epoch, leader] = _extra_s(flat, part, leader, _alive(columns, epoch, members, leader))
    return moments, columns, primary, tuple(lost)


def _terms(
    flat: Flat, part: Database, members: list[int], times: list[float], columns: Columns
) -> tuple[list[tuple[float, int]], list[Lost]]:
    """Who is primary from when on: [(seconds, copy or -1)], and the windows of writes that are lost."""
    held, lost, leader, since = [(-math.inf, members[0])], [], members[0], math.inf
    for epoch, moment in enumerate(times):
        until = times[epoch + 1] if epoch + 1 < len(times) else math.inf
        alive = _alive(columns, epoch, members, members[0])
        if leader in alive and _may_lead(part, members, alive):
            since = math.inf
            if held[-1][1] != leader:
                held.append((moment, leader))
            continue
        since = min(since, moment)
        ready, heirs = max(since + _failover_s(part), moment), [one for one in alive if _may_lead(part, members, alive)]
        if part.replication == "raft" and not heirs and held[-1][1] >= 0:
            held.append((moment, -1))
        if part.replication == "none" or not heirs:
            if until == math.inf and part.replication in ("none", "async", "semi-sync") and not alive:
                lost.append((members[0], _last_backup_s(part, since), since))
            continue
        if ready < until:
            lost += _behind(flat, part, members, leader, alive, since)
            leader, since = heirs[0], math.inf
            held.append((ready, leader))
    return held, lost


def _alive(columns: Columns, epoch: int, members: list[int], leader: int) -> list[int]:
    """The copies that are up, and of a partition's sides those on the larger one (the second at a tie)."""
    up = [one for one in members if columns["down"][epoch, one] == 0]
    sides = [int(columns["side"][epoch, one]) for one in up]
    if 1 not in sides or 2 not in sides:
        return up
    side = 1 if sides.count(1) > sides.count(2) else 2
    return [one for one, its in zip(up, sides, strict=True) if its in (0, side)]


def _may_lead(part: Database, members: list[int], alive: list[int]) -> bool:
    return part.replication != "raft" or 2 * len(alive) > len(members)


def _failover_s(part: Database) -> float:
    return part.mttr if part.failover is None else part.failover


def _last_backup_s(part: Database, since: float) -> float:
    return -math.inf if part.backup is None else since - part.backup  # the worst moment for it


def _behind(
    flat: Flat, part: Database, members: list[int], leader: int, alive: list[int], since: float
) -> list[Lost]:  # fmt: skip
    """The window of writes that the promoted copy never saw, if there is one."""
    safe = part.replication in ("all", "raft") or (
        part.replication == "semi-sync" and _nearest(flat, leader, members)[0] in alive
    )
    return [] if safe else [(members[0], since - part.lag, since)]


def _nearest(flat: Flat, leader: int, members: list[int]) -> list[int]:
    """The other copies, nearest first."""
    zone = flat.zone_of
    return sorted((o for o in members if o != leader), key=lambda o: (flat.half_s[zone[leader], zone[o]], o)) or [-1]


def _extra_s(flat: Flat, part: Database, leader: int, alive: list[int]) -> float:
    """Seconds that a write waits for other copies: there and back to as many as the mode asks for."""
    trips = sorted(2 * flat.half_s[flat.zone_of[leader], flat.zone_of[one]] for one in alive if one != leader)
    if not trips or part.replication in ("none", "async"):
        return 0.0
    wanted = {"semi-sync": 1, "all": len(trips), "raft": part.copies // 2}[part.replication]
    return float(trips[min(wanted, len(trips)) - 1])
