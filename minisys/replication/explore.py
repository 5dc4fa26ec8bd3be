"""What chapter 06 shows of failover and cuts: one function per picture, all in virtual time.

"What happens in the seconds in which nobody leads?" Each function here runs the models on seeds that are the same for
everybody and draws one chart or table. Quorums, lag and elections are in explore_quorum.py, the clouds' stores in
explore_stores.py, real processes and products in experiments.py.

Promised: every figure is simulated or computed when the cell runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from minisys.replication import quorum_model
from minisys.replication.check import Verdict, linearizable
from minisys.replication.failover_model import FAULTS, MODES, PAUSE_S, Failover, Mixed, fail_over
from minisys.replication.network import Network
from minisys.replication.policies import Quorum
from minisys.replication.quorum_register import Register, StrictRegister
from minisys.replication.raft import Timing
from minisys.replication.timeline import timeline
from minisys.testbed import charts, style
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import number
from minisys.testbed.tables import Table, table

style.keep(["async", "semi-sync", "all", "raft"])
SEEDS = range(5)
STEP_S, BEFORE_S, AFTER_S, HAIR_S = 0.1, 0.8, 1.6, 1e-4
HEALED_S = AFTER_S - 0.5  # as fail_over mends a cut


@lru_cache(maxsize=256)
def failover(mode: str, fault: str, lag_ms: int, timeout_ms: int, seed: int = 0) -> Failover:
    """`fail_over` with the explorer's numbers: election time-outs from *timeout_ms* to twice that."""
    timing = Timing((timeout_ms / 1e3, timeout_ms / 500), timeout_ms / 3e3)
    return fail_over(mode, fault, seed=seed, lag_s=lag_ms / 1e3, timing=timing, after_s=AFTER_S, clients=4)


def minute_by_minute(
    mode: str = "async", fault: str = "crash", lag_ms: int = 40, timeout_ms: int = 150, seed: int = 3
) -> tuple[alt.LayerChart, str]:
    """Acknowledged writes per 100 ms before and after the fault, those that were lost afterwards, and the moments."""
    run = failover(mode, fault, lag_ms, timeout_ms, seed)
    rows = [*_counts(run.history.ok(), "acknowledged", run.fault_s), *_counts(run.gone, "of these, lost", run.fault_s)]
    said = [("a replica stands", run.detected_s), ("elected", run.elected_s), ("writes again", run.back_s)]
    ends = {"cut off": ("mended", HEALED_S), "pause": ("goes on", PAUSE_S)}
    said += [ends[fault]] if fault in ends else []
    marks = {0.0: fault} | {after_s: word for word, after_s in said if after_s < AFTER_S}
    chart = charts.over_time(
        pd.DataFrame(rows, columns=["second", "writes", "name"]), y="writes", events=marks,
        title=f"Acknowledged writes: {mode}, {fault}", y_title=f"writes in {1e3 * STEP_S:.0f} ms",
        x_title="time since it happened (s)",
    )  # fmt: skip
    return chart, f"{run.lost} of {run.acknowledged} acknowledged writes are gone; {_parts(run)}."


def _parts(run: Failover) -> str:
    """The time without writes in words, and its three parts if they came one after the other."""
    if run.back_s == math.inf:
        return "no write succeeded any more"
    said = f"writes again after {number(run.back_s)} s"
    if not run.detected_s <= run.elected_s <= run.back_s:
        return said
    elected, found = run.elected_s - run.detected_s, run.back_s - run.elected_s
    return f"{said}: {number(run.detected_s)} s until noticed + {number(elected)} s until elected + {number(found)} s"


def _counts(operations: Iterable, name: str, fault_s: float) -> list[tuple[float, int, str]]:
    edges = np.arange(round(-BEFORE_S / STEP_S), round(AFTER_S / STEP_S) + 1) * STEP_S
    counts, _ = np.histogram([o.responded_s - fault_s for o in operations], edges)
    sides = [(at + HAIR_S, after - HAIR_S) for at, after in itertools.pairwise(edges)]  # a step: both sides of a tenth
    return [(float(at), int(count), name) for ends, count in zip(sides, counts, strict=True) for at in ends]


