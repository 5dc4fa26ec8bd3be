"""Ways to get Raft almost right, each a few lines; raft_bugs.py says which rule each breaks, and finds it.

Each was made before: in theses, in products, in homework. Each class is Raft, or one of the parts around it, with one
wrong decision, and everything else as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from minisys.replication.raft import LEADER, Output, Raft, State
from minisys.replication.raft_cluster import Server
from minisys.replication.raft_messages import (
    MEMBERS,
    AppendEntries,
    Entry,
    Record,
    RequestVote,
    SaveVote,
    Truncate,
)
from minisys.replication.raft_rules import agreed_index, grants_vote
from minisys.replication.raft_store import Store


class Unguarded(State):
    """A state that takes whatever it is told: a bug must be found by what it does, not by this assertion."""

    def _vote(self, term: int, voted_for: str | None) -> None:
        self.term, self.voted_for = term, voted_for

    def _append(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.entries.append(entry)
            if entry.kind == MEMBERS:
                self.members, self.members_index = tuple(entry.data), entry.index


class VotesTwice(Raft):
    """A server votes for whoever asks, again and again in one term."""

    def _grants(self, now: float, request: RequestVote) -> bool:
        state = self.state
        return grants_vote(request, state.term, None, (state.last_term, state.last_index))


class VotesForAnyLog(Raft):
    """A server does not look at the candidate's log."""

    def _grants(self, now: float, request: RequestVote) -> bool:
        return grants_vote(request, self.state.term, self.state.voted_for, (0, 0))


class TakesTheLongerLog(Raft):
    """A server compares the lengths of the logs, not first their last terms."""

    def _grants(self, now: float, request: RequestVote) -> bool:
        free = request.term > self.state.term or self.state.voted_for in (None, request.sender)
        return request.term >= self.state.term and free and request.last_index >= self.state.last_index


class CountsPreVotes(Raft):
    """A candidate takes the promise of a vote for the vote."""

    def _stand(self, now: float, pre: bool) -> None:
        promised = set() if pre else self.votes
        super()._stand(now, pre)
        self.votes |= promised
        if not pre and self.role != LEADER:
            self._count(now)


class StaysLeader(Raft):
    """A leader that hears of a later term leads on in it."""

    def _follow(self, now: float, leader: str | None) -> None:
        if self.role != LEADER:
            super()._follow(now, leader)


class AgreesOnOldTerms(Raft):
    """A leader counts the copies of an earlier leader's entry (figure 8)."""

    most = 1  # so that an old entry and the leader's own do not come in one message

    def _advance(self, now: float) -> None:
        self.commit = max(self.commit, agreed_index([self._match(member) for member in self.members]))


class AgreesWithTwoOfFive(Raft):
    """A leader takes one less than a majority."""

    def _advance(self, now: float) -> None:
        super()._advance(now)
        match = sorted((self._match(member) for member in self.members), reverse=True)
        half = match[max(len(match) // 2 - 1, 0)]
        if self.role == LEADER and half > self.commit and self.state.term_at(half) == self.state.term:
            self.commit = half


class CountsWhatItSent(Raft):
    """A leader takes sent for stored."""

    def _send_append(self, now: float, peer: str, beat: bool = False) -> None:
        super()._send_append(now, peer, beat)
        if self.progress[peer].busy:
            self.progress[peer].match = max(self.progress[peer].match, self.state.last_index)


class DoesNotLookBack(Raft):
    """A follower appends without comparing the entry that stands before."""

    def _agrees(self, index: int, term: int) -> bool:
        return index <= self.state.last_index


class CutsWhatMatches(Raft):
    """A follower cuts off what an old, late message does not know."""

    def _take(self, entries: Sequence[Entry]) -> None:
        if entries and self.state.snapshot.index < entries[0].index <= self.state.last_index:
            self._write(Truncate(entries[0].index - 1))
        super()._take(entries)


class BelievesItsOwnTail(Raft):
    """A follower applies entries that the leader has not compared yet."""

    def _on_append(self, now: float, message: AppendEntries) -> None:
        super()._on_append(now, message)
        if message.term == self.state.term:
            self.commit = max(self.commit, min(message.commit, self.state.last_index))


class ReadsWithoutAsking(Raft):
    """A leader answers reads at once: it is the leader, is it not?"""

    def read(self, now: float, ticket: Any) -> Output:
        if self.role != LEADER:
            return super().read(now, ticket)
        self._out.reads.append(ticket)
        return self._done()


class AnswersWhenDeposed(Raft):
    """A leader that steps down answers the reads that still wait."""

    def _resigned(self) -> None:
        self._out.reads += [ticket for _, _, ticket in self.waiting]
        self.waiting.clear()


class ReadsBeforeItsNoOp(Raft):
    """A new leader reads before it knows what is agreed."""

    def read(self, now: float, ticket: Any) -> Output:
        self.term_start = 0
        return super().read(now, ticket)


class ChangesTwoAtOnce(Raft):
    """Members change by any number, at any time."""

    def change(self, now: float, members: Iterable[str]) -> Output:
        if self.role != LEADER:
            return self._done(why=f"{self.name} is not the leader")
        entries = self._extend(now, [(MEMBERS, sorted(set(members)))])
        return self._done(proposed=entries)


class Forgets(Server):
    """A server that keeps on its disk only what `keeps` says."""

    def keeps(self, record: Record) -> Record | None:
        raise NotImplementedError

    def _written(self, out: Output) -> None:
        kept = [kept for record in out.records if (kept := self.keeps(record)) is not None]
        super()._written(replace(out, records=kept))


class ForgetsItsVote(Forgets):
    """The vote is not on the disk."""

    def keeps(self, record: Record) -> Record | None:
        return SaveVote(record.term, None) if isinstance(record, SaveVote) else record


class ForgetsItsLog(Forgets):
    """The log is not on the disk."""

    def keeps(self, record: Record) -> Record | None:
        return record if isinstance(record, SaveVote) else None


class LosesItsDisk(Forgets):
    """A server comes back under its old name with an empty disk, and votes."""

    def keeps(self, record: Record) -> Record | None:
        return None


class SpeaksBeforeTheDisk(Server):
    """Messages go out while the disk still writes."""

    def _persist(self, out: Output) -> None:
        self._carry_out(replace(out, records=[]))
        super()._persist(Output(records=out.records))


class SnapshotsOneTooFar(Server):
    """A snapshot names the last entry, and does not have it."""

    def _apply(self, entry: Entry) -> None:
        self.before = self.store.data()
        super()._apply(entry)

    def _compact(self, now: float) -> Output:
        return self.raft.compact(now, self.raft.applied, getattr(self, "before", self.store.data()))


class AnswersBeforeAgreement(Server):
    """A leader says "done" as soon as it has written itself."""

    def _ask(self, client: str, command: dict[str, Any], now: float) -> Output:
        out = super()._ask(client, command, now)
        if out.proposed and command["kind"] == "write":
            self._tell(client, command, done=True)
        return out


class NoSessions(Store):
    """A command that was repeated is carried out again."""

    def apply(self, command: dict[str, Any]) -> Any:
        return self.answer(command)


class SnapshotsWithoutSessions(Store):
    """After a snapshot a repeated command is new."""

    def data(self) -> dict[str, Any]:
        return {**super().data(), "answered": {}}
