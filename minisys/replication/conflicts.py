"""Two people changed the same thing where neither could see the other: which change stays?

A cart is filled on the phone and on the laptop while the data centres cannot hear each other. Last write wins throws
one of them away without a word. Version vectors notice that neither knew of the other and hand over both. A counter
that keeps one number for each replica can simply be merged.

Promised: pure values; `merge` of the version vector and the counter is commutative, associative and idempotent, so
copies that have heard the same agree, in whatever order and however often they heard it. Not done: pruning vectors of
nodes that are long gone; deletions, which need tombstones.

Source: Lamport 1978; Parker et al. 1983 (version vectors); Shapiro et al., "Conflict-free replicated data types", 2011.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minisys.replication.policies import Stamp


def last_write_wins(one: tuple[Stamp, Any], other: tuple[Stamp, Any]) -> tuple[Stamp, Any]:
    """The one with the later stamp. With clocks as stamps a fast clock wins against what really came later."""
    return max(one, other, key=lambda version: version[0])


@dataclass(frozen=True)
class VersionVector:
    """How many changes of each replica a version contains; immutable."""

    counts: Mapping[str, int] = field(default_factory=dict)

    def increment(self, replica: str) -> VersionVector:
        """The version after one more change at *replica*."""
        return VersionVector({**self.counts, replica: self.counts.get(replica, 0) + 1})

    def merge(self, other: VersionVector) -> VersionVector:
        """The version of somebody who knows both."""
        names = {**self.counts, **other.counts}
        return VersionVector({n: max(self.counts.get(n, 0), other.counts.get(n, 0)) for n in names})

    def contains(self, other: VersionVector) -> bool:
        """Whether it knows all that *other* knows."""
        return all(self.counts.get(name, 0) >= count for name, count in other.counts.items())

    def concurrent(self, other: VersionVector) -> bool:
        """Whether neither knows all of the other: a conflict."""
        return not self.contains(other) and not other.contains(self)


def siblings(versions: Iterable[tuple[VersionVector, Hashable]]) -> list[tuple[VersionVector, Hashable]]:
    """Those versions that no other has superseded; more than one is a conflict that somebody has to merge."""
    kept: list[tuple[VersionVector, Hashable]] = []
    for vector, value in versions:
        if any(other.contains(vector) and (other.counts != vector.counts or mine == value) for other, mine in kept):
            continue
        kept = [(o, v) for o, v in kept if not (vector.contains(o) and vector.counts != o.counts)] + [(vector, value)]
    return kept


@dataclass(frozen=True)
class Counter:
    """A counter that every replica may change without asking (PN-counter): ups and downs of each replica."""

    up: Mapping[str, int] = field(default_factory=dict)
    down: Mapping[str, int] = field(default_factory=dict)

    def add(self, replica: str, amount: int) -> Counter:
        """The counter after *replica* added *amount*, which may be negative."""
        if amount >= 0:
            return Counter({**self.up, replica: self.up.get(replica, 0) + amount}, self.down)
        return Counter(self.up, {**self.down, replica: self.down.get(replica, 0) - amount})

    def merge(self, other: Counter) -> Counter:
        """What both know: of each replica the larger number, since a replica's own numbers only grow."""
        return Counter(_larger(self.up, other.up), _larger(self.down, other.down))

    @property
    def value(self) -> int:
        return sum(self.up.values()) - sum(self.down.values())


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
