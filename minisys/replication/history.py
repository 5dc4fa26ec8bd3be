"""What clients asked of a replicated store, what they were told and when: the evidence that a checker judges.

A client writes 7 and is told "done"; another reads at the same time and is told 3. Whether that is right nobody can say
from the servers' logs, because the servers may be what is wrong. It can be said from the outside: every operation with
the moment it was sent, the moment it was answered, and the answer.

Promised: an operation's outcome is one of three. *ok*: it was answered, and the answer is in `result`. *failed*: it
certainly had no effect (refused before anything was done). *indefinite*: nobody knows; it may have taken effect at any
time after it was sent, or never. A time-out is indefinite, not failed: who counts it as failed sees ghosts.
Not done here: judging; see check.py.

Source: Herlihy and Wing, "Linearizability", TOPLAS 1990 (histories of invocations and responses); the three outcomes as
in Jepsen (ok, fail, info).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("read", "write", "cas", "incr", "delete")
OUTCOMES = ("ok", "failed", "indefinite")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of one client on one key.

    *process*: which client; one has at most one call open at a time. *kind*: "read", "write", "cas" (compare and
    set), "incr" or "delete". *value*: what is written; (expected, new) for cas; the amount for incr; None for read and
    delete. *result*: what came back: the value read (None if the key is absent); for cas True if it was set and False
    if the comparison failed; for incr the new number; for delete whether there was something to delete. None for a
    result that the store does not give. *invoked_s*, *responded_s*: seconds on one clock, the second math.inf if no
    answer ever came. *outcome*: "ok", "failed" (certainly without effect) or "indefinite".
    Raises ValueError for an unknown kind or outcome, an answer before the call, or "ok" without an answer.
    """

    process: int
    kind: str
    key: str
    value: Any
    result: Any
    invoked_s: float
    responded_s: float = math.inf
    outcome: str = "ok"

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.outcome not in OUTCOMES:
            raise ValueError(f"kind is one of {KINDS}, outcome one of {OUTCOMES}; got {self.kind!r}, {self.outcome!r}")
        if not self.responded_s >= self.invoked_s:
            raise ValueError(f"answered at {self.responded_s} s, before it was sent at {self.invoked_s} s: {self}")
        if self.outcome == "ok" and self.responded_s == math.inf:
            raise ValueError(f"an operation that is ok has an answer, and a time when it came: {self}")
        if self.kind == "cas" and not (isinstance(self.value, tuple | list) and len(self.value) == 2):
            raise ValueError(f"the value of a cas is (expected, new), not {self.value!r}")

    @property
    def end_s(self) -> float:
        """The latest moment at which the operation can have taken effect: math.inf while nobody knows."""
        return self.responded_s if self.outcome == "ok" else math.inf

    @property
    def writes(self) -> bool:
        """Whether it can have changed the value."""
        return self.kind != "read" and self.outcome != "failed" and not (self.kind == "cas" and self.result is False)

    def __str__(self) -> str:
        to = "?" if self.responded_s == math.inf else f"{self.responded_s:.6g}"
        answer = {"ok": f" -> {self.result!r}", "failed": " failed", "indefinite": " -> ?"}[self.outcome]
        value = "" if self.kind in ("read", "delete") else f" {self.value!r}"
        return f"[{self.invoked_s:.6g}, {to}] p{self.process} {self.kind} {self.key}{value}{answer}"


class History(list[Operation]):
    """Operations in the order they were added; a list with a few questions that everybody asks."""

    def add(self, operation: Operation) -> Operation:
        """Append *operation* and give it back."""
        self.append(operation)
        return operation

    def ok(self) -> History:
        """Only those that were answered."""
        return History(o for o in self if o.outcome == "ok")

    def of(self, key: str) -> History:
        """Only those on *key*."""
        return History(o for o in self if o.key == key)

    def keys(self) -> list[str]:
        """The keys, each once, in the order they first appear."""
        return list(dict.fromkeys(o.key for o in self))

    def by_key(self) -> Iterator[tuple[str, History]]:
        """(key, its operations), each key once; one pass, for histories with many keys."""
        parts: dict[str, History] = {}
        for operation in self:
            parts.setdefault(operation.key, History()).append(operation)
        return iter(parts.items())

    def overlapping(self) -> tuple[Operation, Operation] | None:
        """Two operations of one process that were open at once, which no real client does; None if there are none."""
        last: dict[int, Operation] = {}
        for operation in sorted(self, key=lambda o: (o.invoked_s, o.responded_s)):
            before = last.get(operation.process)
            if before is not None and before.outcome == "ok" and before.responded_s > operation.invoked_s:
                return before, operation
            last[operation.process] = operation
        return None

    def frame(self) -> pd.DataFrame:
        """One row an operation, in the order of their calls, for tables and charts."""
        import pandas as pd  # a live node records without pandas

        columns = list(Operation.__dataclass_fields__)
        rows = [asdict(o) for o in sorted(self, key=lambda o: o.invoked_s)]
        return pd.DataFrame(rows, columns=columns)


def joined(histories: Iterable[Iterable[Operation]]) -> History:
    """The histories of several recorders in one, by the moment of the call. Their clocks must be the same clock."""
    return History(sorted((o for history in histories for o in history), key=lambda o: o.invoked_s))
