"""What nines cost, and what a spare is worth: availability as arithmetic.

"Each of our five services has 99.9 %." So the whole has 99.5 %, three and a half hours a month, and nobody had decided
that. The other way round, two machines of 99 % in parallel make 99.99 %, if nothing can take both down at once.

Promised: exact results for components that fail independently, and for one shared cause (the beta factor). Not given
here: how long a single outage lasts, whether it comes at noon, and causes nobody has thought of.
"""

from __future__ import annotations

import math

YEAR_S, MONTH_S, DAY_S = 365.25 * 86_400, 30 * 86_400, 86_400


def _share(**given: float) -> None:
    """Raise ValueError with the first value that is not a share from 0 to 1."""
    for name, value in given.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be a share from 0 to 1 (99.9 % is 0.999), got {value}")


def downtime_s(availability: float, per_s: float = YEAR_S) -> float:
    """Seconds out of *per_s* seconds (a year of 365.25 days) in which a system of this *availability* is down.

    Raises ValueError unless 0 <= availability <= 1.
    """
    _share(availability=availability)
    return (1.0 - availability) * per_s


def nines(availability: float) -> float:
    """How many nines an *availability* has: 0.999 gives 3, 0.9995 gives 3.3. Raises ValueError outside 0 to 1."""
    _share(availability=availability)
    return math.inf if availability == 1 else -math.log10(1.0 - availability)


def from_repair(mtbf_s: float, mttr_s: float) -> float:
    """The share of time up, with *mtbf_s* seconds up between failures on average and *mttr_s* seconds of repair.

    Any laws of the two durations, in the long run. Raises ValueError unless mtbf_s > 0 and mttr_s >= 0. Source:
    renewal theory (Barlow and Proschan 1975, Statistical Theory of Reliability, section 7.2).
    """
    if not mtbf_s > 0 or not mttr_s >= 0:
        raise ValueError(f"need mtbf_s > 0 and mttr_s >= 0 seconds, got {mtbf_s} and {mttr_s}")
    return mtbf_s / (mtbf_s + mttr_s)


def series(*availabilities: float) -> float:
    """All are needed: the product. Raises ValueError for a value outside 0 to 1."""
    for value in availabilities:
        _share(availability=value)
    return math.prod(availabilities)


def parallel(*availabilities: float) -> float:
    """One is enough: one minus the product of the unavailabilities. Raises ValueError for a value outside 0 to 1."""
    return 1.0 - series(*(1.0 - value for value in availabilities))


def k_of_n(k: int, n: int, availability: float) -> float:
    """At least *k* of *n* equal, independent copies are up: the tail of a binomial law.

    Raises ValueError unless 1 <= k <= n. With k = 4, n = 6 it is Aurora's write quorum (Verbitski et al. 2017).
    """
    _share(availability=availability)
    if not 1 <= k <= n:
        raise ValueError(f"need 1 <= k <= n, got k={k}, n={n}")
    return math.fsum(math.comb(n, up) * availability**up * (1 - availability) ** (n - up) for up in range(k, n + 1))


def common_cause(availability: float, n: int, beta: float) -> float:
    """*n* copies, one is enough, but a share *beta* of each copy's downtime hits all of them at once.

    A shared rack, zone, certificate or deploy. With beta 0.1 the second copy of a 99 % machine gains one nine instead
    of two, and a third gains nothing. Raises ValueError unless n >= 1 and 0 <= beta <= 1. Source: the beta-factor
    model (Fleming 1975; NUREG/CR-4780).
    """
    _share(availability=availability, beta=beta)
    if n < 1:
        raise ValueError(f"need at least one copy, got n={n}")
    down = 1.0 - availability
    return (1.0 - beta * down) * (1.0 - ((1.0 - beta) * down / (1.0 - beta * down)) ** n) if down < 1 else 0.0
