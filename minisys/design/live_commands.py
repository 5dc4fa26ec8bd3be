"""Which command line each process of the live shop gets: the rooms' own programs, told where the others are.

    Addresses: every place has its ports before anything starts, outside of the range from which the operating system
    takes ports for outgoing connections. So a part that was killed comes back where everybody looks for it.

Promised: one function for each kind; nothing is started here.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from minisys.design.live_plan import Place, one
from minisys.design.parts import Balancer, Design, Queue, Service, Workers

REPLICAS = "abcdefghi"
LOW, HIGH = 15_000, 32_000


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now. Raises OSError if there are none."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(LOW, HIGH), min(HIGH - LOW, 50 * count)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"not {count} ports are free between {LOW} and {HIGH}; close other programs")


@dataclass
class Addresses:
    """The ports of all places by label, and the folder of their files. *items*, *stock*: what the shop has."""

    design: Design
    places: Sequence[Place]
    folder: Path
    items: int
    stock: int
    port: dict[str, int] = field(default_factory=dict)
    admin: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in self.places:
            self.add(place)

    def add(self, place: Place) -> None:
        """Ports for one place more."""
        self.port[place.label], self.admin[place.label] = free_ports(2)

    def of(self, kind: str) -> list[Place]:
        """The places of a kind."""
        return [place for place in self.places if place.kind == kind]

    @property
    def shards(self) -> list[list[int]]:
        """The ports of each shard's replicas."""
        stores = self.of("database")
        numbers = sorted({place.shard for place in stores})
        return [[self.port[place.label] for place in stores if place.shard == number] for number in numbers]

    @property
    def control_file(self) -> Path:
        """Where the control process has written its address, for those who may use it."""
        return self.folder / "control"

    def words(self, place: Place, apps: Sequence[Place]) -> list[str]:
        """The module of *place* and its arguments; *apps*: the servers that there are now."""
        if place.kind == "balancer":
            return _balancer(self, place, apps)
        return COMMANDS[place.kind](self, place)

    def probe(self, place: Place) -> tuple[str, int]:
        """How the supervisor asks *place*, and at which port."""
        how = {"database": "resp", "cache": "resp", "autoscaler": "none", "supervisor": "none", "balancer": "/backends",
               "edge": "/", "queue": "/"}.get(place.kind, "/health")  # fmt: skip
        return how, (self.admin if place.kind in ("balancer", "edge") else self.port)[place.label]


def _first(to: Addresses, kind: str) -> int:
    """The port of the first place of *kind*, 0 if there is none."""
    return next((to.port[place.label] for place in to.of(kind)), 0)


def _shards(to: Addresses) -> list[str]:
    return [word for ports in to.shards for word in ("--shard", ",".join(map(str, ports)))]


def _goods(to: Addresses) -> list[str]:
    return ["--items", str(to.items), "--stock", str(to.stock)]


def _named(to: Addresses, place: Place) -> list[str]:
    return ["--name", place.name, "--port", str(to.port[place.label])]


def _database(to: Addresses, place: Place) -> list[str]:
    peers = [other for other in to.of("database") if other.shard == place.shard]
    names = dict(zip([other.label for other in peers], REPLICAS, strict=False))
    options = ["--mode", "raft", "--name", names[place.label], "--cluster", f"{place.part}-{place.shard}"]
    options += ["--folder", str(to.folder / place.name), "--port", str(to.port[place.label])]
    options += ["--peer-port", str(to.admin[place.label]), "--patience", "2"]
    others = [f"{names[other.label]}={to.admin[other.label]}" for other in peers if other is not place]
    return ["minisys.replication", *options, *(word for peer in others for word in ("--peer", peer))]


def _cache(to: Addresses, place: Place) -> list[str]:
    return ["minisys.caching", "--policy", "allkeys-lru", "--maxmemory", "32mb", "--port", str(to.port[place.label])]


def _queue(to: Addresses, place: Place) -> list[str]:
    fleeting = [] if one(to.design, Queue).durable else ["--not-durable"]
    data = str(to.folder / place.name)
    return ["minisys.queues", "--data", data, "--port", str(to.port[place.label]), *fleeting]


def _bank(to: Addresses, place: Place) -> list[str]:
    return ["minisys.design.shop_bank", "--file", str(to.folder / "bank.db"), *_named(to, place)]


def _app(to: Addresses, place: Place) -> list[str]:
    part = one(to.design, Service)
    size = ["--workers", str(part.workers), "--takes", repr(part.takes)]
    size += [] if part.queue is None else ["--queue", str(part.queue)]
    near = ["--cache", str(_first(to, "cache")), "--broker", str(_first(to, "queue"))]
    return ["minisys.design.shop_app", *_named(to, place), *size, *near, *_shards(to), *_goods(to)]


def _worker(to: Addresses, place: Place) -> list[str]:
    part = one(to.design, Workers)
    near = ["--broker", str(_first(to, "queue")), "--bank", str(_first(to, "external"))]
    size = ["--hands", str(part.workers), "--takes", repr(part.takes)]
    return ["minisys.design.shop_worker", *_named(to, place), *size, *near, *_shards(to), *_goods(to)]


def _balancer(to: Addresses, place: Place, apps: Sequence[Place]) -> list[str]:
    part, check = one(to.design, Service), min(one(to.design, Balancer).check, 1.0)
    behind = [word for app in apps for word in ("--backend", f"{app.name}=127.0.0.1:{to.port[app.label]}")]
    options = ["--policy", part.policy, "--check-every", repr(check), "--check-timeout", repr(check), "--fall", "3"]
    ports = ["--port", str(to.port[place.label]), "--admin-port", str(to.admin[place.label])]
    return ["minisys.load_balancing", *options, "--timeout", "4", *ports, *behind]


def _edge(to: Addresses, place: Place) -> list[str]:
    balancers = to.of("balancer")
    behind = balancers[(place.number - 1) % len(balancers)]
    origin = f"http://127.0.0.1:{to.port[behind.label]}"
    ports = ["--port", str(to.port[place.label]), "--admin-port", str(to.admin[place.label])]
    return ["minisys.caching.edge", "--origin", origin, "--name", place.name, "--timeout", "4.5", *ports]


def _admins(to: Addresses) -> list[str]:
    urls = [f"http://127.0.0.1:{to.admin[place.label]}" for place in to.of("balancer")]
    return [word for url in urls for word in ("--balancer", url)]


def _metrics(to: Addresses, place: Place) -> list[str]:
    return ["minisys.design.live_metrics", *_admins(to), "--port", str(to.port[place.label])]


def _autoscaler(to: Addresses, _: Place) -> list[str]:
    part = one(to.design, Service)
    scaler = part.autoscaler
    options = ["--rule", scaler.policy, "--target", repr(scaler.target), "--workers", str(part.workers)]
    options += ["--minimum", str(scaler.low), "--maximum", str(scaler.high)]
    return ["minisys.design.live_scaler", *_admins(to), "--control-file", str(to.control_file), *options]


def _supervisor(to: Addresses, _: Place) -> list[str]:
    return ["minisys.design.live_supervisor", "--control-file", str(to.control_file)]


COMMANDS: dict[str, Callable[[Addresses, Place], list[str]]] = {
    "database": _database, "cache": _cache, "queue": _queue, "external": _bank, "service": _app, "workers": _worker,
    "edge": _edge, "metrics": _metrics, "autoscaler": _autoscaler, "supervisor": _supervisor,
}  # fmt: skip
