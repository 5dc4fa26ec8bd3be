"""What chapter 08 shows of load in virtual time: a levelled spike, lag, back-pressure, and a queue that makes it worse.

At noon five times as many orders come as the database can take. One function for each picture; guarantees, order and
logs are in explore_delivery.py.

Promised: every figure is simulated or computed when the cell runs, over five seeds where things are compared. Not
promised: real time; live processes are in experiments.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.queues import fast, theory
from minisys.queues.theory import Spike
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Exponential, FlashSale, Poisson, Workload, workload

SEEDS = range(5)
CONSUMERS, WORK_S = 10, 0.1  # 100 orders a second
BASE_PER_S, AT_S, FOR_S, ROOM, LINE_S = 50.0, 10.0, 10.0, 50, 150.0
SHOWN_S = 80.0  # the line of 300 a second is gone at 60 s, about: what comes after is to be seen, too


def sale(peak_per_s: float, until_s: float = 60.0, seed: int = 1) -> Workload:
    """Orders until *until_s*: 50 a second, but *peak_per_s* from second 10 to second 20; 0.1 s of work each."""
    arrivals = FlashSale(BASE_PER_S, peak_per_s, AT_S, ramp_s=0.001, hold_s=FOR_S)
    count = int(1.2 * (BASE_PER_S * until_s + peak_per_s * FOR_S)) + 100
    drawn = workload(count, arrivals=arrivals, work=Exponential(WORK_S), seed=seed)
    return drawn[: int(np.searchsorted(drawn.arrival_s, until_s))]


def _by_second(times_s: pd.Series, name: str, until_s: float = SHOWN_S) -> pd.DataFrame:
    seconds = np.arange(0.0, until_s)
    counts = np.bincount(times_s[times_s < until_s].astype(int), minlength=len(seconds))[: len(seconds)]
    return pd.DataFrame({"second": seconds + 0.5, "orders": counts, "what": name})


def leveling_at(peak: int, consumers: int) -> tuple[alt.LayerChart, str]:
    """Orders by the second: those that come (at most *peak* a second), stored straight, stored through a queue."""
    offered = sale(float(peak), SHOWN_S)
    straight, _ = fast.through_queue(offered, consumers, ROOM)
    queued, _ = fast.through_queue(offered, consumers)
    frames = [
        _by_second(pd.Series(offered.arrival_s), "come"),
        _by_second(straight.frame["done_s"].dropna(), "stored, straight"),
        _by_second(queued.frame["done_s"], "stored, through a queue"),
    ]
    chart = charts.over_time(
        pd.concat(frames), y="orders", by="what", y_title="orders a second",
        title="A flash sale: orders that come, and orders that are stored", events={AT_S: "sale", AT_S + FOR_S: "over"},
    )  # fmt: skip
    refused = 100 * straight.count("refused") / len(offered)
    longest = duration(float(queued.wait_s.max()))
    return chart, f"Straight {refused:.0f} % are refused; through the queue none, and the longest wait is {longest}."


def line_at(peak: int, consumers: int) -> tuple[alt.LayerChart, str]:
    """The line in the queue over two minutes and a half, and without a queue: *peak* a second for ten seconds."""
    offered = sale(float(peak), LINE_S)
    straight, _ = fast.through_queue(offered, consumers, ROOM)
    queued, _ = fast.through_queue(offered, consumers)
    frames = [made.backlog(1.0).assign(name=name) for name, made in (("straight", straight), ("queue", queued))]
    line = pd.concat(frames).query("time_s <= @LINE_S").rename(columns={"time_s": "second"})
    chart = charts.over_time(
        line, y="backlog", by="name", y_title="orders waiting or being stored", title="The line of a flash sale",
        events={AT_S: "sale", AT_S + FOR_S: "over"},
    )  # fmt: skip
    refused, longest = 100 * straight.count("refused") / len(offered), int(line["backlog"].max())
    said = f"Straight {refused:.1f} % are refused. Through the queue none: the line is {longest:,} orders at most, "
    return chart, said + f"the longest wait {duration(float(queued.wait_s.max()))}."


def leveling_explorer() -> Explorer:
    """Controls for the height of the sale and the number of consumers (ten a second each)."""
    return explorer(
        line_at,
        title="50 orders a second, and ten seconds of a sale; a consumer stores ten a second",
        peak=slider(50, 400, 10, 300, "orders/s in the sale"),
        consumers=slider(6, 40, 1, CONSUMERS, "consumers"),
    )


def drain_chart() -> alt.LayerChart:
    """The line over time, by the fluid formula and simulated (5 seeds): 300 a second come, 100 are done."""
    rows = []
    for seed in SEEDS:
        line = fast.through_queue(sale(300.0, 90.0, seed), CONSUMERS)[0].backlog(2.0)
        rows.append(line[line["time_s"] <= 80])
    steps = np.arange(0.0, 82.0, 2.0)
    rates = [300.0 if AT_S <= at < AT_S + FOR_S else BASE_PER_S for at in steps[:-1]]
    predicted = pd.DataFrame({"time_s": steps, "backlog": [0.0, *theory.backlog(rates, CONSUMERS / WORK_S, 2.0)]})
    return charts.three_worlds(
        predicted=predicted, simulated=pd.concat(rows), x="time_s", y="backlog", x_title="time (s)",
        y_title="orders in the line", title="The line of a ten second sale",
    )  # fmt: skip


def drain_table() -> Table:
    """How long after the sale the line is there, by what the sale brings and how many consumers there are; formula."""
    rows = []
    for peak in (200, 300, 500):
        for consumers in (6, 10, 20):
            spike = Spike(BASE_PER_S, float(peak), FOR_S, consumers / WORK_S)
            rows.append((peak, consumers, round(spike.backlog), spike.longest_wait_s, spike.drain_s))
    columns = ["orders/s in the sale", "consumers", "longest line", "longest wait (s)", "gone after (s)"]
    return table(pd.DataFrame(rows, columns=columns), caption="50 orders a second before and after; fluid formula")


def lag_at(records: int, consumed: int, produced: int) -> tuple[alt.LayerChart, str]:
    """The age of the oldest record for three consumers that are *records* behind: half *consumed*, that, and twice.

    *consumed*, *produced*: records a second. What came a second stands in the line a second: age = lag / *produced*.
    """
    minutes, oldest_min = np.linspace(0.0, 60.0, 61), records / produced / 60
    frames = []
    for share in (0.5, 1.0, 2.0):
        age = np.maximum(0.0, oldest_min - (consumed * share / produced - 1) * minutes)
        name = f"{consumed * share:,.0f} a second done"
        frames.append(pd.DataFrame({"minute": minutes, "age": age, "consumer": name}))
    chart = charts.lines(
        pd.concat(frames), x="minute", y="age", by="consumer",
        title=f"The same lag, three consumers; {produced:,} records a second come",
        x_title="time (minutes)", y_title="age of the oldest record (minutes)",
    )  # fmt: skip
    alone_s, left_s = theory.lag_s(records, consumed), theory.lag_s(records, consumed, produced)
    caught = f"caught up after {duration(left_s)}" if left_s < np.inf else "never caught up"
    said = f"{records:,} records are {duration(alone_s)} of work, the oldest is {duration(records / produced)} old"
    return chart, f"{said}; while {produced:,} a second come: {caught}."


def lag_explorer() -> Explorer:
    """Controls for the records behind, and the rates at which they are consumed and produced."""
    return explorer(
        lag_at,
        title="How bad is a lag? That depends on the consumer",
        records=slider(10_000, 1_000_000, 10_000, 300_000, "records behind"),
        consumed=slider(100, 2_000, 50, 1_000, "consumed a second"),
        produced=slider(50, 2_000, 50, 800, "produced a second"),
    )


def batching_table(per_call_s: float = 0.004, per_message_s: float = 0.0005) -> Table:
    """What batches gain, and what a message waits until one is full, at 20 and at 2,000 messages a second; formula."""
    rows = [
        (batch, theory.batching_gain(batch, per_call_s, per_message_s),
         *(1000 * theory.fill_wait_s(batch, rate) for rate in (20.0, 2_000.0)))
        for batch in (1, 2, 10, 100)
    ]  # fmt: skip
    columns = ["batch", "throughput (×)", "wait to fill at 20/s (ms)", "wait to fill at 2,000/s (ms)"]
    caption = f"A call costs {duration(per_call_s)}, a message {duration(per_message_s)}"
    return table(pd.DataFrame(rows, columns=columns), caption=caption)


# A full queue, and one that makes it worse


def pressure_table() -> Table:
    """A bounded queue for 50 in the sale of 300 a second, by what it does when it is full; means of 5 runs."""
    rows = []
    for name, limit, pressure in (
        ("no limit", None, "reject"), ("block", ROOM, "block"), ("reject", ROOM, "reject"),
        ("shed oldest", ROOM, "shed oldest"),
    ):  # fmt: skip
        for seed in SEEDS:
            made, blocked_s = fast.through_queue(sale(300.0, seed=seed), CONSUMERS, limit, pressure)
            in_queue_s = made.wait_s - blocked_s
            rows.append((name, made.count("done"), made.count("refused"), made.count("shed"),
                         in_queue_s.max(), blocked_s.max()))  # fmt: skip
    columns = ["when full", "done", "refused", "shed", "longest in the queue (s)", "longest block (s)"]
    mean = pd.DataFrame(rows, columns=columns).groupby("when full", sort=False).mean().round(1).reset_index()
    return table(mean, caption="A queue for 50 orders, 300 a second for 10 s, 100 done: means of 5 runs")


@lru_cache(maxsize=4)
def _steady(seed: int, n: int = 12_000) -> Workload:
    return workload(n, arrivals=Poisson(1.0), work=Exponential(WORK_S), seed=seed)


@lru_cache(maxsize=128)
def _waits(load: float, line: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each request: how long it took, whether it was worked on, its work; *load* of ten consumers."""
    drawn = _steady(seed)
    offered = replace(drawn, arrival_s=drawn.arrival_s * WORK_S / (load * CONSUMERS))
    made, _ = fast.through_queue(offered, CONSUMERS, *LINES[line])
    return made.wait_s.to_numpy(), made.frame["effects"].to_numpy() > 0, offered.work_s


