"""What a perfect autoscaler would rent, and why a real one is late, or swings: closed forms.

Two questions can be answered before anything runs. How many servers does each quarter of an hour need, if somebody knew
it beforehand? That is the oracle, and every rule pays more than it or misses more. And how hard may a rule pull, if
what it orders comes eight looks later? Pull harder, and it swings for ever.

Promised: each formula with its source, and a ValueError outside its range. The staffing rule of thumb itself stands in
`scaling.theory` (square_root_staffing). Not given here: bursts within a step; the model has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minisys.testbed.queueing import mmc_tail


def servers_for(rate_per_s: float, service_s: float, slo_s: float, missed: float = 0.01, workers: int = 1) -> int:
    """The fewest instances at which at most a share *missed* of the requests takes longer than *slo_s* seconds.

    Poisson arrivals, exponential work of *service_s* seconds, instances of *workers* workers, one line for all: M/M/c.
    0 for no traffic. Raises ValueError if the work alone misses more than that, so that no number is enough. Source:
    Erlang C; Gross and Harris 1998, Fundamentals of Queueing Theory, section 2.3.
    """
    if rate_per_s < 0 or not 0 < missed < 1 or workers < 1:
        raise ValueError(f"need rate >= 0, 0 < missed < 1, workers >= 1, got {rate_per_s}, {missed}, {workers}")
    alone = math.exp(-slo_s / service_s)
    if alone >= missed:
        raise ValueError(f"a share {alone:.3g} of the work takes longer than {slo_s:g} s by itself: no server helps")
    if rate_per_s == 0:
        return 0
    count = math.floor(rate_per_s * service_s / workers) + 1
    while mmc_tail(rate_per_s, service_s, count * workers, slo_s) > missed:
        count += 1
    return count


def oracle(
    rates_per_s: Sequence[float],
    step_s: float,
    service_s: float,
    slo_s: float,
    *,
    missed: float = 0.01,
    workers: int = 1,
    lead_s: float = 0.0,
) -> list[tuple[float, int]]:
    """Who knows the future: (second, instances) for a rate that holds for *step_s* each, ordered *lead_s* ahead.

    Each step gets what its own steady state needs (the pointwise stationary approximation), and keeps it until the next
    order. Raises ValueError as `servers_for` does, or for a lead that is negative. Source: Green and Kolesar 1991,
    Management Science 37(1).
    """
    if lead_s < 0 or not step_s > 0:
        raise ValueError(f"need lead_s >= 0 and step_s > 0, got {lead_s} and {step_s}")
    needs = [servers_for(rate, service_s, slo_s, missed, workers) for rate in rates_per_s]
    ahead = math.ceil(lead_s / step_s)
    held = [max(needs[at : at + ahead + 1]) for at in range(len(needs))]
    return [(at * step_s, count) for at, count in enumerate(held) if at == 0 or count != held[at - 1]]


def highest_target(rate_per_s: float, growth_per_s2: float, lag_s: float) -> float:
    """The highest target utilisation at which a rising load does not outrun its servers.

    The load grows by *growth_per_s2* requests a second, each second, and what is ordered now serves *lag_s* later: the
    servers there must carry what comes until then, so target <= rate / (rate + growth x lag). Raises ValueError for a
    rate of 0 or less, a fall, or a negative lag.
    """
    if not rate_per_s > 0 or growth_per_s2 < 0 or lag_s < 0:
        raise ValueError(f"need rate > 0, growth >= 0, lag >= 0, got {rate_per_s}, {growth_per_s2}, {lag_s}")
    return rate_per_s / (rate_per_s + growth_per_s2 * lag_s)


def looks_until(start: int, needed: int, target: float) -> int:
    """How many orders a rule on the utilisation needs from *start* servers to *needed* ones, all of them overloaded.

    A server that is overloaded reports 100 %, be it by a tenth or by ten times, so each order is at most 1 / *target*
    times what is there: the metric is blind above 1. Raises ValueError for a target outside (0, 1) or no server.
    """
    if start < 1 or not 0 < target < 1:
        raise ValueError(f"need at least 1 server and a target in (0, 1), got {start} and {target}")
    servers, looks = start, 0
    while servers < needed:
        servers, looks = math.ceil(servers / target - 1e-9), looks + 1
    return looks


def largest_gain(delay: int) -> float:
    """How hard a rule may pull, if what it orders takes *delay* looks to show: beyond this gain it swings for ever.

    x(k+1) = x(k) - gain x(k - delay), the error of a rule near its goal, dies out if and only if gain <
    2 sin(pi / (2 (2 delay + 1))). Raises ValueError unless delay is a whole number of 0 or more. Source: Levin and May
    1976, Theoretical Population Biology 9(2).
    """
    _whole(delay)
    return 2 * math.sin(math.pi / (2 * (2 * delay + 1)))


def calm_gain(delay: int) -> float:
    """The largest gain at which the same rule does not even overshoot: delay^delay / (delay + 1)^(delay + 1).

    Raises ValueError as `largest_gain` does. Source: as there (the characteristic equation has real roots up to here).
    """
    _whole(delay)
    return float(delay**delay / (delay + 1) ** (delay + 1))


def answer(gain: float, delay: int, looks: int, *, start: float = 0.0, goal: float = 1.0) -> list[float]:
    """What such a rule does, look by look, when the goal jumps from *start* to *goal*: x(k+1) = x(k) + gain x error.

    The error is the one of *delay* looks ago. Raises ValueError for a negative gain or number of looks.
    """
    _whole(delay)
    if gain < 0 or looks < 0:
        raise ValueError(f"gain and looks must be 0 or more, got {gain} and {looks}")
    x = [start]
    for k in range(looks):
        seen = x[k - delay] if k >= delay else start
        x.append(x[k] + gain * (goal - seen))
    return x


def safe_low_line(high: float, servers: int) -> float:
    """The line to scale in must lie below this, or one server less makes the rest cross *high*, and it comes back.

    n servers at this utilisation are n - 1 at *high*: high x (n - 1) / n. With few servers the gap must be wide. Raises
    ValueError unless 0 < high <= 1 and there are 2 servers. Source: Microsoft, Azure autoscale best practices
    ("flapping").
    """
    if not 0 < high <= 1 or servers < 2:
        raise ValueError(f"need 0 < high <= 1 and at least 2 servers, got {high} and {servers}")
    return high * (servers - 1) / servers


def cold_share(rate_per_s: float, idle_s: float) -> float:
    """Scale to zero: the share of requests that find nothing running, e^(-rate x idle).

    A request does if none came for *idle_s* before it; arrivals are Poisson, and boots short beside the gaps. Raises
    ValueError for a negative rate or time.
    """
    if rate_per_s < 0 or idle_s < 0:
        raise ValueError(f"rate_per_s and idle_s must be 0 or more, got {rate_per_s} and {idle_s}")
    return math.exp(-rate_per_s * idle_s)


def _whole(delay: int) -> None:
    if delay != int(delay) or delay < 0:
        raise ValueError(f"delay must be a whole number of looks, 0 or more, got {delay}")
