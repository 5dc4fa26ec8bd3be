"""Did the store keep its promise? Checks of a history against a consistency level, from strict to loose.

"We have replicas, reads go anywhere, it has been fine so far." A consistency level is a promise about which answers
clients may get; a history either keeps it or breaks it, and no server log is needed to tell.

| check              | the promise                                                                            |
|--------------------|----------------------------------------------------------------------------------------|
| linearizable       | as if there were one copy, and every operation happened at one moment between call and answer |
| sequential         | as if there were one copy; each client's own order holds, the clock does not           |
| causal             | what you saw, and what led to it, stays before what you do next                        |
| read_your_writes   | after your own write was acknowledged you read it, or something newer                  |
| monotonic_reads    | you never read something older than what you have read                                 |

Promised: `linearizable` and `sequential` are exact. The other three need values that were written once each to know who
wrote what; where a value has several possible writers they say nothing about it rather than something wrong.
Indefinite operations may have happened at any time after the call, or never. Not promised: a verdict on a history with
hundreds of clients on one key; then Undecided is raised.

Sources: Herlihy and Wing 1990 (linearizable, checked key by key: it is a local property); Lamport 1979 (sequential);
Terry et al. 1994 (session guarantees); Bouajjani et al., POPL 2017 (causal, by its bad patterns).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from minisys.replication import reduce, sessions
from minisys.replication.history import History, Operation
from minisys.replication.search import RealTime, Undecided, program_order_exists

__all__ = ["Undecided", "Verdict", "causal", "linearizable", "monotonic_reads", "read_your_writes", "sequential"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found. *holds*: the promise was kept. If not: *operations*, the reduced violation in the order of
    the calls, and *anomaly*, its name ("stale read", "lost write" …). *level*: the promise that was checked.
    """

    holds: bool
    operations: tuple[Operation, ...] = ()
    anomaly: str = ""
    level: str = "linearizable"

    def __str__(self) -> str:
        if self.holds:
            return f"{self.level}: yes"
        return "\n".join([f"{self.level}: no ({self.anomaly})", *(f"  {operation}" for operation in self.operations)])


def linearizable(history: Iterable[Operation], initial: Any = None) -> Verdict:
    """Whether one copy could have given these answers, each operation at a moment between its call and its answer.

    *initial*: the value of every key at the start, or a dict with the value of each key. The verdict on the first key
    that is not. Raises ValueError for a client with two open calls, Undecided if the search would take too long.
    """
    for key, operations in _checked(history).by_key():
        start = initial.get(key) if isinstance(initial, Mapping) else initial
        search = RealTime(operations, start)
        if not search.exists():
            part = reduce.reduced(search, list(operations))
            return Verdict(False, tuple(part), reduce.name(part, operations, start))
    return Verdict(True)


def sequential(history: Iterable[Operation], initial: Any = None) -> Verdict:
    """Whether one copy could have given these answers in an order that keeps each client's own, clock aside.

    *initial* as for linearizable. All keys are searched together: use short histories. Raises as linearizable does.
    """
    operations = _checked(history)
    start = initial if isinstance(initial, Mapping) else dict.fromkeys(operations.keys(), initial)
    if program_order_exists(operations, start):
        return Verdict(True, level="sequential")
    part = reduce.fewer(list(operations), lambda some: not program_order_exists(some, start))
    return Verdict(False, tuple(part), "no common order", "sequential")


def read_your_writes(history: Iterable[Operation], initial: Any = None) -> Verdict:
    """Whether each client read its own acknowledged writes or something newer.

    Of two writes the newer is the one that began after the other was over; for writes that overlap, whatever order
    the reads agree on. *initial* as for linearizable.
    """
    found = sessions.own_writes(_checked(history), initial)
    return Verdict(not found, tuple(found), "own write not seen" if found else "", "read your writes")


def monotonic_reads(history: Iterable[Operation], initial: Any = None) -> Verdict:
    """Whether no client read something older than it had read before; newer as in read_your_writes."""
    found = sessions.going_back(_checked(history), initial)
    return Verdict(not found, tuple(found), "read went back" if found else "", "monotonic reads")


def causal(history: Iterable[Operation], initial: Any = None) -> Verdict:
    """Whether causes stay before effects: own order and "read what another wrote", joined over any number of steps."""
    found, anomaly = sessions.broken_cause(_checked(history), initial)
    return Verdict(not found, tuple(found), anomaly, "causal")


def _checked(history: Iterable[Operation]) -> History:
    operations = history if isinstance(history, History) else History(history)
    pair = operations.overlapping()
    if pair is not None:
        raise ValueError(
            f"process {pair[0].process} has two calls open at once; give each client its own number: {pair}"
        )
    return operations
