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
from functools import partial

import altair as alt
import pandas as pd
from IPython.display import Code

from minisys.load_balancing import live, real
from minisys.load_balancing.explore import requests, settled
from minisys.load_balancing.plan import Step
from minisys.testbed import charts
from minisys.testbed.load import load
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Deterministic, Poisson, Workload, workload

KILL = (Step(2.0, "kill", "b"), Step(4.0, "restart", "b"))
MOVE = (Step(1.5, "add", "d"), Step(3.0, "drain", "a"), Step(4.5, "remove", "a"))


def steady(rate_per_s: float = 200.0, for_s: float = 6.0, work_s: float = 0.05, seed: int = 3) -> Workload:
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


def kill_a_backend(product: str = "minisys", *, method: str = "GET") -> Trace:
    """SIGKILL backend b at 2 s of 6 and start it again at 4 s, under 200 requests a second."""
    return run(product, KILL, steady(), method=method)


def add_and_drain(product: str = "minisys") -> Trace:
    """Add d at 1.5 s, drain a at 3 s and remove it at 4.5 s, under 200 requests a second."""
    return run(product, MOVE, steady())


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


def two_choices_measured(for_s: float = 4.0) -> pd.DataFrame:
    """Mean time behind ten backend processes with two choices, in service times (100 ms), at three loads."""
    rows = []
    with live.cluster("power of two", backends=10) as shop:
        for rho in (0.5, 0.7, 0.9):
            offered = requests(rho, 10, int(rho * 100 * for_s), seed=11, service_s=0.1)
            seen = settled(load(shop.url, offered, progress=True), 0.15)
            rows.append((rho, float(seen.latency_s.mean()) / 0.1))
    return pd.DataFrame(rows, columns=["utilisation", "mean"])


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
    columns = ["proxy", "requests", "failed", "p50_ms", "p99_ms", "answered by b (%)"]
    note = " ".join(["One of three backends killed at 2 s, back at 4 s.", *missing])
    return table(pd.DataFrame(rows, columns=columns), caption=note)


def _row(product: str, trace: Trace) -> tuple[object, ...]:
    p50, p99 = trace.percentiles((50, 99))
    share = float((trace.frame["server"] == "b").mean())
    bad = len(trace) - trace.count("ok")
    return product, len(trace), bad, round(1000 * p50), round(1000 * p99), round(100 * share)


def layer_4_or_7(for_s: float = 2.5) -> Table:
    """Four clients with one connection each; backend c is added after 0.8 s. Which backend answers how often?"""
    rows = []
    for layer, mode in ((4, "tcp"), (7, "http")):
        with live.cluster("round robin", backends=2, workers=8, mode=mode) as shop:
            add_c = partial(shop.add, "c")
            offered = workload(int(80 * for_s), arrivals=Poisson(1000.0), work=Deterministic(0.05), seed=5)
            seen = load(shop.url, offered, users=4, at=[(0.8, add_c)], progress=True)
        answered = seen.frame["server"].value_counts()
        rows.append((layer, *(int(answered.get(name, 0)) for name in "abc")))
    columns = ["layer", "answered by a", "answered by b", "answered by c (added later)"]
    return table(pd.DataFrame(rows, columns=columns), caption="Four long-lived connections")
