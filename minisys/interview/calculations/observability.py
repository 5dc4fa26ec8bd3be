"""Numbers of chapter 11: error budgets, burn rates, histogram quantiles, series, alarms that are real.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from minisys.interview.calculations import calculation, working

MONTH_H = 720  # the 30 days of the SRE workbook's budgets


@working
def budget_minutes(slo: float, days: float) -> dict[str, float]:
    """Minutes of total outage that an objective allows."""
    share = 1 - slo / 100
    return {"share": share, "minutes": share * days * 24 * 60}


@calculation
def budget_minutes_a_year(slo: float, days: float) -> float:
    """Slip: of a year."""
    return (1 - slo / 100) * 365 * 24 * 60


@calculation
def budget_hours(slo: float, days: float) -> float:
    """Slip: in hours."""
    return (1 - slo / 100) * days * 24


@calculation
def bucket_series(buckets: float, endpoints: float, statuses: float, pods: float) -> float:
    """Time series of a labelled histogram's buckets."""
    return buckets * endpoints * statuses * pods


@calculation
def series_without_buckets(buckets: float, endpoints: float, statuses: float, pods: float) -> float:
    """Slip: a histogram as one series."""
    return endpoints * statuses * pods


@calculation
def series_of_one_pod(buckets: float, endpoints: float, statuses: float, pods: float) -> float:
    """Slip: one pod."""
    return buckets * endpoints * statuses


@working
def budget_gone_h(slo: float, error_percent: float) -> dict[str, float]:
    """Hours until a fresh 30-day budget is gone. Source: Site Reliability Workbook, chapter 5."""
    burn = error_percent / (100 - slo)
    return {"burn": burn, "gone": MONTH_H / burn}


@calculation
def budget_gone_by_errors_h(slo: float, error_percent: float) -> float:
    """Slip: divided by the errors."""
    return MONTH_H / error_percent


@working
def interpolated_p95_ms(low: float, high: float) -> dict[str, float]:
    """The 950th of 1,000 between 100 and 250 ms, as histogram_quantile interpolates."""
    into = (950 - low) / (high - low)
    return {"into": into, "p95": 100 + 150 * into}


@calculation
def bucket_end_ms(low: float, high: float) -> float:
    """Slip: the bucket's upper end."""
    return 250


@calculation
def bucket_middle_ms(low: float, high: float) -> float:
    """Slip: the bucket's middle."""
    return 175


@working
def page_at_percent(budget_percent: float, window_h: float, slo: float) -> dict[str, float]:
    """Error rate at which a burn-rate rule fires. Source: Site Reliability Workbook, chapter 5."""
    burn = budget_percent / 100 * MONTH_H / window_h
    return {"burn": burn, "threshold": burn * (100 - slo)}


@calculation
def page_at_for_a_week_percent(budget_percent: float, window_h: float, slo: float) -> float:
    """Slip: the budget of a week."""
    return budget_percent / 100 * 168 / window_h * (100 - slo)


@working
def alarms_real_percent(checks: float, real: float, hit_percent: float, false_percent: float) -> dict[str, float]:
    """Precision of an alert by Bayes' rule, counted."""
    found, noise = real * hit_percent / 100, (checks - real) * false_percent / 100
    return {"found": found, "noise": noise, "share": 100 * found / (found + noise)}


@calculation
def alarms_recall_percent(checks: float, real: float, hit_percent: float, false_percent: float) -> float:
    """Slip: recall."""
    return hit_percent


@calculation
def alarms_specificity_percent(checks: float, real: float, hit_percent: float, false_percent: float) -> float:
    """Slip: specificity."""
    return 100 - false_percent


@working
def budget_eaten_percent(incidents: float, hurt_percent: float, detect: float, repair: float) -> dict[str, float]:
    """Share of a 99.9 % objective's 30-day budget that partial outages use."""
    minutes = incidents * (detect + repair)
    full = minutes * hurt_percent / 100
    return {"minutes": minutes, "full": full, "used": 100 * full / 43.2}


@calculation
def budget_eaten_repair_percent(incidents: float, hurt_percent: float, detect: float, repair: float) -> float:
    """Slip: without the time until it is noticed."""
    return incidents * repair * hurt_percent / 43.2


@calculation
def budget_eaten_total_percent(incidents: float, hurt_percent: float, detect: float, repair: float) -> float:
    """Slip: as if all requests failed."""
    return 100 * incidents * (detect + repair) / 43.2
