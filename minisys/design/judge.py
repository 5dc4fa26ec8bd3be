"""Does the design keep what it promises? Each objective beside what was got, with the evidence.

"99.99 %, p99 below 300 ms, at most five seconds of lost writes, for $20,000 a month" is a list of things to check, not
a taste. Every row says what was wanted, what was got, and from which calculation or run, so that two designs can be
compared row by row.

Promised: simulated figures come from seeded runs that can be repeated; nothing that was not asked is judged. Not here:
why an objective is missed (attack), whether the objectives are wise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design import availability
from minisys.design.cost import monthly
from minisys.design.evidence import AT_S, STEADY, Range, bad_shares, killed, ours
from minisys.design.flat import copy_name
from minisys.design.keepers import unkept
from minisys.design.parts import Cache, Database, Design, Dns, Edge, External
from minisys.design.places import copies_of, serving_regions
from minisys.design.prices import PRICES, Prices
from minisys.design.result import ENOUGH, Run
from minisys.design.weak_calls import SLOW_S
from minisys.design.worst import single_faults
from minisys.testbed.tables import Table, table

FEW_BAD = 0.01  # a jump of traffic is survived if so few fail; and the p99 allows as many to be late
NO_KEEPER = "all writes ever: not kept"
ALL_WRITES = "all writes ever: no backup"  # what is lost with the last copy, if there is nothing to go back to


class Row(NamedTuple):
    """One objective: what was *wanted*, what was *got*, in words; whether it is *kept*; from what: *evidence*."""

    objective: str
    wanted: str
    got: str
    kept: bool
    evidence: str
    value: float

    @property
    def told(self) -> str:
        """What was *got*, as it reads beside what was wanted: "99.8 % good at 1.5 times"."""
        return f"{self.got} at {self.wanted}" if self.objective == "times" else self.got


@dataclass(frozen=True)
class Verdict:
    """All objectives of a design, judged. `passed`: every one is kept; `missed` names the others."""

    name: str
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether every objective is kept."""
        return all(row.kept for row in self.rows)

    @property
    def missed(self) -> tuple[str, ...]:
        """The objectives that are not kept."""
        return tuple(row.objective for row in self.rows if not row.kept)

    def __getitem__(self, objective: str) -> Row:
        """The row of an objective. Raises KeyError with those there are."""
        for row in self.rows:
            if row.objective == objective:
                return row
        raise KeyError(f"no objective {objective!r} was judged; there are {', '.join(r.objective for r in self.rows)}")

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a frame (objective, wanted, got, kept, evidence, value)."""
        return pd.DataFrame(self.rows, columns=list(Row._fields))

    def table(self) -> Table:
        """The rows as a table."""
        said = "keeps all it promises" if self.passed else f"misses {', '.join(self.missed)}"
        shown = self.frame.drop(columns="value").assign(kept=["yes" if row.kept else "no" for row in self.rows])
        return table(shown, caption=f"{self.name} {said}")

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.table()._repr_mimebundle_()


def judge(
    design: Design, *, seed: int = 0, prices: Prices = PRICES, requests: int = 8_000, engine: str = "fast"
) -> Verdict:
    """The verdict on *design*: a row for each of its objectives. Raises ValueError for a design that cannot run."""
    place = Range(design, seed=seed, requests=requests, engine=engine)
    judged = _Judge(design, place, prices)
    wanted = [(name, getattr(design.objectives, name)) for name in RULES]
    return Verdict(design.name, tuple(RULES[name](judged, value) for name, value in wanted if value is not None))


class _Judge:
    """Runs what several rows need once."""

    def __init__(self, design: Design, place: Range, prices: Prices) -> None:
        self.design, self.place, self.prices = design, place, prices
        self._worst: tuple[Run, Run, str, str] | None = None

    @property
    def steady(self) -> Run:
        return self.place.usual("load", STEADY)

    def percentile(self, q: float, wanted: float) -> Row:
        got = self.steady.latency_s(q)
        evidence = f"{len(self.steady.trace):,} requests, seed {self.place.seed}{self._of()}"
        return Row(f"p{q:g}".replace(".", ""), seconds(wanted), seconds(got), got <= wanted, evidence, got)

    def availability(self, wanted: float) -> Row:
        survive = self.design.objectives.survive
        ground = availability.Ground(
            availability.ZONE if survive != "copy" else 1.0, availability.REGION if survive == "region" else 1.0
        )
        exact = availability.exact(self.design, ground)
        served = 1 - bad_shares(self.steady, 0.0, math.inf)[0]
        got = exact * served
        beyond = {"copy": "zones and regions", "zone": "regions", "region": ""}[survive]
        evidence = f"failures: {100 * exact:.4f} % exactly; in the run {100 * served:.2f} % served"
        evidence += f"; {beyond} are taken as up" if beyond else ""
        return Row("availability", f"{100 * wanted:.7g} %", f"{100 * got:.4f} %", got >= wanted, evidence, got)

    def worst_losses(self) -> tuple[Run, Run, str, str]:
        """Of the losses to be survived: the run with the longest outage, and that with most lost; and their names."""
        if self._worst is None:
            runs = [(plan.targets[0], self._outage(plan)) for plan in losses(self.place.design)]
            runs = runs or [("nothing of yours", self.steady)]
            outage = max(runs, key=lambda each: each[1].rto_s)
            data = max(runs, key=lambda each: each[1].rpo_s)
            self._worst = outage[1], data[1], outage[0], data[0]
        return self._worst

    def _outage(self, plan: FaultPlan) -> Run:
        return self.place.run(self.place.traffic("outage", STEADY), plan, self.place.for_s("outage"))

    def rto(self, wanted: float) -> Row:
        got, _, name, _ = self.worst_losses()
        grain_s = max(0.5, ENOUGH * got.for_s / max(1, got.requests.write.sum()))
        said = seconds(got.rto_s) if got.rto_s else f"under {seconds(grain_s)}"
        return Row("rto", seconds(wanted), said, got.rto_s <= wanted, f"{name} is lost", got.rto_s)

    def rpo(self, wanted: float) -> Row:
        if problem := unkept(self.design):
            return Row("rpo", seconds(wanted), NO_KEEPER, False, problem, math.inf)
        _, got, _, name = self.worst_losses()
        said = f"{name} is lost: {got.lost_writes:,.0f} confirmed writes are gone"
        return Row("rpo", seconds(wanted), seconds(got.rpo_s, ALL_WRITES), got.rpo_s <= wanted, said, got.rpo_s)

    def cost(self, wanted: float) -> Row:
        bill = monthly(self.design, self.prices)
        dearest = bill.by_part().iloc[0]["part"] if len(bill.frame) else "nothing"
        said = f"prices of {bill.dated}; most of it for {dearest}"
        return Row("cost", f"${wanted:,.0f}", f"${bill.total:,.0f}", bill.total <= wanted, said, bill.total)

    def regions(self, wanted: int) -> Row:
        there = serving_regions(self.design)
        said = ", ".join(there) or "no region has every tier"
        return Row("regions", str(wanted), str(len(there)), len(there) >= wanted, f"every tier: {said}", len(there))

    def residency(self, home: str) -> Row:
        away = [
            f"{part.name} in {copy.region}"
            for part in self.design.of(Database)
            if part.personal
            for copy in copies_of(self.design, part)
            if copy.region != home
        ]
        said = "where the copies of personal data stand"
        return Row("residency", home, ", ".join(dict.fromkeys(away)) or home, not away, said, len(away))

    def times(self, wanted: float) -> Row:
        seen = self.place.run(STEADY.times(wanted), FaultPlan(), self.place.for_s("load", wanted))
        late_s = self.design.objectives.p99 or self.place.late_s
        failed, late = bad_shares(seen, 0.0, late_s)
        kept = failed + late <= FEW_BAD + (late_s == self.design.objectives.p99) * FEW_BAD
        said = f"{100 * failed:.2f} % failed and {100 * late:.2f} % came after {seconds(late_s)}"
        return Row("times", f"{wanted:g} times", f"{100 * (1 - failed - late):.2f} % good", kept, said, failed + late)

    def single_fault(self, wanted: float) -> Row:
        usual = self.place.for_s("load")
        good = {}
        for fault in each_fault(self.place.design):
            seen = self.place.run(STEADY, FaultPlan([fault]), usual)
            good[f"{fault.kind} at {fault.target}"] = 1 - sum(bad_shares(seen, fault.at_s, self.place.late_s))
        worst = min(good, key=good.__getitem__)
        said = f"{worst} is the worst of {len(good)}, watched for {usual - AT_S:.3g} s"
        got = good[worst]
        return Row("single_fault", f"{100 * wanted:g} % good", f"{100 * got:.1f} % good", got >= wanted, said, got)

    def _of(self) -> str:
        return f", one {self.place.slice.k:,}th of the design" if self.place.slice.k > 1 else ""


RULES: dict[str, Callable[[_Judge, Any], Row]] = {
    "p50": lambda judged, wanted: judged.percentile(50, wanted),
    "p99": lambda judged, wanted: judged.percentile(99, wanted),
    "p999": lambda judged, wanted: judged.percentile(99.9, wanted),
    "availability": _Judge.availability,
    "rpo": _Judge.rpo,
    "rto": _Judge.rto,
    "cost": _Judge.cost,
    "regions": _Judge.regions,
    "residency": _Judge.residency,
    "times": _Judge.times,
    "single_fault": _Judge.single_fault,
}


def losses(design: Design) -> Iterator[FaultPlan]:
    """The losses that the objectives promise to survive: every zone, region, or one copy of each part."""
    survive = design.objectives.survive
    if survive == "copy":
        for part in ours(design):
            if not isinstance(part, Dns | Edge):
                yield killed([copy_name(part, 0)])
    else:
        used = {copy for part in ours(design) for copy in copies_of(design, part)}
        for region, zones in design.regions.items():
            if survive == "region" and any(copy.region == region for copy in used):
                yield FaultPlan([Fault("region loss", region, AT_S)])
            for zone in zones:
                if survive == "zone" and any(copy.zone == zone for copy in used):
                    yield FaultPlan([Fault("zone loss", zone, AT_S)])


def each_fault(design: Design) -> Iterator[Fault]:
    """Every single fault: a copy of each part or a zone is gone, a third party is gone or hangs, a cache is empty."""
    yield from single_faults(design)
    yield from (Fault("slow answers", part.name, AT_S, delay_s=SLOW_S) for part in design.of(External))
    yield from (Fault("cache flush", part.name, AT_S) for part in design.of(Cache))


def seconds(value: float, endless: str = "never") -> str:
    """Seconds as people write them."""
    if math.isinf(value) or math.isnan(value):
        return endless if math.isinf(value) else "unknown"
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s" if value < 600 else f"{value / 60:.3g} min"
