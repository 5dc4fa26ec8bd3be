"""An election, a few milliseconds at a time: who is what, and which messages are under way.

The paper's figures show what a server may do. What it looks like when five of them do it at once, one dead, two
impatient, votes crossing each other, one sees best by moving a slider through the half second in which it happens.

Promised: roles, terms and messages are those of one run of the model (failover_model.py); a message is drawn where it
is on its way at that moment. Not drawn: the clients' messages, and the disks.
"""

from __future__ import annotations

import bisect
import math
from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd

from minisys.replication.failover_model import Moment, Stage
from minisys.replication.network import Network
from minisys.replication.raft import Timing
from minisys.replication.raft_messages import AppendEntries, AppendReply, RequestVote, VoteReply
from minisys.testbed import style
from minisys.testbed.explorer import Explorer, explorer, slider

KINDS = {RequestVote: "vote?", VoteReply: "vote", AppendEntries: "I lead", AppendReply: "heard"}
PRE = "pre-"
COLOURS = {
    "pre-vote?": "orange", "pre-vote": "sky", "vote?": "vermillion", "vote": "green",
    "I lead": "blue", "heard": "muted",
}  # fmt: skip
ROLES = {
    "leader": ("blue", "square"), "candidate": ("vermillion", "triangle-up"), "pre-candidate": ("orange", "diamond"),
    "follower": ("sky", "circle"), "dead": ("line", "cross"),
}  # fmt: skip
BEFORE_MS, AFTER_MS = 60, 700


class Recorded(Network):
    """A network that remembers every message that arrived: (sent, arrived, sender, to, kind)."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.flights: list[tuple[float, float, str, str, str]] = []

    def _arrive(self, sender: str, to: str, message: Any, sent_s: float) -> None:
        if type(message) in KINDS:
            pre = PRE if getattr(message, "pre", False) else ""
            self.flights.append((sent_s, self.loop.now, sender, to, pre + KINDS[type(message)]))
        super()._arrive(sender, to, message, sent_s)


class Film:
    """One run: five Raft servers, whose leader dies at *fault_s*. Messages take 15 ms on average."""

    def __init__(self, seed: int) -> None:
        stage = Stage(
            "raft", size=5, seed=seed, lag_s=0.015, clients=1, timing=Timing((0.15, 0.3), 0.05), network=Recorded
        )
        self.dead = stage.run_to_fault()
        self.fault_s = stage.loop.now
        stage.network.crash(self.dead, wire=True)
        stage.loop.run(self.fault_s + AFTER_MS / 1e3 + 0.1)
        self.names = sorted(stage.servers)
        self.moments = stage.story.moments
        assert isinstance(stage.network, Recorded)
        self.flights = sorted(stage.network.flights)

    def roles(self, at_s: float) -> dict[str, tuple[str, int]]:
        """(role, term) of each server at *at_s*."""
        now = dict.fromkeys(self.names, ("follower", 0))
        for moment in self.moments[: bisect.bisect_right(self.moments, at_s, key=lambda m: m.at_s)]:
            now[moment.server] = (moment.role, moment.term)
        if at_s >= self.fault_s:
            now[self.dead] = ("dead", now[self.dead][1])
        return now

    def under_way(self, at_s: float) -> list[tuple[float, str, str, str]]:
        """(share of the way, sender, to, kind) of each message that is on its way at *at_s*."""
        until = self.flights[: bisect.bisect_right(self.flights, (at_s, math.inf))]
        flying = [f for f in until if f[1] > at_s and (f[2] != self.dead or at_s < self.fault_s)]
        return [((at_s - sent) / (came - sent), sender, to, kind) for sent, came, sender, to, kind in flying]

    def since(self, at_s: float) -> list[Moment]:
        """What became of the servers from the fault until *at_s*."""
        return [m for m in self.moments if self.fault_s <= m.at_s <= at_s]


@lru_cache(maxsize=8)
def film(seed: int) -> Film:
    """The film of *seed*, made once."""
    return Film(seed)


def at(ms: int = 232, seed: int = 18) -> tuple[alt.LayerChart, str]:
    """The servers and the messages between them *ms* milliseconds after the leader died."""
    shown = film(seed)
    at_s = shown.fault_s + ms / 1e3
    places = {name: _place(i, len(shown.names)) for i, name in enumerate(shown.names)}
    roles = shown.roles(at_s)
    nodes = pd.DataFrame(
        [(*places[name], role, f"{name}, term {term}", role) for name, (role, term) in roles.items()],
        columns=["x", "y", "kind", "says", "role"],
    )
    flying = shown.under_way(at_s)
    mail = pd.DataFrame(
        [(*_between(places[a], places[b], share), kind) for share, a, b, kind in flying],
        columns=["x", "y", "message"],
    )
    chart = alt.layer(*_servers(nodes), _messages(mail)).properties(
        title=f"{abs(ms)} ms {'after' if ms >= 0 else 'before'} the leader died", width=560, height=360
    )
    told = [
        f"{1e3 * (m.at_s - shown.fault_s):.0f} ms: {m.server} is {m.role} of term {m.term}" for m in shown.since(at_s)
    ]
    caption = "; ".join(told[-4:]) or "the leader's heartbeats keep everybody quiet"
    return chart.properties(
        description=f"Five servers: {', '.join(nodes['says'] + ' ' + nodes['role'])}."
    ), caption + "."


def _place(i: int, n: int) -> tuple[float, float]:
    angle = math.pi / 2 - 2 * math.pi * i / n
    return math.cos(angle), math.sin(angle)


def _between(one: tuple[float, float], other: tuple[float, float], share: float) -> tuple[float, float]:
    """On the way, a little to the right of the straight line, so that two that meet do not cover each other."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    return one[0] + share * dx + 0.04 * dy, one[1] + share * dy - 0.04 * dx


