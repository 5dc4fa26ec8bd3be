"""One slow service, and who goes down with it: amplification, full callers, and second copies.

The recommendations of a shop hang. Nobody needs them to buy; but whoever asks for them holds a worker of the shop, and
soon the shop has no worker left for the checkout. The failure has climbed up the chain, against the direction of the
calls.

Promised: theory beside simulation where there is a formula; every figure over seeds. The live versions of the same
comparisons are in experiments.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from minisys.resilience import fast, theory
from minisys.resilience.breaker import Breaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.defences import Defences
from minisys.resilience.hedging import Hedge
from minisys.resilience.retries import RatioBudget, Retries
from minisys.testbed.workload import Deterministic, Exponential, Lognormal, Poisson, Uniform, Work, workload

SEEDS = range(5)
HANG = Trouble("payments", 10.0, 20.0, slow=50.0)
OWN_KEYS, KEYS = 500, 1000  # half of the pages need nobody but the shop


def deep(
    depth: int, attempts: int, fails: float = 1.0, *, ratio: float | None = None, only_last: bool = False
) -> Chain:
    """*depth* services with workers for all, the last of which fails for a share *fails* of its calls.

    Every caller but the users tries *attempts* times, with *only_last* the lowest one alone; *ratio*: with a budget.
    """
    budget = None if ratio is None else RatioBudget(ratio)
    again = Defences(retries=Retries(attempts, budget=budget))
    callers = (Defences(),) + (Defences() if only_last else again,) * (depth - 1) + (again,)
    work = Deterministic(0.001)
    hops = [Service(f"service {hop + 1}", 10_000, work) for hop in range(depth)]
    last = replace(hops[-1], name="the last", fails=fails)
    return Chain((Service("front", 10_000, work), *hops[:-1], last), callers, patience_s=60.0)


def amplification(
    depths: Sequence[int], attempts: int, fails: float = 1.0, users: int = 200, **given: object
) -> pd.DataFrame:
    """Calls of the last service a user, by layers that retry: columns layers, calls, theory; a row a seed."""
    rows = []
    for depth in depths:
        for seed in range(3):
            offered = workload(users, arrivals=Poisson(20.0), work=Deterministic(1.0), seed=seed)
            run = fast.simulate(deep(depth, attempts, fails, **given), offered, seed=seed)  # type: ignore[arg-type]
            rows.append((depth, run.amplification[-1], expected_calls(depth, attempts, fails)))
    return pd.DataFrame(rows, columns=["layers", "calls", "theory"])


def expected_calls(layers: int, attempts: int, fails: float) -> float:
    """Calls of the last service a user: each layer multiplies by its expected tries, and fails less often itself."""
    calls = 1.0
    for _ in range(layers):
        calls *= theory.expected_tries(fails, attempts)
        fails = theory.still_fails(fails, attempts)
    return calls


# A slow dependency fills its caller


def shop(caller: Defences | None = None, workers: int = 16) -> Chain:
    """A shop with *workers*; half of its pages need payments (20 workers, 30 ms), which *caller* asks."""
    front = Service("shop", workers, Exponential(0.02), own_keys=OWN_KEYS)
    asks = Defences(timeout_s=2.0) if caller is None else caller
    return Chain((front, Service("payments", 20, Exponential(0.03))), (Defences(timeout_s=2.0), asks))


CASCADES: dict[str, Chain] = {
    "a timeout of 2 s": shop(),
    "a timeout of 0.2 s": shop(Defences(timeout_s=0.2)),
    "a bulkhead of 8": shop(Defences(timeout_s=2.0, bulkhead=Bulkhead(8))),
    "a breaker": shop(Defences(timeout_s=2.0, breaker=Breaker(5, 5.0))),
    "0.2 s, bulkhead and breaker": shop(Defences(timeout_s=0.2, bulkhead=Bulkhead(8), breaker=Breaker(5, 5.0))),
}


def hang(
    designs: Mapping[str, Chain] = CASCADES, rate_per_s: float = 60.0, seeds: Iterable[int] = SEEDS
) -> pd.DataFrame:
    """Payments hangs from 10 s to 30 s: goodput then, of pages that need it ("others") and that do not ("own")."""
    rows = []
    for name, design in designs.items():
        for seed in seeds:
            offered = workload(
                int(rate_per_s * 45),
                arrivals=Poisson(rate_per_s),
                work=Deterministic(1.0),
                keys=Uniform(KEYS),
                seed=seed,
            )
            run = fast.simulate(design, offered, (HANG,), seed=seed)
            came = (offered.arrival_s >= HANG.at_s) & (offered.arrival_s < HANG.at_s + HANG.for_s)
            own = offered.key < OWN_KEYS
            rows.append((name, run.in_time[came & own].mean(), run.in_time[came & ~own].mean(), run.goodput(35.0)))
    return pd.DataFrame(rows, columns=["design", "own", "others", "afterwards"])


# Second copies


TAIL = Lognormal(0.02, 3.0)


def read(hedge: Hedge | None, workers: int = 30, work: Work = TAIL) -> Chain:
    """A database with *workers*, mostly quick and sometimes very slow, read with *hedge* or without."""
    return Chain((Service("database", workers, work),), (Defences(hedge=hedge),), patience_s=5.0)


def hedged(
    loads: Sequence[float], hedge: Hedge | None, seeds: Iterable[int] = SEEDS, users: int = 4_000
) -> pd.DataFrame:
    """By load (1: all workers busy without hedges): columns load, p50_s, p99_s, calls; a row a seed."""
    rows = []
    for load in loads:
        for seed in seeds:
            rate = load * 30 / 0.02
            offered = workload(users, arrivals=Poisson(rate), work=Deterministic(1.0), seed=seed)
            run = fast.simulate(read(hedge), offered, seed=seed)
            rows.append((load, *np.percentile(run.latency_s, (50, 99)), run.amplification[0]))
    return pd.DataFrame(rows, columns=["load", "p50_s", "p99_s", "calls"])
