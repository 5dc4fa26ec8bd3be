"""Lab 02, task 6: a capacity plan that is carried out: unseen traffic, one server lost, and the bill.

A plan for the average is late on the day that matters, and one with three times the machines never is. So the
learner's plan gets loads and objectives that it has not seen. Its servers are simulated, all of them and with one gone,
under several seeds of traffic; then its price is set beside that of the cheapest plan that holds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from minisys.grading.checks import Check, Wrong
from minisys.load_balancing import fast
from minisys.scaling import draw, model
from minisys.testbed.queueing import mmc_percentile
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Exponential, Poisson, stream, workload


@dataclass(frozen=True)
class Offer:
    """A kind of server to rent: its *name*, *service_s* mean seconds of work on it, *price_per_h* an hour."""

    name: str
    service_s: float
    price_per_h: float


OFFERS = (Offer("small", 0.040, 1.0), Offer("medium", 0.020, 2.1), Offer("large", 0.010, 4.5))  # invented prices
Plan = Callable[[float, float, Sequence[Offer]], tuple[str, int]]
CASES, SEEDS, REQUESTS = 8, range(3), 80_000
LUCK = 1.05  # a simulated p99 may lie so far above the objective before it counts as broken
BILL_PER_S = 200.0  # the load of the chart
DEARER = 1.15  # a plan may cost so many times the cheapest that holds


def p99_s(offer: Offer, servers: int, load_per_s: float) -> float:
    """The 99th percentile of the response by formula (M/M/c), infinite if the queue grows for ever."""
    if servers < 1 or load_per_s * offer.service_s >= servers:
        return math.inf
    return mmc_percentile(load_per_s, offer.service_s, servers, 99)


def fewest(offer: Offer, load_per_s: float, slo_s: float, spare: int = 1) -> int | None:
    """The fewest servers of *offer* that keep the objective with *spare* lost; None if even idle ones are too slow."""
    if offer.service_s * math.log(100) >= slo_s:
        return None
    servers = math.floor(load_per_s * offer.service_s) + 1
    while p99_s(offer, servers, load_per_s) > slo_s:
        servers += 1
    return servers + spare


def cheapest(load_per_s: float, slo_s: float, offers: Sequence[Offer]) -> tuple[Offer, int]:
    """The cheapest plan that holds. Raises ValueError if none does."""
    plans = [(offer, fewest(offer, load_per_s, slo_s)) for offer in offers]
    made = [(offer, servers) for offer, servers in plans if servers]
    return min(made, key=lambda plan: plan[0].price_per_h * plan[1])


@lru_cache
def cases() -> tuple[tuple[float, float], ...]:
    """Loads (requests a second) and objectives (seconds) that nobody has seen, and that a hair does not decide."""
    rng, made = stream(62, "cases"), list[tuple[float, float]]()
    while len(made) < CASES:
        load_per_s, slo_s = round(10 ** rng.uniform(1.0, 2.8)), round(float(rng.uniform(0.06, 0.4)), 3)
        offer, servers = cheapest(load_per_s, slo_s, OFFERS)
        if p99_s(offer, servers - 1, load_per_s) < 0.95 * slo_s and p99_s(offer, servers - 2, load_per_s) > 1.2 * slo_s:
            made.append((float(load_per_s), slo_s))
    return tuple(made)


def asked(plan: Plan, load_per_s: float, slo_s: float, offers: Sequence[Offer]) -> tuple[Offer, int]:
    """The learner's plan; raises Wrong unless it names an offer and a whole number of servers."""
    answer, given = plan(load_per_s, slo_s, offers), f"{load_per_s:g} requests a second, p99 within {slo_s:g} s"
    known = {offer.name: offer for offer in offers}
    try:
        name, servers = answer
        offer, count = known[getattr(name, "name", name)], operator.index(servers)
    except (TypeError, ValueError, KeyError):
        expected = f"(name, servers) such as ({offers[0].name!r}, 3), servers a whole number"
        raise Wrong(repr(answer), given=given, expected=expected) from None
    if count < 1:
        raise Wrong(repr(answer), given=given, expected="at least one server")
    return offer, count


@lru_cache(maxsize=16)
def simulated(offer: Offer, servers: int, load_per_s: float, seed: int) -> Trace:
    """REQUESTS requests through so many servers behind one queue, without the first fifth."""
    offered = workload(REQUESTS, arrivals=Poisson(load_per_s), work=Exponential(offer.service_s), seed=1_000 + seed)
    return model.settled(fast.simulate("random", offered, backends=1, workers=servers))


def p99_simulated(offer: Offer, servers: int, load_per_s: float) -> float:
    """The median over the seeds of the simulated p99, in seconds; infinite without a server."""
    if servers < 1:
        return math.inf
    return float(np.median([simulated(offer, servers, load_per_s, seed).percentile(99) for seed in SEEDS]))


def _in_words(offer: Offer, servers: int) -> str:
    return f"{servers} x {offer.name} for {servers * offer.price_per_h:.4g} an hour"


def is_a_plan(plan: Plan) -> str:
    """An offer and a number for each case, and ValueError where no offer can keep the objective."""
    for load_per_s, slo_s in cases():
        asked(plan, load_per_s, slo_s, OFFERS)
    given = "100 requests a second, p99 within 0.03 s: idle, the fastest offer takes 0.046 s"
    try:
        answer = plan(100.0, 0.03, OFFERS)
    except ValueError:
        return f"{CASES} plans, and a ValueError for an objective that no number of servers keeps"
    look = "more servers shorten the wait, not the work: p99 of exponential work is 4.6 times its mean"
    raise Wrong(repr(answer), given=given, expected="ValueError", look=look)


