"""A register on N copies without a leader: what a client asks, of how many, before it says "read" or "written".

Three shelves hold the same box, and whoever changes it changes two of them. Whoever looks, looks at two, and takes the
newer: at least one must be new. That much is arithmetic. Whether it makes the three shelves look like *one* is decided
by the few lines below, and the usual answer, "R + W > N, so yes", is wrong.

A protocol is a generator: it yields an `Ask` (a message for the copies, and how many must answer) and is given the
answers. The model (quorum_model.py) carries the asks out over a network that delays and loses.

Promised: `StrictRegister` is linearizable with R + W > N and 2 W > N, whatever the network does (Attiya, Bar-Noy and
Dolev, JACM 1995; several writers: Lynch and Shvartsman 1997). `Register` is what Dynamo and Cassandra do, and is not.
Not done: compare-and-set, which no quorum of a read and a write can do (it needs consensus, Herlihy 1991).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple

from minisys.replication.policies import Quorum, Stamp, newest


class Get(NamedTuple):
    """What have you got under *key*? The answer is (stamp, value)."""

    key: str


class Put(NamedTuple):
    """Keep *value* under *key*, unless you have something newer than *stamp*. The answer is (stamp, value) as kept."""

    key: str
    stamp: Stamp
    value: Any


class Ask(NamedTuple):
    """Send *message* to the copies and go on when *need* of them have answered; to none but *only*, if given."""

    message: Get | Put
    need: int
    only: tuple[str, ...] = ()


Answers = list[tuple[str, Stamp, Any]]  # (copy, its stamp, its value)
Steps = Generator[Ask, Answers, Any]


@dataclass(frozen=True)
class Register:
    """Reads take the newest of R answers; writes get a stamp newer than those of R answers, or the clock's time.

    *quorum*: N, R, W. *repair*: a read also writes the newest to the copies that answered with something older, without
    waiting. *by_clock*: stamps are the time on the writer's own clock (last write wins), as in Cassandra; then a write
    needs one round instead of two, and a slow clock loses writes that were acknowledged.
    """

    quorum: Quorum
    repair: bool = False
    by_clock: bool = False

    def read(self, key: str) -> Steps:
        """The steps of a read; returns the value."""
        stamp, value, stale = newest((yield Ask(Get(key), self.quorum.r)))
        if self.repair and stale:
            yield Ask(Put(key, stamp, value), 0, tuple(stale))
        return value

    def write(self, key: str, value: Any, writer: str, clock_s: float, last: Stamp) -> Steps:
        """The steps of a write by *writer*, whose clock shows *clock_s* and whose own last stamp was *last*."""
        if self.by_clock:
            stamp = Stamp(clock_s, writer)
        else:
            seen, _, _ = newest((yield Ask(Get(key), self.quorum.r)))
            stamp = max(seen, last).next(writer)
        yield Ask(Put(key, stamp, value), self.quorum.w)
        return stamp


@dataclass(frozen=True)
class StrictRegister(Register):
    """The same, but a read first makes sure that W copies have what it is going to return, and only then returns it.

    So nobody can read something older afterwards. It costs every read a second round.
    """

    def read(self, key: str) -> Steps:
        """The steps of a read; returns the value."""
        stamp, value, _ = newest((yield Ask(Get(key), self.quorum.r)))
        yield Ask(Put(key, stamp, value), self.quorum.w)
        return value
