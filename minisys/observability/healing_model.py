"""Repairs in virtual time: a fleet, faults that yield to one cure and not to another, and a supervisor or none.

Does a runbook shorten outages, or does it make them? A week of faults on a real fleet would tell, in a week. Here the
same supervisor that repairs live processes meets them in a second, and a human who needs a quarter of an hour.

    run = simulate(DEFAULT, [Fault(60.0, "crash", 2)]); run.mttr_s, run.pages

Promised: the decisions are supervisor.py's, line for line; exact, without chance, for given faults; `draw` makes faults
from a seed. A restarted machine is away for BOOT_S, a new one needs NEW_S; a human repairs anything HUMAN_S after the
page, or after the first user called (CALL_S) if nobody was paged. Not promised: your machines' figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from minisys.observability.runbooks import Runbooks
from minisys.observability.supervisor import EVERYTHING, Act, Seen, Supervisor
from minisys.testbed.workload import stream

PERIOD_S, BOOT_S, NEW_S, RELAPSE_S = 2.0, 15.0, 90.0, 6.0
HUMAN_S, CALL_S = 900.0, 1_800.0
CURES: dict[str, tuple[str, frozenset[str]]] = {  # kind: what it looks like, and what cures it
    "crash": ("dead", frozenset({"restart", "replace"})),
    "hang": ("silent", frozenset({"restart", "replace"})),
    "leak": ("slow", frozenset({"restart", "replace"})),
    "bad disk": ("slow", frozenset({"replace"})),
    "bad release": ("failing", frozenset()),
    "crash loop": ("dead", frozenset()),
    "slow database": ("slow", frozenset()),  # everybody is slow
}


@dataclass(frozen=True)
class Fault:
    """*kind*, one of CURES, befalls *place* (0, 1, …; of no meaning for "slow database") at *at_s* seconds.

    Raises ValueError for an unknown kind, a negative time or place.
    """

    at_s: float
    kind: str
    place: int = 0

    def __post_init__(self) -> None:
        if self.kind not in CURES:
            raise ValueError(f"unknown fault {self.kind!r}; known: {', '.join(CURES)}")
        if not 0 <= self.at_s < math.inf or self.place < 0:
            raise ValueError(f"need at_s >= 0 and place >= 0, got {self.at_s} and {self.place}")


@dataclass
class _Place:
    """One machine's place: what ails it, since when, and until when it is away or (seemingly) well."""

    fault: Fault | None = None
    row: int = -1
    away_until_s: float = 0.0
    new: bool = False  # the machine that is coming is another one
    hidden_until_s: float = 0.0
    out: bool = False
    human_at_s: float = math.inf
    repair: str = ""

    def symptom(self, now_s: float) -> str:
        """What a look shows."""
        if now_s < self.away_until_s:
            return "dead"
        return "" if self.fault is None or now_s < self.hidden_until_s else CURES[self.fault.kind][0]


@dataclass(frozen=True)
class Run:
    """What came of it. faults: one a row (kind, place, began_s, over_s, by: what ended it). acts: the supervisor's.

    well: places that served well at each look. present: those that served at all, well or badly. places, needed: how
    many there are and must serve.
    """

    faults: pd.DataFrame
    acts: list[Act]
    well: np.ndarray
    present: np.ndarray
    places: int
    needed: int

    @property
    def mttr_s(self) -> float:
        """Mean time to repair: from the beginning of a fault until its place serves well; NaN without a fault."""
        return float((self.faults["over_s"] - self.faults["began_s"]).mean())

    @property
    def pages(self) -> int:
        """How often a human was called by the supervisor."""
        return sum(act.action == "page" for act in self.acts)

    @property
    def repairs(self) -> int:
        """What the supervisor did by itself."""
        return sum(act.action not in ("page", "return") for act in self.acts)

    @property
    def down_s(self) -> float:
        """Seconds in which fewer places served well than are needed."""
        return float((self.well < self.needed).sum() * PERIOD_S)

    @property
    def lost_s(self) -> float:
        """Machine-seconds that did not serve well."""
        return float((self.places - self.well).sum() * PERIOD_S)

    @property
    def availability(self) -> float:
        """The share of machine time that served well."""
        return float(self.well.mean() / self.places)


