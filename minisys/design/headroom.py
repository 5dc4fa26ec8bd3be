"""What breaks first, and at which load? The question after every drawing on a whiteboard.

The shop is busy to 40 %, so it survives twice the traffic: wrong, when the payment provider allows a hundred requests a
second and gets ninety. Each part has a multiple of today's traffic at which it is full; the smallest is the design's.

Promised: from the flow equations, so it costs milliseconds; a run just below the multiple keeps up, one above does not
(`checked` shows both). Not here: how it breaks (run), retries that make it worse (attack).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from minisys.design.flow import Flows, flows
from minisys.design.parts import Clients, Design, Dns, External, Part
from minisys.design.places import holds
from minisys.design.words import share
from minisys.testbed.tables import Table, table

MOST = 1e6  # times today's traffic: beyond, a part counts as never full
WITH_IT = 1.1  # a part that waits and is full at up to so much less traffic is full because of whom it waits for


@dataclass(frozen=True)
class Headroom:
    """*breaks_first* is full at *at_times* today's traffic, that is *at_per_s* requests of users per second.

    parts: one row each (part, kind, arrived_per_s, utilisation, at_times), the first to break on top. A part whose
    workers wait for the first one's answers, and are all waiting just before that is full, is full with it. A design
    that does no work breaks never: breaks_first "" at inf.
    """

    breaks_first: str
    at_times: float
    at_per_s: float
    parts: pd.DataFrame

    def table(self) -> Table:
        """The parts as a table."""
        rows = self.parts.assign(utilisation=[share(float(f"{used:.3g}")) for used in self.parts["utilisation"]])
        return table(rows, caption=f"{self.breaks_first or 'Nothing'} breaks first, at {self.at_times:.3g} times")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.table()._repr_mimebundle_()


def headroom(design: Design) -> Headroom:
    """Which part is full first when all traffic grows alike, with autoscaled parts at their most copies."""
    now = flows(design)
    rows = [
        {
            "part": part.name, "kind": part.kind, "arrived_per_s": now.rate(part.name),
            "utilisation": now.utilisation(part), "at_times": full_at(design, part, now),
        }
        for part in design.parts
        if not isinstance(part, Clients | Dns)
    ]  # fmt: skip
    columns = ["part", "kind", "arrived_per_s", "utilisation", "at_times"]
    frame = pd.DataFrame(rows, columns=columns)
    held = frame["part"].map(lambda name: WITH_IT if holds(design[name]) else 1.0)  # who waits for it fills up with it
    frame = frame.loc[(frame["at_times"] * held).sort_values(kind="stable").index].reset_index(drop=True)
    if len(frame):
        frame["at_times"] = frame["at_times"].clip(lower=frame["at_times"][0])
    users = sum(part.rate for part in design.of(Clients))
    if not len(frame) or math.isinf(frame.at_times[0]):
        return Headroom("", math.inf, math.inf, frame)
    return Headroom(str(frame.part[0]), float(frame.at_times[0]), float(frame.at_times[0]) * users, frame)


def full_at(design: Design, part: Part, now: Flows | None = None) -> float:
    """The multiple of today's traffic at which *part* is full (utilisation 1); inf if none is."""
    now = now or flows(design)
    used = now.utilisation(part)
    if not used > 0:
        return math.inf
    if isinstance(part, External) or not holds(part) or not part.calls:
        return 1 / used if used > 1 / MOST else math.inf
    low, high = 0.0, 1.0  # a worker that waits for others is busy longer the busier those are: no straight line
    while high < MOST and _grown(now, high).utilisation(part) < 1:
        low, high = high, 2 * high
    if high >= MOST:
        return math.inf
    for _ in range(14):  # to a ten-thousandth
        middle = (low + high) / 2
        low, high = (middle, high) if _grown(now, middle).utilisation(part) < 1 else (low, middle)
    return high


def _grown(now: Flows, times: float) -> Flows:
    """The flows at so many *times* those of *now*, without solving again: each arrival and arrow grows alike."""
    (arrived, arrows), more = now._solved, Flows(now.design, now.times * times)
    solved = {name: times * rate for name, rate in arrived.items()}, {way: times * rate for way, rate in arrows.items()}
    vars(more).update(_solved=solved, stands=now.stands)
    return more
