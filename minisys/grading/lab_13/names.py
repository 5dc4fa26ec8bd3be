"""Lab 13, task 5: health checks and a time to live, by the formulas and then in the model, with seeds of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.regions import theory
from minisys.regions.levels import Copies, Level, Timing
from minisys.regions.model import Plan, simulate

Settings = Callable[[], Any]
KEYS = ("check_every_s", "fall", "ttl_s")
RTO_S, PROMOTE_S, SHORTEST_S = 60.0, 15.0, 5.0
LOST_CHECKS, ALARMS_A_YEAR = 0.01, 1.0
RESOLVERS, QUERIES_PER_S = 40_000, 2_000.0
LEVEL = Level("standby of full size", Copies(0.0, 1.0), database=True, app=1.0, automatic=True)
SEEDS = (131, 132, 133)


def asked(settings: Settings) -> tuple[float, int, float]:
    """The learner's three numbers. Raises Wrong if they are none."""
    came = settings()
    if not isinstance(came, Mapping) or set(came) != set(KEYS):
        raise Wrong(repr(came), expected=f"a dict with the keys {', '.join(KEYS)}")
    for key in KEYS:
        if isinstance(came[key], bool) or not isinstance(came[key], int | float) or not came[key] > 0:
            raise Wrong(f"{key}: {came[key]!r}", expected="a number above 0")
    if came["fall"] != int(came["fall"]):
        raise Wrong(f"fall: {came['fall']!r}", expected="a whole number of checks")
    return float(came["check_every_s"]), int(came["fall"]), float(came["ttl_s"])


def timing(settings: Settings) -> Timing:
    """The learner's settings as the room has them."""
    every_s, fall, ttl_s = asked(settings)
    return Timing(check_every_s=every_s, fall=fall, promote_s=PROMOTE_S, ttl_s=ttl_s)


def fast(settings: Settings) -> str:
    """On paper the last obedient user is back in time."""
    own = timing(settings)
    total = theory.rto_s(LEVEL, timing=own)
    if total > RTO_S:
        parts = f"{own.check_every_s:g} x {own.fall} + {PROMOTE_S:g} + {own.ttl_s:g}"
        look = "notice, promote, name: which of the three is the largest, and what would it cost to make it smaller?"
        raise Wrong(f"{parts} = {total:g} s", expected=f"{RTO_S:g} s or less", look=look)
    return f"{total:g} s"


def calm(settings: Settings) -> str:
    """Lost checks alone do not move a region."""
    every_s, fall, _ = asked(settings)
    alarms = theory.YEAR_S / every_s * LOST_CHECKS**fall
    if alarms >= ALARMS_A_YEAR:
        look = f"{theory.YEAR_S / every_s:,.0f} checks a year × 0.01^{fall}: {fall} lost in a row"
        raise Wrong(f"{alarms:.3g} false alarms a year", expected="fewer than one", look=look)
    return f"{alarms:.2g} false alarms a year"


def cheap(settings: Settings) -> str:
    """The name servers are asked no more than they can answer."""
    _, _, ttl_s = asked(settings)
    rate = RESOLVERS / ttl_s
    if rate > QUERIES_PER_S:
        look = f"{RESOLVERS:,} resolvers ask once in each TTL"
        raise Wrong(f"{rate:,.0f} queries a second", expected=f"{QUERIES_PER_S:,.0f} or fewer", look=look)
    return f"{rate:,.0f} queries a second"


def seldom(settings: Settings) -> str:
    """The provider can check as often as that."""
    every_s, _, _ = asked(settings)
    if every_s < SHORTEST_S:
        look = "your provider does not check more often"
        raise Wrong(f"a check every {every_s:g} s", expected=f"{SHORTEST_S:g} s or more", look=look)
    return f"a check every {every_s:g} s"


def played(settings: Settings) -> str:
    """In the model, at three moments of the checks and of the caches, the last user is back in time."""
    own = timing(settings)
    worst = 0.0
    for seed in SEEDS:
        found = simulate(Plan(level=LEVEL, timing=own), rate_per_s=10.0, after_s=120.0, seed=seed)
        worst = max(worst, found.rto_all_s)
        if found.rto_all_s > RTO_S:
            raise Wrong(f"the last request went wrong after {found.rto_all_s:.1f} s", given=f"seed {seed}",
                        expected=f"{RTO_S:g} s or less")  # fmt: skip
    return f"{len(SEEDS)} runs, the last request went wrong after {worst:.1f} s"


NAMES = (
    Check("the last obedient user is served within 60 s", fast),
    Check("fewer than one false alarm a year", calm),
    Check("at most 2,000 queries a second to the name servers", cheap),
    Check("checks are at least 5 s apart", seldom),
    Check("so it goes in the model, too", played, limit_s=20.0, after_others=True),
)
