"""One kind of chart for this room: formulas as lines, runs as points, what is allowed as a band, limits as rules.

"Is the simulation on the line?" can be answered at a glance if a line is always a formula and a point always something
that ran. Nothing here computes: it draws frames with the columns x, y and kind, with the bench's marks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import altair as alt
import numpy as np
import pandas as pd

from minisys.scaling.theory import SHAPES
from minisys.testbed import charts, marks, style, words
from minisys.testbed.marks import Axes, Legend, banded, titled
from minisys.testbed.trace import Trace

style.keep(SHAPES)
Rule = tuple[str, float, str]  # "x" or "y", where, and the word beside it


def layers(
    *, x: str, y: str, title: str, lines: pd.DataFrame | None = None, points: pd.DataFrame | None = None,
    band: pd.DataFrame | None = None, rules: Sequence[Rule] = (), under: str = "", across: alt.X | None = None,
    zero: bool = False, **said: Unpack[Axes],
) -> alt.LayerChart:  # fmt: skip
    """A chart of *lines* (formulas), *points* (runs; several of one x become their 99 % interval), a *band*, *rules*.

    Frames have the columns *x*, *y* (the band low and high instead) and kind. *under* is a line below the title,
    *across* an x axis of another kind; *zero*: the y axis begins there. Raises ValueError if there is nothing to draw.
    """
    if lines is None and points is None:
        raise ValueError("there is nothing to draw: give lines or points")
    dots = None if points is None else banded(points, x, y, "kind")
    frames = [frame for frame in (band, lines, dots) if frame is not None]
    names = list(dict.fromkeys(name for frame in reversed(frames) for name in frame["kind"]))
    legend, places = _legend(names, lines, dots), marks.axes(x, y, said, zero=zero)
    places |= {"x": across} if across is not None else {}
    made = [] if band is None else [marks.band(alt.Chart(band), legend, places)]
    made += [] if lines is None else [marks.line(alt.Chart(lines), legend, places)]
    if dots is not None:
        spread = [marks.error_bars(alt.Chart(dots), legend, places)] if (dots["low"] < dots["high"]).any() else []
        made += [*spread, marks.points(alt.Chart(dots), legend, places, 60, stroke="white", strokeWidth=0.6)]
    made += [layer for rule in rules for layer in _rule(rule, places)]
    heading = alt.TitleParams(title, subtitle=under) if under else title
    found = said.get("description") or described(title, frames[-1], x, y, rules, said)
    return alt.layer(*made, title=heading, description=found)


def _legend(names: list[str], lines: pd.DataFrame | None, dots: pd.DataFrame | None) -> Legend:
    """Shapes where there are points of every kind, dashes where there are none, each its own where they differ."""
    if lines is None or dots is None or set(lines["kind"]) & set(dots["kind"]):
        return Legend(names, shows="lines" if dots is None else "points")
    legend, drawn = Legend(names, shows="both"), set(lines["kind"])
    shapes = ["stroke" if name in drawn else look.shape for name, look in zip(names, style.looks(names), strict=True)]
    dashes = [
        list(look.dash) if name in drawn else [1, 0] for name, look in zip(names, style.looks(names), strict=True)
    ]
    legend.shape = legend.shape.scale(domain=names, range=shapes)
    legend.dash = legend.dash.scale(domain=names, range=dashes)
    return legend


def described(title: str, frame: pd.DataFrame, x: str, y: str, rules: Sequence[Rule], said: Axes) -> str:
    """The alternative text: the title, where each line starts and ends, and the rules."""
    ends = words.of_lines(frame, x, y, said.get("x_title", titled(x)), said.get("y_title", titled(y)))
    return " ".join([f"{title}.", ends, *(f"Marked: {word}." for _, _, word in rules if word)])


def stacked(frame: pd.DataFrame, *, x: str, y: str, title: str, **said: Unpack[Axes]) -> alt.LayerChart:
    """Bars of *y* for each *x*, stacked from the parts in column kind, the first one at the bottom."""
    names = list(dict.fromkeys(frame["kind"]))
    legend, places = Legend(names), marks.axes(x, y, said, zero=True)
    order = frame.assign(place=frame["kind"].map({name: at for at, name in enumerate(names)}))
    across = alt.X(f"{x}:O", title=said.get("x_title", titled(x)), axis=alt.Axis(labelAngle=0))
    bars = alt.Chart(order).mark_bar(stroke="white", strokeWidth=0.6)
    bars = bars.encode(across, places["y"].stack("zero"), legend.color, alt.Order("place:Q"))
    found = described(title, frame, x, y, (), said)
    return alt.layer(bars, title=title, description=said.get("description", found)).properties(width=style.WIDTH)


def percentiles(runs: Mapping[str, Trace]) -> tuple[pd.DataFrame, alt.X]:
    """Latency at each percentile of *runs*, columns tail, latency_s and kind, and the bench's axis for it.

    `charts.percentile_curve` draws more and takes 15 ms longer, which a slider would show.
    """
    tail = [round(-math.log10(1 - q / 100), 6) for q in charts.PERCENTILES]
    frames = [
        pd.DataFrame({"tail": tail, "latency_s": np.percentile(trace.latency_s.to_numpy(), charts.PERCENTILES)})
        for trace in runs.values()
    ]
    made = pd.concat([frame.assign(kind=name) for name, frame in zip(runs, frames, strict=True)])
    axis = alt.Axis(values=[tail[0], 1, 2, 3], labelExpr=charts.TAIL_LABEL, grid=True)
    scale = alt.Scale(domain=[0.28, 3.08], nice=False)
    return made, alt.X("tail:Q", title="percentile of requests", axis=axis, scale=scale)


def with_rules(
    chart: alt.LayerChart, x: str, y: str, rules: Sequence[Rule], guess: tuple[float, float] | None = None,
    **said: Unpack[Axes],
) -> alt.LayerChart:  # fmt: skip
    """*chart*, whose axes are *x* and *y* as *said*, with *rules* over it; its title and description stay.

    *guess* is the reader's predicted (x, y), of which the x is written.
    """
    places = marks.axes(x, y, said)
    over = [layer for rule in rules for layer in _rule(rule, places)]
    over += [] if guess is None else _guess(guess, x, y, places)
    return alt.layer(*chart.layer, *over, data=chart.data, title=chart.title, description=chart.description)


def _rule(rule: Rule, places: dict[str, Any]) -> list[alt.Chart]:
    """A dashed line across the plot and its word at the end."""
    axis, at, word = rule
    place, ink = places[axis], style.PALETTE["ink"]
    base = alt.Chart(pd.DataFrame({place.shorthand.split(":")[0]: [at], "says": [word]}))
    line = base.mark_rule(strokeDash=[3, 3], strokeWidth=1.2, color=ink).encode(place)
    text: dict[str, Any] = {"align": "left", "fontSize": 12, "fontWeight": 500, "color": ink, "dx": 4}
    text |= {"baseline": "bottom", "dy": -3} if axis == "y" else {"baseline": "top", "dy": 2}
    edge = alt.XValue(0) if axis == "y" else alt.YValue(0)
    return [line, base.mark_text(**text).encode(place, edge, alt.Text("says:N"))]  # words would cost 5 ms a move


def _guess(at: tuple[float, float], x: str, y: str, places: dict[str, Any]) -> list[alt.Chart]:
    """The bench's purple triangle, with the value of x under it."""
    mark, text = marks.prediction(x, y, at, places)
    says = pd.DataFrame({x: [at[0]], y: [at[1]], "says": [f"your prediction: {marks.number(at[0])}"]})
    text.data, text.mark = says, alt.MarkDef("text", dy=18, fontSize=12, fontWeight=600, color=text.mark.color)
    return [mark, text]
