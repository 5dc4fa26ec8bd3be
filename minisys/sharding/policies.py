"""Hashes that give every key an owner, and move few keys when an owner comes or goes.

A cache of ten nodes gets an eleventh. With ``key % n`` ten of eleven keys change their owner, every cache is cold at
once, and the database behind them meets the whole load. A ring, a rendezvous, a jump or a Maglev table moves about one
key in eleven.

Promised: the same tables in every process, on every machine and in every year (BLAKE2b, never Python's own salted
``hash``), built from names, so that the order in which owners are listed hardly matters. The tables are plain tuples.
Tables that somebody keeps instead of a hash (slots, ranges, a directory) are in slots.py and placements.py.
Not done here: the choice for one request (minisys.load_balancing.policies skips owners that are down or full),
replicas of a key, or moving the data itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil, log

Table = tuple[tuple[int, ...], tuple[int, ...]]
"""(table, place): owner indices, and for a ring the sorted position of each entry (empty for Maglev)."""


def hash64(text: str) -> int:
    """The hash of *text*: BLAKE2b's first 64 bits without the last, so that it fits a signed 64-bit column.

    Uniform over 0 … 2^63 - 1 and the same in every process.
    """
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def modulo(key: int, shards: int) -> int:
    """The owner of the hash *key* among *shards* of them: the remainder. Even, free, and it moves nearly everything."""
    return key % shards


def jump(key: int, shards: int) -> int:
    """The owner 0 … shards - 1 of the 64-bit hash *key*: no table at all, and the least movement that is possible.

    The key jumps through the history of a growing cluster: with j shards it stays where it is with probability
    1 - 1/j, else it goes to the new one. Only the last shard can be taken away, and none has a name or a weight.
    Raises ValueError if shards < 1. Source: Lamping and Veach 2014, arXiv 1406.2294.
    """
    if shards < 1:
        raise ValueError(f"shards must be at least 1, got {shards}")
    here, ahead = -1, 0
    while ahead < shards:
        here = ahead
        key = (key * 2862933555777941757 + 1) % 2**64
        ahead = int((here + 1) * (2**31 / ((key >> 33) + 1)))
    return here


def rendezvous(key: str, names: Sequence[str], weights: Sequence[float]) -> int:
    """The owner of *key* by highest random weight: every owner draws lots for it, the best draw has it.

    No table; when an owner goes, only its keys move, each to the second best, evenly over all that remain. One hash
    for each owner and look-up. A draw is -weight / ln(u), which is won in proportion to the weight.
    Raises ValueError unless a weight is above 0. Source: Thaler and Ravishankar 1998; weights: Schindelhauer and
    Schomaker 2005.
    """
    draws = [
        (-weight / log((hash64(f"{name}/{key}") + 0.5) / 2**63), owner)
        for owner, (name, weight) in enumerate(zip(names, weights, strict=True))
        if weight > 0
    ]
    if not draws:
        raise ValueError(f"no owner has a weight above 0: {list(weights)}")
    return max(draws)[1]


def on_ring(table: Table, key: int) -> int:
    """The owner of the hash *key* on a ring: the first position at or after it, round the end to the start."""
    owner, place = table
    return owner[bisect_left(place, key) % len(place)]


def bounded(table: Table, keys: Sequence[int], shards: int, bound: float = 1.25) -> list[int]:
    """The owner of each of the hashes *keys*, taken in their order, when no owner may hold more than its bound.

    The bound is ceil(bound x keys / shards); a key whose owner is full goes on clockwise to the first that is not.
    Raises ValueError if bound < 1: there would not be room for all. Source: Mirrokni, Thorup and Zadimoghaddam 2018,
    arXiv 1608.01350.
    """
    if not bound >= 1.0:
        raise ValueError(f"bound must be at least 1, got {bound!r}: below 1 there is no room for every key")
    owner, place = table
    held, room, found = [0] * shards, ceil(bound * len(keys) / shards), []
    for key in keys:
        at = bisect_left(place, key)
        while held[owner[at % len(owner)]] >= room:
            at += 1
        found.append(owner[at % len(owner)])
        held[found[-1]] += 1
    return found


def ring(names: Sequence[str], weights: Sequence[float], points: int = 160) -> Table:
    """A consistent-hash ring: each owner sits on it at *points* positions for each unit of its weight.

    A key belongs to the first position at or after its hash, round the end to the start. The load of an owner strays
    from its share by about 1/sqrt(points) (FACTS 5.2: 100 points, standard error 10 %). Weight 0 means no position.
    Raises ValueError if points < 1. Source: Karger et al. 1997; Lamping and Veach 2014, arXiv 1406.2294.
    """
    if points < 1:
        raise ValueError(f"points must be at least 1, got {points}: an owner needs a place on the ring")
    return _ring(tuple(names), tuple(weights), int(points))


@lru_cache(maxsize=32)
def _ring(names: tuple[str, ...], weights: tuple[float, ...], points: int) -> Table:
    positions = []
    for owner, (name, weight) in enumerate(zip(names, weights, strict=True)):
        count = max(1, round(points * weight)) if weight > 0 else 0
        positions += [(hash64(f"{name}#{point}"), owner) for point in range(count)]
    positions.sort()
    return tuple(owner for _, owner in positions), tuple(place for place, _ in positions)


def maglev(names: Sequence[str], weights: Sequence[float], size: int = 65_537) -> Table:
    """Maglev's lookup table: *size* entries, filled so that each owner has its share almost to the entry.

    Each owner walks the entries in an order of its own (an offset and a skip drawn from its name) and takes the next
    free one when it is its turn; heavier owners have more turns. Key k belongs to ``table[k % size]``.
    Raises ValueError unless size is a prime (then every walk visits every entry) and at least as many as the owners.
    Source: Eisenbud et al. 2016 (NSDI), section 3.4; 100 entries or more for each owner are advised.
    """
    owners = sum(weight > 0 for weight in weights)
    if not _is_prime(size) or size < owners:
        raise ValueError(f"size must be a prime of at least {owners} (one entry an owner), got {size}; try 65537")
    return _maglev(tuple(names), tuple(weights), int(size)), ()


@lru_cache(maxsize=32)
def _maglev(names: tuple[str, ...], weights: tuple[float, ...], size: int) -> tuple[int, ...]:
    owners = [owner for owner, weight in enumerate(weights) if weight > 0]
    if not owners:
        return ()
    table = [-1] * size
    entry = {owner: hash64(f"{names[owner]}#offset") % size for owner in owners}
    skip = {owner: hash64(f"{names[owner]}#skip") % (size - 1) + 1 for owner in owners}
    for owner in _turns(owners, weights, size):
        at = entry[owner]
        while table[at] >= 0:
            at = (at + skip[owner]) % size
        table[at], entry[owner] = owner, at
    return tuple(table)


def _turns(owners: Sequence[int], weights: Sequence[float], count: int) -> Iterator[int]:
    """*count* turns: in each round every owner earns its share of the heaviest one's turn, and takes a whole one."""
    heaviest = max(weights)
    earned = dict.fromkeys(owners, 0.0)
    while True:
        for owner in owners:
            earned[owner] += weights[owner] / heaviest
            if earned[owner] >= 1.0 - 1e-9:  # ten times 0.1 must count as one
                earned[owner] -= 1.0
                yield owner
                count -= 1
                if count == 0:
                    return


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))
