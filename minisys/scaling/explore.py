"""What chapter 02 shows of queues in virtual time: up or out, the price of uneven work, staffing, the bill.

The load doubles and somebody must say what to buy. Each function here draws one picture or table: formulas as lines,
simulated requests as points or curves, over five seeds and at least 20,000 requests where things are compared.

Promised: every figure is computed or simulated when the cell runs. Not promised: real time; what processes and sockets
do is measured in `measured`. The pictures of the knee are in `knees`, those of the scalability law in `curves`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import altair as alt
import numpy as np
import pandas as pd

from minisys.load_balancing import fast
from minisys.scaling import costs, draw, model, theory
from minisys.scaling.theory import FAST, ONE_QUEUE, SHAPES
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, explorer, slider
from minisys.testbed.marks import number
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace

SEEDS = range(5)
SERVICE_S = 0.05  # of one small server
WAIT_SHARE = 0.2  # staffing: at most this share of the requests may wait


def up_or_out_explorer() -> Explorer:
    """Sliders for load, machines, spread of the work and objective: how long users wait in each of the three shapes."""
    fast.warm_up(["random"])
    return explorer(
        up_or_out_at,
        title="Up or out: one fast server, or many",
        load=slider(0.3, 0.98, 0.01, 0.8, "load"),
        machines=slider(1, 16, 1, 4, "machines"),
        cv=slider(0.0, 3.0, 0.25, 1.0, "cv of the work"),
        slo_ms=slider(50, 1500, 50, 500, "objective", "ms"),
    )


def up_or_out_at(load: float, machines: int, cv: float, slo_ms: int) -> tuple[alt.LayerChart, str]:
    """Percentile curves of the three shapes at the same capacity and *load*, with the objective; the result in words.

    The work takes 50 ms on average on one of the small servers, with coefficient of variation *cv*.
    """
    offered = model.requests(load, machines, 25_000, 1, cv=cv, service_s=SERVICE_S)

    def run(shape: str) -> Trace:
        return model.settled(model.simulate(shape, offered, machines))

    with ThreadPoolExecutor(2) as pool:  # compiled code leaves Python's lock alone, so two run at once
        runs = dict(zip(SHAPES, pool.map(run, SHAPES), strict=True))
    found, axis = draw.percentiles(runs)
    said, title = _in_words(runs, machines, slo_ms), "How long users wait, by shape"
    rule = ("y", slo_ms / 1000, f"objective: {slo_ms} ms")
    chart = draw.layers(
        lines=found, x="tail", y="latency_s", across=axis, rules=[rule], title=title, description=f"{title}. {said}",
        log_y=True, y_title="latency (s)",
    )  # fmt: skip
    return chart, said


def _in_words(runs: dict[str, Trace], machines: int, slo_ms: int) -> str:
    """p99 of each shape, whether it keeps the objective, and what one failure takes."""
    said = []
    for shape, trace in runs.items():
        p99_ms = 1000 * trace.percentile(99)
        lost = 100 * theory.failure_domain(shape, machines)
        verdict = "kept" if p99_ms <= slo_ms else "missed"
        said.append(f"{shape}: p99 {p99_ms:,.0f} ms, objective {verdict}, one failure takes {lost:.0f} %")
    return "; ".join(said) + "."


def times_as_long(load: float = 0.8, k: int = 8) -> float:
    """Mean response of *k* servers with one queue, in those of one server *k* times as fast, at the same *load*."""
    out, up = (theory.response(shape, load * k, 1.0, k).response_s for shape in (ONE_QUEUE, FAST))
    return out / up


def by_shape(q: float | None = None, k: int = 8, n: int = 60_000) -> alt.LayerChart:
    """Response against load for the three shapes of *k* times the capacity: formula and simulation.

    The mean, or the percentile *q*. In service times of one small server.
    """
    exact = [
        (shape, load, theory.percentile(shape, load * k, 1.0, k, q) if q
         else theory.response(shape, load * k, 1.0, k).response_s)
        for shape in SHAPES for load in np.arange(0.1, 0.951, 0.025).tolist()
    ]  # fmt: skip
    found = [
        (shape, load, run.percentile(q) if q else float(run.latency_s.mean()))
        for load in (0.3, 0.5, 0.7, 0.8, 0.9) for seed in SEEDS for shape in SHAPES
        for run in [model.settled(model.simulate(shape, model.requests(load, k, n, seed), k))]
    ]  # fmt: skip
    what = f"p{q:g}" if q else "mean"
    return draw.layers(
        lines=pd.DataFrame(exact, columns=["kind", "load", "response"]),
        points=pd.DataFrame(found, columns=["kind", "load", "response"]),
        x="load",
        y="response",
        title=f"The same capacity in three shapes: {what} response",
        under=f"{k} times the capacity; lines: formula; points: simulation, 99 % over five seeds",
        y_title=f"{what} response (service times)",
        log_y=True,
    )


def after_a_failure(load: float = 0.8, k: int = 8) -> Table:
    """What one failure takes from each shape, and the mean response (service times) before and after it."""
    rows = []
    for shape in SHAPES:
        left = theory.after_a_failure(shape, load * k, 1.0, k)
        after = "no service" if shape == FAST else number(left.response_s) if left else "overload"
        lost = f"{100 * theory.failure_domain(shape, k):.3g} %"
        rows.append((shape, theory.response(shape, load * k, 1.0, k).response_s, lost, after))
    columns = ["shape", "mean response", "one failure takes", "mean response after it"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"{k} times the capacity at {100 * load:.0f} % load")


def spread_of_work(cvs: Sequence[float] = (0.0, 1.0, 2.0), n: int = 80_000) -> alt.LayerChart:
    """Utilisation against response of one server for several *cvs*: Kingman's formula and simulation."""
    exact = [
        (f"cv {cv:g}", rho, 1.0 + theory.kingman(rho, 1.0, cv))
        for cv in cvs for rho in np.arange(0.05, 0.951, 0.01).tolist()
    ]  # fmt: skip
    found = [
        (f"cv {cv:g}", rho, float(model.settled(run).latency_s.mean()))
        for cv in cvs for rho in (0.3, 0.5, 0.7, 0.8, 0.9) for seed in SEEDS
        for run in [model.simulate(FAST, model.requests(rho, 1, n, seed, cv=cv), 1)]
    ]  # fmt: skip
    return draw.layers(
        lines=pd.DataFrame(exact, columns=["kind", "utilisation", "response"]),
        points=pd.DataFrame(found, columns=["kind", "utilisation", "response"]),
        x="utilisation",
        y="response",
        title="Busy servers and uneven work: the last ten percent are dear",
        under="one server, Poisson arrivals; lines: Kingman; points: simulation, 99 % over five seeds",
        y_title="mean response (service times)",
    )


