"""What a queue must do, before anything runs: closed formulas with their sources.

"Two servers at 80 % each, what is the wait?" Agner Krarup Erlang answered that for the telephone exchange of
Copenhagen in 1917, and the answer still tells a bug in a simulation from bad luck. Every concept of the course has a
queue somewhere, so these stand on the bench.

Promised: exact results for Poisson arrivals in the steady state, in the units you give (a rate in requests a second
gives seconds). Not given here: bursts, retries, failures, start-up: for those there is the simulation, and a formula
used outside its assumptions is only a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Queue:
    """The steady state of one queueing system.

    *utilisation* (0 to 1), *wait_s* the mean time before service, *response_s* the mean time in all, *in_system* the
    mean number of requests inside (Little's law), *wait_probability* the share of requests that wait at all.
    """

    utilisation: float
    wait_s: float
    response_s: float
    in_system: float
    wait_probability: float


def utilisation(rate_per_s: float, service_s: float, servers: int = 1) -> float:
    """The utilisation; ValueError unless rate, time and servers make sense and it is below 1."""
    if not rate_per_s > 0 or not service_s > 0 or servers < 1 or servers != int(servers):
        raise ValueError(
            f"need rate_per_s > 0, service_s > 0 and a whole number of servers, got rate_per_s={rate_per_s}, "
            f"service_s={service_s}, servers={servers}"
        )
    rho = rate_per_s * service_s / servers
    if rho >= 1:
        raise ValueError(
            f"utilisation is {rho:.6g}: at 1 or more the queue grows for ever; add servers or cut the rate"
        )
    return rho


def mm1(rate_per_s: float, service_s: float) -> Queue:
    """M/M/1: Poisson arrivals, one server, exponential service with mean *service_s* seconds.

    Response = service / (1 - rho). Raises ValueError at a utilisation of 1 or more. Source: Erlang 1909; Kleinrock
    1975, Queueing Systems I, section 3.2.
    """
    return mmc(rate_per_s, service_s, 1)


def mmc(rate_per_s: float, service_s: float, servers: int) -> Queue:
    """M/M/c: one queue in front of *servers* equal servers (one backend with c workers).

    Wait = service x C / (c - a), C from erlang_c, a = rate x service erlangs of offered load. Raises ValueError at a
    utilisation of 1 or more. Source: Erlang 1917; Kleinrock 1975, section 3.5.
    """
    rho = utilisation(rate_per_s, service_s, servers)
    offered = rate_per_s * service_s
    waits = erlang_c(offered, servers)
    wait_s = service_s * waits / (servers - offered)
    return Queue(rho, wait_s, wait_s + service_s, rate_per_s * (wait_s + service_s), waits)


def erlang_b(offered: float, servers: int) -> float:
    """Erlang B: the share of requests refused by *servers* servers without a queue under *offered* erlangs.

    Computed by the stable recursion B(k) = a B(k-1) / (k + a B(k-1)), which needs no factorials. Raises ValueError for
    a negative load or servers below 0. Source: Erlang 1917.
    """
    if offered < 0 or servers < 0 or servers != int(servers):
        raise ValueError(f"need offered >= 0 and a whole number of servers >= 0, got {offered} and {servers}")
    blocked = 1.0
    for k in range(1, int(servers) + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked


def erlang_c(offered: float, servers: int) -> float:
    """Erlang C: the share of requests that must wait at *servers* servers with an endless queue.

    C = B / (1 - rho (1 - B)). Raises ValueError at a utilisation of 1 or more. Source: Erlang 1917.
    """
    rho = utilisation(offered, 1.0, servers)
    blocked = erlang_b(offered, servers)
    return blocked / (1.0 - rho * (1.0 - blocked))


def mg1(rate_per_s: float, service_s: float, cv: float) -> Queue:
    """M/G/1: one server, any service law with mean *service_s* seconds and coefficient of variation *cv*.

    Wait = service x rho (1 + cv^2) / (2 (1 - rho)): deterministic work (cv 0) waits half as long as exponential
    (cv 1). Raises ValueError for a negative cv or a utilisation of 1 or more. Source: Pollaczek 1930, Khinchine 1932.
    """
    rho = utilisation(rate_per_s, service_s)
    if not 0 <= cv < math.inf:
        raise ValueError(f"cv must be a number of 0 or more, got {cv}: an infinite variance has an infinite mean wait")
    wait_s = service_s * rho * (1.0 + cv * cv) / (2.0 * (1.0 - rho))
    return Queue(rho, wait_s, wait_s + service_s, rate_per_s * (wait_s + service_s), rho)


def mm1k_loss(offered: float, places: int) -> float:
    """M/M/1/K: the share of requests refused by one server with room for *places* in all, the one in service counted.

    Offered is in erlangs and may exceed 1. Raises ValueError for a load of 0 or less or no place. Source: Kleinrock
    1975, section 3.6.
    """
    if not offered > 0 or places < 1:
        raise ValueError(f"need offered > 0 and places >= 1, got {offered} and {places}")
    return offered**places / math.fsum(offered**k for k in range(places + 1))


def mm1_percentile(rate_per_s: float, service_s: float, q: float) -> float:
    """The response time, in seconds, that *q* percent of M/M/1's requests stay below (first come, first served).

    The response is exponential with mean service / (1 - rho): p99 is 4.6 times the mean. Raises ValueError unless
    0 <= q < 100 and the utilisation is below 1. Source: Kleinrock 1975, section 5.7.
    """
    return mm1(rate_per_s, service_s).response_s * -math.log(1.0 - _quantile(q))


def mmc_percentile(rate_per_s: float, service_s: float, servers: int, q: float) -> float:
    """The response time, in seconds, that *q* percent of M/M/c's requests stay below (first come, first served).

    The closed tail, inverted by bisection. Raises ValueError as mm1_percentile does. Source: Gross and Harris 1998,
    Fundamentals of Queueing Theory, section 2.3.
    """
    utilisation(rate_per_s, service_s, servers)
    target, low, high = 1.0 - _quantile(q), 0.0, service_s
    while mmc_tail(rate_per_s, service_s, servers, high) > target:
        high *= 2.0
    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if mmc_tail(rate_per_s, service_s, servers, middle) > target else (low, middle)
    return high


def mmc_tail(rate_per_s: float, service_s: float, servers: int, t_s: float) -> float:
    """The share of M/M/c's requests that take longer than *t_s* seconds in all.

    A wait (with probability C, exponential with rate (c - a) / service) plus a service. Raises ValueError at a
    utilisation of 1 or more. Source: Gross and Harris 1998, section 2.3.
    """
    waits = mmc(rate_per_s, service_s, servers).wait_probability
    t, drain = t_s / service_s, servers - rate_per_s * service_s
    if abs(drain - 1.0) < 1e-9:  # wait and service have the same rate: the sum is an Erlang(2)
        return math.exp(-t) * (1.0 + waits * t)
    return math.exp(-t) + waits * (math.exp(-t) - math.exp(-drain * t)) / (drain - 1.0)


def _quantile(q: float) -> float:
    if not 0 <= q < 100:
        raise ValueError(f"q must be a percentile from 0 to below 100, got {q}")
    return q / 100.0
