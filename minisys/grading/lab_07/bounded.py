"""Lab 07, task 3: consistent hashing with bounded loads, judged on key sets that the learner has not seen.

What counts is what the placement does: no shard above its bound, the ring's own choice wherever there is room, few
keys that move when a shard leaves. How the function finds the next shard is its own business.
Source: Mirrokni, Thorup, Zadimoghaddam 2018, "Consistent Hashing with Bounded Loads".
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.sharding.policies import hash64, ring

Ring = list[tuple[int, str]]
Place = Callable[[int, Ring, dict[str, int], int], str]
FACTOR, SHARDS, KEYS = 1.25, 8, 2_000
ROUND = "behind the last point the ring goes on at the first: `on[number % len(on)]`, or `on[i:] + on[:i]`"
SMALL: Ring = [(10, "a"), (20, "b"), (30, "a"), (40, "c")]


def reference(key: int, on: Ring, load: dict[str, int], most: int) -> str:
    """The first point at or after *key*, round the end to the start, whose shard has room."""
    first = bisect_left(on, (key, ""))
    for number in range(len(on)):
        shard = on[(first + number) % len(on)][1]
        if load[shard] < most:
            return shard
    raise ValueError("no shard has room")


def asked(place: Place, key: int, on: Ring, load: dict[str, int], most: int) -> str:
    """The learner's answer. Raises Wrong if it is no shard's name, or the arguments were changed."""
    my_ring, my_load = list(on), dict(load)
    given = f"key {key}, ring {on if len(on) < 9 else f'of {len(on)} points'}, load {load}, most {most}"
    behind = not any(position >= key and load[shard] < most for position, shard in on)
    try:
        shard = place(key, my_ring, my_load, most)
    except (IndexError, StopIteration) as problem:
        if not behind:
            raise
        came = f"{type(problem).__name__} {problem}".strip()
        raise Wrong(came, given=given, expected="a shard", look=ROUND) from problem
    if shard is None and behind:
        raise Wrong("None", given=given, expected="a shard", look=ROUND)
    if not isinstance(shard, str) or shard not in load:
        look = "is there a `return`?" if shard is None else "a name, such as 'a', not a position or a pair"
        raise Wrong(repr(shard), given=given, expected=f"one of {', '.join(sorted(load))}", look=look)
    if my_ring != on or my_load != load:
        raise Wrong("the ring or the loads changed", given=given, expected="only an answer: the caller counts the key")
    return shard


def _expect(place: Place, cases: Sequence[tuple[int, dict[str, int], int, str, str]]) -> None:
    for key, load, most, expected, look in cases:
        came = asked(place, key, SMALL, load, most)
        if came != expected:
            raise Wrong(
                repr(came),
                given=f"key {key}, ring {SMALL}, load {load}, most {most}",
                expected=repr(expected),
                look=look,
            )


EMPTY = {"a": 0, "b": 0, "c": 0}


def the_ring(place: Place) -> str:
    """With room everywhere: the first point at or after the key, and round the end."""
    _expect(place, [
        (15, EMPTY, 9, "b", "the first point at or after 15 is 20"),
        (20, EMPTY, 9, "b", "a point at the key itself counts"),
        (31, EMPTY, 9, "c", "the first point at or after 31 is 40"),
        (5, EMPTY, 9, "a", "the first point at or after 5 is 10"),
        (41, EMPTY, 9, "a", ROUND),
    ])  # fmt: skip
    return "as on a plain ring"


def room(place: Place) -> str:
    """A full shard is passed over, as often as it comes, and *most* is the most that one may hold."""
    _expect(place, [
        (15, {"a": 0, "b": 3, "c": 0}, 3, "a", "b holds 3 and may hold 3: it is full; the next point is a's at 30"),
        (15, {"a": 0, "b": 2, "c": 0}, 3, "b", "b holds 2 of 3: there is room for one more"),
        (15, {"a": 3, "b": 3, "c": 0}, 3, "c", "b is full, a is full: go on until somebody has room"),
        (35, {"a": 3, "b": 0, "c": 3}, 3, "b", "c is full; round the end comes a, full, and then b"),
        (5, {"a": 3, "b": 1, "c": 0}, 3, "b", "the next on the ring with room, not the emptiest of all"),
    ])  # fmt: skip
    return "the next one with room"


@lru_cache(maxsize=4)
def unseen(seed: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Keys' hashes, crowded into parts of the ring, and the names of shards."""
    draw = Random(f"lab 07 task 3 {seed}")
    centres = [draw.randrange(2**63) for _ in range(5)]
    keys = [
        int(draw.gauss(draw.choice(centres), 2**55)) % 2**63 if draw.random() < 0.6 else hash64(f"{seed}:{n}")
        for n in range(KEYS)
    ]
    return tuple(keys), tuple(f"shard-{seed}-{number}" for number in range(SHARDS))