def in_time(load: float, line: str, patience_s: float, seed: int = 1) -> tuple[float, float]:
    """Shares of 12,000 requests that are done within *patience_s*, and of the work that is done for nobody.

    load: of ten consumers. line: one of LINES. A request nobody waits for any more is worked on all the same: a queue
    does not know that a user has gone.
    """
    wait_s, worked, work_s = _waits(load, line, seed)
    good = wait_s <= patience_s
    return float(good.mean()), float(work_s[worked & ~good].sum() / work_s[worked].sum())


LINES: dict[str, tuple[int | None, str]] = {
    "a queue without a limit": (None, "reject"),
    "a limit of 20, newcomers refused": (20, "reject"),
    "a limit of 20, the oldest shed": (20, "shed oldest"),
}


def worse_at(line: str, patience: float) -> tuple[alt.LayerChart, str]:
    """Users answered in time by the load, with *line* and without any limit; they wait *patience* seconds."""
    loads, frames, said = (0.5, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5), [], ""
    for name in dict.fromkeys(("a queue without a limit", line)):
        found = [in_time(load, name, patience) for load in loads]
        frames.append(pd.DataFrame({"load": loads, "percent": [100 * good for good, _ in found], "line": name}))
        said += f"{name}: at a load of 1.2 {100 * found[5][0]:.0f} % in time, {100 * found[5][1]:.0f} % wasted work. "
    chart = charts.lines(
        pd.concat(frames), x="load", y="percent", by="line", title="Users who are answered before they leave",
        x_title="load (1: as much as the consumers can do)", y_title="answered in time (%)",
    )  # fmt: skip
    return chart, said + "One run each."


def worse_explorer() -> Explorer:
    """Controls for the kind of line and the users' patience."""
    return explorer(
        worse_at,
        title="A user waits for the answer: 12,000 requests for ten consumers, 0.1 s each",
        line=choice([*LINES], "a queue without a limit", "line"),
        patience=slider(0.2, 4.0, 0.1, 1.0, "users wait", "s"),
    )


def worse_table(patience_s: float = 1.0) -> Table:
    """Each line at three loads: answered in time, and work for nobody; 12,000 requests, means of 5 runs."""
    rows = [
        (line, load, *(100 * np.mean([in_time(load, line, patience_s, seed) for seed in SEEDS], axis=0)))
        for line in LINES
        for load in (0.8, 1.0, 1.2)
    ]
    columns = ["line", "load", "answered in time (%)", "work for nobody (%)"]
    return table(
        pd.DataFrame(rows, columns=columns),
        caption=f"Users leave after {duration(patience_s)}; 12,000 requests, means of 5 runs",
    )
