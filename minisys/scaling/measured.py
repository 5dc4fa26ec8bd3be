"""Scaling measured: where one backend's knee is, and a dozen processes that hinder one another at a lock.

Formulas and simulations have said where it stops. Here real processes on 127.0.0.1 say it: a backend under Locust at
three rates, and workers with a real lock and real copies, one to twelve of them, whose throughput is then fitted.

Promised: the same requests as in the simulation; the shape of the curves and who wins. Not promised: the numbers of
another machine, or of this one while it is busy; the parts of an operation are measured in the same run, so the law is
predicted for the machine that you have.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from minisys.load_balancing.experiments import one_after_the_other
from minisys.scaling import curves, draw, knees, live, model, theory
from minisys.testbed import charts
from minisys.testbed.load import load
from minisys.testbed.marks import Axes, number
from minisys.testbed.tables import Table, table

CORES = 2  # so many processors for the workers, so that the lesson is the same on a larger machine (Linux)
PARTS = {
    "own_s": "own work", "waited_s": "waiting for the lock", "held_s": "work with the lock",
    "told_s": "telling the others", "idle_s": "waiting for the round to end",
}  # fmt: skip
AXES: Axes = {"x_title": "workers", "y_title": "operations a second"}


def knee_measured(seed: int = 11) -> pd.DataFrame:
    """One backend with eight workers under Locust, a short run at each of three loads, the last one too much for it.

    Columns: load, rate_per_s, p99_s, and simulated (p99 of the very same requests in the model, in seconds).
    """
    offered = [knees.live_run(load, seed) for load in knees.LOADS]
    begins = np.cumsum([0.0, *(float(run.arrival_s[-1]) + 0.6 for run in offered[:-1])])  # time for queues to empty
    with live.backend(knees.WORKERS) as node:
        seen = load(node.url, one_after_the_other(offered, begins.tolist()), progress=True)
    rows, last = [], 0
    for at, run in zip(knees.LOADS, offered, strict=True):
        part, last = seen[last : last + len(run)], last + len(run)
        p99_s = model.after_the_crowd(part).percentile(99)
        rows.append((at, at * knees.CAPACITY_PER_S, p99_s, knees.live_run_simulated(at, seed)))
    return pd.DataFrame(rows, columns=["load", "rate_per_s", "p99_s", "simulated"])


def same_requests(measured: pd.DataFrame) -> Table:
    """What a process and its sockets add: p99 of the very same requests simulated and measured, in milliseconds."""
    made = pd.DataFrame({
        "load": measured["load"], "requests a second": measured["rate_per_s"],
        "p99 simulated (ms)": 1000 * measured["simulated"], "p99 measured (ms)": 1000 * measured["p99_s"],
    })  # fmt: skip
    return table(made, caption="The same requests in the model and on a process with eight workers")


def objective_kept(measured: pd.DataFrame) -> str:
    """Two lines that compare exactly: half the capacity keeps the objective, more than the capacity breaks it."""
    p99_s = measured.set_index("load")["p99_s"]
    kept = ["yes" if p99_s[at] < knees.SLO_S else "no" for at in (knees.LOADS[0], knees.LOADS[-1])]
    return f"objective kept at half the capacity: {kept[0]}\nobjective kept at 1.2 times the capacity: {kept[1]}"


def usl_measured(kind: str = "waiting", **how: Any) -> pd.DataFrame:
    """Throughput of one to twelve workers at a real lock, a row each; some 10 seconds. Columns as live.contend gives.

    *kind*: "waiting" or "computing", on CORES processors; *how*: lock=False, coherency=False or together=False.
    """
    return live.throughput(kind=kind, cores=CORES, **how)


def parts(measured: pd.DataFrame) -> tuple[float, float, float]:
    """Seconds of own work and of work with the lock (one worker), and of telling one other (up to four workers)."""
    alone, few = measured[measured["n"] == 1].iloc[0], measured[measured["n"].between(2, 4)]
    return float(alone["own_s"]), float(alone["held_s"]), float((few["told_s"] / (few["n"] - 1)).mean())


def usl_worlds(measured: pd.DataFrame, prediction: object = None) -> alt.LayerChart:
    """Throughput of workers at a lock: law from the parts of an operation, simulation, *measured* processes.

    The parts come from up to four workers; what lies beyond is predicted. *prediction*: the reader's number of workers
    with the highest throughput, or None.
    """
    own_s, locked_s, tell_s = parts(measured)
    counts, most = measured["n"].tolist(), int(measured["n"].max())
    how: dict[str, Any] = {"own_s": own_s, "locked_s": locked_s, "tell_s": tell_s, "spread": 0.05, "for_s": 2.0}
    simulated = [(float(n), model.contend(n, seed=seed, **how)) for n in counts for seed in range(5)]
    alpha, beta, gamma = theory.usl_of_parts(own_s, locked_s, tell_s)
    peak = theory.usl_peak(alpha, beta)
    chart = charts.three_worlds(
        predicted=curves.of_parts(most, own_s, locked_s, tell_s),
        simulated=pd.DataFrame(simulated, columns=["n", "throughput"]),
        measured=measured[["n", "throughput"]],
        x="n",
        y="throughput",
        title="One lock, and a copy with every worker",
        **AXES,
    )
    rules: list[draw.Rule] = [("x", peak, f"peak: {number(peak)}")] if peak < most else []
    best = theory.usl_maximum(alpha, beta, gamma)
    guess = (float(prediction), best) if isinstance(prediction, int | float) else None
    return draw.with_rules(chart, "n", "throughput", rules, guess, **AXES)


def where_time_goes(measured: pd.DataFrame) -> alt.LayerChart:
    """What an operation spends its time on, stacked, for each number of workers in *measured*."""
    frame = measured.melt("n", list(PARTS), "part", "seconds")
    frame = frame.assign(kind=frame["part"].map(PARTS), ms=1000 * frame["seconds"])
    return draw.stacked(
        frame[["n", "kind", "ms"]], x="n", y="ms", title="Where the time of an operation goes", x_title="workers",
        y_title="milliseconds an operation",
    )  # fmt: skip


def switched(full: pd.DataFrame, for_s: float = 0.5, workers: int = 8) -> Table:
    """Lock and coherency switched off in turn, beside the *full* measurement, with so many *workers*: speed and harm.

    Updates are lost without the lock; without coherency no worker knows of the others' updates.
    """
    rows = [("on", "on", full)]
    for lock, coherency in ((True, False), (False, True), (False, False)):
        seen = live.throughput((workers,), kind="waiting", cores=CORES, lock=lock, coherency=coherency, for_s=for_s)
        rows.append((("off", "on")[lock], ("off", "on")[coherency], seen))
    made = []
    for lock_said, told, seen in rows:
        most = seen[seen["n"] == workers].iloc[0].to_dict()
        lost = f"{100 * most['lost'] / most['operations']:.0f} %"
        times = float(most["throughput"] / full["throughput"].iloc[0])
        made.append((lock_said, told, most["throughput"], round(times, 1), lost))
    columns = ["lock", "coherency", f"{workers} workers (per second)", "times one worker", "updates lost"]
    return table(
        pd.DataFrame(made, columns=columns), caption="What the lock and the copies cost, and what they are for"
    )


def kinds(waiting: pd.DataFrame, computing: pd.DataFrame) -> alt.LayerChart:
    """How many times the throughput of one worker: waiting and computing work beside a straight line."""
    frames = [
        seen.assign(speed_up=seen["throughput"] / seen["throughput"].iloc[0], kind=name)[["n", "speed_up", "kind"]]
        for name, seen in (("waiting", waiting), ("computing", computing))
    ]
    top = int(np.ceil(max(frame["speed_up"].max() for frame in frames)))
    straight = pd.DataFrame({"n": [1, top], "speed_up": [1, top], "kind": "straight line"})
    return charts.lines(
        pd.concat([*frames, straight]), x="n", y="speed_up", by="kind",
        title=f"Waiting and computing on {CORES} processors",
        x_title="workers", y_title="times the throughput of one worker",
    )  # fmt: skip


def past_the_cores(waiting: pd.DataFrame, computing: pd.DataFrame) -> str:
    """Two lines that compare exactly: whether workers got beyond what the processors alone can do, by kind of work."""
    said = []
    for name, seen in (("waiting", waiting), ("computing", computing)):
        best = float((seen["throughput"] / seen["throughput"].iloc[0]).max())
        beyond = "yes" if best > 1.1 * CORES else "no"
        said.append(f"{name}: beyond {CORES} times the throughput of one worker: {beyond}")
    return "\n".join(said)


def together_or_apart(together: pd.DataFrame, apart: pd.DataFrame) -> alt.LayerChart:
    """The same workers in rounds and each on its own, beside the law from the parts: the law is the worst case."""
    own_s, locked_s, tell_s = parts(together)
    law = curves.of_parts(int(together["n"].max()), own_s, locked_s, tell_s).assign(kind="law from the parts")
    seen = [part.assign(kind=name) for name, part in (("in rounds", together), ("each on its own", apart))]
    points = pd.concat(seen)[["n", "throughput", "kind"]]
    title = "Who does not come together does not queue together"
    return draw.layers(lines=law, points=points, x="n", y="throughput", title=title, zero=True, **AXES)
