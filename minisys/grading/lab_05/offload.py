"""Lab 05, task 3: what reaches the origin, as a function of traffic, time to live and regions.

One formula, two worlds. The learner's function is compared with the package's closed form on several shops, then with
the network in virtual time, which knows nothing of formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from minisys.caching import edge_model
from minisys.caching.content import offload, popularity
from minisys.caching.edge_model import Plan
from minisys.grading.checks import Check, Wrong
from minisys.testbed.workload import Exponential, Poisson, Zipf, workload

Origin = Callable[[Sequence[float], float, int, bool], float]
ONE = ([2.0], 10.0, 4)  # one page, asked for twice a second, kept ten seconds, four regions
SHOPS = (([2.0], 10.0, 1), ONE, ([5.0, 1.0, 0.1], 60.0, 6), ([0.01] * 20, 600.0, 12), ([3.0, 3.0], 0.0, 5))
RATE_PER_S, PAGES, TTL_S, REGIONS = 60.0, 100, 10.0, ("Frankfurt", "New York", "Tokyo")


def a_number(origin_per_s: Origin) -> str:
    """One page, one region: a number between nothing and everything."""
    came_out = _asked(origin_per_s, [2.0], 10.0, 1, False)
    if not 0 <= came_out <= 2:
        look = "requests a second, not a share and not a number of hits"
        raise Wrong(f"{came_out:g}", given=_given([2.0], 10.0, 1, False), expected="from 0 to 2 a second", look=look)
    return f"{came_out:.3g} a second of 2"


def _asked(origin_per_s: Origin, rates: Sequence[float], ttl_s: float, regions: int, shield: bool) -> float:
    answer = origin_per_s(list(rates), ttl_s, regions, shield)
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.floating) or not math.isfinite(answer):
        raise Wrong(repr(answer), given=_given(rates, ttl_s, regions, shield), expected="a number, requests a second")
    return float(answer)


def _right(rates: Sequence[float], ttl_s: float, regions: int, shield: bool) -> float:
    """The package's own formula, page by page."""
    return sum(offload(rate, ttl_s, regions=regions, objects=1, shield=shield).origin_per_s for rate in rates)


def _given(rates: Sequence[float], ttl_s: float, regions: int, shield: bool) -> str:
    pages = f"{len(rates)} pages at {rates[0]:g} a second" if len(set(rates)) == 1 else f"pages at {rates} a second"
    return f"{pages}, ttl {ttl_s:g} s, {regions} regions, {'a' if shield else 'no'} shield"


def one_edge(origin_per_s: Origin) -> str:
    """One page at one edge: a miss, then rate times ttl hits."""
    came_out, expected = _asked(origin_per_s, [2.0], 10.0, 1, False), _right([2.0], 10.0, 1, False)
    if not math.isclose(came_out, expected, rel_tol=0.01):
        look = "a cycle is one miss and the hits that follow it, 2 x 10 of them on average"
        if math.isclose(came_out, 1 / 10, rel_tol=0.01):
            look = "once every ttl would be right if the next reader came at once; he comes 1/rate seconds later"
        if math.isclose(came_out, 2 * 20 / 21, rel_tol=0.01):
            look = "that is what the edge answers itself; the rest reaches the origin"
        given = _given([2.0], 10.0, 1, False)
        raise Wrong(f"{came_out:.4g} a second", given=given, expected=f"{expected:.4g}", look=look)
    return f"{came_out:.4g} a second"


def without_shield(origin_per_s: Origin) -> str:
    """Several shops: each region misses for itself."""
    for rates, ttl_s, regions in SHOPS:
        came_out, expected = _asked(origin_per_s, rates, ttl_s, regions, False), _right(rates, ttl_s, regions, False)
        if not math.isclose(came_out, expected, rel_tol=0.01, abs_tol=1e-9):
            look = "each edge sees rate / regions of every page, and there are as many edges as regions"
            if math.isclose(came_out, _right(rates, ttl_s, 1, False), rel_tol=0.01):
                look = f"that is one edge for everybody; {look}"
            elif math.isclose(came_out, regions * _right(rates, ttl_s, 1, False), rel_tol=0.01):
                look = f"that gives each edge all the traffic; {look}"
            elif len(rates) > 1 and math.isclose(came_out, _right([sum(rates)], ttl_s, regions, False), rel_tol=0.01):
                look = "each page has a copy of its own: add up what reaches the origin page by page"
            given = _given(rates, ttl_s, regions, False)
            raise Wrong(f"{came_out:.4g} a second", given=given, expected=f"{expected:.4g}", look=look)
    return f"{len(SHOPS)} shops"


def with_shield(origin_per_s: Origin) -> str:
    """Several shops behind a shield: the first miss anywhere fetches for all."""
    for rates, ttl_s, regions in SHOPS:
        came_out, expected = _asked(origin_per_s, rates, ttl_s, regions, True), _right(rates, ttl_s, regions, True)
        if not math.isclose(came_out, expected, rel_tol=0.01, abs_tol=1e-9):
            look = "all regions together are one reader of the shield, and only its misses reach the origin"
            if math.isclose(came_out, _right(rates, ttl_s, regions, False), rel_tol=0.01):
                look = f"that is the number without a shield; {look}"
            given = _given(rates, ttl_s, regions, True)
            raise Wrong(f"{came_out:.4g} a second", given=given, expected=f"{expected:.4g}", look=look)
    return f"{len(SHOPS)} shops"


@lru_cache(maxsize=4)
def _simulated(shield: bool) -> float:
    """Requests a second at the origin of the network in virtual time, after the caches have filled: three seeds."""
    found = []
    for seed in range(3):
        sent = workload(9_000, arrivals=Poisson(RATE_PER_S), work=Exponential(0.01), keys=Zipf(PAGES, 0.8), seed=seed)
        plan = Plan(REGIONS, shield="Frankfurt" if shield else None, ttl_s=TTL_S, work_s=0.0, check_s=0.0, workers=1000)
        asked_s = np.array(edge_model.simulate(plan, sent).frame.attrs["origin_s"])
        last_s = float(sent.arrival_s[-1])
        found.append(float((asked_s > 20.0).sum() / (last_s - 20.0)))
    return float(np.mean(found))


def as_simulated(origin_per_s: Origin) -> str:
    """The same network in virtual time: within four in a hundred."""
    rates = (RATE_PER_S * popularity(PAGES, 0.8)).tolist()
    said = []
    for shield in (False, True):
        came_out, expected = _asked(origin_per_s, rates, TTL_S, len(REGIONS), shield), _simulated(shield)
        if not math.isclose(came_out, expected, rel_tol=0.04):
            given = f"{PAGES} pages by Zipf's law, {RATE_PER_S:g} a second, {'a' if shield else 'no'} shield"
            raise Wrong(f"{came_out:.3g} a second", given=given, expected=f"{expected:.3g}, as simulated")
        said.append(f"{came_out:.3g} by your formula, {expected:.3g} simulated")
    return "; with a shield ".join(said)


OFFLOAD = (
    Check("a number of requests a second", a_number),
    Check("one page, one edge", one_edge),
    Check("several regions without a shield", without_shield),
    Check("several regions behind a shield", with_shield),
    Check("the network in virtual time agrees", as_simulated, 60.0, after_others=True),
)
