"""The same three shapes in virtual time, the knee asked of them, and workers that share a lock.

The formula says that one queue for eight servers beats eight queues. It speaks of endless time and of work that has no
memory. Here the same is tried with 40,000 requests, with work as even or as uneven as you like, and with five seeds.

Promised: the balancer's own compiled kernel runs the shapes, so they equal its model request by request; one seed, one
answer. Not modelled: sockets and processors; telling another worker takes the time that you say.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import simpy

from minisys.load_balancing import fast
from minisys.scaling.theory import FAST, ONE_QUEUE, OWN_QUEUES, check_shape, machines
from minisys.testbed.queueing import mmc
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Exponential, Gamma, Poisson, Workload, stream, workload


def arranged(shape: str, k: int) -> dict[str, Any]:
    """The *shape* of *k* times the capacity in the balancer's words: backends, workers and speed.

    Raises ValueError for an unknown shape or k below 1.
    """
    check_shape(shape)
    k = machines(k)
    words: dict[str, dict[str, Any]] = {
        FAST: {"backends": 1, "speed": [float(k)]},
        ONE_QUEUE: {"backends": 1, "workers": k},
        OWN_QUEUES: {"backends": k},
    }
    return words[shape]


def simulate(shape: str, offered: Workload, k: int) -> Trace:
    """The trace of *offered* through *k* times the capacity in one of the three shapes; work_s is for one of k servers.

    "a queue each" draws the server at random. Raises ValueError as `arranged` does.
    """
    return fast.simulate("random", offered, **arranged(shape, k))


def requests(load: float, k: int, n: int, seed: int, *, cv: float = 1.0, service_s: float = 1.0) -> Workload:
    """*n* Poisson requests that keep *k* servers busy a share *load* of the time; work of *service_s* seconds and *cv*.

    The same seed gives the same gaps and the same work at another load, only faster (common random numbers).
    """
    drawn, rate = _drawn(n, seed, cv), load * k / service_s
    return replace(drawn, arrival_s=drawn.arrival_s / rate, work_s=drawn.work_s * service_s)


@lru_cache(maxsize=8)  # a slider asks for the same requests at another rate
def _drawn(n: int, seed: int, cv: float) -> Workload:
    """One request a second, with one second of work on average."""
    return workload(n, arrivals=Poisson(1.0), work=Gamma(1.0, cv), seed=seed)


def settled(trace: Trace, share: float = 0.2) -> Trace:
    """*trace* without its first *share*, in which the system was still filling up."""
    return trace[int(share * len(trace)) :]


def knee(
    shape: str, service_s: float, k: int, slo_s: float, q: float = 99.0, *,
    cv: float = 1.0, n: int = 40_000, seeds: Sequence[int] = range(5),
) -> pd.DataFrame:  # fmt: skip
    """The highest rate at which *q* percent of the requests take less than *slo_s* seconds: columns seed, rate_per_s.

    By bisection on the same *n* requests sent faster or slower, once for each seed; how far the seeds lie apart is what
    the simulation does not know. A rate of 0 means that the objective is out of reach. Raises ValueError as `arranged`.
    """
    return pd.DataFrame(
        [(seed, _knee(shape, service_s, k, slo_s, q, cv, n, seed)) for seed in seeds], columns=["seed", "rate_per_s"]
    )


def _knee(shape: str, service_s: float, k: int, slo_s: float, q: float, cv: float, n: int, seed: int) -> float:
    low, high = 0.0, 1.0
    for _ in range(12):  # to 1/4096 of the capacity
        middle = (low + high) / 2
        run = simulate(shape, requests(middle, k, n, seed, cv=cv, service_s=service_s), k)
        low, high = (middle, high) if settled(run).percentile(q) < slo_s else (low, middle)
    return low * k / service_s


def short_run(rate_per_s: float, service_s: float, k: int, seed: int, for_s: float) -> Workload:
    """What *k* workers get in one live run of *for_s* seconds: first a house as full as on average, then the traffic.

    Without the crowd at the start an empty system would flatter the result. From 98 % of the capacity on the crowd is
    that of 98 %: beyond there is no average. Exponential work of *service_s* seconds.
    """
    crowd = round(mmc(min(rate_per_s, 0.98 * k / service_s), service_s, k).in_system)
    run = workload(
        crowd + int(rate_per_s * for_s), arrivals=Poisson(rate_per_s), work=Exponential(service_s), seed=seed
    )
    begin = run.arrival_s[crowd - 1] if crowd else 0.0
    return replace(run, arrival_s=np.maximum(run.arrival_s - begin, 0.0))


def after_the_crowd(trace: Trace) -> Trace:
    """The requests of a short run that came after the crowd at its start."""
    return trace[int((trace.frame["sent_s"] <= trace.frame["sent_s"].iloc[0]).sum()) :]


def contend(
    workers: int, *, own_s: float, locked_s: float, tell_s: float = 0.0, lock: bool = True, together: bool = True,
    spread: float = 0.0, for_s: float = 10.0, seed: int = 0,
) -> float:  # fmt: skip
    """Operations a second of *workers* that share one lock and tell one another what they wrote.

    An operation is *own_s* seconds beside the others (give or take a share *spread*), then, with the lock held,
    *locked_s* and *tell_s* for each other worker. *together*: all begin the next one when all have finished (rounds).
    Raises ValueError unless workers >= 1 and 0 <= spread <= 1.
    """
    if workers < 1 or not 0 <= spread <= 1 or not own_s + locked_s > 0:
        raise ValueError(f"need workers >= 1, 0 <= spread <= 1 and work, got {workers}, {spread}, {own_s + locked_s} s")
    env, rng = simpy.Environment(), stream(seed, "own work")
    turn = simpy.Resource(env, 1 if lock else workers)
    rounds, finished = _Rounds(env, workers), [0, 0.0]

    def worker() -> Generator:
        while True:
            yield env.timeout(own_s * rng.uniform(1 - spread, 1 + spread))
            with turn.request() as mine:
                yield mine
                yield env.timeout(locked_s + (workers - 1) * tell_s)
            finished[:] = finished[0] + 1, env.now
            if together:
                yield rounds.all_here()

    for _ in range(workers):
        env.process(worker())
    env.run(until=for_s)
    return finished[0] / finished[1] if finished[1] else 0.0


class _Rounds:
    """A barrier: whoever comes waits until all *workers* are here."""

    def __init__(self, env: simpy.Environment, workers: int) -> None:
        self.env, self.workers, self.here, self.gate = env, workers, 0, env.event()

    def all_here(self) -> simpy.Event:
        """Succeeds when everybody has come."""
        gate, self.here = self.gate, self.here + 1
        if self.here == self.workers:
            self.here, self.gate = 0, self.env.event()
            gate.succeed()
        return gate
