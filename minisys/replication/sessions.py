"""What one client may count on between its own calls: the graphs behind read_your_writes, monotonic_reads and causal.

A user saves a profile, reloads, and sees the old one. No other user is involved and no clock: the promise that broke
is about one session. Each check below collects what must have come before what, and looks for a circle.

Promised: a circle found is a violation. A value with several possible writers gives no edge, so such histories are
judged mildly. Source: Terry et al. 1994; Bouajjani et al., "On verifying causal consistency", POPL 2017.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from minisys.replication.history import History, Operation
from minisys.replication.registers import IMPOSSIBLE, leaves, sees

START = -1  # stands for the write of the initial value
Edge = tuple[int, int, tuple[Operation, ...]]  # this write is older than that one, because of these operations


def own_writes(history: History, initial: Any) -> list[Operation]:
    """The operations of a circle made of "my write is older than what I then read"; empty if there is none."""
    for key, operations in history.by_key():
        order = _Writes(operations, _initial(initial, key))
        edges, last = list[Edge](), dict[int, int]()
        for at, operation in enumerate(order.operations):
            if operation.outcome != "ok":
                continue
            source, mine = order.source(operation), last.get(operation.process)
            if source is not None and mine is not None and source != mine:
                edges.append((mine, source, (order.operations[mine], operation)))
            if operation.writes:
                last[operation.process] = at
        found = order.circle(edges)
        if found:
            return found
    return []


def going_back(history: History, initial: Any) -> list[Operation]:
    """The operations of a circle made of "what I read first is not newer than what I read next"."""
    for key, operations in history.by_key():
        order = _Writes(operations, _initial(initial, key))
        edges, last = list[Edge](), dict[int, tuple[int, Operation]]()
        for operation in order.operations:
            source = order.source(operation) if operation.outcome == "ok" else None
            if source is None:
                continue
            before = last.get(operation.process)
            if before is not None and before[0] != source:
                edges.append((before[0], source, (before[1], operation)))
            last[operation.process] = (source, operation)
        found = order.circle(edges)
        if found:
            return found
    return []


def _initial(initial: Any, key: str) -> Any:
    return initial.get(key) if isinstance(initial, Mapping) else initial


class _Writes:
    """The writes of one key and what is known of their order: by the clock, and by edges from sessions."""

    def __init__(self, operations: History, initial: Any) -> None:
        self.operations = sorted(operations, key=lambda o: (o.invoked_s, o.responded_s))
        self.wrote: dict[Any, list[int]] = {initial: [START]}
        for at, operation in enumerate(self.operations):
            if operation.writes and leaves(operation) is not IMPOSSIBLE:
                self.wrote.setdefault(leaves(operation), []).append(at)

    def source(self, operation: Operation) -> int | None:
        """Which write *operation* read from; None if it read nothing or there are several possible ones."""
        found = self.wrote.get(sees(operation), []) if sees(operation) is not IMPOSSIBLE else []
        return found[0] if len(found) == 1 else None

    def circle(self, edges: list[Edge]) -> list[Operation]:
        """The operations that put some write before itself: by one edge against the clock, else by several."""
        for older, newer, why in edges:
            if self._end(newer) < self._begin(older):
                return self._named({older, newer}, why)
        before: dict[Any, set[Any]] = {newer: set() for _, newer, _ in edges}
        for older, newer, _ in edges:
            before[newer].add(older)
        for node, earlier in self._clock({w for older, newer, _ in edges for w in (older, newer)}):
            before.setdefault(node, set()).add(earlier)
        try:
            TopologicalSorter(before).prepare()
        except CycleError as error:
            inside = [node for node in error.args[1] if isinstance(node, int)]
            whys = [why for older, newer, why in edges if older in inside and newer in inside]
            return self._named(set(inside), tuple(o for why in whys for o in why))
        return []

    def _clock(self, writes: set[int]) -> Iterator[tuple[Any, Any]]:
        """(later, earlier) by the clock, through a chain of the moments between: n edges instead of n * n."""
        moments = sorted({self._end(w) for w in writes if self._end(w) < math.inf})
        yield from ((("after", b), ("after", a)) for a, b in zip(moments, moments[1:], strict=False))
        yield from ((("after", self._end(w)), w) for w in writes if self._end(w) < math.inf)
        for write in writes:
            at = bisect.bisect_left(moments, self._begin(write))
            if at:
                yield write, ("after", moments[at - 1])

    def _begin(self, write: int) -> float:
        return -math.inf if write == START else self.operations[write].invoked_s

    def _end(self, write: int) -> float:
        return -math.inf if write == START else self.operations[write].end_s

    def _named(self, writes: set[int], why: tuple[Operation, ...]) -> list[Operation]:
        found = {id(o): o for o in (*why, *(self.operations[w] for w in writes if w != START))}
        return sorted(found.values(), key=lambda o: (o.invoked_s, o.responded_s))


def broken_cause(history: History, initial: Any) -> tuple[list[Operation], str]:
    """The operations of a read that ignores what it depends on, and the name of that; empty if there is none."""
    causes = _Causes(history, initial)
    try:
        order = list(TopologicalSorter(causes.before).static_order())
    except CycleError as error:
        return [causes.operations[at] for at in dict.fromkeys(error.args[1])], "effect before its cause"
    for at in order:
        causes.learn(at)
    for at in order:
        newer = causes.overlooked(at)
        if newer is not None:
            involved = {at, newer, *({causes.read_from[at]} - {START})}
            return [causes.operations[i] for i in sorted(involved)], "cause overlooked"
    return [], ""


class _Causes:
    """What came before what, by own order and by reading: for each operation how much of every process it knows."""

    def __init__(self, history: History, initial: Any) -> None:
        by_key = {key: _Writes(part, _initial(initial, key)) for key, part in history.by_key()}
        self.operations = sorted(
            (o for o in history if o.outcome == "ok" or o.writes), key=lambda o: (o.invoked_s, o.responded_s)
        )
        places = {id(o): at for at, o in enumerate(self.operations)}
        self.before: dict[int, set[int]] = {at: set() for at in range(len(self.operations))}
        self.read_from: dict[int, int] = {}
        self.knows: dict[int, dict[Any, int]] = {}
        self.places: dict[int, tuple[Any, int]] = {}
        self.written: dict[tuple[str, Any], list[tuple[int, int]]] = {}
        self._own_order()
        for at, operation in enumerate(self.operations):
            writes = by_key[operation.key]
            source = writes.source(operation) if operation.outcome == "ok" else None
            if source is not None:
                self.read_from[at] = START if source == START else places[id(writes.operations[source])]
                self.before[at] |= {self.read_from[at]} - {START, at}

    def _own_order(self) -> None:
        last: dict[int, tuple[int, int]] = {}
        for at, operation in enumerate(self.operations):
            previous, count = last.get(operation.process, (None, 0))
            if previous is not None:
                self.before[at].add(previous)
            known = operation.outcome == "ok"
            thread = operation.process if known else ("indefinite", at)  # nothing of its own process waits for it
            self.places[at] = (thread, count + 1 if known else 1)
            if known:
                last[operation.process] = (at, count + 1)
            if operation.writes:
                self.written.setdefault((operation.key, thread), []).append((self.places[at][1], at))

    def learn(self, at: int) -> None:
        """What *at* knows: all that those directly before it know, and themselves."""
        known: dict[Any, int] = {}
        for earlier in self.before[at]:
            for thread, count in (*self.knows[earlier].items(), self.places[earlier]):
                known[thread] = max(known.get(thread, 0), count)
        self.knows[at] = known

    def overlooked(self, at: int) -> int | None:
        """A write that *at* knows of, newer by cause than the one it read from."""
        source, key = self.read_from.get(at), self.operations[at].key
        if source is None:
            return None
        for thread, count in self.knows[at].items():
            mine = self.written.get((key, thread), [])
            last = bisect.bisect_right(mine, (count, math.inf))
            if last and mine[last - 1][1] != source and self._follows(mine[last - 1][1], source):
                return mine[last - 1][1]
        return None

    def _follows(self, write: int, source: int) -> bool:
        if source == START:
            return True
        thread, count = self.places[source]
        return self.knows[write].get(thread, 0) >= count
