"""A run of a design, played on its picture: sampled requests travel along the arrows while faults come and go.

"p99 is 1.8 s" does not say where. A dot that stands in front of the database for a second, and the next, and the next,
does. Each dot is one of the requests of which the run kept everything (`Run.spans`).

Promised: a dot is where its request was, in the order and in the shares of time that the run recorded; its outcome has
the course's colour and shape; queues, rates and faults are those of the moment; all of it works by keyboard; `static()`
is its printed twin. Not promised: real speed. A request of 30 ms would be a flash, so each journey begins when it began
and takes a second or so of watching; one four times as long takes twice as long.
"""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from minisys.design.draw import WIDEST, as_png
from minisys.design.draw_svg import svg
from minisys.design.layout import BOX, HEIGHT, Layout, along, layout
from minisys.design.parts import Design
from minisys.design.words import of_design, rate, time
from minisys.testbed import style
from minisys.testbed.scripts import program
from minisys.testbed.trace import OUTCOMES

MOST = 2_000  # spans that are played
USUAL_S, SHORTEST_S, LONGEST_S = 1.6, 0.6, 6.0  # seconds of watching: of a middling journey, and at least, at most
MOMENTS = 160


class Film(anywidget.AnyWidget):
    """The film as a widget; `film()` makes it. `static()` is its printed twin: the picture with the run's figures."""

    _esm = program(Path(__file__).with_name("film.js"), player=True)
    _css = style.css()
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, design: Design, run: Any, watch_s: float) -> None:
        self.design, self.run = design, run
        self.words = _words(design, run)
        super().__init__(data=_data(design, run, watch_s) | {"words": self.words})

    def static(self) -> str:
        """The picture of the whole run as SVG."""
        return svg(self.design, self.run)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown, how = super()._repr_mimebundle_(**kwargs) or ({}, {})
        data, width, height = as_png(self.static(), 2.0)
        fit = min(1.0, WIDEST / width)
        shown |= {"image/png": base64.b64encode(data).decode(), "text/plain": self.words}
        size = {"width": round(width * fit), "height": round(height * fit), "alt": self.words}
        return shown, how | {"image/png": size}


def film(design: Design, run: Any, *, watch_s: float = 40.0) -> Film:
    """The *run* of *design* as a film of *watch_s* seconds at speed 1.

    Raises ValueError if the run is one of another design, or watch_s is not above 0.
    """
    if not 0 < watch_s < math.inf:
        raise ValueError(f"watch_s must be above 0 seconds, got {watch_s!r}")
    if run.design != design:
        raise ValueError(f"the run is one of {run.design.name!r} as it was then; run {design.name!r} again")
    return Film(design, run, watch_s)


def journeys(spans: pd.DataFrame, seconds_a_second: float) -> pd.DataFrame:
    """*spans* of at most MOST rows, whole requests evenly chosen, with their times in seconds of the film.

    Columns as in Run.spans; *seconds_a_second*: seconds of the run in a second of watching. A span without an end gets
    that of its request; one without a moment in between gets the moment before.
    """
    rows = spans.reset_index(drop=True)
    whole = rows["request"].unique()
    if len(rows) > MOST:
        keep = whole[:: math.ceil(len(rows) / MOST)]
        rows = rows[rows["request"].isin(keep)]
    rows = rows.copy()
    times = ["begin_s", "reached_s", "began_s", "done_s", "end_s"]
    first = rows.groupby("request")["begin_s"].transform("min")
    last = rows[times].max(axis=1).groupby(rows["request"]).transform("max")
    last = last.where(last > first, first + 1e-9)  # one that failed at once has a way there and back, too
    rows["end_s"] = rows["end_s"].fillna(last).where(rows["end_s"] > first, first + 1e-9)
    rows[times] = rows[times].ffill(axis=1).cummax(axis=1)
    took = (last - first).clip(lower=1e-9)
    usual = float(took.groupby(rows["request"]).first().median()) if len(rows) else 1.0
    shown = (USUAL_S * np.sqrt(took / max(usual, 1e-9))).clip(SHORTEST_S, LONGEST_S)
    for name in times:
        rows[name] = first + (rows[name] - first) / took * shown * seconds_a_second
    return rows


