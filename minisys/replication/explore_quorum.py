"""What chapter 06 shows of quorums, lag and elections: one function per picture, all in virtual time or drawn.

"May we read from one replica?" Move R and see after how many milliseconds, and what it costs. What happens when the
primary dies is in explore.py.

Promised: every figure is simulated, drawn or computed when the cell runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.replication import pbs, quorum_model, theory
from minisys.replication.check import Verdict
from minisys.replication.failover_model import fail_over
from minisys.replication.network import Link
from minisys.replication.policies import Quorum
from minisys.replication.quorum_register import Register, StrictRegister
from minisys.replication.raft import Timing
from minisys.replication.timeline import timeline
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.laws import Gamma
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import stream

SEEDS = range(5)
DRAWS = 20_000
WIDE = Link(Gamma(0.01, cv=3.0))  # 10 ms on average, now and then a hundred: where inversions are found


@lru_cache(maxsize=256)
def drawn(n: int, r: int, w: int, fit: str) -> pbs.Staleness:
    """The draws of one setting, kept."""
    return pbs.wars(Quorum(n, r, w), pbs.FITS[fit], draws=DRAWS)


def quorum_at(n: int = 3, r: int = 2, w: int = 1, fit: str = "LNKD-DISK") -> tuple[alt.LayerChart, str]:
    """How likely a read sees the newest write, by the time since it was done; the chosen quorum beside two others."""
    r, w = min(r, n), min(w, n)
    settings = {f"chosen: R={r}, W={w}": (r, w), "R=1, W=1": (1, 1), "majorities": (n // 2 + 1, n // 2 + 1)}
    times = np.geomspace(1e-4, 3, 60)
    parts = [
        pd.DataFrame({"after_ms": 1e3 * times, "fresh_percent": 100 * drawn(n, *rw, fit).curve(times), "quorum": name})
        for name, rw in settings.items()
    ]
    chart = charts.lines(
        pd.concat(parts), x="after_ms", y="fresh_percent", by="quorum", log_x=True,
        title="Reads that see the newest write", x_title="time since the write was done (ms)", y_title="reads (%)",
    )  # fmt: skip
    mine = drawn(n, r, w, fit)
    write, read = np.quantile(mine.write_s, 0.99), np.quantile(mine.read_s, 0.99)
    up = theory.quorum_availability(n, w, 0.99), theory.quorum_availability(n, r, 0.99)
    fresh = "every read sees it at once" if r + w > n else f"99.9 % of reads see it after {duration(mine.visible_s())}"
    return chart, (
        f"N={n}, R={r}, W={w}: {fresh}; p99 of a write {duration(float(write))}, of a read {duration(float(read))}. "
        f"With copies up 99 % of the time, writes are possible {100 * up[0]:.6g} % of it and reads {100 * up[1]:.6g} %."
    )


def quorum_explorer() -> Explorer:
    """N, R, W and whose delays: staleness, latency and availability at once."""
    return explorer(
        quorum_at,
        title="A read after a write, with N copies of which W were waited for and R are asked",
        n=slider(1, 7, 1, 3, "N, copies"),
        r=slider(1, 7, 1, 2, "R, asked by a read"),
        w=slider(1, 7, 1, 1, "W, waited for by a write"),
        fit=choice([*pbs.FITS], "LNKD-DISK", "delays of"),
    )


def stale_table(n: int = 3) -> Table:
    """The chance that a read right after a write misses it, by R and W, for *n* copies."""
    chosen = range(1, n + 1)
    rows = [(f"R={r}", *(round(theory.stale_probability(n, r, w), 3) for w in chosen)) for r in chosen]
    said = f"N={n}: the share of reads that miss a write that is just done"
    return table(pd.DataFrame(rows, columns=["", *(f"W={w}" for w in chosen)]), caption=said)


PUBLISHED_MS = {("LNKD-SSD", 1, 1): 1.85, ("LNKD-DISK", 1, 1): 45.5, ("YMMR", 1, 1): 1364.0, ("YMMR", 2, 1): 202.0}


def pbs_table() -> Table:
    """Our draws beside the paper's table: after how long do 99.9 % of reads see the write?"""
    rows = []
    for (fit, r, w), published in PUBLISHED_MS.items():
        found = pbs.wars(Quorum(3, r, w), pbs.FITS[fit], draws=200_000)
        rows.append((fit, f"R={r}, W={w}", 100 * found.consistent(0.0), 1e3 * found.visible_s(), published))
    frame = pd.DataFrame(rows, columns=["delays", "quorum", "fresh at once (%)", "99.9 % fresh after (ms)", "paper"])
    return table(frame.round(1), caption="N=3, 200,000 draws each; the paper's fits (Bailis et al. 2012, section 5)")


@lru_cache(maxsize=4)
def counter_example(repair: bool = True) -> tuple[int, Verdict]:
    """The shortest violation of R + W > N among the first seeds, and its seed."""
    register, found = Register(Quorum(3, 2, 2), repair=repair), list[tuple[int, int, Verdict]]()
    for seed in range(30):
        one = quorum_model.counter_example(register, [seed], link=WIDE)
        if one is not None:
            found.append((len(one[1].operations), seed, one[1]))
    _, seed, verdict = min(found, key=lambda each: each[:2])
    return seed, verdict


def counter_example_chart() -> alt.LayerChart:
    """N=3, R=W=2, and still: the new value is read, and after that the old one."""
    seed, verdict = counter_example()
    return timeline(verdict, title=f"R + W > N, seed {seed}: {verdict.anomaly}")


