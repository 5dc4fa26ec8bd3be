"""Numbers of chapter 02: waiting and its spread, the knee, staffing, Amdahl, the USL, pools, monolith and services."""

from __future__ import annotations

from math import sqrt

from minisys.interview.calculations import calculation
from minisys.scaling import theory
from minisys.testbed import queueing


@calculation
def kingman_wait_ms(rate: float, service_ms: float, cv: float) -> float:
    """Mean wait of one server in ms: Poisson arrivals, work with coefficient of variation *cv*."""
    return 1000 * theory.kingman(rate, service_ms / 1000, cv)


@calculation
def wait_without_square_ms(rate: float, service_ms: float, cv: float) -> float:
    """Slip: the spread not squared."""
    return 1000 * theory.kingman(rate, service_ms / 1000, 1.0) * (1 + cv) / 2


@calculation
def wait_if_exponential_ms(rate: float, service_ms: float, cv: float) -> float:
    """Slip: the formula of M/M/1, whatever the spread."""
    return 1000 * queueing.mm1(rate, service_ms / 1000).wait_s


@calculation
def faster_gain(load_percent: float, times: float) -> float:
    """How many times shorter the mean response is on a server *times* as fast, at the same traffic (M/M/1)."""
    rho = load_percent / 100
    before, after = queueing.mm1(rho, 1.0), queueing.mm1(rho, 1.0 / times)
    return before.response_s / after.response_s


@calculation
def faster_service_only(load_percent: float, times: float) -> float:
    """Slip: only the work gets shorter."""
    return times


@calculation
def faster_queue_only(load_percent: float, times: float) -> float:
    """Slip: only the queue gets shorter, the work itself stays."""
    return (1 - load_percent / 100 / times) / (1 - load_percent / 100)


@calculation
def knee_rate(service_ms: float, slo_ms: float) -> float:
    """Highest rate at which 99 % of the requests of M/M/1 stay below *slo_ms*."""
    return theory.knee(theory.FAST, service_ms / 1000, 1, slo_ms / 1000)


@calculation
def knee_of_the_mean(service_ms: float, slo_ms: float) -> float:
    """Slip: the mean stays below it, not the percentile."""
    return 1000 / service_ms - 1000 / slo_ms


@calculation
def bare_capacity(service_ms: float, slo_ms: float) -> float:
    """Slip: the rate at which the server is always busy."""
    return 1000 / service_ms


@calculation
def staff_grown(servers: float, offered: float, factor: float) -> float:
    """Servers for *factor* times the load with as many who wait: the spare grows with the root of the load."""
    return offered * factor + (servers - offered) * sqrt(factor)


@calculation
def staff_in_proportion(servers: float, offered: float, factor: float) -> float:
    """Slip: everything grows as the load does."""
    return servers * factor


@calculation
def staff_same_spare(servers: float, offered: float, factor: float) -> float:
    """Slip: the spare stays as it is."""
    return offered * factor + servers - offered


@calculation
def amdahl_gain(workers: float, serial_percent: float) -> float:
    """Throughput of *workers*, one worker's being 1, if a share of the work is serial."""
    return theory.usl(workers, serial_percent / 100, 0.0)


@calculation
def amdahl_without_end(workers: float, serial_percent: float) -> float:
    """Slip: the limit of endless workers."""
    return theory.amdahl_limit(serial_percent / 100)


@calculation
def gain_less_serial(workers: float, serial_percent: float) -> float:
    """Slip: the serial share taken off the straight line."""
    return workers * (1 - serial_percent / 100)


@calculation
def peak_workers(contention_percent: float, coherency_percent: float) -> float:
    """The number of workers with the highest throughput by the Universal Scalability Law."""
    return theory.usl_peak(contention_percent / 100, coherency_percent / 100)


@calculation
def peak_without_root(contention_percent: float, coherency_percent: float) -> float:
    """Slip: the root forgotten."""
    return (1 - contention_percent / 100) / (coherency_percent / 100)


@calculation
def peak_by_contention(contention_percent: float, coherency_percent: float) -> float:
    """Slip: one over contention."""
    return theory.linear_until(contention_percent / 100)


@calculation
def monolith_surplus_gb(usual: float, copies: float, idle_gb: float, busy_gb: float) -> float:
    """Memory that a monolith's extra copies spend on the part that did not have to grow."""
    return (copies - usual) * idle_gb


@calculation
def monolith_surplus_of_all_gb(usual: float, copies: float, idle_gb: float, busy_gb: float) -> float:
    """Slip: the copies counted that are needed anyway."""
    return copies * idle_gb


@calculation
def monolith_growth_gb(usual: float, copies: float, idle_gb: float, busy_gb: float) -> float:
    """Slip: the part that had to grow counted as well."""
    return (copies - usual) * (idle_gb + busy_gb)


@calculation
def held_workers(rate: float, timeout_s: float, usual_ms: float) -> float:
    """Workers held by calls to a service that hangs: each waits for the whole timeout (Little's law)."""
    return rate * timeout_s


@calculation
def usually_held_workers(rate: float, timeout_s: float, usual_ms: float) -> float:
    """Slip: as if the answers still came in the usual time."""
    return rate * usual_ms / 1000


@calculation
def times_longer_held(rate: float, timeout_s: float, usual_ms: float) -> float:
    """Slip: how many times longer, not how many."""
    return timeout_s / (usual_ms / 1000)
