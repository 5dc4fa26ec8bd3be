"""An outage that stays when its cause has gone: the trigger, the loop that keeps it up, and what ends it.

At 10 s the database is four times as slow; at 15 s it is well again. At 60 s nobody has been served for three quarters
of a minute: all its workers are busy with calls whose callers gave up, and every caller who gives up calls again. Work
makes timeouts, timeouts make retries, retries make work. That loop needs no cause any more.

Promised: one trigger, one load, one chain, and only the callers and the protections differ; figures over seeds. Not
promised: that your system is this one. What carries over is the question: what load does it make when everything
fails, and is that more than it can do? Source: Bronson et al., HotOS 2021; Huang et al., OSDI 2022.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd

from minisys.resilience import fast
from minisys.resilience.breaker import Breaker
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.retries import Backoff, RatioBudget, Retries
from minisys.resilience.run import Run
from minisys.resilience.shedding import CoDel, QueueLimit
from minisys.testbed.workload import Deterministic, Exponential, Poisson, Workload, workload

RATE_PER_S, LENGTH_S = 110.0, 60.0  # the database can do 160 a second
TRIGGER = Trouble("database", 10.0, 5.0, slow=4.0)
OVER_S = TRIGGER.at_s + TRIGGER.for_s
LATE_S, END_S = 30.0, 55.0  # "afterwards": from a quarter of a minute after the trigger on
TIMEOUTS_S = 1.0, 0.6, 0.3  # of the users' app, of the shop, of orders
BUDGET = RatioBudget(0.1)
BACKOFF = Backoff(0.05, 1.0, "full")
AT_ONCE, JITTERED, BUDGETED = Retries(3), Retries(3, BACKOFF), Retries(3, BACKOFF, BUDGET)


def chain(protection: Protection | None = None, *, retries: Retries | None = AT_ONCE, **others: object) -> Chain:
    """Shop, orders, database: all callers with timeouts (1, 0.6, 0.3 s) and *retries*, all services with *protection*.

    others: further Defences of each caller.
    """
    callers = [Defences(timeout_s=timeout_s, retries=retries, **others) for timeout_s in TIMEOUTS_S]  # type: ignore[arg-type]
    laws = ("shop", 64, 0.002), ("orders", 32, 0.005), ("database", 8, 0.05)
    guard = Protection() if protection is None else protection
    return Chain(tuple(Service(name, n, Exponential(mean), guard) for name, n, mean in laws), tuple(callers))


CURES: dict[str, Chain] = {
    "as it was": chain(),
    "backoff with jitter": chain(retries=JITTERED),
    "a retry budget of 10 %": chain(retries=BUDGETED),
    "no retries at all": chain(retries=None),
    "a deadline that travels": chain(deadline=True),
    "a breaker": chain(breaker=Breaker(10, 1.0)),
    "a line of 20 at most": chain(Protection(queue_limit=QueueLimit(20))),
    "CoDel": chain(Protection(codel=CoDel(0.02, 0.1))),
    "deadline, budget, short line": chain(Protection(queue_limit=QueueLimit(20)), retries=BUDGETED, deadline=True),
}


def worse_day() -> dict[str, Chain]:
    """Five of CURES on a day with two troubles more: 5 % of the database's calls fail, and the shop drops deadlines."""
    chosen = [name for name in CURES if name not in ("backoff with jitter", "a breaker", "CoDel")]
    made = {}
    for name in chosen:
        shop, orders, database = CURES[name].services
        app, forgets, asks = CURES[name].callers
        lossy, forgets = replace(database, fails=0.05), replace(forgets, deadline=False)
        made[name] = replace(CURES[name], services=(shop, orders, lossy), callers=(app, forgets, asks))
    return made


