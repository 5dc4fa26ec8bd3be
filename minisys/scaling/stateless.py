"""Kill a shop's server while users fill their carts, and count the carts: in memory, in a store, in Valkey.

The balancer hid the dead server so well that nobody saw an error. Then the calls began: "my cart is empty." Each
experiment here starts real processes on 127.0.0.1, lets Locust's users put things into carts, carries out a plan, and
counts what those users saw: requests failed, and carts in which fewer things were than they had put there.

Promised: the same users, the same things and the same plan each way. Not promised: how many carts it is on the real
clock; which users sat on the server that died is luck, and the band in deaths_chart() says how much luck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.load_balancing.plan import Step
from minisys.scaling import real
from minisys.scaling import stateless_model as model
from minisys.scaling.cart import LOST
from minisys.scaling.stateless_live import IN_MEMORY, ON_DISK, STORE, VALKEY, run
from minisys.scaling.stateless_model import shoppers
from minisys.testbed import charts
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

KILL = (Step(1.25, "kill", "b"), Step(1.75, "add", "d"))  # between two health checks, so that no world may choose
KILL_STORE = (Step(1.25, "kill", "store"), Step(1.45, "restart", "store"))
MORNINGS_S = 4.9
SERVERS = range(2, 11)
Traces = Mapping[str, Trace]


def rolling(names: Sequence[str] = "abc", begin_s: float = 0.85, every_s: float = 1.1) -> tuple[Step, ...]:
    """A rolling restart: each of *names* in turn gets nothing new, stops, starts anew and joins again."""
    steps = ((0.0, "drain"), (0.1, "stop"), (0.1, "restart"), (0.6, "add"))
    return tuple(Step(begin_s + i * every_s + at, do, name) for i, name in enumerate(names) for at, do in steps)


def two_ways() -> tuple[str, str]:
    """In memory and elsewhere: in Valkey, or without it in the course's own store."""
    return IN_MEMORY, STORE if real.missing() else VALKEY


def two_bad_mornings(ways: Sequence[str] = (IN_MEMORY, STORE), seed: int = 3) -> dict[str, Trace]:
    """A death and a new version in one run: KILL, and from 2.6 s the two old servers are restarted in turn."""
    plan = (*KILL, *rolling("ac", begin_s=2.6))
    return each_way(ways, lambda way: run(way, shoppers(for_s=MORNINGS_S, seed=seed), plan))


def kill_the_store(ways: Sequence[str] = (STORE, ON_DISK), seed: int = 3) -> dict[str, Trace]:
    """What breaks next: the servers live, the store is killed (SIGKILL) at 1.25 s and back at 1.45 s of 3 s."""
    return each_way(ways, lambda way: run(way, shoppers(for_s=3.0, seed=seed), KILL_STORE))


def each_way(ways: Sequence[str], make: Callable[[str], Trace]) -> dict[str, Trace]:
    """One run each way, all at the same time: some 130 requests a second each do not disturb one another.

    Without Valkey its ways are left out, with one line that says so; if no other way is left, ProductMissing.
    """
    missing = real.missing()
    here = [way for way in ways if not missing or way in (IN_MEMORY, STORE)]
    if not here:
        raise real.ProductMissing(missing)
    if len(here) < len(ways):
        print(missing)
    with ThreadPoolExecutor(len(here)) as pool:
        return dict(zip(here, pool.map(make, here), strict=True))


def carts_lost(trace: Trace) -> list[float]:
    """The moments, in seconds, at which the requests were sent whose users found their cart lost."""
    return list(trace.frame.attrs["remarks"].get(LOST, []))


