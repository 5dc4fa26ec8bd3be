"""Numbers of chapter 14: machines with a zone's loss in mind, what breaks first, what a month and an order cost.

Each working returns its steps in order, the last one is the answer; wrong ways stand below the working they go with.
"""

from __future__ import annotations

from math import ceil

from minisys.interview.calculations import calculation, working


@working
def machines_for_zones(
    rate: float, work_ms: float, workers: float, zones: float, busy_percent: float
) -> dict[str, float]:
    """Machines, equally many in each zone, so that with one zone lost the others are busy to at most so much."""
    busy = rate * work_ms / 1000
    needed = busy / workers / (busy_percent / 100)
    each = ceil(needed / (zones - 1) - 1e-9)
    return {"busy": busy, "needed": needed, "each": each, "machines": each * zones}


@calculation
def machines_without_loss(rate: float, work_ms: float, workers: float, zones: float, busy_percent: float) -> float:
    """Slip: as long as no zone is lost."""
    return ceil(rate * work_ms / 1000 / workers / (busy_percent / 100) - 1e-9)


@calculation
def machines_plus_one(rate: float, work_ms: float, workers: float, zones: float, busy_percent: float) -> float:
    """Slip: one spare machine for a whole zone."""
    return machines_without_loss(rate, work_ms, workers, zones, busy_percent) + 1


@working
def first_break_times(app_percent: float, database_percent: float, limit_percent: float) -> dict[str, float]:
    """By how much the traffic may grow until the busiest part reaches the limit."""
    busiest = max(app_percent, database_percent)
    return {"busiest": busiest, "times": limit_percent / busiest}


@calculation
def last_break_times(app_percent: float, database_percent: float, limit_percent: float) -> float:
    """Slip: until the other part does."""
    return limit_percent / min(app_percent, database_percent)


@calculation
def full_break_times(app_percent: float, database_percent: float, limit_percent: float) -> float:
    """Slip: until 100 %."""
    return 100 / max(app_percent, database_percent)


@working
def dollars_for_thousand(month: float, orders_per_s: float) -> dict[str, float]:
    """What a thousand orders cost, from a month's bill (30 days)."""
    thousands = orders_per_s * 86_400 * 30 / 1000
    return {"thousands": thousands, "each": month / thousands}


@calculation
def dollars_for_one(month: float, orders_per_s: float) -> float:
    """Slip: for one order."""
    return month / (orders_per_s * 86_400 * 30)


@calculation
def dollars_for_thousand_of_a_day(month: float, orders_per_s: float) -> float:
    """Slip: a month's bill by a day's orders."""
    return month / (orders_per_s * 86_400 / 1000)


@working
def through_both(rate: float, edge_percent: float, cache_percent: float) -> dict[str, float]:
    """Reads a second that pass an edge and then a cache."""
    origin = rate * (1 - edge_percent / 100)
    return {"origin": origin, "database": origin * (1 - cache_percent / 100)}


@calculation
def through_the_better(rate: float, edge_percent: float, cache_percent: float) -> float:
    """Slip: only the better of the two counts."""
    return rate * (1 - max(edge_percent, cache_percent) / 100)


@working
def page_without_optional_percent(parts: float, optional: float, each_percent: float) -> dict[str, float]:
    """A page that needs only what is not optional."""
    needed = parts - optional
    return {"needed": needed, "page": 100 * (each_percent / 100) ** needed}


@calculation
def page_with_all_percent(parts: float, optional: float, each_percent: float) -> float:
    """Slip: as if it needed all."""
    return 100 * (each_percent / 100) ** parts
