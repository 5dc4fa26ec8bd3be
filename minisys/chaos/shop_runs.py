"""One run of the shop in virtual time, and what comes out of a run, simulated or live.

    run = simulate({"cache is a must"}, FaultPlan([Fault("kill", "cache", at_s=1.0, for_s=3.0)]))
    run.trace, run.readings, run.rates()

Promised: one seed gives one answer; shop_live.run takes the same and gives the same kind of run. Not promised: that
five seconds are a steady state.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import simpy

from minisys.chaos import shop
from minisys.chaos.inject import Log, SimClock, played
from minisys.chaos.plan import FaultPlan
from minisys.chaos.shop_model import SimShop
from minisys.testbed import simulation
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Deterministic, Poisson, Uniform, Workload, workload

WORK_S = 0.005  # of an application, for each order
RATE_PER_S = 40.0


def orders(seconds: float, rate_per_s: float = RATE_PER_S, seed: int = 0) -> Workload:
    """Poisson orders for so many *seconds*; the key is the order's number, so that a lost one has a name."""
    n = round(seconds * rate_per_s * 1.3) + 20
    drawn = workload(n, arrivals=Poisson(rate_per_s), work=Deterministic(WORK_S), keys=Uniform(1), seed=seed)
    drawn = replace(drawn, key=np.arange(n))
    return drawn[: max(1, int(np.searchsorted(drawn.arrival_s, seconds)))]


@dataclass(frozen=True)
class ShopRun:
    """One run: what users saw (*trace*), what monitoring counted in the end (*readings*), the *log* of faults.

    samples: what monitoring said meanwhile, every *every_s* seconds, with the second at which it said so.
    """

    trace: Trace
    readings: shop.Readings
    log: Log
    samples: list[tuple[float, shop.Readings]]

    def rates(self) -> pd.DataFrame:
        """Between two samples: second (the middle), success, calls_per_order; not where nothing was answered."""
        rows = []
        for (began_s, before), (ended_s, after) in itertools.pairwise(self.samples):
            now = after.since(before)
            if now.answered:
                middle_s = (began_s + ended_s) / 2
                rows.append({"second": middle_s, "success": now.success, "calls_per_order": now.calls_per_order})
        return pd.DataFrame(rows, columns=["second", "success", "calls_per_order"])


def simulate(
    weaknesses: Iterable[str], plan: FaultPlan, offered: Workload | None = None, *, seconds: float = 5.0,
    seed: int = 0, every_s: float = 0.5,
) -> ShopRun:  # fmt: skip
    """Play *plan* on a shop with *weaknesses* while *offered* (default: `orders(seconds, seed=seed)`) come in.

    Raises ValueError for an unknown weakness, or a fault that the shop cannot have.
    """
    log = Log()
    samples: list[tuple[float, shop.Readings]] = []
    for fault in plan:
        shop.check_fault(fault.kind, fault.target)

    def sample(sim: SimShop) -> Generator:
        while True:
            samples.append((sim.env.now, sim.readings()))
            yield sim.env.timeout(every_s)

    def start(sim: SimShop) -> None:
        SimClock(sim.env).follow(played(plan, sim, log, max(seconds, plan.end_s)))
        sim.env.process(sample(sim))

    trace, sim = run(weaknesses, start, offered or orders(seconds, seed=seed), seed)
    return ShopRun(trace, sim.readings(), log, samples)


def run(
    weaknesses: Iterable[str], start: Callable[[SimShop], None], offered: Workload, seed: int
) -> tuple[Trace, SimShop]:
    """Send *offered* to a shop with *weaknesses*; *start(shop)* is called before the first order."""
    built, made = shop.design(weaknesses), []

    def build(env: simpy.Environment, rng: np.random.Generator) -> SimShop:
        made.append(SimShop(env, rng, built))
        start(made[0])
        return made[0]

    return simulation.simulate(offered, build, seed=seed), made[0]
