"""Designs that several tests of the design room attack, judge and price."""

from dataclasses import replace

from minisys.design.parts import (
    Balancer,
    Cache,
    Call,
    Clients,
    Database,
    Design,
    External,
    Objectives,
    Queue,
    Service,
    Workers,
)

ZONES = {"eu": ("eu-a", "eu-b", "eu-c")}
WANTED = Objectives(p99=0.3, availability=0.999, rpo=1.0, rto=20.0, survive="zone", cost=20_000, times=1.5)


def solid(**objectives: object) -> Design:
    """A shop that keeps what it promises: two or three of everything, timeouts, limits, a replica that takes over."""
    return Design("solid shop", regions=ZONES, objectives=replace(WANTED, **objectives), parts=[
        Clients("users", region="eu", rate=60, writes=0.2, calls=[Call("lb")]),
        Balancer("lb", takes=0.0005, workers=2, copies=2, calls=[Call("app", timeout=1.0)], queue=100),
        Service("app", takes=0.015, workers=2, copies=3, queue=20, calls=[
            Call("cache", on="reads", timeout=0.05, optional=True),
            Call("db", on="misses", timeout=0.3), Call("db", on="writes", timeout=0.3),
            Call("pay", on="writes", share=0.2, timeout=0.5, optional=True),
            Call("orders", on="writes", share=0.5, timeout=0.2)]),
        Cache("cache", takes=0.001, workers=2, copies=3, hits=0.8, queue=100),
        Database("db", takes=0.005, workers=2, copies=3, replication="semi-sync", failover=5.0, queue=40,
                 backup=86400.0),
        External("pay", takes=0.08),
        Queue("orders", takes=0.0005, workers=2, copies=3, limit=10_000),
        Workers("mail", source="orders", takes=0.05, workers=2, copies=3),
    ])  # fmt: skip


def with_part(design: Design, name: str, **new: object) -> Design:
    """*design* with other values of one part."""
    return replace(design, parts=tuple(replace(p, **new) if p.name == name else p for p in design.parts))


def with_call(design: Design, caller: str, callee: str, **new: object) -> Design:
    """*design* with other values of the calls of one part to another."""
    calls = tuple(replace(c, **new) if c.to == callee else c for c in design[caller].calls)
    return with_part(design, caller, calls=calls)
