"""Is there one order in which a single copy would have given these answers? The searches behind check.py.

Linearizable: the order must also respect the clock (what was answered before another was sent comes first).
Sequential: it must only respect each client's own order. Both are searches through all orders, made short by three
observations: what matters of a partial order is only *which* operations are in it and the value they left (Lowe's
memo), and values that nobody saw are all one; an operation that changes nothing and fits now may be taken at once; of
several operations of unknown outcome that would do the same, the one sent first may stand for all.

Promised: exact; `tests` compare with every permutation. Not promised: that it is quick for hundreds of clients that
write one key at the same time: the problem is NP-complete (Gibbons and Korach 1997). The search then gives up with
Undecided rather than with a guess.

Source: Wing and Gong, "Testing and verifying concurrent objects", 1993; Lowe, "Testing for linearizability", 2017.
Lowe keeps the operations in a linked list from which he unlinks; here a window of bits over the operations sorted by
their call does the same, because few are open at one moment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from minisys.replication.history import Operation
from minisys.replication.registers import IMPOSSIBLE, UNKNOWN, UNSEEN, leaves, pure, sees, step, tells_more

MOST_STATES = 2_000_000


class Undecided(RuntimeError):
    """The search was given up: too many operations on one key were open at once."""


class RealTime:
    """Orders of the operations on one key that respect the clock; `exists` says whether there is one.

    A state of the search: (operations before this one are all taken, which of those after it are taken, how many of
    each kind of indefinite operation, value).
    """

    def __init__(self, operations: Iterable[Operation], initial: Any = None) -> None:
        live = [o for o in operations if o.outcome != "failed"]
        self.known = sorted((o for o in live if o.outcome == "ok"), key=lambda o: (o.invoked_s, o.responded_s))
        self.maybe = _alike(needed(live))
        more = any(tells_more(o) for o in live)
        self.seen = None if more else {sees(o) for o in live}  # values that matter; None: all of them may
        self.initial = initial
        self.stuck = 0  # how far any order came: all operations before this one

    def exists(self) -> bool:
        start = (0, 0, (0,) * len(self.maybe), self.initial)
        stack, seen = [start], {start}
        while stack:
            state = stack.pop()
            self.stuck = max(self.stuck, state[0])
            if state[0] == len(self.known):
                return True
            for after in self._after(*state):
                if after not in seen:
                    seen.add(after)
                    stack.append(after)
            if len(seen) > MOST_STATES:
                raise Undecided(f"gave up after {MOST_STATES:,} states; use fewer clients a key, or more keys")
        return False

    def _after(self, first: int, window: int, used: tuple[int, ...], value: Any) -> list[tuple]:
        """The states one operation further. One may come next if it was sent before any other was answered."""
        bound, found, at = math.inf, [], first
        while at < len(self.known) and self.known[at].invoked_s <= bound:
            if not window >> (at - first) & 1:
                operation = self.known[at]
                bound = min(bound, operation.responded_s)
                after = self._step(value, operation)
                if after is not IMPOSSIBLE:
                    moved = (*_taken(first, window, at), used, after)
                    if after is UNSEEN is value or (value is not UNKNOWN and pure(operation)):
                        return [moved]
                    found.append((operation.responded_s, moved))
            at += 1
        found.sort(key=lambda pair: -pair[0])  # the stack's top is tried first: what was answered soonest
        return [*self._maybe(first, window, used, value, bound), *(moved for _, moved in found)]

    def _step(self, value: Any, operation: Operation) -> Any:
        """The next value; all values that nobody saw are one, since whatever follows them must be a write."""
        if self.seen is not None and operation.kind == "write" and operation.value not in self.seen:
            return UNSEEN
        return IMPOSSIBLE if value is UNSEEN and sees(operation) is not IMPOSSIBLE else step(value, operation)

    def _maybe(self, first: int, window: int, used: tuple[int, ...], value: Any, bound: float) -> Iterator[tuple]:
        for kind, alike in enumerate(self.maybe):
            if used[kind] < len(alike) and alike[used[kind]].invoked_s <= bound:
                after = self._step(value, alike[used[kind]])
                if after is not value and after is not IMPOSSIBLE:
                    yield first, window, (*used[:kind], used[kind] + 1, *used[kind + 1 :]), after


def _taken(first: int, window: int, at: int) -> tuple[int, int]:
    """The window with operation *at* in it, moved on past what is complete."""
    window |= 1 << (at - first)
    while window & 1:
        window >>= 1
        first += 1
    return first, window


def needed(operations: list[Operation]) -> list[Operation]:
    """The indefinite operations that can explain an answer: nobody need assume a write that nobody ever saw."""
    maybe = [o for o in operations if o.outcome == "indefinite" and o.kind != "read"]
    if any(tells_more(o) for o in operations):
        return maybe
    seen = {sees(o) for o in operations}
    return [o for o in maybe if leaves(o) in seen]


def _alike(operations: list[Operation]) -> list[list[Operation]]:
    """Grouped by what they would do, each group in the order of the calls."""
    groups: dict[tuple, list[Operation]] = {}
    for operation in sorted(operations, key=lambda o: o.invoked_s):
        value = tuple(operation.value) if operation.kind == "cas" else operation.value
        groups.setdefault((operation.kind, value), []).append(operation)
    return list(groups.values())


def program_order_exists(operations: Iterable[Operation], initial: Mapping[str, Any]) -> bool:
    """Whether one order of the operations on *all* keys respects each process's own order; *initial*: value by key.

    Sequential consistency is not a matter of one key at a time: two keys may each be fine and the pair not.
    """
    live = [o for o in operations if o.outcome == "ok" or (o.outcome == "indefinite" and o.kind != "read")]
    order = Programs(sorted(live, key=lambda o: (o.invoked_s, o.responded_s)), initial)
    start = order.start()
    stack, seen = [start], {start}
    while stack:
        state = stack.pop()
        if order.complete(state):
            return True
        fresh = [after for after in order.after(state) if after not in seen]
        seen.update(fresh)
        stack += fresh
        if len(seen) > MOST_STATES:
            raise Undecided(f"gave up after {MOST_STATES:,} states; check a shorter history or fewer keys")
    return False


class Programs:
    """The processes' programs; a state is (how far each process is, indefinite operations done, values by key)."""

    def __init__(self, live: list[Operation], initial: Mapping[str, Any]) -> None:
        self.keys = {key: at for at, key in enumerate(dict.fromkeys(o.key for o in live))}
        self.values = tuple(initial.get(key) for key in self.keys)
        names = list(dict.fromkeys(o.process for o in live))
        self.programs = [[o for o in live if o.process == name and o.outcome == "ok"] for name in names]
        # one of unknown outcome may come at any time after what its process did before it
        self.maybe = [
            (names.index(o.process), sum(before.invoked_s < o.invoked_s for before in self.programs[at]), o)
            for o in live
            if o.outcome == "indefinite"
            for at in [names.index(o.process)]
        ]

    def start(self) -> tuple:
        return (0,) * len(self.programs), 0, self.values

    def complete(self, state: tuple) -> bool:
        return all(at == len(program) for at, program in zip(state[0], self.programs, strict=True))

    def after(self, state: tuple) -> list[tuple]:
        at, done, values = state
        found = []
        for which, (process, position, operation) in enumerate(self.maybe):
            if not done >> which & 1 and at[process] >= position:
                found += [(at, done | 1 << which, moved) for moved in self._step(values, operation)]
        for which, program in enumerate(self.programs):
            if at[which] < len(program):
                operation = program[at[which]]
                further = (*at[:which], at[which] + 1, *at[which + 1 :])
                for moved in self._step(values, operation):
                    if pure(operation):
                        return [(further, done, moved)]
                    found.append((further, done, moved))
        return found

    def _step(self, values: tuple, operation: Operation) -> list[tuple]:
        key = self.keys[operation.key]
        after = step(values[key], operation)
        return [] if after is IMPOSSIBLE else [(*values[:key], after, *values[key + 1 :])]