def ring_of(names: Sequence[str]) -> Ring:
    """Their ring, 60 points each."""
    owners, places = ring(names, [1.0] * len(names), 60)
    return [(place, names[owner]) for owner, place in zip(owners, places, strict=True)]


def placed(place: Callable[..., str], keys: Sequence[int], names: Sequence[str]) -> list[str]:
    """Where each key goes, one after another."""
    on, load, found = ring_of(names), dict.fromkeys(names, 0), []
    most = math.ceil(FACTOR * len(keys) / len(names))
    for key in keys:
        shard = place(key, on, load, most)
        load[shard] += 1
        found.append(shard)
    return found


def _fullest(found: Sequence[str], names: Sequence[str]) -> float:
    return max(found.count(name) for name in names) * len(names) / len(found)


def bound_kept(place: Place) -> str:
    """Unseen keys, crowded: nobody holds more than 1.25 times the mean."""
    worst = plain = 0.0
    for seed in range(3):
        keys, names = unseen(seed)
        found = placed(lambda *given: asked(place, *given), keys, names)
        most = math.ceil(FACTOR * len(keys) / len(names))
        fullest = max(names, key=found.count)
        if found.count(fullest) > most:
            look = "a shard that holds *most* already is full"
            raise Wrong(
                f"{found.count(fullest)} keys on one shard",
                given=f"{KEYS} keys, most {most}",
                expected=f"at most {most}",
                look=look,
            )
        unbounded = [reference(key, ring_of(names), dict.fromkeys(names, 0), 1) for key in keys]
        worst, plain = max(worst, _fullest(found, names)), max(plain, _fullest(unbounded, names))
    return f"the fullest has {worst:.2f} times the mean; on the plain ring {plain:.2f}"


def little_moves(place: Place) -> str:
    """A shard leaves: most keys stay where they are."""
    shares = []
    for seed in range(3):
        keys, names = unseen(seed)
        moved = [_moved(placed(each, keys, names), placed(each, keys, names[:-1])) for each in (place, reference)]
        if moved[0] > 1.3 * moved[1] + 0.02:
            look = (
                "a key goes to the next shard on the ring that has room; whoever looks at loads first moves everything"
            )
            given = f"{KEYS} keys, one of {SHARDS} shards leaves"
            raise Wrong(f"{moved[0]:.0%} of the keys move", given=given, expected=f"about {moved[1]:.0%}", look=look)
        shares.append(moved[0])
    return f"{max(shares):.0%} at most; an eighth has to"


def _moved(before: Sequence[Any], after: Sequence[Any]) -> float:
    return sum(a != b for a, b in zip(before, after, strict=True)) / len(before)


BOUNDED = (
    Check("with room everywhere it is the plain ring", the_ring),
    Check("a full shard is passed over", room),
    Check("unseen keys: nobody above 1.25 times the mean", bound_kept, 20.0, after_others=True),
    Check("unseen keys: a shard leaves and few keys move", little_moves, 20.0, after_others=True),
)
