"""Failover as a habit: how sure can we be of a standby that nobody has used since spring?

On the day the primary died the standby took over in eleven seconds and refused every write: somebody had changed a
permission in March. Failover had been tested, in February. Between two tests it is believed, not known.

Assumption, stated once: things that break failover unseen (a changed password, a full disk, a new table that is not
copied) come as a Poisson process, *breaks_per_year*, and a test finds what is there, and it is mended the same day.

Promised: `works` is exact under that assumption, `drill` simulates the years it speaks of. Not promised: your rate; it
is the number of broken failovers your tests found, divided by the years they looked back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minisys.testbed.workload import stream

DAYS = 365.0


def works(breaks_per_year: float, every_days: float) -> float:
    """Chance that failover works at a random moment if it is tested every *every_days* days (inf: never again is 0).

    The mean of exp(-rate t) over the interval. Raises ValueError for a negative rate or an interval of 0 or less.
    """
    if not breaks_per_year >= 0 or not every_days > 0:
        raise ValueError(f"need breaks_per_year >= 0 and every_days > 0, got {breaks_per_year} and {every_days}")
    expected = breaks_per_year * every_days / DAYS
    return 1.0 if expected == 0 else float(-math.expm1(-expected) / expected)


def works_after(breaks_per_year: float, days: float) -> float:
    """Chance that failover still works *days* after its last test. Raises ValueError for a negative argument."""
    if not breaks_per_year >= 0 or not days >= 0:
        raise ValueError(f"need breaks_per_year >= 0 and days >= 0, got {breaks_per_year} and {days}")
    return math.exp(-breaks_per_year * days / DAYS)


@dataclass(frozen=True)
class Year:
    """What failing over costs, in minutes: *outages_per_year* of the primary; each takes *good_min* if failover works,
    *bad_min* if people must find out why not; a test takes *test_min* of the users' time. Raises ValueError below 0."""

    outages_per_year: float = 2.0
    good_min: float = 0.5
    bad_min: float = 90.0
    test_min: float = 0.5

    def __post_init__(self) -> None:
        if min(self.outages_per_year, self.good_min, self.bad_min, self.test_min) < 0:
            raise ValueError(f"minutes and outages must be 0 or more, got {self}")

    def down_min(self, breaks_per_year: float, every_days: float) -> float:
        """Minutes down in a year, outages and tests together."""
        sure = works(breaks_per_year, every_days)
        outages = self.outages_per_year * (sure * self.good_min + (1 - sure) * self.bad_min)
        return outages + DAYS / every_days * self.test_min

    def best_days(self, breaks_per_year: float) -> float:
        """The test interval with the least time down, in days, of those from a day to ten years; ten years: never."""
        days = np.geomspace(1, 3650, 600)
        return float(days[int(np.argmin([self.down_min(breaks_per_year, one) for one in days]))])


def drill(
    breaks_per_year: float, every_days: float, outages_per_year: float, years: float, seed: int = 0
) -> tuple[int, int]:
    """Outages in so many simulated *years*, and how many of them met a failover that worked.

    What breaks failover and what fails the primary are drawn apart from each other. An outage mends nothing by itself.
    Raises ValueError as `works` does, or unless years > 0.
    """
    works(breaks_per_year, every_days)
    if not years > 0 or not outages_per_year >= 0:
        raise ValueError(f"need years > 0 and outages_per_year >= 0, got {years} and {outages_per_year}")
    rng, span = stream(seed, "drill"), years * DAYS
    broken = np.sort(rng.uniform(0, span, rng.poisson(breaks_per_year * years)))
    outages = rng.uniform(0, span, rng.poisson(outages_per_year * years))
    tested = np.floor(outages / every_days) * every_days  # the last test before each outage
    before, after = np.searchsorted(broken, outages), np.searchsorted(broken, tested)
    return len(outages), int((before == after).sum())
