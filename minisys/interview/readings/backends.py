"""Five backends behind a balancer, one of several things wrong: the load balancing room's compiled model."""

from __future__ import annotations

import random

import numpy as np

from minisys.interview.readings import SCENARIOS, Played
from minisys.load_balancing import fast
from minisys.testbed.workload import Exponential, Poisson, Workload, workload

BACKENDS, WORKERS, WORK_S, FOR_S = 5, 4, 0.04, 60.0
FULL_PER_S = BACKENDS * WORKERS / WORK_S


def play(cause: str, seed: int) -> Played:
    """One minute, a row for each backend."""
    dice = random.Random(f"{cause}/{seed}")
    load = {"overload": dice.uniform(1.15, 1.4), "short of workers": 0.7}.get(cause, dice.uniform(0.45, 0.6))
    rate, which, speed, weights = round(load * FULL_PER_S, -1), dice.randrange(BACKENDS), [1.0] * BACKENDS, None
    policy, workers, told = "round robin", WORKERS, ""
    offered = _offered(rate, seed)
    if cause == "one slow":
        speed[which] = round(dice.uniform(0.3, 0.42), 2)
        told = f"Backend b{which + 1} worked at {speed[which]:g} of its speed."
    elif cause == "hot client":
        policy, share = "uri hash", dice.uniform(0.25, 0.35)
        key = np.where(np.random.default_rng(seed).random(len(offered)) < share, 7, offered.key + 1000)
        offered = Workload(offered.arrival_s, offered.work_s, key, offered.size, offered.luck)
        told = f"One client sent {100 * share:.0f} % of the requests, and a hash of the client chose the backend."
    elif cause == "unequal weights":
        policy, weights = "weighted round robin", [1.0] * BACKENDS
        weights[which] = float(dice.choice((3, 4)))
        told = f"Backend b{which + 1} had weight {weights[which]:g}, the others 1."
    elif cause == "short of workers":
        workers, told = 2, "Each backend had two workers where four were meant to be."
    trace = fast.simulate(
        policy, offered, backends=[f"b{i + 1}" for i in range(BACKENDS)], workers=workers, queue=100, weights=weights,
        speed=speed,
    )  # fmt: skip
    caption = (
        f"{rate:,.0f} requests/s reach {BACKENDS} backends that were bought as equal: {WORKERS} workers each, "
        f"{1000 * WORK_S:.0f} ms of work a request, room for 100 to wait. One minute."
    )
    return Played(caption, SCENARIOS["backends"].columns, _rows(trace, workers, speed, offered), told)


def _offered(rate: float, seed: int) -> Workload:
    made = workload(int(rate * FOR_S * 1.05), arrivals=Poisson(rate), work=Exponential(WORK_S), seed=seed)
    return made[: int(np.searchsorted(made.arrival_s, FOR_S))]


def _rows(trace, workers, speed, offered) -> tuple[tuple[str | float, ...], ...]:  # type: ignore[no-untyped-def]
    frame = trace.frame.assign(latency=trace.latency_s, work=offered.work_s)
    rows = []
    for i, (name, part) in enumerate(frame.groupby("server", observed=True)):
        ok = part[part["outcome"] == "ok"]
        busy = 100 * ok["work"].sum() / speed[i] / workers / max(FOR_S, ok["finished_s"].max())
        p50, p99 = (1000 * float(np.percentile(ok["latency"], q)) for q in (50, 99))
        refused = (part["outcome"] == "refused").sum() / FOR_S
        rows.append((str(name), round(len(part) / FOR_S, 1), round(busy, 1), round(p50), round(p99), round(refused, 1)))
    return tuple(rows)
