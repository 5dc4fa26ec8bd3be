"""Machines on rent: how long one takes to boot, when it is taken away, and what it costs.

The rule says "ten more" and the cloud says "in two minutes". Whether a shop survives its own advertisement hangs on
those two minutes more than on the rule, and the bill on what happens after: who is sent home, and when.

Promised: what the model and its compiled twin share, so that they differ in nothing but how requests are served: one
look of the controller at a time (`Fleet.look`), the boots and interruptions drawn before the run, the bill. Machines
that are told to go take nothing new and finish what they have. Not modelled: failed boots (the live controller meets
them), images and disks, discounts for a year's promise.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from minisys.autoscaling.policies import Instance, Look, Policy, Seen
from minisys.testbed.laws import Lognormal, Work
from minisys.testbed.workload import stream

LONG_AGO_S = -3_600.0  # when the machines that are there at the beginning were started
GIVE_UP_S = 86_400.0


@dataclass(frozen=True)
class Cloud:
    """What can be rented, and how the service is set up on it.

    *boot*: seconds from asking to taking requests. *workers* of an instance, *queue*: places in the one line before all
    of them (None: endless; who finds it full is refused). *first* instances are there at the start; the controller
    looks every *period_s* and keeps between *minimum* and *maximum*. *warm*: so many stopped ones lie ready and take
    *warm_s* instead of a boot; one that is taken is replaced. *spot*: share of the starts that are spot machines, which
    are told to go after *spot_life_s* on average (exponential) and are gone *notice_s* later.
    Raises ValueError for a number out of range.
    """

    boot: Work = Lognormal(120.0, 0.25)
    workers: int = 4
    queue: int | None = 200
    first: int = 2
    minimum: int = 1
    maximum: int = 40
    period_s: float = 15.0
    warm: int = 0
    warm_s: float = 15.0
    spot: float = 0.0
    spot_life_s: float = 3_600.0
    notice_s: float = 120.0

    def __post_init__(self) -> None:
        if self.workers < 1 or not 0 <= self.minimum <= self.first <= self.maximum or self.warm < 0:
            raise ValueError(
                f"need workers >= 1, warm >= 0 and 0 <= minimum <= first <= maximum, got workers={self.workers}, "
                f"warm={self.warm}, {self.minimum}, {self.first}, {self.maximum}"
            )
        if not (self.period_s > 0 and self.spot_life_s > 0 and self.warm_s >= 0 and self.notice_s >= 0):
            raise ValueError(f"times must be 0 or more, period_s and spot_life_s above 0, got {self!r}")
        if not 0 <= self.spot <= 1 or (self.queue is not None and self.queue < 0):
            raise ValueError(f"spot must lie in [0, 1], queue must be None or 0 or more, got {self.spot}, {self.queue}")


@dataclass(frozen=True)
class Prices:
    """What a machine costs, in hours of one machine on demand: so a bill of 30 is 30 hours of one machine.

    Billed by the second from the moment it is asked for, at least *minimum_s* (Amazon EC2, Linux: 60 s). A spot machine
    costs *spot* times as much, one that lies ready stopped *warm* times (its disk).
    """

    minimum_s: float = 60.0
    spot: float = 0.4
    warm: float = 0.02


@dataclass
class Lease:
    """One rented machine: *number* in order of asking, *started_s* asked for, *ready_s* takes requests, *left_s* told
    to go (so that it takes nothing new), *stopped_s* gone and not billed any more; inf: not yet. *notice_s*: when the
    cloud will take it away (inf: never).
    """

    number: int
    started_s: float
    ready_s: float
    notice_s: float = math.inf
    left_s: float = math.inf
    stopped_s: float = math.inf

    @property
    def spot(self) -> bool:
        """Whether the cloud may take it away."""
        return self.notice_s < math.inf

    def hours(self, end_s: float, prices: Prices) -> float:
        """What it costs up to *end_s*, in hours of a machine on demand."""
        lasted = max(min(self.stopped_s, end_s) - max(self.started_s, 0.0), prices.minimum_s)
        return lasted / 3600 * (prices.spot if self.spot else 1.0)


@dataclass
class Fleet:
    """The machines of one run under *policy* (copied: it remembers) in *cloud*.

    `look` is called every `cloud.period_s` and says who starts and who has to go.
    """

    policy: Policy
    cloud: Cloud
    seed: int
    looks: list[Look] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policy = copy.deepcopy(self.policy)
        self.boots = _drawn(self.cloud.boot, self.seed, "boots")
        self.lives = _lives(self.cloud, self.seed)
        self.live: list[Lease] = [Lease(n, LONG_AGO_S, 0.0) for n in range(self.cloud.first)]
        self.leases = list(self.live)
        self.pool = [0.0] * self.cloud.warm  # when each of the stopped machines lies ready

    def look(
        self, now: float, busy_s: Sequence[float], rate_per_s: float, backlog: int, over_s: float
    ) -> tuple[list[Lease], list[Lease]]:
        """The machines that start at *now* and those that have to go.

        *busy_s*: for each lease by its number, seconds that its workers were busy since the last look. *over_s*: when
        the last request came; a day later nobody waits any more. Raises RuntimeError then, TypeError or ValueError if
        the policy gives no whole number.
        """
        if now > over_s + GIVE_UP_S:
            raise RuntimeError(f"{backlog} requests still wait a day after the last came: the policy wants no machine")
        seen = Seen([self._seen(lease, now, busy_s[lease.number]) for lease in self.live], rate_per_s, backlog)
        wanted = min(max(_whole(self.policy.desired(seen, now)), self.cloud.minimum), self.cloud.maximum)
        load, ready = seen.utilisation(), sum(each.ready for each in seen.instances)
        load = math.nan if load is None else load
        self.looks.append(Look(now, seen.current, ready, load, rate_per_s, backlog, wanted))
        starts = [self._start(now) for _ in range(wanted - seen.current)]
        return starts, [self.leave(lease, now) for lease in self._last(seen.current - wanted, now)]

    def _seen(self, lease: Lease, now: float, busy_s: float) -> Instance:
        if lease.ready_s > now:
            return Instance(None, lease.started_s, False, lease.started_s)
        served_s = min(now - lease.ready_s, self.cloud.period_s)
        load = min(busy_s / served_s / self.cloud.workers, 1.0) if served_s > 0 else None
        return Instance(load, lease.started_s, True, lease.ready_s if lease.started_s >= 0 else LONG_AGO_S)

    def _start(self, now: float) -> Lease:
        """Ask for one more: from the warm pool if one lies ready there."""
        boot_s, at = next(self.boots), min(self.pool, default=math.inf)
        if at <= now:
            self.pool[self.pool.index(at)] = now + boot_s
            boot_s = self.cloud.warm_s
        ready_s = now + boot_s
        lease = Lease(len(self.leases), now, ready_s, ready_s + next(self.lives))
        self.leases.append(lease)
        self.live.append(lease)
        return lease

    def _last(self, count: int, now: float) -> list[Lease]:
        """Who goes first: those that still boot, then the youngest (Kubernetes' order)."""
        order = sorted(self.live, key=lambda lease: (lease.ready_s <= now, -lease.number))
        return order[: max(count, 0)]

    def leave(self, lease: Lease, now: float) -> Lease:
        """*lease* takes nothing new from *now* on; one that still boots is gone at once."""
        lease.left_s = now
        if lease.ready_s > now:
            lease.stopped_s = now
        self.live.remove(lease)
        return lease


def _whole(wanted: object) -> int:
    """*wanted* as a number of machines. Raises TypeError unless it is a whole number."""
    if isinstance(wanted, bool) or not isinstance(wanted, int | np.integer):
        raise TypeError(f"a policy must want a whole number of instances, got {wanted!r}")
    return int(wanted)


def _drawn(law: Work, seed: int, name: str, block: int = 256) -> Iterator[float]:
    """Numbers of *law*, drawn in blocks: the k-th start meets the k-th number, whatever the policy."""
    rng = stream(seed, name)
    while True:
        yield from law.sample(block, rng).tolist()


def _lives(cloud: Cloud, seed: int, block: int = 256) -> Iterator[float]:
    """How long each start may live after it is ready: inf unless it is a spot machine."""
    rng = stream(seed, "spot")
    while True:
        luck, life = rng.random(block), rng.exponential(cloud.spot_life_s, block)
        yield from np.where(luck < cloud.spot, life, math.inf).tolist()
