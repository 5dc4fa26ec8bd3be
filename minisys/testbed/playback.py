"""Requests in flight, slowly enough to see them: who waits, where, and why.

A p99 of 0.9 s is a number. Twenty dots piled up in front of one server while its neighbour is idle is a reason. The
playback takes a trace and lets its requests travel from clients through the balancer to the servers and back, in slow
motion, with every outcome in its colour and shape.

Promised: what is drawn at a moment is what the trace says of that moment (`film.Film` counts it; nothing is lost), all
of it works by keyboard, and `static()` is its printed twin. Not promised: more than a few hundred requests at once.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import anywidget
import numpy as np
import pandas as pd
import traitlets

from minisys.testbed import marks, picture, style
from minisys.testbed.film import HOP, Film
from minisys.testbed.marks import Legend
from minisys.testbed.scripts import program
from minisys.testbed.trace import OUTCOMES, Trace

WAITING = "#B8BFCC"


class Playback(anywidget.AnyWidget):
    """The film as a widget; `playback()` makes it. `film` is what it shows, `static()` its printed twin."""

    _esm = program(Path(__file__).with_name("playback.js"), player=True)
    _css = style.css()
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, film: Film, title: str, events: Mapping[float, str], balancer: str, most: int | None) -> None:
        self.film, self.title, self.events = film, title, dict(events)
        super().__init__(data=_data(film, title, self.events, balancer) | {"most": most or 0})

    def static(self) -> alt.LayerChart:
        """One line a request, from sent to answered: pale while it waits, in its server's colour while it is served."""
        return _lanes(self.film, self.title, self.events)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown, how = super()._repr_mimebundle_(**kwargs) or ({}, {})
        data, width, height = picture.png(picture.spec(self.static()))
        shown |= {"image/png": base64.b64encode(data).decode(), "text/plain": f"{self.title}. {self.film.in_words()}"}
        return shown, how | {"image/png": {"width": width, "height": height, "alt": shown["text/plain"]}}


def playback(
    trace: Trace,
    *,
    title: str = "Requests in flight",
    requests: int = 300,
    start_s: float = 0.0,
    watch_s: float = 30.0,
    drain: bool = True,
    most: int | None = None,
    events: Mapping[float, str] | None = None,
    balancer: str = "balancer",
) -> Playback:
    """The first *requests* requests after *start_s* seconds, in slow motion that takes *watch_s* seconds at speed 1.

    *drain*: until all have ended, else until the last has come. *most*: so many requests at the servers fill the strip
    below (default: as many as there are at the most); give two films the same to compare them. *events* maps seconds of
    the trace to words; "kill b" and "restart b" also show server b as down and up. *balancer* is written under the
    balancer (the policy). Raises ValueError as `Film.of`.
    """
    film = Film.of(trace, requests, start_s, watch_s, drain=drain)
    inside = {at: word for at, word in (events or {}).items() if film.begin_s <= at <= film.end_s}
    return Playback(film, title, inside, balancer, most)


def _data(film: Film, title: str, events: Mapping[float, str], balancer: str) -> dict[str, Any]:
    """Everything that playback.js needs; it decides nothing but where to draw."""
    digits = max(0, 5 - math.floor(math.log10(max(film.end_s - film.begin_s, 1e-6))))
    at = np.linspace(film.begin_s, film.end_s, 160)
    looks = [
        {"name": name, "colour": style.OUTCOMES[name].colour, "edge": style.OUTCOMES[name].edge} for name in OUTCOMES
    ]
    return {
        "moments": film.moments.round(digits).tolist(),
        "server": film.server.tolist(),
        "outcome": film.outcome.tolist(),
        "attempts": film.attempts.tolist(),
        "names": film.names,
        "colours": style.server_colours(film.names),
        "workers": film.workers,
        "hop": film.hop_s,
        "begin": film.begin_s,
        "end": film.end_s,
        "still": film.busiest_s,
        "rate": film.hop_s / HOP,
        "held": [int(np.isin(film.place(t), (3, 4)).sum()) for t in at],
        "events": [[at_s + 2 * film.hop_s, word] for at_s, word in sorted(events.items())],
        "outcomes": looks,
        "flight": style.PALETTE["blue"],
        "title": title,
        "balancer": balancer,
        "words": film.in_words(),
    }


def _lanes(film: Film, title: str, events: Mapping[float, str]) -> alt.LayerChart:
    """The static twin: a lane a request; only what did not end well gets a mark at its end."""
    rows = _lane_rows(film)
    last = float(rows["ends"].max())
    rules = marks.Events({at: word for at, word in events.items() if at <= last}, "time_s", last)
    places = marks.axes("time_s", "request", {"x_title": "time (s)", "y_title": "request, in order of sending"})
    places["y"].scale = alt.Scale(reverse=True, zero=False, nice=False, padding=6)
    begins, ends = ({**places, "x": marks.moved(places["x"], column)} for column in ("starts:Q", "ends:Q"))
    names = sorted(set(rows["server"]))
    scale = alt.Scale(domain=[*names, "waiting"], range=[*style.server_colours(names), WAITING])
    legend = alt.Legend(symbolType="stroke", symbolSize=330, symbolOpacity=1, offset=rules.offset)
    thick = max(1.0, min(3.0, 250 / len(rows)))
    base = alt.Chart(rows)
    wait = base.mark_rule(color=WAITING, strokeWidth=thick * 0.6).encode(**places, x2=alt.X2("starts:Q"))
    serve = base.mark_rule(strokeWidth=thick).encode(
        **begins, x2="ends:Q", color=alt.Color("server:N", scale=scale, legend=legend)
    )
    layers: list[Any] = [wait, serve]
    bad = rows[rows["kind"] != "ok"]
    if len(bad):
        kinds = [name for name in OUTCOMES if name in set(bad["kind"])]
        layers.append(alt.layer(marks.points(alt.Chart(bad), Legend(kinds, offset=rules.offset), ends, 60)))
    chart = alt.layer(*layers, *rules.layers(places)).resolve_scale(color="independent", shape="independent")
    words = f"{title}. {film.in_words()} Each line is a request: pale while it waits, coloured while it is served."
    return chart.properties(title=title, description=words, height=360)


def _lane_rows(film: Film) -> pd.DataFrame:
    """One row a request: when it reached its server, when its service began and ended, in the trace's own seconds."""
    at, last = film.moments - 2 * film.hop_s, film.end_s - 4 * film.hop_s
    return pd.DataFrame(
        {
            "time_s": at[:, 2].clip(max=last),
            "starts": at[:, 3].clip(max=last),
            "ends": at[:, 4].clip(max=last),
            "request": np.arange(1, len(at) + 1),
            "server": [film.names[i] if i >= 0 else "none" for i in film.server],
            "kind": [OUTCOMES[i] for i in film.outcome],
        }
    )
