"""Two designs beside each other: the same users at the same moments, so that a small difference is seen.

B is 3 ms faster than A: or did B have the quieter evening? With the same seeds both see the same arrivals and each
arrow the same service times, so the difference of the two runs scatters far less than either run does (common random
numbers: Law 2015, Simulation Modeling and Analysis, section 11.2).

Promised: for each measure the difference B - A with its 99 % interval over at least five seeds (Student's t), and
whether it is one; verdicts and bills side by side. Not here: which difference matters to users.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from minisys.chaos.plan import FaultPlan
from minisys.design.cost import monthly
from minisys.design.judge import Verdict, judge
from minisys.design.parts import Design
from minisys.design.run import Run, run
from minisys.design.traffic import Traffic
from minisys.testbed.marks import number
from minisys.testbed.sweep import sweep
from minisys.testbed.tables import Table, table

MEASURES: Mapping[str, Callable[[Run], float]] = {
    "p50_ms": lambda seen: 1000 * seen.latency_s(50),
    "p99_ms": lambda seen: 1000 * seen.latency_s(99),
    "availability": lambda seen: seen.availability,
    "goodput_per_s": lambda seen: seen.goodput_per_s,
    "lost_writes": lambda seen: float(seen.lost_writes),
}
CONFIDENCE = 0.99


@dataclass(frozen=True)
class Comparison:
    """Two designs, *a* and *b* by name. frame: a row for each measure (measure, a, b, difference, low, high, real).

    runs: one row for each seed and design. real: the interval of the difference does not hold zero.
    """

    a: str
    b: str
    frame: pd.DataFrame
    runs: pd.DataFrame

    def __getitem__(self, measure: str) -> Any:
        """The row of a measure. Raises KeyError for one that is not there."""
        return self.frame.set_index("measure").loc[measure]

    def table(self) -> Table:
        """The rows as a table."""
        rows = [
            (row["measure"].replace("_", " "), *(_figure(row["measure"], row[key]) for key in ("a", "b", "difference")),
             f"{_figure(row['measure'], row['low'])} to {_figure(row['measure'], row['high'])}", self._told(row))
            for row in self.frame.to_dict("records")
        ]  # fmt: skip
        names = (self.a, self.b) if self.a != self.b else (f"{self.a} (A)", f"{self.b} (B)")
        frame = pd.DataFrame(rows, columns=["measure", *names, "difference", "99 % interval", "a difference?"])
        return table(frame, caption=f"{names[1]} against {names[0]}, {self.runs['seed'].nunique()} seeds in common")

    def _told(self, row: Mapping[Any, Any]) -> str:
        """Whether there is a difference: what never differed is said to be the same."""
        if row["real"]:
            return "yes"
        a, b = (self.runs[self.runs.design == side].set_index("seed")[row["measure"]] for side in "ab")
        return "same in all runs" if a.equals(b) else "cannot tell"

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.table()._repr_mimebundle_()


def compare(
    a: Design, b: Design, traffic: Traffic | None = None, plan: FaultPlan | None = None, *, for_s: float = 20.0,
    seeds: Sequence[int] = range(5), engine: str = "fast", measures: Mapping[str, Callable[[Run], float]] = MEASURES,
) -> Comparison:  # fmt: skip
    """Run both designs with each of the *seeds* under the same traffic and plan, for *for_s* simulated seconds.

    Raises ValueError with fewer than five seeds: an interval over fewer says nothing.
    """
    if len(seeds) < 5:
        raise ValueError(f"a comparison needs at least five seeds, got {len(seeds)}: the interval would say nothing")
    rows = []
    for seed in seeds:
        for side, design in (("a", a), ("b", b)):
            seen = run(design, traffic or Traffic.steady(), plan or FaultPlan(), for_s=for_s, seed=seed, engine=engine)
            rows.append({"seed": seed, "design": side} | {name: float(of(seen)) for name, of in measures.items()})
    runs = pd.DataFrame(rows)
    return Comparison(a.name, b.name, pd.DataFrame([_row(runs, name) for name in measures]), runs)


def _figure(measure: str, value: float) -> str:
    """A value as it is read: a share as per cent."""
    return f"{number(100 * value)} %" if measure == "availability" else number(value)


def _row(runs: pd.DataFrame, measure: str) -> dict[str, Any]:
    a, b = (runs[runs.design == side][measure].to_numpy() for side in "ab")
    mean, low, high = interval(b - a)
    return {
        "measure": measure, "a": float(a.mean()), "b": float(b.mean()), "difference": mean, "low": low, "high": high,
        "real": bool(low > 0 or high < 0),
    }  # fmt: skip


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of independent *values* and its 99 % interval (Student's t); without bounds where a value is not finite."""
    mean = float(np.mean(values))
    if not math.isfinite(mean):
        return mean, -math.inf, math.inf
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1)) * spread
    return mean, mean - half, mean + half


def verdicts(
    designs: Mapping[str, Design], *, seed: int = 0, requests: int = 8_000, engine: str = "fast"
) -> pd.DataFrame:
    """Verdicts side by side: a row for each objective, a column for each design with what it got (and "no:" if missed).

    The last rows are the cost of each, and whether all is kept.
    """
    judged: dict[str, Verdict] = {
        name: judge(design, seed=seed, requests=requests, engine=engine) for name, design in designs.items()
    }
    objectives = list(dict.fromkeys(row.objective for each in judged.values() for row in each.rows))
    columns: dict[str, list[str]] = {"objective": [*objectives, "a month", "all kept"]}
    for name, verdict in judged.items():
        got = {row.objective: row.got if row.kept else f"no: {row.got}" for row in verdict.rows}
        bill = f"${monthly(designs[name]).total:,.0f}"
        columns[name] = [*(got.get(each, "–") for each in objectives), bill, "yes" if verdict.passed else "no"]
    return pd.DataFrame(columns)


def sweep_of(
    design: Design, grid: Mapping[str, Sequence[Any]], *, traffic: Traffic | None = None, plan: FaultPlan | None = None,
    for_s: float = 10.0, seeds: Sequence[int] = range(5), jobs: int | None = None, engine: str = "fast",
) -> pd.DataFrame:  # fmt: skip
    """Every combination of some numbers of a design, each with several seeds, on all cores: one row a run.

    grid: {"app.copies": [2, 4], "db.takes": [0.002, 0.004]}; the columns have these names, MEASURES beside them. On a
    cluster: ``with joblib.parallel_config(backend="dask"):`` around it (testbed.sweep). Raises ValueError for a name
    that is no part and field.
    """
    from minisys.design.explore import altered

    for name, values in grid.items():
        altered(design, {name: values[0]} if values else {})
    fixed = {"design": design, "traffic": traffic, "plan": plan, "for_s": for_s, "engine": engine}
    made = sweep(_swept, {**grid, "fixed": [fixed]}, seeds=seeds, jobs=jobs)
    return made.drop(columns="fixed")


def _swept(*, fixed: dict[str, Any], seed: int, **given: Any) -> dict[str, float]:
    from minisys.design.explore import altered

    seen = run(
        altered(fixed["design"], given), fixed["traffic"] or Traffic.steady(), fixed["plan"] or FaultPlan(),
        for_s=fixed["for_s"], seed=seed, engine=fixed["engine"],
    )  # fmt: skip
    return {name: float(of(seen)) for name, of in MEASURES.items()}
