"""What chapter 07 shows of placements: the circle of hashes with its keys, what moves, and the methods side by side.

"Only one key in eleven moves" is easy to say and hard to believe. Here every key is a dot at its hash on a circle, its
shard before on the inside, its shard after on the outside, and a line where the two differ. One slider moves the keys
one by one.

Promised: keys, hashes and owners are those of policies.py. Nothing moves by itself; the picture follows the controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.sharding import comparison, policies, theory
from minisys.sharding.comparison import balance, keys_of, moved, shards_of
from minisys.sharding.placements import placement
from minisys.sharding.policies import hash64
from minisys.testbed import charts, style
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.tables import Table, table

KEYS = 120  # dots on the circle
SIZE = 360  # pixels
METHODS = ("ring", "modulo", "rendezvous", "jump", "maglev")
INNER, OUTER = 0.74, 0.92  # where the two rows of dots are, as shares of the half size


def circle(method: str, shards: int, points: int, change: str, progress: int) -> tuple[alt.LayerChart, str]:
    """*KEYS* keys on the circle of hashes, while *shards* shards get one more ("added") or lose the last ("removed").

    *points* on the ring for each shard; *progress*: percent of the keys that have to move and have done so. And the
    result in words: what a ring gives the fullest shard of the circle, what other methods give it of the keys.
    """
    names = shards_of(shards + (change == "added"))
    old, new = names[:shards], names if change == "added" else names[:-1]
    if not new:
        raise ValueError("the last shard cannot be removed: its keys would have no place")
    before, after = (np.array(_owners(method, tuple(these), points)) for these in (old, new))
    to_move = np.flatnonzero(before != after)
    now = before.copy()
    gone = to_move[: round(len(to_move) * progress / 100)]
    now[gone] = after[gone]
    if method == "ring":  # its arcs: so few keys would be uneven on the most even ring
        fullest = f"has {_arc_shares(new, points).max():.2f} times the mean part of the circle"
    else:
        fullest = f"holds {balance(list(after), new)[0]:.2f} times the mean"
    said = (
        f"{len(gone)} of the {len(to_move)} keys that change shard have moved: {100 * len(to_move) / KEYS:.0f} % of "
        f"all. Afterwards the fullest shard {fullest}."
    )
    title = f"{len(old)} shards become {len(new)}, by {method}: inside before, outside after"
    layers = _drawn(names, points if method == "ring" else 0, new, before, now)
    return alt.layer(*layers, title=title, description=f"{title}. {said}", width=SIZE, height=SIZE), said


def circle_explorer() -> Explorer:
    """Controls for the method, the shards, the points of the ring, and how far the move has come."""
    return explorer(
        circle,
        title=f"{KEYS} keys on the circle of hashes",
        method=choice(METHODS, "ring", "method"),
        shards=slider(2, 7, 1, 3, "shards before"),
        points=slider(1, 40, 1, 5, "points a shard", "ring"),
        change=choice(("added", "removed"), "added", "a shard is"),
        progress=slider(0, 100, 5, 100, "moved so far", "%"),
    )


@lru_cache(maxsize=512)
def _owners(method: str, shards: tuple[str, ...], points: int) -> tuple[str, ...]:
    """The shard of each of KEYS keys."""
    if method == "ring":
        table = policies.ring(shards, [1.0] * len(shards), points)
        return tuple(shards[policies.on_ring(table, hash64(key))] for key in keys_of(KEYS))
    return tuple(placement(method, shards).place(key) for key in keys_of(KEYS))


def _drawn(
    names: Sequence[str], points: int, new: Sequence[str], before: np.ndarray, now: np.ndarray
) -> list[alt.Chart]:
    """The circle: arcs of the ring after the change if there are *points*, dots, and lines of the keys that moved."""
    angle = np.array([hash64(key) for key in keys_of(KEYS)]) / 2**63 * 2 * np.pi
    colours = dict(zip(names, style.server_colours(list(names)), strict=True))
    colour = alt.Color(
        "shard:N", scale=alt.Scale(domain=list(names), range=list(colours.values())), legend=alt.Legend(symbolSize=140)
    )
    shapes = [look.shape for look in style.SERIES[: len(names)]]  # colour never stands alone
    shape = alt.Shape("shard:N", scale=alt.Scale(domain=list(names), range=shapes))
    span = alt.Scale(domain=[-1, 1], nice=False)
    places = {"x": alt.X("x:Q", scale=span, axis=None), "y": alt.Y("y:Q", scale=span, axis=None)}

    def dots(owner: np.ndarray, radius: float) -> alt.Chart:
        frame = pd.DataFrame({"x": radius * np.sin(angle), "y": radius * np.cos(angle), "shard": owner})
        frame["size"] = np.where(before != now, 110, 38)
        mark = alt.Chart(frame).mark_point(filled=True, opacity=1, stroke=style.PALETTE["ink"], strokeWidth=0.6)
        return mark.encode(**places, color=colour, shape=shape, size=alt.Size("size:Q", scale=None))

    went = before != now
    ends = pd.DataFrame(
        {
            "x": INNER * np.sin(angle),
            "y": INNER * np.cos(angle),
            "x2": OUTER * np.sin(angle),
            "y2": OUTER * np.cos(angle),
        }
    )[went]
    lines = (
        alt.Chart(ends)
        .mark_rule(strokeWidth=1.6, color=style.PALETTE["ink"])
        .encode(**places, x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q"))
    )
    layers = [lines, dots(before, INNER), dots(now, OUTER)]
    if points:
        layers.insert(0, _arcs(new, points, colour))
    return layers


def _arcs(shards: Sequence[str], points: int, colour: alt.Color) -> alt.Chart:
    """The parts of the ring, each in the colour of its shard; neighbours of one shard are one arc."""
    owner, place = policies.ring(tuple(shards), [1.0] * len(shards), points)
    rows, begin = [], 0.0
    for i, at in enumerate(place):
        if i + 1 < len(place) and owner[i + 1] == owner[i]:
            continue
        rows.append((begin, at / 2**63, shards[owner[i]]))
        begin = at / 2**63
    rows.append((begin, 1.0, shards[owner[0]]))  # behind the last point it begins anew
    frame = pd.DataFrame(rows, columns=["begin", "end", "shard"])
    turn = alt.Scale(domain=[0, 1], range=[0, 2 * np.pi])
    mark = alt.Chart(frame).mark_arc(
        outerRadius=SIZE / 2 * 0.86, innerRadius=SIZE / 2 * 0.80, stroke=style.PALETTE["paper"], strokeWidth=0.5
    )
    return mark.encode(theta=alt.Theta("begin:Q", scale=turn), theta2=alt.Theta2("end:Q"), color=colour)


def _arc_shares(shards: Sequence[str], points: int) -> np.ndarray:
    """The part of the circle that each of *shards* has on a ring, over the mean part."""
    owner, place = policies.ring(tuple(shards), [1.0] * len(shards), points)
    ends = np.array(place, dtype=float)
    arcs = np.diff(ends, prepend=ends[-1] - 2.0**63)
    return np.bincount(owner, weights=arcs, minlength=len(shards)) / 2**63 * len(shards)


def spread_chart(shards: int = 10, seeds: Sequence[int] = range(30)) -> alt.LayerChart:
    """The fullest of *shards* shards, over the mean, by points a shard: the formula, and rings of other names."""
    counts = (1, 2, 5, 10, 20, 50, 100, 200, 500)
    rows = []
    for points in counts:
        for seed in seeds:
            parts = _arc_shares([f"{seed}-{i}" for i in range(shards)], points)
            rows.append((points, float(parts.max())))
    exact = pd.DataFrame({"points": counts, "peak": [theory.ring_peak(points, shards) for points in counts]})
    return charts.three_worlds(
        predicted=exact, simulated=pd.DataFrame(rows, columns=["points", "peak"]), x="points", y="peak",
        title=f"How uneven a ring is: the fullest of {shards} shards", log_x=True,
        x_title="points on the ring for each shard (log scale)", y_title="fullest shard / mean",
    )  # fmt: skip


def growth_chart(measured: pd.DataFrame | None = None, prediction: object = None) -> alt.LayerChart:
    """The share of the keys that move when a cluster grows by one shard, by hash slots, in three worlds.

    *measured*: columns shards (before) and moved_percent. *prediction*: the reader's percentage from 3 to 4 shards.
    """
    counts, rows = range(1, 9), []
    for seed in range(5):
        keys = keys_of(3_000, f"{seed}:item")
        for count in counts:
            old = placement("hash slots", shards_of(count))
            new = old.resized(shards_of(count + 1))
            rows.append((count, 100 * moved([old.place(key) for key in keys], [new.place(key) for key in keys])))
    exact = [100 * theory.least_movement(count, count + 1) for count in counts]
    return charts.three_worlds(
        predicted=pd.DataFrame({"shards": counts, "moved_percent": exact}),
        simulated=pd.DataFrame(rows, columns=["shards", "moved_percent"]), measured=measured, x="shards",
        y="moved_percent", prediction=(3, float(prediction) if isinstance(prediction, int | float) else None),
        title="One shard more: how many keys move", x_title="shards before", y_title="keys that move (%)",
    )  # fmt: skip


@lru_cache(maxsize=4)
def _counted(n: int, shards: int) -> pd.DataFrame:
    return comparison.compared(keys_of(n), shards)


def movement_table(n: int = 10_000, shards: int = 10) -> Table:
    """Balance and movement of every method, counted: *n* keys on *shards* shards."""
    made = _counted(n, shards).rename(columns={
        "max_over_mean": "fullest / mean", "added": "moved, one added (%)", "needless": "needlessly (% of all)",
        "removed": "moved, first removed (%)",
    }).drop(columns=["min_over_mean", "memory_kb"])  # fmt: skip
    return table(made, caption=f"{n:,} keys on {shards} shards; needlessly: between shards that were there before")


def cost_table(n: int = 3_000, shards: int = 10) -> Table:
    """What a look-up costs, measured now on this machine in Python: processor time, and the table that must be kept."""
    made = comparison.lookup_times(keys_of(n), shards)
    made["memory_kb"] = made["placement"].map(_counted(10_000, shards).set_index("placement")["memory_kb"])
    shown = made.rename(columns={"lookup_us": "look-up (µs)", "memory_kb": "table for 10,000 keys (kB)"})
    return table(shown, caption=f"To find the shard of a key, among {shards}")
