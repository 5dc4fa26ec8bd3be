"""Numbers of chapter 01: nines, spares, Little's law."""

from __future__ import annotations

from minisys.availability import theory
from minisys.interview.calculations import calculation


@calculation
def downtime_minutes(availability_percent: float, days: float) -> float:
    """Allowed downtime in *days* days."""
    return theory.downtime_s(availability_percent / 100, days * theory.DAY_S) / 60


@calculation
def downtime_as_hours(availability_percent: float, days: float) -> float:
    """Slip: hours taken for minutes."""
    return downtime_minutes(availability_percent, days) / 60


@calculation
def downtime_percent_as_share(availability_percent: float, days: float) -> float:
    """Slip: the percentage taken for a share."""
    return 100 * downtime_minutes(availability_percent, days)


@calculation
def series_percent(availability_percent: float, services: float) -> float:
    """So many services, all needed."""
    return 100 * theory.series(*[availability_percent / 100] * int(services))


@calculation
def weakest_percent(availability_percent: float, services: float) -> float:
    """Slip: as good as its weakest link."""
    return availability_percent


@calculation
def parallel_percent(availability_percent: float, services: float) -> float:
    """So many copies, one is enough."""
    return 100 * theory.parallel(*[availability_percent / 100] * int(services))


@calculation
def needed_downtime_minutes(availability_percent: float, copies: float) -> float:
    """Minutes a year in which all of *copies* independent copies are down at once."""
    return theory.downtime_s(theory.k_of_n(1, int(copies), availability_percent / 100)) / 60


@calculation
def divided_downtime_minutes(availability_percent: float, copies: float) -> float:
    """Slip: the downtime of one divided by the number of copies."""
    return theory.downtime_s(availability_percent / 100) / 60 / copies


@calculation
def shared_cause_downtime_minutes(availability_percent: float, beta_percent: float) -> float:
    """Minutes a year in which both of two copies are down, with a common cause."""
    return theory.downtime_s(theory.common_cause(availability_percent / 100, 2, beta_percent / 100)) / 60


@calculation
def independent_downtime_minutes(availability_percent: float, beta_percent: float) -> float:
    """Slip: the common cause forgotten."""
    return needed_downtime_minutes(availability_percent, 2)


@calculation
def steady_percent(mtbf_h: float, mttr_min: float) -> float:
    """Availability from times between failures and times to repair."""
    return 100 * theory.from_repair(mtbf_h * 3600, mttr_min * 60)


@calculation
def steady_mixed_units_percent(mtbf_h: float, mttr_min: float) -> float:
    """Slip: hours and minutes in one fraction."""
    return 100 * mtbf_h / (mtbf_h + mttr_min)


@calculation
def needed_repair_min(mtbf_h: float, goal_percent: float) -> float:
    """The longest mean repair, in minutes, that keeps the goal."""
    goal = goal_percent / 100
    return 60 * mtbf_h * (1 - goal) / goal


@calculation
def needed_repair_in_hours(mtbf_h: float, goal_percent: float) -> float:
    """Slip: hours taken for minutes."""
    return needed_repair_min(mtbf_h, goal_percent) / 60


@calculation
def latency_from_inside_ms(inside: float, rate: float) -> float:
    """Little's law turned round: mean latency in ms from requests inside and requests a second."""
    return 1000 * inside / rate


@calculation
def latency_upside_down_ms(inside: float, rate: float) -> float:
    """Slip: the fraction turned round."""
    return 1000 * rate / inside


@calculation
def unseen_requests(rate: float, stall_s: float, users: float) -> float:
    """Requests of independent users that meet a stall and that *users* patient testers never send."""
    return rate * stall_s - users


@calculation
def slow_tests(rate: float, stall_s: float, users: float) -> float:
    """Slip: those that the test does see."""
    return users
