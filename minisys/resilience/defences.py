"""All that one caller does about a dependency, and all that one server does about its callers, in one record each.

"Add a timeout, two retries and a breaker" is one sentence in a review and seven settings in code. Here it is one value
that the model and the live chain both take, so that they run the same policies.

Promised: the order in which the policies are asked. Not here: waiting, sending, a clock. The records hold policies that
remember: call ``start()`` before each run for a copy that has seen nothing.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from random import Random
from typing import Protocol

from minisys.resilience.breaker import Breaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.concurrency import Aimd, Gradient
from minisys.resilience.fallback import LastGood
from minisys.resilience.hedging import Hedge
from minisys.resilience.retries import Retries
from minisys.resilience.shedding import AdaptiveThrottle, CoDel, PriorityShedding, QueueLimit


class RateLimit(Protocol):
    """One of rate_limits.py."""

    def allow(self, now_s: float, cost: float = 1) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Defences:
    """One caller's side. Each part may be left out (None, or infinity for *timeout_s*); all out: trust and wait.

    *timeout_s*: seconds for one try. *deadline*: send the time left along, take the shorter of the two, and start
    nothing for a request whose deadline has passed. Raises ValueError unless timeout_s > 0.
    """

    timeout_s: float = math.inf
    deadline: bool = False
    retries: Retries | None = None
    breaker: Breaker | None = None
    bulkhead: Bulkhead | None = None
    throttle: AdaptiveThrottle | None = None
    hedge: Hedge | None = None
    fallback: LastGood | None = None

    def __post_init__(self) -> None:
        if not self.timeout_s > 0:
            raise ValueError(f"timeout_s must be above 0, got {self.timeout_s}: leave it out to wait for ever")

    def start(self) -> Defences:
        """A copy with policies that have seen nothing of later runs."""
        return copy.deepcopy(self)

    def refused_by(self, now_s: float, rng: Random) -> str:
        """Ask before each try: "" to go on, and done() must follow, or who refused.

        That is "bulkhead", "throttle" or "breaker". The breaker is asked last: a probe that it hands out is sent.
        """
        if self.bulkhead is not None and not self.bulkhead.enter():
            return "bulkhead"
        refused = ""
        if self.throttle is not None and not self.throttle.allow(now_s, rng):
            refused = "throttle"
        elif self.breaker is not None and not self.breaker.allow(now_s):
            refused = "breaker"
        if refused and self.bulkhead is not None:
            self.bulkhead.leave()
        return refused

    def done(self, error: str | None, now_s: float) -> None:
        """A try that was let through ended: *error* is one of retries.ERRORS, or None.

        To the breaker "invalid" is a good answer: the fault is ours.
        """
        if self.bulkhead is not None:
            self.bulkhead.leave()
        if self.throttle is not None:
            self.throttle.record(error not in ("rejected", "throttled", "refused", "timeout"), now_s)
        if self.breaker is not None:
            self.breaker.record(error in (None, "invalid"), now_s)


@dataclass(frozen=True, kw_only=True)
class Protection:
    """One server's side. Each part may be left out; all out: every request is taken and waits as long as it must."""

    queue_limit: QueueLimit | None = None
    codel: CoDel | None = None
    concurrency: Aimd | Gradient | None = None
    priority: PriorityShedding | None = None
    rate_limit: RateLimit | None = None

    def start(self) -> Protection:
        """A copy with policies that have seen nothing of later runs."""
        return copy.deepcopy(self)

    def comes(self, queued: int, priority: int, now_s: float) -> bool:
        """A request is here and *queued* wait: whether to let it in line (or, with none in line, begin at once)."""
        if self.rate_limit is not None and not self.rate_limit.allow(now_s):
            return False
        return all(
            rule is None or rule.admit(queued, 0.0, priority, now_s) for rule in (self.queue_limit, self.priority)
        )

    def turn(self, queued: int, waited_s: float, priority: int, now_s: float) -> bool:
        """It is a request's turn after *waited_s* in line: whether it is still worth serving."""
        return self.codel is None or self.codel.admit(queued, waited_s, priority, now_s)
