"""Nine ways to say which shard has a key, behind one verb, so that they can be compared on the same keys.

Somebody proposes consistent hashing, somebody else a table in the configuration, a third says that Redis does it with
slots. Here each is an object with ``place(key)`` and ``resized(shards)``: what it answers, and what it becomes when a
shard is added or taken away. Balance, movement, time and memory then are measured (comparison.py), not argued.

Promised: `resized` keeps as many keys in place as the method allows; the old object stays as it was.
Not done here: moving data, or agreeing on the table among processes (the live cluster does both).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from minisys.sharding import policies
from minisys.sharding.policies import hash64
from minisys.sharding.slots import key_slot, rebalance, spread


class Placement(Protocol):
    """Which of *shards* has a key."""

    @property
    def shards(self) -> tuple[str, ...]:
        """The names of the shards."""

    @property
    def table(self) -> object:
        """What has to be kept in memory, beside the names, to answer."""

    def place(self, key: str) -> str:
        """The shard that has *key*."""

    def resized(self, shards: Sequence[str]) -> Placement:
        """The placement among other *shards*, with as few keys moved as the method allows."""


@dataclass(frozen=True)
class Hashed:
    """A pure function of the key and the list of shards: *choose(key, table, shards)* gives an index.

    *build* makes the table of the names and their weights. Nothing is remembered: whoever knows the list can compute.
    """

    choose: Callable[[str, object, int], int]
    build: Callable[[Sequence[str], Sequence[float]], object]
    shards: tuple[str, ...]
    weights: tuple[float, ...]
    table: object = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", self.build(self.shards, self.weights))

    def place(self, key: str) -> str:
        """The shard that *key* hashes to."""
        return self.shards[self.choose(key, self.table, len(self.shards))]

    def resized(self, shards: Sequence[str]) -> Self:
        """The same function of another list; a shard that is new has weight 1."""
        known = dict(zip(self.shards, self.weights, strict=True))
        return replace(self, shards=tuple(shards), weights=tuple(known.get(shard, 1.0) for shard in shards))


@dataclass(frozen=True)
class Slots:
    """Redis's way: the key's hash slot is for ever, and *table* says which shard has it."""

    shards: tuple[str, ...]
    table: tuple[str, ...]

    def place(self, key: str) -> str:
        """The owner of the key's slot."""
        return self.table[key_slot(key.encode())]

    def resized(self, shards: Sequence[str]) -> Self:
        """Whole slots move, as few as make the shards even."""
        moves = rebalance(self.table, shards)
        return replace(self, shards=tuple(shards), table=tuple(moves.get(i, was) for i, was in enumerate(self.table)))


@dataclass(frozen=True)
class Ranges:
    """Keys in order, cut into ranges: range i holds the keys from bounds[i - 1] up to, not including, bounds[i].

    Neighbours stay neighbours, so a scan of one range asks one shard; and so does a flood of keys in order. There is
    one owner more than there are bounds. Raises ValueError unless the bounds ascend.
    """

    bounds: tuple[str, ...]
    owners: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.owners) != len(self.bounds) + 1 or list(self.bounds) != sorted(set(self.bounds)):
            raise ValueError(f"{len(self.owners)} owners need one ascending bound less, got {self.bounds}")

    @property
    def shards(self) -> tuple[str, ...]:
        """The shards, in the order in which they first own a range."""
        return tuple(dict.fromkeys(self.owners))

    @property
    def table(self) -> object:
        """Bounds and owners."""
        return self.bounds, self.owners

    def place(self, key: str) -> str:
        """The owner of the range that *key* falls into."""
        return self.owners[bisect_right(self.bounds, key)]

    def split(self, at: str, owner: str | None = None) -> Self:
        """The range around *at* cut in two there; the upper part goes to *owner* (None: stays). No other key moves."""
        i = bisect_right(self.bounds, at)
        if at in self.bounds:
            raise ValueError(f"there is a bound at {at!r} already")
        upper = self.owners[i] if owner is None else owner
        bounds = (*self.bounds[:i], at, *self.bounds[i:])
        return replace(self, bounds=bounds, owners=(*self.owners[: i + 1], upper, *self.owners[i + 1 :]))

    def merge(self, at: str) -> Self:
        """The two ranges that meet at the bound *at* as one, which the lower one's owner keeps."""
        if at not in self.bounds:
            raise ValueError(f"no two ranges meet at {at!r}; bounds: {', '.join(self.bounds)}")
        i = self.bounds.index(at)
        return replace(
            self, bounds=self.bounds[:i] + self.bounds[i + 1 :], owners=self.owners[: i + 1] + self.owners[i + 2 :]
        )

    def resized(self, shards: Sequence[str]) -> Self:
        """Whole ranges move, as few as give every shard the same number of them."""
        moves = rebalance(self.owners, shards)
        return replace(self, owners=tuple(moves.get(i, was) for i, was in enumerate(self.owners)))


