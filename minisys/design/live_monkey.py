"""A monkey in the live shop: it kills one component after the other while users buy, and then the books are opened.

    with up("shop") as shop:
        found = trial(shop, for_s=60, per_s=30, seed=1)
    found.audit.sentence, found.availability, found.mttr_s

Nothing is left out: edge, balancer, server, cache, the leader of a shard, broker, worker, bank, autoscaler, supervisor
and metrics die in turn, in an order that the seed draws anew for each round, so that each meets another state of the
others. The plan is data (chaos/plan.py) and is played by chapter 11's player within a blast radius of one copy.

Promised: the same seed gives the same plan; which copy of a part dies is drawn with the same seed. Not promised: that
users see nothing. They see errors, ask again, and `at_once` says how many had to.
"""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING

from minisys.chaos.inject import RealClock, Undo, play
from minisys.chaos.monkey import BlastRadius
from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.live_audit import Audit
from minisys.design.live_load import Shopping

if TYPE_CHECKING:
    import pandas as pd

    from minisys.design.live import LiveDesign

CALM_S = 5.0  # before the first kill and, at least, after the last
LEADER = "leader of "


def kinds(shop: LiveDesign) -> list[str]:
    """What the monkey kills in turn: every part that runs, of the store the leader of a shard."""
    copies = shop.host.all()
    stores = dict.fromkeys(copy.place.part for copy in copies if copy.place.kind == "database")
    parts = dict.fromkeys(copy.place.part for copy in copies)
    return [f"{LEADER}{part}" if part in stores else part for part in parts]


def turns(targets: list[str], for_s: float, every_s: float, seed: int) -> FaultPlan:
    """One kill every *every_s* seconds for *for_s* seconds: each of *targets* once before any comes again.

    Raises ValueError unless there are targets and every_s > 0.
    """
    if not targets or not every_s > 0:
        raise ValueError(f"need something to kill and every_s > 0, got {targets} and {every_s}")
    rng, faults, coming = Random(f"monkey {seed}"), list[Fault](), list[str]()
    at_s = CALM_S
    while at_s <= for_s - CALM_S:
        coming = coming or rng.sample(targets, len(targets))
        faults.append(Fault("kill", coming.pop(), at_s=at_s, for_s=every_s / 2))
        at_s += every_s
    return FaultPlan(faults, seed)


class OneCopy:
    """An injector that kills one copy of the part that a fault names, drawn with *seed* when its time has come."""

    def __init__(self, shop: LiveDesign, seed: int) -> None:
        self.shop, self.rng = shop, Random(f"copy {seed}")

    def begin(self, fault: Fault) -> Undo:
        """Kill it; the supervisor undoes it. Raises ValueError for a part that is not there."""
        luck, part = self.rng.random(), fault.target.removeprefix(LEADER)
        if fault.target != part:
            shards = max(copy.place.shard for copy in self.shop.host.matching(part))
            return self._kill(self.shop.leader(1 + int(luck * shards)))
        alive = [copy.place.label for copy in self.shop.host.matching(part) if copy.state == "up"]
        return self._kill(alive[int(luck * len(alive))]) if alive else (lambda: None)

    def _kill(self, label: str) -> Undo:
        return self.shop.begin(Fault("kill", label))


@dataclass(frozen=True)
class Trial:
    """What came of it: what users saw, the *audit* afterwards, kills as (copy, at, back) in seconds, and who is not up
    at the end.
    """

    shopping: Shopping
    audit: Audit
    outages: list[tuple[str, float, float | None]]
    down: list[str]
    problems: list[str]  # kills that did not happen

    @property
    def availability(self) -> float:
        """Share of the users who got an answer in the end, however often they had to ask."""
        return self.shopping.availability

    @property
    def at_once(self) -> float:
        """Share of the users who got it at the first attempt."""
        return self.shopping.at_once

    @property
    def repaired(self) -> int:
        """How many of the outages are over."""
        return sum(back_s is not None for *_, back_s in self.outages)

    @property
    def mttr_s(self) -> float:
        """Mean time from SIGKILL until another process was ready, in seconds; NaN without an outage."""
        took = [back_s - at_s for _, at_s, back_s in self.outages if back_s is not None]
        return fmean(took) if took else math.nan

    def table(self) -> pd.DataFrame:
        """The outages by part: kills, repaired, seconds until then (mean and longest)."""
        import pandas as pd

        rows = pd.DataFrame(self.outages, columns=["part", "at_s", "back_s"])
        rows["part"] = rows["part"].str.partition("/")[0]
        rows["took_s"] = rows["back_s"].astype(float) - rows["at_s"]
        table = rows.groupby("part", sort=False)["took_s"].agg(["size", "count", "mean", "max"])
        return table.set_axis(["kills", "repaired", "mean (s)", "longest (s)"], axis=1).round(2).reset_index()


def trial(
    shop: LiveDesign, *, for_s: float = 60.0, per_s: float = 30.0, every_s: float = 6.0, buys: float = 0.3,
    seed: int = 0,
) -> Trial:  # fmt: skip
    """Users for *for_s* seconds, *per_s* a second, a kill every *every_s* seconds; then all must be up, then the audit.

    Raises ValueError for numbers that make no sense; NodeFailed if the books cannot be read.
    """
    plan, before = turns(kinds(shop), for_s, every_s, seed), len(shop.host.outages)
    injector, begun = BlastRadius(OneCopy(shop, seed), {}), threading.Event()
    with ThreadPoolExecutor(1) as hands:
        users = hands.submit(shop.load, for_s, per_s, buys=buys, seed=seed, begun=begun)
        while not begun.wait(0.05) and not users.done():
            pass
        log = play(plan, injector, RealClock())
        shopping = users.result()
    down = shop.whole()
    return Trial(shopping, shop.audit(), shop.host.outages[before:], down, log.problems)
