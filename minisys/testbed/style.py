"""One look for everything the reader sees: colours, shapes, type and spacing, kept in one place.

On page 3 the blue line is the simulation. If on page 9 blue meant "backend b", the reader would read the chart wrong
and never know. So a world, an outcome and a server have one colour *and* one shape or dash, everywhere. The colours
are those of Okabe and Ito (2008), which people with any form of colour blindness can tell apart.

How to use it
    charts         `WORLDS["simulated"].colour`, `OUTCOMES["failed"].shape`, `looks(names)`, `config()` for Vega-Lite
    a room         `keep(NAMES)` once, so that a policy has the same colour, shape and dash in every chart
    HTML widgets   put `<style>` + `css()` + `</style>` before the markup, or give `css()` to an anywidget as `_css`
    classes        ms-card  ms-title  ms-button (add ms-quiet for a second choice)  ms-note  ms-table  ms-progress
                   ms-good  ms-bad  (both draw their own ✓ or ✗: colour never stands alone)  ms-field  ms-row  ms-big
    variables      --ms-ink --ms-muted --ms-paper --ms-line --ms-accent --ms-good --ms-bad --ms-warn --ms-space

Pictures (charts, playback) stand on white paper in both Lab themes, because a stored picture cannot follow a theme;
text and controls follow it. This module draws nothing and imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

PALETTE = {  # Okabe and Ito, "Color Universal Design", 2008; ink, muted, line and paper are ours
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "ink": "#1D2433",
    "muted": "#5B6472",
    "line": "#DDE1E8",
    "paper": "#FFFFFF",
}


@dataclass(frozen=True)
class Look:
    """How one thing is drawn: fill *colour*, *edge* (a darker outline), Vega point *shape*, line *dash* in pixels."""

    colour: str
    edge: str
    shape: str = "circle"
    dash: tuple[int, ...] = (1, 0)


WORLDS = {
    "predicted": Look(PALETTE["ink"], PALETTE["ink"], "stroke", (6, 4)),
    "simulated": Look(PALETTE["blue"], "#004B76", "circle"),
    "measured": Look(PALETTE["orange"], "#7A5200", "diamond"),
    "your prediction": Look(PALETTE["purple"], "#7A3B5E", "triangle-up", (1, 3)),
}
OUTCOMES = {
    "ok": Look(PALETTE["green"], "#00604A", "circle"),
    "refused": Look(PALETTE["orange"], "#7A5200", "square"),
    "failed": Look(PALETTE["vermillion"], "#8A3C00", "cross"),
    "timeout": Look(PALETTE["purple"], "#7A3B5E", "triangle-up"),
    "unfinished": Look("#9AA3B2", PALETTE["muted"], "diamond"),
}
SERIES = (  # policies or any other compared things: colour, shape and dash change together
    Look(PALETTE["blue"], "#004B76", "circle", (1, 0)),
    Look(PALETTE["vermillion"], "#8A3C00", "square", (7, 3)),
    Look(PALETTE["green"], "#00604A", "triangle-up", (2, 2)),
    Look("#A8517F", "#7A3B5E", "diamond", (9, 3, 2, 3)),
    Look("#B27A00", "#7A5200", "cross", (4, 2)),
    Look("#2F8FC6", "#1F6390", "triangle-down", (1, 2)),
    Look(PALETTE["muted"], PALETTE["ink"], "triangle-right", (12, 3)),
    Look(PALETTE["ink"], PALETTE["ink"], "triangle-left", (3, 3)),
)
_KEPT: dict[str, Look] = {}
SERVERS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#8C7B00", "#7B68A6", "#9AA3B2")

FONT = "-apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, system-ui, sans-serif"
SIZES = {"title": 16, "subtitle": 13, "label": 12, "small": 11}  # pixels
WIDTH, HEIGHT = 680, 280  # of a chart's plot; with axes and legend it stays below 800 pixels


@cache
def css() -> str:
    """The style sheet of the HTML widgets, as text without the `<style>` tag."""
    return files("minisys.testbed").joinpath("style.css").read_text("utf-8")


def server_colours(names: list[str]) -> list[str]:
    """One colour a server, by its place in *names*; they repeat after eight, so charts write the name as well."""
    return [SERVERS[i % len(SERVERS)] for i in range(len(names))]


def text_on(colour: str) -> str:
    """Ink or white, whichever reads better on *colour* (#rrggbb)."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    light = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 + 0.05  # WCAG 2.2, relative luminance
    return PALETTE["ink"] if light / 0.068 > 1.05 / light else "#FFFFFF"


def keep(names: Sequence[str]) -> None:
    """Give *names* (a room's policies) one look each, in this order, in every chart from now on.

    Raises ValueError above eight names, or if one of them has another look already.
    """
    if len(names) > len(SERIES):
        raise ValueError(f"there are {len(SERIES)} looks to keep, not {len(names)}")
    for name, look in zip(names, SERIES, strict=False):
        if _KEPT.setdefault(name, look) != look:
            raise ValueError(f"{name!r} has a look already; keep the names of a room in one call")


def looks(names: Sequence[str]) -> list[Look]:
    """How the things called *names* look in one chart: worlds, outcomes and kept names as always, others in order.

    Raises ValueError above eight names: nobody reads nine lines in one chart.
    """
    if len(names) > len(SERIES):
        raise ValueError(
            f"a chart compares up to {len(SERIES)} things, not {len(names)}; leave some out or make two charts"
        )
    known = _KEPT | OUTCOMES | WORLDS
    used = {known[name].colour for name in names if name in known}
    free = [look for look in SERIES if look.colour not in used] + list(SERIES)
    return [known[name] if name in known else free.pop(0) for name in names]


def config() -> dict[str, Any]:
    """Vega-Lite's `config`: the type scale, quiet axes and paper of every chart."""
    axis = {
        "labelColor": PALETTE["muted"],
        "titleColor": PALETTE["ink"],
        "gridColor": "#EEF0F4",
        "domainColor": "#B8BFCC",
        "tickColor": "#B8BFCC",
        "labelFontSize": SIZES["label"],
        "titleFontSize": SIZES["label"],
        "titleFontWeight": 500,
        "titlePadding": 8,
        "labelPadding": 5,
    }
    return {
        "background": PALETTE["paper"],
        "padding": 14,
        "font": FONT,
        "view": {"stroke": None, "continuousWidth": WIDTH, "continuousHeight": HEIGHT},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "fontSize": SIZES["title"],
            "fontWeight": 600,
            "color": PALETTE["ink"],
            "subtitleFontSize": SIZES["subtitle"],
            "subtitleColor": PALETTE["muted"],
            "subtitlePadding": 5,
            "offset": 14,
        },
        "axis": axis,
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False},
        "legend": {
            "orient": "top",
            "title": None,
            "labelColor": PALETTE["ink"],
            "labelFontSize": SIZES["label"],
            "symbolSize": 110,
            "symbolStrokeWidth": 2,
            "columnPadding": 18,
            "labelLimit": 240,
            "offset": 8,
            "padding": 6,
        },
    }
