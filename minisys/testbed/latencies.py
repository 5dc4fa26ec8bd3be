"""Charts of how long requests take: latency against percentile, and how latencies spread.

A mean of 80 ms says nothing about the user who waited three seconds. These pictures stretch the tail, where the users
are who complain. Promised: percentiles with fewer than ten requests above them are left out. Not promised: a look at
raw requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from minisys.testbed import marks, words
from minisys.testbed.marks import Axes, Legend, banded, number
from minisys.testbed.trace import Trace

PERCENTILES = (50, 60, 70, 80, 85, 90, 93, 95, 97, 98, 99, 99.3, 99.5, 99.7, 99.8, 99.9)
TAIL_LABEL = "datum.value < 0.5 ? '50 %' : datum.value < 1.5 ? '90 %' : datum.value < 2.5 ? '99 %' : '99.9 %'"


def percentile_curve(
    runs: Mapping[str, Trace | Sequence[Trace]],
    *,
    title: str,
    prediction: float | None = None,
    log_y: bool = True,
    y_title: str = "latency (s)",
    description: str | None = None,
) -> alt.LayerChart:
    """Latency against percentile, 50 to 99.9, with the tail stretched: one line for each name in *runs*.

    A value of *runs* is a trace or a list of traces (seeds: 99 % band). Percentiles with fewer than ten requests above
    them are left out. *prediction* in seconds is the reader's p99. Raises ValueError if nothing was answered.
    """
    raw = _tails(runs)
    frame = banded(raw, "tail", "latency_s", "kind")
    places = marks.axes("tail", "latency_s", {"log_y": log_y, "y_title": y_title})
    axis = alt.Axis(values=[float(-np.log10(0.5)), 1, 2, 3], labelExpr=TAIL_LABEL, grid=True)
    scale = alt.Scale(domain=[0.28, max(2.05, float(raw["tail"].max()) + 0.08)], nice=False)
    places["x"] = alt.X("tail:Q", title="percentile of requests", axis=axis, scale=scale)
    if log_y:  # whole powers of ten, so that the axis stands still while a slider moves the lines
        places["y"].scale = alt.Scale(type="log", domain=_decades(frame["latency_s"]), nice=False)
    layers = marks.lines(marks.positive(frame, "latency_s") if log_y else frame, places)
    if prediction is not None:
        layers += marks.prediction("tail", "latency_s", (2.0, prediction), places, left=True)
    return alt.layer(*layers, title=title, description=description or f"{title}. {words.of_tail(raw)}")


def distribution(
    runs: Mapping[str, Trace | Sequence[Trace]], *, title: str, bins: int = 60, description: str | None = None
) -> alt.LayerChart:
    """How latencies spread: the share of requests per bin of a logarithmic axis, one stepped line for each name.

    Raises ValueError if no request of *runs* was answered.
    """
    found = {name: np.concatenate([_answered(trace) for trace in _many(value)]) for name, value in runs.items()}
    everything = np.concatenate([np.array([]), *found.values()])
    if not len(everything):
        raise ValueError("no request was answered, so there is no latency to draw")
    edges = np.geomspace(max(np.quantile(everything, 0.002), 1e-6), everything.max() * 1.001, bins + 1)
    found = {name: values.clip(edges[0]) for name, values in found.items()}  # the few faster ones join the first bin
    parts = [
        pd.DataFrame({"latency_s": edges[:-1], "share": 100 * np.histogram(v, edges)[0] / max(len(v), 1), "kind": name})
        for name, v in found.items()
    ]
    said: Axes = {"log_x": True, "y_title": "share of requests (%)"}
    frame = banded(pd.concat(parts), "latency_s", "share", "kind")
    chart = marks.line(
        alt.Chart(frame),
        Legend(list(found), shows="lines"),
        marks.axes("latency_s", "share", said),
        interpolate="step-after",
    )
    half = "; ".join(
        f"{name}: half of the requests took at most {number(float(np.median(v)))} s" for name, v in found.items()
    )
    return alt.layer(chart, title=title, description=description or f"{title}. {half}.")


def _tails(runs: Mapping[str, Trace | Sequence[Trace]]) -> pd.DataFrame:
    """Rows (kind, tail, latency_s, seed); tail = -log10 of the share of slower requests."""
    rows = []
    for name, value in runs.items():
        for seed, trace in enumerate(_many(value)):
            ok = _answered(trace)
            asked = [q for q in PERCENTILES if len(ok) * (100 - q) >= 999.99 or (q == 50 and len(ok))]
            found = np.percentile(ok, asked) if asked else []
            rows += [
                (name, round(-np.log10(1 - q / 100), 6), float(v), seed) for q, v in zip(asked, found, strict=True)
            ]
    if not rows:
        raise ValueError("no request was answered, so there is no latency to draw")
    return pd.DataFrame(rows, columns=["kind", "tail", "latency_s", "seed"])


def _decades(values: pd.Series) -> list[float]:
    """The powers of ten below and above positive *values*."""
    return [10.0 ** math.floor(math.log10(values.min())), 10.0 ** math.ceil(math.log10(values.max()))]


def _many(runs: Trace | Sequence[Trace]) -> list[Trace]:
    return [runs] if isinstance(runs, Trace) else list(runs)


def _answered(trace: Trace) -> np.ndarray:
    """Latencies of the requests that were answered, in seconds."""
    latency = np.asarray(trace.latency_s, dtype=float)
    return latency[np.isfinite(latency)]
