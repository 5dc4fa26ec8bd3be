"""Ask again? When, how often, and who pays: waits with jitter, and budgets that end a retry storm.

A packet is lost, the client asks again, the user never notices. The server is overloaded, all clients ask again, and
now it has three times the load that was too much already. The same line of code does both. So a retry is asked for:
is the error one that may pass, may the work be done twice, is there money left in the budget?

Promised: decisions from what they are given and what they counted. Not here: sending, sleeping, a clock. Random
numbers come from the *rng* that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, Protocol

Jitter = Literal["none", "equal", "full", "decorrelated"]
JITTERS: tuple[Jitter, ...] = ("none", "equal", "full", "decorrelated")

# What can go wrong with a call: (may it go better next time?, is it certain that the server did nothing?)
ERRORS: dict[str, tuple[bool, bool]] = {
    "refused": (True, True),  # no connection
    "rejected": (True, True),  # 503: shed before any work
    "throttled": (True, True),  # 429: over a rate limit
    "timeout": (True, False),  # no answer in time: done, half done or not begun
    "reset": (True, False),  # the connection broke in the middle
    "failed": (True, False),  # 500: broke while working
    "invalid": (False, True),  # 4xx: will be wrong again
    "deadline": (False, False),  # nobody waits any more
    "local": (False, True),  # our own breaker, bulkhead or throttle said no
}


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next try: doubling from *base_s* up to *cap_s* seconds, with *jitter*.

    With v = min(cap, base * 2^attempt): "none" waits v; "equal" v/2 to v; "full" 0 to v; "decorrelated" between base
    and three times the wait before, at most cap. Without jitter all who failed together come back together.
    Raises ValueError unless 0 < base_s <= cap_s and the jitter is known. Source: Brooker, "Exponential Backoff And
    Jitter", AWS Architecture Blog 2015.
    """

    base_s: float
    cap_s: float
    jitter: Jitter = "full"

    def __post_init__(self) -> None:
        if not 0 < self.base_s <= self.cap_s or self.jitter not in JITTERS:
            raise ValueError(f"need 0 < base_s <= cap_s and one of {', '.join(JITTERS)}, got {self}")

    def wait_s(self, attempt: int, previous_s: float, rng: Random) -> float:
        """Seconds to wait after failed try *attempt* (0 is the first), *previous_s* having been the wait before it."""
        if self.jitter == "decorrelated":
            return min(self.cap_s, rng.uniform(self.base_s, max(self.base_s, 3 * previous_s)))
        full_s = min(self.cap_s, self.base_s * 2.0 ** min(attempt, 60))
        if self.jitter == "none":
            return full_s
        return full_s / 2 + rng.uniform(0, full_s / 2) if self.jitter == "equal" else rng.uniform(0, full_s)


class Budget(Protocol):
    """What all retries of one client are paid from."""

    def request(self) -> None:
        """A new request, not a retry, is made."""

    def spend(self, error: str = "timeout") -> bool:
        """Whether a retry after *error* can be paid; if so it is."""

    def success(self, error: str | None = None) -> None:
        """A request went well; *error* is what its last retry was paid for, None if the first try did it."""


class RatioBudget:
    """At most *ratio* retries for each request: 0.1 turns a total failure into 1.1 times the load instead of 3 times.

    Each request puts *ratio* of a token in, each retry takes one out. *reserve* tokens are there at the start, for
    clients that ask rarely; no more than *most* are kept, so that a quiet night does not pay for a storm.
    Raises ValueError unless ratio >= 0 and 0 <= reserve <= most. Source: SRE book ch. 21; Finagle's RetryBudget.
    """

    def __init__(self, ratio: float = 0.1, reserve: float = 0.0, most: float = 100.0) -> None:
        if not (ratio >= 0 and 0 <= reserve <= most):
            raise ValueError(f"need ratio >= 0 and 0 <= reserve <= most, got {ratio}, {reserve}, {most}")
        self.ratio, self.most, self.tokens = ratio, most, reserve

    def request(self) -> None:
        self.tokens = min(self.most, self.tokens + self.ratio)

    def spend(self, error: str = "timeout") -> bool:
        if self.tokens < 1 - 1e-9:  # ten times 0.1 is 0.9999999999999999
            return False
        self.tokens -= 1
        return True

    def success(self, error: str | None = None) -> None:
        """Nothing: only requests pay in."""


class TokenBudget:
    """A full purse that failures empty: *tokens* at most, a retry takes *cost*, a request that went well at once brings
    *refund*, one that a retry saved brings that retry's cost back. Empty: no retries until things go well again.

    *throttled_cost*: what a retry costs after "throttled" or "rejected"; None: *cost*. Raises ValueError unless all are
    above 0. Source: the AWS SDKs' retry quota (500 tokens; 14, or 5 when throttled; 1 back; older versions: 5, or 10
    after a timeout).
    """

    def __init__(
        self, tokens: float = 500, cost: float = 14, refund: float = 1, throttled_cost: float | None = 5
    ) -> None:
        throttled = cost if throttled_cost is None else throttled_cost
        if not min(tokens, cost, refund, throttled) > 0:
            raise ValueError(f"tokens, costs and refund must be above 0, got {tokens}, {cost}, {throttled}, {refund}")
        self.most, self.tokens, self.refund = tokens, tokens, refund
        self.costs = {"throttled": throttled, "rejected": throttled}
        self.cost = cost

    def request(self) -> None:
        """Nothing: only requests that went well pay in."""

    def spend(self, error: str = "timeout") -> bool:
        cost = self.costs.get(error, self.cost)
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True

    def success(self, error: str | None = None) -> None:
        back = self.refund if error is None else self.costs.get(error, self.cost)
        self.tokens = min(self.most, self.tokens + back)


class Retries:
    """Whether to ask again, and after how long.

    *attempts*: tries in all, the first one included; 1: no retries. *backoff* None: at once. *budget* None: no limit
    but *attempts*. *idempotent_only*: after an error that leaves open whether the work was done, only ask again if
    doing it twice does no harm. Raises ValueError unless attempts >= 1.
    """

    def __init__(
        self,
        attempts: int = 3,
        backoff: Backoff | None = None,
        budget: Budget | None = None,
        idempotent_only: bool = True,
    ) -> None:
        if attempts < 1:
            raise ValueError(f"attempts counts the first try too and must be at least 1, got {attempts}")
        self.attempts, self.backoff, self.budget, self.idempotent_only = attempts, backoff, budget, idempotent_only

    def again(self, attempt: int, error: str, idempotent: bool = True) -> bool:
        """Whether to retry after try *attempt* (0 is the first) ended in *error*; if so the budget has paid for it.

        Raises ValueError if *error* is none of ERRORS.
        """
        if error not in ERRORS:
            raise ValueError(f"error must be one of {', '.join(ERRORS)}, got {error!r}")
        may_pass, nothing_done = ERRORS[error]
        if attempt + 1 >= self.attempts or not may_pass:
            return False
        if self.idempotent_only and not (idempotent or nothing_done):
            return False
        return self.budget is None or self.budget.spend(error)

    def wait_s(self, attempt: int, previous_s: float, rng: Random) -> float:
        """Seconds to wait before the next try; see Backoff.wait_s."""
        return 0.0 if self.backoff is None else self.backoff.wait_s(attempt, previous_s, rng)

    def request(self) -> None:
        """Tell the budget that a new request is made: once each, before its first try."""
        if self.budget is not None:
            self.budget.request()

    def success(self, error: str | None = None) -> None:
        """Tell the budget that a request went well; *error*: of the failed try before, None if the first one did it."""
        if self.budget is not None:
            self.budget.success(error)
