"""Twenty ways to get Raft almost right, each a few lines: does the model notice?

A checker that has never found anything may be perfect or asleep. So here are mistakes that were made before, in theses,
products and homework, each planted alone into servers that are otherwise right. The model has to find every one.

Promised: each `Bug` is one wrong decision, named as one would say it, with the rule that it breaks. `found(bug)`
searches seeds in order and gives the first run in which a promise breaks. Not promised: that a bug shows in every run;
some need a crash between two messages, and that is why they live long in real systems.
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
    VoteReply,
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
    def _grants(self, now: float, request: RequestVote) -> bool:
        state = self.state
        return grants_vote(request, state.term, None, (state.last_term, state.last_index))


class VotesForAnyLog(Raft):
    def _grants(self, now: float, request: RequestVote) -> bool:
        return grants_vote(request, self.state.term, self.state.voted_for, (0, 0))


class TakesTheLongerLog(Raft):
    def _grants(self, now: float, request: RequestVote) -> bool:
        free = request.term > self.state.term or self.state.voted_for in (None, request.sender)
        return request.term >= self.state.term and free and request.last_index >= self.state.last_index


class CountsOldVotes(Raft):
    def _on_vote_reply(self, now: float, reply: VoteReply) -> None:
        super()._on_vote_reply(now, replace(reply, term=self.state.term + reply.pre))


class CountsPreVotes(Raft):
    def _stand(self, now: float, pre: bool) -> None:
        promised = set() if pre else self.votes
        super()._stand(now, pre)
        self.votes |= promised
        if not pre and self.role != LEADER:
            self._count(now)


class StaysLeader(Raft):
    def _follow(self, now: float, leader: str | None) -> None:
        if self.role != LEADER:
            super()._follow(now, leader)


class AgreesOnOldTerms(Raft):
    most = 1  # so that an old entry and the leader's own do not come in one message

    def _advance(self, now: float) -> None:
        self.commit = max(self.commit, agreed_index([self._match(member) for member in self.members]))


class AgreesWithTwoOfFive(Raft):
    def _advance(self, now: float) -> None:
        super()._advance(now)
        match = sorted((self._match(member) for member in self.members), reverse=True)
        half = match[max(len(match) // 2 - 1, 0)]
        if self.role == LEADER and half > self.commit and self.state.term_at(half) == self.state.term:
            self.commit = half


class CountsWhatItSent(Raft):
    def _send_append(self, now: float, peer: str, beat: bool = False) -> None:
        super()._send_append(now, peer, beat)
        if self.progress[peer].busy:
            self.progress[peer].match = max(self.progress[peer].match, self.state.last_index)


class DoesNotLookBack(Raft):
    def _agrees(self, index: int, term: int) -> bool:
        return index <= self.state.last_index


class CutsWhatMatches(Raft):
    def _take(self, entries: Sequence[Entry]) -> None:
        if entries and self.state.snapshot.index < entries[0].index <= self.state.last_index:
            self._write(Truncate(entries[0].index - 1))
        super()._take(entries)


class BelievesItsOwnTail(Raft):
    def _on_append(self, now: float, message: AppendEntries) -> None:
        super()._on_append(now, message)
        if message.term == self.state.term:
            self.commit = max(self.commit, min(message.commit, self.state.last_index))


class ReadsWithoutAsking(Raft):
    def read(self, now: float, ticket: Any) -> Output:
        if self.role != LEADER:
            return super().read(now, ticket)
        self._out.reads.append(ticket)
        return self._done()


class AnswersWhenDeposed(Raft):
    def _resigned(self) -> None:
        self._out.reads += [ticket for _, _, ticket in self.waiting]
        self.waiting.clear()


class ReadsBeforeItsNoOp(Raft):
    def read(self, now: float, ticket: Any) -> Output:
        self.term_start = 0
        return super().read(now, ticket)


class ChangesTwoAtOnce(Raft):
    def change(self, now: float, members: Iterable[str]) -> Output:
        if self.role != LEADER:
            return self._done(why=f"{self.name} is not the leader")
        entries = self._extend(now, [(MEMBERS, sorted(set(members)))])
        return self._done(proposed=entries)


class ChangesTooEarly(Raft):
    def change(self, now: float, members: Iterable[str]) -> Output:
        kept, self.term_start = self.term_start, 0
        out = super().change(now, members)
        self.term_start = kept
        return out


class Forgets(Server):
    """A server that keeps on its disk only what `keeps` says."""

    def keeps(self, record: Record) -> Record | None:
        raise NotImplementedError

    def _written(self, out: Output) -> None:
        kept = [kept for record in out.records if (kept := self.keeps(record)) is not None]
        super()._written(replace(out, records=kept))


class ForgetsItsVote(Forgets):
    def keeps(self, record: Record) -> Record | None:
        return SaveVote(record.term, None) if isinstance(record, SaveVote) else record


class ForgetsItsLog(Forgets):
    def keeps(self, record: Record) -> Record | None:
        return record if isinstance(record, SaveVote) else None


class SpeaksBeforeTheDisk(Server):
    def _persist(self, out: Output) -> None:
        self._carry_out(replace(out, records=[]))
        super()._persist(Output(records=out.records))


class SnapshotsOneTooFar(Server):
    def _apply(self, entry: Entry) -> None:
        self.before = self.store.data()
        super()._apply(entry)

    def _compact(self, now: float) -> Output:
        return self.raft.compact(now, self.raft.applied, getattr(self, "before", self.store.data()))


class AnswersBeforeAgreement(Server):
    def _ask(self, client: str, command: dict[str, Any], now: float) -> Output:
        out = super()._ask(client, command, now)
        if out.proposed and command["kind"] == "write":
            self._tell(client, command, done=True)
        return out


class NoSessions(Store):
    def apply(self, command: dict[str, Any]) -> Any:
        return self.answer(command)


class SnapshotsWithoutSessions(Store):
    def data(self) -> dict[str, Any]:
        return {**super().data(), "answered": {}}
