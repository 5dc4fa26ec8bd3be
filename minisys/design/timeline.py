"""What is broken when: a fault plan laid over a design, as a few epochs in which nothing changes.

A zone goes dark at 20 s and comes back at 50 s. Its copies are gone at once; a balancer knows it two seconds later; the
database in it has another primary after thirty. All that follows from the plan alone, before the first request. So it
is worked out beforehand, and the engines only look at which epoch it is.

Promised: a fault on what is not there is refused with the names that are. What a kind does here:

    kill                    its calls fail at once, whoever connects is refused; it comes back empty when the fault ends
    zone loss, region loss  the same, but silent: no answer, no error, only the caller's timeout ends the wait
    partition               "a | b", or one place against the rest: what is said between them is lost
    slow answers            delay_s later, without work; slow cpu: work takes 1/share as long; latency: both ways
    errors                  that ratio of the calls fails at once; bad deploy: that ratio fails, after the work
    cache flush             it is empty from at_s on
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.flat import ALL, CLIENTS, DATABASE, DNS, Flat
from minisys.design.parts import Database, Workers
from minisys.design.primaries import primaries

UP, REFUSES, SILENT = range(3)
DOWN = {"kill": REFUSES, "zone loss": SILENT, "region loss": SILENT}
FIELDS = {"down": UP, "side": 0, "delay": 0.0, "error": 0.0, "bad": 0.0, "slow": 1.0, "cold": -math.inf, "extra": 0.0}
KNOWN = (*DOWN, "partition", "slow answers", "slow cpu", "latency", "errors", "bad deploy", "cache flush")


@dataclass(frozen=True)
class Timeline:
    """start_s: when each epoch begins, the first at -inf. Columns are tables (epoch, copy).

    down: UP, REFUSES or SILENT; side: of a partition (0: hears everybody); delay: seconds added to an answer; error,
    bad: shares that fail before and after the work; slow: factor on work; cold: since when a cache is empty; extra:
    seconds that a primary waits for its replicas. primary: (epoch, copy): of its shard, -1: none. healthy: (epoch,
    part): it and what it needs answer. lost: (shard's first copy, from_s, until_s): writes acknowledged then are lost.
    """

    start_s: np.ndarray
    columns: dict[str, np.ndarray]
    primary: np.ndarray
    healthy: np.ndarray
    lost: tuple[tuple[int, float, float], ...]

    def at(self, time_s: float) -> int:
        """The epoch of *time_s* seconds."""
        return int(np.searchsorted(self.start_s, time_s, side="right")) - 1


def timeline(flat: Flat, plan: FaultPlan) -> Timeline:
    """The epochs of *plan* on the laid-out design. Raises ValueError for an unknown target or kind."""
    hit = [(fault, _targets(flat, fault)) for fault in plan]
    ends = {moment for fault, _ in hit for moment in (fault.at_s, _end_s(flat, fault)) if math.isfinite(moment)}
    times = [-math.inf, *sorted(ends)]
    times, columns, primary, lost = primaries(flat, times, _tables(flat, hit, times))
    return Timeline(np.array(times), columns, primary, _healthy(flat, columns, primary), lost)


def _healthy(flat: Flat, columns: dict[str, np.ndarray], primary: np.ndarray) -> np.ndarray:
    """Whether a part answers at all, by (epoch, part): a copy is up, and so is everything it cannot do without."""
    healthy = np.zeros((len(primary), len(flat.names)), dtype=np.int64)
    for part in range(len(flat.names)):
        rows = list(flat.copies_of(part))
        healthy[:, part] = (columns["down"][:, rows] == UP).any(axis=1)
        if flat.parts["kind"][part] == DATABASE:
            healthy[:, part] &= (primary[:, rows] >= 0).all(axis=1)
    arrows = flat.arrows
    needed = arrows["waits"] & (1 - arrows["optional"]) & (arrows["on"] == ALL) & (arrows["share"] == 1.0)
    routed = flat.parts["kind"][arrows["origin"]] == DNS  # any one of a name's places will do
    for _ in flat.names:
        for arrow in np.flatnonzero(needed & ~routed):
            healthy[:, arrows["origin"][arrow]] &= healthy[:, arrows["to"][arrow]]
    return healthy


def _tables(flat: Flat, hit: list, times: list[float]) -> dict[str, np.ndarray]:
    shape = len(times), len(flat.copies)
    columns = {
        name: np.full(shape, value, dtype=np.float64 if isinstance(value, float) else np.int64)
        for name, value in FIELDS.items()
    }
    for fault, sides in hit:
        end = _end_s(flat, fault)
        for epoch, moment in enumerate(times):
            if fault.at_s <= moment < end:
                _break(columns, epoch, fault, sides)
            if moment >= (fault.at_s if fault.kind == "cache flush" else end) and fault.kind in (*DOWN, "cache flush"):
                since = fault.at_s if fault.kind == "cache flush" else end
                columns["cold"][epoch, sides[0]] = np.maximum(columns["cold"][epoch, sides[0]], since)
    return columns


def _break(columns: dict[str, np.ndarray], epoch: int, fault: Fault, sides: list[list[int]]) -> None:
    """Enter *fault* in the epoch's row."""
    rows = sides[0]
    if fault.kind in DOWN:
        columns["down"][epoch, rows] = np.maximum(columns["down"][epoch, rows], DOWN[fault.kind])
    elif fault.kind == "partition":
        for side, members in enumerate(sides, 1):
            columns["side"][epoch, members] = side
    elif fault.kind in ("slow answers", "latency"):
        columns["delay"][epoch, rows] += fault["delay_s"] * (2 if _both(fault) else 1)
    elif fault.kind == "slow cpu":
        columns["slow"][epoch, rows] *= 1 / fault["share"]
    elif fault.kind in ("errors", "bad deploy"):
        name = "error" if fault.kind == "errors" else "bad"
        columns[name][epoch, rows] = 1 - (1 - columns[name][epoch, rows]) * (1 - fault["ratio"])


def _both(fault: Fault) -> bool:
    return fault.kind == "latency" and fault["direction"] == "both"


def _end_s(flat: Flat, fault: Fault) -> float:
    """When it ends; a killed thing that nothing replaces is started by hand after its mttr."""
    part = next((p for p in flat.design.parts if p.name == fault.target.split("/")[0]), None)
    if fault.kind == "kill" and isinstance(part, Database | Workers) and math.isinf(fault.for_s):
        return fault.at_s + part.mttr
    return fault.end_s


def _targets(flat: Flat, fault: Fault) -> list[list[int]]:
    """The rows of the copies that *fault* is about; two lists for a partition."""
    if fault.kind not in KNOWN:
        raise ValueError(f"a design cannot suffer {fault.kind!r}; it knows {', '.join(KNOWN)}")
    if fault.kind != "partition":
        return [list(_members(flat, fault.target, clients=False))]
    groups = [
        [row for name in _named(flat, group.strip()) for row in _members(flat, name, clients=True)]
        for group in fault.target.split("|")
    ]
    if len(groups) == 1:
        groups.append([row for row in range(len(flat.copies)) if row not in groups[0] and flat.region_of[row] >= 0])
    return groups


def _named(flat: Flat, group: str) -> list[str]:
    """The things in one of a partition's groups: one, whose name may have a space in it, or several."""
    return [group] if group in {*flat.regions, *flat.zones, *flat.names, *flat.copies} else group.split()


def _members(flat: Flat, target: str, clients: bool) -> Iterator[int]:
    """The copies in a region, in a zone, of a part, or one copy. Users do not die with their region."""
    users = flat.parts["kind"][flat.part_of] == CLIENTS
    if target in flat.regions:
        yield from np.flatnonzero((flat.region_of == flat.regions.index(target)) & (clients | ~users)).tolist()
    elif target in flat.zones:
        yield from np.flatnonzero(flat.zone_of == flat.zones.index(target)).tolist()
    elif target in flat.names:
        yield from flat.copies_of(flat.names.index(target))
    elif target in flat.copies:
        yield flat.copies.index(target)
    elif target.endswith("/1") and target[:-2] in flat.copies:
        yield flat.copies.index(target[:-2])
    else:
        known = [*flat.regions, *flat.zones, *flat.names, *(name for name in flat.copies if "/" in name)]
        raise ValueError(f"no {target!r} in {flat.design.name!r} to break; there are {', '.join(known)}")
