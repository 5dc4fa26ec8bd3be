"""What balancing must do to a queue, before anything runs: random splitting and the supermarket model.

"Ten servers at 90 %, and each request looks at two of them: what is the mean wait?" Two formulas bracket every policy
of this room: one for a choice that looks at nothing, one for a choice that looks at d servers.

Promised: exact results for Poisson arrivals in the steady state. The formulas for single queues (M/M/1, M/M/c, M/G/1)
stand on the bench, in testbed.queueing. Not given here: bursts, retries, failures, start-up.
"""

from __future__ import annotations

import math

from minisys.testbed.queueing import Queue, mm1, utilisation


def random_splitting(rate_per_s: float, service_s: float, backends: int) -> Queue:
    """A random choice among *backends* single-worker backends: each is an M/M/1 of its own with 1/n of the rate.

    *in_system* counts all backends together. Raises ValueError at a utilisation of 1 or more. Source: a Poisson
    stream split at random is Poisson streams (Kleinrock 1975, section 2.4).
    """
    utilisation(rate_per_s, service_s, backends)
    one = mm1(rate_per_s / backends, service_s)
    return Queue(one.utilisation, one.wait_s, one.response_s, one.in_system * backends, one.wait_probability)


def supermarket(rho: float, d: int) -> float:
    """Mean response, in service times, when each request joins the shortest of *d* queues drawn at random.

    The limit of many backends: E = sum over i >= 1 of rho^((d^i - d) / (d - 1)); d = 1 gives 1 / (1 - rho). With 10
    backends the truth is some 14 % above it at rho = 0.9. Raises ValueError unless 0 <= rho < 1 and d >= 1.
    Source: Vvedenskaya et al. 1996; Mitzenmacher 2001, IEEE TPDS 12(10).
    """
    tails = [supermarket_tail(rho, d, 1)]
    while d > 1 and tails[-1] > 1e-18:
        tails.append(supermarket_tail(rho, d, len(tails) + 1))
    return math.fsum(tails) / rho if d > 1 and rho > 0 else 1.0 / (1.0 - rho)


def supermarket_tail(rho: float, d: int, i: int) -> float:
    """The share of backends with *i* requests or more in the supermarket model: rho^((d^i - 1) / (d - 1)).

    With d = 1 the exponent grows by one at every step, with d = 2 it doubles. Raises ValueError unless 0 <= rho < 1
    and d >= 1, and for i below 0. Source: Mitzenmacher 2001.
    """
    if not 0 <= rho < 1 or d < 1 or d != int(d) or i < 0:
        raise ValueError(f"need 0 <= rho < 1, a whole number d >= 1 and i >= 0, got rho={rho}, d={d}, i={i}")
    return rho ** (i if d == 1 else min((d**i - 1) // (d - 1), 10**15))