def simulate(
    book: Runbooks | None, faults: Sequence[Fault], *, places: int = 6, needed: int = 4, for_s: float = 7_200.0
) -> Run:
    """*faults* on *places* machines for *for_s* seconds, with a supervisor that goes by *book*, or none (None).

    A fault at a place that is ill already is left out. Raises ValueError for a place that is not there.
    """
    wrong = [fault for fault in faults if fault.place >= places]
    if wrong or not 1 <= needed <= places:
        raise ValueError(f"there are {places} places (needed: 1 to all of them, got {needed}); {wrong[:1]}")
    world = _World(places, sorted(faults, key=lambda fault: fault.at_s))
    supervisor = Supervisor(book) if book is not None else None
    acts: list[Act] = []
    counts = []
    for look in range(round(for_s / PERIOD_S)):
        now_s = look * PERIOD_S
        for name in world.advance(now_s):
            if supervisor is not None:
                supervisor.resume(name)
        done = supervisor.decide(world.look(now_s), now_s) if supervisor is not None else []
        for act in done:
            world.do(act)
        acts += done
        counts.append(world.serving(now_s))
        if world.over(now_s):  # nothing can happen any more: the looks that are left would all see the same
            break
    counts += counts[-1:] * (round(for_s / PERIOD_S) - len(counts))
    rows = pd.DataFrame(world.rows, columns=["kind", "place", "began_s", "over_s", "by"])
    rows["over_s"] = rows["over_s"].fillna(for_s)
    well, present = np.array(counts).T
    return Run(rows, acts, well, present, places, needed)


@lru_cache(maxsize=256)
def _seen(number: int, symptom: str) -> Seen:
    """What a look at place *number* sees if it shows *symptom*."""
    alive = symptom != "dead"
    return Seen(str(number), alive, alive and symptom != "silent", symptom == "slow", symptom == "failing")


class _World:
    """The machines, and what faults, repairs and humans do to them."""

    def __init__(self, places: int, faults: Sequence[Fault]) -> None:
        self.places = [_Place() for _ in range(places)]
        self.coming, self.rows = list(faults), list[list]()

    def advance(self, now_s: float) -> list[str]:
        """Everything that happens up to *now_s*; the names of the places that a human has repaired."""
        while self.coming and self.coming[0].at_s <= now_s:
            fault = self.coming.pop(0)
            ill = range(len(self.places)) if fault.kind == "slow database" else [fault.place]
            for number in ill:
                self._befall(number, fault)
        repaired = [number for number, place in enumerate(self.places) if place.human_at_s <= now_s]
        for number in repaired:
            self._over(number, now_s, "human")
            self.places[number] = _Place()
        for number, place in enumerate(self.places):
            self._settle(number, place, now_s)
        return [str(number) for number in repaired]

    def _befall(self, number: int, fault: Fault) -> None:
        place = self.places[number]
        if place.fault is None and not place.out:
            place.fault, place.row, place.human_at_s = fault, len(self.rows), fault.at_s + CALL_S + HUMAN_S
            self.rows.append([fault.kind, number, fault.at_s, math.nan, ""])

    def _settle(self, number: int, place: _Place, now_s: float) -> None:
        """A machine that is back: cured, or ill again in a moment."""
        if place.repair and now_s >= place.away_until_s:
            if place.fault is not None and place.repair in CURES[place.fault.kind][1]:
                self._over(number, now_s, place.repair)
                place.fault, place.human_at_s = None, math.inf
            elif place.fault is not None:
                place.hidden_until_s = now_s + RELAPSE_S if place.fault.kind == "crash loop" else 0.0
            place.repair = ""

    def _over(self, number: int, now_s: float, by: str) -> None:
        row = self.places[number].row
        if row >= 0 and math.isnan(self.rows[row][3]):
            self.rows[row][3:] = [now_s, by]

    def look(self, now_s: float) -> list[Seen]:
        """One look at each."""
        symptoms = [place.symptom(now_s) for place in self.places]
        return [_seen(number, symptom) for number, symptom in enumerate(symptoms)]

    def over(self, now_s: float) -> bool:
        """No fault is left or to come, every machine serves and nobody is on the way to one."""
        return not self.coming and all(
            place.fault is None and not place.out and not place.repair
            and place.away_until_s <= now_s and place.human_at_s == math.inf
            for place in self.places
        )  # fmt: skip

    def do(self, act: Act) -> None:
        """Carry out *act*."""
        if act.target == EVERYTHING:
            for place in self.places:
                if place.fault is not None:
                    place.human_at_s = min(place.human_at_s, act.at_s + HUMAN_S)
            return
        place = self.places[int(act.target)]
        if act.action == "page":
            place.human_at_s = min(place.human_at_s, act.at_s + HUMAN_S)
        elif act.action in ("restart", "replace"):
            place.away_until_s = act.at_s + (BOOT_S if act.action == "restart" else NEW_S)
            place.repair, place.out = act.action, False
        else:
            place.out = act.action != "return"

    def serving(self, now_s: float) -> tuple[int, int]:
        """How many serve well, and how many serve at all."""
        symptoms = [place.symptom(now_s) for place in self.places if not place.out]
        return symptoms.count(""), sum(symptom not in ("dead", "silent") for symptom in symptoms)


def draw(
    count: int = 12, *, places: int = 6, for_s: float = 7_200.0, seed: int = 0, kinds: Sequence[str] = tuple(CURES)
) -> list[Fault]:
    """*count* faults of *kinds* at random moments of the first half of *for_s* seconds and places, by *seed*."""
    rng = stream(seed, "faults")
    return [
        Fault(float(rng.uniform(0, for_s / 2)), kinds[int(rng.integers(len(kinds)))], int(rng.integers(places)))
        for _ in range(count)
    ]
