"""A bank on payday in virtual time: one pool of workers for everything, or one for payments and one for notifications.

At nine the salaries arrive, and everybody gets a message: eight times the usual notifications, while payments come as
always. In one program they stand in one line. In two services only the notifications do, and only they need to grow.

Promised: the same requests meet both; pools are those of the live gateway (one line each, first come, first served), so
on the virtual clock the live system gives the same times request by request. Where a pool is in a steady state, M/M/c
says how long requests take. Not modelled: the hop through the network, and what a call between services costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import simpy
from simpy.events import Event

from minisys.load_balancing.fleet import at
from minisys.scaling.gateway import EVERYTHING
from minisys.scaling.services import KINDS, NOTIFICATION, PAYMENT
from minisys.testbed import queueing, simulation
from minisys.testbed.arrivals import Arrivals
from minisys.testbed.queueing import Queue
from minisys.testbed.server import Worker
from minisys.testbed.simulation import Request, Server
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Exponential, FlashSale, Poisson, Workload, workload

SIZE = {EVERYTHING: 16, PAYMENT: 4, NOTIFICATION: 12}  # workers of one instance: the same total, split or not
SERVICE_S = 0.1  # work of a request, on average
WORK = Exponential(SERVICE_S)
PAYMENTS_PER_S, NOTIFICATIONS_PER_S, FACTOR = 24.0, 20.0, 8.0
SURGE_AT_S, RAMP_S, BOOT_S = 0.8, 0.2, 0.5
MONOLITH, SERVICES = {EVERYTHING: 1}, {PAYMENT: 1, NOTIFICATION: 1}  # instances at first
Shape = Mapping[str, int]


@dataclass(frozen=True)
class Grow:
    """*at_s* seconds after the start somebody orders *instances* more instances for *pool*.

    Raises ValueError for a negative time or fewer than one instance.
    """

    at_s: float
    pool: str
    instances: int

    def __post_init__(self) -> None:
        if not self.at_s >= 0 or self.instances < 1:
            raise ValueError(f"need at_s >= 0 and at least 1 instance, got {self}")


def payday(for_s: float, *, seed: int, factor: float = FACTOR, payments_per_s: float = PAYMENTS_PER_S) -> Workload:
    """Payments at a steady rate, and notifications that become *factor* times as many at 0.8 s; *for_s* seconds.

    Even keys are payments, odd ones notifications, each with exponential work of 100 ms. Raises ValueError for numbers
    of 0 or less.
    """
    surge = FlashSale(NOTIFICATIONS_PER_S, NOTIFICATIONS_PER_S * factor, SURGE_AT_S, RAMP_S, hold_s=10 * for_s)
    laws: tuple[tuple[float, Arrivals], ...] = (
        (payments_per_s, Poisson(payments_per_s)), (NOTIFICATIONS_PER_S * factor, surge),
    )  # fmt: skip
    drawn = []
    for number, (rate_per_s, arrivals) in enumerate(laws):
        enough = int(rate_per_s * for_s + 6 * (rate_per_s * for_s) ** 0.5) + 10  # practically never too few
        part = workload(enough, arrivals=arrivals, work=WORK, seed=2 * seed + number)
        drawn.append(part[: int(np.searchsorted(part.arrival_s, for_s))])
    return merged(*drawn)


def merged(payments: Workload, notifications: Workload) -> Workload:
    """Both in order of arrival; payments get the keys 0, 2, 4 …, notifications 1, 3, 5 …."""
    columns = {}
    for name in ("arrival_s", "work_s", "size", "luck"):
        columns[name] = np.concatenate([getattr(payments, name), getattr(notifications, name)])
    columns["key"] = np.concatenate([2 * np.arange(len(payments)), 2 * np.arange(len(notifications)) + 1])
    order = np.argsort(columns["arrival_s"], kind="stable")
    return Workload(**{name: column[order] for name, column in columns.items()})


def of_kind(trace: Trace, kind: str, from_s: float = 0.0, to_s: float = np.inf) -> Trace:
    """The requests of *kind* in *trace* that were sent between two moments."""
    sent = trace.frame["sent_s"]
    chosen = (trace.frame["key"] % 2 == KINDS.index(kind)) & (sent >= from_s) & (sent < to_s)
    return Trace(trace.frame[chosen].reset_index(drop=True))


def check(shape: Shape, plan: Sequence[Grow] = ()) -> None:
    """Raise ValueError unless *shape* is a monolith or two services with instances, and *plan* grows pools it has."""
    if set(shape) not in ({EVERYTHING}, set(KINDS)) or any(count < 1 for count in shape.values()):
        raise ValueError(f"need instances of {EVERYTHING}, or of {' and '.join(KINDS)}, got {dict(shape)}")
    for step in plan:
        if step.pool not in shape:
            raise ValueError(f"{step}: there is no pool {step.pool!r}; there are {', '.join(shape)}")


def simulate(
    shape: Shape, offered: Workload, plan: Sequence[Grow] = (), *, boot_s: float = BOOT_S, seed: int = 0
) -> Trace:
    """The trace of *offered* through the pools of *shape*, which *plan* makes larger; its servers are the pools.

    An instance is there *boot_s* seconds after it is ordered. seed: as everywhere; all luck comes with the workload.
    Raises ValueError for a shape or plan that makes no sense.
    """
    check(shape, plan)

    def build(env: simpy.Environment, _: object) -> Bank:
        bank = Bank(env, shape)
        for step in plan:
            at(env, step.at_s + boot_s, partial(bank.pools[step.pool].grow, step.instances * SIZE[step.pool]))
        return bank

    return simulation.simulate(offered, build, seed=seed)


class GrowingServer(Server):
    """The bench's server, to which workers may be added while it runs."""

    def grow(self, workers: int) -> None:
        """*workers* more, who at once take whoever has waited longest."""
        self.workers += workers
        for _ in range(workers):
            worker = Worker(self.env, self._finish)
            self.staff.append(worker)
            if self.waiting:
                self._start(worker, *self.waiting.popleft())
            else:
                self.idle.append(worker)


