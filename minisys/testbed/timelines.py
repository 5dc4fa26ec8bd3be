"""Charts whose x axis is time: what happened, second by second, and what was done to the system at that moment.

At 2.0 s backend b was killed. Who answered at 2.5 s, did anybody see an error, and how long did the queue of a and c
stay longer? All three pictures come from the same trace and carry the same vertical rules: `events={2.0: "kill b"}`.
Promised: counts are exact (every request of the trace is in exactly one bar or mark). Not promised: what happened
between two samples of a queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import altair as alt
import numpy as np
import pandas as pd

from minisys.testbed import marks, picture, style, words
from minisys.testbed.marks import Axes, Legend, banded, number, titled
from minisys.testbed.trace import Trace

Moments = Mapping[float, str]
TIME = "time_s"


def by_server(
    trace: Trace,
    *,
    step_s: float = 1.0,
    events: Moments | None = None,
    title: str = "Who answered, second by second",
    description: str | None = None,
) -> alt.LayerChart:
    """Requests answered per *step_s* seconds, stacked by server; what users saw fail is marked above with its number.

    A request counts in the step in which its user had the answer (or, without one, sent it). *events* maps seconds to
    a word. Raises ValueError if step_s is not positive.
    """
    answered, failed = _counts(trace, step_s)
    names = sorted(answered["server"].unique())
    rules = marks.Events(events, TIME, float(answered["until"].max()) if len(answered) else 1.0)
    said: Axes = {"y_title": f"requests answered per {_step(step_s)}", "x_title": "time (s)"}
    places = marks.axes(TIME, "top", said, zero=True)
    layers: list[Any] = [_stack(answered, names, places, rules.offset), _names(answered, places)]
    layers += [*_failures(failed, float(answered["top"].max()), places, rules.offset), *rules.layers(places)]
    chart = alt.layer(*layers).resolve_scale(color="independent", shape="independent")
    found = _who(trace, answered, failed, events or {})
    return chart.properties(title=title, description=description or f"{title}. {found}")


def over_time(
    data: pd.DataFrame | Mapping[str, Trace | Sequence[Trace]],
    *,
    y: str = "p99_s",
    by: str = "name",
    step_s: float = 1.0,
    events: Moments | None = None,
    title: str,
    **said: Unpack[Axes],
) -> alt.LayerChart:
    """One column of `Trace.per_second` over time (p99_s, p50_s, ok, failed …), one line for each name.

    *data* maps names to a trace or to traces with different seeds (99 % band), or is a frame with columns `second`, *y*
    and *by*; *step_s* is for traces. Raises ValueError for a column that is not there.
    """
    table = data if isinstance(data, pd.DataFrame) else _seconds(data, by, step_s)
    frame = banded(table.rename(columns={"second": TIME}), TIME, y, by)
    frame = marks.positive(frame, y) if said.get("log_y") else frame.assign(low=frame["low"].clip(lower=0))
    rules = marks.Events(events, TIME, float(frame[TIME].max()))
    legend = Legend(frame["kind"].unique().tolist(), shows="lines", offset=rules.offset)
    base, places = alt.Chart(frame), marks.axes(TIME, y, said, zero=True)
    layers = [marks.band(base, legend, places), marks.line(base, legend, places), *rules.layers(places)]
    found = words.of_lines(frame, TIME, y, "time (s)", said.get("y_title", titled(y)))
    return alt.layer(*layers, title=title, description=said.get("description", f"{title}. {found}"))


def queue_lengths(
    trace: Trace,
    *,
    samples: int = 240,
    events: Moments | None = None,
    title: str = "Requests at each server",
    description: str | None = None,
) -> alt.LayerChart:
    """How many requests are at each server, waiting or in service, over time; one stepped line a server.

    Sampled at *samples* moments (fewer with many servers). Raises ValueError above eight servers.
    """
    made = _inside(trace, samples)
    names = sorted(made["kind"].unique())
    rules = marks.Events(events, TIME, float(made[TIME].max()))
    legend = Legend(names, shows="lines", offset=rules.offset)
    legend.color = legend.color.scale(domain=names, range=style.server_colours(names))
    places = marks.axes(TIME, "requests", {"y_title": "requests at the server", "x_title": "time (s)"}, zero=True)
    layers = [marks.line(alt.Chart(made), legend, places, interpolate="step-after"), *rules.layers(places)]
    peak = made.loc[made.groupby("kind")["requests"].idxmax()].to_dict("records")
    found = "; ".join(f"{r['kind']} holds at most {number(r['requests'])} (at {number(r[TIME])} s)" for r in peak)
    return alt.layer(*layers, title=title, description=description or f"{title}. {found}.")


def _seconds(runs: Mapping[str, Trace | Sequence[Trace]], by: str, step_s: float) -> pd.DataFrame:
    """The per-second tables of all runs below each other, named in column *by*."""
    parts = []
    for name, value in runs.items():
        parts += [t.per_second(step_s).assign(**{by: name}) for t in ([value] if isinstance(value, Trace) else value)]
    made = pd.concat(parts, ignore_index=True)
    return made.assign(second=made["second"] + step_s / 2)  # a step is drawn at its middle, not where it begins


def _inside(trace: Trace, samples: int) -> pd.DataFrame:
    """Rows (time_s, requests, kind): requests at each server at evenly spaced moments."""
    frame = trace.frame
    names = sorted(str(name) for name in frame["server"].dropna().unique())
    last = np.nanmax(np.r_[0.0, frame["finished_s"].to_numpy(), frame["sent_s"].to_numpy()])
    at = np.linspace(0.0, last, min(samples, picture.MAX_ROWS // max(len(names), 1)))
    parts = []
    for name in names:
        mine = frame[frame["server"] == name]
        came, left = np.sort(mine["sent_s"].to_numpy()), np.sort(mine["finished_s"].dropna().to_numpy())
        inside = np.searchsorted(came, at, "right") - np.searchsorted(left, at, "right")
        parts.append(pd.DataFrame({TIME: at, "requests": inside.astype(float), "kind": name}))
    return banded(pd.concat(parts), TIME, "requests", "kind")


def _counts(trace: Trace, step_s: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stacked counts of answers by step and server, and counts of everything else by step and outcome."""
    if not step_s > 0:
        raise ValueError(f"step_s must be above zero, not {step_s!r}")
    frame = trace.frame
    moment = frame["finished_s"].fillna(frame["sent_s"])
    made = pd.DataFrame({TIME: np.floor(moment / step_s + 1e-9) * step_s, "server": frame["server"].astype(object)})
    made["outcome"] = frame["outcome"].astype(str).to_numpy()
    good = made[made["outcome"] == "ok"].assign(server=lambda rows: rows["server"].fillna("unknown").astype(str))
    counts = good.groupby([TIME, "server"]).size().rename("count").reset_index().sort_values([TIME, "server"])
    counts["top"] = counts.groupby(TIME)["count"].cumsum().astype(float)
    counts["bottom"], counts["until"] = counts["top"] - counts["count"], counts[TIME] + step_s
    bad = made[made["outcome"] != "ok"].groupby([TIME, "outcome"]).size().rename("count").reset_index()
    return counts.reset_index(drop=True), bad.assign(**{TIME: bad[TIME] + step_s / 2})


