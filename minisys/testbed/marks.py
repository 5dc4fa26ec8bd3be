"""The pieces every chart is made of: bands over seeds, axes with units, one look for one name.

Five runs with five seeds are not five lines but one line and what is known about it. `banded` makes that of any frame;
the rest turns it into layers that look alike in all charts. Nothing here knows a concept or a trace.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

import altair as alt
import pandas as pd
from scipy.special import stdtrit  # Student's t quantile; scipy.stats would take a second to import

from minisys.testbed import style

CONFIDENCE = 0.99
UNITS = {"_per_s": "per second", "_s": "s", "_ms": "ms", "_bytes": "bytes", "_percent": "%", "_mb": "MB"}


class Axes(TypedDict, total=False):
    """What may be said about a chart's axes: titles, whether they are logarithmic, y from 0, the alternative text."""

    x_title: str
    y_title: str
    log_x: bool
    log_y: bool
    from_zero: bool
    description: str


def number(value: float) -> str:
    """A number as a label: three significant digits, thousands with a comma, never an exponent below a million."""
    if not math.isfinite(value):
        return "none"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value + 0.0:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.2e}"  # + 0.0: never "-0"


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best: "450 ms", "12.3 s", "52.6 min", "3.65 days"."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{1e6 * seconds:.3g} µs" if seconds else "0 s"


def titled(column: str) -> str:
    """An axis title from a column's name: "p99_s" becomes "p99 (s)", "rate_per_s" becomes "rate (per second)"."""
    for ending, unit in UNITS.items():
        if column.endswith(ending) and column != ending:
            return f"{column[: -len(ending)].replace('_', ' ')} ({unit})"
    return column.replace("_", " ")


def banded(frame: pd.DataFrame, x: str, y: str, by: str | None = None) -> pd.DataFrame:
    """One row for each *x* (and value of *by*) with columns x, y, low, high and kind.

    Several rows for the same x are runs: y is their mean, low and high its 99 % interval (Student's t). Columns `low`
    and `high` of the frame are kept when there. Raises ValueError if a column is missing.
    """
    missing = [name for name in (x, y, by) if name and name not in frame]
    if missing:
        raise ValueError(f"the frame has no column {missing[0]!r}; it has {', '.join(map(str, frame.columns))}")
    made = frame.assign(kind=frame[by].astype(str) if by else "")
    if {"low", "high"} <= set(frame):
        return made[[x, y, "low", "high", "kind"]].reset_index(drop=True)
    if not made.duplicated(["kind", x]).any():  # one run each: nothing to average
        return made.assign(low=made[y], high=made[y])[[x, y, "low", "high", "kind"]].reset_index(drop=True)
    groups = made.groupby(["kind", x], sort=False, observed=True)[y]
    out = groups.mean().to_frame(y)
    count, spread = groups.count(), groups.std().fillna(0.0)
    half = stdtrit((count - 1).clip(lower=1), 0.5 + CONFIDENCE / 2) * spread / count.clip(lower=1) ** 0.5
    return out.assign(low=out[y] - half, high=out[y] + half).reset_index()[[x, y, "low", "high", "kind"]]


def positive(frame: pd.DataFrame, y: str) -> pd.DataFrame:
    """For a logarithmic axis: rows above zero, the band cut off at a tenth of its middle."""
    kept = frame[frame[y] > 0]
    return kept.assign(low=kept["low"].clip(lower=kept[y] / 10))


class Legend:
    """Colour, shape and dash of *names*, in that order, as encodings that share one legend.

    *shows* says what the legend's symbols look like: "points" (shapes), "lines" (dashes), "both" or "nothing"; *offset*
    is its distance from the plot in pixels. Raises ValueError above eight names.
    """

    def __init__(self, names: Sequence[str], *, shows: str = "points", offset: int = 8) -> None:
        self.names = list(names)
        looks = style.looks(self.names)
        ask: dict[str, Any] = {"symbolOpacity": 1, "offset": offset}
        if shows == "lines":
            ask |= {"symbolType": "stroke", "symbolSize": 330}
        elif shows == "points":
            ask |= {"symbolStrokeWidth": 0}  # otherwise the line's dash cuts into it
        box = None if shows == "nothing" else alt.Legend(**ask)

        def scale(values: list[Any]) -> alt.Scale:
            return alt.Scale(domain=self.names, range=values)

        self.color = alt.Color("kind:N", scale=scale([look.colour for look in looks]), legend=box)
        bare = "triangle-right" if shows == "points" else "stroke"  # a filled point of a line alone would be invisible
        shapes = scale([bare if look.shape == "stroke" else look.shape for look in looks])
        dashes = scale([list(look.dash) for look in looks])
        self.shape = alt.Shape("kind:N", scale=shapes, legend=None if shows == "lines" else box)
        self.dash = alt.StrokeDash("kind:N", scale=dashes, legend=None if shows == "points" else box)


