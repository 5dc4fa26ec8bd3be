"""Which backend gets this request? Ten answers, each a few lines, side by side.

Ten shops share one car park and the barrier must say "go to number four". It may know how many cars wait at each,
how fast each was lately, or nothing at all. Everything else in this room is about how good its guess is.

Promised: a decision is a plain function ``choose(pool, key, luck, now) -> index`` without clock, I/O or randomness of
its own: what it may see is in the pool, its one random number is *luck*. SimPy, the live proxy and the Numba kernel
run these very lines. Not done here: who is eligible (health.py), sending and retrying (model.py, live.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache, partial
from inspect import signature
from typing import Any, NamedTuple

from minisys.load_balancing.plan import backend_names
from minisys.sharding.policies import Table, maglev, ring

DECAY_S = 10.0  # seconds after which a latency has lost 63 % of its say in "peak ewma" (Finagle's default)
Choose = Callable[["Pool", int, float, float], int]


class Pool(NamedTuple):
    """What a policy may see. Entry i of each column is backend i; lists in SimPy and the proxy, arrays in Numba.

    A decision may change *credit* and *cursor*; the caller keeps the rest, and never asks when *eligible* is empty.
    """

    eligible: list[int]  # indices that may get a request now: up, not draining, weight above 0
    weight: list[float]  # share of the traffic, relative to the others
    in_flight: list[int]  # requests sent and not yet answered
    latency_s: list[float]  # peak-EWMA of the latency, seconds; 0 while unknown
    stamp_s: list[float]  # when that was last updated, seconds
    credit: list[float]  # smooth weighted round robin's current weights
    cursor: list[int]  # one entry: round robin's next position
    table: list[int]  # lookup table of the hash policies, empty otherwise
    place: list[int]  # sorted positions on the ring, empty otherwise


def random_choice(pool: Pool, key: int, luck: float, now: float) -> int:
    """Any eligible backend, each as likely. Needs no memory at all; splits a Poisson stream into Poisson streams."""
    return pool.eligible[int(luck * len(pool.eligible))]


def round_robin(pool: Pool, key: int, luck: float, now: float) -> int:
    """One after the other, whatever their load, speed or weight."""
    position = pool.cursor[0] % len(pool.eligible)
    pool.cursor[0] = position + 1
    return pool.eligible[position]


def smooth_weighted_round_robin(pool: Pool, key: int, luck: float, now: float) -> int:
    """Turns in proportion to the weights, spread out: 5, 1, 1 gives a a b a c a a, not a a a a a b c.

    Everybody earns their weight, the richest takes the turn and pays the sum. Source: NGINX, commit 52327e0627.
    """
    total, best = 0.0, pool.eligible[0]
    for i in pool.eligible:
        pool.credit[i] += pool.weight[i]
        total += pool.weight[i]
        if pool.credit[i] > pool.credit[best]:
            best = i
    pool.credit[best] -= total
    return best


def least_connections(pool: Pool, key: int, luck: float, now: float) -> int:
    """The backend that would have the fewest requests in flight for its weight, this one counted; ties by luck.

    Source: Winston 1977 (join the shortest queue); HAProxy's leastconn.
    """
    eligible, weight, in_flight = pool.eligible, pool.weight, pool.in_flight
    start = int(luck * len(eligible))
    best = eligible[start]
    for step in range(start + 1, start + len(eligible)):
        i = eligible[step % len(eligible)]
        if (in_flight[i] + 1) * weight[best] < (in_flight[best] + 1) * weight[i]:
            best = i
    return best


@lru_cache(maxsize=8)  # the same d is the same function, so Numba compiles it once
def power_of_d(d: int) -> Choose:
    """Look at *d* backends drawn at random and take the least busy of them: nearly as good as looking at all.

    The d independent draws are peeled off one luck. Raises ValueError unless d is 1 to 5: its 53 bits hold no more.
    Source: Mitzenmacher 2001, IEEE TPDS 12(10); Envoy's default (d = 2).
    """
    if d not in (1, 2, 3, 4, 5):
        raise ValueError(f"d must be a whole number from 1 to 5, got {d!r}: 2 already gives most of the gain")

    def choose(pool: Pool, key: int, luck: float, now: float) -> int:
        eligible, weight, in_flight, best = pool.eligible, pool.weight, pool.in_flight, -1
        for _ in range(d):
            luck *= len(eligible)
            i = eligible[int(luck)]
            luck -= int(luck)
            if best < 0 or (in_flight[i] + 1) * weight[best] < (in_flight[best] + 1) * weight[i]:
                best = i
        return best

    return choose


def peak_ewma(pool: Pool, key: int, luck: float, now: float) -> int:
    """Of two backends drawn at random, the one with the smaller latency times requests in flight, for its weight.

    Old news fades, so a backend that was slow is tried again. Source: Finagle's PeakEwma; Linkerd.
    """
    best, best_cost = -1, math.inf
    for _ in range(2):
        luck *= len(pool.eligible)
        i = pool.eligible[int(luck)]
        luck -= int(luck)
        cost = pool.latency_s[i] * math.exp((pool.stamp_s[i] - now) / DECAY_S) * (pool.in_flight[i] + 1)
        if pool.latency_s[i] == 0.0:
            cost = 1e9 * pool.in_flight[i]  # nothing known yet: one request finds out, the others wait for its news
        cost /= pool.weight[i]
        if best < 0 or cost < best_cost:
            best, best_cost = i, cost
    return best


def uri_hash(pool: Pool, key: int, luck: float, now: float) -> int:
    """The same URI (or source address) to the same backend, by remainder: most keys move when one backend goes."""
    return pool.eligible[key % len(pool.eligible)]


@lru_cache(maxsize=8)
def ring_bounded(c: float) -> Choose:
    """The ring, but nobody may hold more than *c* times the mean: who is full passes the request clockwise.

    With m in flight on n eligible backends the bound is ceil(c (m + 1) / n), shared out by weight. ValueError unless
    c > 1. Source: Mirrokni, Thorup and Zadimoghaddam 2018, arXiv 1608.01350; HAProxy's hash-balance-factor.
    """
    if not c > 1.0:
        raise ValueError(f"bound must be above 1, got {c!r}: at 1 or below there is no room for everybody; try 1.25")

    def choose(pool: Pool, key: int, luck: float, now: float) -> int:
        asked, weights = 1, 0.0
        for i in pool.eligible:
            asked += pool.in_flight[i]
            weights += pool.weight[i]
        low, high = 0, len(pool.place)
        while low < high:  # the first place at or after the key
            middle = (low + high) // 2
            if pool.place[middle] < key:
                low = middle + 1
            else:
                high = middle
        for step in range(low, low + len(pool.table)):
            i = pool.table[step % len(pool.table)]
            if pool.in_flight[i] < math.ceil(c * asked * pool.weight[i] / weights) and i in pool.eligible:
                return i
        return pool.eligible[0]

    return choose


def maglev_lookup(pool: Pool, key: int, luck: float, now: float) -> int:
    """The key's entry in Maglev's table; if that backend is out, the next entries, which belong to all the others."""
    for step in range(len(pool.table)):
        i = pool.table[(key % len(pool.table) + step) % len(pool.table)]
        if i in pool.eligible:
            return i
    return pool.eligible[0]


def luck_of_attempt(luck: float, attempt: int) -> float:
    """The luck of attempt number *attempt* (0 is the first) of a request: golden-ratio steps, well spread."""
    return (luck + attempt * 0.6180339887498949) % 1.0


def record_latency(pool: Pool, i: int, latency_s: float, now: float, decay_s: float = DECAY_S) -> None:
    """Note that backend *i* answered in *latency_s* seconds at *now*: a peak counts at once, good news gradually."""
    fade = math.exp((pool.stamp_s[i] - now) / decay_s)
    pool.latency_s[i] = max(latency_s, pool.latency_s[i] * fade + latency_s * (1.0 - fade))
    pool.stamp_s[i] = now


def new_pool(names: Sequence[str], weights: Sequence[float] | None, policy: Policy) -> Pool:
    """A pool of idle backends called *names* with *weights* (default: 1 each) and the policy's table.

    Raises ValueError for no backend at all, a name given twice, a weight that is negative or missing, or all 0.
    """
    n = len(backend_names(names))
    weights = [1.0] * n if weights is None else [float(weight) for weight in weights]
    if len(weights) != n or not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise ValueError(f"weights must be {n} numbers of 0 or more, one a backend and one above 0, got {weights}")
    table, place = policy.build_table(names, weights)
    able = [i for i in range(n) if weights[i] > 0]
    return Pool(able, weights, [0] * n, [0.0] * n, [0.0] * n, [0.0] * n, [0], list(table), list(place))


@dataclass(frozen=True)
class Policy:
    """A decision with its name and, for hash policies, the builder of its table. Yours: ``Policy("mine", choose)``.

    *reads*: which of "key", "luck" and "latency" the decision looks at. *options*: what policy() was given.
    """

    name: str
    choose: Choose
    build_table: Callable[[Sequence[str], Sequence[float]], Table] = lambda names, weights: ((), ())
    reads: tuple[str, ...] = ("key", "luck", "latency")
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def deterministic(self) -> bool:
        """Whether the decision never reads luck: the same pool and key give the same backend."""
        return "luck" not in self.reads


_MAKERS: dict[str, Callable[..., Policy]] = {
    "random": lambda: Policy("", random_choice, reads=("luck",)),
    "round robin": lambda: Policy("", round_robin, reads=()),
    "weighted round robin": lambda: Policy("", smooth_weighted_round_robin, reads=()),
    "least connections": lambda: Policy("", least_connections, reads=("luck",)),
    "power of two": lambda: Policy("", power_of_d(2), reads=("luck",)),
    "power of d": lambda d=3: Policy("", power_of_d(d), reads=("luck",)),
    "peak ewma": lambda: Policy("", peak_ewma, reads=("luck", "latency")),
    "uri hash": lambda: Policy("", uri_hash, reads=("key",)),
    "ring": lambda points=160, bound=1.25: Policy("", ring_bounded(bound), partial(ring, points=points), ("key",)),
    "maglev": lambda size=65_537: Policy("", maglev_lookup, partial(maglev, size=size), ("key",)),
}
NAMES = tuple(_MAKERS)


def policy(name: str | Policy, **options: Any) -> Policy:
    """The policy called *name*, one of NAMES; options: "power of d" d=, "ring" points= and bound=, "maglev" size=.

    A Policy comes back as it is. Raises ValueError for an unknown name or option and for a bad value.
    """
    if isinstance(name, Policy):
        return name
    if name not in _MAKERS:
        close = "".join(f", did you mean {match!r}?" for match in get_close_matches(str(name), NAMES, n=1))
        raise ValueError(f"unknown policy {name!r}{close}; known: {', '.join(NAMES)}")
    known = signature(_MAKERS[name]).parameters
    if not set(options) <= set(known):
        raise ValueError(f"policy {name!r} takes {', '.join(known) or 'no option'}, got {', '.join(options)}")
    made = replace(_MAKERS[name](**options), name=name, options=options)
    made.build_table([name], [1.0])  # a bad size or number of points complains here, not at the first request
    return made
