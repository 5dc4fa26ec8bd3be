"""What a design is made of: parts, arrows between them, places to stand in, and what is promised to its users.

A box on a whiteboard says "cache". Nobody can tell from it what happens when it is empty, who waits for whom, and how
long. Here each box carries the few numbers that decide that, and each arrow says how many requests take it, how long
the caller waits, and what it does when nobody answers.

    Design("shop", regions={"eu": ("eu-a", "eu-b")}, parts=[
        Clients("users", region="eu", rate=200, calls=[Call("app")]),
        Service("app", takes=0.02, workers=4, copies=3, calls=[Call("db", timeout=0.5)]),
        Database("db", takes=0.002, workers=8),
    ])

All numbers are in base units: seconds, requests per second, shares from 0 to 1, dollars a month, bytes. Promised: what
contradicts itself is refused, with the part's name. Not here: reading text (text.py), drawing (draw.py), running.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from minisys.design.boxes import Autoscaler, Call, Part
from minisys.design.kinds import (
    KINDS,
    Balancer,
    Cache,
    Clients,
    Database,
    Dns,
    Edge,
    External,
    Queue,
    Service,
    Workers,
)
from minisys.design.quantities import settle

__all__ = [
    "KINDS", "Autoscaler", "Balancer", "Cache", "Call", "Clients", "Database", "Design", "Dns", "Edge", "External",
    "Objectives", "Part", "Queue", "Service", "Workers", "values",
]  # fmt: skip


@dataclass(frozen=True)
class Objectives:
    """What is promised; None is not asked. latency at *percentile* (99 is p99), availability as a share of requests.

    rpo, rto: seconds of writes that may be lost, and of outage, when one zone (or *survive*: "copy", "zone", "region")
    is lost. cost: dollars a month. regions: at least so many. residency: the region where personal data must stay.
    times: the jump of traffic that must be survived. single_fault: the share of requests that must still be answered
    (within the latency asked for, if one is) while the worst single fault lasts that attack.py can find.
    """

    p50: float | None = None
    p99: float | None = None
    p999: float | None = None
    availability: float | None = None
    rpo: float | None = None
    rto: float | None = None
    survive: str = "zone"
    cost: float | None = None
    regions: int | None = None
    residency: str | None = None
    times: float | None = None
    single_fault: float | None = None

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True)
class Design:
    """A whole architecture. *regions*: for each region its zones. *parts* in the order in which they are drawn."""

    name: str
    parts: tuple[Part, ...] = ()
    regions: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"here": ("here-a",)})
    objectives: Objectives = Objectives()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "regions", {name: tuple(zones) for name, zones in self.regions.items()})

    def __hash__(self) -> int:
        return hash((self.name, self.parts, self.objectives))

    def __getitem__(self, name: str) -> Part:
        """The part of that name. Raises KeyError with the names there are."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(f"no part {name!r} in {self.name}; there are {', '.join(part.name for part in self.parts)}")

    def of(self, kind: type[Part]) -> Iterator[Any]:
        """The parts of that kind, in order."""
        return (part for part in self.parts if isinstance(part, kind))

    def zones_of(self, part: Part) -> tuple[str, ...]:
        """The zones its copies stand in, in turn: copy i in zones[i % len(zones)]."""
        return part.zones or tuple(zone for zones in self.regions.values() for zone in zones)

    def region_of(self, zone: str) -> str:
        """The region of a zone."""
        return next(region for region, zones in self.regions.items() if zone in zones)


def values(part: Part | Call | Autoscaler | Objectives) -> dict[str, Any]:
    """The fields of a part that are not at their default, by name; what its text holds."""
    return {f.name: getattr(part, f.name) for f in fields(part) if getattr(part, f.name) != f.default}
