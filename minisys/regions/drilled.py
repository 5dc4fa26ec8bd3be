"""The drill beside its prediction: RPO and RTO of four levels, by formula, in virtual time, and with PostgreSQL.

A plan says forty minutes. Three people have said so, a spreadsheet adds it up, and nobody has looked. Here the same two
numbers come from three places that do not know of each other.

Promised: measured is what drill.py counted from customers' receipts on this machine. Its regions are processes, so its
steps take tenths of seconds; formula and model are given such times (REHEARSED, from another day), and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

import altair as alt
import pandas as pd

from minisys.regions import drill, theory
from minisys.regions.levels import ACTIVE, BACKUP, PILOT_LIGHT, WARM, Copies, Level, Shop, Timing
from minisys.regions.model import Plan, RegionLoss, simulate
from minisys.testbed import charts
from minisys.testbed.marks import banded
from minisys.testbed.tables import Table, table

# The steps of a rehearsal of drill.py on two cores: seconds. The restore took 0.55 s for what counts as 1 GB here.
REHEARSED = Timing(check_every_s=0.1, fall=3, decide_s=0.0, boot_db_s=0.0, boot_app_s=0.5, restore_gb_per_s=1.8,
                   promote_s=0.1, scale_out_s=0.0, ttl_s=0.2)  # fmt: skip
ONE_WAY_S = 0.04  # the drill's wire
# The drill has no person to wait for; its active-active has two applications and one writer, which is to be promoted.
DRILLED = (
    replace(BACKUP, copies=Copies(1.0, ONE_WAY_S), automatic=True),
    replace(PILOT_LIGHT, copies=Copies(0.0, ONE_WAY_S), automatic=True),
    replace(WARM, copies=Copies(0.0, ONE_WAY_S), app=1.0),
    replace(ACTIVE, serving=False),
)
DRILL_SHOP = Shop(data_gb=1.0)


def drills(seed: int = 1) -> list[drill.Drill]:
    """A live drill of each level, two at a time; an empty list if PostgreSQL cannot run here (a line says why)."""
    if not drill.available():
        return []
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda level: drill.run(level.name, seed=seed, for_s=1.0), DRILLED))


@lru_cache(maxsize=64)
def _simulated(level: Level, seed: int) -> RegionLoss:
    plan = Plan(level=level, timing=REHEARSED, shop=DRILL_SHOP, other="Ireland", users=("Ireland",), resolvers=10)
    return simulate(plan, rate_per_s=100.0, work_s=0.002, write_share=1.0, loss_at_s=3.0, after_s=3.0, seed=seed)


def in_three_worlds(measure: str, measured: Iterable[drill.Drill] = (), seeds: int = 10) -> alt.LayerChart:
    """RTO or RPO (*measure*: "rto_s" or "rpo_s") of the drill's four levels: formula, model (*seeds* runs), drills.

    RPO is drawn in ms: three levels lose a few of them, and 0.00 s would hide that.
    """
    names = {"rto_s": "RTO: first failed order to first confirmed again", "rpo_s": "RPO: age of what was lost"}
    said = {"rto_s": lambda level: theory.open_s(level, DRILL_SHOP, REHEARSED),
            "rpo_s": lambda level: theory.rpo_mean_s(level.copies)}[measure]  # fmt: skip
    rows: list[dict[str, object]] = []
    for level in DRILLED:
        rows.append({"level": level.name, "world": "predicted", measure: said(level)})
        rows += [{"level": level.name, "world": "simulated", measure: getattr(_simulated(level, seed), measure)}
                 for seed in range(seeds)]  # fmt: skip
        rows += [{"level": level.name, "world": "measured", measure: getattr(one, measure)}
                 for one in measured if one.level == level.name]  # fmt: skip
    scale, unit, digits = (1000, "ms", 0) if measure == "rpo_s" else (1, "seconds", 2)
    frame = banded(pd.DataFrame(rows), "level", measure, "world")
    frame[[measure, "low", "high"]] = scale * frame[[measure, "low", "high"]].clip(lower=0)
    chart = charts.dots(frame, x=measure, y="level", by="kind", sort=False, title=names[measure], x_title=unit,
                        y_title="", written=lambda value: f"{value:.{digits}f}")  # fmt: skip
    most = float(frame["high"].max())
    for layer in chart.layer:  # a rounded axis would begin at -100 ms
        layer.encoding.x.scale = alt.Scale(domain=[-0.02 * most, 1.06 * most], nice=False)
    return chart.properties(width=520, height=alt.Step(24))


def runbook(measured: Iterable[drill.Drill]) -> Table:
    """All steps of the drills *measured*, one column for each: seconds after the loss; "–": it has no such step."""
    times = {one.level: {step: f"{at_s:.2f}" for at_s, step in one.steps} for one in measured}
    order = ["region a is lost", "noticed", "base copy", "standby promoted", "application started", "name points"]
    steps = sorted({step: 0 for one in times.values() for step in one}, key=lambda step: _place(step, order))
    rows = [{"step": step, **{level: one.get(step, "–") for level, one in times.items()}} for step in steps]
    return table(pd.DataFrame(rows, columns=["step", *times]), caption="The runbooks: seconds after the loss")


def _place(step: str, order: list[str]) -> int:
    return next((i for i, begin in enumerate(order) if step.startswith(begin)), len(order))
