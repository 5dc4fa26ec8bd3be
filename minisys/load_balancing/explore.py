"""What chapter 03 shows in virtual time: one function per picture.

You move a slider and want to see at once what the slowest 1 % of requests would have met. Each function here runs the
model (or its compiled twin) on the same requests for every policy and draws one chart or table.

Promised: every figure is simulated or computed when the cell runs, over five seeds and at least 20,000 requests where
policies are compared. Not promised: real time; what sockets and processors add is measured in `experiments`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
from IPython.display import Code

from minisys.load_balancing import fast, model, theory
from minisys.load_balancing.plan import Step
from minisys.load_balancing.policies import new_pool, policy
from minisys.testbed import charts
from minisys.testbed.explorer import explorer
from minisys.testbed.playback import playback
from minisys.testbed.trace import Trace, significant
from minisys.testbed.workload import Exponential, Poisson, Workload, Zipf, workload

SEEDS = range(5)
COMPARED = ("random", "round robin", "least connections", "power of two", "peak ewma", "uri hash", "ring", "maglev")


def requests(load: float, backends: int, n: int, seed: int, service_s: float = 1.0) -> Workload:
    """*n* Poisson requests that keep *backends* busy a share *load* of the time; service is exponential."""
    rate = load * backends / service_s
    return workload(n, arrivals=Poisson(rate), work=Exponential(service_s), keys=Zipf(10_000, 0.9), seed=seed)


def settled(trace: Trace, share: float = 0.2) -> Trace:
    """*trace* without its first *share*: the system starts empty, and an empty system flatters everybody."""
    return trace[int(share * len(trace)) :]


def source(*functions: Callable[..., object] | type) -> Code:
    """The lines of *functions* as they stand in the package, coloured."""
    return Code("\n\n".join(inspect.getsource(f).rstrip() for f in functions), language="python")


def bad_day(slow_at_s: float = 10.0, factor: float = 8.0) -> alt.LayerChart:
    """Slowest 1 % second by second, round robin beside least connections, while backend c works *factor* times longer."""
    plan, rows = (Step(slow_at_s, "slow", "c", factor),), []
    for name in ("round robin", "least connections"):
        for seed in SEEDS:
            day = workload(7_200, arrivals=Poisson(240.0), work=Exponential(0.05), seed=seed)
            seconds = model.simulate(name, day, backends=3, workers=8, plan=plan, seed=seed).per_second()
            rows.append(seconds[["second", "p99_s"]].assign(policy=name))
    frame = pd.concat(rows).query("second < 30")
    title = "One of three backends gets slow: what the slowest 1 % of users wait"
    return charts.over_time(frame, y="p99_s", by="policy", events={slow_at_s: "c gets slow"}, title=title)


def policy_explorer():
    """Sliders for load, backends and one slow backend; the chosen policy's percentile curve beside the two extremes."""
    named = dict(policy=list(COMPARED), load=(0.5, 0.98, 0.01, 0.85), backends=(2, 40, 1, 10), slow=(1.0, 8.0, 0.5, 1.0))
    return explorer(tail_at, title="100,000 requests through a balancer", **named)


def tail_at(policy: str, load: float, backends: int, slow: float) -> tuple[alt.LayerChart, str]:
    """The percentile curve of *policy*, with random choice (worst) and one shared queue (best possible) as formulas.

    *load* counts on equal backends; *slow* is how much slower the last backend is.
    """
    speed = [1.0] * (backends - 1) + [1.0 / slow]
    trace = settled(fast.simulate(policy, requests(load, backends, 100_000, seed=1), backends=backends, speed=speed))
    p50, p99 = trace.percentile(50), trace.percentile(99)
    caption = f"{policy}: half within {p50:.3g} service times, 99 % within {p99:.3g}"
    return charts.percentile_curve({policy: trace}, title="Time in the system (service times)"), caption