def holds(plan: Plan) -> str:
    """Simulated, with all servers: p99 keeps the objective in every case."""
    for load_per_s, slo_s in cases():
        offer, servers = asked(plan, load_per_s, slo_s, OFFERS)
        found = p99_simulated(offer, servers, load_per_s)
        if found > LUCK * slo_s:
            given = f"{load_per_s:g} requests a second, p99 within {slo_s:g} s: {_in_words(offer, servers)}"
            look = _too_slow(offer, servers, load_per_s, slo_s)
            raise Wrong(f"p99 {found:.3g} s", given=given, expected=f"at most {slo_s:g} s", look=look)
    return f"{CASES} loads and objectives, {REQUESTS:,} requests under {len(SEEDS)} seeds each"


def _too_slow(offer: Offer, servers: int, load_per_s: float, slo_s: float) -> str:
    """Why so many servers of *offer* break the objective."""
    busy, work_s = load_per_s * offer.service_s / servers, offer.service_s * math.log(100)
    if work_s >= slo_s:
        return f"{offer.name} takes {work_s:.3g} s for p99 of the work alone, however many there are"
    if busy >= 1:
        return f"they would have to be {busy:.0%} busy: the queue grows as long as the traffic lasts"
    look = f"they are {busy:.0%} busy; which wait does that give the slowest 1 %?"
    if simulated(offer, servers, load_per_s, 0).latency_s.mean() <= slo_s:
        return f"the mean keeps the objective, the 99th percentile does not; {look}"
    return look


def holds_with_one_lost(plan: Plan) -> str:
    """Simulated, with one server less: p99 keeps the objective still."""
    for load_per_s, slo_s in cases():
        offer, servers = asked(plan, load_per_s, slo_s, OFFERS)
        found = p99_simulated(offer, servers - 1, load_per_s)
        if found > LUCK * slo_s:
            given = f"{load_per_s:g} requests a second, p99 within {slo_s:g} s: {_in_words(offer, servers)}, one dies"
            look = f"{servers - 1} are left; N + 1 means that N keep the objective"
            came_out = f"p99 {found:.3g} s" if math.isfinite(found) else "nobody is left"
            raise Wrong(came_out, given=given, expected=f"at most {slo_s:g} s", look=look)
    return f"{CASES} loads and objectives, one server lost in each"


def is_not_too_dear(plan: Plan) -> str:
    """The price is at most DEARER times that of the cheapest plan that holds with one server lost."""
    worst = 1.0
    for load_per_s, slo_s in cases():
        (offer, servers), (best, enough) = asked(plan, load_per_s, slo_s, OFFERS), cheapest(load_per_s, slo_s, OFFERS)
        times = offer.price_per_h * servers / (best.price_per_h * enough)
        worst = max(worst, times)
        if times > DEARER:
            look = "compare whole plans, for every offer: its price times the servers that it needs, the spare one too"
            needed = fewest(offer, load_per_s, slo_s)
            if needed and needed < servers:
                look = f"{needed} x {offer.name} would have been enough, the spare one counted"
                busy = load_per_s * offer.service_s / servers
                look += f"; yours are {busy:.0%} busy, and a large pool may be busier than a small one"
            given = f"{load_per_s:g} requests a second, p99 within {slo_s:g} s"
            expected = f"at most {DEARER - 1:.0%} above {_in_words(best, enough)}"
            raise Wrong(_in_words(offer, servers), given=given, expected=expected, look=look)
    dear = f"at most {worst - 1:.0%} above" if worst > 1.005 else "none dearer than"
    return f"{CASES} plans, {dear} the cheapest that holds"


def your_bill(plan: Plan) -> alt.LayerChart:
    """What BILL_PER_S requests a second cost, by objective: each offer and, once it is written, the learner's plan."""
    rows = list[tuple[float, float, str]]()
    for slo_s in np.linspace(0.05, 0.4, 141).round(4).tolist():
        for offer in OFFERS:
            if servers := fewest(offer, BILL_PER_S, slo_s):
                rows.append((slo_s, offer.price_per_h * servers, offer.name))
        with suppress(NotImplementedError):
            offer, servers = asked(plan, BILL_PER_S, slo_s, OFFERS)
            rows.append((slo_s, offer.price_per_h * servers, "your plan"))
    said: Any = {"x_title": "objective for the 99th percentile (s)", "y_title": "price of an hour"}
    rows.sort(key=lambda row: [*(offer.name for offer in OFFERS), "your plan"].index(row[2]))
    frame = pd.DataFrame(rows, columns=["slo_s", "price", "kind"])
    title = f"What N + 1 costs for {BILL_PER_S:g} requests a second"
    return draw.layers(lines=frame, x="slo_s", y="price", title=title, zero=True, **said)


PLAN = (
    Check("it names an offer and a number, and says when there is none", is_a_plan),
    Check("simulated, unseen traffic keeps the objective", holds, 60.0, True),
    Check("simulated, it keeps it with one server lost", holds_with_one_lost, 60.0, True),
    Check("it costs little more than the cheapest that holds", is_not_too_dear, 20.0, True),
)
