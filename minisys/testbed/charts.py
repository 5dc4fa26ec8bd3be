"""One function per kind of chart, so that the tenth chart reads like the first.

Three policies, five seeds, a formula and a measurement: which differences are real? Every function here takes traces
or a small frame and returns an Altair chart with the same marks for the same things: predicted = dashed dark line,
simulated = blue line and band (99 % over seeds), measured = orange diamonds, the reader's prediction = purple triangle.

Promised: titled axes with units (from the column's name: "p99_s" becomes "p99 (s)"), colour *and* shape or dash, a
description (alternative text) computed from the data, aggregated rows. Not promised: a look at raw requests.
Every function takes `title=` and, where they make sense, x_title=, y_title=, log_x=, log_y= and description=.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import altair as alt
import pandas as pd

from minisys.testbed import marks, picture, style, words
from minisys.testbed.latencies import PERCENTILES, TAIL_LABEL, distribution, percentile_curve
from minisys.testbed.marks import Axes, Legend, banded, number, titled
from minisys.testbed.tables import table
from minisys.testbed.timelines import by_server, over_time, queue_lengths

__all__ = [
    "PERCENTILES", "TAIL_LABEL", "by_server", "distribution", "dots", "heat", "lines", "over_time", "percentile_curve",
    "picture", "queue_lengths", "table", "three_worlds",
]  # fmt: skip


def three_worlds(
    *,
    predicted: pd.DataFrame | None = None,
    simulated: pd.DataFrame | None = None,
    measured: pd.DataFrame | None = None,
    x: str,
    y: str,
    title: str,
    prediction: tuple[float, float | None] | None = None,
    **said: Unpack[Axes],
) -> alt.LayerChart:
    """Theory, simulation and measurement of the same thing on one chart.

    Each frame has columns *x* and *y*; *simulated* and *measured* may have several rows per x (seeds: drawn with their
    99 % interval) or columns `low` and `high`. *prediction* is the reader's (x, y); y None draws nothing.
    Raises ValueError if no world is given, or a frame lacks a column.
    """
    given = {"predicted": predicted, "simulated": simulated, "measured": measured}
    worlds = {
        name: banded(frame.assign(world=name), x, y, "world") for name, frame in given.items() if frame is not None
    }
    if not worlds:
        raise ValueError("three_worlds needs at least one of predicted, simulated and measured")
    if said.get("log_y"):
        worlds = {name: marks.positive(frame, y) for name, frame in worlds.items()}
    legend = Legend(list(worlds), shows="both")
    places = marks.counted(marks.axes(x, y, said), (at for frame in worlds.values() for at in frame[x]))
    layers = [layer for name, frame in worlds.items() for layer in _world(name, alt.Chart(frame), legend, places)]
    if prediction is not None and prediction[1] is not None:
        left = prediction[0] > (min(f[x].min() for f in worlds.values()) + max(f[x].max() for f in worlds.values())) / 2
        layers += marks.prediction(x, y, (prediction[0], prediction[1]), places, left=bool(left))
    found = words.of_worlds(worlds, x, y, said.get("x_title", titled(x)), said.get("y_title", titled(y)))
    return alt.layer(*layers, title=title, description=said.get("description", f"{title}. {found}"))


def lines(frame: pd.DataFrame, *, x: str, y: str, by: str, title: str, **said: Unpack[Axes]) -> alt.LayerChart:
    """One line for each value of column *by*; several rows per x and line (seeds) become a 99 % band.

    Columns `low` and `high` are the band when there. Raises ValueError above eight lines or without a column.
    """
    made = banded(frame, x, y, by)
    made = marks.positive(made, y) if said.get("log_y") else made
    layers = marks.lines(made, marks.counted(marks.axes(x, y, said), made[x]))
    found = words.of_lines(made, x, y, said.get("x_title", titled(x)), said.get("y_title", titled(y)))
    return alt.layer(*layers, title=title, description=said.get("description", f"{title}. {found}"))


def dots(
    frame: pd.DataFrame, *, x: str, y: str, title: str, by: str | None = None, sort: bool = True,
    written: Callable[[float], str] = number, **said: Unpack[Axes],
) -> alt.LayerChart:  # fmt: skip
    """A dot and its interval for each value of column *y* (a policy, a product), instead of a bar from zero.

    Several rows per *y* (seeds) become the 99 % interval, or columns `low` and `high` are used. *by* splits a row into
    coloured and shaped dots (worlds keep their look). The smallest is on top unless *sort* is False. *written*
    makes the label of a dot from its value.
    """
    made = banded(frame, y, x, by)
    made = made.assign(says=made[x].map(written), **{y: made[y].astype(str)})
    names = made["kind"].unique().tolist()
    legend, places = Legend(names, shows="points" if by else "nothing"), marks.axes(x, y, said)
    order = made.groupby(y, sort=False)[x].min()
    order = order.sort_values(kind="stable") if sort else order
    label = alt.Axis(labelLimit=220, grid=True)
    places["x"].scale = alt.Scale(type="log" if said.get("log_x") else "linear", zero=False, padding=14)
    places["y"] = alt.Y(f"{y}:N", sort=list(order.index), title=said.get("y_title"), axis=label)
    if by:
        places["yOffset"] = alt.YOffset("kind:N", sort=names)
    base = alt.Chart(made)
    layers = [_interval(base, legend, places), marks.points(base, legend, places, size=95), _numbers(base, places)]
    found = words.of_dots(made, x, y, said.get("x_title", titled(x)))
    made_of = alt.layer(*layers).properties(title=title, height=alt.Step(30 if by else 44))
    return made_of.properties(description=said.get("description", f"{title}. {found}"))


def heat(frame: pd.DataFrame, *, x: str, y: str, value: str, title: str, **said: Unpack[Axes]) -> alt.LayerChart:
    """A table of numbers, the size of each also shown as the darkness of its cell; the number is always written.

    One row of *frame* per cell. Raises ValueError if two rows meet in one cell.
    """
    if frame.duplicated([x, y]).any():
        raise ValueError(f"two rows of the frame meet in one cell of {x} and {y}; aggregate first")
    cells = sorted(frame.astype(object).to_dict("records"), key=lambda cell: cell[value])
    low, high = cells[0], cells[-1]
    base = alt.Chart(frame.assign(says=frame[value].map(number))).encode(
        x=alt.X(f"{x}:O", title=said.get("x_title", titled(x)), axis=alt.Axis(labelAngle=0), sort=None),
        y=alt.Y(f"{y}:O", title=said.get("y_title", titled(y)), sort=None),
    )
    dark = f"datum['{value}'] > {float(low[value] + high[value]) / 2:.4g}"
    ink = alt.condition(dark, alt.value("white"), alt.value(style.PALETTE["ink"]))
    boxes = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color(f"{value}:Q", scale=alt.Scale(scheme="blues"), legend=None)
    )
    ends = [f"{number(row[value])} (at {titled(x)} {row[x]}, {titled(y)} {row[y]})" for row in (low, high)]
    found = f"{title}. {titled(value)} runs from {ends[0]} to {ends[1]}."
    chart = alt.layer(boxes, base.mark_text(fontSize=12).encode(text=alt.Text("says:N"), color=ink))
    return chart.properties(
        title=title, description=said.get("description", found), height=alt.Step(34), width=alt.Step(86)
    )


def _world(name: str, base: alt.Chart, legend: Legend, places: dict[str, Any]) -> list[alt.Chart]:
    """The layers of one world: a dashed line, a band with its line, or points with error bars."""
    if name == "predicted":
        return [marks.line(base, legend, places)]
    if name == "simulated":
        return [
            marks.band(base, legend, places),
            marks.line(base, legend, places),
            marks.points(base, legend, places, 28),
        ]
    edge = style.WORLDS["measured"].edge
    return [
        marks.error_bars(base, legend, places),
        marks.points(base, legend, places, 110, stroke=edge, strokeWidth=1.2),
    ]


def _interval(base: alt.Chart, legend: Legend, places: dict[str, Any]) -> alt.Chart:
    low = places | {"x": marks.moved(places["x"], "low:Q")}
    return base.mark_rule(strokeWidth=3, opacity=0.45).encode(**low, x2=alt.X2("high:Q"), color=legend.color)


def _numbers(base: alt.Chart, places: dict[str, Any]) -> alt.Chart:
    text = base.mark_text(dy=-13, fontSize=style.SIZES["small"], color=style.PALETTE["ink"])
    return text.encode(**places, text=alt.Text("says:N"))