def failover_explorer() -> Explorer:
    """Mode, fault, lag, time-out and luck of a failover, second by second."""
    return explorer(
        minute_by_minute,
        title="Three servers, four clients; at 0 s something happens to the primary",
        mode=choice([*MODES], "async", "acknowledged when"),
        fault=choice([*FAULTS], "crash", "what happens"),
        lag_ms=slider(1, 100, 1, 40, "one way to a replica", "ms"),
        timeout_ms=slider(50, 600, 50, 150, "election time-out", "ms"),
        seed=slider(1, 20, 1, 3, "luck (seed)"),
    )


LAGS_MS = (10, 20, 40, 80)
PATIENT = Timing((0.6, 1.2), 0.1)  # nobody stands for election because a message took long


@lru_cache(maxsize=4)
def losses(lags_ms: tuple[int, ...] = LAGS_MS, seeds: int = 8) -> pd.DataFrame:
    """Rows (mode, lag_s, lost, rpo_s): acknowledged writes lost in a crash by lag and seed; Raft at the last lag only.

    *rpo_s*: the same as a time, lost writes by the rate of acknowledged ones (the recovery point).
    """
    rows = []
    for mode in ("async", "raft"):
        for lag_ms in lags_ms if mode == "async" else lags_ms[-1:]:
            for seed in range(seeds):
                run = fail_over(mode, seed=seed, lag_s=lag_ms / 1e3, timing=PATIENT, after_s=2.0, steady=True)
                begin = run.began_s + 0.3
                rate = sum(begin < o.responded_s < run.fault_s for o in run.history.ok()) / (run.fault_s - begin)
                rows.append((mode, lag_ms / 1e3, run.lost, run.lost / rate))
    return pd.DataFrame(rows, columns=["mode", "lag_s", "lost", "rpo_s"])


def measured_losses(runs: Mapping[float, Any]) -> pd.DataFrame:
    """Columns lag_s, lost and rpo_s of real runs, each a `harness.Found` under the lag in seconds of its replicas."""
    rows = []
    for lag_s, run in runs.items():
        fault_s = run.faults[0][1]
        own = sorted(o.responded_s for o in run.history.ok() if o.kind == "write" and o.key.startswith("w"))
        before = [at for at in own if at < fault_s]
        rate = len(before) / (fault_s - before[0]) if before else math.inf
        rows.append((lag_s, len(run.lost), len(run.lost) / rate))
    return pd.DataFrame(rows, columns=["lag_s", "lost", "rpo_s"])


def loss_worlds(measured: pd.DataFrame | None = None, prediction: object = None) -> alt.LayerChart:
    """What an asynchronous primary takes with it when it dies, in seconds of writes, by the way to its replicas.

    Theory says: as much as is under way. *measured*: columns lag_s and rpo_s. *prediction*: the reader's number of
    lost writes at 200 writes a second and a way of 40 ms.
    """
    found = losses()
    lags = np.array(sorted({*found["lag_s"], *(measured["lag_s"] if measured is not None else ())}))
    guess = float(prediction) / 200 if isinstance(prediction, int | float) else None
    return charts.three_worlds(
        predicted=pd.DataFrame({"lag_s": lags, "rpo_s": lags}),
        simulated=found[found["mode"] == "async"][["lag_s", "rpo_s"]],
        measured=measured, x="lag_s", y="rpo_s", prediction=(0.04, guess),
        title="Acknowledged, and gone with the primary (asynchronous)",
        x_title="one way to a replica (s)", y_title="writes lost, in seconds of writing",
    )  # fmt: skip


def modes_table(seeds: Iterable[int] = range(3)) -> Table:
    """Each mode and fault: writes lost and acknowledged over all seeds, the median RTO, and the checker's word.

    The checker needs reads, so it judges other runs: five clients read and write three keys, servers 5 ms apart.
    """
    rows, chosen = [], list(seeds)
    for fault in ("crash", "cut off"):
        for mode in MODES:
            runs = [failover(mode, fault, 40, 150, seed) for seed in chosen]
            broken = sum(not linearizable(fail_over(mode, fault, seed=s, kind=Mixed).history).holds for s in chosen)
            back = float(np.median([run.back_s for run in runs]))
            rows.append(
                (fault, mode, sum(run.acknowledged for run in runs), sum(run.lost for run in runs),
                 number(back) if back < math.inf else "never", f"{len(chosen) - broken} of {len(chosen)}")
            )  # fmt: skip
    columns = ["what happens", "mode", "acknowledged", "lost (sum)", "writes again after (s)", "linearizable runs"]
    said = f"{len(chosen)} seeds each; 40 ms to a replica, time-out 150 ms (last column: runs with reads, 5 ms)"
    return table(pd.DataFrame(rows, columns=columns), caption=said)


