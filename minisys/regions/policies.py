"""What has to be decided when a region may be gone: which name leads where, who promotes, who takes a write.

It is 03:12 and nobody in Virginia answers. Is Virginia gone, or only the way there? Whoever promotes the standby too
early has two primaries, and whoever waits for certainty is down until morning. The decisions are small; here they are.

Promised: no clock, no I/O, no randomness; what they may see is handed in. Not here: doing it (model.py, drill.py), what
two copies make of two truths (minisys.replication.conflicts), backups (backups.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from minisys.replication.conflicts import last_write_wins
from minisys.replication.policies import Stamp
from minisys.sharding.policies import rendezvous


def answer(order: Sequence[str], healthy: Collection[str]) -> str:
    """The region that a name leads to: the first of *order* that is healthy; if none is, the first (fail open).

    When everything looks dead the health checks are the likelier corpse. Raises ValueError for an empty order.
    Source: Amazon Route 53, "How Route 53 chooses records when health checking is configured".
    """
    if not order:
        raise ValueError("a name must lead somewhere: order is empty")
    return next((region for region in order if region in healthy), order[0])


@dataclass(frozen=True)
class Resolver:
    """How long a kind of cache between user and name server keeps an answer.

    at_least_s: it keeps every answer at least so long, whatever the time to live says; math.inf: while its process
    runs. Source: Pang et al., "On the responsiveness of DNS-based network control", IMC 2004; Java's
    networkaddress.cache.ttl.
    """

    name: str
    at_least_s: float = 0.0

    def keeps_s(self, ttl_s: float) -> float:
        """Seconds that it uses an answer with a time to live of *ttl_s* seconds."""
        return max(ttl_s, self.at_least_s)


OBEYS = Resolver("obeys the TTL")
FIVE_MINUTES = Resolver("keeps 5 minutes", 300.0)
FOR_EVER = Resolver("keeps for ever", math.inf)


@dataclass(frozen=True)
class Evidence:
    """What is known of a silent primary region at one moment.

    silent_s: seconds without an answer. witnesses, of *asked*: how many places outside both regions cannot reach it
    either. lag_s: how far the standby was behind when it last heard (seconds). fenced: the old primary cannot write
    any more, wherever it is (its lease has ended, its storage is locked, its power is off).
    """

    silent_s: float
    witnesses: int
    asked: int
    lag_s: float
    fenced: bool


def promote(seen: Evidence, *, patience_s: float = 60.0, rpo_s: float = math.inf) -> str:
    """Whether to make the standby the primary: "wait", "fence first", "ask a person" or "promote".

    Wait while the silence is short or most witnesses still reach the primary: then it is our own line that is cut.
    Never before the old one is fenced: two primaries cost more than an outage. What the standby has not heard is lost
    by promoting; above *rpo_s* seconds of it a person must want that. Raises ValueError for impossible evidence.
    """
    if not 0 <= seen.witnesses <= seen.asked or min(seen.silent_s, seen.lag_s) < 0:
        raise ValueError(f"need 0 <= witnesses <= asked and seconds of 0 or more, got {seen}")
    if seen.silent_s < patience_s or 2 * seen.witnesses <= seen.asked:
        return "wait"
    if not seen.fenced:
        return "fence first"
    return "promote" if seen.lag_s <= rpo_s else "ask a person"


def home_region(key: str, regions: Sequence[str], alive: Collection[str] | None = None) -> str:
    """The one region that takes writes for *key*: no conflicts, at the price of the way there for everybody else.

    Rendezvous hashing: when a region dies only its own keys move. *alive*: those that may be chosen (None: all).
    Raises ValueError if nobody is.
    """
    names = [name for name in regions if alive is None or name in alive]
    if not names:
        raise ValueError(f"no region of {', '.join(regions)} is alive to take {key!r}")
    return names[rendezvous(key, names, [1.0] * len(names))]


Version = tuple[Stamp, frozenset[Any]]


def keep_latest(one: Version, other: Version) -> Version:
    """Two regions changed the same value apart from each other: the later one stays, the other is gone."""
    return last_write_wins(one, other)


def keep_both(one: Version, other: Version) -> Version:
    """Two regions changed the same set apart from each other: what either has stays (a grow-only set, a CRDT).

    Right for what only grows, such as orders. What one side has removed comes back: Amazon's cart did (Dynamo 2007).
    """
    return max(one[0], other[0]), one[1] | other[1]


MERGES: dict[str, Callable[[Version, Version], Version]] = {"last writer wins": keep_latest, "merge": keep_both}


def restored_after(order: Iterable[tuple[str, float]], rto_s: float) -> list[str]:
    """Which services are back too late, in a recovery that brings them back one after the other: (name, seconds).

    Raises ValueError for a negative time.
    """
    late, now = [], 0.0
    for name, takes_s in order:
        if takes_s < 0:
            raise ValueError(f"{name}: a recovery takes 0 or more seconds, got {takes_s}")
        now += takes_s
        if now > rto_s:
            late.append(name)
    return late
