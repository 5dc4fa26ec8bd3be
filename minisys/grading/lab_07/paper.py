"""Lab 07, task 1: how many keys, or slots, change their shard, worked out by hand.

The right numbers are counted here, key by key, for a hash that takes every value once; the texts name the slip that
leads to the number that came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.sharding.slots import rebalance, spread

Answer = Callable[[], Mapping[str, Any]]
KEYS, BEFORE, AFTER = 1_000_000, 4, 5
NAMES = ("modulo", "ring", "slots", "death")


@lru_cache(maxsize=1)
def right() -> dict[str, int]:
    """The four numbers, counted."""
    modulo = sum(key % BEFORE != key % AFTER for key in range(KEYS))
    shards = [f"s{number}" for number in range(AFTER)]
    slots = len(rebalance(spread(shards[:BEFORE]), shards))
    return {"modulo": modulo, "ring": KEYS // AFTER, "slots": slots, "death": KEYS // AFTER}


SLIPS: dict[str, dict[int, str]] = {
    "modulo": {
        200_000: "that many stay: a key stays where key % 4 and key % 5 are equal, 4 of every 20",
        750_000: "1 - 1/4 would be so if the new shard were drawn at random among four; count 20 consecutive keys",
        250_000: "a quarter would be so if only the new shard's keys moved; modulo moves keys between old shards too",
    },
    "ring": {
        250_000: "the new shard takes a fifth of the whole, not a quarter: there are five of them now",
        800_000: "that is modulo; on a ring nothing moves between shards that were there before",
        50_000: "that is what each old shard gives; there are four of them",
    },
    "slots": {
        4_096: "that is what each of four shards had; each of five has 16,384 / 5",
        3_277: "16,384 / 5 is 3,276.8: four shards have 3,277 and one has 3,276; the newcomer moves least with 3,276",
        200_000: "slots move here, not keys: there are 16,384 of them",
        819: "that is what each old shard gives; there are four of them",
    },
    "death": {
        0: "the keys of the dead shard must belong to somebody",
        250_000: "each of five shards had a fifth",
        800_000: "that is modulo; on a ring only the dead shard's keys change their owner",
        50_000: "that is what each survivor takes; there are four of them",
    },
}
ASKED = {
    "modulo": "1,000,000 keys, shard = hash % 4, then hash % 5",
    "ring": "1,000,000 keys, a ring with 4 shards gets a fifth",
    "slots": "16,384 slots on 4 shards, a fifth is added, as few as possible move",
    "death": "1,000,000 keys, one of 5 shards leaves the ring",
}


def number_of(name: str, answer: Answer) -> float:
    """The learner's number called *name*. Raises Wrong unless there are four, and this one is a count."""
    told = answer()
    if not isinstance(told, Mapping) or set(told) != set(NAMES):
        raise Wrong(repr(told), expected=f"a dict with the keys {', '.join(NAMES)}")
    number = told[name]
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise Wrong(f"{name}: {number!r}", expected="a number")
    if 0 < number <= 1:
        raise Wrong(f"{name}: {number:g}", expected="how many, not the share", look="multiply by the whole")
    return number


def one_number(name: str, answer: Answer) -> str:
    """The number called *name*, exactly."""
    came, expected = number_of(name, answer), right()[name]
    if came != expected:
        look = SLIPS[name].get(round(came), "draw 20 keys (or 5 shards) on paper and count")
        if name != "slots" and abs(came - expected) <= 0.02 * expected:
            look = "a sample strays; evenly spread hashes have an exact number: a fraction of the million"
        raise Wrong(f"{came:,.0f}", given=ASKED[name], expected=f"{expected:,}", look=look)
    return f"{came:,.0f}"


MOVEMENT = (
    Check("modulo, from four to five", partial(one_number, "modulo")),
    Check("a ring, from four to five", partial(one_number, "ring")),
    Check("slots, from four to five", partial(one_number, "slots")),
    Check("a ring of five, one dies", partial(one_number, "death")),
)
