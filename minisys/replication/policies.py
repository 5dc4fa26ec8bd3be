"""The decisions of a replicated store: when a write is done, who leads, what a read may return, who is fenced off.

A shop has its orders on three machines. "Saved" can mean: on this one, on one more, on most, on all. Whoever decides
that decides what is lost when a machine burns and what stands still when a cable is cut. All four questions are
answered here and asked by the model, the live servers and the explorers alike.

Promised: no clock, no I/O, no randomness; what a decision needs it is given. Log positions are numbers that grow by
one a write; a position of 0 is "nothing yet". Not done here: votes and terms (raft_rules.py), the merging of values
that were written at the same time (conflicts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

# --- when is a write acknowledged? -----------------------------------------------------------------------------------

Acknowledge = Callable[[int, Sequence[int]], int]
"""(the primary's last position, the position each replica is known to have) -> acknowledged up to this position."""


def asynchronous(own: int, replicas: Sequence[int]) -> int:
    """What the primary has is done; replicas hear of it when they do (PostgreSQL's and MySQL's default)."""
    return own


def semi_synchronous(k: int) -> Acknowledge:
    """What the primary and *k* replicas have is done, whichever they are (PostgreSQL: ANY k; MySQL: semisync).

    With fewer than k replicas nothing is done. Raises ValueError for k below 1.
    """
    if k < 1:
        raise ValueError(f"semi-synchronous means at least 1 replica, got k={k}; use asynchronous for none")

    def acknowledged(own: int, replicas: Sequence[int]) -> int:
        return min(own, sorted(replicas, reverse=True)[k - 1]) if len(replicas) >= k else 0

    return acknowledged


def synchronous(own: int, replicas: Sequence[int]) -> int:
    """What the primary and all replicas have is done: one dead replica stops every write."""
    return min([own, *replicas])


def majority(own: int, replicas: Sequence[int]) -> int:
    """What more than half of the servers have, the primary among them, is done (Raft adds: if it is of this term)."""
    return min(own, sorted([own, *replicas], reverse=True)[(len(replicas) + 1) // 2])


# --- quorums ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quorum:
    """*n* copies of each key; a write waits for *w* answers, a read for *r*. No leader.

    *sloppy*: while a home is down the next node in the ring takes its copy, with a hint to whom it belongs. Then the
    w and r nodes may be other nodes, and the overlap is gone. Raises ValueError unless 1 <= r, w <= n.
    Source: DeCandia et al., "Dynamo", SOSP 2007.
    """

    n: int
    r: int
    w: int
    sloppy: bool = False

    def __post_init__(self) -> None:
        if not (1 <= self.r <= self.n and 1 <= self.w <= self.n):
            raise ValueError(f"need 1 <= r <= n and 1 <= w <= n, got n={self.n}, r={self.r}, w={self.w}")

    @property
    def overlaps(self) -> bool:
        """Whether each read meets each write that was done: R + W > N, and the N are always the same nodes."""
        return self.r + self.w > self.n and not self.sloppy

    @property
    def writes_overlap(self) -> bool:
        """Whether two writes meet: 2 W > N."""
        return 2 * self.w > self.n and not self.sloppy

    def place(self, ring: Sequence[str], up: Collection[str]) -> list[tuple[str, str]]:
        """Where the n copies of a key go: (node, home); node and home differ where a copy is on loan (handed off).

        *ring*: all nodes in the key's order, its homes first. *up*: the nodes that answer.
        """
        homes, others = ring[: self.n], [node for node in ring[self.n :] if node in up]
        placed = []
        for home in homes:
            if home in up or not self.sloppy or not others:
                placed.append((home, home))
            else:
                placed.append((others.pop(0), home))
        return placed


@dataclass(frozen=True, order=True)
class Stamp:
    """The version of a value: a number, and the name of who gave it, which decides between equal numbers."""

    number: float
    by: str = ""

    def next(self, by: str) -> Stamp:
        """A version newer than this one, given by *by*."""
        return replace(self, number=self.number + 1, by=by)


def newest(answers: Iterable[tuple[str, Stamp, Any]]) -> tuple[Stamp, Any, list[str]]:
    """(stamp, value, nodes that hold something older) of a quorum's answers (node, stamp, value).

    Read repair writes the first two to the last. Raises ValueError if nobody answered.
    """
    heard = list(answers)
    if not heard:
        raise ValueError("newest: no answers; a read needs at least one")
    _, stamp, value = max(heard, key=lambda answer: answer[1])
    return stamp, value, [node for node, of, _ in heard if of < stamp]


# --- who leads? ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A replica that could be promoted: its log *position*, and a *priority* that an operator gave (small is first)."""

    name: str
    position: int
    priority: int = 0
    up: bool = True


Elect = Callable[[Iterable[Candidate]], str | None]


def by_priority(candidates: Iterable[Candidate]) -> str | None:
    """The operator's favourite among those that are up, however far behind: what it has not heard is lost."""
    alive = [c for c in candidates if c.up]
    return min(alive, key=lambda c: (c.priority, c.name)).name if alive else None


def by_position(candidates: Iterable[Candidate]) -> str | None:
    """The one with the newest log, priority between equals (Patroni, Valkey's sentinels after the priority)."""
    alive = [c for c in candidates if c.up]
    return min(alive, key=lambda c: (-c.position, c.priority, c.name)).name if alive else None


@dataclass(frozen=True)
class Lease:
    """Leadership until a moment: nobody else gets it before, and the holder stops by itself.

    *until_s*: on the clock of who grants it. *token* grows with every new holder; see Fence. *skew_s*: by how much
    clocks may differ: the holder stops so much earlier, the next one waits so much longer.
    Source: Gray and Cheriton, "Leases", SOSP 1989.
    """

    holder: str = ""
    until_s: float = 0.0
    token: int = 0
    skew_s: float = 0.0

    def grant(self, name: str, now: float, duration_s: float) -> Lease:
        """The lease after *name* asked at *now*: renewed, taken over, or as it was because another has it."""
        if name == self.holder and now < self.until_s:
            return replace(self, until_s=max(self.until_s, now + duration_s))  # never shorter than was promised
        if now < self.until_s + self.skew_s:
            return self
        return replace(self, holder=name, until_s=now + duration_s, token=self.token + 1)

    def holds(self, name: str, now: float) -> bool:
        """Whether *name*, whose clock says *now*, may still act as the leader."""
        return name == self.holder and now < self.until_s - self.skew_s


@dataclass
class Fence:
    """A door that remembers the highest token it saw: whoever comes with a lower one is a leader of the past.

    A pause can make a leader outlive its lease without its notice; only the store can refuse it then.
    Source: Kleppmann, "How to do distributed locking", 2016.
    """

    highest: int = 0

    def admits(self, token: int) -> bool:
        """Whether a write with *token* may pass; remembers it."""
        self.highest = max(self.highest, token)
        return token >= self.highest


# --- what may a read return? -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """What is known where a read arrives. *applied*: how far this replica is; *newest*: how far the primary was when
    it was last heard of, *heard_s* seconds ago; *token*: the position after the session's own last write or read.
    """

    applied: int
    newest: int = 0
    heard_s: float = 0.0
    token: int = 0
    leads: bool = False


MayRead = Callable[[Reader], bool]


def leader_only(at: Reader) -> bool:
    """Only the leader answers. Linearizable only if it is sure to lead still (read-index, or a lease)."""
    return at.leads


def any_replica(at: Reader) -> bool:
    """Whoever is asked answers with what it has."""
    return True


def after_own_writes(at: Reader) -> bool:
    """A replica that has what this session wrote and read: read your writes, and monotonic reads (a session token)."""
    return at.leads or at.applied >= at.token


def bounded_staleness(most_versions: int, most_s: float) -> MayRead:
    """A replica at most *most_versions* behind what it last heard of, which was at most *most_s* seconds ago."""
    return lambda at: at.leads or (at.newest - at.applied <= most_versions and at.heard_s <= most_s)
