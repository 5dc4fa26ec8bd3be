"""Where adding machines stops helping, before anything is bought: queues, staffing, the knee, Amdahl and the USL.

The load doubles next quarter. One machine twice as big, or two of them? How many for ten times the load? And will the
twelfth machine still help? Each answer is a formula with a name, thirty to a hundred years old.

Promised: every formula with its source, exact or marked as an approximation, and a ValueError outside its range. The
single queues come from `testbed.queueing`. Not given here: prices (costs.py), bursts and start-up (model.py).
"""

from __future__ import annotations

import math

from minisys.load_balancing.theory import random_splitting
from minisys.testbed.queueing import Queue, erlang_c, mm1_percentile, mmc, mmc_percentile, mmc_tail, utilisation

FAST, ONE_QUEUE, OWN_QUEUES = SHAPES = ("one fast server", "one queue", "a queue each")


def response(shape: str, rate_per_s: float, service_s: float, k: int) -> Queue:
    """The queue of *k* times the capacity of a server that takes *service_s* seconds, in one of three shapes.

    "one fast server" is k times as fast (M/M/1), "one queue" feeds k servers (M/M/k), with "a queue each" every request
    goes to one of k servers drawn at random (k times M/M/1). Poisson arrivals, exponential work. Raises ValueError for
    an unknown shape or a utilisation of 1 or more. Source: Kleinrock 1976, Queueing Systems II, section 5.1.
    """
    check_shape(shape)
    if shape == FAST:
        return mmc(rate_per_s, service_s / machines(k), 1)
    return (mmc if shape == ONE_QUEUE else random_splitting)(rate_per_s, service_s, machines(k))


def percentile(shape: str, rate_per_s: float, service_s: float, k: int, q: float) -> float:
    """The response in seconds that *q* percent of the requests stay below, in one of the three shapes.

    Raises ValueError as `response` does, and unless 0 <= q < 100. Source: Gross and Harris 1998, section 2.3.
    """
    check_shape(shape)
    if shape == ONE_QUEUE:
        return mmc_percentile(rate_per_s, service_s, machines(k), q)
    fast = shape == FAST
    return mm1_percentile(rate_per_s / (1 if fast else machines(k)), service_s / (machines(k) if fast else 1), q)


def failure_domain(shape: str, k: int) -> float:
    """The share of the capacity that one failure takes: all of the fast server, 1/k of k servers."""
    check_shape(shape)
    return 1.0 if shape == FAST else 1.0 / machines(k)


def after_a_failure(shape: str, rate_per_s: float, service_s: float, k: int) -> Queue | None:
    """The queue when one machine of the *k* is gone; None if what is left cannot carry the load, or nothing is left."""
    if shape == FAST or k == 1 or rate_per_s * service_s >= k - 1:
        return None
    return response(shape, rate_per_s, service_s, k - 1)


def kingman(rate_per_s: float, service_s: float, cv: float, arrival_cv: float = 1.0) -> float:
    """G/G/1: the mean wait in seconds, service x rho / (1 - rho) x (arrival_cv^2 + cv^2) / 2. An approximation.

    *cv* and *arrival_cv* are the coefficients of variation of the work and of the gaps between arrivals. Exact for
    Poisson arrivals (arrival_cv 1), good in heavy traffic. Raises ValueError for a negative cv or a utilisation of 1 or
    more. Source: Kingman 1961, Proc. Cambridge Phil. Soc. 57(4).
    """
    return allen_cunneen(rate_per_s, service_s, 1, cv, arrival_cv)


def allen_cunneen(rate_per_s: float, service_s: float, servers: int, cv: float, arrival_cv: float = 1.0) -> float:
    """G/G/c: the mean wait in seconds, that of M/M/c times (arrival_cv^2 + cv^2) / 2. An approximation.

    Exact for M/M/c and M/G/1. Raises ValueError as `kingman` does. Source: Allen 1990, Probability, Statistics and
    Queueing Theory (the Allen-Cunneen formula).
    """
    if not (0 <= cv < math.inf and 0 <= arrival_cv < math.inf):
        raise ValueError(f"cv and arrival_cv must be numbers of 0 or more, got {cv} and {arrival_cv}")
    return mmc(rate_per_s, service_s, servers).wait_s * (arrival_cv**2 + cv**2) / 2.0


def halfin_whitt(beta: float) -> float:
    """The share of requests that wait when a + *beta* sqrt(a) servers carry a erlangs, in the limit of large a.

    1 / (1 + beta Phi(beta) / phi(beta)), with the normal law. Raises ValueError unless beta > 0. Source: Halfin and
    Whitt 1981, Operations Research 29(3).
    """
    if not beta > 0:
        raise ValueError(f"beta must be above 0 (fewer servers than load never catch up), got {beta}")
    phi = math.exp(-beta * beta / 2) / math.sqrt(2 * math.pi)
    return phi / (phi + beta * (0.5 + math.erf(beta / math.sqrt(2)) / 2))


def safety_factor(wait_probability: float) -> float:
    """The beta at which a share *wait_probability* of the requests waits: halfin_whitt backwards, by bisection.

    Raises ValueError unless 0 < wait_probability < 1.
    """
    if not 0 < wait_probability < 1:
        raise ValueError(f"wait_probability must lie between 0 and 1, got {wait_probability}")
    low, high = 0.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if halfin_whitt(middle) > wait_probability else (low, middle)
    return high


