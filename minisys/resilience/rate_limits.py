"""So many requests a second for each customer: five ways to count, and what each lets through.

One customer's script runs wild and takes the whole service. A limit of 100 a minute stops it, but which 100? Those at
12:00:59 and another 100 at 12:01:00? The rules differ in the bursts they allow and in what they must remember.

Promised: ``allow(now_s, cost)``: may it go; if so it has been counted. ``wait_s(now_s)``: seconds until one more of
cost 1 may. Times must not go backwards. Not here: a table of customers, or one count shared by many servers.
"""

from __future__ import annotations

import math
from collections import deque

SLACK = 1e-9  # floating point: three times 0.1 s is 0.30000000000000004 s


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be above 0 and finite, got {value}")


class TokenBucket:
    """Tokens drip in at *rate_per_s* up to *burst*, a request takes its cost out.

    In any t seconds at most burst + rate * t get through. Full at the start. Raises ValueError unless both are above 0.
    Source: Turner 1986; Amazon API Gateway, Stripe.
    """

    def __init__(self, rate_per_s: float, burst: float) -> None:
        _positive(rate_per_s=rate_per_s, burst=burst)
        self.rate_per_s, self.burst, self.tokens, self.at_s = rate_per_s, burst, float(burst), -math.inf

    def _refill(self, now_s: float) -> None:
        if now_s > self.at_s:
            self.tokens = min(self.burst, self.tokens + self.rate_per_s * (now_s - self.at_s))
            self.at_s = now_s

    def allow(self, now_s: float, cost: float = 1) -> bool:
        """Whether *cost* tokens are there at *now_s*; if so they are taken."""
        self._refill(now_s)
        if self.tokens < cost - SLACK:
            return False
        self.tokens -= cost
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until one token is there."""
        self._refill(now_s)
        return max(0.0, (1 - self.tokens) / self.rate_per_s)


class LeakyBucket:
    """A queue that lets one out every 1 / *rate_per_s* seconds: whoever comes in a burst leaves evenly spaced.

    At most *capacity* may be inside; more is refused. After allow(), hold the request for `delay_s`. What comes out
    never exceeds the rate, at the price of waiting. Raises ValueError unless both are above 0. Source: Turner 1986 (as
    a queue); NGINX limit_req.
    """

    def __init__(self, rate_per_s: float, capacity: float) -> None:
        _positive(rate_per_s=rate_per_s, capacity=capacity)
        self.rate_per_s, self.capacity = rate_per_s, capacity
        self.empty_s = -math.inf  # when the last one inside will have left, and the next may leave
        self.delay_s = 0.0  # how long to hold the one let in last

    def _inside(self, now_s: float) -> float:
        return max(0.0, self.empty_s - now_s) * self.rate_per_s

    def allow(self, now_s: float, cost: float = 1) -> bool:
        """Whether there is room for *cost* more; if so it is in, and may go on after `delay_s` seconds."""
        if self._inside(now_s) + cost > self.capacity + SLACK:
            return False
        self.delay_s = max(0.0, self.empty_s - now_s)
        self.empty_s = max(now_s, self.empty_s) + cost / self.rate_per_s
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until there is room for one more."""
        return max(0.0, (self._inside(now_s) + 1 - self.capacity) / self.rate_per_s)


class FixedWindow:
    """At most *limit* in each window of the clock: 12:00 to 12:01, 12:01 to 12:02. One number to remember.

    Around a boundary 2 * limit get through within one *window_s*. Raises ValueError unless both are above 0.
    """

    def __init__(self, limit: float, window_s: float) -> None:
        _positive(limit=limit, window_s=window_s)
        self.limit, self.window_s, self.window, self.used = limit, window_s, -math.inf, 0.0

    def _turn(self, now_s: float) -> None:
        if now_s // self.window_s > self.window:
            self.window, self.used = now_s // self.window_s, 0.0

    def allow(self, now_s: float, cost: float = 1) -> bool:
        """Whether *cost* more fit into this window; if so they are counted."""
        self._turn(now_s)
        if self.used + cost > self.limit + SLACK:
            return False
        self.used += cost
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more fits: 0, or until the next window begins."""
        self._turn(now_s)
        return 0.0 if self.used + 1 <= self.limit + SLACK else (self.window + 1) * self.window_s - now_s


class SlidingWindow:
    """At most *limit* in any *window_s* seconds, whenever they begin: the time of each is remembered for so long.

    Exact, for memory that grows with the limit. (Cloudflare keeps two counters and guesses: near enough, and small.)
    Raises ValueError unless both are above 0.
    """

    def __init__(self, limit: float, window_s: float) -> None:
        _positive(limit=limit, window_s=window_s)
        self.limit, self.window_s, self.used = limit, window_s, 0.0
        self.log: deque[tuple[float, float]] = deque()  # (when it is forgotten, its cost)

    def _forget(self, now_s: float) -> None:
        while self.log and self.log[0][0] <= now_s:
            self.used -= self.log.popleft()[1]

    def allow(self, now_s: float, cost: float = 1) -> bool:
        """Whether *cost* more fit into the window that ends at *now_s*; if so they are counted."""
        self._forget(now_s)
        if self.used + cost > self.limit + SLACK:
            return False
        self.used += cost
        self.log.append((now_s + self.window_s, cost))
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more fits: until enough of the oldest are forgotten."""
        self._forget(now_s)
        used = self.used
        for until_s, cost in self.log:
            if used + 1 <= self.limit + SLACK:
                break
            used, wait_s = used - cost, until_s - now_s
        return wait_s if used < self.used else 0.0


class Gcra:
    """Generic cell rate algorithm: the token bucket's decisions from one number, the theoretical arrival time.

    Each request moves that time on by 1 / *rate_per_s*; it may be ahead of now by at most *burst* such steps. One
    number fits into one atomic update of a shared store. Raises ValueError unless both are above 0. Source: ITU-T
    I.371; redis-cell.
    """

    def __init__(self, rate_per_s: float, burst: float) -> None:
        _positive(rate_per_s=rate_per_s, burst=burst)
        self.step_s, self.ahead_s = 1 / rate_per_s, burst / rate_per_s
        self.arrival_s = -math.inf

    def allow(self, now_s: float, cost: float = 1) -> bool:
        """Whether the theoretical arrival time stays within the burst; if so it moves on."""
        arrival_s = max(now_s, self.arrival_s) + cost * self.step_s
        if arrival_s - now_s > self.ahead_s + SLACK * self.step_s:
            return False
        self.arrival_s = arrival_s
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more is allowed."""
        return max(0.0, max(now_s, self.arrival_s) + self.step_s - self.ahead_s - now_s)
