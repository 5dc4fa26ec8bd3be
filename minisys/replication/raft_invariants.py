"""Raft's five promises (figure 3 of the paper), asserted after every step of a run in the model.

A bug in consensus seldom shows where it happens: a vote too many on Monday, a lost order on Friday. So a run is not
judged by its end. After each step of each server this looks at what has just changed, and stops at the first breach.

Promised: `Broken` names the promise, the servers and the entries. Each check costs a few dictionary look-ups, because
the promises are kept by induction: only what is new is compared, with what was seen before. Not done: judging what
clients were told (check.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minisys.replication.history import History, Operation
from minisys.replication.raft import LEADER, Output, State
from minisys.replication.raft_messages import Entry, SaveEntries, SaveVote, Snapshot, Truncate

if TYPE_CHECKING:
    from minisys.replication.raft_cluster import Server


MOST_STEPS = 60_000  # a run that is right takes some 5,000


class Broken(AssertionError):
    """One of Raft's promises does not hold; *promise* is its name.

    *operations*: what clients were told that cannot be, and *history*: all that they were told, if it shows there;
    *index*: the entry of the log, if it is about one.
    """

    def __init__(
        self, promise: str, told: str, *, operations: tuple[Operation, ...] = (), history: History | None = None,
        index: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(f"{promise}: {told}")
        self.promise, self.operations, self.index = promise, operations, index
        self.history = history if history is not None else History()


class Invariants:
    """What was seen in the run so far, and the checks of what comes."""

    def __init__(self) -> None:
        self.leaders: dict[int, str] = {}  # by term
        self.written: dict[tuple[int, int], tuple[int, Entry]] = {}  # (index, term): term of the entry before, entry
        self.agreed: dict[int, tuple[Entry, int]] = {}  # by index: the entry, and the term in which it was agreed
        self.at: dict[Server, int] = {}  # what a server in one of its lives applied last
        self.elections = self.steps = 0
        self.voted: Callable[[], None] = lambda: None  # called when a server votes
        self.began: Callable[[], None] = lambda: None  # called when a leader begins

    def stepped(self, server: Server, out: Output) -> None:
        """Before anything of *out* is done: elections, and what is about to be written or cut off."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Broken("goes on again", f"{self.steps} steps, and no end: the servers keep each other busy")
        raft = server.raft
        if raft.role == LEADER and self.leaders.get(raft.state.term) != raft.name:
            self._elected(raft.name, raft.state)
        for record in out.records:
            if isinstance(record, SaveEntries):
                self._log_matching(raft.name, raft.state, record.entries)
            elif isinstance(record, Truncate):
                self._nothing_agreed_is_cut(server, record.index)
            elif isinstance(record, SaveVote) and record.voted_for is not None:
                self.voted()

    def _elected(self, name: str, state: State) -> None:
        """Election safety, and leader completeness."""
        if state.term in self.leaders:
            raise Broken("election safety", f"{self.leaders[state.term]} and {name} both lead in term {state.term}")
        self.leaders[state.term] = name
        self.elections += 1
        self.began()
        for index, (entry, term) in self.agreed.items():
            if term < state.term and index > state.snapshot.index and state.term_at(index) != entry.term:
                raise Broken(
                    "leader completeness",
                    f"{name} leads in term {state.term} without the agreed entry {index} of term {entry.term}",
                    index=index,
                )

    def _log_matching(self, name: str, state: State, entries: tuple[Entry, ...]) -> None:
        """Same index and term: same entry, and the same before it. By induction the whole logs before are equal."""
        for entry in entries:
            before = state.term_at(entry.index - 1)
            if before is None:
                continue  # a snapshot has replaced it in the same step
            seen = self.written.setdefault((entry.index, entry.term), (before, entry))
            if seen != (before, entry):
                raise Broken("log matching", f"{name} wrote {entry} after term {before}, elsewhere it is {seen}")

    def _nothing_agreed_is_cut(self, server: Server, index: int) -> None:
        """No agreed entry goes from a log that had it; the disk still has the log from before the step."""
        old = server.disk.state(type(server.raft.state))
        for entry in old.between(index + 1, old.last_index):
            if self.agreed.get(entry.index, (None, 0))[0] == entry:
                raise Broken("no agreed entry is lost", f"{server.name} cuts off the agreed {entry}")

    def applied(self, server: Server, entry: Entry) -> None:
        """State machine safety: everywhere the same entry at an index, and none left out."""
        if entry.index != self.at.get(server, 0) + 1:
            raise Broken("state machine safety", f"{server.name} applies {entry} after {self.at.get(server, 0)}")
        self.at[server] = entry.index
        agreed, _ = self.agreed.setdefault(entry.index, (entry, server.raft.state.term))
        if agreed != entry:
            raise Broken("state machine safety", f"{server.name} applies {entry}, elsewhere it was {agreed}")

    def restored(self, server: Server, snapshot: Snapshot) -> None:
        """A snapshot stands for agreed entries only."""
        agreed = self.agreed.get(snapshot.index)
        if snapshot.index and (agreed is None or agreed[0].term != snapshot.term):
            raise Broken(
                "state machine safety", f"{server.name} takes a snapshot of {snapshot.index} that is not agreed"
            )
        self.at[server] = snapshot.index
