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
from typing import Any, ClassVar


@dataclass(frozen=True)
class Call:
    """An arrow: the caller asks *to*, for a *share* of its requests, *on* all, reads, writes or misses.

    timeout: seconds the caller waits (None: for ever). attempts: how often it asks in all; backoff: base of the pause
    before the next attempt in seconds, doubled each time, with full jitter if *jitter*. budget: retries may be so large
    a share of the calls (None: no limit). waits: the caller's answer waits for it (False: it is sent and forgotten).
    together: it starts at the same moment as the call before it in the list, not after it. optional: when it fails the
    caller answers without it. times: that many calls, at the same moment (a fan-out).
    """

    to: str
    share: float = 1.0
    on: str = "all"  # all, reads, writes, misses (of the cache asked before)
    timeout: float | None = None
    attempts: int = 1
    backoff: float = 0.0
    jitter: bool = True
    budget: float | None = None
    waits: bool = True
    together: bool = False
    optional: bool = False
    times: int = 1


@dataclass(frozen=True)
class Autoscaler:
    """Between *low* and *high* copies, so that they are busy to *target* (share); it looks every *every* seconds.

    policy: a name from the autoscaling room: "target tracking" or "hpa". boot: seconds until a new copy serves.
    """

    low: int
    high: int
    target: float = 0.6
    policy: str = "hpa"
    every: float = 15.0
    boot: float = 60.0


@dataclass(frozen=True)
class Part:
    """A box. It has *copies*, which stand in turn in *zones* (() means all the design's), each with *workers*.

    takes: mean seconds of work a request is; law: how it scatters ("exponential", "constant", "lognormal" with *cv*).
    queue: how many may wait at one copy (None: no limit). calls: the arrows that leave it, taken in order. holds: a
    worker stays busy while it waits for its calls (threads), otherwise it serves others (asynchronous). policy: how a
    copy is chosen, by a name of the load balancing room. machine: what one copy is billed as (cost.py). mtbf, mttr:
    seconds between two failures of a copy and to its repair, for the exact availability.
    """

    kind: ClassVar[str] = "part"
    name: str
    calls: tuple[Call, ...] = field(default=(), kw_only=True)
    takes: float = field(default=0.0, kw_only=True)
    law: str = field(default="exponential", kw_only=True)
    cv: float = field(default=1.0, kw_only=True)
    workers: int = field(default=1, kw_only=True)
    copies: int = field(default=1, kw_only=True)
    zones: tuple[str, ...] = field(default=(), kw_only=True)
    queue: int | None = field(default=None, kw_only=True)
    holds: bool = field(default=False, kw_only=True)
    policy: str = field(default="round robin", kw_only=True)
    machine: str = field(default="", kw_only=True)
    mtbf: float = field(default=30 * 86400.0, kw_only=True)
    mttr: float = field(default=600.0, kw_only=True)


@dataclass(frozen=True)
class Clients(Part):
    """Users in one *region*, who send *rate* requests per second (Poisson), a share of *writes* among them.

    keys: how many different things they ask for, skew: the exponent of their popularity (Zipf; 0 is uniform).
    """

    kind: ClassVar[str] = "clients"
    region: str = field(default="", kw_only=True)
    rate: float = field(default=100.0, kw_only=True)
    writes: float = field(default=0.1, kw_only=True)
    keys: int = field(default=10_000, kw_only=True)
    skew: float = field(default=0.8, kw_only=True)


@dataclass(frozen=True)
class Dns(Part):
    """Sends clients to one of its calls. route: "nearest" healthy one, "first" healthy one (failover), "anycast".

    A resolver keeps an answer for *ttl* seconds, even when the place has gone; anycast has no such memory. *check*:
    seconds until a dead place is known as dead.
    """

    kind: ClassVar[str] = "dns"
    route: str = field(default="nearest", kw_only=True)
    ttl: float = field(default=60.0, kw_only=True)
    check: float = field(default=30.0, kw_only=True)


@dataclass(frozen=True)
class Balancer(Part):
    """Passes requests on to its one call; *policy* chooses there. *check*: seconds until a dead copy is known as dead.

    copies of the balancer itself stand for the pair that shares an address.
    """

    kind: ClassVar[str] = "balancer"
    check: float = field(default=2.0, kw_only=True)


@dataclass(frozen=True)
class Service(Part):
    """An application tier. stateless: any copy can serve anybody; otherwise what a copy remembered dies with it."""

    kind: ClassVar[str] = "service"
    stateless: bool = field(default=True, kw_only=True)
    autoscaler: Autoscaler | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Cache(Part):
    """Answers a share *hits* of the reads itself; the others, and writes, go on to its calls (read-through).

    Without calls it is asked beside the store (cache-aside): a miss is an answer, too, and the caller's next call with
    on="misses" is taken then. After a flush or a restart it is empty and warms up over *warm_up* seconds.
    """

    kind: ClassVar[str] = "cache"
    hits: float = field(default=0.9, kw_only=True)
    warm_up: float = field(default=60.0, kw_only=True)


@dataclass(frozen=True)
class Edge(Cache):
    """A content delivery network in front: near the users in every region, so its arrow is short. Cached reads only."""

    kind: ClassVar[str] = "edge"


@dataclass(frozen=True)
class Database(Part):
    """Keeps data. Each of *shards* has *copies*: the first is its primary (writes), reads go to any if *read_replicas*.

    replication, as in its room: "none", "async" (with *lag* seconds), "semi-sync", "all" (synchronous), "raft".
    failover: seconds until another copy is primary (None: by hand, *mttr*). write: mean seconds of a write (0: takes).
    backup: seconds between two backups (None: never); personal: holds data that must stay in its region.
    """

    kind: ClassVar[str] = "database"
    replication: str = field(default="none", kw_only=True)
    shards: int = field(default=1, kw_only=True)
    read_replicas: bool = field(default=False, kw_only=True)
    write: float = field(default=0.0, kw_only=True)
    lag: float = field(default=0.2, kw_only=True)
    failover: float | None = field(default=None, kw_only=True)
    backup: float | None = field(default=None, kw_only=True)
    personal: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Queue(Part):
    """Takes messages, answers once it has them, keeps at most *limit* (None: no limit). durable: on a disk."""

    kind: ClassVar[str] = "queue"
    limit: int | None = field(default=None, kw_only=True)
    durable: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class Workers(Part):
    """Take messages from the queue *source* at their own pace; a message that fails is tried *attempts* times."""

    kind: ClassVar[str] = "workers"
    source: str = field(default="", kw_only=True)
    attempts: int = field(default=3, kw_only=True)
    autoscaler: Autoscaler | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class External(Part):
    """Somebody else's service: any number at once, up to *limit* requests per second; a share *available* works."""

    kind: ClassVar[str] = "external"
    available: float = field(default=1.0, kw_only=True)
    limit: float | None = field(default=None, kw_only=True)


KINDS: dict[str, type[Part]] = {
    part.kind: part for part in (Clients, Dns, Edge, Balancer, Service, Cache, Database, Queue, Workers, External)
}


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
