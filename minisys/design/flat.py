"""A design as columns of numbers: what both engines read.

A part knows its calls by name, a call knows its part by name, and a copy stands in a zone with a name. Looking names up
for each of a million requests would take longer than serving them. So a design is laid out once: parts, their copies
and their arrows are rows, and everything that refers to something holds its row.

Promised: the same rows for the same design; draws hang on names, not on rows (draws.py). Not here: what breaks
(timeline.py), and what happens (model.py, fast.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from minisys.design.draws import LAWS
from minisys.design.network import Network
from minisys.design.parts import (
    KINDS,
    Autoscaler,
    Balancer,
    Call,
    Clients,
    Database,
    Design,
    Dns,
    Edge,
    External,
    Part,
    Service,
    Workers,
)
from minisys.load_balancing.policies import NAMES

CODE = {kind: code for code, kind in enumerate(KINDS)}
CLIENTS, DNS, EDGE, BALANCER, SERVICE, CACHE, DATABASE, QUEUE, WORKERS, EXTERNAL = range(len(KINDS))
ALL, READS, WRITES, MISSES = range(4)
ON = {"all": ALL, "reads": READS, "writes": WRITES, "misses": MISSES}
ROUTES = {"nearest": 0, "first": 1, "anycast": 2}
ENDLESS = 1 << 60
DISCOVERY_S = 2.0  # seconds until a caller that is no balancer knows that a copy is gone

WHOLE_PARTS = ("kind", "law", "workers", "room", "holds", "first", "n", "start", "shards", "each", "replicas",
               "limit", "durable", "source", "attempts", "arrow", "arrows", "route", "name", "sticky")  # fmt: skip
REAL_PARTS = ("takes", "write", "cv", "hits", "warm", "available", "rate", "ttl", "check")
WHOLE_ARROWS = ("origin", "to", "on", "tries", "jitter", "waits", "together", "optional", "times", "path", "policy")
REAL_ARROWS = ("share", "timeout", "backoff", "budget", "known")


@dataclass(frozen=True)
class Flat:
    """*parts* and *arrows*: columns by name. part_of, zone_of, region_of: of each copy (-1: no zone).

    half_s: seconds one way between places (the zones, then the regions' users). names: parts'; copies: "app/2", or the
    part's name where it has one copy only. zones, regions: names.
    """

    design: Design
    parts: dict[str, np.ndarray]
    arrows: dict[str, np.ndarray]
    part_of: np.ndarray
    zone_of: np.ndarray
    region_of: np.ndarray
    half_s: np.ndarray
    edge_s: float
    region_s: float
    names: tuple[str, ...]
    copies: tuple[str, ...]
    zones: tuple[str, ...]
    regions: tuple[str, ...]

    def copies_of(self, part: int) -> range:
        """The rows of the copies of the part in row *part*."""
        first = int(self.parts["first"][part])
        return range(first, first + int(self.parts["n"][part]))


def autoscaler(part: Part) -> Autoscaler | None:
    """The part's autoscaler, if it has one."""
    return part.autoscaler if isinstance(part, Service | Workers) else None


def most(part: Part) -> int:
    """How many copies there are at most; a database's in all shards together."""
    scaler = autoscaler(part)
    each = max(part.copies, scaler.high) if scaler else part.copies
    return each * part.shards if isinstance(part, Database) else each


def name_code(name: str) -> int:
    """The number that stands for *name* in draws."""
    return crc32(name.encode())


def flatten(design: Design, network: Network) -> Flat:
    """*design* laid out. Raises ValueError for a call to, or a source of, no part of it, and for an unknown word."""
    rows = {part.name: row for row, part in enumerate(design.parts)}
    zones = tuple(zone for some in design.regions.values() for zone in some)
    regions = tuple(design.regions)
    copies = [(part, i) for part in design.parts for i in range(most(part))]
    places = np.array([_place(design, part, i, zones, regions) for part, i in copies], dtype=np.int64).reshape(-1, 2)
    return Flat(
        design, _parts(design, rows), _arrows(design, rows),
        np.array([rows[part.name] for part, _ in copies], dtype=np.int64), places[:, 0].copy(), places[:, 1].copy(),
        network.one_way_s(design), network.edge_s, network.region_s, tuple(rows),
        tuple(copy_name(part, i) for part, i in copies), zones, regions,
    )  # fmt: skip


def _parts(design: Design, rows: dict[str, int]) -> dict[str, np.ndarray]:
    parts, sizes = design.parts, [most(part) for part in design.parts]
    columns: dict[str, Any] = {
        "kind": [CODE[part.kind] for part in parts],
        "first": np.cumsum([0, *sizes])[:-1],
        "n": sizes,
        "arrow": np.cumsum([0, *(len(part.calls) for part in parts)])[:-1],
        "arrows": [len(part.calls) for part in parts],
        "source": [_known(p.source, rows, f"{p.name} reads") if isinstance(p, Workers) else -1 for p in parts],
    }
    columns |= {column: [read(part) for part in parts] for column, read in _PART.items()}
    return _columns(columns, WHOLE_PARTS, REAL_PARTS)


def _arrows(design: Design, rows: dict[str, int]) -> dict[str, np.ndarray]:
    calls = [(part, call) for part in design.parts for call in part.calls]
    to = [_known(call.to, rows, f"{part.name} calls") for part, call in calls]
    ways = [(part.name, call.to) for part, call in calls]
    columns: dict[str, Any] = {
        "origin": [rows[part.name] for part, _ in calls],
        "to": to,
        "path": [name_code(f"{a}>{b}#{ways[:i].count((a, b))}") for i, (a, b) in enumerate(ways)],
        "policy": [NAMES.index(_word(design.parts[row].policy, NAMES, design.parts[row].name)) for row in to],
        "known": [part.check if isinstance(part, Balancer) else DISCOVERY_S for part, _ in calls],
    }
    columns |= {column: [read(call) for _, call in calls] for column, read in _ARROW.items()}
    return _columns(columns, WHOLE_ARROWS, REAL_ARROWS)


def copy_name(part: Part, i: int) -> str:
    """The name of copy *i*, from 0, of *part*."""
    return part.name if most(part) == 1 else f"{part.name}/{i + 1}"


def _place(design: Design, part: Part, i: int, zones: tuple[str, ...], regions: tuple[str, ...]) -> tuple[int, int]:
    """(zone, region) of a copy, -1 where it has none: names, edges and other people's services stand nowhere."""
    if isinstance(part, Clients):
        region = part.region or regions[0]
        return -1, regions.index(_word(region, regions, part.name))
    if isinstance(part, Dns | Edge | External):
        return -1, -1
    own = design.zones_of(part)
    turn = sum(divmod(i, part.copies)) if isinstance(part, Database) else i  # a shard's primaries are spread, too
    zone = _word(own[turn % len(own)], zones, part.name)
    return zones.index(zone), regions.index(design.region_of(zone))


def _known(name: str, rows: dict[str, int], said: str) -> int:
    if name not in rows:
        raise ValueError(f"{said} {name!r}, which is no part; there are {', '.join(rows)}")
    return rows[name]


def _word(word: str, known: tuple[str, ...], name: str) -> str:
    if word not in known:
        raise ValueError(f"{name}: {word!r} is unknown; known: {', '.join(known)}")
    return word


def _columns(given: dict[str, list], whole: tuple[str, ...], real: tuple[str, ...]) -> dict[str, np.ndarray]:
    columns = {name: np.array(given[name], dtype=np.int64) for name in whole}
    return columns | {name: np.array(given[name], dtype=np.float64) for name in real}


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


_PART: dict[str, Callable] = {
    "law": lambda p: LAWS[_word(p.law, tuple(LAWS), p.name)],
    "workers": lambda p: ENDLESS if isinstance(p, External | Edge | Dns) else p.workers,
    "room": lambda p: _or(p.queue, ENDLESS),
    "holds": lambda p: p.holds or isinstance(p, Workers),
    "start": lambda p: p.copies * getattr(p, "shards", 1),
    "shards": lambda p: getattr(p, "shards", 1),
    "each": lambda p: p.copies,
    "replicas": lambda p: getattr(p, "read_replicas", False),
    "limit": lambda p: _or(getattr(p, "limit", None), ENDLESS) if p.kind == "queue" else ENDLESS,
    "durable": lambda p: getattr(p, "durable", True),
    "attempts": lambda p: getattr(p, "attempts", 1),
    "route": lambda p: ROUTES[_word(p.route, tuple(ROUTES), p.name)] if isinstance(p, Dns) else 0,
    "name": lambda p: name_code(p.name),
    "sticky": lambda p: not getattr(p, "stateless", True),
    "takes": lambda p: p.takes,
    "write": lambda p: getattr(p, "write", 0.0) or p.takes,
    "cv": lambda p: p.cv,
    "hits": lambda p: getattr(p, "hits", 0.0),
    "warm": lambda p: getattr(p, "warm_up", 0.0),
    "available": lambda p: getattr(p, "available", 1.0),
    "rate": lambda p: _or(getattr(p, "limit", None), math.inf) if isinstance(p, External) else math.inf,
    "ttl": lambda p: getattr(p, "ttl", 0.0),
    "check": lambda p: getattr(p, "check", 0.0),
}
_ARROW: dict[str, Callable[[Call], float]] = {
    "on": lambda c: ON[_word(c.on, tuple(ON), c.to)],
    "tries": lambda c: max(1, c.attempts),
    "jitter": lambda c: c.jitter,
    "waits": lambda c: c.waits,
    "together": lambda c: c.together,
    "optional": lambda c: c.optional,
    "times": lambda c: c.times,
    "share": lambda c: c.share,
    "timeout": lambda c: _or(c.timeout, math.inf),
    "backoff": lambda c: c.backoff,
    "budget": lambda c: _or(c.budget, -1.0),
}
