"""Random designs that make sense, for the tests of whatever reads, runs, attacks or draws one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from minisys.caching.policies import POLICIES as EVICTIONS
from minisys.design.parts import (
    Autoscaler,
    Balancer,
    Cache,
    Call,
    Clients,
    Database,
    Design,
    Dns,
    Edge,
    External,
    Objectives,
    Part,
    Queue,
    Service,
    Workers,
)
from minisys.load_balancing.policies import NAMES as POLICIES

REGIONS = {"eu": ("eu-a", "eu-b", "eu-c"), "us": ("us-a", "us-b"), "asia": ("asia-a",)}
LEAST_COPIES = {"async": 2, "semi-sync": 2, "all": 2, "raft": 3}


def some(low: float, high: float) -> st.SearchStrategy[float]:
    """Round figures and odd ones."""
    return st.one_of(
        st.floats(low, high, allow_nan=False),
        st.floats(low, high).map(lambda x: min(high, max(low, float(f"{x:.2g}")))),
    )


def maybe(what: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), what)


@st.composite
def designs(draw: st.DrawFn, *, most: int = 9, small: bool = True, kept: bool = False) -> Design:
    """A valid design of up to *most* parts behind its clients; parts call only later ones, so nothing is a circle.

    *small*: rates, times and copies in which a run of some seconds stays short; else anything within the bounds.
    *kept*: caches may have keys, queues a visibility, workers poison and crashes.
    """
    names = draw(st.sampled_from([["eu"], ["eu", "us"], list(REGIONS)]))
    regions = {name: REGIONS[name] for name in names}
    count = draw(st.integers(1, most))
    kinds = [draw(st.sampled_from(_KINDS)) for _ in range(count)]
    kinds[-1] = kinds[-1] if kinds[-1] not in (Balancer, Dns, Workers) else Service
    parts: list[Part] = []
    for i in reversed(range(count)):  # the last first, so that a part knows whom it can call
        parts.insert(0, draw(_part(kinds[i], f"{kinds[i].kind} {i + 1}", parts, regions, small)))
    parts = [replace(part, **draw(_kept(part))) for part in parts] if kept else parts
    inside = [part.name for part in parts if not isinstance(part, Workers)]
    for number, region in enumerate(names[: draw(st.integers(1, len(names)))]):
        first = [Call(draw(st.sampled_from(inside)), timeout=draw(maybe(some(0.05, 5))))]
        rate = draw(some(1, 40) if small else some(0, 1e6))
        writes = draw(some(0, 1))
        parts.insert(number, Clients(f"users {region}", region=region, rate=rate, writes=writes, calls=first))
    name = draw(st.sampled_from(["shop", "a small shop", "Läden 24/7"]))
    return Design(name, parts, regions, draw(objectives(names)))


_KINDS = (Service, Service, Cache, Database, Balancer, Edge, Dns, Queue, Workers, External)


@st.composite
def _part(draw: st.DrawFn, kind: type[Part], name: str, later: list[Part], regions: Any, small: bool) -> Part:
    callable_ = [part.name for part in later if not isinstance(part, Workers)]
    queues = [part.name for part in later if isinstance(part, Queue)]
    if kind is Workers and not queues:
        kind, name = Service, name.replace("workers", "service")
    source = draw(st.sampled_from(queues)) if kind is Workers else ""
    if source:  # their queue leads to them, so what they call comes after it
        later = later[[part.name for part in later].index(source) + 1 :]
        callable_ = [part.name for part in later if not isinstance(part, Workers)]
    zones = [zone for several in regions.values() for zone in several]
    made: dict[str, Any] = {
        "takes": draw(some(0, 0.05) if small else some(0, 3600)),
        "law": draw(st.sampled_from(["exponential", "constant", "lognormal"])),
        "workers": draw(st.integers(1, 4 if small else 1000)),
        "copies": draw(st.integers(1, 3)),
        "zones": tuple(draw(st.lists(st.sampled_from(zones), max_size=2, unique=True))),
        "queue": draw(maybe(st.integers(0, 50))),
        "holds": draw(st.booleans()),
        "policy": draw(st.sampled_from(POLICIES)),
    }
    if kind not in (Queue, External, Database):
        least = 1 if kind in (Balancer, Dns) else 0
        most = 1 if kind is Balancer else 3
        made["calls"] = draw(_calls(callable_, later, least, most)) if callable_ else ()
    return kind(name, **made | draw(_own(kind, source, made["copies"])))


@st.composite
def _own(draw: st.DrawFn, kind: type[Part], source: str, copies: int) -> dict[str, Any]:
    """What only that kind has."""
    if kind is Database:
        modes = [mode for mode, least in LEAST_COPIES.items() if copies >= least] or ["none"]
        return {
            "replication": draw(st.sampled_from(modes)),
            "shards": draw(st.integers(1, 3)),
            "read_replicas": draw(st.booleans()),
            "write": draw(some(0, 0.05)),
            "failover": draw(maybe(some(0.1, 60))),
            "backup": draw(maybe(some(60, 86400))),
            "personal": draw(st.booleans()),
        }
    if kind in (Service, Workers):
        scaler = draw(maybe(st.builds(Autoscaler, st.integers(1, 3), st.integers(3, 6), target=some(0.1, 0.9))))
        own: dict[str, Any] = {"stateless": draw(st.booleans())} if kind is Service else {}
        return own | {"autoscaler": scaler} | ({"source": source} if kind is Workers else {})
    if kind in (Cache, Edge):
        return {"hits": draw(some(0, 1)), "warm_up": draw(some(0, 100))}
    if kind is Queue:
        return {"limit": draw(maybe(st.integers(1, 1000))), "durable": draw(st.booleans())}
    if kind is Dns:
        return {"route": draw(st.sampled_from(["nearest", "first", "anycast"])), "ttl": draw(some(0, 300))}
    return {"available": draw(some(0, 1)), "limit": draw(maybe(some(1, 100)))} if kind is External else {}


@st.composite
def _kept(draw: st.DrawFn, part: Part) -> dict[str, Any]:
    """What only the model knows, of each second part that may have it."""
    if draw(st.booleans()):
        return {}
    if isinstance(part, Cache):
        capacity, ttl = draw(st.integers(1, 50)), draw(maybe(some(0.01, 100)))
        return {"hits": 0.9, "capacity": capacity, "eviction": draw(st.sampled_from(list(EVICTIONS))), "ttl": ttl}
    if isinstance(part, Queue):
        return {"visibility": draw(some(0.02, 3))}
    if isinstance(part, Workers):
        return {"poison": draw(some(0, 0.5)), "crashes": draw(some(0, 0.5)), "restart": draw(some(0, 3))}
    return {}


@st.composite
def _calls(draw: st.DrawFn, names: list[str], later: list[Part], least: int, most: int) -> tuple[Call, ...]:
    caches = {part.name for part in later if isinstance(part, Cache)}
    chosen = draw(st.lists(st.sampled_from(names), min_size=least, max_size=most, unique=True))
    made: list[Call] = []
    for i, to in enumerate(chosen):
        on = ["all", "reads", "writes", *(["misses"] if caches & set(chosen[:i]) else [])]
        options = {
            "share": draw(st.one_of(st.just(1.0), some(0, 1))),
            "on": draw(st.sampled_from(on)),
            "timeout": draw(maybe(some(0.05, 5))),
            "attempts": draw(st.integers(1, 3)),
            "backoff": draw(some(0, 1)),
            "budget": draw(maybe(some(0, 1))),
            "waits": draw(st.booleans()),
            "together": i > 0 and draw(st.booleans()),
            "optional": draw(st.booleans()),
            "times": draw(st.integers(1, 2)),
        }
        made.append(Call(to, **options))
    return tuple(made)


def objectives(regions: list[str]) -> st.SearchStrategy[Objectives]:
    """What is promised, or not."""
    return st.builds(
        Objectives,
        p99=maybe(some(0.01, 10)),
        availability=maybe(some(0.9, 1)),
        rpo=maybe(some(0, 3600)),
        rto=maybe(some(0, 3600)),
        cost=maybe(some(0, 1e6)),
        survive=st.sampled_from(["copy", "zone", "region"]),
        residency=maybe(st.sampled_from(regions)),
    )
