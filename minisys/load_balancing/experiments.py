"""Break something while users are on it, and count what they saw.

Somebody trips over a cable at 11:02. The dashboards are green again at 11:03. Did anyone notice? Each experiment
here starts real processes on 127.0.0.1, sends real requests through Locust, carries out a small plan (kill, add,
drain, remove) and returns the trace of every request.

Promised: the same workload and the same plan for our own proxy, NGINX and HAProxy, so that their traces can be laid
side by side. Not promised: timings that hold on another machine. What users saw (failed, refused, answered by whom)
is the result; milliseconds on a laptop whose cores are shared by everybody are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
from IPython.display import Code

from minisys.load_balancing import explore, live, real
from minisys.load_balancing.plan import Step
from minisys.testbed import charts
from minisys.testbed.load import load
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Deterministic, Poisson, Workload, workload

KILL = (Step(0.8, "kill", "b"), Step(1.3, "restart", "b"))
MOVE = (Step(0.6, "add", "d"), Step(1.4, "drain", "a"), Step(2.2, "remove", "a"))


def steady(rate_per_s: float = 200.0, for_s: float = 4.0, work_s: float = 0.05, seed: int = 3) -> Workload:
    """Steady Poisson traffic: *rate_per_s* requests a second for *for_s* seconds, *work_s* seconds of service each."""
    return workload(int(rate_per_s * for_s), arrivals=Poisson(rate_per_s), work=Deterministic(work_s), seed=seed)


def run(product: str, plan: Sequence[Step], offered: Workload, *, method: str = "GET") -> Trace:
    """The trace of *offered* through *product* ("minisys", "nginx" or "haproxy") while *plan* is carried out.

    Three backends with 16 workers each, least connections, one retry. Raises ValueError for an unknown product and
    real.ProductMissing, in one line, when a server is not installed.
    """
    same = {"backends": 3, "workers": 16, "plan": tuple(plan), "method": method, "progress": True}
    if product == "minisys":
        return live.run("least connections", offered, clock="real", **same)  # type: ignore[arg-type]
    return real.run(product, offered, policy="least connections", **same)  # type: ignore[arg-type]


def kill_a_backend(product: str = "minisys", *, method: str = "GET", for_s: float = 3.5) -> Trace:
    """SIGKILL backend b at 0.8 s and start it again at 1.3 s, under 200 requests a second, *for_s* seconds long."""
    return run(product, [step for step in KILL if step.at_s < for_s], steady(for_s=for_s), method=method)


def add_and_drain(product: str = "minisys") -> Trace:
    """Add d at 0.6 s, drain a at 1.4 s and remove it at 2.2 s of 3.2, under 200 requests a second."""
    return run(product, MOVE, steady(for_s=3.2))


def rerouting(trace: Trace, plan: Sequence[Step] = KILL) -> alt.LayerChart:
    """Answers per half-second, stacked by backend, with the steps of *plan* marked."""
    events = {step.at_s: f"{step.action} {step.backend}" for step in plan}
    return charts.by_server(trace, step_s=0.5, events=events, title="Who answered, half-second by half-second")


def users_saw(trace: Trace) -> str:
    """One line: how many requests, and how many of them a user saw fail."""
    bad = ("failed", "refused", "timeout", "unfinished")
    return f"{len(trace)} requests: {trace.count('ok')} ok, " + ", ".join(f"{trace.count(word)} {word}" for word in bad)


def repeated(trace: Trace) -> str:
    """One line: how many requests were saved by a second attempt."""
    return f"{int((trace.frame['attempts'] > 1).sum())} requests were answered at the second attempt"


def two_choices_measured() -> pd.DataFrame:
    """Two choices before ten backend processes, one run at each of three loads, in service times.

    Columns: utilisation, mean (measured) and simulated (the mean of the very same requests in the model).
    """
    offered = [explore.short_run(rho, seed=11) for rho in explore.LIVE_RHOS]
    begins = [0.0, *(float(run.arrival_s[-1]) + 0.5 for run in offered[:-1])]  # 0.5 s for the queues to empty
    with live.cluster("power of two", backends=explore.BACKENDS) as shop:
        seen = load(shop.url, one_after_the_other(offered, np.cumsum(begins).tolist()), progress=True)
    rows, last = [], 0
    for rho, run in zip(explore.LIVE_RHOS, offered, strict=True):
        part, last = seen[last : last + len(run)], last + len(run)
        rows.append((rho, explore.mean_in_service_times(part), explore.short_run_simulated(rho, seed=11)))
    return pd.DataFrame(rows, columns=["utilisation", "mean", "simulated"])


def same_requests(measured: pd.DataFrame) -> Table:
    """What processes and sockets add: the very same requests simulated and measured, mean in service times."""
    extra_ms = (measured["mean"] - measured["simulated"]) * 1000 * explore.SERVICE_S
    shown = measured[["utilisation", "simulated", "mean"]].assign(extra=extra_ms.round(1))
    shown = shown.rename(columns={"mean": "measured", "extra": "difference (ms)"})
    return table(shown, caption="The same requests in the model and on ten processes")


def one_after_the_other(parts: Sequence[Workload], begins: Sequence[float]) -> Workload:
    """One workload of *parts*, each begun at its moment of *begins* (seconds)."""
    columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Workload)}
    shifted = [part.arrival_s + begin for part, begin in zip(parts, begins, strict=True)]
    return Workload(**columns | {"arrival_s": np.concatenate(shifted)})


def configuration(product: str) -> Code:
    """The configuration that the course generates for *product*, with three backends and least connections."""
    language = {"nginx": "nginx", "haproxy": "text"}[product]
    return Code(real.config(product, policy="least connections", backends=3), language=language)


def products_side_by_side(ours: Trace) -> Table:
    """The kill experiment behind our proxy (*ours*), NGINX and HAProxy: what users saw, and how it was mended."""
    rows = [_row("minisys", ours)]
    missing = []
    for product in ("nginx", "haproxy"):
        try:
            rows.append(_row(product, kill_a_backend(product)))
        except real.ProductMissing as problem:
            missing.append(str(problem))
    columns = ["proxy", "requests", "failed", "p50_ms", "p99_ms", "answered by b (%)", "b asked again at"]
    note = " ".join(["One of three backends (b) killed at 0.8 s of 3.5, started again at 1.3 s.", *missing])
    return table(pd.DataFrame(rows, columns=columns), caption=note)


def _row(product: str, trace: Trace) -> tuple[object, ...]:
    p50, p99 = trace.percentiles((50, 99))
    mine = trace.frame[(trace.frame["server"] == "b") & (trace.frame["outcome"] == "ok")]["sent_s"]
    again = mine[mine > KILL[1].at_s]
    back = f"{again.min():.1f} s" if len(again) else "not within 3.5 s"
    bad, share = len(trace) - trace.count("ok"), len(mine) / len(trace)
    return product, len(trace), bad, round(1000 * p50), round(1000 * p99), round(100 * share), back


def layer_4_or_7(for_s: float = 1.2) -> Table:
    """Four clients with one connection each; backend c is added after 0.5 s. Which backend answers how often?"""
    offered = workload(int(80 * for_s), arrivals=Poisson(1000.0), work=Deterministic(0.05), seed=5)

    def answered(mode: str) -> list[int]:
        with live.cluster("round robin", backends=2, workers=8, mode=mode) as shop:
            shop.start_backend("c")  # beforehand: how long a process takes to start is not the question
            seen = load(shop.url, offered, users=4, at=[(0.5, partial(shop.add, "c"))], progress=False)
        return [int(count) for count in seen.frame["server"].value_counts().reindex(list("abc"), fill_value=0)]

    with ThreadPoolExecutor(2) as both:  # 80 requests a second each: they do not disturb one another
        rows = [(layer, *counts) for layer, counts in zip((4, 7), both.map(answered, ("tcp", "http")), strict=True)]
    columns = ["layer", "answered by a", "answered by b", "answered by c (added later)"]
    return table(pd.DataFrame(rows, columns=columns), caption="Four long-lived connections")
