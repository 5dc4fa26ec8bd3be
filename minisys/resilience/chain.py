"""A chain of services, as data: who calls whom, with which defences, and what goes wrong when.

A user asks the shop, the shop asks stock, stock asks the database. Each holds a worker while it waits for the next:
that is how a slow database fills the workers of a shop that has nothing wrong with it. The chain, its troubles and its
random numbers are written down here once; model.py and fast.py run them.

Promised: one seed gives one answer, and both twins draw the same numbers. Each service has a table of draws for its
work and its luck, each caller one for its jitter, used in the order of the calls; a run of more than DRAWS calls at one
service meets the same draws again. Not modelled: connections, processors, fan-out to several services.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from minisys.resilience.defences import Defences, Protection
from minisys.testbed.workload import Work, stream

DRAWS = 1 << 16
NO_DEFENCES, NO_PROTECTION = Defences(), Protection()


@dataclass(frozen=True)
class Service:
    """One service: *workers* who each hold one call, from its first work until the answer of whatever they ask.

    work: law of its own work for a call, seconds. fails: share of calls that fail after that work. protection: what
    the service does for itself. own_keys: requests with a key below this need no next service.
    Raises ValueError for workers below 1 or a share outside [0, 1].
    """

    name: str
    workers: int
    work: Work
    protection: Protection = NO_PROTECTION
    fails: float = 0.0
    own_keys: int = 0

    def __post_init__(self) -> None:
        if self.workers < 1 or not 0 <= self.fails <= 1:
            raise ValueError(f"{self.name}: need workers >= 1 and fails in [0, 1], got {self.workers}, {self.fails}")


@dataclass(frozen=True)
class Trouble:
    """From *at_s*, for *for_s* seconds: work that *service* begins takes *slow* times as long, and *fails* more often.

    fails: share of its calls, in place of the usual one. Raises ValueError for a bad number.
    """

    service: str
    at_s: float
    for_s: float
    slow: float = 1.0
    fails: float = 0.0

    def __post_init__(self) -> None:
        if not (self.at_s >= 0 and self.for_s > 0 and self.slow > 0 and 0 <= self.fails <= 1):
            raise ValueError(f"need at_s >= 0, for_s > 0, slow > 0 and fails in [0, 1], got {self}")


@dataclass(frozen=True)
class Chain:
    """Services from the users' end to the last; *callers* has one entry a service: the defences of whoever calls it.

    callers[0] are the users' own (their app's). net_s: seconds a call, or an answer, is on its way. patience_s: an
    answer later than this after the user first asked is of no use; a user's deadline, where deadlines are sent.
    Raises ValueError if the two lengths differ, or for a bad time.
    """

    services: tuple[Service, ...]
    callers: tuple[Defences, ...] = field(default=())
    net_s: float = 0.0005
    patience_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.callers:
            object.__setattr__(self, "callers", (NO_DEFENCES,) * len(self.services))
        if not self.services or len(self.callers) != len(self.services):
            raise ValueError(
                f"a chain of {len(self.services)} services needs as many callers, got {len(self.callers)}"
            )  # fmt: skip
        if not (self.net_s >= 0 and self.patience_s > 0):
            raise ValueError(f"need net_s >= 0 and patience_s > 0, got {self.net_s} and {self.patience_s}")

    @property
    def capacity_per_s(self) -> float:
        """Calls a second that the narrowest service can do, its waiting for others left out."""
        return min(each.workers / mean_work_s(each) for each in self.services)

    def index(self, name: str) -> int:
        """The place of the service called *name*. Raises ValueError if there is none."""
        names = [each.name for each in self.services]
        if name not in names:
            raise ValueError(f"no service {name!r} in this chain; it has {', '.join(names)}")
        return names.index(name)


def mean_work_s(service: Service) -> float:
    """Mean of the first draws of a service's work, seconds."""
    return float(service.work.sample(10_000, stream(0, "mean")).mean())


def draws(chain: Chain, seed: int) -> np.ndarray:
    """The tables that both twins read: work (seconds), luck, jitter; in each a row of DRAWS numbers by service."""
    return _draws(tuple((each.name, each.work) for each in chain.services), seed)


@lru_cache(maxsize=16)
def _draws(laws: tuple[tuple[str, Work], ...], seed: int) -> np.ndarray:
    names = [f"{place} {name}" for place, (name, _) in enumerate(laws)]
    work = [law.sample(DRAWS, stream(seed, f"work {name}")) for name, (_, law) in zip(names, laws, strict=True)]
    luck, jitter = ([stream(seed, f"{kind} {name}").random(DRAWS) for name in names] for kind in ("luck", "jitter"))
    return np.array([work, luck, jitter])


def windows(chain: Chain, troubles: tuple[Trouble, ...]) -> np.ndarray:
    """The troubles as rows: service, begin, end, slow, fails. Raises ValueError for a service that is not there."""
    rows = [(chain.index(each.service), each.at_s, each.at_s + each.for_s, each.slow, each.fails) for each in troubles]
    return np.array(rows, dtype=float).reshape(-1, 5)


def troubled(rows: list[list[float]], service: int, now: float, usual: float) -> tuple[float, float]:
    """How many times as long work takes that *service* begins *now*, and the share of it that fails."""
    slow, fails = 1.0, usual
    for where, begin, end, times, share in rows:
        if where == service and begin <= now < end:
            slow, fails = slow * times, max(fails, share)
    return slow, fails
