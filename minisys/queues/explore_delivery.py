"""What chapter 08 shows of guarantees in virtual time: crashes, poison, order, logs and their rebalances.

A consumer dies with a message in its hand; a message kills whoever takes it; the orders of one customer must not pass
each other. One function for each picture; load is in explore.py.

Promised: every figure is simulated when the cell runs, by the models that ask the same policies.py as the live broker.
Not promised: real time; live processes are in experiments.py.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import altair as alt
import pandas as pd

from minisys.queues import policies
from minisys.queues.delivered import Delivered
from minisys.queues.log_model import Member, through_log
from minisys.queues.log_model import Plan as LogPlan
from minisys.queues.model import Plan, through_queue
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Exponential, Poisson, Uniform, Workload, Zipf, workload

SEEDS = range(5)
CONSUMERS, WORK_S = 4, 0.1  # 40 a second


@lru_cache(maxsize=64)
def day(rate_per_s: float = 20.0, n: int = 1_500, keys: int = 50, seed: int = 1) -> Workload:
    """*n* messages at *rate_per_s* about *keys* customers, some of whom order more than others; 0.1 s of work each."""
    drawn_keys = Zipf(keys, 1.0) if keys > 1 else Uniform(1)
    return workload(n, arrivals=Poisson(rate_per_s), work=Exponential(WORK_S), keys=drawn_keys, seed=seed)


# Crashes


def guarantees_at(delivery: str, crashes: int, visibility: float) -> tuple[alt.LayerChart, str]:
    """Messages lost, received and done twice by the share of crashes (percent), up to *crashes*, under *delivery*."""
    shares = [crashes * step / 4 for step in range(5)]
    found = [_harm(delivery, share / 100, visibility) for share in shares]
    alike: dict[tuple[int, ...], list[str]] = {}  # lines that lie on one another are drawn as one, with both names
    for name, counts in zip(("never done", "done twice", "received twice"), zip(*found, strict=True), strict=True):
        alike.setdefault(counts, []).append(name)
    rows = [(*at, " and ".join(names)) for counts, names in alike.items() for at in zip(shares, counts, strict=True)]
    chart = charts.lines(
        pd.DataFrame(rows, columns=["crashes", "messages", "what"]), x="crashes", y="messages", by="what",
        title=f"600 messages, {delivery}", x_title="messages whose first consumer dies (%)", y_title="messages",
    )  # fmt: skip
    never, done, received = found[-1]
    return chart, f"At {crashes} %: {never} never done, {done} done twice, {received} received twice."


@lru_cache(maxsize=256)
def _harm(delivery: str, share: float, visibility_s: float) -> tuple[int, int, int]:
    """Of 600 messages: never done, done twice, received twice."""
    made = _crashed(delivery, share, visibility_s, 600)
    return made.count("lost"), made.twice, int((made.frame["receives"] > 1).sum())


@lru_cache(maxsize=64)  # a slider moves one of three controls: what is left may be known
def _crashed(delivery: str, share: float, visibility_s: float, n: int = 1_500, seed: int = 1) -> Delivered:
    plan = Plan(CONSUMERS, visibility_s, delivery=delivery, crash_share=share, restart_s=1.0, max_receives=10)
    return through_queue(day(n=n, seed=seed), plan)


def guarantees_explorer() -> Explorer:
    """Controls for the delivery, the share of crashes and the visibility timeout."""
    return explorer(
        guarantees_at,
        title="A consumer dies between its two steps",
        delivery=choice([*policies.DELIVERIES], "at least once", "delivery"),
        crashes=slider(1, 20, 1, 5, "consumers that die", "%"),
        visibility=slider(0.1, 3.0, 0.1, 2.0, "visibility timeout", "s"),
    )


def timeout_table() -> Table:
    """At least once with 5 % of crashes, by the visibility timeout: what is done twice, and why; means of 5 runs."""
    rows = []
    for visibility_s in (0.2, 0.5, 2.0, 10.0, 30.0):
        for seed in SEEDS:
            made = _crashed("at least once", 0.05, visibility_s, seed=seed)
            twice, crashed = made.frame["effects"] > 1, day(seed=seed).luck < 0.05
            rows.append((visibility_s, made.twice, (twice & crashed).sum(), (twice & ~crashed).sum()))
    columns = ["visibility timeout (s)", "done twice", "after a crash", "without one"]
    mean = pd.DataFrame(rows, columns=columns).groupby(columns[0]).mean().reset_index()
    return table(mean.round(1), caption="1,500 messages of 0.1 s on average; 5 % of first consumers die; means of 5")


# Poison


def poison_table(share: float = 0.01) -> Table:
    """1 % of poison that kills its consumer, with a dead-letter queue and without; means of 5 runs of 60 s."""
    rows = []
    for name, most in (("none", None), ("after 10 receives", 10), ("after 3 receives", 3)):
        for seed in SEEDS:
            plan = Plan(
                CONSUMERS, 2.0, max_receives=most, poison_share=share, poison_kills=True, restart_s=1.0
            )  # fmt: skip
            made = through_queue(day(seed=seed), plan, until_s=60.0)
            poison = day(seed=seed).luck[: len(made.frame)] < share
            well = made.frame[~poison]
            done = (well["state"] == "done").mean()
            wait = (well["done_s"] - well["sent_s"]).fillna(60 - well["sent_s"])
            taken = made.frame["receives"][poison].sum()
            rows.append((name, 100 * done, wait.quantile(0.99), made.count("dead"), taken))
    columns = ["dead-letter queue", "good messages done (%)", "their p99 (s)", "dead letters", "receives of poison"]
    mean = pd.DataFrame(rows, columns=columns).groupby("dead-letter queue", sort=False).mean().round(1).reset_index()
    return table(
        mean, caption="20 a second, 1 % poison, hidden for 2 s, 0.1 s of work, 4 consumers; 60 s, means of 5 runs"
    )


# Order


def order_table() -> Table:
    """30 messages a second for four consumers by how many groups keep their order: waits and order; 5 runs."""
    rows = []
    for name, keys, ordered in (
        ("no order", 50, False), ("one group for all", 1, True), ("a group a customer (4)", 4, True),
        ("a group a customer (50)", 50, True), ("a group a customer (1,000)", 1_000, True),
    ):  # fmt: skip
        for seed in SEEDS:
            made = through_queue(day(30.0, 1_500, keys, seed), Plan(CONSUMERS, ordered=ordered))
            rows.append((name, made.out_of_order(), made.wait_s.median(), made.wait_s.quantile(0.99)))
    columns = ["order", "out of order", "p50 (s)", "p99 (s)"]
    mean = pd.DataFrame(rows, columns=columns).groupby("order", sort=False).mean().round(2).reset_index()
    return table(mean, caption="1,500 messages, 30 a second; four consumers can do 40; means of 5 runs")


# Queue or log


def queue_or_log_table() -> Table:
    """The same traffic through a queue, an ordered queue and logs of 3 and 30 partitions; means of 5 runs."""
    rows = []
    for seed in SEEDS:
        offered = day(30.0, seed=seed)
        runs = {
            "queue": through_queue(offered, Plan(CONSUMERS)),
            "queue with groups": through_queue(offered, Plan(CONSUMERS, ordered=True)),
        }
        for parts in (3, 30):
            runs[f"log of {parts} partitions"] = through_log(offered, LogPlan(parts, _members()))[0]
        for name, made in runs.items():
            rows.append((name, made.out_of_order(), made.wait_s.median(), made.wait_s.quantile(0.99)))
    columns = ["through", "out of order", "p50 (s)", "p99 (s)"]
    mean = pd.DataFrame(rows, columns=columns).groupby("through", sort=False).mean().round(2).reset_index()
    return table(mean, caption="30 messages a second about 50 customers, four consumers; means of 5 runs")


def _members() -> list[Member]:
    return [Member(f"c{number}") for number in range(CONSUMERS)]


REBALANCES = ("one joins, cooperative", "one joins, eager", "one leaves", "one crashes")


BEGIN_S, HAPPENS_S, SHOWN_S = 12.0, 25.0, (15.0, 65.0)  # the first member is there at 0 s: all have settled
CALM = (5, 6)  # two seeds whose line does not happen to grow just before: the rise would seem to come too early


@lru_cache(maxsize=8)
def _records(seed: int) -> Workload:
    """20 a second about 200 customers who order alike, so that no partition is in trouble by itself."""
    drawn = workload(1_200, arrivals=Poisson(20.0), work=Exponential(WORK_S), keys=Uniform(200), seed=seed)
    return replace(drawn, arrival_s=drawn.arrival_s + BEGIN_S)


def rebalance_at(what: str, pause: float, session: int) -> tuple[alt.LayerChart, str]:
    """The line of a log of 12 partitions when *what* happens at 25 s; *pause* and *session* in seconds."""
    fixed = [Member(f"c{number}") for number in range(3)]
    last = {
        "one leaves": Member("c3", 0.0, HAPPENS_S), "one crashes": Member("c3", 0.0, HAPPENS_S, crashed=True),
    }.get(what, Member("c3", HAPPENS_S))  # fmt: skip
    plan = LogPlan(12, [*fixed, last], pause_s=pause, eager=what.endswith("eager"), session_s=float(session))
    runs = [through_log(_records(seed), plan, until_s=SHOWN_S[1]) for seed in CALM]
    line = pd.concat(made.backlog(0.5) for made, _ in runs)
    mean = line[line["time_s"].between(*SHOWN_S)].groupby("time_s")["backlog"].mean()
    chart = charts.over_time(
        mean.reset_index().assign(name="records not done").rename(columns={"time_s": "second"}), y="backlog", by="name",
        y_title="records not done", title=f"Partitions change hands: {what}",
        events={HAPPENS_S: what.split()[1].strip(",")},
    )  # fmt: skip
    shares = runs[0][1]
    moved = shares[shares["time_s"] >= HAPPENS_S].iloc[0]
    before, most = mean[mean.index < HAPPENS_S].mean(), mean[mean.index >= HAPPENS_S].max()
    return chart, (
        f"{moved['paused']:.0f} of 12 partitions stand still from {HAPPENS_S:.0f} s to {moved['time_s'] + pause:g} s. "
        f"Before {before:.0f} records wait, then up to {most:.0f} (mean of two runs)."
    )


def rebalance_explorer() -> Explorer:
    """Controls for what happens, the pause of a partition that moves, and the session timeout."""
    return explorer(
        rebalance_at,
        title="Three or four readers of ten a second, 20 records a second, 12 partitions",
        what=choice([*REBALANCES], REBALANCES[0], "what happens"),
        pause=slider(0.0, 10.0, 0.5, 3.0, "pause of a partition", "s"),
        session=slider(5, 25, 5, 10, "session timeout", "s"),
    )
