"""The chain in trouble, with and without a defence: the same users, the same trouble, measured side by side.

For one second the database is ten times as slow. Then it is well again. In one shop nobody can buy anything an hour
later; in the other, nobody remembers. The two differ in a few lines of their callers.

    bad, good = outage(); goodput_table({"without": bad, "with": good})

Promised: users are Locust's and services are processes, unless clock="virtual" (the same code in one process, exact and
seeded). The two of a pair run at the same time and share the machine; they ask little of it. Not promised: the same
milliseconds twice on the real clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import altair as alt
import numpy as np
import pandas as pd

from minisys.resilience import live
from minisys.resilience.breaker import Breaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.hedging import Hedge
from minisys.resilience.live import Measured
from minisys.resilience.retries import Backoff, RatioBudget, Retries
from minisys.resilience.shedding import QueueLimit
from minisys.testbed import charts
from minisys.testbed.arrivals import Poisson
from minisys.testbed.laws import Deterministic, Gamma, Lognormal, Uniform
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Workload, workload

RATE_PER_S, PATIENCE_S, SETTLE_S = 22.0, 1.0, 1.0
OUTAGE = (Trouble("database", 1.0, 1.0, slow=10.0),)
HANG = Trouble("database", 0.5, 2.0, slow=30.0)
OWN_KEYS, KEYS = 500, 1000  # of the items, half need nobody but the shop
Pair = tuple[Measured, Measured]


def offered(length_s: float = 6.0, rate_per_s: float = RATE_PER_S, seed: int = 0) -> Workload:
    """Users who come by chance, *rate_per_s* of them a second for *length_s* seconds."""
    n = math.ceil(length_s * rate_per_s)
    return workload(n, arrivals=Poisson(rate_per_s), work=Deterministic(0.01), keys=Uniform(KEYS), seed=seed)


def ended_s(troubles: Sequence[Trouble] = OUTAGE) -> float:
    """When the last trouble is over, seconds."""
    return max(each.at_s + each.for_s for each in troubles)


def chain(cured: bool) -> Chain:
    """Shop, orders, database (three workers of 70 ms: 43 requests a second), called as most of us do, or *cured*.

    As most do: timeouts everywhere, the app tries twice, orders three times, and the database takes all. Cured: the
    deadline travels along, one caller retries, with jitter and a budget of a tenth, and the database's line is short.
    """
    if cured:
        patient = Defences(timeout_s=PATIENCE_S, deadline=True)
        retries = Retries(3, Backoff(0.05, 0.5, "full"), RatioBudget(0.1))
        callers = patient, patient, Defences(timeout_s=0.5, deadline=True, retries=retries)
        return Chain(_services(Protection(queue_limit=QueueLimit(8))), callers, patience_s=PATIENCE_S)
    app = Defences(timeout_s=PATIENCE_S, retries=Retries(2))
    callers = app, Defences(timeout_s=PATIENCE_S), Defences(timeout_s=0.5, retries=Retries(3))
    return Chain(_services(Protection()), callers, patience_s=PATIENCE_S)


def _services(database: Protection) -> tuple[Service, ...]:
    quick = Gamma(0.003, 0.5)
    return Service("shop", 60, quick), Service("orders", 40, quick), Service("database", 3, Gamma(0.07, 0.5), database)


def outage(users: Workload | None = None, *, clock: str = "real", seed: int = 0) -> Pair:
    """The metastable failure: OUTAGE in the chain without cures, then in the cured one."""
    users = offered(seed=seed) if users is None else users
    return _pair(chain(False), chain(True), users, OUTAGE, clock, seed)


def after(measured: Measured, troubles: Sequence[Trouble] = OUTAGE) -> float:
    """Goodput of the users who came later than SETTLE_S after the troubles were over, 0 to 1."""
    return measured.goodput(ended_s(troubles) + SETTLE_S)


def hedging(*, clock: str = "real", seed: int = 0) -> Pair:
    """A shop that reads from a database that takes 20 ms on average, mostly 6 and sometimes 200; then hedged."""
    services = Service("shop", 60, Deterministic(0.002)), Service("database", 30, Lognormal(0.02, 3.0))
    bare = Chain(services, (Defences(), Defences()), patience_s=PATIENCE_S)
    hedged = replace(bare, callers=(Defences(), Defences(hedge=Hedge(0.95, 0.1))))
    return _pair(bare, hedged, offered(3.0, 100.0, seed), (), clock, seed)


def breaking(*, clock: str = "real", seed: int = 0) -> Pair:
    """A database that hangs for two seconds: callers wait out every timeout; or a breaker says no after five."""
    services = Service("shop", 60, Deterministic(0.002)), Service("database", 10, Gamma(0.03, 0.5))
    patient = Defences(timeout_s=0.5)
    bare = Chain(services, (Defences(), patient), patience_s=PATIENCE_S)
    guarded = replace(bare, callers=(Defences(), replace(patient, breaker=Breaker(5, 0.4))))
    return _pair(bare, guarded, offered(4.0, 40.0, seed), (HANG,), clock, seed)


def bulkheads(*, clock: str = "real", seed: int = 0) -> Pair:
    """Half of a shop's requests need a database that hangs; the other half need only one of the shop's eight workers.

    Without a bulkhead, those who wait for the database hold all eight; with one, at most four.
    """
    services = Service("shop", 8, Gamma(0.02, 0.5)), Service("database", 10, Gamma(0.03, 0.5))
    patient = Defences(timeout_s=0.8)
    bare = Chain(services, (Defences(timeout_s=PATIENCE_S), patient), patience_s=PATIENCE_S)
    guarded = replace(bare, callers=(bare.callers[0], replace(patient, bulkhead=Bulkhead(4))))
    return _pair(bare, guarded, offered(4.0, 60.0, seed), (HANG,), clock, seed, OWN_KEYS)


def _pair(
    bare: Chain, guarded: Chain, users: Workload, troubles: Sequence[Trouble], clock: str, seed: int, own_keys: int = 0
) -> Pair:
    with ThreadPoolExecutor(2) as hands:
        do = partial(live.run, workload=users, troubles=troubles, seed=seed, clock=clock, own_keys=own_keys)
        first, second = hands.map(do, (bare, guarded))
    return first, second


def by_second(measured: Measured, step_s: float = 0.5) -> pd.DataFrame:
    """Over time, a second: users who "come", who are "answered in time" (by when they came), "calls" of the last
    service; column second is the middle of each step.
    """
    came, last = measured.workload.arrival_s, measured.chain.services[-1].name
    steps = math.ceil(came[-1] / step_s)
    moments = {"come": came, "answered in time": came[measured.in_time], "calls": measured.counts[last]["arrivals"]}
    rates = {name: np.histogram(at, steps, (0.0, steps * step_s))[0] / step_s for name, at in moments.items()}
    return pd.DataFrame({"second": (np.arange(steps) + 0.5) * step_s} | rates)


def goodput_chart(runs: Mapping[str, Measured], title: str = "Users answered in time") -> alt.LayerChart:
    """Users answered in time, a second, for each run by its name, and those who came."""
    frames = [by_second(each).assign(kind=name) for name, each in runs.items()]
    made = pd.concat([frame[["second", "answered in time", "kind"]] for frame in frames])
    made = made.rename(columns={"answered in time": "users"})
    come = frames[0][["second", "come"]].rename(columns={"come": "users"}).assign(kind="users who came")
    return charts.lines(
        pd.concat([come, made]), x="second", y="users", by="kind", title=title, x_title="time (s)",
        y_title="users a second",
    )  # fmt: skip


def calls_chart(runs: Mapping[str, Measured], title: str = "What the last service is asked") -> alt.LayerChart:
    """Calls of the last service, a second, for each run by its name."""
    made = pd.concat([by_second(each)[["second", "calls"]].assign(kind=name) for name, each in runs.items()])
    return charts.lines(
        made, x="second", y="calls", by="kind", title=title, x_title="time (s)", y_title="calls a second"
    )


def goodput_table(runs: Mapping[str, Measured], troubles: Sequence[Trouble] = OUTAGE) -> Table:
    """For each run by its name: goodput before, during and after the trouble, and calls of the last service a user."""
    first, last = min(each.at_s for each in troubles), ended_s(troubles)
    rows = [
        (
            name, *map(_percent, (each.goodput(0, first), each.goodput(first, last), after(each, troubles))),
            f"{each.amplification[-1]:.2f}",
        )
        for name, each in runs.items()
    ]  # fmt: skip
    columns = ["", "in time before", "meanwhile", f"from {SETTLE_S:g} s after", "calls of the database a user"]
    return table(pd.DataFrame(rows, columns=columns), caption="Users answered in time" + late(runs.values()))


def late(runs: Iterable[Measured]) -> str:
    """For a caption: how late the load generator was, if it could not keep up in one of *runs*; else ""."""
    notes = [each.trace.frame.attrs.get("generator", {}) for each in runs]
    behind_s = [note["lag_p99_s"] for note in notes if not note.get("kept_up", True)]
    return f" (a busy machine: 1 % of the users came more than {1000 * max(behind_s):.0f} ms late)" if behind_s else ""


def latency_table(runs: Mapping[str, Measured]) -> Table:
    """For each run by its name: percentiles of the latency of good answers, and calls of the last service a user."""
    rows = []
    for name, each in runs.items():
        p50, p99 = each.trace.percentiles((50, 99))
        rows.append((name, len(each.trace), each.trace.count("ok"), p50, p99, f"{each.amplification[-1]:.2f}"))
    columns = ["", "users", "ok", "p50_s", "p99_s", "calls of the database a user"]
    return table(
        pd.DataFrame(rows, columns=columns), caption="Reads, without and with a second copy" + late(runs.values())
    )


def waits(measured: Measured, trouble: Trouble = HANG) -> float:
    """Mean seconds that users who came during *trouble* and got no good answer waited for the bad one; NaN if none."""
    bad = _during(measured, trouble) & (measured.trace.frame["outcome"] != "ok")
    return float((measured.trace.frame["finished_s"] - measured.trace.frame["sent_s"])[bad].mean())


def own_and_others(measured: Measured, trouble: Trouble = HANG) -> tuple[float, float]:
    """Goodput during *trouble* of users who need the shop alone, and of those who need the database too."""
    own, good, came = measured.trace.frame["key"] < OWN_KEYS, pd.Series(measured.in_time), _during(measured, trouble)
    return float(good[came & own].mean()), float(good[came & ~own].mean())


def _during(measured: Measured, trouble: Trouble) -> pd.Series:
    sent_s = measured.trace.frame["sent_s"]
    return (sent_s >= trouble.at_s) & (sent_s < trouble.at_s + trouble.for_s)


def breaker_table(runs: Mapping[str, Measured]) -> Table:
    """For each run of `breaking` by its name: how long failed users waited, what came after, what the database got."""
    rows = [
        (name, waits(each), _percent(each.goodput(ended_s((HANG,)))), each.counts["database"]["requests"]["arrived"])
        for name, each in runs.items()
    ]
    columns = ["", "mean wait for an error_s", "in time after it", "calls of the database"]
    return table(
        pd.DataFrame(rows, columns=columns), caption="The database hangs for two seconds" + late(runs.values())
    )


def bulkhead_table(runs: Mapping[str, Measured]) -> Table:
    """For each run of `bulkheads` by its name: users answered in time while the database hung, by what they need."""
    rows = [(name, *map(_percent, own_and_others(each))) for name, each in runs.items()]
    columns = ["", "need the shop alone", "need the database too"]
    return table(pd.DataFrame(rows, columns=columns), caption="In time while the database hangs" + late(runs.values()))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
