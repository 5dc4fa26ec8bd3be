"""What chapter 06 shows of the clouds' stores: consistency levels, zones, and clocks that are wrong.

"Which level do we take?" Look at what each forbids, and at what it costs a read. The models behind the pictures are
levels_model.py and stores_model.py.

Promised: every figure is simulated or computed when the cell runs. Not promised: a provider's latencies.
"""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.replication import levels_model, stores_model
from minisys.testbed import charts
from minisys.testbed.tables import Table, table

SEEDS = range(5)


@lru_cache(maxsize=1)
def _levels() -> pd.DataFrame:
    return levels_model.broken()


def levels_chart() -> alt.LayerChart:
    """Runs in percent in which each of Cosmos DB's five levels broke each promise."""
    found = _levels()
    found = found[found["promise"] != "mean read (ms)"]
    return charts.heat(
        found.replace({"promise": {levels_model.BOUND: "within the bound"}}), x="level", y="promise",
        value="value", title="Runs that broke the promise (%)", x_title="", y_title="",
    )  # fmt: skip


def levels_cost() -> Table:
    """What a read costs at each level, in the model: the reader is 40 ms from the primary, 1 ms from the copies."""
    found = _levels()
    cost = found[found["promise"] == "mean read (ms)"][["level", "value"]].round(1)
    return table(
        cost.rename(columns={"value": "mean read (ms)"}),
        caption="What a read costs, the primary 40 ms away, a copy 1 ms; a write costs 80 ms at every level",
    )


def zones_chart() -> alt.LayerChart:
    """Reads and writes answered, in percent, after the loss of a zone and of further copies: 3 copies against 6."""
    found = stores_model.zone_losses(range(2)).groupby(["layout", "lost", "kind"], sort=False).mean().reset_index()
    found = found.assign(what=found["layout"] + ": " + found["kind"] + "s")
    return charts.heat(
        found, x="lost", y="what", value="answered_percent", title="Answered after the loss of … (%)",
        x_title="", y_title="",
    )  # fmt: skip


def commit_wait_chart() -> alt.LayerChart:
    """How often a later booking loses against an earlier one, by how long commits wait; clocks are wrong by 4 ms."""
    waits = np.linspace(0, 0.010, 11)
    exact = pd.DataFrame({"wait_s": waits, "reversed": [stores_model.reversed_share(w) for w in waits]})
    runs = [
        (w, stores_model.overwritten(stores_model.bookings(float(w), pairs=200, seed=seed)))
        for w in waits[::2]
        for seed in SEEDS
    ]
    return charts.three_worlds(
        predicted=exact, simulated=pd.DataFrame(runs, columns=["wait_s", "reversed"]), x="wait_s", y="reversed",
        title="The later write loses: clocks that are wrong by up to 4 ms", x_title="commit wait (s)",
        y_title="share of bookings that lose",
    )  # fmt: skip
