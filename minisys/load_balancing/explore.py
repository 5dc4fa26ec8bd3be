"""What chapter 03 shows in virtual time: one function per picture.

You move a slider and want to see at once what the slowest 1 % of requests would have met. Each function here runs the
model (or its compiled twin) on the same requests for every policy and draws one chart or table.

Promised: every figure is simulated or computed when the cell runs, over five seeds and at least 20,000 requests where
policies are compared. Not promised: real time; what sockets and processors add is measured in `experiments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.load_balancing import fast, model, theory
from minisys.load_balancing.plan import Step
from minisys.load_balancing.policies import new_pool, policy
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.playback import Playback, playback
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Exponential, Poisson, Workload, Zipf, workload

SEEDS = range(5)
COMPARED = ("random", "round robin", "least connections", "power of two", "peak ewma", "uri hash", "ring", "maglev")
SERVICE_S = 0.05
BACKENDS = 10  # of the live runs
LIVE_RHOS = (0.5, 0.7, 0.9)


def requests(load: float, backends: int, n: int, seed: int, service_s: float = 1.0) -> Workload:
    """*n* Poisson requests that keep *backends* busy a share *load* of the time; service is exponential."""
    drawn = _drawn(n, seed)
    rate = load * backends / service_s
    return replace(drawn, arrival_s=drawn.arrival_s / rate, work_s=drawn.work_s * service_s)


@lru_cache(maxsize=4)  # a slider asks for the same requests at another rate
def _drawn(n: int, seed: int) -> Workload:
    """One request a second, with one second of work."""
    return workload(n, arrivals=Poisson(1.0), work=Exponential(1.0), keys=Zipf(10_000, 0.7), seed=seed)


def settled(trace: Trace, share: float = 0.2) -> Trace:
    """*trace* without its first *share*: the system starts empty, and an empty system flatters everybody."""
    return trace[int(share * len(trace)) :]


def first(seconds: float, offered: Workload) -> Workload:
    """The requests of *offered* that come in the first so many *seconds*."""
    return offered[: int(np.searchsorted(offered.arrival_s, seconds))]


def bad_day(slow_at_s: float = 10.0, factor: float = 8.0) -> alt.LayerChart:
    """Slowest 1 % by the second, round robin beside least connections, while backend c is *factor* times slower."""
    plan, runs = (Step(slow_at_s, "slow", "c", factor),), {}
    for name in ("round robin", "least connections"):
        days = [workload(9_000, arrivals=Poisson(240.0), work=Exponential(SERVICE_S), seed=seed) for seed in SEEDS]
        runs[name] = [model.simulate(name, first(30.0, day), backends=3, workers=8, plan=plan) for day in days]
    title = "One of three backends gets slow: how long the slowest 1 % wait"
    return charts.over_time(runs, events={slow_at_s: "c gets slow"}, title=title)


def policy_explorer() -> Explorer:
    """Sliders for load, backends and one slow backend; the chosen policy's percentile curve beside random choice."""
    fast.warm_up()
    return explorer(
        tail_at,
        title="100,000 requests through a balancer",
        policy=choice(COMPARED, "round robin", "policy"),
        load=slider(0.5, 0.98, 0.01, 0.85, "load"),
        backends=slider(2, 40, 1, 10, "backends"),
        slow=slider(1.0, 8.0, 0.5, 1.0, "last one slower (×)"),
    )


def tail_at(policy: str, load: float, backends: int, slow: float) -> tuple[alt.LayerChart, str]:
    """Percentile curves of *policy* and, to compare, of least connections; and the result in words.

    *load* counts on equal backends; *slow* is how much slower the last one is. Service takes 50 ms on average.
    """
    speed, offered = [1.0] * (backends - 1) + [1.0 / slow], requests(load, backends, 100_000, 1, SERVICE_S)

    def run(name: str) -> Trace:
        return settled(fast.simulate(name, offered, backends=backends, speed=speed))

    names = list(dict.fromkeys((policy, "least connections")))
    with ThreadPoolExecutor(2) as pool:  # compiled code leaves Python's lock alone, so both run at once
        runs = dict(zip(names, pool.map(run, names), strict=True))
    p50, p99 = runs[policy].percentiles((50, 99))
    caption = f"{policy}: half of the users wait at most {duration(p50)}, 99 % at most {duration(p99)}."
    return charts.percentile_curve(runs, title="How long users wait, up to the slowest 0.1 %"), caption


def film(policy_name: str, slow_backend: str = "c", factor: float = 8.0) -> Playback:
    """300 requests through three backends as a film; *slow_backend* works *factor* times as long.

    It ends when the last has come. Films of two policies have the same requests, speed and scale of the strip.
    """
    day = workload(900, arrivals=Poisson(24.0), work=Exponential(0.2), seed=4)
    plan = (Step(0.0, "slow", slow_backend, factor),)
    trace = model.simulate(policy_name, day, backends=3, workers=3, plan=plan)
    title = f"{policy_name.capitalize()}; {slow_backend} is {factor:g} times slower"
    return playback(trace, title=title, balancer=policy_name, drain=False, most=100)


