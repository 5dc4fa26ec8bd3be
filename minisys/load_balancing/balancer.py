"""The live balancer's memory: which backends there are, how each is doing, and who gets the next request.

It is the room's answer to "who?", for HTTP requests (proxy.py) and for TCP connections (tcp.py) alike. It sends
nothing itself. The decisions are those of policies.py and health.py, on the same pool that the simulation uses.

Promised: a drained backend gets nothing new and keeps what it has; an unknown name, a duplicate, a bad weight or
address is a ValueError that says so. *now* is handed in, seconds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from minisys.load_balancing import policies
from minisys.load_balancing.health import Health, OutlierEjection, RetryBudget, Sticky, slow_start
from minisys.load_balancing.plan import HealthCheck
from minisys.load_balancing.policies import Policy, luck_of_attempt, new_pool, record_latency

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")


@dataclass
class Backend:
    """One backend as the balancer sees it: its address, its configured weight, its health, and some counts."""

    name: str
    host: str
    port: int
    weight: float = 1.0
    health: Health = field(default_factory=Health)
    draining: bool = False
    warming_since: float | None = None
    answered: int = 0
    failed: int = 0

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self.host}:{self.port}"


def parse_backend(text: str) -> Backend:
    """A backend from ``name=host:port`` or ``name=host:port*weight``. Raises ValueError with an example if not."""
    match = re.fullmatch(r"([^=]+)=([^:=*]+):(\d+)(?:\*([^*]+))?", text)
    if not match or not NAME.match(match[1]):
        raise ValueError(f"a backend is name=host:port or name=host:port*weight, like a=127.0.0.1:8001*2; got {text!r}")
    try:
        weight = float(match[4] or 1)
    except ValueError:
        raise ValueError(f"the weight of {text!r} must be a number, got {match[4]!r}") from None
    if not 0 < int(match[3]) < 65_536:
        raise ValueError(f"the port of {text!r} must lie between 1 and 65535")
    return Backend(match[1], match[2], int(match[3]), weight)


class Balancer:
    """Chooses backends and remembers how they did.

    policy: a name or a Policy. health: active checks (None: none). ejection: passive checks. slow_start_s: seconds
    until a backend that came (back) has its full weight. sticky: sessions. Raises ValueError for an unknown policy,
    no backend, a duplicate name or a negative weight.
    """

    def __init__(
        self,
        policy: str | Policy,
        backends: Sequence[Backend],
        *,
        health: HealthCheck | None = None,
        ejection: OutlierEjection | None = None,
        slow_start_s: float = 0.0,
        sticky: Sticky | None = None,
        budget: RetryBudget | None = None,
    ) -> None:
        self.policy = policies.policy(policy)
        self.health, self.ejection, self.slow_start_s = health, ejection, slow_start_s
        self.sticky, self.budget = sticky, budget or RetryBudget()
        self.backends = list(backends)
        for backend in self.backends:
            backend.health = self._fresh_health()
        self.pool = new_pool(self.names, [backend.weight for backend in self.backends], self.policy)

    @property
    def names(self) -> list[str]:
        """The backends' names, in the order of the pool's columns."""
        return [backend.name for backend in self.backends]

    def choose(
        self, key: int, luck: float, now: float, tried: Collection[str] = (), attempt: int = 0
    ) -> Backend | None:
        """The backend for a request (its *key* hashed), not one of those *tried*; None if there is none.

        It counts as in flight from now on: call finished() when it is done.
        """
        self._refresh(now)
        pool = self.pool
        if tried:
            pool = pool._replace(eligible=[i for i in pool.eligible if self.backends[i].name not in tried])
        if not pool.eligible:
            return None
        i = self.policy.choose(pool, key, luck_of_attempt(luck, attempt) if attempt else luck, now)
        pool.in_flight[i] += 1
        return self.backends[i]

    def stick(self, name: str | None, now: float) -> Backend | None:
        """The backend that a sticky cookie asks for, counted as in flight; None if it is down or nothing is sticky."""
        if self.sticky is None:
            return None
        self._refresh(now)
        up = {self.backends[i].name: i for i in self.pool.eligible}
        chosen = self.sticky.backend(name, up)
        if chosen is None:
            return None
        self.pool.in_flight[up[chosen]] += 1
        return self.backends[up[chosen]]

    def finished(self, backend: Backend, ok: bool, latency_s: float, now: float) -> None:
        """A request that choose() gave to *backend* is done after *latency_s* seconds, well or not."""
        backend.answered, backend.failed = backend.answered + ok, backend.failed + (not ok)
        if self.ejection is not None:
            self.ejection.seen(backend.name, ok, len(self.backends), now)
        if backend in self.backends:  # it may have been removed meanwhile
            i = self.backends.index(backend)
            self.pool.in_flight[i] -= 1
            if ok:
                record_latency(self.pool, i, latency_s, now)

    def checked(self, backend: Backend, ok: bool, now: float) -> str | None:
        """Note the answer of one active check; "up" or "down" if that changed the backend's state."""
        change = backend.health.seen(ok)
        if change == "up":
            backend.warming_since = now
        return change

    def add(self, backend: Backend, now: float) -> None:
        """A new backend, or a drained one back. Raises ValueError for a name in use, a bad name or a bad weight."""
        old = next((each for each in self.backends if each.name == backend.name), None)
        if old is not None and old.draining and old.address == backend.address:
            old.draining, old.warming_since = False, now
            self.set_weight(old.name, backend.weight)
            return
        if old is not None:
            raise ValueError(f"there is a backend {backend.name!r} already, at {old.address}")
        if not NAME.match(backend.name):
            raise ValueError(f"a name has letters, digits, dot, dash and underscore only, got {backend.name!r}")
        if not 0 <= backend.weight < float("inf"):
            raise ValueError(f"a weight must be 0 or more, got {backend.weight}")
        backend.health, backend.warming_since = self._fresh_health(), now
        self.backends.append(backend)
        for column, start in zip(self.pool[1:6], (backend.weight, 0, 0.0, 0.0, 0.0), strict=True):
            column.append(start)  # type: ignore[attr-defined]
        self._rebuild()

    def drain(self, name: str) -> Backend:
        """*name* gets nothing new from now on. Raises KeyError if there is no such backend."""
        backend = self.find(name)
        backend.draining = True
        return backend

    def retire(self, name: str) -> Backend:
        """Drain *name* for good: its keys belong to others from now on. Raises KeyError if there is no such backend."""
        self.set_weight(name, 0.0)
        return self.drain(name)

    def forget(self, name: str) -> None:
        """*name* is gone. Raises ValueError if it is the last one, KeyError if there is no such backend."""
        backend = self.find(name)
        if len(self.backends) == 1:
            raise ValueError(f"{name!r} is the last backend; add another one first")
        i = self.backends.index(backend)
        del self.backends[i]
        for column in self.pool[1:6]:
            del column[i]
        self._rebuild()

    def set_weight(self, name: str, weight: float) -> None:
        """Give *name* another weight. Raises ValueError if it is negative, KeyError if there is no such backend."""
        backend = self.find(name)
        if not 0 <= weight < float("inf"):
            raise ValueError(f"a weight must be 0 or more, got {weight}")
        backend.weight = weight
        self.pool.weight[self.backends.index(backend)] = weight
        self._rebuild()

    def set_policy(self, name: str, options: Mapping[str, object] | None = None) -> None:
        """Decide by another policy from now on. Raises ValueError if it is unknown."""
        self.policy = policies.policy(name, **(options or {}))
        self._rebuild()

    def find(self, name: str) -> Backend:
        """The backend called *name*. Raises KeyError, with the names that there are."""
        for backend in self.backends:
            if backend.name == name:
                return backend
        raise KeyError(f"there is no backend {name!r}; there are {', '.join(self.names)}")

    def in_flight(self, backend: Backend) -> int:
        """Requests sent to *backend* and not answered yet."""
        return self.pool.in_flight[self.backends.index(backend)]

    def state(self, backend: Backend, now: float) -> str:
        """ "up", "down", "draining" or "ejected"."""
        if backend.draining:
            return "draining"
        if not backend.health.up:
            return "down"
        return "ejected" if self.ejection is not None and self.ejection.is_out(backend.name, now) else "up"

    def _refresh(self, now: float) -> None:
        """Who may get a request now, and with which weight."""
        eligible = []
        for i, backend in enumerate(self.backends):
            if backend.weight > 0 and self.state(backend, now) == "up":
                eligible.append(i)
            if self.slow_start_s and backend.warming_since is not None:
                self.pool.weight[i] = slow_start(backend.weight, now - backend.warming_since, self.slow_start_s)
        self.pool.eligible[:] = eligible

    def _rebuild(self) -> None:
        """The hash policies' table follows the backends and their weights."""
        weights = [backend.weight for backend in self.backends]
        self.pool.table[:], self.pool.place[:] = self.policy.build_table(self.names, weights)

    def _fresh_health(self) -> Health:
        return Health(self.health.rise, self.health.fall) if self.health else Health()
