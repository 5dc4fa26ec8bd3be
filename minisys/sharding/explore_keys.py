"""What chapter 07 shows of choosing a shard key: the same orders, sharded by four different columns.

The data are even and one shard is on fire, or the load is even and every page asks all shards. A key decides three
things at once: where data are, where today's writes go, and how many shards a question concerns.

Promised: everything is counted on the same orders. Not promised: that your orders look like these; put yours in.
"""

from __future__ import annotations

from collections import Counter

import altair as alt
import numpy as np
import pandas as pd

from minisys.sharding.policies import hash64, jump
from minisys.testbed import charts
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Zipf, stream

DAYS = 100


def orders(n: int = 20_000, seed: int = 3) -> pd.DataFrame:
    """*n* orders of 100 days in order of time: number, customer (4,000, Zipf 0.7), her country (12, Zipf 1.2), day."""
    customer = Zipf(4_000, 0.7).sample(n, stream(seed, "customers"))
    home = Zipf(12, 1.2).sample(4_000, stream(seed, "countries"))
    day = np.arange(n) * DAYS // n
    return pd.DataFrame({"order": np.arange(n), "customer": customer, "country": home[customer], "day": day})


def placed(made: pd.DataFrame, column: str, shards: int) -> np.ndarray:
    """The shard of each order by *column*: "day" in ranges of equal length, anything else by a hash."""
    values = made[column].to_numpy()
    if column == "day":
        return values * shards // DAYS
    return np.array([jump(hash64(f"{column} {value}"), shards) for value in values.tolist()])


def busiest(shard: np.ndarray) -> float:
    """The share of the rows that is on the fullest shard, in percent. *shard*: of each row."""
    return 100 * max(Counter(shard.tolist()).values()) / len(shard)


def key_table(shards: int = 10) -> Table:
    """Four shard keys for the same orders: data, today's writes, and how many shards two questions concern.

    A question goes to all shards unless it names what the orders are sharded by (of a customer the country is known).
    """
    made, rows = orders(), []
    today = made["day"].to_numpy() == DAYS - 1
    for column, how, hers, todays in (("order", "hashed", shards, shards), ("customer", "hashed", 1, shards),
                                      ("country", "hashed", 1, shards), ("day", "in ranges", shards, 1)):  # fmt: skip
        shard = placed(made, column, shards)
        rows.append((f"{column}, {how}", busiest(shard), busiest(shard[today]), hers, todays))
    columns = ["shard key", "fullest's data (%)", "busiest's writes today (%)", "asked: a customer's", "asked: today's"]
    return table(
        pd.DataFrame(rows, columns=columns), caption=f"20,000 orders of {DAYS} days on {shards} shards; asked: shards"
    )


def tenants_chart(shards: int = 10) -> alt.LayerChart:
    """The fullest of *shards* shards by the number of different keys, under a perfect hash: 30 random placements."""
    rng = np.random.default_rng(11)
    rows = [
        (keys, float(counts.max()) * shards / keys)
        for keys in (10, 30, 100, 300, 1_000, 10_000, 100_000)
        for counts in rng.multinomial(keys, [1 / shards] * shards, size=30)
    ]
    return charts.lines(
        pd.DataFrame(rows, columns=["keys", "peak"]).assign(hash="a perfect hash"), x="keys", y="peak", by="hash",
        title=f"Few different keys are uneven under any hash ({shards} shards)", log_x=True,
        x_title="different keys (log scale)", y_title="fullest shard / mean",
    )  # fmt: skip
