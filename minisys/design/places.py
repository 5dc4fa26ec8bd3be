"""Where the copies of a part stand, and how far a call has to go.

Promised: the same places and ways as in a run (flat, network): copies stand in turn in their zones, callers ask the
copies of their own region if there are any.
"""

from __future__ import annotations

from typing import NamedTuple

from minisys.design.network import Network
from minisys.design.parts import Call, Clients, Database, Design, Dns, Edge, External, Part, Queue, Service, Workers

NETWORK = Network()


class Copy(NamedTuple):
    """One copy of a part: its *number* from 0, the *zone* and the *region* it stands in."""

    number: int
    zone: str
    region: str


def copies_of(design: Design, part: Part) -> list[Copy]:
    """Where the copies of a part stand, in turn in its zones: of a database, the first shard's.

    Users, names, edges and other people's services stand nowhere: no copies.
    """
    zones = () if isinstance(part, Clients | Dns | Edge | External) else design.zones_of(part)
    placed = [zones[i % len(zones)] for i in range(part.copies)] if zones else []
    return [Copy(i, zone, design.region_of(zone)) for i, zone in enumerate(placed)]


def consumers(design: Design, queue: Part) -> list[Workers]:
    """The workers that take messages from *queue*."""
    return [part for part in design.of(Workers) if part.source == queue.name]


def hop_s(design: Design, part: Part, call: Call) -> float:
    """Mean seconds on the network for one call of *part* and its answer."""
    target = design[call.to]
    if isinstance(target, Dns):
        return 0.0
    if isinstance(target, Edge | External):
        return NETWORK.edge_s if isinstance(target, Edge) else NETWORK.region_s
    here, there = copies_of(design, part), copies_of(design, target)
    if isinstance(part, Clients):
        here = [Copy(0, "", part.region or next(iter(design.regions)))]
    ways = []
    for one in here or [Copy(0, "", region) for region in design.regions]:
        near = [other for other in there if other.region == one.region] or there
        near = there[:1] if isinstance(target, Database) and not target.read_replicas else near
        ways += [
            NETWORK.zone_s if one.zone == other.zone else NETWORK.regions_s(one.region, other.region) for other in near
        ]
    return sum(ways) / len(ways) if ways else 0.0


def holds(part: Part) -> bool:
    """Whether a worker of *part* does nothing else while it waits for its calls: if it `holds`, or takes messages."""
    return part.holds or isinstance(part, Workers)


def serving_regions(design: Design) -> list[str]:
    """The regions in which every kind of tier that the design has (services, databases, queues) has a copy."""
    tiers = [kind for kind in (Service, Database, Queue) if any(design.of(kind))]
    stands = {
        kind: {copy.region for part in design.of(kind) for copy in copies_of(design, part)} for kind in tiers
    }  # fmt: skip
    return [region for region in design.regions if tiers and all(region in stands[kind] for kind in tiers)]
