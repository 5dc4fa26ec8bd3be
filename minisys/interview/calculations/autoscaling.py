"""Numbers of chapter 09: replicas wanted, averages, backlog, speed limits, headroom for boots, forecasts, cost.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from math import ceil, floor

from minisys.interview.calculations import calculation, working

DEVIATIONS = 1.645  # of a normal error; 95 % of all cases are below


@working
def wanted_pods(current: float, metric: float, target: float) -> dict[str, float]:
    """Replicas by Kubernetes' rule, outside its tolerance. Source: Kubernetes documentation, HPA algorithm details."""
    ratio = metric / target
    return {"ratio": ratio, "pods": ceil(current * ratio - 1e-9)}


@calculation
def wanted_pods_rounded_down(current: float, metric: float, target: float) -> float:
    """Slip: rounded down."""
    return floor(current * metric / target + 1e-9)


@calculation
def wanted_pods_upside_down(current: float, metric: float, target: float) -> float:
    """Slip: target over metric."""
    return ceil(current * target / metric - 1e-9)


@working
def average_load_percent(servers: float, full: float, rest_percent: float) -> dict[str, float]:
    """Mean load of a fleet of which some are full and the rest is not."""
    total = full * 100 + (servers - full) * rest_percent
    return {"total": total / 100, "mean": total / servers}


@calculation
def average_of_two_percent(servers: float, full: float, rest_percent: float) -> float:
    """Slip: the mean of the two figures."""
    return (100 + rest_percent) / 2


@working
def saved_percent(peak: float, peak_h: float, base: float) -> dict[str, float]:
    """Share of the bill that is saved by scaling down outside the daily peak."""
    fixed = peak * 24
    scaled = peak * peak_h + base * (24 - peak_h)
    return {"fixed": fixed, "scaled": scaled, "saved": 100 * (fixed - scaled) / fixed}


@calculation
def hours_off_peak_percent(peak: float, peak_h: float, base: float) -> float:
    """Slip: the share of the hours, as if nothing ran in them."""
    return 100 * (24 - peak_h) / 24


@calculation
def left_to_pay_percent(peak: float, peak_h: float, base: float) -> float:
    """Slip: what is still paid."""
    return 100 - saved_percent(peak, peak_h, base)["saved"]


@working
def servers_for_backlog(messages: float, work_ms: float, within_s: float) -> dict[str, float]:
    """Servers that are done with a backlog in time, by the backlog that one of them may have.

    Source: Amazon EC2 Auto Scaling documentation, scaling based on Amazon SQS.
    """
    acceptable = within_s * 1000 / work_ms
    return {"acceptable": acceptable, "servers": ceil(messages / acceptable - 1e-9)}


@calculation
def servers_for_a_second(messages: float, work_ms: float, within_s: float) -> float:
    """Slip: done within one second."""
    return ceil(messages * work_ms / 1000 - 1e-9)


@calculation
def steps_up(start: float, wanted: float) -> float:
    """Steps that the default limit of Kubernetes takes: each may double the pods or add four, whichever is more.

    Source: Kubernetes documentation, default scaling behavior.
    """
    pods, steps = start, 0
    while pods < wanted:
        pods, steps = pods + max(pods, 4), steps + 1
    return steps


@calculation
def steps_up_by_doubling(start: float, wanted: float) -> float:
    """Slip: doubling only."""
    pods, steps = start, 0
    while pods < wanted:
        pods, steps = 2 * pods, steps + 1
    return steps


@calculation
def steps_up_by_four(start: float, wanted: float) -> float:
    """Slip: four at a time."""
    return ceil((wanted - start) / 4)


@working
def trigger_percent(growth_percent: float, minutes: float, limit_percent: float) -> dict[str, float]:
    """Load at which a rule must fire so that the limit is just reached when the new machines serve."""
    grown = (1 + growth_percent / 100) ** minutes
    return {"grown": grown, "trigger": limit_percent / grown}


@calculation
def trigger_without_compounding_percent(growth_percent: float, minutes: float, limit_percent: float) -> float:
    """Slip: the same amount each minute."""
    return limit_percent / (1 + growth_percent / 100 * minutes)


@calculation
def trigger_one_minute_ahead_percent(growth_percent: float, minutes: float, limit_percent: float) -> float:
    """Slip: one minute's growth."""
    return limit_percent / (1 + growth_percent / 100)


@working
def refused_until_ready(
    load: float, capacity: float, window_s: float, boot_s: float, warm_s: float
) -> dict[str, float]:
    """Requests above the capacity from a sudden rise until the new servers take traffic."""
    lag = window_s + boot_s + warm_s
    return {"lag": lag, "above": load - capacity, "refused": lag * (load - capacity)}


@calculation
def refused_while_booting(load: float, capacity: float, window_s: float, boot_s: float, warm_s: float) -> float:
    """Slip: the boot alone."""
    return boot_s * (load - capacity)


@calculation
def all_until_ready(load: float, capacity: float, window_s: float, boot_s: float, warm_s: float) -> float:
    """Slip: all requests, also those that are served."""
    return (window_s + boot_s + warm_s) * load


@working
def servers_for_forecast(rate: float, error_percent: float, per_server: float) -> dict[str, float]:
    """Servers for a forecast, so that 95 % of normally distributed errors stay within them."""
    load = rate * (1 + DEVIATIONS * error_percent / 100)
    return {"load": load, "servers": ceil(load / per_server - 1e-9)}


@calculation
def servers_for_the_mean(rate: float, error_percent: float, per_server: float) -> float:
    """Slip: the forecast as it is."""
    return ceil(rate / per_server - 1e-9)


@calculation
def servers_for_one_deviation(rate: float, error_percent: float, per_server: float) -> float:
    """Slip: one standard deviation, which leaves a sixth of the hours short."""
    return ceil(rate * (1 + error_percent / 100) / per_server - 1e-9)
