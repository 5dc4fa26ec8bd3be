"""Weaknesses of where things stand and how often: one copy, one zone, one region, no heir, no copy of the data.

Each function looks at the structure only and names suspects with the plan that would show them; the simulation decides
(evidence). Functions here cost microseconds, so that runs are spent on what is plausible.
"""

from __future__ import annotations

from collections.abc import Iterator

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.availability import single_points
from minisys.design.evidence import AT_S, Suspect, killed, ours
from minisys.design.flat import copy_name
from minisys.design.parts import Database, Design, Dns, Edge, Queue, Service, Workers
from minisys.design.places import copies_of

AUTOMATIC_S = 60.0  # without an RTO, a failover that takes longer than this is slow


def single_copies(design: Design) -> Iterator[Suspect]:
    """Parts that are there once: kill it. A database without a replica is its own case."""
    for part in ours(design):
        if part.copies == 1 and not isinstance(part, Dns | Edge | Workers | Database):
            yield Suspect("single point of failure", part.name, killed([f"{part.name}/1"]))


def no_replica(design: Design) -> Iterator[Suspect]:
    """A database with one copy of its data, or with copies that are not replicated to: its primary dies."""
    for part in ours(design):
        if isinstance(part, Database) and (part.copies == 1 or part.replication == "none"):
            saved = "never backed up" if part.backup is None else f"backed up every {part.backup:g} s"
            yield Suspect("no replica", part.name, killed([f"{part.name}/1"]), said={"saved": saved})


def slow_failover(design: Design) -> Iterator[Suspect]:
    """A replica is there, but it takes over too late: by hand, or after a longer time than the RTO."""
    allowed = design.objectives.rto or AUTOMATIC_S
    for part in ours(design):
        if isinstance(part, Database) and part.copies > 1 and part.replication != "none":
            takes = part.mttr if part.failover is None else part.failover
            if takes > allowed:
                how = "by hand" if part.failover is None else f"after {part.failover:g} s"
                yield Suspect(
                    "slow failover", part.name, killed([f"{part.name}/1"]), said={"how": how, "allowed": allowed}
                )
        if (
            isinstance(part, Dns)
            and part.ttl + part.check > allowed
            and len(part.calls) > 1
            and part.route != "anycast"
        ):
            first = next(iter(design.regions))
            plan = FaultPlan([Fault("region loss", first, AT_S)])
            how = f"after a check of {part.check:g} s and a name kept for {part.ttl:g} s"
            promised = design.objectives.survive == "region"
            yield Suspect("slow failover", part.name, plan, promised=promised, said={"how": how, "allowed": allowed})


def lost_writes(design: Design) -> Iterator[Suspect]:
    """Writes that are acknowledged before another copy has them, and queues that forget: the holder dies."""
    for part in ours(design):
        if isinstance(part, Database) and part.copies > 1 and part.replication == "async":
            yield Suspect("lost writes", part.name, killed([f"{part.name}/1"]), kind="lost", least=1e-6)
        if isinstance(part, Queue) and not part.durable:
            plan = FaultPlan([Fault("kill", part.name, AT_S, 2.0)])
            yield Suspect("lost writes", part.name, plan, kind="lost", least=1e-6)


def correlated_zones(design: Design) -> Iterator[Suspect]:
    """Parts with several copies whose last resort is one zone: that zone is lost."""
    for point in single_points(design):
        if not point.startswith("zone "):
            continue
        zone = point.removeprefix("zone ")
        for part in ours(design):
            there = [copy for copy in copies_of(design, part) if copy.zone == zone]
            left = part.copies - len(there)
            enough = part.copies // 2 + 1 if isinstance(part, Database) and part.replication == "raft" else 1
            if part.copies > 1 and there and left < enough and not isinstance(part, Edge | Dns | Workers):
                names = [copy_name(part, copy.number) for copy in there]
                promised = design.objectives.survive in ("zone", "region")
                said = {"zone": zone, "there": len(there), "copies": part.copies}
                yield Suspect("correlated zones", part.name, killed(names), promised=promised, said=said)


def one_region(design: Design) -> Iterator[Suspect]:
    """All copies of some part that is needed stand in one region: the region is lost."""
    wanted = design.objectives.survive == "region" or (design.objectives.regions or 1) > 1
    for point in single_points(design):
        if point.startswith("region "):
            region = point.removeprefix("region ")
            plan = FaultPlan([Fault("region loss", region, AT_S)])
            yield Suspect("one region", region, plan, promised=wanted)


def state_in_the_tier(design: Design) -> Iterator[Suspect]:
    """A copy that remembers something about its users dies."""
    for part in ours(design):
        if isinstance(part, Service) and not part.stateless:
            yield Suspect("state in the tier", part.name, killed([f"{part.name}/1"]), kind="load")


PLACES = (single_copies, no_replica, slow_failover, lost_writes, correlated_zones, one_region, state_in_the_tier)