def staffing(wait_share: float = WAIT_SHARE, first: float = 10.0) -> alt.LayerChart:
    """Servers beyond the load so that at most *wait_share* of the requests wait: exact, rule, same utilisation.

    "Same utilisation" keeps the utilisation that is right for *first* erlangs.
    """
    loads = np.unique(np.geomspace(5, 1000, 25).round()).tolist()
    ratio = theory.servers_needed(first, wait_share) / first
    rules = {
        "exact (Erlang C)": lambda load: theory.servers_needed(load, wait_share),
        "square-root rule": lambda load: theory.square_root_staffing(load, wait_share),
        "same utilisation": lambda load: math.ceil(load * ratio),
    }
    rows = [(name, load, rule(load) - load) for name, rule in rules.items() for load in loads]
    return charts.lines(
        pd.DataFrame(rows, columns=["rule", "load", "spare"]),
        x="load",
        y="spare",
        by="rule",
        title=f"Servers beyond the load, so that at most {100 * wait_share:.0f} % of the requests wait",
        x_title="offered load (erlangs)",
        y_title="spare servers",
        log_x=True,
        log_y=True,
    )


def staffing_table(loads: Sequence[float] = (10, 100, 1000), wait_share: float = WAIT_SHARE) -> Table:
    """Servers and utilisation for some *loads* in erlangs: exact, by the square-root rule, at the same utilisation."""
    ratio = theory.servers_needed(loads[0], wait_share) / loads[0]
    rows = []
    for load in loads:
        exact, rule = theory.servers_needed(load, wait_share), theory.square_root_staffing(load, wait_share)
        rows.append((load, exact, rule, math.ceil(load * ratio), f"{100 * load / exact:.0f} %"))
    columns = ["load (erlangs)", "exact", "square-root rule", "same utilisation", "utilisation, exact"]
    caption = f"Servers so that at most {100 * wait_share:.0f} % of the requests wait"
    return table(pd.DataFrame(rows, columns=columns), caption=caption)


def bill_explorer() -> Explorer:
    """Sliders for premium, availability, load and revenue: what a unit of capacity costs, scaled up or out."""
    return explorer(
        bill_at,
        title="Up or out: the bill",
        premium=slider(0, 50, 5, 10, "premium", "%"),
        up_share=slider(99.0, 99.99, 0.01, 99.9, "machine up", "%"),
        load=slider(0.3, 0.95, 0.05, 0.6, "load"),
        revenue=slider(0, 2000, 100, 500, "revenue"),
    )


def bill_at(premium: int, up_share: float, load: float, revenue: int) -> tuple[alt.LayerChart, str]:
    """Cost of a unit of capacity an hour against the size of the whole, as one machine and as many; in words.

    A unit is a small machine, which costs 1 an hour, as a balancer does. One machine costs *premium* percent more than
    double for each doubling. Each is up *up_share* percent of the time; requests that find no room lose *revenue*.
    """
    a, sizes = up_share / 100, (2, 3, 4, 6, 8, 12, 16, 24, 32)
    rows = []
    for k in sizes:
        bare = costs.price_up(k, 1.0, premium / 100), costs.price_out(k, 1.0, 1.0)
        lost = costs.lost_up(a), costs.lost_out(k, a, load)
        for way, price, share in zip(("up", "out"), bare, lost, strict=True):
            rows += [(way, k, price / k), (f"{way}, with failures", k, costs.cost(price, share, revenue * k) / k)]
    frame = pd.DataFrame(rows, columns=["way", "capacity", "cost"])
    last = frame[frame["capacity"] == sizes[-1]].set_index("way")["cost"]
    up, out = (number(last[f"{way}, with failures"]) for way in ("up", "out"))
    chart = charts.lines(
        frame, x="capacity", y="cost", by="way", title="What a unit of capacity costs", log_x=True,
        x_title="capacity (small machines)", y_title="cost of a unit an hour",
    )  # fmt: skip
    return chart, f"At {sizes[-1]} times the capacity a unit costs {up} an hour scaled up, {out} scaled out."