def story(mode: str, fault: str, anomaly: str, *, seeds: int = 200, **more: Any) -> tuple[Failover, Verdict]:
    """The first run in which clients saw *anomaly*, and the violation. Raises LookupError if none of *seeds* did.

    *more* goes to `fail_over`.
    """
    settings = {"lag_s": 0.03, "clients": 3, "after_s": 1.5} | more
    for seed in range(seeds):
        run = fail_over(mode, fault, seed=seed, kind=Mixed, **settings)
        verdict = linearizable(run.history)
        if verdict.anomaly == anomaly and len(verdict.operations) <= 5:
            return run, verdict
    raise LookupError(f"no run of {mode}, {fault} shows {anomaly!r} in {seeds} seeds; try more")


def lost_write() -> alt.LayerChart:
    """The shortest telling of a failover that forgets: what was written, what was acknowledged, what was read."""
    run, verdict = story("async", "crash", "lost write")
    events = {run.fault_s: "the primary dies", run.fault_s + run.elected_s: "a replica leads"}
    return timeline(verdict, events=events, names=run.names, title="A write that was acknowledged, and is gone")


def two_truths() -> alt.LayerChart:
    """An asynchronous primary that is cut off with client 0 goes on answering, while the others have a new one."""
    run, verdict = story("async", "cut off", "stale read")
    events = {run.fault_s: "cut off", run.fault_s + run.elected_s: "another leads"}
    return timeline(
        verdict,
        events=events,
        names=run.names,
        title="Asynchronous, cut off: two primaries, and neither knows all writes",
    )


def old_value() -> alt.LayerChart:
    """A semi-synchronous primary that is cut off cannot write any more, but it reads on, from the past."""
    run, verdict = story("semi-sync", "cut off", "stale read", lag_s=0.005, clients=5, after_s=3.0)
    events = {run.fault_s: "cut off", run.fault_s + run.elected_s: "another leads"}
    return timeline(verdict, events=events, names=run.names, title="Semi-synchronous: nothing lost, and still old")


CUT_S, END_S = 1.0, 3.0


def _cut(network: Network) -> None:
    network.partition(["a", "b", "client 0"], ["c", "d", "e", "client 1", "client 2"])


def cut_table(seeds: Iterable[int] = SEEDS) -> Table:
    """A cut between two of a key's homes with a client, and the third with two clients: who is answered, and is it so?

    The CAP theorem by experiment: no row has both sides answered and every history linearizable.
    """
    kinds = {
        "N=3, R=W=2, strict reads": StrictRegister(Quorum(3, 2, 2)),
        "N=3, R=W=2, sloppy, strict reads": StrictRegister(Quorum(3, 2, 2, sloppy=True)),
        "N=3, R=W=1": Register(Quorum(3, 1, 1)),
    }
    rows = []
    for name, register in kinds.items():
        event = (CUT_S, partial(_cut))
        runs = [quorum_model.run(register, seed=s, duration_s=END_S, events=[event]).history for s in seeds]
        late = [o for run in runs for o in run if CUT_S < o.invoked_s < END_S - quorum_model.GIVE_UP_S]
        small, large = ([o for o in late if (o.process == 0) == first] for first in (False, True))
        kept = sum(linearizable(run).holds for run in runs)
        rows.append((name, _answered(large), _answered(small), f"{kept} of {len(runs)}"))
    columns = ["register", "answered beside two copies (%)", "answered beside one (%)", "linearizable runs"]
    return table(pd.DataFrame(rows, columns=columns), caption="Two seconds of a cut network; who gets an answer")


def _answered(operations: list) -> float:
    return round(100 * float(np.mean([o.outcome == "ok" for o in operations])), 1)
