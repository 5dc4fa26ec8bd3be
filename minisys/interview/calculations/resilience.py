"""Numbers of chapter 10: tries through layers, false timeouts, rate limits, throttles, quotas, hedged pages.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from minisys.interview.calculations import calculation, working


@calculation
def layered_calls(layers: float, attempts: float) -> float:
    """Calls of the last service for one of the user's: attempts ^ layers."""
    return attempts**layers


@calculation
def layered_calls_added(layers: float, attempts: float) -> float:
    """Slip: added."""
    return attempts * layers


@calculation
def layered_calls_retries_only(layers: float, attempts: float) -> float:
    """Slip: without each layer's first try."""
    return (attempts - 1) ** layers


@working
def cut_off_an_hour(rate: float, percentile: float) -> dict[str, float]:
    """Good answers that a timeout at a percentile cuts off in an hour."""
    share = 1 - percentile / 100
    return {"share": share, "cut": share * rate * 3600}


@calculation
def cut_off_a_minute(rate: float, percentile: float) -> float:
    """Slip: of a minute."""
    return (1 - percentile / 100) * rate * 60


@calculation
def cut_off_percent_as_share(rate: float, percentile: float) -> float:
    """Slip: percent taken for a share."""
    return (100 - percentile) * rate * 3600


@calculation
def bucket_lets_through(rate: float, burst: float, seconds: float) -> float:
    """Most requests through a token bucket within some seconds: burst + rate × seconds."""
    return burst + rate * seconds


@calculation
def bucket_rate_only(rate: float, burst: float, seconds: float) -> float:
    """Slip: an empty bucket at the start."""
    return rate * seconds


@calculation
def bucket_twice_full(rate: float, burst: float, seconds: float) -> float:
    """Slip: the fixed window's bound."""
    return 2 * burst + rate * seconds


@working
def throttled_percent(offered: float, capacity: float, k: float) -> dict[str, float]:
    """Share that clients drop by themselves in the steady state. Source: SRE book ch. 21."""
    sent = k * capacity
    return {"sent": sent, "dropped": 100 * (offered - sent) / offered}


@calculation
def throttled_and_rejected_percent(offered: float, capacity: float, k: float) -> float:
    """Slip: all that fails."""
    return 100 * (offered - capacity) / offered


@calculation
def throttled_sent_percent(offered: float, capacity: float, k: float) -> float:
    """Slip: the share that is sent."""
    return 100 * k * capacity / offered


@calculation
def recovers_up_to(capacity: float, attempts: float) -> float:
    """The load up to which all tries of all requests can be done. Source: Bronson et al. 2021."""
    return capacity / attempts


@calculation
def recovers_by_retries(capacity: float, attempts: float) -> float:
    """Slip: the first try forgotten."""
    return capacity / (attempts - 1)


@calculation
def recovers_at_capacity(capacity: float, attempts: float) -> float:
    """Slip: the load while all is well."""
    return capacity


@working
def quota_retries(cost: float, fail_percent: float) -> dict[str, float]:
    """Retries that an empty purse pays for, for 100 requests. Source: the AWS SDKs' retry quota."""
    fail = fail_percent / 100
    earned, price = 100 * (1 - fail), cost * fail
    return {"earned": earned, "price": price, "retries": earned / price}


@calculation
def quota_without_return(cost: float, fail_percent: float) -> float:
    """Slip: every retry's tokens are lost."""
    return 100 * (1 - fail_percent / 100) / cost


@calculation
def quota_unlimited(cost: float, fail_percent: float) -> float:
    """Slip: what would be wanted with three tries."""
    fail = fail_percent / 100
    return 100 * (fail + fail**2)


@working
def hedged_page_percent(servers: float, slow_percent: float) -> dict[str, float]:
    """Pages that meet a late answer although each has a copy as likely to be late. Source: Dean and Barroso 2013."""
    both = (slow_percent / 100) ** 2
    return {"both": both, "pages": 100 * (1 - (1 - both) ** servers)}


@calculation
def unhedged_page_percent(servers: float, slow_percent: float) -> float:
    """Slip: without copies."""
    return 100 * (1 - (1 - slow_percent / 100) ** servers)


@calculation
def hedged_answer_percent(servers: float, slow_percent: float) -> float:
    """Slip: one answer instead of the page."""
    return 100 * (slow_percent / 100) ** 2
