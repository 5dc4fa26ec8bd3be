"""What a Raft server may never forget: its term, its vote, its log, and the snapshot that replaced the log's beginning.

A server that wakes up after a power cut has to keep the promises of the night before. It can if every change of these
four was a record on its disk before anybody heard of it; reading the records back in order gives the state again.

Promised: `State.apply(record)` is the only way in which the state changes, for the running server and for the one that
reads its disk after a restart. A record that does not fit (a gap in the log, an old term) raises ValueError, because
the disk then holds something else than was written. Not done: files, fsync (log.py).

Source: ATC 2014, figure 2 (persistent state) and section 7; thesis, 4.1 (a configuration holds from its entry on).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minisys.replication.raft_messages import (
    MEMBERS,
    Entry,
    Record,
    SaveEntries,
    SaveSnapshot,
    SaveVote,
    Snapshot,
    Truncate,
)


class State:
    """The durable state of one server; *members* are the servers of a new cluster, () for one that will be added."""

    def __init__(self, members: Iterable[str] = ()) -> None:
        self.term = 0
        self.voted_for: str | None = None
        self.snapshot = Snapshot(0, 0, tuple(sorted(members)))
        self.entries: list[Entry] = []  # those after the snapshot
        self.members = self.snapshot.members  # in force now: the newest in the log, committed or not
        self.members_index = 0  # the entry that put them in force

    @property
    def last_index(self) -> int:
        """The place of the last entry, 0 in an empty log."""
        return self.snapshot.index + len(self.entries)

    @property
    def last_term(self) -> int:
        """The term of the last entry, 0 in an empty log."""
        return self.entries[-1].term if self.entries else self.snapshot.term

    def term_at(self, index: int) -> int | None:
        """The term of the entry at *index*; None where the log has none, or none any more."""
        if index == self.snapshot.index:
            return self.snapshot.term
        place = index - self.snapshot.index - 1
        return self.entries[place].term if 0 <= place < len(self.entries) else None

    def between(self, first: int, last: int) -> Sequence[Entry]:
        """The entries from *first* to *last*, both counted."""
        start = self.snapshot.index + 1
        return self.entries[max(first - start, 0) : max(last + 1 - start, 0)]

    def members_at(self, index: int) -> tuple[str, ...]:
        """Who was a member once the entry at *index* was written."""
        for entry in reversed(self.between(self.snapshot.index + 1, index)):
            if entry.kind == MEMBERS:
                return tuple(entry.data)
        return self.snapshot.members

    def apply(self, record: Record) -> None:
        """Take one record in. Raises ValueError if it cannot follow what is there."""
        match record:
            case SaveVote(term, voted_for):
                self._vote(term, voted_for)
            case SaveEntries(entries):
                self._append(entries)
            case Truncate(index):
                self._truncate(index)
            case SaveSnapshot(snapshot):
                self._replace(snapshot)
            case _:
                raise ValueError(f"not a record: {record!r}")

    def _vote(self, term: int, voted_for: str | None) -> None:
        if term < self.term or (term == self.term and self.voted_for not in (None, voted_for)):
            raise ValueError(f"vote for {voted_for} in term {term} after {self.voted_for} in term {self.term}")
        self.term, self.voted_for = term, voted_for

    def _append(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.index != self.last_index + 1 or entry.term < self.last_term:
                raise ValueError(
                    f"entry {entry.index} of term {entry.term} cannot follow {self.last_index} of {self.last_term}"
                )
            self.entries.append(entry)
            if entry.kind == MEMBERS:
                self.members, self.members_index = tuple(entry.data), entry.index

    def _truncate(self, index: int) -> None:
        if not self.snapshot.index <= index <= self.last_index:
            raise ValueError(f"cannot cut after {index}: the log has {self.snapshot.index} to {self.last_index}")
        del self.entries[index - self.snapshot.index :]
        self._look_up_members()

    def _replace(self, snapshot: Snapshot) -> None:
        """Section 7: entries after the snapshot stay if the log agrees with it, otherwise the whole log goes."""
        if snapshot.index < self.snapshot.index:
            raise ValueError(f"snapshot of {snapshot.index} after one of {self.snapshot.index}")
        agrees = self.term_at(snapshot.index) == snapshot.term
        self.entries = list(self.between(snapshot.index + 1, self.last_index)) if agrees else []
        self.snapshot = snapshot
        self._look_up_members()

    def _look_up_members(self) -> None:
        self.members, self.members_index = self.snapshot.members, self.snapshot.index
        for entry in self.entries:
            if entry.kind == MEMBERS:
                self.members, self.members_index = tuple(entry.data), entry.index