def lost_over_time(traces: Traces, title: str = "Carts lost while servers come and go") -> alt.LayerChart:
    """Carts lost so far against time, one line for each way, with what was done to the servers marked."""
    done = next(iter(traces.values())).frame.attrs["steps"]
    quiet = [f"{action} {name}" for action in ("stop", "restart") for name in "abcd"]  # their words would not have room
    steps = {at: word for at, word in done.items() if word not in quiet}
    end_s = max(float(trace.frame["sent_s"].max()) for trace in traces.values())
    at_s = np.round(np.arange(0.0, end_s + 0.05, 0.05), 2)
    parts = [
        pd.DataFrame({"second": at_s, "lost": np.searchsorted(carts_lost(trace), at_s, "right"), "way": way})
        for way, trace in traces.items()
    ]
    frame = pd.concat(parts).astype({"lost": float})
    return charts.over_time(frame, y="lost", by="way", events=steps, title=title, y_title="carts lost so far")


def side_by_side(traces: Traces, caption: str = "What users saw, by where the carts are kept") -> Table:
    """For each way: requests, failed, carts lost, requests saved by a second attempt, latency."""
    rows = []
    for way, trace in traces.items():
        p50, p99 = trace.percentiles((50, 99))
        again = int((trace.frame["attempts"] > 1).sum())
        bad = len(trace) - trace.count("ok")
        rows.append((way, len(trace), bad, len(carts_lost(trace)), again, round(1000 * p50), round(1000 * p99)))
    columns = ["carts are kept", "requests", "failed", "carts lost", "second attempts", "p50_ms", "p99_ms"]
    return table(pd.DataFrame(rows, columns=columns), caption=caption)


def lost_in_words(traces: Traces) -> str:
    """One line for each way that compares exactly: whether carts were lost each way, and whether requests failed."""
    said = []
    for way, trace in traces.items():
        carts = "some carts lost" if carts_lost(trace) else "0 carts lost"
        failed = "0 requests failed" if trace.count("ok") == len(trace) else "some requests failed"
        said.append(f"{way}: {carts}, {failed}")
    return "\n".join(said)


def _share(trace: Trace, offered: Workload, death_s: float) -> float:
    """Carts found lost after a death, in percent of those open then. Some were found by requests already under way."""
    found = sum(death_s - 0.1 <= at_s < death_s + 1.1 for at_s in carts_lost(trace))
    return 100.0 * found / model.open_carts(offered, death_s)


def one_death(trace: Trace, seed: int = 3) -> pd.DataFrame:
    """What KILL took from a *trace* of two_bad_mornings() with carts in memory and that *seed*, for deaths_chart()."""
    share = _share(trace, shoppers(for_s=MORNINGS_S, seed=seed), KILL[0].at_s)
    return pd.DataFrame([(3, share)], columns=["instances", "share"])


@lru_cache
def deaths_simulated(runs: int = 20) -> pd.DataFrame:
    """Share of the open carts lost with one of 2 to 10 servers: mean of *runs* short runs, band of 95 % of them."""
    rows = []
    days = [shoppers(for_s=2.4, seed=1_000 + seed) for seed in range(runs)]
    for instances in SERVERS:
        made = [model.simulate(day, KILL[:1], instances=instances) for day in days]
        shares = [_share(trace, day, KILL[0].at_s) for trace, day in zip(made, days, strict=True)]
        rows.append((instances, float(np.mean(shares)), *np.quantile(shares, (0.025, 0.975))))
    return pd.DataFrame(rows, columns=["instances", "share", "low", "high"])


def deaths_chart(measured: pd.DataFrame | None = None, prediction: object = None) -> alt.LayerChart:
    """Carts lost when one of n servers dies, in three worlds; *prediction* is the reader's percentage with three."""
    return charts.three_worlds(
        predicted=pd.DataFrame({"instances": SERVERS, "share": [100.0 / n for n in SERVERS]}),
        simulated=deaths_simulated(),
        measured=None if measured is None else measured[["instances", "share"]],
        x="instances",
        y="share",
        prediction=(3, float(prediction) if isinstance(prediction, int | float) else None),
        title="One of n servers dies with the carts in its memory",
        x_title="servers",
        y_title="open carts lost (%)",
    )
