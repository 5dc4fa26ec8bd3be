"""Each defence where it does harm: the same users, without it and with it, in a system that it was not made for.

The breaker that saved the shop in spring refuses nine good calls in ten in autumn, because one of ten servers is
broken and "five failures in a row" is not so rare at a thousand calls a second. A defence is a bet on what will fail;
here each one loses.

Promised: both sides of a pair meet the same users and the same draws; means over seeds. Not promised: that yours loses
by as much; change a number and run it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from minisys.resilience import fast, metastable, model
from minisys.resilience.breaker import Breaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.cascades import read
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.hedging import Hedge
from minisys.resilience.retries import Backoff, Retries
from minisys.resilience.run import Run
from minisys.resilience.shedding import AdaptiveThrottle, CoDel, QueueLimit
from minisys.testbed.workload import Arrivals, Bursts, Deterministic, Exponential, Poisson, workload

SEEDS = range(3)
PERCENT, SECONDS = "answered in time (%)", "p99 (s)"


class Case(NamedTuple):
    """A defence and where it loses: the two chains, the users, the troubles, and what is measured."""

    defence: str
    where: str
    without: Chain
    with_it: Chain
    measure: str
    arrivals: Arrivals = Poisson(100.0)  # noqa: RUF009
    troubles: tuple[Trouble, ...] = ()
    simulate: Callable[..., Run] = fast.simulate


def one(caller: Defences | None = None, protection: Protection | None = None, *, fails: float = 0.0) -> Chain:
    """Users and one service of eight workers of 50 ms, which can do 160 requests a second."""
    guard = Protection() if protection is None else protection
    service = Service("service", 8, Exponential(0.05), guard, fails)
    return Chain((service,), (caller or Defences(),))


WELL, HANGS = Defences(timeout_s=1.0), Trouble("service", 10.0, 5.0, slow=40.0)
BURSTY = Bursts(60.0, 300.0, 2.0, 0.3)


def cases() -> list[Case]:
    """The pairs."""
    impatient, slow = Defences(timeout_s=0.03, retries=Retries(3)), read(None)
    lossy, tries = one(replace(WELL, retries=Retries(3)), fails=0.05), Retries(3, Backoff(1.0, 4.0, "none"))
    return [
        Case("timeout", "30 ms, where one answer in six takes longer", slow, replace(slow, callers=(impatient,)),
             "calls a request", Poisson(700.0)),
        Case("retries", "a database at two thirds of its capacity is slow for 5 s", metastable.alone(1),
             metastable.alone(3), PERCENT, Poisson(107.0), (metastable.TRIGGER,)),
        Case("backoff", "5 % of calls fail by chance: waiting 2 s helps nobody", lossy,
             replace(lossy, callers=(replace(WELL, retries=tries),)), SECONDS),
        Case("breaker", "one call in five fails, and four do not", one(WELL, fails=0.2),
             one(replace(WELL, breaker=Breaker(3, 5.0)), fails=0.2), PERCENT),
        Case("bulkhead", "8 at once, and traffic in bursts", one(WELL),
             one(replace(WELL, bulkhead=Bulkhead(8))), PERCENT, BURSTY),
        Case("short line", "2 may wait, and traffic in bursts", one(WELL),
             one(WELL, Protection(queue_limit=QueueLimit(2))), PERCENT, BURSTY),
        Case("CoDel", "a target of 1 ms, at 90 % load", one(WELL),
             one(WELL, Protection(codel=CoDel(0.001, 0.02))), PERCENT, Poisson(144.0)),
        Case("hedging", "after the median, at 70 % load", slow, read(Hedge(0.5, 1.0)), SECONDS, Poisson(1050.0)),
        Case("throttle", "all hangs for 5 s; the window is 120 s", one(WELL),
             one(replace(WELL, throttle=AdaptiveThrottle(1.1, 120.0))), PERCENT, troubles=(HANGS,),
             simulate=model.simulate),
    ]  # fmt: skip


def measured(case: Case, design: Chain, seed: int, length_s: float = 40.0) -> float:
    """What *design* does for the users of *case*, in the case's measure."""
    count = int(length_s * 100)
    offered = workload(count, arrivals=case.arrivals, work=Deterministic(1.0), seed=seed)
    run = case.simulate(design, offered, case.troubles, seed=seed)
    if case.measure == SECONDS:
        return float(np.percentile(run.latency_s, 99))
    if case.measure == PERCENT:  # from well after a trouble on, where there is one
        over_s = max((each.at_s + each.for_s + 5.0 for each in case.troubles), default=0.0)
        return 100 * run.goodput(over_s)
    return float(run.amplification[-1])


def compare(chosen: Iterable[Case] | None = None, seeds: Iterable[int] = SEEDS) -> pd.DataFrame:
    """A row a pair: defence, where, measure, without, with; means over *seeds*."""
    rows = []
    for case in cases() if chosen is None else chosen:
        pair = [np.mean([measured(case, each, seed) for seed in seeds]) for each in (case.without, case.with_it)]
        rows.append((case.defence, case.where, case.measure, *pair))
    return pd.DataFrame(rows, columns=["defence", "where it hurts", "measure", "without", "with"])
