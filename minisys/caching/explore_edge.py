"""What chapter 05 shows of distance: a world map of edges, and the way of one request by hand.

"Let us put a copy into every city" sounds like one decision. It is two: how near to the users, which the map shows, and
how often each copy is asked for, which decides whether it is there at all (explore_offload.py). Each function draws one
picture or table.

Promised: every figure is computed when the cell runs; the coastline is bundled (Natural Earth, public domain). Not
promised: real networks. A round trip is fibre along 1.5 times the great circle; see content.py for what is left out.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import yaml

from minisys.caching import content
from minisys.caching.content import cities, first_byte_s, round_trip_s
from minisys.testbed import charts, style
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.tables import Table, table

ORIGINS = ("Frankfurt", "New York", "Singapore", "São Paulo")
FAST_S = 0.2  # what the map calls fast
SHOWN = ("London", "Singapore", "New York", "São Paulo", "Johannesburg", "Tokyo", "Sydney")


@cache
def coastline() -> pd.DataFrame:
    """The outlines of the land: ring (a number), place in it, longitude and latitude in degrees."""
    rings = yaml.safe_load(Path(__file__).with_name("coastline.yaml").read_text("utf-8"))
    rows = [
        (ring, place, *map(float, point.split(",")))
        for ring, text in enumerate(rings) for place, point in enumerate(text.split())
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["ring", "place", "longitude", "latitude"])


@lru_cache(maxsize=32)
def best_places(count: int, origin: str) -> tuple[str, ...]:
    """*count* cities for edges, each chosen so that it lowers the mean first byte of all people most (greedy)."""
    chosen: tuple[str, ...] = ()
    for _ in range(count):
        left = [name for name in cities() if name not in chosen]
        chosen += (min(left, key=lambda name: _mean_round_trip_s((*chosen, name), origin)),)
    return chosen


def _mean_round_trip_s(edges: tuple[str, ...], origin: str) -> float:
    """To the nearest of edges and origin, the mean over all people."""
    people = sum(city.people_m for city in cities().values())
    trips = (
        min(round_trip_s(name, edge) for edge in (*edges, origin)) * city.people_m for name, city in cities().items()
    )
    return sum(trips) / people


def _places(edges: int, origin: str) -> tuple[str, ...]:
    """Where edges stand: in the best places, and beside the origin; nowhere if there are none."""
    return (*best_places(edges, origin), origin) if edges else ()


def first_bytes(edges: int, hit_percent: float, origin: str) -> pd.DataFrame:
    """One row a city: latitude, longitude, people_m, the mean first_byte_s with so many edges and hits.

    Where there are edges, one stands beside the origin too.
    """
    places, rows = _places(edges, origin), []
    for name, (latitude, longitude, people_m) in cities().items():
        mean_s = first_byte_s(name, origin)
        if places:
            hit_s, miss_s = (first_byte_s(name, origin, places, found=found) for found in ("edge", "origin"))
            mean_s = (hit_percent * hit_s + (100 - hit_percent) * miss_s) / 100
        rows.append((name, latitude, longitude, people_m, mean_s, name in places))
    columns = ["city", "latitude", "longitude", "people_m", "first_byte_s", "edge"]
    return pd.DataFrame(rows, columns=columns)


def world_explorer() -> Explorer:
    """Sliders for the number of edges and the hit ratio, a choice of the origin: the world, and who waits how long."""
    return explorer(
        world_at,
        title="Who waits how long for the first byte",
        edges=slider(0, 12, 1, 0, "edges"),
        hits=slider(0, 100, 5, 90, "hit ratio", "%"),
        origin=choice(ORIGINS, label="origin"),
    )


def world_at(edges: int = 0, hits: int = 90, origin: str = "Frankfurt") -> tuple[dict[str, Any], str]:
    """The map's Vega-Lite with *edges* edges in the best places and *hits* % of the requests found there, and words."""
    frame = first_bytes(edges, hits, origin)
    mean_s = float(np.average(frame["first_byte_s"], weights=frame["people_m"]))
    fast = float(frame.loc[frame["first_byte_s"] <= FAST_S, "people_m"].sum() / frame["people_m"].sum())
    places = best_places(edges, origin)
    said = f"Mean first byte {1000 * mean_s:,.0f} ms; {100 * fast:.0f} % of the people below {1000 * FAST_S:.0f} ms. "
    said += f"Edges in {', '.join(places)}." if places else "No edges."
    title = f"First byte of a page whose origin is in {origin}"
    rows = frame.assign(origin=frame["city"] == origin).round({"first_byte_s": 3}).to_dict("records")
    made, land = map_template()
    return made | {"title": title, "description": f"{title}. {said}", "datasets": {"cities": rows, "land": land}}, said


