"""The half of a Raft server that keeps the logs equal: the leader copies, the followers check, agreement moves on.

The leader's book is right by definition; a follower's may lack lines, or have lines that a dead leader wrote in vain.
Every message says what stands before the new lines, so a follower notices, and the leader goes back until they agree.

Promised: a leader never changes its own log but at the end; a follower cuts off only what conflicts; neither says
"agreed" of anything that raft_rules.commit_index does not. Not done here: elections (raft_election.py), what users may
ask (raft.py).

Source: ATC 2014, 5.3 (with the faster way back at its end), 5.4.2, 7; thesis, 6.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from minisys.replication.raft_election import LEADER, Election, Output, Timing
from minisys.replication.raft_messages import (
    NO_OP,
    AppendEntries,
    AppendReply,
    Entry,
    InstallSnapshot,
    SaveEntries,
    SaveSnapshot,
    Truncate,
)
from minisys.replication.raft_rules import agreed_index, commit_index, first_conflict, majority
from minisys.replication.raft_state import State


@dataclass(slots=True)
class Progress:
    """What a leader knows of one follower (figure 2, volatile state on leaders)."""

    next: int  # the entry to send next
    heard_s: float  # when it last answered
    match: int = 0  # up to here its log is surely the leader's
    busy: bool = False  # entries are on their way: send more when it answers, or with the next heartbeat
    round: int = -1  # the newest heartbeat that it has answered


class Replication(Election):
    """Logs, agreement and reads; see `Raft` for the parameters."""

    most = 200  # entries in one message

    def __init__(
        self,
        name: str,
        members: Iterable[str],
        rng: Random,
        state: State | None = None,
        *,
        timing: Timing | None = None,
    ) -> None:
        super().__init__(name, members, rng, state, timing=timing)
        self.commit = self.applied = 0  # figure 2, volatile: found again from the leader, or the snapshot
        self.progress: dict[str, Progress] = {}
        self.round = 0  # the leader's heartbeats so far
        self.term_start = 0  # the index of the no-op with which this server began to lead
        self.waiting: list[tuple[int, int, Any]] = []  # reads: (round to be confirmed, index to be applied, ticket)

    def _lead(self, now: float) -> None:
        """Figure 2, leaders: start with a no-op of the new term, so that what came before can be agreed (5.4.2)."""
        self.role, self.leader = LEADER, self.name
        last = self.state.last_index
        self.progress = {peer: Progress(next=last + 1, heard_s=now) for peer in self.peers}
        self.term_start, self.deadline = last + 1, now + self.timing.heartbeat_s
        self._extend(now, [(NO_OP, None)])

    def _resigned(self) -> None:
        self._out.refused += [ticket for _, _, ticket in self.waiting]
        self.waiting.clear()

    def _lead_on(self, now: float) -> None:
        """Send heartbeats, or step down if no majority has answered for an election timeout (thesis, 6.2)."""
        recent = now - self.timing.election_s[1]
        heard = {self.name, *(peer for peer, progress in self.progress.items() if progress.heard_s >= recent)}
        if not majority(heard, self.members):
            self._follow(now, None)
            return
        self.deadline = now + self.timing.heartbeat_s
        for progress in self.progress.values():
            progress.busy = False  # what was not answered by now is sent again
        self._beat(now)

    def _beat(self, now: float) -> None:
        """One more round of heartbeats, with entries for those who lack some."""
        self.round += 1
        for peer in self.peers:
            self._send_append(now, peer, beat=True)

    def _extend(self, now: float, lines: Iterable[tuple[str, Any]]) -> tuple[Entry, ...]:
        """Write lines of (kind, data) at the end of the leader's log and send them."""
        first = self.state.last_index + 1
        entries = tuple(Entry(first + i, self.state.term, kind, data) for i, (kind, data) in enumerate(lines))
        self._write(SaveEntries(entries))
        for peer in self.peers:
            self._send_append(now, peer)
        self._advance(now)
        return entries

    def _send_append(self, now: float, peer: str, beat: bool = False) -> None:
        """Send a follower what it lacks; while entries are on their way nothing, or as a heartbeat none."""
        state = self.state
        progress = self.progress.setdefault(peer, Progress(next=state.last_index + 1, heard_s=now))
        if progress.next <= state.snapshot.index:
            if not progress.busy:
                self._send(InstallSnapshot(self.name, peer, state.term, state.snapshot, self.round))
                progress.busy = True
        elif beat or not progress.busy:
            previous = progress.next - 1
            entries = () if progress.busy else tuple(state.between(previous + 1, previous + self.most))
            progress.busy |= bool(entries)
            term = state.term_at(previous)
            assert term is not None  # a leader's log reaches from its snapshot beyond every progress.next
            self._send(AppendEntries(self.name, peer, state.term, previous, term, entries, self.commit, self.round))

    def _on_append(self, now: float, message: AppendEntries) -> None:
        """Figure 2, AppendEntries, receiver."""
        if message.term < self.state.term:
            self._answer(message, False, self.state.last_index + 1)
            return
        self._follow(now, message.sender)
        self.heard_s = now
        if not self._agrees(message.previous_index, message.previous_term):
            self._answer(message, False, self._retry_from(message.previous_index))
            return
        self._take(message.entries)
        last_new = message.previous_index + len(message.entries)  # what follows in this log may be wrong
        self.commit = max(self.commit, min(message.commit, last_new))
        self._answer(message, True, last_new)

    def _agrees(self, index: int, term: int) -> bool:
        """Is this the entry that the leader has there? What the snapshot covers was agreed, so it is."""
        return index < self.state.snapshot.index or self.state.term_at(index) == term

    def _retry_from(self, index: int) -> int:
        """Where the leader should try next: after the end, or before all entries of the term that conflicts."""
        if index > self.state.last_index:
            return self.state.last_index + 1
        term = self.state.term_at(index)
        while index - 1 > self.state.snapshot.index and self.state.term_at(index - 1) == term:
            index -= 1
        return index

    def _take(self, entries: Sequence[Entry]) -> None:
        """Write those that are new; cut off what conflicts with them, and nothing else."""
        entries = [entry for entry in entries if entry.index > self.state.snapshot.index]
        first = first_conflict(entries, self.state.term_at)
        if first is None:
            return
        if first <= self.state.last_index:
            self._write(Truncate(first - 1))
        self._write(SaveEntries(tuple(entry for entry in entries if entry.index >= first)))

    def _on_snapshot(self, now: float, message: InstallSnapshot) -> None:
        """Figure 13, receiver; a snapshot of what is agreed here already changes nothing."""
        if message.term < self.state.term:
            self._answer(message, False, self.state.last_index + 1)
            return
        self._follow(now, message.sender)
        self.heard_s = now
        if message.snapshot.index > self.commit:
            self._write(SaveSnapshot(message.snapshot))
        self._answer(message, True, message.snapshot.index)

    def _answer(self, message: AppendEntries | InstallSnapshot, success: bool, match: int) -> None:
        self._send(AppendReply(self.name, message.sender, self.state.term, success, match, message.round))

    def _on_append_reply(self, now: float, reply: AppendReply) -> None:
        """Figure 2, leaders: move on after a success, go back after a failure. Late replies never move back a match."""
        progress = self.progress.get(reply.sender)
        if self.role != LEADER or reply.term != self.state.term or progress is None:
            return
        progress.heard_s, progress.round = now, max(progress.round, reply.round)
        if not reply.success:
            progress.next, progress.busy = max(progress.match + 1, min(progress.next, reply.match_index)), False
        elif reply.match_index > progress.match:
            progress.match, progress.busy = reply.match_index, False
            progress.next = max(progress.next, progress.match + 1)
            self._advance(now)
        if self.role == LEADER and progress.next <= self.state.last_index:
            self._send_append(now, reply.sender)

    def _advance(self, now: float) -> None:
        """Is more agreed now? A leader that was removed goes once its removal is (thesis, 4.2.2)."""
        match = [self._match(member) for member in self.members]
        self.commit = commit_index(self.commit, match, self.state.term, self.state.term_at)
        if self.name not in self.members and self.commit >= self.state.members_index:
            self._follow(now, None)

    def _match(self, member: str) -> int:
        if member == self.name:
            return self.state.last_index  # durable before anybody hears of it
        return self.progress[member].match if member in self.progress else 0

    def _confirmed(self) -> list[Any]:
        """Tickets of reads whose round a majority has answered and whose index is applied; they stop waiting."""
        answered = {peer: progress.round for peer, progress in self.progress.items()} | {self.name: self.round}
        sure = agreed_index([answered.get(member, -1) for member in self.members])
        ready = [ticket for number, index, ticket in self.waiting if number <= sure and index <= self.applied]
        self.waiting = [read for read in self.waiting if not (read[0] <= sure and read[1] <= self.applied)]
        return ready

    def _done(self, proposed: tuple[Entry, ...] = (), why: str = "") -> Output:
        """Close the output: what is agreed and was not applied yet, and the reads that may be answered after it."""
        out, self._out = self._out, Output()
        snapshot = self.state.snapshot
        if self.applied < snapshot.index:
            out.restore, self.applied, self.commit = snapshot, snapshot.index, max(self.commit, snapshot.index)
        out.apply = list(self.state.between(self.applied + 1, self.commit))
        self.applied = max(self.applied, self.commit)
        if self.waiting:
            out.reads = self._confirmed()
        out.proposed, out.why = proposed, why
        return out
