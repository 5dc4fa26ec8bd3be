"""Who may get a request now, and who may try again? The judgements around the choice itself.

A backend that answers one check in three is worse than a dead one: it comes and goes, and takes users with it. So one
yes does not bring it back and one no does not throw it out; and when half the fleet fails, throwing out the rest
would finish the job. Each judgement here is a few lines, learned from an outage.

Promised: no clock and no I/O; *now* is handed in, in seconds. Not done here: sending checks or requests (model.py,
live.py), choosing among the eligible (policies.py).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods that may be repeated without doing the thing twice (RFC 9110, section 9.2.2)."""


def slow_start(weight: float, age_s: float, window_s: float) -> float:
    """The weight of a backend that came back *age_s* seconds ago: from a tenth up to *weight* over *window_s* seconds.

    A process just started has cold caches; its full share at once would knock it over again. Never below a tenth of
    *weight*, or it would get nothing at all. Source: NGINX's slow_start; Envoy's min_weight_percent.
    """
    if window_s <= 0 or age_s >= window_s:
        return weight
    return weight * max(0.1, age_s / window_s)


@dataclass
class Health:
    """The state of one backend under active checks: up until *fall* noes in a row, down until *rise* yeses in a row.

    Raises ValueError if rise or fall is below 1. Source: HAProxy's rise and fall.
    """

    rise: int = 2
    fall: int = 2
    up: bool = True
    streak: int = 0  # answers in a row that contradict the present state

    def __post_init__(self) -> None:
        if self.rise < 1 or self.fall < 1:
            raise ValueError(f"rise and fall must be at least 1, got rise={self.rise}, fall={self.fall}")

    def seen(self, ok: bool) -> str | None:
        """Note the answer of one check; "up" or "down" if it changed the state, None if not."""
        self.streak = 0 if ok == self.up else self.streak + 1
        if self.streak < (self.fall if self.up else self.rise):
            return None
        self.up, self.streak = ok, 0
        return "up" if ok else "down"


@dataclass
class OutlierEjection:
    """Passive checks: a backend that fails *consecutive* real requests in a row is put aside for a while.

    The while is *base_s* seconds, twice that the second time, and so on. At most *max_share* of the backends are
    aside at once (but always one may be): when all fail, the fault is elsewhere.
    Raises ValueError for values out of range. Source: Envoy's outlier detection (5, 30 s, 10 %).
    """

    consecutive: int = 5
    base_s: float = 30.0
    max_share: float = 0.1
    _failures: dict[str, int] = field(default_factory=dict)
    _times: dict[str, int] = field(default_factory=dict)
    _until_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.consecutive < 1 or not self.base_s > 0 or not 0 <= self.max_share <= 1:
            raise ValueError(f"need consecutive >= 1, base_s > 0 and max_share from 0 to 1, got {self}")

    def seen(self, backend: str, ok: bool, backends: int, now: float) -> float | None:
        """Note how a real request to *backend*, one of *backends*, went; the time it may return if it is put aside."""
        self._failures[backend] = 0 if ok else self._failures.get(backend, 0) + 1
        aside = sum(until > now for until in self._until_s.values())
        if self._failures[backend] < self.consecutive or self.is_out(backend, now):
            return None
        if aside >= max(1, math.floor(self.max_share * backends)):
            return None
        self._failures[backend] = 0
        self._times[backend] = self._times.get(backend, 0) + 1
        self._until_s[backend] = now + self.base_s * self._times[backend]
        return self._until_s[backend]

    def is_out(self, backend: str, now: float) -> bool:
        """Whether *backend* is put aside at *now*."""
        return self._until_s.get(backend, -math.inf) > now


@dataclass
class RetryBudget:
    """Retries may be at most *ratio* of the requests of late, plus *min_per_s* a second for quiet services.

    Without it, a service at its limit gets its load doubled by people who only want to help. Of late means: counts
    fade over *window_s* seconds. Raises ValueError for negative values. Source: Finagle's RetryBudget (20 %, 10/s).
    """

    ratio: float = 0.2
    min_per_s: float = 10.0
    window_s: float = 10.0
    _requests: float = 0.0
    _retries: float = 0.0
    _last_s: float = 0.0

    def __post_init__(self) -> None:
        if self.ratio < 0 or self.min_per_s < 0 or not self.window_s > 0:
            raise ValueError(f"need ratio >= 0, min_per_s >= 0 and window_s > 0, got {self}")

    def request(self, now: float) -> None:
        """Count one request that a user sent."""
        self._fade(now)
        self._requests += 1.0

    def may_retry(self, now: float) -> bool:
        """Whether one more retry is within the budget; if so it is counted."""
        self._fade(now)
        if self._retries + 1.0 > self.ratio * self._requests + self.min_per_s * self.window_s:
            return False
        self._retries += 1.0
        return True

    def _fade(self, now: float) -> None:
        if now > self._last_s:
            left = math.exp((self._last_s - now) / self.window_s)
            self._requests, self._retries, self._last_s = self._requests * left, self._retries * left, now


@dataclass
class Sticky:
    """Sticky sessions: the cookie names the backend that knows this user, while that backend is up.

    Good for a shopping cart in memory, bad for balance, and the cart is lost all the same when the backend dies.
    *cookie* is the cookie's name. Source: HAProxy's ``cookie SERVERID insert``.
    """

    cookie: str = "minisys-backend"

    def backend(self, value: str | None, up: Collection[str]) -> str | None:
        """The backend that the cookie's *value* asks for, or None if there is no cookie or that backend is not up."""
        return value if value is not None and value in up else None
