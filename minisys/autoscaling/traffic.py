"""Evenings to be judged on: a rate that rises and falls, and the requests drawn from it.

Everybody's day looks like the day before, until an influencer holds your product into a camera. A rule is good if it is
good on both, so the evening here has both: a curve that comes every day, and a sale that nobody announced.

Promised: one seed gives one evening, with its own moment and height of the sale; the rate is a function of time, so
that the oracle (theory.py) may know it. For your own traffic replay a recorded trace: Workload.from_csv, and
`observed_rates` for the oracle. Not promised: that your traffic is like this.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minisys.autoscaling import theory
from minisys.autoscaling.cloud import Cloud
from minisys.autoscaling.planning import Scheduled
from minisys.testbed.laws import Deterministic, Exponential, Lognormal
from minisys.testbed.workload import Workload, stream, uniform_luck

Rate = Callable[[np.ndarray], np.ndarray]
EVENING_S = 7_200.0  # two hours: one turn of the daily curve, in the time of a chapter
SERVICE_S, SLO_S, WORKERS = 0.5, 4.0, 2  # a request is 0.5 s of work on average; 99 % should take 4 s at the most
STEP_S = 60.0


def cloud(boot_s: float = 120.0, cv: float = 0.25, first: int = 3, **more: object) -> Cloud:
    """The cloud of this chapter: machines of two workers that boot in *boot_s* on average; see Cloud for the rest."""
    boot = Lognormal(boot_s, cv) if cv else Deterministic(boot_s)
    return Cloud(boot, WORKERS, queue=100, first=first, **more)  # type: ignore[arg-type]


def day_curve(mean_per_s: float = 8.0, peak_to_mean: float = 1.6, period_s: float = EVENING_S) -> Rate:
    """A sine round the mean that starts at its lowest, in requests a second."""
    return lambda t: mean_per_s * (1 - (peak_to_mean - 1) * np.cos(2 * np.pi * t / period_s))


def flash_sale(base_per_s: float, peak_per_s: float, at_s: float, ramp_s: float = 30.0, hold_s: float = 900.0) -> Rate:
    """Quiet, then up within *ramp_s* at *at_s*, for *hold_s*, and down again."""
    corners = np.cumsum([at_s, ramp_s, hold_s, ramp_s])
    return lambda t: np.interp(t, corners, [base_per_s, peak_per_s, peak_per_s, base_per_s])


def ramp(from_per_s: float, to_per_s: float, over_s: float, at_s: float = 0.0) -> Rate:
    """A straight line from one rate to another, from *at_s* on, over *over_s* seconds."""
    return lambda t: np.interp(t, [at_s, at_s + over_s], [from_per_s, to_per_s])


def evening(seed: int, *, sale: bool = True, mean_per_s: float = 8.0) -> Rate:
    """A day curve, and a sale at a moment and of a height that *seed* draws: 8 to 16 requests a second more."""
    rng = stream(seed, "sale")
    at_s, more = rng.uniform(1_200, 5_400), rng.uniform(8, 16)
    curve, extra = day_curve(mean_per_s), flash_sale(0.0, more if sale else 0.0, at_s, 60.0, 600.0)
    return lambda t: curve(t) + extra(t)


def requests(rate: Rate, seed: int, length_s: float = EVENING_S, service_s: float = SERVICE_S) -> Workload:
    """Requests that come at *rate* for *length_s* seconds, with exponential work of *service_s* on average.

    A Poisson process thinned from its highest rate (Lewis and Shedler 1979). Raises ValueError if nothing comes.
    """
    highest = float(rate(np.linspace(0, length_s, 1 + int(length_s))).max()) * 1.01
    rng = stream(seed, "arrivals")
    times = np.sort(rng.random(rng.poisson(highest * length_s)) * length_s)
    times = times[rng.random(len(times)) * highest < rate(times)]
    if not len(times):
        raise ValueError(f"at this rate no request comes within {length_s:g} s")
    n = len(times)
    work_s = Exponential(service_s).sample(n, stream(seed, "work"))
    return Workload(times, work_s, np.zeros(n), np.full(n, 1000), uniform_luck(n, seed))


def observed_rates(workload: Workload, step_s: float = STEP_S) -> np.ndarray:
    """Requests a second in each step of *step_s* seconds, counted: of any workload, also a replayed one."""
    steps = int(workload.arrival_s[-1] // step_s) + 1
    return np.bincount((workload.arrival_s // step_s).astype(int), minlength=steps) / step_s


def oracle(workload: Workload, missed: float = 0.01, *, lead_s: float = 180.0, step_s: float = STEP_S) -> Scheduled:
    """The timetable of somebody who has seen this very workload: what each minute needs, ordered *lead_s* before."""
    plan = theory.oracle(
        observed_rates(workload, step_s).tolist(), step_s, SERVICE_S, SLO_S, missed=missed, workers=WORKERS,
        lead_s=lead_s,
    )  # fmt: skip
    return Scheduled(plan, period_s=plan[-1][0] + 1e9)


def history(seeds: range, slot_s: float = 300.0, mean_per_s: float = 8.0) -> list[list[float]]:
    """What a forecast knows: the rates of the evenings of other *seeds*, in slots of *slot_s* seconds."""
    return [observed_rates(requests(evening(seed, mean_per_s=mean_per_s), seed), slot_s).tolist() for seed in seeds]