def turns(weights: Mapping[str, float], policy_name: str = "weighted round robin", rounds: int = 2) -> str:
    """The order in which *policy_name* hands out turns to backends with *weights*, over *rounds* whole rounds."""
    names, chosen = list(weights), policy(policy_name)
    pool = new_pool(names, list(weights.values()), chosen)
    count = rounds * round(sum(weights.values()))
    return " ".join(names[chosen.choose(pool, 0, 0.0, 0.0)] for _ in range(count))


def supermarket_table(n: int = 1_200_000, backends: int = 200) -> Table:
    """Theory beside simulation for d = 1, 2, 3 choices: mean time in the system in service times, and the error."""
    rows = []
    for d in (1, 2, 3):
        for rho in (0.5, 0.7, 0.9):
            run = fast.simulate(policy("power of d", d=d), requests(rho, backends, n, seed=7), backends=backends)
            mean, exact = float(settled(run, 0.3).latency_s.mean()), theory.supermarket(rho, d)
            rows.append((d, rho, exact, mean, round(100 * (mean / exact - 1), 1)))
    columns = ["choices", "utilisation", "formula", "simulated", "difference (%)"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"{backends:,} backends, {n:,} requests: mean time")


def short_run(rho: float, seed: int, for_s: float = 1.5) -> Workload:
    """What ten backends get in one live run: a house that is full as on average, then *for_s* seconds of traffic.

    Without the crowd at the start an empty system would flatter the result: at 90 % load the queues need longer to
    build up than the run lasts.
    """
    rate = rho * BACKENDS / SERVICE_S
    crowd = round(rate * SERVICE_S * theory.supermarket(rho, 2))
    run = workload(crowd + int(rate * for_s), arrivals=Poisson(rate), work=Exponential(SERVICE_S), seed=seed)
    return replace(run, arrival_s=np.maximum(run.arrival_s - run.arrival_s[crowd - 1], 0.0))


def mean_in_service_times(trace: Trace) -> float:
    """Mean time in the system, as a multiple of the service time, of those who came after the crowd at the start."""
    latency_s = trace.latency_s[trace.frame["sent_s"].to_numpy() > trace.frame["sent_s"].iloc[0]]
    return float(np.nanmean(latency_s)) / SERVICE_S


def short_run_simulated(rho: float, seed: int) -> float:
    """mean_in_service_times of one short run in the model."""
    return mean_in_service_times(fast.simulate("power of two", short_run(rho, seed), backends=BACKENDS))


@lru_cache
def short_runs() -> pd.DataFrame:
    """200 short runs at each of five loads: their mean, and the band (low, high) that holds 99 % of the runs."""
    rows = []
    for rho in (0.5, 0.6, 0.7, 0.8, 0.9):
        means = [short_run_simulated(rho, seed) for seed in range(100, 300)]
        rows.append((rho, float(np.mean(means)), *np.quantile(means, (0.005, 0.995))))
    return pd.DataFrame(rows, columns=["utilisation", "mean", "low", "high"])


def supermarket(measured: pd.DataFrame | None = None, prediction: object = None) -> alt.LayerChart:
    """Two choices in three worlds: formula (no end of backends), simulation (ten), *measured* (ten processes).

    *prediction*: the reader's number at utilisation 0.9, or None.
    """
    rhos = np.arange(0.5, 0.905, 0.02)
    exact = pd.DataFrame({"utilisation": rhos, "mean": [theory.supermarket(float(rho), 2) for rho in rhos]})
    guess = float(prediction) if isinstance(prediction, int | float) else None
    return charts.three_worlds(
        predicted=exact,
        simulated=short_runs(),
        measured=None if measured is None else measured[["utilisation", "mean"]],
        x="utilisation",
        y="mean",
        prediction=(0.9, guess),
        title="Two random choices among ten backends",
        y_title="mean time in the system (service times)",
    )


@lru_cache
def two_choices_mean(rho: float = 0.9) -> float:
    """The long-run mean with two choices among ten backends at utilisation *rho*, simulated, in service times."""
    run = fast.simulate("power of two", requests(rho, BACKENDS, 2_000_000, seed=7), backends=BACKENDS)
    return float(settled(run).latency_s.mean())


def tail_by_policy(slow: bool = False, load: float = 0.6, backends: int = 10) -> alt.LayerChart:
    """p99 of every policy over five seeds, all backends equal or one of them (*slow*) a third slower."""
    speed = [1.0] * (backends - 1) + [0.65 if slow else 1.0]
    rows = []
    named = {"ring": "ring, bounded load"} | {name: name for name in COMPARED if name != "ring"}
    contenders = {said: policy(name) for name, said in named.items()} | {"ring, no bound": policy("ring", bound=1e9)}
    for said, chosen in contenders.items():
        for seed in SEEDS:
            offered = requests(load, backends, 40_000, seed, SERVICE_S)
            run = fast.simulate(chosen, offered, backends=backends, speed=speed)
            rows.append((said, settled(run).percentile(99)))
    title = "One backend of ten at 65 % of its speed" if slow else "All backends equal"
    frame = pd.DataFrame(rows, columns=["policy", "p99_s"])
    return charts.dots(frame, x="p99_s", y="policy", title=title, x_title="99th percentile (s)")