def square_root_staffing(offered: float, wait_probability: float) -> int:
    """The rule of thumb: *offered* erlangs need offered + beta sqrt(offered) servers, rounded up.

    Beta is `safety_factor(wait_probability)`. Raises ValueError unless offered > 0. Source: Halfin and Whitt 1981;
    Borst, Mandelbaum and Reiman 2004, Operations Research 52(1).
    """
    if not 0 < offered < math.inf:
        raise ValueError(f"offered must be a number of erlangs above 0, got {offered}")
    return math.ceil(offered + safety_factor(wait_probability) * math.sqrt(offered))


def servers_needed(offered: float, wait_probability: float) -> int:
    """The exact number: the fewest servers at which at most a share *wait_probability* of the requests waits.

    Raises ValueError as `square_root_staffing` does. Source: Erlang C.
    """
    servers = max(1, math.floor(offered) + 1, square_root_staffing(offered, wait_probability) - 2)
    while servers - 1 > offered and erlang_c(offered, servers - 1) <= wait_probability:
        servers -= 1
    while erlang_c(offered, servers) > wait_probability:
        servers += 1
    return servers


def knee(shape: str, service_s: float, k: int, slo_s: float, q: float = 99.0) -> float:
    """The highest rate, in requests a second, at which *q* percent of the requests take at most *slo_s* seconds.

    By bisection on the exact tail of the *shape*. Raises ValueError if the work alone takes longer than that.
    """
    utilisation(1e-12, service_s, machines(k))
    check_shape(shape)
    parts = {FAST: (service_s / k, 1, 1), ONE_QUEUE: (service_s, k, 1), OWN_QUEUES: (service_s, 1, k)}
    work_s, servers, queues = parts[shape]
    if (idle_s := mm1_percentile(1e-12, work_s, q)) >= slo_s:
        raise ValueError(f"{q:g} % of the requests within {slo_s} s is out of reach: idle, they take {idle_s:.4g} s")
    low, high = 0.0, servers / work_s
    for _ in range(60):
        middle = (low + high) / 2
        late = middle * work_s >= servers or mmc_tail(middle, work_s, servers, slo_s) > 1 - q / 100
        low, high = (low, middle) if late else (middle, high)
    return queues * low


def usl(n: float, alpha: float, beta: float, gamma: float = 1.0) -> float:
    """Throughput of *n* workers by the Universal Scalability Law: gamma n / (1 + alpha (n-1) + beta n (n-1)).

    *gamma* is the throughput of one worker; *alpha* contention, the share of the work that only one can do at a time;
    *beta* coherency, what each pair of workers costs. Beta 0 is Amdahl's law, both 0 is a straight line. Raises
    ValueError unless n >= 0, 0 <= alpha <= 1, beta >= 0 and gamma > 0. Sources: Amdahl 1967; Gunther 2007, Guerrilla
    Capacity Planning; Gunther 2008, arXiv:0808.1431 (the throughput of workers that all come at once).
    """
    _shares(alpha, beta, gamma)
    if not n >= 0:
        raise ValueError(f"n must be 0 or more workers, got {n}")
    return gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1))


def usl_peak(alpha: float, beta: float) -> float:
    """The number of workers with the highest throughput, sqrt((1 - alpha) / beta); infinite if beta is 0."""
    _shares(alpha, beta)
    return math.sqrt((1 - alpha) / beta) if beta else math.inf


def usl_maximum(alpha: float, beta: float, gamma: float = 1.0) -> float:
    """The highest throughput of one or more workers: at the peak, or Amdahl's limit if there is no peak."""
    peak = max(1.0, usl_peak(alpha, beta))
    return usl(peak, alpha, beta, gamma) if math.isfinite(peak) else amdahl_limit(alpha, gamma)


def amdahl_limit(alpha: float, gamma: float = 1.0) -> float:
    """What endless workers would reach if contention were all: gamma / alpha (infinite if alpha is 0)."""
    _shares(alpha, 0.0, gamma)
    return gamma / alpha if alpha else math.inf


def linear_until(alpha: float) -> float:
    """The number of workers, 1 / alpha, at which linear scaling would meet Amdahl's limit: buying more cannot pay."""
    return amdahl_limit(alpha)


def usl_of_parts(own_s: float, locked_s: float, tell_s: float) -> tuple[float, float, float]:
    """Alpha, beta and gamma of workers that all come at once, from the parts of one operation.

    *own_s* seconds anybody can spend beside the others, *locked_s* holding the one lock, *tell_s* telling one other
    worker, with the lock held. A round of n operations takes own + n (locked + (n-1) tell), so alpha = locked / (own +
    locked) and beta = tell / (own + locked). Raises ValueError for a negative time or nothing to do. Source: Gunther
    2008, arXiv:0808.1431 (the synchronous bound of the machine repairman).
    """
    alone_s = own_s + locked_s
    if min(own_s, locked_s, tell_s) < 0 or not 0 < alone_s < math.inf:
        raise ValueError(f"need times of 0 or more and something to do, got {own_s}, {locked_s} and {tell_s} s")
    return locked_s / alone_s, tell_s / alone_s, 1 / alone_s


def check_shape(shape: str) -> None:
    """Raise ValueError unless *shape* is one of SHAPES."""
    if shape not in SHAPES:
        raise ValueError(f"unknown shape {shape!r}; known: {', '.join(SHAPES)}")


def machines(k: int) -> int:
    """*k* itself, if it is a whole number of machines, 1 or more. Raises ValueError if not."""
    if k < 1 or k != int(k):
        raise ValueError(f"k must be a whole number of machines, 1 or more, got {k}")
    return int(k)


def _shares(alpha: float, beta: float, gamma: float = 1.0) -> None:
    if not (0 <= alpha <= 1 and 0 <= beta < math.inf and 0 < gamma < math.inf):
        raise ValueError(f"need 0 <= alpha <= 1, beta >= 0 and gamma > 0, got {alpha}, {beta} and {gamma}")
