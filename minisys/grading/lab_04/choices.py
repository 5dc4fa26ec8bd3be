"""Lab 04, task 5: a policy for each of four workloads, judged on requests that nobody has seen.

"We use LRU" is a habit. Each of the four services below asks in another way, and on each some policy is far behind.
The learner may draw samples (`sample`) and measure (`hit_ratio`); the check draws others and compares with the best of
all shipped policies. Within three percentage points of the best is right: more is luck of the draw.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from minisys.caching import curves
from minisys.caching.policies import POLICIES
from minisys.grading.checks import Check, Wrong
from minisys.testbed.laws import Zipf
from minisys.testbed.workload import stream

ROOM, REQUESTS, NEAR = 400, 20_000, 0.03
UNSEEN = (201, 202, 203)


def product_pages(seed: int) -> np.ndarray:
    """5,000 pages, the same favourites every day."""
    return np.asarray(Zipf(5000, 0.9).sample(REQUESTS, stream(seed, "key")))


def pages_and_crawler(seed: int) -> np.ndarray:
    """4,000 pages with favourites; 40 % of the time a robot reads pages that nobody asks for again."""
    at = np.arange(REQUESTS)
    return np.where(at % 5000 >= 3000, 10**6 + at, Zipf(4000, 1.0).sample(REQUESTS, stream(seed, "key")))


def breaking_news(seed: int) -> np.ndarray:
    """Each request is for a story of the last few minutes; nobody reads yesterday's."""
    age = stream(seed, "age").geometric(1 / 150, REQUESTS)
    return np.arange(REQUESTS) - age


def playlist(seed: int) -> np.ndarray:
    """A shop's radio: 500 songs in the same order, round and round, and now and then a wish."""
    rng = stream(seed, "wish")
    wish = 10**6 + rng.integers(0, 10_000, REQUESTS)
    return np.where(rng.random(REQUESTS) < 0.05, wish, np.arange(REQUESTS) % 500)


WORKLOADS: dict[str, Callable[[int], np.ndarray]] = {
    "product pages": product_pages,
    "pages and crawler": pages_and_crawler,
    "breaking news": breaking_news,
    "playlist": playlist,
}
LOOK = {
    "product pages": "the favourites stay the same: who remembers more than the last visit knows them better",
    "pages and crawler": "what the robot brings is never asked for again: newcomers should prove themselves first",
    "breaking news": "what was asked for often is over; only the last minutes tell",
    "playlist": "the song played last is needed last: a cache that keeps the recent ones always misses",
}


def sample(workload: str, seed: int = 1) -> np.ndarray:
    """20,000 requests of one of the WORKLOADS, to try things on. Raises ValueError for another name."""
    if workload not in WORKLOADS:
        raise ValueError(f"unknown workload {workload!r}; known: {', '.join(WORKLOADS)}")
    return WORKLOADS[workload](seed)


def hit_ratio(policy: str, requests: np.ndarray, room: int = ROOM) -> float:
    """Hits per request of *policy* in a cache with *room* for so many keys, empty at the start."""
    trace = requests.tolist()
    return float(curves.hits(curves.made(policy, trace, room), trace, room).mean())


@lru_cache(maxsize=64)
def unseen(workload: str, policy: str) -> float:
    """The mean hit ratio on requests of other seeds."""
    return sum(hit_ratio(policy, sample(workload, seed)) for seed in UNSEEN) / len(UNSEEN)


def names_four_policies(choose: Callable[[], dict[str, str]]) -> str:
    """A shipped policy for each workload."""
    answer = choose()
    if not isinstance(answer, dict) or set(answer) != set(WORKLOADS):
        raise Wrong(repr(answer), expected=f"a dict with the keys {', '.join(map(repr, WORKLOADS))}")
    for workload, name in answer.items():
        if name not in POLICIES:
            look = "the optimum needs the future; nobody can run it" if name == "belady" else ""
            raise Wrong(f"{workload}: {name!r}", expected=f"one of {', '.join(POLICIES)}", look=look)
    return ", ".join(f"{workload}: {name}" for workload, name in answer.items())


def _near_the_best(workload: str, choose: Callable[[], dict[str, str]]) -> str:
    name = choose()[workload]
    best = max(unseen(workload, other) for other in POLICIES)
    mine = unseen(workload, name)
    if mine < best - NEAR:
        given = f"{workload}, {len(UNSEEN)} times {REQUESTS:,} unseen requests, room for {ROOM}, {name}"
        raise Wrong(f"hit ratio {mine:.3f}", given=given, expected=f"{best - NEAR:.3f} or more", look=LOOK[workload])
    return f"{name}: hit ratio {mine:.3f}, the best has {best:.3f}"


CHOICES = (
    Check("there is a policy for each workload", names_four_policies),
    *(
        Check(
            f"{workload}: near the best on unseen requests", lambda choose, w=workload: _near_the_best(w, choose), 90.0
        )
        for workload in WORKLOADS
    ),
)