def _data(design: Design, run: Any, watch_s: float) -> dict[str, Any]:
    """Everything that film.js needs; it decides nothing but where to draw."""
    at = layout(design)
    end = float(run.for_s)
    rows = journeys(run.spans, end / watch_s)
    ways = list(at.ways)
    faults = _events(run, end)
    return {
        "title": design.name,
        "svg": svg(design, at=at),
        "width": at.width,
        "height": at.height,
        "boxes": {name: [spot.x - BOX / 2, spot.y, BOX, HEIGHT] for name, spot in at.boxes.items()},
        "from": [origin for origin, _ in ways],
        "ways": [[[round(x, 1), round(y, 1)] for x, y in along(points)] for points in at.ways.values()],
        "spans": _spans(rows, ways),
        "end": end,
        "rate": end / watch_s,
        "still": float(np.mean(faults[0][:2])) if faults else end / 2,
        "waiting": _waiting(run, at),
        "events": faults,
        "rates": _steps(run, end),
        "outcomes": [{"name": n, "colour": style.OUTCOMES[n].colour, "edge": style.OUTCOMES[n].edge} for n in OUTCOMES],
        "flight": style.PALETTE["blue"],
        "sampled": int(rows["request"].nunique()),
        "requests": len(run.trace.frame),
    }


def _spans(rows: pd.DataFrame, ways: list[tuple[str, str]]) -> list[list[Any]]:
    """[way or -1, part, begin, reached, began, done, end, outcome, request] of each; the users' own spans first."""
    places = {pair: i for i, pair in enumerate(ways)}
    by_source = {to: pair for pair in ways for to in [pair[1]]}
    made = []
    for row in rows.to_dict("records"):
        pair = (row["from"], row["to"]) if row["from"] else by_source.get(row["to"], ("", ""))
        times = [round(float(row[name]), 4) for name in ("begin_s", "reached_s", "began_s", "done_s", "end_s")]
        made.append([places.get(pair, -1), row["to"], *times, OUTCOMES.index(row["outcome"]), int(row["request"])])
    return made


def _steps(run: Any, end: float) -> list[list[float]]:
    """[t, answered well per second, others per second] by the moment of sending."""
    frame = run.trace.frame
    edges = np.linspace(0.0, end, min(MOMENTS, max(1, len(frame))) + 1)
    sent = frame["sent_s"].to_numpy()
    well = frame["outcome"].to_numpy() == "ok"
    counts = [np.histogram(sent[mask], edges)[0] / (edges[1] - edges[0]) for mask in (well, ~well)]
    return [
        [round(float(t), 3), round(float(a), 2), round(float(b), 2)] for t, a, b in zip(edges, *counts, strict=False)
    ]


def _waiting(run: Any, at: Layout) -> dict[str, Any]:
    """How many waited at each part over time, at some MOMENTS."""
    frame = run.in_queue()
    if len(frame) > MOMENTS:
        frame = frame.iloc[np.linspace(0, len(frame) - 1, MOMENTS).round().astype(int)]
    parts = {name: [int(n) for n in frame[name]] for name in at.boxes if name in frame}
    return {"t": [round(float(t), 3) for t in frame["t"]], "parts": {n: v for n, v in parts.items() if any(v)}}


def _events(run: Any, end: float) -> list[list[Any]]:
    """[from, to, words, target] of each fault of the plan."""
    faults = [fault for fault in run.plan if fault.at_s < end]
    return [[fault.at_s, min(fault.end_s, end), f"{fault.kind} {fault.target}", fault.target] for fault in faults]


def _words(design: Design, run: Any) -> str:
    said = f"{of_design(design, run)} {rate(run.goodput_per_s)} were answered well"
    for begin, until, words, _ in _events(run, float(run.for_s)):
        said += f"; {words} from {time(begin)} to {time(until)}"
    return said + "."