def world(edges: int = 0, hits: int = 90, origin: str = "Frankfurt") -> alt.LayerChart:
    """The map, to look at."""
    return alt.LayerChart.from_dict(world_at(edges, hits, origin)[0])


@cache
def map_template() -> tuple[dict[str, Any], list[dict[Any, Any]]]:
    """Everything of the map but the cities' rows: built once, because a slider has a tenth of a second.

    Land, cities coloured by their wait and as large as their people, squares for edges, a cross for the origin.
    """
    x = alt.X("longitude:Q", scale=alt.Scale(domain=[-168, 190], nice=False), axis=None)
    y = alt.Y("latitude:Q", scale=alt.Scale(domain=[-56, 76], nice=False), axis=None)
    shore = alt.Chart(alt.NamedData("land")).mark_line(fill="#EEF1F5", stroke="#C9D0DA", strokeWidth=0.7, clip=True)
    shore = shore.encode(x=x, y=y, detail=alt.Detail("ring:N"), order=alt.Order("place:Q"))
    scale = alt.Scale(scheme="viridis", domain=[0, 1], clamp=True, reverse=True)
    colour = alt.Color("first_byte_s:Q", title="first byte (s)", scale=scale)
    size = alt.Size("people_m:Q", scale=alt.Scale(range=[40, 420]), legend=None)
    tip = [alt.Tooltip("city:N"), alt.Tooltip("first_byte_s:Q", title="first byte (s)"), alt.Tooltip("people_m:Q")]
    base, ink = alt.Chart(alt.NamedData("cities")).encode(x=x, y=y), style.PALETTE["ink"]
    dots = base.mark_circle(stroke=ink, strokeWidth=0.6, opacity=0.95).encode(color=colour, size=size, tooltip=tip)
    edges = base.transform_filter("datum.edge")
    edges = edges.mark_point(shape="square", filled=False, size=420, strokeWidth=2.2, color=style.PALETTE["vermillion"])
    here = base.transform_filter("datum.origin")
    cross = here.mark_point(shape="cross", filled=True, size=260, color=ink)
    name = here.mark_text(dy=-15, fontWeight="bold", color=ink).encode(text=alt.Text("city:N"))
    chart = alt.layer(shore, dots, edges, cross, name).properties(title=" ", width=style.WIDTH, height=300)
    return chart.to_dict(), coastline().to_dict("records")


def by_region(origin: str = "Frankfurt", edges: int = 8) -> alt.LayerChart:
    """First byte for users in five cities: without an edge, found at the edge, not found there."""
    places, rows = _places(edges, origin), []
    for name in SHOWN[2:]:
        rows += [
            (name, "no edge", first_byte_s(name, origin)),
            (name, "edge, hit", first_byte_s(name, origin, places)),
            (name, "edge, miss", first_byte_s(name, origin, places, found="origin")),
        ]
    frame = pd.DataFrame(rows, columns=["city", "way", "first_byte_s"])
    title = f"First byte by city, origin in {origin}, {edges} edges"
    return charts.dots(frame, x="first_byte_s", y="city", by="way", title=title, sort=False, x_title="first byte (s)")


def by_hand(user: str = "Sydney", origin: str = "Frankfurt") -> Table:
    """The way of one request, step by step, with and without an edge in the user's city (seconds)."""
    near, far = content.ACCESS_S, round_trip_s(user, origin) + content.ACCESS_S
    steps = [
        ("TCP handshake", far, near, near), ("TLS handshake", far, near, near), ("request and answer", far, near, near),
        ("edge to origin and back", 0.0, 0.0, far - near), ("work at the origin", 0.05, 0.0, 0.05),
    ]  # fmt: skip
    frame = pd.DataFrame(steps, columns=["step", "no edge", "edge, hit", "edge, miss"])
    frame.loc[len(frame)] = ["together", *frame.iloc[:, 1:].sum().tolist()]
    return table(frame.round(3), caption=f"From a click in {user} to the first byte from {origin}, seconds")


def dynamic() -> Table:
    """A page that is never kept, as a basket: the edge still saves the handshakes their way round the world."""
    places = _places(8, "Frankfurt")
    rows = [
        (name, first_byte_s(name, "Frankfurt"), first_byte_s(name, "Frankfurt", places, found="origin"))
        for name in SHOWN
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["city", "direct_s", "through an edge (s)"])
    saved = 1 - frame["through an edge (s)"] / frame["direct_s"]
    return table(
        frame.assign(**{"saved (%)": (100 * saved).round().astype(int)}),
        caption="First byte of a page that no cache keeps, with edges in 8 cities",
    )