def registers_table(seeds: Iterable[int] = range(20)) -> Table:
    """In how many of the runs each register was linearizable, and what a read costs."""
    quorum, chosen = Quorum(3, 2, 2), list(seeds)
    kinds = {
        "R=W=1": Register(Quorum(3, 1, 1)),
        "R=W=2": Register(quorum),
        "R=W=2, repair afterwards": Register(quorum, repair=True),
        "R=W=2, write back first": StrictRegister(quorum),
    }
    rows = []
    for name, register in kinds.items():
        runs = [quorum_model.run(register, seed=seed, link=WIDE).history for seed in chosen]
        broken = sum(quorum_model.linearizable(run).holds for run in runs)
        reads = [o.responded_s - o.invoked_s for run in runs for o in run.ok() if o.kind == "read"]
        rows.append((name, f"{broken} of {len(chosen)}", 1e3 * float(np.mean(reads))))
    columns = ["register (N=3)", "linearizable runs", "mean read (ms)"]
    return table(
        pd.DataFrame(rows, columns=columns).round(1), caption="Three clients, one register, a network with a tail"
    )


LAG_FOR_S, STOP_AT_S = 90, 20.0


def lag_at(
    rate_per_s: int = 80, apply_ms: float = 10.0, cv: float = 1.0, stop_s: int = 0
) -> tuple[alt.LayerChart, str]:
    """How far a replica that applies one write at a time is behind, over 90 s; it stands still for *stop_s* at 20 s."""
    parts = []
    for seed in range(3):
        rng = stream(seed, "lag")
        came = np.cumsum(rng.exponential(1 / rate_per_s, int(LAG_FOR_S * rate_per_s)))
        work = Gamma(apply_ms / 1e3, cv).sample(len(came), rng)
        done = _applied(came, work, STOP_AT_S, float(stop_s))
        seconds = np.arange(0.5, came[-1], 0.5)
        oldest = came[np.minimum(np.searchsorted(done, seconds, "right"), len(came) - 1)]  # that is not applied yet
        lag = np.maximum(seconds - oldest, 0.0)
        parts.append(pd.DataFrame({"second": seconds, "lag_s": lag, "name": f"run {seed + 1}"}))
    stop = {STOP_AT_S: "stops", STOP_AT_S + stop_s: "runs again"} if stop_s else None
    load = rate_per_s * apply_ms / 1e3
    chart = charts.over_time(
        pd.concat(parts), y="lag_s", events=stop,
        title="How long the oldest write has waited for the replica", y_title="replication lag (s)",
    )  # fmt: skip
    if load >= 1:
        return (
            chart,
            f"The replica can do {1e3 / apply_ms:.0f} writes a second and gets {rate_per_s}: it falls back for ever.",
        )
    mean = theory.replication_lag_s(rate_per_s, apply_ms / 1e3, cv=cv)
    after = theory.catch_up_s(stop_s * rate_per_s, rate_per_s, apply_ms / 1e3)
    catch = f" After the stop it needs {duration(after)} to be level again." if stop_s else ""
    return chart, f"Utilisation {100 * load:.0f} %: in theory {duration(mean)} behind on average.{catch}"


def _applied(came: np.ndarray, work: np.ndarray, stop_at_s: float, stop_s: float) -> np.ndarray:
    """When each write is applied, one after the other, and none of them begun during the stop."""
    done, free = np.empty_like(came), 0.0
    for i, (arrival, needs) in enumerate(zip(came.tolist(), work.tolist(), strict=True)):
        begin = max(arrival, free)
        if stop_at_s <= begin < stop_at_s + stop_s:
            begin = stop_at_s + stop_s
        free = begin + needs
        done[i] = free
    return done


def lag_explorer() -> Explorer:
    """Write rate, the replica's work and a stop: lag and how long it takes to catch up."""
    return explorer(
        lag_at,
        title="A replica applies what the primary wrote, one write at a time",
        rate_per_s=slider(10, 120, 1, 80, "writes", "per second"),
        apply_ms=slider(1.0, 20.0, 0.5, 10.0, "work of one write", "ms"),
        cv=slider(0.0, 3.0, 0.5, 1.0, "spread of the work (cv)"),
        stop_s=slider(0, 15, 1, 0, "replica stops for", "s"),
    )


SPREADS_MS = (151, 160, 200, 300)  # time-outs from 150 ms to these


def elections(seeds: Iterable[int] = range(15)) -> Table:
    """How long five Raft servers are without a leader, by the spread of their time-outs; theory has no split vote."""
    rows, chosen = [], list(seeds)
    for most_ms in SPREADS_MS:
        name, spread = f"150 to {most_ms} ms", (0.15, most_ms / 1e3)
        timing = Timing(spread, 0.05)
        runs = [fail_over("raft", size=5, seed=s, lag_s=0.0075, timing=timing, clients=1, after_s=1.2) for s in chosen]
        found = [1e3 * run.elected_s for run in runs]
        exact = 1e3 * theory.election_s(5, *spread, heartbeat_s=0.05, round_trip_s=2 * 0.015)
        split = 100 * theory.split_vote_probability(5, *spread, 0.0075)
        rows.append((name, exact, float(np.median(found)), max(found), split))
    columns = ["time-outs", "theory (ms)", "median (ms)", "worst (ms)", "a second candidate (%)"]
    said = f"{len(chosen)} crashes of the leader each; 7.5 ms one way, heartbeat 50 ms, a vote after a pre-vote"
    return table(pd.DataFrame(rows, columns=columns).round(0), caption=said)
