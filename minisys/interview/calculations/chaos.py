"""Numbers of chapter 12: kills, experiments within an error budget, slow links, what a row of successes proves.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from math import ceil, log2

from minisys.interview.calculations import calculation, working


@calculation
def kills_expected(servers: float, percent: float, weeks: float) -> float:
    """Expected kills on the working days of some weeks."""
    return servers * percent / 100 * 5 * weeks


@calculation
def kills_all_days(servers: float, percent: float, weeks: float) -> float:
    """Slip: seven days a week."""
    return servers * percent / 100 * 7 * weeks


@calculation
def kills_a_day(servers: float, percent: float, weeks: float) -> float:
    """Slip: of one day."""
    return servers * percent / 100


@working
def some_kill_percent(servers: float, percent: float) -> dict[str, float]:
    """Chance of at least one kill in five days."""
    quiet = (1 - percent / 100) ** (servers * 5)
    return {"quiet": quiet, "some": 100 * (1 - quiet)}


@calculation
def kills_added_percent(servers: float, percent: float) -> float:
    """Slip: probabilities added."""
    return servers * 5 * percent


@calculation
def some_kill_one_day_percent(servers: float, percent: float) -> float:
    """Slip: of one day."""
    return 100 * (1 - (1 - percent / 100) ** servers)


@working
def may_run_minutes(share_percent: float, reach_percent: float, fail_percent: float) -> dict[str, float]:
    """Minutes an experiment may take from a 99.9 % objective's 30-day budget."""
    budget = 30 * 24 * 60 * 0.001
    allowed = budget * share_percent / 100
    return {"budget": budget, "allowed": allowed, "run": allowed / (reach_percent / 100 * fail_percent / 100)}


@calculation
def may_run_all_fail_minutes(share_percent: float, reach_percent: float, fail_percent: float) -> float:
    """Slip: all that is reached fails."""
    return 43.2 * share_percent / reach_percent


@working
def through_proxy_ms(delay_ms: float, kilobytes_per_s: float, kilobytes: float) -> dict[str, float]:
    """When the last byte of an answer is through a slow link."""
    there = 2 * delay_ms
    return {"there": there, "all": there + 1000 * kilobytes / kilobytes_per_s}


@calculation
def through_proxy_one_way_ms(delay_ms: float, kilobytes_per_s: float, kilobytes: float) -> float:
    """Slip: one delay."""
    return delay_ms + 1000 * kilobytes / kilobytes_per_s


@calculation
def failure_bound_percent(drills: float) -> float:
    """The 95 % upper bound of a rate after no failure in so many trials: (1 - rate) ^ trials = 0.05."""
    return 100 * (1 - 0.05 ** (1 / drills))


@calculation
def one_in_drills_percent(drills: float) -> float:
    """Slip: one in so many."""
    return 100 / drills


@calculation
def confidence_left_percent(drills: float) -> float:
    """Slip: what is missing to 100 % confidence."""
    return 5


@calculation
def halving_minutes(faults: float, minutes: float) -> float:
    """Runs until one of so many is left by halving, in minutes."""
    return ceil(log2(faults)) * minutes


@calculation
def one_by_one_minutes(faults: float, minutes: float) -> float:
    """Slip: one by one at the latest."""
    return (faults - 1) * minutes


@calculation
def half_of_them_minutes(faults: float, minutes: float) -> float:
    """Slip: one by one on average."""
    return faults / 2 * minutes
