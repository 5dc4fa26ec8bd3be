"""From a broken history of thousands of operations to the three that show the fault, and the fault's name.

A checker that only says "no" helps nobody at three in the morning. An operation may be left out if what is left would
still have to be allowed: a read always; a write if nobody left saw its value. What still violates after that is the
violation. Promised: the reduced history violates by itself, and every step keeps "if the whole is fine, so is the
part". Not promised: that it is the smallest there is, or that increments can be left out (each one depends on all
before it).

The names are those of the trade: stale read, lost write, lost update, dirty read, new-old inversion, split brain.
They are read off the reduced history and are a diagnosis, not a proof: the proof is the violation itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from minisys.replication.history import Operation
from minisys.replication.registers import IMPOSSIBLE, UNKNOWN, leaves, pure, sees, tells_more
from minisys.replication.search import RealTime

FEW = 6
Violates = Callable[[list[Operation]], bool]


def reduced(search: RealTime, operations: list[Operation]) -> list[Operation]:
    """A small part of *operations* (one key's) that is not linearizable, after *search* found that they are not."""
    part = _until(operations, search.known[search.stuck].responded_s)
    initial, short = search.initial, _last(part, UNKNOWN)
    if short:
        part, initial = (
            short,
            UNKNOWN,
        )  # wrong whatever the register began with, and so is any part after a quiet moment
    else:
        part = part if not RealTime(part, initial).exists() else operations
    part = _earliest(part, initial)
    while True:
        smaller = fewer(part, lambda some: not RealTime(some, initial).exists())
        if initial is UNKNOWN and len(smaller) > FEW:  # a short one is left with the writes that were read
            smaller = _after_quiet(smaller)
        if len(smaller) == len(part):
            return sorted(smaller, key=lambda o: (o.invoked_s, o.responded_s))
        part = smaller


def _until(operations: list[Operation], at: float) -> list[Operation]:
    """The history as it was at the moment *at*: what was open then is of unknown outcome."""
    known = [o for o in operations if o.outcome == "ok" and o.responded_s <= at]
    open_ = [o for o in operations if o.writes and o.invoked_s <= at and o.end_s > at]
    return [*known, *(replace(o, outcome="indefinite", result=None, responded_s=math.inf) for o in open_)]


def _earliest(operations: list[Operation], initial: Any) -> list[Operation]:
    """The history as it was at the first answer that made it wrong."""
    ends = sorted(o.responded_s for o in operations if o.outcome == "ok")
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        right = RealTime(_until(operations, ends[middle]), initial).exists()
        low, high = (middle + 1, high) if right else (low, middle)
    return _until(operations, ends[low])


def fewer(operations: list[Operation], violates: Violates) -> list[Operation]:
    """Leave out as many as can be, in chunks that get smaller (Zeller and Hildebrandt's delta debugging, 2002)."""
    part = sorted(operations, key=lambda o: (o.invoked_s, o.responded_s))
    size = max(len(part) // 2, 1)
    while True:
        at = 0
        while at < len(part):
            without = _leave_out(part, at, size)
            if len(without) < len(part) and violates(without):
                part = without
            else:
                at += size
        if size == 1:
            return part
        size //= 2


def _last(operations: list[Operation], initial: Any) -> list[Operation]:
    """Only the end, where the answer is that made it wrong, if that is enough; else nothing."""
    part = sorted(operations, key=lambda o: (o.invoked_s, o.responded_s))
    for keep in (8, 32, 128, len(part)):
        short = _leave_out(part, 0, max(len(part) - keep, 0))
        if not RealTime(short, initial).exists():
            return short
    return []


def _leave_out(part: list[Operation], at: int, size: int) -> list[Operation]:
    """*part* without those of the chunk that may be left out, which depends on what the others saw."""
    chunk, others = part[at : at + size], [*part[:at], *part[at + size :]]
    stays: list[Operation] = []
    for _ in range(2):  # a write that stays may itself have seen another
        rest = [*others, *stays]
        seen, more = {(o.key, sees(o)) for o in rest}, any(tells_more(o) for o in rest)
        stays = [o for o in chunk if _binds(o) and (more or (o.key, leaves(o)) in seen)]
    return sorted([*others, *stays], key=lambda o: (o.invoked_s, o.responded_s)) if stays else others


def _binds(operation: Operation) -> bool:
    """Whether it may have set a value that another operation needs."""
    return operation.outcome != "failed" and operation.kind != "read" and not pure(operation)


def _after_quiet(part: list[Operation]) -> list[Operation]:
    """The part after the latest moment at which nothing was open, if it violates by itself from any value."""
    known = sorted((o for o in part if o.outcome == "ok"), key=lambda o: o.invoked_s)
    cuts, latest = [], -math.inf
    for at, operation in enumerate(known):
        if at and operation.invoked_s > latest:
            cuts.append(at)
        latest = max(latest, operation.responded_s)
    maybe = [o for o in part if o.outcome != "ok"]
    for at in reversed(cuts):
        if not RealTime([*known[at:], *maybe], UNKNOWN).exists():
            return [*known[at:], *maybe]
    return part


def name(part: list[Operation], whole: Iterable[Operation], initial: Any = None) -> str:
    """What the trade calls the violation *part* of the history *whole* of one key."""
    everything = sorted(whole, key=lambda o: o.invoked_s)
    readers = sorted((o for o in part if o.outcome == "ok" and sees(o) is not IMPOSSIBLE), key=lambda o: o.responded_s)
    for test in (_from_nowhere, _lost_update, _split, _old):
        found = test(part, readers, everything, initial)
        if found:
            return found
    return "not linearizable"


def _from_nowhere(_: list[Operation], readers: list[Operation], whole: list[Operation], initial: Any) -> str:
    for read in readers:
        value = sees(read)
        sources = _writers(whole, value)
        if sources or value == initial or value is None:
            if sources and value != initial and all(o.invoked_s > read.responded_s for o in sources):
                return "read from the future"
        elif any(o.outcome == "failed" and o.kind == "write" and o.value == value for o in whole):
            return "dirty read"
        elif not any(tells_more(o) for o in whole):
            return "value from nowhere"
    return ""


def _lost_update(part: list[Operation], *_: Any) -> str:
    """Two changes that were both granted on the same value: the second forgot the first."""
    changed = [o for o in part if o.outcome == "ok" and o.kind in ("cas", "incr") and not pure(o)]
    found = [sees(o) for o in changed if sees(o) is not IMPOSSIBLE]
    return "lost update" if len(set(found)) < len(found) else ""


def _split(part: list[Operation], readers: list[Operation], *_: Any) -> str:
    """Two readers, one after the other, each of another write, and both writes were over: two servers hold a truth."""
    for one, other in itertools.combinations(readers, 2):
        if sees(one) != sees(other):
            first, second = _writers(part, sees(one)), _writers(part, sees(other))
            over = all(o.end_s < one.invoked_s for o in (*first, *second))
            if first and second and over and not any(_after(a, b) or _after(b, a) for a in first for b in second):
                return "split brain"
    return ""


def _writers(part: list[Operation], value: Any) -> list[Operation]:
    return [o for o in part if leaves(o) == value]


def _after(one: Operation, other: Operation) -> bool:
    return other.end_s < one.invoked_s


def _old(part: list[Operation], readers: list[Operation], whole: list[Operation], initial: Any) -> str:
    """A read of a value that something newer had replaced; what came after says whether the newer one was lost."""
    for read in readers:
        newer = [o for o in part if o.outcome == "ok" and not pure(o) and o.responded_s < read.invoked_s]
        newer = [o for o in newer if leaves(o) != sees(read) and _older(sees(read), o, whole, initial)]
        if newer:
            return _lost_or_late(read, max(newer, key=lambda o: o.responded_s), whole)
    before = [(a, b) for a in readers for b in readers if a.responded_s < b.invoked_s and sees(a) != sees(b)]
    return "new-old inversion" if before else ""


def _lost_or_late(read: Operation, newer: Operation, whole: list[Operation]) -> str:
    """Lost, if whoever looked afterwards found the old value too, or nobody looked; late, if the newer one came back
    or was overwritten before anybody could see.
    """
    after = [sees(o) for o in whole if o.outcome == "ok" and _after(o, read) and sees(o) is not IMPOSSIBLE]
    existed = [o for o in whole if o.end_s >= newer.invoked_s and o.invoked_s < read.responded_s]
    back = {leaves(o) for o in existed} - {sees(read)}
    return "lost write" if not back & set(after) and (not after or sees(read) in after) else "stale read"


def _older(value: Any, than: Operation, whole: list[Operation], initial: Any) -> bool:
    """Whether *value* was there before *than* began: each write of it was over, or somebody had read it."""
    sources = _writers(whole, value)
    if any(sees(o) == value and o.outcome == "ok" and o.responded_s < than.invoked_s for o in whole):
        return len(sources) <= 1
    return all(o.end_s < than.invoked_s for o in sources) and bool(sources or value == initial or value is None)
