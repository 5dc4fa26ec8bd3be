"""Retries, timeouts, hedges and limits in closed form: what to expect before anything is run.

Five services in a chain, each asks three times. The database at the end is a little slow. How much more load does it
get? Not three times, and not fifteen: 243 times. Such numbers fit on the back of a card; here they are functions, and
the simulation and the live chain are held against them.

Promised: each function names its source. Assumed throughout: tries fail independently of each other. During an outage
they do not, and that is what model.py is for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


def _share(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1, got {value}")


def _at_least(least: float, **values: float) -> None:
    for name, value in values.items():
        if not least <= value < math.inf:
            raise ValueError(f"{name} must be at least {least} and finite, got {value}")


def amplification(attempts: int, layers: int) -> float:
    """Calls that the last of *layers* gets for each call of the user when it fails always: attempts ^ layers.

    *attempts*: tries in all of each layer, the first included. 3 tries over 5 layers: 243. Raises ValueError below 1.
    Source: Brooker, "Timeouts, retries, and backoff with jitter", Amazon Builders' Library 2019.
    """
    _at_least(1, attempts=attempts, layers=layers)
    return float(attempts) ** layers


def expected_tries(failure: float, attempts: int) -> float:
    """Mean tries a request when each fails with probability *failure*: (1 - failure^attempts) / (1 - failure).

    Raises ValueError for a failure outside 0 to 1 or attempts below 1.
    """
    _share(failure=failure)
    _at_least(1, attempts=attempts)
    return math.fsum(failure**i for i in range(attempts))


def still_fails(failure: float, attempts: int) -> float:
    """The share of requests whose every try fails: failure^attempts. What retries are for."""
    _share(failure=failure)
    _at_least(1, attempts=attempts)
    return float(failure**attempts)


def budgeted_tries(failure: float, attempts: int, ratio: float) -> float:
    """Mean tries a request when retries may be at most *ratio* of requests: min of expected_tries and 1 + ratio.

    In the long run, when the reserve is spent. Source: SRE book ch. 21: 10 % turns 3 times the load into 1.1 times.
    """
    _at_least(0, ratio=ratio)
    return min(expected_tries(failure, attempts), 1 + ratio)


def token_tries(failure: float, attempts: int, cost: float = 14, refund: float = 1) -> float:
    """Mean tries a request once the purse of a token budget is spent.

    A retry costs *cost*; a first try that is good brings *refund*, a retry that is good brings its cost back. Then of
    r retries a request (1 - failure) * r cost nothing, so failure * r * cost = (1 - failure) * refund. Source: balance
    of the AWS SDKs' retry quota.
    """
    _at_least(0, cost=cost, refund=refund)
    wanted = expected_tries(failure, attempts)
    paid = (1 - failure) * refund
    return wanted if failure * (wanted - 1) * cost <= paid else 1 + paid / (failure * cost)


def throttled_per_s(offered_per_s: float, capacity_per_s: float, k: float = 2.0) -> float:
    """What a client with adaptive throttling sends in the steady state: min(offered, k * capacity).

    Raises ValueError for negative rates or k below 1. Source: SRE book ch. 21.
    """
    _at_least(0, offered_per_s=offered_per_s, capacity_per_s=capacity_per_s)
    _at_least(1, k=k)
    return min(offered_per_s, k * capacity_per_s)


def page_is_slow(slow: float, servers: int) -> float:
    """The share of pages that meet at least one slow server of the *servers* they need: 1 - (1 - slow)^servers.

    1 % and 100 servers: 63 %. Source: Dean and Barroso, "The Tail at Scale", CACM 2013.
    """
    _share(slow=slow)
    _at_least(1, servers=servers)
    return 1 - (1 - slow) ** servers


def hedged_tail(slower_than_t: float, slower_than_rest: float) -> float:
    """The share of requests slower than t when a copy follows after h < t seconds: P(X > t) * P(X > t - h).

    *slower_than_t*: share of single answers over t; *slower_than_rest*: share over t - h. The two servers must be slow
    independently: two copies that wait for one disk gain nothing.
    """
    _share(slower_than_t=slower_than_t, slower_than_rest=slower_than_rest)
    return slower_than_t * slower_than_rest


def hedge_cost(quantile: float) -> float:
    """Copies a request when the copy follows after that quantile of the latency: 1 - quantile."""
    _share(quantile=quantile)
    return 1 - quantile


def false_timeouts_per_s(rate_per_s: float, quantile: float) -> float:
    """Good answers cut off each second by a timeout at that quantile: at 0.999 and 500/s one every 2 s."""
    _share(quantile=quantile)
    _at_least(0, rate_per_s=rate_per_s)
    return rate_per_s * (1 - quantile)


def chain_timeout_s(call_timeout_s: float, attempts: int, layers: int, backoff_s: float = 0.0) -> float:
    """How long a user may wait for a chain whose layers know no deadline: each waits for all tries of the one below.

    *call_timeout_s* holds for the last layer; the ones above wait without limit of their own. *backoff_s*: mean wait
    between tries. With a deadline that travels it is the deadline, whatever the layers.
    """
    _at_least(0, call_timeout_s=call_timeout_s, backoff_s=backoff_s)
    _at_least(1, attempts=attempts, layers=layers)
    wait_s = call_timeout_s
    for _ in range(layers):
        wait_s = attempts * wait_s + (attempts - 1) * backoff_s
    return wait_s


def gcra_bound(rate_per_s: float, burst: float, for_s: float) -> float:
    """Most requests that a token bucket (or GCRA) lets through within any *for_s* seconds: burst + rate * for_s."""
    _at_least(0, rate_per_s=rate_per_s, burst=burst, for_s=for_s)
    return burst + rate_per_s * for_s


def window_bound(limit: int, window_s: float, for_s: float, *, sliding: bool) -> int:
    """Most requests that a window of *limit* lets through within any *for_s* seconds, both ends counted.

    Sliding: limit for each window begun. Fixed: one limit more, as a burst may stand on both sides of a boundary.
    """
    _at_least(0, limit=limit, for_s=for_s)
    _at_least(1e-9, window_s=window_s)
    return limit * (math.floor(for_s / window_s) + (1 if sliding else 2))


@dataclass(frozen=True)
class Vulnerability:
    """Three kinds of load: users ask *offered_per_s* of a server of *capacity_per_s*, with at most *tries* for each.

    Below capacity / tries it is "stable": even if every try fails it can do them all, so it recovers from any trigger.
    From there to capacity it is "vulnerable": well until a trigger, and afterwards kept down by its own retries. Above
    it is "overloaded". Source: Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021.
    """

    offered_per_s: float
    capacity_per_s: float
    tries: float = 3.0

    def __post_init__(self) -> None:
        _at_least(0, offered_per_s=self.offered_per_s)
        _at_least(1e-9, capacity_per_s=self.capacity_per_s)
        _at_least(1, tries=self.tries)

    @property
    def state(self) -> str:
        """ "stable", "vulnerable" or "overloaded"."""
        if self.offered_per_s > self.capacity_per_s:
            return "overloaded"
        return "vulnerable" if self.offered_per_s * self.tries > self.capacity_per_s else "stable"

    @property
    def hidden_capacity_per_s(self) -> float:
        """The load up to which it recovers by itself: capacity / tries. With retries at 10 % it is capacity / 1.1."""
        return self.capacity_per_s / self.tries

    @property
    def sustained_per_s(self) -> float:
        """What it is asked once every first try fails: the load that keeps it down after the trigger has gone."""
        return self.offered_per_s * self.tries


def cache_loss(backend_per_s: float, hit_ratio: float) -> tuple[float, float]:
    """What a cache hides: the load it lets a backend of *backend_per_s* carry, and the overload when it is lost.

    300/s behind 90 % hits: 3,000/s, and 10 times too much without it. Raises ValueError unless hit_ratio is from 0 to
    below 1. Source: Bronson et al. 2021.
    """
    _at_least(0, backend_per_s=backend_per_s)
    if not 0 <= hit_ratio < 1:
        raise ValueError(f"hit_ratio must be from 0 to below 1, got {hit_ratio}")
    overload = 1 / (1 - hit_ratio)
    return backend_per_s * overload, overload