def film(policy_name: str, slow_backend: str = "c", factor: float = 8.0, n: int = 400):
    """The first *n* requests through three backends as a film; *slow_backend* works *factor* times as long."""
    day = workload(n, arrivals=Poisson(24.0), work=Exponential(0.2), seed=4)
    trace = model.simulate(policy_name, day, backends=3, workers=3, plan=(Step(0.0, "slow", slow_backend, factor),))
    return playback(trace, title=f"{policy_name}, {slow_backend} is {factor:g} times slower")


def turns(weights: Mapping[str, float], policy_name: str = "weighted round robin", rounds: int = 2) -> str:
    """The order in which *policy_name* hands out turns to backends with *weights*, over *rounds* whole rounds."""
    names, chosen = list(weights), policy(policy_name)
    pool = new_pool(names, list(weights.values()), chosen)
    count = rounds * round(sum(weights.values()))
    return " ".join(names[chosen.choose(pool, 0, 0.0, 0.0)] for _ in range(count))


def supermarket_table(n: int = 1_000_000, backends: int = 1_000) -> pd.DataFrame:
    """Theory beside simulation for d = 1, 2, 3 choices: mean time in the system in service times, and the error."""
    rows = []
    for d in (1, 2, 3):
        for rho in (0.5, 0.7, 0.9):
            run = fast.simulate(policy("power of d", d=d), requests(rho, backends, n, seed=7), backends=backends)
            mean, exact = settled(run, 0.3).latency_s.mean(), theory.supermarket(rho, d)
            rows.append((d, rho, significant(exact, 4), significant(mean, 3), round(100 * (mean / exact - 1), 1)))
    return pd.DataFrame(rows, columns=["choices d", "utilisation", "formula", "simulated", "error %"])


@lru_cache
def choices_simulated(backends: int = 10) -> pd.DataFrame:
    """Mean time in the system at several utilisations, 1 and 2 choices, five seeds of 40,000 requests each."""
    rows = []
    for d in (1, 2):
        for rho in (0.5, 0.6, 0.7, 0.8, 0.9):
            for seed in SEEDS:
                run = fast.simulate(policy("power of d", d=d), requests(rho, backends, 40_000, seed), backends=backends)
                rows.append((d, rho, settled(run).latency_s.mean()))
    return pd.DataFrame(rows, columns=["d", "utilisation", "mean"])


def supermarket(measured: pd.DataFrame | None = None, prediction: float | None = None) -> alt.LayerChart:
    """Two choices in three worlds: formula (no end of backends), simulation (ten), *measured* (ten processes)."""
    rhos = np.arange(0.5, 0.905, 0.02)
    exact = pd.DataFrame({"utilisation": rhos, "mean": [theory.supermarket(float(rho), 2) for rho in rhos]})
    simulated = choices_simulated().query("d == 2")
    title = "Two random choices: mean time in the system"
    return charts.three_worlds(
        predicted=exact, simulated=simulated, measured=measured, x="utilisation", y="mean", title=title,
        prediction=(0.9, prediction), y_title="mean time in the system (service times)",
    )  # fmt: skip


def two_choices_mean(rho: float = 0.9) -> float:
    """The simulated mean with two choices among ten backends at utilisation *rho*, in service times."""
    return float(choices_simulated().query("d == 2 and utilisation == @rho")["mean"].mean())


def tail_by_policy(load: float = 0.85, backends: int = 10) -> alt.HConcatChart:
    """p99 of every policy over five seeds: all backends equal, and one of them at a quarter of its speed."""
    panels = {"all backends equal": None, "one at a quarter of its speed": [1.0] * (backends - 1) + [0.25]}
    rows = []
    for panel, speed in panels.items():
        for name in COMPARED:
            for seed in SEEDS:
                run = fast.simulate(name, requests(load * 0.9, backends, 40_000, seed), backends=backends, speed=speed)
                rows.append((panel, name, settled(run).percentile(99)))
    return pd.DataFrame(rows, columns=["panel", "policy", "p99"])
