"""Lab 04, task 3: SIEVE, hit for hit the paper's, on every short trace and on traces nobody has seen.

SIEVE and CLOCK differ in one line: where a key goes that was spared. On a lucky trace one cannot tell them apart, so
all short traces are tried, and the shortest one that goes wrong is shown. A wrong policy that is another well-known
one is called by its name.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from minisys.caching.policies import policy
from minisys.grading.checks import Check, Wrong
from minisys.testbed.laws import Zipf
from minisys.testbed.workload import stream

Make = Callable[[int], Any]
LOOK = {
    "fifo": "that is FIFO: who was asked for (hit) must be spared once",
    "lru": "that is LRU: SIEVE moves nothing on a hit, it only marks",
    "clock": "that is CLOCK: a key that is spared stays where it is, only the hand moves on",
}


def play(make: Make, trace: Sequence[Any], capacity: int) -> list[Any]:
    """Who was evicted at each request of *trace*: a key, or None. Raises Wrong if the policy names nobody held."""
    chosen, gone = make(capacity), []
    held: set[Any] = set()
    for i, key in enumerate(trace):
        out = None
        if key in held:
            chosen.hit(key)
        else:
            if len(held) == capacity:
                out = chosen.evict()
                if out not in held:
                    given = f"requests {' '.join(map(str, trace[: i + 1]))}, room for {capacity}"
                    look = "is there a `return` on every path, and is a key that went really forgotten?"
                    raise Wrong(f"evict() named {out!r}", given=given, expected=f"one of {sorted(held)}", look=look)
                held.remove(out)
            chosen.admit(key)
            held.add(key)
        gone.append(out)
    return gone


def shipped(name: str) -> Make:
    """A policy of the package, to compare with."""
    return lambda capacity: policy(name, capacity)


def names_a_key_that_is_held(make: Make) -> str:
    """Three keys, room for two, all of them asked for twice: whoever goes was there."""
    gone = play(make, "aabbcab", 2)
    return f"requests a a b b c a b, room for 2: {', '.join(map(str, filter(None, gone)))} went"


def each_decision_is_the_papers(make: Make) -> str:
    """Every trace of up to seven requests for four keys, room for two and three; the shortest wrong one is shown."""
    tried = 0
    for length in range(3, 8):
        for capacity in (2, 3):
            for trace in itertools.product("abcd", repeat=length):
                if len(set(trace)) <= capacity or trace[0] != "a":
                    continue
                tried += 1
                mine, right = play(make, trace, capacity), play(shipped("sieve"), trace, capacity)
                if mine != right:
                    raise _wrong(make, trace, capacity, mine, right)
    return f"{tried:,} traces, every eviction as in the paper"


def _wrong(make: Make, trace: Sequence[str], capacity: int, mine: list[Any], right: list[Any]) -> Wrong:
    at = next(i for i, pair in enumerate(zip(mine, right, strict=True)) if pair[0] != pair[1])
    given = f"requests {' '.join(trace[: at + 1])}, room for {capacity}"
    look = (
        "write down queue, marks and hand after each request; the hand stays where it stopped, also between evictions"
    )
    for name, told in LOOK.items():
        if all(play(make, _long(seed), 20) == play(shipped(name), _long(seed), 20) for seed in (1, 2)):
            look = told
    return Wrong(f"{mine[at]} went", given=given, expected=f"{right[at]} goes", look=look)


def _long(seed: int) -> list[int]:
    return Zipf(100, 0.8).sample(2000, stream(seed, "key")).tolist()


def hit_for_hit_on_unseen_traces(make: Make) -> str:
    """20 traces of popular pages, one-time visitors and a loop; room for 10 to 200."""
    requests = 0
    for seed in range(20):
        drawn = Zipf(1000, 0.6 + 0.03 * seed).sample(3000, stream(900 + seed, "key")).tolist()
        trace = [(i % 300 if i % 7 == 0 else 5000 + i if i % 11 == 0 else key) for i, key in enumerate(drawn)]
        capacity = 10 + 10 * seed
        mine, right = play(make, trace, capacity), play(shipped("sieve"), trace, capacity)
        if mine != right:
            at = next(i for i, pair in enumerate(zip(mine, right, strict=True)) if pair[0] != pair[1])
            given = f"unseen trace {seed}, room for {capacity}, request {at + 1}"
            look = "right for a while: what happens when the hand reaches the newest key?"
            raise Wrong(f"{mine[at]} went", given=given, expected=f"{right[at]} goes", look=look)
        requests += len(trace)
    return f"{requests:,} requests on 20 traces, hit for hit"


SIEVE = (
    Check("who goes was there", names_a_key_that_is_held, 2.0),
    Check("each decision is the paper's, on every short trace", each_decision_is_the_papers, 30.0),
    Check("hit for hit on traces nobody has seen", hit_for_hit_on_unseen_traces, 60.0, after_others=True),
)