def _xy() -> dict[str, Any]:
    scale = alt.Scale(domain=[-1.35, 1.35])
    return {"x": alt.X("x:Q", axis=None, scale=scale), "y": alt.Y("y:Q", axis=None, scale=scale)}


def _servers(nodes: pd.DataFrame) -> list[alt.Chart]:
    names = list(ROLES)
    colours = alt.Scale(domain=names, range=[style.PALETTE[colour] for colour, _ in ROLES.values()])
    shapes = alt.Scale(domain=names, range=[shape for _, shape in ROLES.values()])
    base = alt.Chart(nodes)
    points = base.mark_point(filled=True, size=900, opacity=1, stroke=style.PALETTE["ink"], strokeWidth=1).encode(
        **_xy(),
        color=alt.Color("kind:N", title="", scale=colours),
        shape=alt.Shape("kind:N", scale=shapes, title=""),
    )
    text = base.mark_text(dy=32, fontSize=12, fontWeight=600, color=style.PALETTE["ink"]).encode(
        **_xy(), text=alt.Text("says:N")
    )
    return [points, text]


def _messages(mail: pd.DataFrame) -> alt.LayerChart:
    colours = alt.Scale(domain=list(COLOURS), range=[style.PALETTE[name] for name in COLOURS.values()])
    base = alt.Chart(mail)
    dots = base.mark_square(size=70, opacity=1).encode(**_xy(), fill=alt.Fill("message:N", scale=colours, legend=None))
    text = base.mark_text(dy=-11, fontSize=10, color=style.PALETTE["ink"]).encode(**_xy(), text=alt.Text("message:N"))
    return alt.layer(dots, text)


def election_film() -> Explorer:
    """A slider through the time from just before the leader's death until there is another; and another seed."""
    return explorer(
        at,
        title="Five Raft servers; the leader dies at 0 ms. Click the handle and use the arrow keys",
        ms=slider(-BEFORE_MS, AFTER_MS, 2, 232, "time", "ms"),
        seed=slider(1, 20, 1, 18, "another run (seed)"),
    )
