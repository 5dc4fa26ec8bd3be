"""What chapter 07 shows of writes over several shards, and of moving data while users work.

A euro is on its way from one shard to another, and the process that knew how it ends has died; the move to a new
shard has begun, and the telephone rings. One function for each picture.

Promised: every figure is simulated or computed when the cell runs, over five seeds where things are compared.
Not promised: real time; the live cluster is in experiments.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.sharding import resharding, theory, transactions
from minisys.sharding.resharding import Move
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Exponential, Poisson, Uniform, Workload, Zipf, workload

SEEDS = range(5)
WORK_S = 0.001
MOVE = Move(data_mb=100.0, rate_mb_per_s=10.0, begin_s=3.0)

# Transactions over two shards


@lru_cache(maxsize=1)
def _days() -> list[Workload]:
    """10 s of 300 transfers a second between 1,000 accounts, for each seed."""
    return [
        workload(3_000, arrivals=Poisson(300.0), work=Exponential(WORK_S), keys=Zipf(1_000, 0.8), seed=seed)
        for seed in SEEDS
    ]


@lru_cache(maxsize=4)
def _transfers(crash_s: float | None) -> tuple[transactions.Run, ...]:
    """Both protocols, five seeds each; a coordinator dies at *crash_s* for 4 s."""
    return tuple(
        transactions.simulate(protocol, day, crash_s=crash_s, down_s=4.0)
        for protocol in transactions.PROTOCOLS
        for day in _days()
    )


def blocked_chart(crash_s: float = 3.0) -> alt.LayerChart:
    """Transfers refused while a coordinator is down for 4 s: those that touch an account in doubt, and all others.

    All five runs together: an account in doubt has few transfers. A point is the middle of its second.
    """
    frames = []
    for day, made in zip(_days() * 2, _transfers(crash_s), strict=True):
        frame, doubtful = made.trace.frame, list(made.in_doubt)
        touches = np.isin(day.key, doubtful) | np.isin(transactions.takers(day.key, day.luck), doubtful)
        which = np.where(touches, ", accounts in doubt", ", others" if doubtful else "")
        refused = 100.0 * (frame["outcome"] == "refused")
        columns = {"second": frame["sent_s"] // 1 + 0.5, "refused_percent": refused, "transfers": made.protocol + which}
        frames.append(pd.DataFrame(columns))
    rows = pd.concat(frames).groupby(["transfers", "second"], as_index=False)["refused_percent"].mean()
    return charts.over_time(
        rows[rows["second"] < 10], y="refused_percent", by="transfers", y_title="refused (%)",
        title="Transfers refused when a coordinator of two-phase commit dies",
        events={crash_s: "a coordinator dies", crash_s + 4: "it is back"},
    )  # fmt: skip


def transactions_table() -> Table:
    """Both protocols without and with the death of a coordinator; means of 5 runs."""
    frames = []
    for crash_s, said in ((None, "none"), (3.0, "4 s")):
        rows = pd.DataFrame([made.row() for made in _transfers(crash_s)])
        rows["declined"] = [made.account.declined for made in _transfers(crash_s)]
        mean = rows.groupby("protocol", sort=False).mean().reset_index()
        frames.append(pd.DataFrame({
            "down": said, "protocol": mean["protocol"], "committed": mean["committed"],
            "locked out": mean["locked_out"], "declined": mean["declined"], "given back": mean["compensated"],
            "p50 (ms)": 1000 * mean["p50_s"],
            "longest lock (s)": mean["longest_lock_s"], "audits wait (%)": 100 * mean["audits_blocked"],
            "audits wrong (%)": 100 * mean["audits_wrong"],
        }))  # fmt: skip
    return table(
        pd.concat(frames),
        caption="3,000 transfers between two accounts; down: how long a coordinator is; an audit adds up all "
        "accounts, and waits if one is locked; means of 5 runs",
    )


def availability_table(shard: float = 0.999) -> Table:
    """How often a transaction over k shards can commit, each up a share *shard* of the time; arithmetic."""
    rows = [
        (k, 100 * theory.transaction_availability(shard, k), 365 * 24 * (1 - theory.transaction_availability(shard, k)))
        for k in (1, 2, 3, 5, 10)
    ]
    columns = ["shards that must be up", "available (%)", "hours a year that it is not"]
    made = pd.DataFrame(rows, columns=columns).round({columns[1]: 3})
    made[columns[1]] = made[columns[1]].map("{:.2f}".format)
    return table(made, caption=f"Each shard is up {100 * shard:g} % of the time, independently")


# Moving data


@lru_cache(maxsize=32)
def users(n: int, load: float, seed: int = 1) -> Workload:
    """*n* requests of 1 ms that keep three shards busy a share *load* of the time."""
    drawn = workload(n, arrivals=Poisson(1.0), work=Exponential(WORK_S), keys=Uniform(2_000), seed=seed)
    return replace(drawn, arrival_s=drawn.arrival_s / (load * 3 / WORK_S))


def move_at(rate: int, piece: float, load: int) -> tuple[alt.LayerChart, str]:
    """Slowest 1 % by the second while 100 MB move to a fourth shard at *rate* MB/s in pieces of *piece* MB."""
    offered = users(int(20 * 30 * load), load / 100)
    move = replace(MOVE, rate_mb_per_s=float(rate), piece_mb=piece)
    found, moved_s = resharding.latencies(offered, move)
    second = offered.arrival_s.astype(int)
    p99_s = pd.Series(found).groupby(second).quantile(0.99)
    frame = pd.DataFrame({"second": p99_s.index + 0.5, "p99_ms": 1000 * p99_s, "users": "users"})
    during = (offered.arrival_s >= move.begin_s) & (offered.arrival_s < moved_s)
    before = offered.arrival_s < move.begin_s
    p99 = [float(np.percentile(found[part], 99)) for part in (before, during)]
    events = {move.begin_s: "the move begins"} | ({moved_s: "done"} if moved_s < 20 else {})
    chart = charts.over_time(
        frame[frame["second"] < 20], y="p99_ms", by="users", y_title="p99 (ms)", events=events,
        title="How long the slowest 1 % wait while a shard is filled",
    )  # fmt: skip
    said = (
        f"The move takes {moved_s - move.begin_s:.1f} s; p99 {duration(p99[0])} before and {duration(p99[1])} during."
    )
    return chart, said


def move_explorer() -> Explorer:
    """Controls for the rate of the move, the size of its pieces and the users' load."""
    return explorer(
        move_at,
        title="100 MB move from three shards to a fourth; a megabyte costs each side 10 ms",
        rate=slider(5, 80, 5, 10, "rate of the move", "MB/s"),
        piece=choice((0.1, 0.5, 1.0, 5.0, 20.0), 1.0, "one piece (MB)"),
        load=slider(30, 80, 5, 50, "load of the shards", "%"),
    )


