"""Payday at a bank: eight times the notifications, and the question who waits: everybody, or only the notifications?

One program with 16 workers, or a payment service with 4 and a notification service with 12: the same requests
meet both. While the surge is on, one more instance is ordered of what needs it. The monolith can only order all of
itself. Each experiment here is simulated on the test bench and measured on processes under Locust.

Promised: the same requests for both, in both worlds; theory (M/M/c) wherever a pool is in a steady state. Not promised:
that splitting is better; the tables show what it costs, too (and calls.py what a call between two services costs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from minisys.scaling import services_live, services_model
from minisys.scaling.gateway import EVERYTHING
from minisys.scaling.services import KINDS, NOTIFICATION, PAYMENT
from minisys.scaling.services_model import FACTOR, NOTIFICATIONS_PER_S, PAYMENTS_PER_S, Grow, of_kind, payday
from minisys.testbed import charts
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace

ONE, TWO = "monolith", "two services"
SHAPES = {ONE: services_model.MONOLITH, TWO: services_model.SERVICES}
ORDER_S, FOR_S, STEP_S = 2.8, 6.6, 0.4
PRICE = 0.02  # of a worker and hour, in dollars: about a virtual processor at 15 dollars a month
TYPICAL = 9  # a payday near the mean of forty; some are twice as bad, some hardly felt
PLANS = {ONE: (Grow(ORDER_S, EVERYTHING, 1),), TWO: (Grow(ORDER_S, NOTIFICATION, 1),)}
GROWN = {ONE: {EVERYTHING: 2}, TWO: {PAYMENT: 1, NOTIFICATION: 2}}
PHASES = {"quiet": (0.0, 0.8), "surge": (1.4, ORDER_S), "grown": (4.8, FOR_S)}
SURGE_PER_S = {PAYMENT: PAYMENTS_PER_S, NOTIFICATION: FACTOR * NOTIFICATIONS_PER_S}
QUIET_PER_S = {PAYMENT: PAYMENTS_PER_S, NOTIFICATION: NOTIFICATIONS_PER_S}
Traces = Mapping[str, Trace]


def payday_measured(seed: int = TYPICAL) -> dict[str, Trace]:
    """Nearly seven seconds of payday at the monolith and at two services, both as processes, at the same time.

    One instance more is ordered at 2.8 s: of the monolith, or of the notification service only.
    """

    def measured(name: str) -> Trace:
        return services_live.run(SHAPES[name], payday(FOR_S, seed=seed), PLANS[name])

    with ThreadPoolExecutor(2) as both:
        return dict(zip(SHAPES, both.map(measured, SHAPES), strict=True))


def payday_simulated(seed: int = TYPICAL) -> dict[str, Trace]:
    """The very same requests in the model, where an instance boots half a second."""
    offered = payday(FOR_S, seed=seed)
    return {name: services_model.simulate(shape, offered, PLANS[name]) for name, shape in SHAPES.items()}


@lru_cache
def _days(runs: int) -> list[dict[str, Trace]]:
    """*runs* other paydays, simulated."""
    return [payday_simulated(seed) for seed in range(2_000, 2_000 + runs)]


def latency_over_time(measured: Traces, kind: str = PAYMENT, runs: int = 20) -> alt.LayerChart:
    """Median latency of one *kind* in each 0.4 s, monolith and two services: *measured*, and simulated with a band.

    The band holds 90 % of *runs* simulated paydays: one payday may fall anywhere in it.
    """
    parts = []
    for name in SHAPES:
        parts += [_simulated(f"{name}, simulated", [of_kind(day[name], kind) for day in _days(runs)])]
        one = of_kind(measured[name], kind).per_second(STEP_S).assign(bank=f"{name}, measured")
        parts += [one.assign(low=one["p50_s"], high=one["p50_s"])]
    events = {services_model.SURGE_AT_S: f"notifications x {FACTOR:g}", ORDER_S: "an instance is ordered"}
    title = f"Payday: half of the {kind}s take longer than this"
    frame = pd.concat(parts, ignore_index=True)
    return charts.over_time(frame, y="p50_s", by="bank", events=events, title=title, y_title="median latency (s)")


def _simulated(name: str, traces: Sequence[Trace]) -> pd.DataFrame:
    """Rows (second, p50_s, low, high): the mean of *traces* in each step, and the band that holds 90 % of them."""
    groups = pd.concat([trace.per_second(STEP_S) for trace in traces]).groupby("second")["p50_s"]
    band = {"p50_s": groups.mean(), "low": groups.quantile(0.05), "high": groups.quantile(0.95)}
    return pd.DataFrame(band).reset_index().assign(bank=name)


def phases(measured: Traces, price_per_worker_hour: float = PRICE, seed: int = TYPICAL) -> Table:
    """Median and 99th percentile of each kind in each phase, measured and (the same requests) simulated, in ms.

    Also the workers at that time and, in the caption, what an hour costs in which the one instance was ordered.
    """
    simulated, rows = payday_simulated(seed), []
    for name, trace in measured.items():
        for phase, (from_s, to_s) in PHASES.items():
            workers = services_model.workers(SHAPES[name], PLANS[name] if phase == "grown" else ())
            for kind in KINDS:
                worlds = (of_kind(each, kind, from_s, to_s).percentiles((50, 99)) for each in (trace, simulated[name]))
                rows.append(
                    (name, phase, workers, f"{kind}s", *(f"{1000 * p50:.0f} / {1000 * p99:.0f}" for p50, p99 in worlds))
                )
    columns = ["bank", "phase", "workers", "requests", "measured", "simulated"]
    prices = (
        f"{name} {services_model.cost(SHAPES[name], PLANS[name], 3600.0, price_per_worker_hour):.2f}" for name in SHAPES
    )
    caption = f"p50 / p99 in milliseconds. An hour of the surge costs, in dollars: {', '.join(prices)}"
    return table(pd.DataFrame(rows, columns=columns), caption=caption)


def in_words(traces: Traces) -> str:
    """One line that compares exactly: who waits longer where, and whether a request failed."""
    from_s, to_s = PHASES["surge"]
    p50 = {(name, kind): of_kind(traces[name], kind, from_s, to_s).percentile(50) for name in SHAPES for kind in KINDS}
    payments = "yes" if p50[ONE, PAYMENT] > p50[TWO, PAYMENT] else "no"
    notifications = "yes" if p50[TWO, NOTIFICATION] > p50[ONE, NOTIFICATION] else "no"
    failed = sum(len(trace) - trace.count("ok") for trace in traces.values())
    return (
        f"in the surge payments wait longer in the monolith: {payments}; notifications wait longer in their own "
        f"service: {notifications}; {failed} requests failed"
    )


def grown_worlds(measured: Traces, runs: int = 20) -> Table:
    """Mean latency once the right instance is there: M/M/c, simulated (with 95 % of *runs* short runs), *measured*."""
    days, rows = _days(runs), []
    for name, shape in GROWN.items():
        for kind, queue in services_model.steady(shape, SURGE_PER_S).items():
            simulated = [_mean_ms(day[name], kind) for day in days]
            low, high = np.quantile(simulated, (0.025, 0.975))
            rows.append(
                (f"{kind}s, {name}", round(100 * queue.utilisation), round(1000 * queue.response_s),
                 f"{np.mean(simulated):.0f} ({low:.0f} to {high:.0f})", round(_mean_ms(measured[name], kind)))
            )  # fmt: skip
    columns = ["who", "utilisation (%)", "M/M/c (ms)", "simulated (ms)", "measured (ms)"]
    return table(pd.DataFrame(rows, columns=columns), caption="Mean latency in the surge, once one instance was added")


def _mean_ms(trace: Trace, kind: str) -> float:
    return 1000 * float(of_kind(trace, kind, *PHASES["grown"]).latency_s.mean())


def choices(price_per_worker_hour: float = PRICE, runs: int = 10) -> Table:
    """Five banks in a surge that lasts: workers, price of an hour, and how long each kind takes (simulated, ms).

    A pool that gets more work than it can do has no percentiles that last: it says "grows".
    """
    banks = {
        "monolith": {EVERYTHING: 1}, "monolith, doubled": {EVERYTHING: 2},
        "two services": {PAYMENT: 1, NOTIFICATION: 1}, "notifications doubled": {PAYMENT: 1, NOTIFICATION: 2},
        "both services doubled": {PAYMENT: 2, NOTIFICATION: 2},
    }  # fmt: skip
    rows = []
    for name, shape in banks.items():
        traces = [services_model.simulate(shape, payday(10.0, seed=seed)) for seed in range(runs)]
        price = services_model.cost(shape, (), 3600.0, price_per_worker_hour)
        rows.append((name, services_model.workers(shape), price, *(_lasting(shape, traces, kind) for kind in KINDS)))
    columns = ["bank", "workers", "price of an hour", *(f"{kind}s p50 / p99 (ms)" for kind in KINDS)]
    return table(pd.DataFrame(rows, columns=columns), caption=f"Notifications x {FACTOR:g} for good: what helps")


def _lasting(shape: Mapping[str, int], traces: list[Trace], kind: str) -> str:
    """p50 / p99 of *kind* over all *traces* once the surge is on, in ms; "grows" if its pool has too much work."""
    try:
        _ = services_model.steady(shape, {kind: SURGE_PER_S[kind]} if EVERYTHING not in shape else SURGE_PER_S)
    except ValueError:
        return "grows"
    found = np.concatenate([of_kind(trace, kind, 2.0).latency_s.to_numpy() for trace in traces])
    p50, p99 = 1000 * np.nanpercentile(found, (50, 99))
    return f"{p50:.0f} / {p99:.0f}"


def monolith_or_services(hop_ms: float | None = None, runs: int = 20) -> Table:
    """When a monolith is right, with this chapter's figures; *hop_ms* from calls.py, if it was measured."""
    quiet = {name: services_model.steady(shape, QUIET_PER_S)[PAYMENT].response_s for name, shape in SHAPES.items()}
    surge = {name: _p99_ms([of_kind(day[name], PAYMENT, *PHASES["surge"]) for day in _days(runs)]) for name in SHAPES}
    workers = {name: services_model.workers(shape) for name, shape in GROWN.items()}
    rows = [
        (
            "a payment on a quiet day, mean (ms)",
            *(f"{1000 * quiet[name]:.0f}" for name in SHAPES),
            "monolith: one queue",
        ),
        (
            f"a payment in the surge, p99 of {runs} paydays (ms)",
            *(f"{surge[name]:.0f}" for name in SHAPES),
            "services: a bulkhead",
        ),
        ("workers that carry the surge", *(str(workers[name]) for name in SHAPES), "services: grow one part"),
        ("a call between the parts (ms)", "0", "not measured" if hop_ms is None else f"{hop_ms:.1f}", "monolith"),
        ("the other part hangs", "payments hang", "only if they wait for it", "services that do not wait"),
        ("programs to deploy and to watch", "1", "3, with the gateway", "monolith"),
    ]
    columns = ["question", ONE, TWO, "better"]
    return table(pd.DataFrame(rows, columns=columns), caption="When a monolith is right")


def _p99_ms(traces: list[Trace]) -> float:
    return 1000 * float(np.nanpercentile(np.concatenate([trace.latency_s.to_numpy() for trace in traces]), 99))