@dataclass(frozen=True)
class Directory:
    """A table with one row for each key: any key anywhere, and the whole table must be kept, found and correct."""

    shards: tuple[str, ...]
    table: dict[str, str]

    def place(self, key: str) -> str:
        """The shard that the row says; a new key gets a row, on the shard with the fewest."""
        if key not in self.table:
            held = Counter(self.table.values())
            self.table[key] = min(self.shards, key=lambda shard: held[shard])
        return self.table[key]

    def resized(self, shards: Sequence[str]) -> Self:
        """Keys move one by one, as few as make the shards even."""
        moves, keys = rebalance(list(self.table.values()), shards), list(self.table)
        return replace(self, shards=tuple(shards), table=self.table | {keys[i]: to for i, to in moves.items()})


@dataclass(frozen=True)
class BoundedRing:
    """A ring on which no shard holds more than *bound* times the mean of *keys*; *passed* are those not at home.

    Whoever looks a key up must know that it was passed on, or ask the next shards one after the other.
    """

    shards: tuple[str, ...]
    keys: tuple[str, ...]
    bound: float = 1.25
    points: int = 160
    table: tuple[policies.Table, dict[str, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ring, hashes = policies.ring(self.shards, [1.0] * len(self.shards), self.points), map(hash64, self.keys)
        placed = policies.bounded(ring, list(hashes), len(self.shards), self.bound)
        pairs = zip(self.keys, placed, strict=True)
        passed = {key: owner for key, owner in pairs if owner != policies.on_ring(ring, hash64(key))}
        object.__setattr__(self, "table", (ring, passed))

    def place(self, key: str) -> str:
        """The shard that has *key*: where it was passed on to, or its home on the ring."""
        ring, passed = self.table
        return self.shards[passed[key] if key in passed else policies.on_ring(ring, hash64(key))]

    def resized(self, shards: Sequence[str]) -> Self:
        """All keys placed anew in the same order: some that were passed on come home, others are passed on."""
        return replace(self, shards=tuple(shards))


def _even(keys: Sequence[str], shards: Sequence[str], ranges: int = 32) -> Ranges:
    """*ranges* ranges a shard with equally many of *keys* each, dealt out like cards."""
    ordered, count = sorted(set(keys)), ranges * len(shards)
    bounds = [ordered[i * len(ordered) // count] for i in range(1, count)] if len(ordered) >= count else ordered[1:]
    return Ranges(tuple(bounds), tuple(shards[i % len(shards)] for i in range(len(bounds) + 1)))


def _nothing(names: Sequence[str], weights: Sequence[float]) -> object:
    return ()


_HASHED: Mapping[str, tuple[Callable[..., int], Callable[..., object]]] = {
    "modulo": (lambda key, _, n: policies.modulo(hash64(key), n), _nothing),
    "ring": (lambda key, table, _: policies.on_ring(table, hash64(key)), policies.ring),
    "rendezvous": (lambda key, table, _: policies.rendezvous(key, *table), lambda *both: both),
    "jump": (lambda key, _, n: policies.jump(hash64(key), n), _nothing),
    "maglev": (lambda key, table, _: table[0][hash64(key) % len(table[0])], policies.maglev),
}
NAMES = (*_HASHED, "bounded ring", "hash slots", "ranges", "directory")


def placement(name: str, shards: Sequence[str], keys: Sequence[str] = ()) -> Placement:
    """The placement called *name*, one of NAMES, of *keys* on *shards*, all of weight 1.

    *keys* are needed by those that keep a table of what is there: "bounded ring" (at most 1.1 times the mean here),
    "ranges" and "directory".
    Raises ValueError for an unknown name, no shard, or a shard named twice.
    """
    shards = tuple(shards)
    if not shards or len(set(shards)) != len(shards):
        raise ValueError(f"shards must be at least one name, each once, got {list(shards)}")
    if name in _HASHED:
        return Hashed(*_HASHED[name], shards, (1.0,) * len(shards))
    if name == "hash slots":
        return Slots(shards, tuple(spread(shards)))
    if name == "bounded ring":
        return BoundedRing(shards, tuple(keys), bound=1.1)
    if name == "ranges":
        return _even(keys, shards)
    if name == "directory":
        return Directory(shards, {key: shards[i % len(shards)] for i, key in enumerate(keys)})
    raise ValueError(f"unknown placement {name!r}; known: {', '.join(NAMES)}")