def _calm_p99_s(day: Workload) -> float:
    """p99 of *day*'s users when the move begins after all of them."""
    found, _ = resharding.latencies(day, Move(data_mb=1.0, begin_s=float(day.arrival_s[-1]) + 1))
    return float(np.percentile(found, 99))


def move_chart() -> alt.LayerChart:
    """p99 of the users during the move, by its rate and by the size of its pieces, and without a move; 5 seeds."""
    days = [users(30_000, 0.5, seed) for seed in SEEDS]
    made = resharding.sweep(
        days, [5, 10, 20, 30, 40, 50, 60], [0.1, 1.0, 5.0], data_mb=200.0, begin_s=3.0, cost_s_per_mb=0.01
    )
    made["pieces"] = made["piece_mb"].map("{:g} MB".format)
    calm = made[made["piece_mb"] == 0.1].assign(pieces="no move")
    calm["p99_s"] = calm["seed"].map({seed: _calm_p99_s(day) for seed, day in enumerate(days)})
    made = pd.concat([made, calm])
    made["p99_ms"] = 1000 * made["p99_s"]
    return charts.lines(
        made, x="rate_mb_per_s", y="p99_ms", by="pieces", title="What users pay for the speed of a move",
        x_title="rate of the move (MB a second)", y_title="p99 during the move (ms)",
    )  # fmt: skip
