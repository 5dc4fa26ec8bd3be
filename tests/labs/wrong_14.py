"""Answers to lab 14: designs with one decision spoilt, as learners write them, and other designs that hold."""

from __future__ import annotations

from minisys.grading.lab_14.paper import right

REGIONS = "{Frankfurt: [fra-a, fra-b, fra-c], Madrid: [mad-a, mad-b]}"
ZONES = "zones: [fra-a, fra-b, fra-c]"
PHONE = "calls: [{to: gate, timeout: 3 s}]"
READS = "{to: near, on: reads, timeout: 100 ms, optional: yes}, {to: db, on: misses, timeout: 500 ms}"
WRITES = "{to: db, on: writes, timeout: 1 s}"
CHARGE = "{to: charges, on: writes, timeout: 500 ms}"
AGAIN = "{to: bank, timeout: 2 s, attempts: 5, backoff: 1 s}"
APP = f"kind: service, takes: 30 ms, workers: 3, {ZONES}, queue: 60, policy: least connections"
DB = f"kind: database, {ZONES}, takes: 3 ms, write: 6 ms, workers: 4, queue: 200"
PAYERS = f"kind: workers, source: charges, {ZONES}, takes: 5 ms"
BANK = "kind: external, takes: 250 ms, law: constant, available: 99.5 %, limit: 60/s"
PARTS = {
    "berlin": f"kind: clients, region: Frankfurt, rate: 200/s, writes: 10 %, {PHONE}",
    "lisbon": f"kind: clients, region: Madrid, rate: 100/s, writes: 10 %, {PHONE}",
    "gate": f"kind: balancer, copies: 3, {ZONES}, takes: 0.3 ms, "
    "calls: [{to: app, timeout: 2 s, attempts: 2, backoff: 50 ms, budget: 10 %}]",
    "app": f"{APP}, copies: 6, calls: [{READS}, {WRITES}, {CHARGE}]",
    "near": f"kind: cache, copies: 3, {ZONES}, takes: 0.5 ms, hits: 70 %",
    "db": f"{DB}, copies: 3, replication: raft, failover: 5 s",
    "charges": f"kind: queue, copies: 3, {ZONES}, takes: 1 ms, limit: 50000",
    "payers": f"{PAYERS}, copies: 3, workers: 4, attempts: 5, calls: [{AGAIN}]",
    "bank": BANK,
}


def paper(**changed):
    return lambda: right() | changed


def text(regions=REGIONS, **changed):
    """A function that returns the reference with other bodies of some parts; None takes the part away."""
    parts = {name: body for name, body in (PARTS | changed).items() if body is not None}
    lines = [f"  {name}: {{{body}}}" for name, body in parts.items()]
    return lambda: "\n".join(["design: bicycles", f"regions: {regions}", "parts:", *lines, ""])


def app(calls=f"{READS}, {WRITES}, {CHARGE}", copies=6, base=APP, **changed):
    """The reference with another application."""
    return text(app=f"{base}, copies: {copies}, calls: [{calls}]", **changed)


def part(name, old, new, **changed):
    """The reference with *old* in the body of *name* written as *new*."""
    assert old in PARTS[name], (name, old)
    return text(**{name: PARTS[name].replace(old, new)}, **changed)


def inline(call):
    """The bank is asked while the rider waits; no queue, no workers."""
    return app(f"{READS}, {WRITES}, {call}", charges=None, payers=None)


def no_cache():
    """Replicas answer the reads, one of them confirms a write: no cache at all."""
    db = f"{DB}, copies: 3, replication: semi-sync, read_replicas: yes, failover: 10 s"
    return app(f"{{to: db, on: reads, timeout: 500 ms}}, {WRITES}, {CHARGE}", near=None, db=db)


def two_services():
    """Maps and rides apart: a crowd that looks at maps takes no worker from those who unlock."""
    phone = "calls: [{to: maps, on: reads, timeout: 3 s}, {to: rides, on: writes, timeout: 3 s}]"
    clients = {name: PARTS[name].replace(PHONE, phone) for name in ("berlin", "lisbon")}
    app_of = "kind: balancer, copies: 3, zones: [fra-a, fra-b, fra-c], takes: 0.3 ms, calls: [{to: %s, timeout: 2 s}]"
    show = f"{APP}, copies: 6, calls: [{READS}]"
    ride = f"{APP}, copies: 3, calls: [{WRITES}, {CHARGE}]"
    two = {"maps": app_of % "show", "rides": app_of % "ride", "show": show, "ride": ride}
    db = PARTS["db"].replace("workers: 4", "workers: 1")
    return text(gate=None, app=None, db=db, **clients, **two)


def grows():
    """Three copies more when it gets busy; two from the start in each zone all the same."""
    return app(base=f"{APP}, autoscaler: {{low: 6, high: 9, target: 70 %}}")


def edge_first():
    """Maps from an edge near the riders, and no cache behind it."""
    phone = "calls: [{to: edge, timeout: 3 s}]"
    clients = {name: PARTS[name].replace(PHONE, phone) for name in ("berlin", "lisbon")}
    edge = "kind: edge, takes: 0.5 ms, workers: 16, copies: 3, hits: 70 %, calls: [{to: gate, timeout: 3 s}]"
    calls = f"{{to: db, on: reads, timeout: 500 ms}}, {WRITES}, {CHARGE}"
    return app(calls, near=None, edge=edge, **clients)