def _stack(answered: pd.DataFrame, names: list[str], places: dict, offset: int) -> alt.Chart:
    scale = alt.Scale(domain=names, range=style.server_colours(names))
    colour = alt.Color("server:N", scale=scale, legend=alt.Legend(symbolType="square", symbolOpacity=1, offset=offset))
    bars = alt.Chart(answered).mark_bar(stroke="white", strokeWidth=0.6, opacity=0.9)
    return bars.encode(x=places["x"], x2=alt.X2("until:Q"), y=places["y"], y2=alt.Y2("bottom:Q"), color=colour)


def _names(answered: pd.DataFrame, places: dict) -> alt.Chart:
    """Each server's name, written where its part of the stack is thickest, so that colour does not stand alone."""
    rows = answered.loc[answered.groupby("server")["count"].idxmax()]
    at = rows.assign(**{TIME: (rows[TIME] + rows["until"]) / 2, "top": (rows["top"] + rows["bottom"]) / 2})
    at = at.assign(ink=[style.text_on(colour) for colour in style.server_colours(list(at["server"]))])
    ink = alt.Color("ink:N", scale=None, legend=None)
    return (
        alt.Chart(at)
        .mark_text(fontSize=13, fontWeight=700)
        .encode(x=places["x"], y=places["y"], text=alt.Text("server:N"), color=ink)
    )


def _failures(failed: pd.DataFrame, height: float, places: dict, offset: int) -> list[alt.LayerChart]:
    """A mark in the shape of its outcome and the number of requests, above the stack."""
    if not len(failed):
        return []
    kinds = list(dict.fromkeys(failed["outcome"]))
    row = {kind: (height if height > 0 else 1.0) * (1.07 + 0.08 * i) for i, kind in enumerate(kinds)}
    frame = failed.assign(kind=failed["outcome"], top=failed["outcome"].map(row), says=failed["count"].map(number))
    base = alt.Chart(frame)
    text = base.mark_text(align="left", dx=8, fontSize=11, color=style.PALETTE["ink"])
    text = text.encode(x=places["x"], y=places["y"], text=alt.Text("says:N"))
    return [alt.layer(marks.points(base, Legend(kinds, offset=offset), places, 75), text)]


def _who(trace: Trace, answered: pd.DataFrame, failed: pd.DataFrame, events: Moments) -> str:
    total = answered.groupby("server")["count"].sum()
    parts = ", ".join(f"{name} answered {count:,}" for name, count in total.items()) or "nobody answered any"
    bad = failed.groupby("outcome")["count"].sum()
    saw = ", ".join(f"{count:,} {kind}" for kind, count in bad.items()) or "none failed"
    what = "".join(f" At {number(at)} s: {word}." for at, word in sorted(events.items()))
    return f"Of {len(trace):,} requests {parts}; {saw}.{what}"


def _step(step_s: float) -> str:
    return "second" if step_s == 1 else f"{number(step_s)} s"
