"""Numbers of chapters 00 and 03: queues, health checks, retries, hashing."""

from __future__ import annotations

from minisys.interview.calculations import calculation
from minisys.load_balancing import theory
from minisys.testbed import queueing


@calculation
def mm1_response_ms(rate: float, service_ms: float) -> float:
    """Mean response of M/M/1 in ms: *rate* requests/s, *service_ms* of work each."""
    return 1000 * queueing.mm1(rate, service_ms / 1000).response_s


@calculation
def service_only_ms(rate: float, service_ms: float) -> float:
    """Slip: waiting forgotten."""
    return service_ms


@calculation
def proportional_ms(rate: float, service_ms: float) -> float:
    """Slip: time grows as traffic does, from 50 requests a second and twice the service time."""
    return 2 * service_ms * rate / 50


@calculation
def in_flight(rate: float, latency_ms: float) -> float:
    """Little's law: requests in the system."""
    return rate * latency_ms / 1000


@calculation
def in_flight_unscaled(rate: float, latency_ms: float) -> float:
    """Slip: milliseconds taken for seconds."""
    return rate * latency_ms


@calculation
def rate_over_latency(rate: float, latency_ms: float) -> float:
    """Slip: divided instead of multiplied."""
    return rate / (latency_ms / 1000)


@calculation
def utilisation_percent(rate: float, service_ms: float) -> float:
    """Share of time one server is busy, in percent."""
    return 100 * rate * service_ms / 1000


@calculation
def capacity_over_rate_percent(rate: float, service_ms: float) -> float:
    """Slip: the fraction turned round."""
    return 100 / (rate * service_ms / 1000)


@calculation
def split_response_ms(rate: float, service_ms: float, backends: float) -> float:
    """Random splitting: each of *backends* is an M/M/1 with its share of *rate*."""
    return 1000 * theory.random_splitting(rate, service_ms / 1000, int(backends)).response_s


@calculation
def shared_response_ms(rate: float, service_ms: float, backends: float) -> float:
    """One queue before *backends* servers (M/M/c)."""
    return 1000 * queueing.mmc(rate, service_ms / 1000, int(backends)).response_s


@calculation
def bare_service_ms(rate: float, service_ms: float, backends: float) -> float:
    """Slip: no waiting at all."""
    return service_ms


@calculation
def after_loss_percent(load_percent: float, backends: float) -> float:
    """Utilisation of the others, in percent, when one of *backends* equal ones is gone."""
    return load_percent * backends / (backends - 1)


@calculation
def plus_one_share_percent(load_percent: float, backends: float) -> float:
    """Slip: the share of the whole added, not of what is left."""
    return load_percent + 100 / backends


@calculation
def unchanged_percent(load_percent: float, backends: float) -> float:
    """Slip: nothing changes."""
    return load_percent


@calculation
def spare_backends(rate: float, service_ms: float, limit_percent: float) -> float:
    """Backends so that with one gone the others stay at or below *limit_percent* busy."""
    return -(-rate * service_ms / 1000 // (limit_percent / 100)) + 1


@calculation
def backends_without_spare(rate: float, service_ms: float, limit_percent: float) -> float:
    """Slip: enough as long as none is gone."""
    return -(-rate * service_ms / 1000 // (limit_percent / 100))


@calculation
def backends_at_full(rate: float, service_ms: float, limit_percent: float) -> float:
    """Slip: counted with servers that are busy all the time."""
    return -(-rate * service_ms / 1000 // 1)


@calculation
def hung_detection_s(interval_s: float, timeout_s: float, fall: float) -> float:
    """Longest time until a hung backend is out: it hangs right after a good check; *fall* checks must time out."""
    return fall * interval_s + timeout_s


@calculation
def one_interval_s(interval_s: float, timeout_s: float, fall: float) -> float:
    """Slip: one failed check is enough."""
    return interval_s + timeout_s


@calculation
def fall_without_timeout_s(interval_s: float, timeout_s: float, fall: float) -> float:
    """Slip: a hung backend answers "no" at once."""
    return fall * interval_s


@calculation
def failed_until_out(rate: float, backends: float, detection_s: float) -> float:
    """Requests that round robin sends to one dead backend of *backends* before it is out."""
    return rate * detection_s / backends


@calculation
def all_failed_until_out(rate: float, backends: float, detection_s: float) -> float:
    """Slip: all requests, not one backend's share."""
    return rate * detection_s


@calculation
def moved_modulo_percent(backends: float) -> float:
    """Keys that change their backend under hash mod n when one is added: all but 1/(n+1)."""
    return 100 * backends / (backends + 1)


@calculation
def moved_consistent_percent(backends: float) -> float:
    """Keys that move under consistent hashing when one is added: the newcomer's share."""
    return 100 / (backends + 1)


@calculation
def moved_old_share_percent(backends: float) -> float:
    """Slip: one old backend's share."""
    return 100 / backends


@calculation
def retries_without_budget(attempts: float, layers: float) -> float:
    """Attempts at the bottom for one request when each of *layers* tries *attempts* times."""
    return attempts**layers


@calculation
def attempts_added(attempts: float, layers: float) -> float:
    """Slip: attempts added up, not multiplied."""
    return attempts * layers


@calculation
def two_choices_gain(rho: float) -> float:
    """How many times longer a random choice takes than the better of two, many backends."""
    return theory.supermarket(rho, 1) / theory.supermarket(rho, 2)


@calculation
def twice(rho: float) -> float:
    """Slip: two choices, twice as good."""
    return 2.0


@calculation
def slow_start_percent(age_s: float, window_s: float, backends: float) -> float:
    """Share of the traffic, in percent, of a newcomer whose weight grows in proportion to its age."""
    share = age_s / window_s
    return 100 * share / (share + backends)


@calculation
def full_share_percent(age_s: float, window_s: float, backends: float) -> float:
    """Slip: a full share at once."""
    return 100 / (backends + 1)


@calculation
def weight_alone_percent(age_s: float, window_s: float, backends: float) -> float:
    """Slip: its weight taken for its share."""
    return 100 * age_s / window_s