@lru_cache(maxsize=32)
def users(rate_per_s: float = RATE_PER_S, seed: int = 0, length_s: float = LENGTH_S) -> Workload:
    """Users who come by chance, *rate_per_s* of them for *length_s* seconds."""
    drawn = workload(
        int(rate_per_s * length_s * 1.2) + 50, arrivals=Poisson(rate_per_s), work=Deterministic(1.0), seed=seed
    )
    return drawn[: int(np.searchsorted(drawn.arrival_s, length_s))]


def outage(design: Chain, seed: int = 0, rate_per_s: float = RATE_PER_S, trigger: Trouble = TRIGGER) -> Run:
    """What became of the users when *trigger* came and went."""
    return fast.simulate(design, users(rate_per_s, seed), (trigger,), seed=seed)


def afterwards(run: Run) -> float:
    """Goodput of the users who came from LATE_S to END_S, long after the trigger has gone."""
    return run.goodput(LATE_S, END_S)


def compare(designs: Mapping[str, Chain] = CURES, seeds: Iterable[int] = range(5)) -> pd.DataFrame:
    """Each design with each seed: goodput before, during and after; calls of the last service a user; wasted work."""
    rows = []
    for name, design in designs.items():
        for seed in seeds:
            run = outage(design, seed)
            before, during = run.goodput(0, TRIGGER.at_s), run.goodput(TRIGGER.at_s, OVER_S)
            rows.append((name, seed, before, during, afterwards(run), run.amplification[-1], run.wasted))
    columns = ["design", "seed", "before", "during", "afterwards", "calls_per_user", "wasted"]
    return pd.DataFrame(rows, columns=columns)


def relieved(
    breaks_s: Sequence[float], share: float = 0.0, load: float = 0.6, seeds: Iterable[int] = range(5)
) -> pd.DataFrame:
    """How long a break must be to end it: `alone` at *load*, from LATE_S on with only *share* of its users let in.

    One row a break and seed: break_s, afterwards (goodput from 5 s after the break on, all users being back).
    """
    rows = []
    for break_s in breaks_s:
        for seed in seeds:
            everybody = users(load * alone().capacity_per_s, seed, 2 * LENGTH_S)
            offered = thinned(everybody, share, LATE_S, LATE_S + break_s)
            run = fast.simulate(alone(), offered, (TRIGGER,), seed=seed)
            rows.append((break_s, run.goodput(LATE_S + break_s + 5.0, 2 * LENGTH_S - 5.0)))
    return pd.DataFrame(rows, columns=["break_s", "afterwards"])


def thinned(offered: Workload, share: float, from_s: float, until_s: float) -> Workload:
    """*offered* with a *share* of those who came between the two moments, chosen by their luck."""
    kept = (offered.luck < share) | (offered.arrival_s < from_s) | (offered.arrival_s >= until_s)
    return Workload(*(getattr(offered, name)[kept] for name in ("arrival_s", "work_s", "key", "size", "luck")))


# The smallest system that has the failure


def alone(attempts: int = 3, workers: int = 8, mean_s: float = 0.05, timeout_s: float = 0.5) -> Chain:
    """One service, and users whose app tries up to *attempts* times, at once; nothing else.

    Once it is down each user makes *attempts* calls, so it stays down if load × attempts exceeds its capacity.
    """
    app = Defences(timeout_s=timeout_s, retries=Retries(attempts))
    return Chain((Service("database", workers, Exponential(mean_s)),), (app,))


def by_load(
    loads: Sequence[float], design: Chain | None = None, seeds: Iterable[int] = range(5), trigger: Trouble = TRIGGER
) -> pd.DataFrame:
    """Goodput afterwards by load (1: the capacity of the narrowest service): columns load, afterwards; a row a seed."""
    made = alone() if design is None else design
    rates = [load * made.capacity_per_s for load in loads]
    return pd.DataFrame(
        [
            (load, afterwards(outage(made, seed, rate, trigger)))
            for load, rate in zip(loads, rates, strict=True)
            for seed in seeds
        ],
        columns=["load", "afterwards"],
    )
