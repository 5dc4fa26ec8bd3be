"""A celebrity's key, and what can be done about it: which copies of which keys does one request touch?

One account has a hundred million followers, one product is the sale of the day. Its key is on one shard, whatever the
hash. Each cure below says, for one read or write, what is asked for; the router turns that into requests to shards.

Promised: pure decisions, except for the reader's cache, which is given `now`. A piece is (name of a key, which replica
of its shard). Not done here: finding out which keys are hot, and the merging of what several pieces answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

Piece = tuple[str, int]


class Cure(Protocol):
    """What one request touches."""

    def pieces(self, key: int, write: bool, luck: float, now: float) -> list[Piece]:
        """The pieces of one request, none if it is answered without any shard; *luck* is uniform in [0, 1)."""


class Nothing:
    """Every request goes to its key."""

    def pieces(self, key: int, write: bool, luck: float, now: float) -> list[Piece]:
        """The key itself, on its shard's primary."""
        return [(str(key), 0)]


class Copies:
    """The keys in *hot* exist *copies* times under other names: read any, write all. For what is read.

    Copies are on shards of their own by chance only: two of them may meet.
    """

    def __init__(self, hot: Collection[int] = (0,), copies: int = 8) -> None:
        self.hot, self.copies = frozenset(hot), copies

    def pieces(self, key: int, write: bool, luck: float, now: float) -> list[Piece]:
        """One copy for a read, every copy for a write."""
        if key not in self.hot:
            return [(str(key), 0)]
        names = range(self.copies) if write else [int(luck * self.copies)]
        return [(f"{key}#{i}", 0) for i in names]


class Split(Copies):
    """The keys in *hot* are cut into *copies* parts: write any, read all and add up. For what is counted."""

    def pieces(self, key: int, write: bool, luck: float, now: float) -> list[Piece]:
        """One part for a write, every part for a read."""
        return super().pieces(key, not write, luck, now)


class Replicas:
    """Every shard has *replicas* copies of all it holds: read any, write all. Helps each key, known as hot or not.

    Raises ValueError below 1.
    """

    def __init__(self, replicas: int = 3) -> None:
        if replicas < 1:
            raise ValueError(f"a shard needs at least 1 replica, got {replicas}")
        self.replicas = replicas

    def pieces(self, key: int, write: bool, luck: float, now: float) -> list[Piece]:
        """One replica of the key's shard for a read, all of them for a write."""
        which = range(self.replicas) if write else [int(luck * self.replicas)]
        return [(str(key), replica) for replica in which]


class ReaderCache:
    """Whoever reads keeps the answer for *ttl_s* seconds, and does not hear of writes in between.

    *readers* application servers have a cache each, of any size; a request belongs to one of them by its luck.
    """

    def __init__(self, ttl_s: float = 1.0, readers: int = 4) -> None:
        self.ttl_s, self.readers = ttl_s, readers
        self.kept_until: dict[tuple[int, int], float] = {}

    def pieces(self, key: int, write: bool, luck: float, now: float) -> list[Piece]:
        """Nothing while there is a young copy; a write always reaches the shard."""
        reader = int(luck * self.readers)
        if not write:
            if now < self.kept_until.get((reader, key), 0.0):
                return []
            self.kept_until[reader, key] = now + self.ttl_s
        return [(str(key), 0)]


CURES = {
    "nothing": Nothing,
    "copies": Copies,
    "split": Split,
    "replicas": Replicas,
    "cache": ReaderCache,
}
