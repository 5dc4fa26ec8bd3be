"""Turn work away while it is cheap: at the door, by how long the line is, or before it is sent at all.

A server that can do 100 requests a second gets 150. If it takes all, each waits longer than the one before, and soon
every answer comes after its client has gone: busy all day, of use to nobody. Turning 50 away at once keeps 100 users.

Promised: ``admit(queued, waited_s, priority, now_s)``: may this one go on? QueueLimit and PriorityShedding are asked
when a request comes, CoDel when its turn comes. AdaptiveThrottle is on the client's side. Not here: the queue itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from minisys.resilience.window import Window


class QueueLimit:
    """Turns away who finds *limit* in line. Raises ValueError unless limit >= 1."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a line has room for at least 1, got {limit}")
        self.limit = limit

    def admit(self, queued: int, waited_s: float = 0.0, priority: int = 0, now_s: float = 0.0) -> bool:
        """Whether one more may join the *queued* in line."""
        return queued < self.limit


class CoDel:
    """Controlled delay: a line that never got short is too long; while so, turns away who waited over 2 * *target_s*.

    A burst makes a line that goes away; overload makes one that stays. So the shortest wait within *interval_s* counts:
    if that was above *target_s*, the next interval is overloaded. Ask when a request's turn comes. Raises ValueError
    unless 0 < target_s <= interval_s. Source: Nichols and Jacobson 2012 (RFC 8289); what is dropped as in Facebook's
    folly, as users who wait do not slow down at one lost packet as TCP does.
    """

    def __init__(self, target_s: float = 0.005, interval_s: float = 0.1) -> None:
        if not 0 < target_s <= interval_s:
            raise ValueError(f"need 0 < target_s <= interval_s, got {target_s} and {interval_s}")
        self.target_s, self.interval_s = target_s, interval_s
        self.ends_s, self.shortest_s, self.overloaded = -math.inf, 0.0, False

    def admit(self, queued: int, waited_s: float = 0.0, priority: int = 0, now_s: float = 0.0) -> bool:
        """Whether the request that has waited *waited_s* is still worth serving at *now_s*."""
        if now_s >= self.ends_s:
            self.overloaded = self.shortest_s > self.target_s
            self.ends_s, self.shortest_s = now_s + self.interval_s, waited_s
        self.shortest_s = min(self.shortest_s, waited_s)
        return not (self.overloaded and waited_s > 2 * self.target_s)


class PriorityShedding:
    """The longer the line, the more important one must be to join it.

    *limit*: how many may be in line. *shares*: of that limit, for each priority from 0 (most important) on; a priority
    beyond the last counts as the last. Raises ValueError unless limit >= 1 and the shares fall from at most 1 to at
    least 0. Source: SRE book ch. 21 (criticality: critical plus, critical, sheddable plus, sheddable).
    """

    def __init__(self, limit: int, shares: Sequence[float] = (1.0, 0.8, 0.5, 0.2)) -> None:
        falling = all(a >= b for a, b in zip(shares, shares[1:], strict=False))
        if limit < 1 or not shares or not falling or shares[0] > 1 or shares[-1] < 0:
            raise ValueError(f"need limit >= 1 and shares that fall from at most 1 to 0, got {limit} and {shares}")
        self.limit, self.shares = limit, tuple(shares)

    def admit(self, queued: int, waited_s: float = 0.0, priority: int = 0, now_s: float = 0.0) -> bool:
        """Whether one of that *priority* may join the *queued* in line."""
        return queued < self.limit * self.shares[min(priority, len(self.shares) - 1)]


class AdaptiveThrottle:
    """A client that notices it is being turned away and holds back by itself.

    It drops a call before sending it with probability max(0, (requests - k * accepts) / (requests + 1)), both counted
    over the last *window_s* seconds; requests include those it dropped. k = 2 sends about one call that is rejected for
    each accepted one, k = 1.1 one for ten: cheaper for the server, but slower to see that it is well again. Raises
    ValueError unless k >= 1 and window_s > 0. Source: SRE book ch. 21.
    """

    def __init__(self, k: float = 2.0, window_s: float = 120.0) -> None:
        if not k >= 1:
            raise ValueError(f"k must be at least 1 or even a healthy server gets less than it accepts, got {k}")
        self.k, self.calls = k, Window(window_s)

    def drop_probability(self, now_s: float) -> float:
        """The share of calls dropped at *now_s*, 0 to 1."""
        requests, accepts = self.calls.totals(now_s)
        return max(0.0, (requests - self.k * accepts) / (requests + 1))

    def allow(self, now_s: float, rng: Random) -> bool:
        """Whether to send this call. It counts as a request either way."""
        sent = rng.random() >= self.drop_probability(now_s)
        self.calls.add(now_s, first=1)
        return sent

    def record(self, accepted: bool, now_s: float) -> None:
        """Tell whether the server took a call that was sent (an error after that is accepted too)."""
        self.calls.add(now_s, second=int(accepted))