class Bank:
    """The component: a pool for everything, or one for each kind."""

    def __init__(self, env: simpy.Environment, shape: Shape) -> None:
        self.pools = {name: GrowingServer(env, name, workers=SIZE[name] * count) for name, count in shape.items()}

    def serve(self, request: Request) -> Event:
        """Serve *request* in the pool of its kind."""
        pool = self.pools.get(EVERYTHING) or self.pools[KINDS[request.key % 2]]
        return pool.serve(request)


def steady(shape: Shape, rates_per_s: Mapping[str, float]) -> dict[str, Queue]:
    """For each kind the M/M/c queue that it stands in, at steady *rates_per_s* of payments and notifications.

    Raises ValueError if a pool's utilisation is 1 or more: it has no steady state.
    """
    check(shape)
    if EVERYTHING in shape:
        queue = queueing.mmc(sum(rates_per_s.values()), SERVICE_S, SIZE[EVERYTHING] * shape[EVERYTHING])
        return dict.fromkeys(rates_per_s, queue)
    return {kind: queueing.mmc(rate, SERVICE_S, SIZE[kind] * shape[kind]) for kind, rate in rates_per_s.items()}


def workers(shape: Shape, plan: Sequence[Grow] = ()) -> int:
    """Workers in all, once *plan* is carried out."""
    return sum(SIZE[name] * count for name, count in shape.items()) + sum(
        SIZE[step.pool] * step.instances for step in plan
    )


def cost(shape: Shape, plan: Sequence[Grow], for_s: float, price_per_worker_hour: float) -> float:
    """What *shape* and the instances that *plan* adds cost in *for_s* seconds, in the currency of the price.

    An instance costs as many times the price as it has workers, from the moment it is ordered. Raises ValueError for a
    negative price or time.
    """
    if not (price_per_worker_hour >= 0 and for_s >= 0):
        raise ValueError(f"price and time are 0 or more, got {price_per_worker_hour} and {for_s}")
    hours = workers(shape) * for_s / 3600
    hours += sum(SIZE[step.pool] * step.instances * max(0.0, for_s - step.at_s) / 3600 for step in plan)
    return hours * price_per_worker_hour