def axes(x: str, y: str, said: Axes, *, zero: bool = False) -> dict[str, Any]:
    """The x and y encodings of a chart, with titles and scales as *said*."""
    log_x, log_y = said.get("log_x", False), said.get("log_y", False)
    x_scale = alt.Scale(type="log", nice=False) if log_x else alt.Scale(zero=False, nice=False)
    y_scale = (
        alt.Scale(type="log", nice=False, padding=12)
        if log_y
        else alt.Scale(zero=said.get("from_zero", zero), nice=True)
    )
    few = alt.Axis(tickCount=8), alt.Axis(tickCount=6)
    return {
        "x": alt.X(f"{x}:Q", title=said.get("x_title", titled(x)), scale=x_scale, axis=few[0]),
        "y": alt.Y(f"{y}:Q", title=said.get("y_title", titled(y)), scale=y_scale, axis=few[1]),
    }


def counted(places: dict[str, Any], values: Iterable[float]) -> dict[str, Any]:
    """*places* with a tick at each whole number that occurs, if x counts things (two copies, three; never 2.5)."""
    found = sorted(set(values))
    if len(found) <= 12 and all(value == int(value) for value in found):
        places["x"].axis = alt.Axis(values=found, format="d")
    return places


def moved(place: Any, column: str) -> Any:
    """The same axis, title and scale for another *column*."""
    made = place.copy(deep=False)  # the parts are only read
    made.shorthand = column
    return made


def band(base: alt.Chart, legend: Legend, places: dict[str, Any]) -> alt.Chart:
    """The pale area between the columns low and high."""
    return base.mark_area(opacity=0.2).encode(
        x=places["x"], y=moved(places["y"], "low:Q"), y2=alt.Y2("high:Q"), color=legend.color
    )


def line(base: alt.Chart, legend: Legend, places: dict[str, Any], **mark: Any) -> alt.Chart:
    """A line in the colour and dash of its kind."""
    return base.mark_line(strokeWidth=2.2, **mark).encode(**places, color=legend.color, strokeDash=legend.dash)


def points(base: alt.Chart, legend: Legend, places: dict[str, Any], size: int = 55, **mark: Any) -> alt.Chart:
    """Points in the colour and shape of their kind."""
    made = base.mark_point(filled=True, size=size, opacity=1, **mark)
    return made.encode(**places, color=legend.color, shape=legend.shape)


def lines(made: pd.DataFrame, places: dict[str, Any]) -> list[alt.Chart]:
    """Bands, lines and, while there are few of them, points."""
    few = made.groupby("kind").size().max() <= 25
    legend, base = Legend(made["kind"].unique().tolist(), shows="points" if few else "lines"), alt.Chart(made)
    layers = [band(base, legend, places), line(base, legend, places)]
    return [*layers, points(base, legend, places)] if few else layers


def error_bars(base: alt.Chart, legend: Legend, places: dict[str, Any]) -> alt.Chart:
    """A vertical rule from low to high."""
    return base.mark_rule(strokeWidth=1.6).encode(
        x=places["x"], y=moved(places["y"], "low:Q"), y2=alt.Y2("high:Q"), color=legend.color
    )


def prediction(
    x: str, y: str, at: tuple[float, float], places: dict[str, Any], *, left: bool = False
) -> list[alt.Chart]:
    """The reader's prediction: a purple triangle with its value beside it, on the *left* near the right edge."""
    look = style.WORLDS["your prediction"]
    base = alt.Chart(pd.DataFrame({x: [at[0]], y: [at[1]], "says": [f"your prediction: {number(at[1])}"]}))
    mark = base.mark_point(filled=True, shape=look.shape, size=150, color=look.colour, stroke=look.edge, opacity=1)
    side: dict[str, Any] = {"align": "right", "dx": -11} if left else {"align": "left", "dx": 11}
    text = base.mark_text(fontSize=12, fontWeight=600, color=look.edge, **side).encode(text=alt.Text("says:N"))
    return [mark.encode(**places), text.encode(**places)]


class Events:
    """Vertical rules at moments of interest ("kill b"), each with its word above the plot.

    *marks* maps seconds to a word, *span_s* is the length of the x axis in seconds. A word too near to the one before
    moves one row up; *offset* is the room in pixels that the legend leaves for the words.
    """

    def __init__(self, marks: Mapping[float, str] | None, x: str, span_s: float) -> None:
        self.x = x
        self.rows: list[dict[str, Any]] = []
        for at, word in sorted((marks or {}).items()):
            before = self.rows[-1] if self.rows else None
            crowded = before and (at - before[x]) / max(span_s, 1e-9) < (len(before["says"]) + 2) * 0.0105
            self.rows.append({x: at, "says": word, "row": before["row"] + 1 if before and crowded else 0})
        self.offset = 8 + 16 * (1 + max(row["row"] for row in self.rows)) if self.rows else 8

    def layers(self, places: dict[str, Any]) -> list[alt.Chart]:
        """The rules and words, to lay over a chart with these *places*."""
        if not self.rows:
            return []
        ink = style.PALETTE["ink"]
        base = alt.Chart(pd.DataFrame(self.rows))
        made = [base.mark_rule(strokeDash=[3, 3], strokeWidth=1.2, color=ink).encode(x=places["x"])]
        for row in sorted({r["row"] for r in self.rows}):
            text = base.transform_filter(f"datum.row == {row}").mark_text(
                align="left", baseline="bottom", dx=-3, fontSize=12, fontWeight=500, color=ink
            )
            made.append(text.encode(x=places["x"], y=alt.YValue(-4 - 15 * row), text=alt.Text("says:N")))
        return made
