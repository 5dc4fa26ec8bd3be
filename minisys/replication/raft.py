"""Raft: servers that agree on one log, line by line, as long as more than half of them live and can talk.

One server takes the orders and dies with the book. Five servers with five books are no help unless all hold the same
lines in the same order, whoever dies, whenever, in the middle of whatever. Raft gets there with one leader a term, who
writes and is copied, and a rule for who may be the next: only somebody whose book has every agreed line in it.

Promised, as long as every `Output` is carried out in its order: at most one leader a term; two logs with the same term
at an index are equal up to it; an agreed entry is in the log of every later leader; no two servers apply different
entries at an index; a read that is answered has seen every write that was acknowledged before it was asked (figure 3;
thesis, 6.4). raft_model.py asserts each of these after every step. Not done: catching up a new server before it counts
(thesis, 4.2.1), transfer of leadership, snapshots in pieces. A server that lost its disk must not come back under its
old name: it has forgotten votes that others count on. It comes as a new server, through `change`.

The class is a state machine without clock or I/O; the model and the live servers drive the same lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minisys.replication.raft_election import CANDIDATE, FOLLOWER, LEADER, PRE_CANDIDATE, Output, Timing
from minisys.replication.raft_messages import (
    COMMAND,
    MEMBERS,
    AppendEntries,
    AppendReply,
    InstallSnapshot,
    Message,
    RequestVote,
    SaveSnapshot,
    Snapshot,
    VoteReply,
)
from minisys.replication.raft_replication import Replication
from minisys.replication.raft_state import State

__all__ = ["CANDIDATE", "FOLLOWER", "LEADER", "PRE_CANDIDATE", "Output", "Raft", "State", "Timing"]


class Raft(Replication):
    """One server: *name* among *members*, the servers of a new cluster (empty for one that will be added).

    *rng* draws the election timeouts. *state* is what the disk kept, None on a new disk; then *members* is not used.
    *timing* must be the same on all. Each method takes *now*, seconds on the server's own clock, and returns an
    `Output`. Call `tick` at `deadline` or a little later, at first as soon as the server runs.
    """

    def tick(self, now: float) -> Output:
        """Time has passed: stand for election, send heartbeats, or step down if nobody answers them."""
        if self.deadline is None or (now >= self.deadline and self.role != LEADER and self.name not in self.members):
            self._wait(now)
        elif now >= self.deadline and self.role == LEADER:
            self._lead_on(now)
        elif now >= self.deadline:
            self._stand(now, pre=True)
        return self._done()

    def receive(self, now: float, message: Message) -> Output:
        """A message has come, from whomever, however late and however often."""
        if message.to != self.name:
            raise ValueError(f"{self.name} got a message for {message.to}")
        self._see_term(now, message)
        match message:
            case RequestVote():
                self._on_request_vote(now, message)
            case VoteReply():
                self._on_vote_reply(now, message)
            case AppendEntries():
                self._on_append(now, message)
            case InstallSnapshot():
                self._on_snapshot(now, message)
            case AppendReply():
                self._on_append_reply(now, message)
        return self._done()

    def propose(self, now: float, *commands: Any) -> Output:
        """Write *commands* into the log if this server leads: `proposed` are their entries.

        A command is done when an entry with the same index *and term* comes out of `apply`; if another entry comes
        there, it never will be. Until one of the two happens nobody knows.
        """
        if self.role != LEADER:
            return self._done(why=f"{self.name} is not the leader")
        return self._done(proposed=self._extend(now, [(COMMAND, command) for command in commands]))

    def read(self, now: float, ticket: Any) -> Output:
        """Ask to read the state machine: *ticket* comes back in `reads` when it may, in `refused` when it must not.

        Thesis, 6.4 (read-index): what was agreed when the question came has to be applied, and a majority has to
        confirm, by a heartbeat sent afterwards, that this is still the leader. At the start of a term the leader does
        not know what was agreed; its no-op will tell.
        """
        if self.role != LEADER:
            self._out.refused.append(ticket)
            return self._done(why=f"{self.name} is not the leader")
        self.waiting.append((self.round + 1, max(self.commit, self.term_start), ticket))
        self._beat(now)
        return self._done()

    def change(self, now: float, members: Iterable[str]) -> Output:
        """Make *members* the servers, one more or one less than now (thesis, 4.1). Raises ValueError for more.

        Refused while the last change is not agreed, and before an entry of the leader's own term is (the gap in the
        thesis that Ongaro reported on raft-dev in 2015).
        """
        wanted = tuple(sorted(set(members)))
        if len(set(wanted) ^ set(self.members)) != 1 or not wanted:
            raise ValueError(f"one server at a time: {', '.join(self.members)} cannot become {', '.join(wanted)}")
        if self.role != LEADER:
            return self._done(why=f"{self.name} is not the leader")
        if self.commit < max(self.state.members_index, self.term_start):
            return self._done(why="the last change, or this leader's first entry, is not agreed yet: try again")
        entries = self._extend(now, [(MEMBERS, list(wanted))])
        self.progress = {peer: self.progress[peer] for peer in self.peers}  # who comes back may have another disk
        return self._done(proposed=entries)

    def compact(self, now: float, index: int, data: Any) -> Output:
        """Replace the log up to *index* by the state machine's *data* as of that entry (section 7).

        Raises ValueError for an entry that was not applied yet or is in the snapshot already.
        """
        if not self.state.snapshot.index < index <= self.applied:
            raise ValueError(f"index must be in {self.state.snapshot.index + 1} to {self.applied}, got {index}")
        term = self.state.term_at(index)
        assert term is not None
        self._write(SaveSnapshot(Snapshot(index, term, self.state.members_at(index), data)))
        return self._done()
