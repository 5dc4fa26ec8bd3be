"""A primary and its replicas: the same log and elections as Raft's, but the primary says "done" when it likes.

The bank's ledger has a standby in the next town. Waiting for it makes every payment slower, and impossible while the
line is down; not waiting means that what the standby had not heard yet is gone when the primary burns. Each is a rule
about when a write is acknowledged, and here that rule is all in which the modes differ:

    asynchronous            when the primary's own disk has it
    semi-synchronous, k     when k replicas have it too
    all                     when every replica has it

Promised: one primary a term (the term is the fencing token: replicas refuse the messages of an older one, who steps
down when it hears so), elected by a majority among those with the newest logs; a deposed primary that comes back cuts
off what it wrote in vain, and its store is built anew without it. *Not* promised, unlike raft.py: that what was
acknowledged stays. It is lost whenever a majority can be found without anybody who has it; that is the lesson. Nor does
a primary without contact step down, so two may answer for a while, one of them with old values.
Not done: snapshots (what is cut off might be in them); the log holds everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from minisys.replication.policies import Acknowledge
from minisys.replication.raft import Output, Raft
from minisys.replication.raft_election import LEADER
from minisys.replication.raft_messages import Entry
from minisys.replication.raft_rules import first_conflict


class PrimaryBackup(Raft):
    """One server of a primary and its replicas; parameters as for `Raft`. *rule*: when a write is acknowledged."""

    def __init__(
        self, name: str, members: Iterable[str], rng: Random, *args: Any, rule: Acknowledge, **more: Any
    ) -> None:
        super().__init__(name, members, rng, *args, **more)
        self.rule = rule

    def read(self, now: float, ticket: Any) -> Output:
        """Read here and now, asking nobody whether this is still the primary; see `Raft.read`."""
        if self.role != LEADER:
            return super().read(now, ticket)
        self.waiting.append((-1, max(self.commit, self.term_start), ticket))  # -1: no heartbeat has to confirm it
        return self._done()

    def _lead_on(self, now: float) -> None:
        """Send heartbeats, however many answer."""
        self.deadline = now + self.timing.heartbeat_s
        for progress in self.progress.values():
            progress.busy = False
        self._beat(now)

    def _advance(self, now: float) -> None:
        replicas = [self._match(peer) for peer in self.peers]
        self.commit = max(self.commit, min(self.rule(self.state.last_index, replicas), self.state.last_index))

    def _take(self, entries: Sequence[Entry]) -> None:
        """As in Raft, but what conflicts may have been applied: then the store begins again, from an empty one."""
        first = first_conflict(entries, self.state.term_at)
        if first is not None and first <= self.commit:
            self.commit = first - 1
            self.applied = -1  # before the snapshot: `_done` restores it and applies what is left
        super()._take(entries)
