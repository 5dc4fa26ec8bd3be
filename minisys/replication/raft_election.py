"""The half of a Raft server that says who leads: terms, timeouts, votes, and stepping down.

Nobody has heard the leader for a while. If everybody stands for election at once, everybody votes for themselves and
nobody wins; so each waits another random while, and most of the time one is first. raft.py adds the log to this.

Promised: no clock, no I/O, no global randomness: *now* is given (seconds, of this server's own clock, never going
back), *rng* draws the timeouts. Everything that has to happen is in the `Output`, in the order of its fields.
Not done: priorities among servers, transfer of leadership (thesis, 3.10).

Source: ATC 2014, 5.2 and 5.4.1; thesis, 9.6 (pre-vote: a server that was cut off does not depose the leader when it
comes back) and 6.2 (a leader that no longer hears a majority steps down, so that its clients go elsewhere).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from minisys.replication.raft_messages import (
    AppendEntries,
    Entry,
    InstallSnapshot,
    Message,
    Record,
    RequestVote,
    SaveVote,
    Snapshot,
    VoteReply,
)
from minisys.replication.raft_rules import grants_vote, majority
from minisys.replication.raft_state import State

FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER = "follower", "pre-candidate", "candidate", "leader"


@dataclass(frozen=True)
class Timing:
    """Seconds: an election timeout is drawn between the two of *election_s*; a leader speaks every *heartbeat_s*.

    The paper recommends 150 to 300 ms, far above the time of a broadcast (9.3). Raises ValueError unless
    0 < heartbeat_s < election_s[0] <= election_s[1].
    """

    election_s: tuple[float, float] = (0.15, 0.3)
    heartbeat_s: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat_s < self.election_s[0] <= self.election_s[1]:
            raise ValueError(f"Timing: needs 0 < heartbeat_s < election_s[0] <= election_s[1], got {self}")


@dataclass(slots=True)
class Output:
    """What has to happen after one call, field by field in this order; a later one must not overtake an earlier one."""

    records: list[Record] = field(default_factory=list)  # 1. make these durable
    messages: list[Message] = field(default_factory=list)  # 2. send these
    restore: Snapshot | None = None  # 3. if there is one: put its data in place of the state machine's
    apply: list[Entry] = field(default_factory=list)  # 4. agreed entries, for the state machine, in order
    reads: list[Any] = field(default_factory=list)  # 5. tickets of reads that the state machine may now answer
    refused: list[Any] = field(default_factory=list)  # 6. tickets of reads for which it must not: not the leader
    proposed: tuple[Entry, ...] = ()  # what propose or change wrote into the log; empty if it was refused
    why: str = ""  # why it was


class Election:
    """Roles, terms and votes; see `Raft` for the parameters."""

    def __init__(
        self,
        name: str,
        members: Iterable[str],
        rng: Random,
        state: State | None = None,
        *,
        timing: Timing | None = None,
    ) -> None:
        self.name, self.rng, self.timing = name, rng, timing or Timing()
        self.state = state if state is not None else State(members)
        self.role = FOLLOWER
        self.leader: str | None = None  # as far as this server knows
        self.votes: set[str] = set()  # in the election that runs
        self.deadline: float | None = None  # when tick has something to do; None before the first one
        self.heard_s = float("-inf")  # when a leader last spoke
        self._out = Output()

    @property
    def members(self) -> tuple[str, ...]:
        """The servers in force: the newest configuration in the log."""
        return self.state.members

    @property
    def peers(self) -> tuple[str, ...]:
        """The other members."""
        return tuple(member for member in self.state.members if member != self.name)

    def _write(self, record: Record) -> None:
        """The one way in which durable state changes: here now, on the disk before any message goes out."""
        self.state.apply(record)
        self._out.records.append(record)

    def _send(self, message: Message) -> None:
        self._out.messages.append(message)

    def _wait(self, now: float) -> None:
        """Draw a new election timeout: random, so that two servers seldom stand at the same time."""
        self.deadline = now + self.rng.uniform(*self.timing.election_s)

    def _follow(self, now: float, leader: str | None) -> None:
        """Be a follower, of *leader* if one is known."""
        if self.role != FOLLOWER or leader != self.leader:
            self._resigned()
        self.role, self.leader = FOLLOWER, leader
        self._wait(now)

    def _resigned(self) -> None:
        """The role ends; raft.py tells the reads that were waiting."""

    def _see_term(self, now: float, message: Message) -> None:
        """Figure 2, all servers: whoever sees a later term is a follower in it. A pre-vote only talks about one."""
        if message.term <= self.state.term:
            return
        if isinstance(message, RequestVote | VoteReply) and message.pre and getattr(message, "granted", True):
            return
        self._write(SaveVote(message.term, None))
        leads = isinstance(message, AppendEntries | InstallSnapshot)
        if self.role == FOLLOWER and not leads:
            self.leader = None  # and keep the timeout: a vote that is refused must not delay the own candidacy
        else:
            self._follow(now, message.sender if leads else None)

    def _stand(self, now: float, pre: bool) -> None:
        """Ask for votes; with *pre* only whether they would be given, which costs no term and deposes nobody."""
        self.role, self.leader, self.votes = PRE_CANDIDATE if pre else CANDIDATE, None, {self.name}
        if not pre:
            self._write(SaveVote(self.state.term + 1, self.name))
        self._wait(now)
        term = self.state.term + pre
        for peer in self.peers:
            self._send(RequestVote(self.name, peer, term, self.state.last_index, self.state.last_term, pre))
        self._count(now)

    def _count(self, now: float) -> None:
        if majority(self.votes, self.members):
            if self.role == PRE_CANDIDATE:
                self._stand(now, pre=False)
            else:
                self._lead(now)

    def _lead(self, now: float) -> None:
        """The election is won; raft.py says what a leader does."""
        raise NotImplementedError

    def _grants(self, now: float, request: RequestVote) -> bool:
        """Would, or does, this server vote for the sender?"""
        state = self.state
        if request.pre and (self.role == LEADER or now - self.heard_s < self.timing.election_s[0]):
            return False  # there is a leader, and it was heard a moment ago: no need for an election
        return grants_vote(request, state.term, state.voted_for, (state.last_term, state.last_index))

    def _on_request_vote(self, now: float, request: RequestVote) -> None:
        granted = self._grants(now, request)
        if granted and not request.pre:
            if self.state.voted_for != request.sender:
                self._write(SaveVote(self.state.term, request.sender))
            self._wait(now)
        term = request.term if granted and request.pre else self.state.term
        self._send(VoteReply(self.name, request.sender, term, granted, request.pre))

    def _on_vote_reply(self, now: float, reply: VoteReply) -> None:
        asked = {PRE_CANDIDATE: (self.state.term + 1, True), CANDIDATE: (self.state.term, False)}.get(self.role)
        if reply.granted and (reply.term, reply.pre) == asked:
            self.votes.add(reply.sender)
            self._count(now)
