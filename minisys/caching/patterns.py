"""Who writes where, and in which order: five ways to keep a cache beside a database.

A price is changed, and for a minute half of the customers see the old one. Or: the cache was restarted, and orders
that had been confirmed are gone. Both follow from the order of three or four steps, and these classes are those steps.

Each pattern is two routines, written as generators: every ``yield from`` is a message to the cache or the database and
takes time, so other readers and writers get in between. model.py runs them in virtual time and counts what is stale
and what is lost. Not done here: eviction (policies.py) and protection from stampedes (stampede.py).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

Steps = Generator[Any, Any, Any]


class CacheSteps(Protocol):
    """A cache that is a network away."""

    def get(self, key: int) -> Steps: ...
    def put(self, key: int, value: int, *, ticket: int | None = None) -> Steps: ...
    def delete(self, key: int) -> Steps: ...
    def lease(self, key: int) -> Steps: ...
    def keep(self, key: int, value: int) -> Steps: ...


class DatabaseSteps(Protocol):
    """The database: what is written here is safe."""

    def read(self, key: int) -> Steps: ...
    def write(self, key: int, value: int) -> Steps: ...


class Pattern:
    """Reads a value and, if the cache has none, fetches it; `write` is what the patterns differ in."""

    name = ""

    def read(self, cache: CacheSteps, database: DatabaseSteps, key: int) -> Steps:
        """Return the value of *key*."""
        value = yield from cache.get(key)
        if value is None:
            value = yield from database.read(key)
            yield from cache.put(key, value)
        return value

    def write(self, cache: CacheSteps, database: DatabaseSteps, key: int, value: int) -> Steps:
        """Store *value* under *key*; when this returns, the user is told that it is done."""
        raise NotImplementedError


class CacheAside(Pattern):
    """The application does it all: it fills the cache after a miss, and deletes the copy after a write.

    Delete, not update: two writers could update in the wrong order. One race is left: a reader who fetched the old
    value before the write may put it into the cache after the delete.
    """

    name = "cache-aside"

    def write(self, cache: CacheSteps, database: DatabaseSteps, key: int, value: int) -> Steps:
        yield from database.write(key, value)
        yield from cache.delete(key)


class ReadThrough(CacheAside):
    """The cache fetches what it misses. It sees reads and deletes alike, so it can close the race.

    A reader who misses gets a ticket; a delete makes all tickets of the key void, and a value that comes with a void
    ticket is handed to its reader but not kept. Source: leases in Nishtala et al., Scaling Memcache at Facebook, 2013.
    """

    name = "read-through"

    def read(self, cache: CacheSteps, database: DatabaseSteps, key: int) -> Steps:
        value, ticket = yield from cache.lease(key)
        if value is None:
            value = yield from database.read(key)
            yield from cache.put(key, value, ticket=ticket)
        return value


class WriteThrough(Pattern):
    """A write goes to the database and, before it is confirmed, to the cache: the next read is a hit, and fresh.

    Every write pays for both, also for keys that nobody will read.
    """

    name = "write-through"

    def write(self, cache: CacheSteps, database: DatabaseSteps, key: int, value: int) -> Steps:
        yield from database.write(key, value)
        yield from cache.put(key, value)


class WriteBehind(Pattern):
    """A write is confirmed when the cache has it, and goes to the database later, the last one of each key only.

    The fastest writes, the fewest of them in the database, and a crash of the cache loses what was still waiting.
    """

    name = "write-behind"

    def write(self, cache: CacheSteps, database: DatabaseSteps, key: int, value: int) -> Steps:
        yield from cache.keep(key, value)


class WriteAround(Pattern):
    """Writes go to the database past the cache, whose copy stays as it is until its time to live ends.

    Nothing in the cache that is never read; up to one time to live of old values.
    """

    name = "write-around"

    def write(self, cache: CacheSteps, database: DatabaseSteps, key: int, value: int) -> Steps:
        yield from database.write(key, value)


PATTERNS: dict[str, Pattern] = {
    made.name: made for made in (CacheAside(), ReadThrough(), WriteThrough(), WriteBehind(), WriteAround())
}


def pattern(name: str | Pattern) -> Pattern:
    """The pattern called *name*, one of PATTERNS; a Pattern comes back as it is. Raises ValueError for another name."""
    if isinstance(name, Pattern):
        return name
    if name not in PATTERNS:
        raise ValueError(f"unknown pattern {name!r}; known: {', '.join(PATTERNS)}")
    return PATTERNS[name]
