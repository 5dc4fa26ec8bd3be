"""A whole shop against the clock: a million requests through twelve parts, and a design that AsyncFlow can run, too.

A slider over a design, an attack that tries a hundred faults, a sweep over seeds: each is a hundred runs. So a run of a
thousand requests must take milliseconds, and a million of them seconds.

Promised: both engines run the same shop and must agree to the request, or the bench stops. The fleet for AsyncFlow is
the one of asyncflow_fleet.py: three servers behind a balancer, round robin; it draws its own times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from benchmarks import simulators
from benchmarks.report import Section
from minisys.design.fast import warm_up
from minisys.design.network import without_distance
from minisys.design.parts import (
    Balancer,
    Cache,
    Call,
    Clients,
    Database,
    Design,
    Dns,
    Edge,
    External,
    Queue,
    Service,
    Workers,
)
from minisys.design.result import Run
from minisys.design.run import run

RATE, A_MILLION, A_FEW = 4_000.0, 1_000_000, 20_000
NOTE = """CPU seconds of one process, median of {rounds} rounds; the compiled engine has been compiled before (some \
15 s, once, kept on disk). Shop: twelve parts behind their users, 45 copies, timeouts, retries with a budget, a \
replicated store of two shards, a queue; a request is {visits:.1f} visits. The engines agree on every request. Fleet: \
three servers at 80 % behind a balancer, round robin, no network."""


def shop(rate: float = RATE) -> Design:
    """A shop of twelve parts behind its users."""
    checkout = Call("db", timeout=0.5), Call("bank", timeout=1.0), Call("orders")
    catalog = Call("cache", optional=True, timeout=0.1), Call("db", on="misses", timeout=0.5, attempts=2, backoff=0.05)
    web = (
        Call("auth", timeout=0.5),
        Call("catalog", on="reads", timeout=1.0),
        Call("checkout", on="writes", timeout=1.5),
    )
    to_web = Call("web", timeout=2.0, attempts=2, budget=0.1)
    parts = [
        Clients("users", region="eu", rate=rate, calls=(Call("names"),)),
        Dns("names", calls=(Call("edge", timeout=3.0),)),
        Edge("edge", hits=0.6, calls=(Call("lb"),)),
        Balancer("lb", copies=2, calls=(to_web,)),
        Service("web", takes=0.002, workers=8, copies=12, policy="least connections", calls=web),
        Service("auth", takes=0.0005, workers=8, copies=4),
        Service("catalog", takes=0.002, workers=8, copies=9, calls=catalog),
        Service("checkout", takes=0.003, workers=8, copies=6, calls=checkout),
        Cache("cache", takes=0.0003, hits=0.9, copies=3, workers=4),
        Database(
            "db", takes=0.002, workers=16, copies=3, shards=2, replication="raft", read_replicas=True, failover=5.0
        ),
        External("bank", takes=0.1, available=0.999),
        Queue("orders", takes=0.0005, copies=3, workers=4),
        Workers("mailer", source="orders", takes=0.02, workers=8, copies=6),
    ]
    return Design("shop", parts, {"eu": ("eu-a", "eu-b", "eu-c")})


def fleet() -> Design:
    """The fleet that the other simulators run, as a design."""
    servers = Service("app", takes=simulators.MEAN_S, copies=simulators.BACKENDS)
    users = Clients("users", rate=simulators.RATE_PER_S, calls=(Call("lb"),))
    return Design("fleet", [users, Balancer("lb", calls=(Call("app"),)), servers])


def timed(design: Design, requests: int, engine: str) -> tuple[Run, float]:
    """A run of about so many requests, and its CPU seconds."""
    rate = next(iter(design.of(Clients))).rate
    network = without_distance(design) if design.name == "fleet" else None
    began = time.process_time()
    result = run(design, for_s=requests / rate, seed=1, engine=engine, network=network)
    return result, time.process_time() - began


def section(rounds: int, say: Callable[[str], None]) -> Section:
    """Both engines on the shop; both, and AsyncFlow, on the fleet."""
    warm_up().join()
    _check_same()
    rows, visits = [], 0.0
    for design in (shop(), fleet()):
        for engine, n in (("fast", A_MILLION), ("model", A_FEW)):
            say(f"design: {design.name}, {engine}")
            runs = [timed(design, n, engine) for _ in range(rounds)]
            count, cpu_s = len(runs[0][0].requests), median(cpu_s for _, cpu_s in runs)
            mean_s = runs[0][0].trace.latency_s.mean()
            rows.append(_row(f"{design.name}, {engine} engine", count, cpu_s, mean_s))
            if design.name == "shop" and engine == "fast":
                visits = float(runs[0][0].tally.copies["arrived"].sum()) / count
    missing = simulators.asyncflow_missing()
    if not missing:
        runs_there = [simulators.asyncflow("round robin", 10_000) for _ in range(rounds)]
        one, cpu_s = runs_there[0], median(ran.cpu_s for ran in runs_there)
        rows.append(_row("fleet, AsyncFlow", one.requests, cpu_s, float(one.latencies_s.mean())))
    note = f"{NOTE.format(rounds=rounds, visits=visits)} {missing}".rstrip()
    return Section("Designs", note, ["what", "requests", "CPU (s)", "requests per CPU-s", "mean latency (ms)"], rows)


def _row(what: str, count: int, cpu_s: float, mean_s: float) -> tuple[str, ...]:
    return what, f"{count:,}", f"{cpu_s:.2f}", f"{count / cpu_s:,.0f}", f"{1000 * mean_s:.1f}"


def _check_same() -> None:
    """Raises RuntimeError unless both engines say the same of the shop."""
    one, other = (timed(shop(), 4_000, engine)[0].trace.frame for engine in ("fast", "model"))
    if not one.equals(other):
        raise RuntimeError("the two engines disagree on the shop; speeds mean nothing")
