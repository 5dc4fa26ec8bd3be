"""Where a backend's slowest 1 % leave the objective: the knee in formula and simulation, with room for measured points.

"How many requests a second can it take?" has no answer before somebody says how slow is too slow. With an objective
there is one rate, and shortly after it a cliff.

Promised: figures computed or simulated when the cell runs. A live run is short, so the simulation here runs as short,
many times, and its band says how far one such run may lie from the long run. Measuring is done in `measured`.
"""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.scaling import draw, model, theory
from minisys.scaling.theory import ONE_QUEUE, SHAPES
from minisys.testbed import charts, queueing
from minisys.testbed.marks import Axes
from minisys.testbed.workload import Workload

WORKERS, SERVICE_S, SLO_S, FOR_S = 8, 0.025, 0.25, 1.8  # the backend whose knee is measured, and how long at each load
LOADS = (0.5, 0.9, 1.2)  # the last one is more than it can do
CAPACITY_PER_S = WORKERS / SERVICE_S


def live_run(load: float, seed: int) -> Workload:
    """One short run against the backend, at a *load* of its capacity."""
    return model.short_run(load * CAPACITY_PER_S, SERVICE_S, WORKERS, seed, FOR_S)


def live_run_simulated(load: float, seed: int) -> float:
    """p99 in seconds of one such run in the model."""
    run = model.simulate(ONE_QUEUE, live_run(load, seed), WORKERS)
    return model.after_the_crowd(run).percentile(99)


@lru_cache
def short_runs() -> pd.DataFrame:
    """100 short runs at each load: the mean of their p99, and the band (low, high) that holds 99 % of the runs."""
    rows = []
    for load in (0.5, 0.7, 0.8, 0.9, 0.95, 1.05, 1.2):
        tails = [live_run_simulated(load, seed) for seed in range(100, 200)]
        rows.append((load * CAPACITY_PER_S, float(np.mean(tails)), *np.quantile(tails, (0.005, 0.995))))
    return pd.DataFrame(rows, columns=["rate_per_s", "p99_s", "low", "high"])


def predicted() -> float:
    """The knee of the backend by the formula, in requests a second."""
    return theory.knee(ONE_QUEUE, SERVICE_S, WORKERS, SLO_S)


def worlds(measured: pd.DataFrame | None = None, prediction: object = None) -> alt.LayerChart:
    """p99 against rate of one backend: formula, 100 short simulated runs at each rate, *measured* processes.

    *measured* has the columns rate_per_s and p99_s. *prediction*: the reader's rate at which the objective breaks, or
    None. The objective and the formula's knee are marked.
    """
    rates = CAPACITY_PER_S * np.arange(0.3, 0.981, 0.02)
    exact = [queueing.mmc_percentile(rate, SERVICE_S, WORKERS, 99) for rate in rates.tolist()]
    said: Axes = {"log_y": True, "x_title": "requests a second", "y_title": "99th percentile (s)"}
    chart = charts.three_worlds(
        predicted=pd.DataFrame({"rate_per_s": rates, "p99_s": exact}),
        simulated=short_runs(),
        measured=None if measured is None else measured[["rate_per_s", "p99_s"]],
        x="rate_per_s",
        y="p99_s",
        title=f"The knee of one backend with {WORKERS} workers, {1000 * SERVICE_S:.0f} ms a request",
        **said,
    )
    guess = (float(prediction), SLO_S) if isinstance(prediction, int | float) else None
    at = predicted()
    rules: list[draw.Rule] = [("y", SLO_S, f"objective: {1000 * SLO_S:.0f} ms"), ("x", at, f"knee: {at:.0f}")]
    return draw.with_rules(chart, "rate_per_s", "p99_s", rules, guess, **said)


def by_shape(slo_s: float = 0.5, k: int = 8, service_s: float = 0.05) -> alt.LayerChart:
    """The highest rate that keeps p99 under *slo_s* seconds, in the three shapes: formula, and five seeds."""
    rows = []
    for shape in SHAPES:
        rows.append((shape, "formula", theory.knee(shape, service_s, k, slo_s)))
        rows += [(shape, "simulation", rate) for rate in model.knee(shape, service_s, k, slo_s)["rate_per_s"]]
    return charts.dots(
        pd.DataFrame(rows, columns=["shape", "world", "rate_per_s"]),
        x="rate_per_s",
        y="shape",
        by="world",
        title=f"The rate that {k} times the capacity carries with p99 under {1000 * slo_s:.0f} ms",
        x_title="requests a second",
        sort=False,
    )
