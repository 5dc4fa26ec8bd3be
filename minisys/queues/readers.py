"""Groups of readers of a log: each keeps a finger on the page, and nobody reads another's page.

A partition has one reader in each group, so that it stays in order; more readers than partitions are of no use. When a
reader comes, goes or falls silent, partitions move, and the finger stays where it was last put down: what was read
after that is read again.

Promised: partitions are shared out by assignment.py; a member that is silent for its session loses them, and its
commits are refused from then on (fencing by generation), so what it was doing is done again: at least once. Time is
given. Not like Kafka: members do not wait for each other when partitions move. Source: Kafka, consumer group protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minisys.queues import assignment
from minisys.queues.assignment import Assignment, Partition
from minisys.queues.log import Log, LogRefused


@dataclass
class Group:
    """Readers that share the partitions: when each was last heard, and who has what in this generation."""

    topics: tuple[str, ...]
    kind: str
    session_s: float
    generation: int
    heard: dict[str, float] = field(default_factory=dict)
    assigned: Assignment = field(default_factory=dict)


class Readers:
    """The groups of one *log*. Who is there is in memory, what is done is in the store."""

    def __init__(self, log: Log) -> None:
        self.log, self.db = log, log.db
        self.groups: dict[str, Group] = {}

    def join(
        self,
        group: str,
        member: str,
        topics: Sequence[str],
        now: float,
        *,
        kind: str = "sticky",
        session_s: float = 10.0,
    ) -> dict[str, Any]:
        """Become a reader, or come back. Raises LogRefused if the group reads other topics or in another way."""
        if not group or not member or not topics or kind not in assignment.ASSIGNMENTS or not session_s > 0:
            raise LogRefused(f"need group, member, topics, one of {assignment.ASSIGNMENTS} and session_s > 0")
        for topic in topics:
            self.log.partitions(topic)
        found = self.groups.get(group)
        if found is None or not found.heard:
            found = self.groups[group] = Group(tuple(topics), kind, session_s, self._generation(group))
        if (found.topics, found.kind) != (tuple(topics), kind):
            raise LogRefused(f"group {group!r} reads {', '.join(found.topics)} by {found.kind}", 409)
        self._drop_silent(group, now)
        known = member in found.heard
        found.heard[member] = now
        if not known:
            self._rebalance(group)
        return self._told(group, member)

    def heartbeat(self, group: str, member: str, now: float) -> dict[str, Any]:
        """Still here; what the member has now. Raises LogRefused if it was dropped and must join again."""
        self._drop_silent(group, now)
        self._member(group, member).heard[member] = now
        return self._told(group, member)

    def leave(self, group: str, member: str) -> None:
        """Go, so that others need not wait for the session's end."""
        found = self._member(group, member)
        del found.heard[member]
        self._rebalance(group)

    def commit(
        self, group: str, member: str, generation: int, offsets: Mapping[Partition, int], now: float
    ) -> None:  # fmt: skip
        """Everything before these offsets is done. Raises LogRefused from a member of an older generation."""
        self._drop_silent(group, now)
        found = self._member(group, member)
        if generation != found.generation:
            raise LogRefused(
                f"generation {generation} is over, it is {found.generation} now: partitions have moved", 409
            )
        for (topic, number), offset in offsets.items():
            if (topic, number) not in found.assigned[member]:
                raise LogRefused(f"partition {number} of {topic!r} is not {member}'s", 409)
            self._commit(group, topic, number, offset)
        found.heard[member] = now

    def seek(self, group: str, topic: str, to: str | float, now: float) -> None:
        """Replay or skip: put the group at "earliest", "latest", or the first record at or after a time in seconds.

        Raises LogRefused while anybody reads, as Kafka does: two ideas of where to go on would fight.
        """
        self._drop_silent(group, now)
        if group in self.groups and self.groups[group].heard:
            raise LogRefused(f"group {group!r} is being read by {', '.join(self.groups[group].heard)}", 409)
        for part in self.log.partitions(topic):
            offset = {"earliest": part["first"], "latest": part["next"]}.get(str(to))
            if offset is None:
                asked = "SELECT min(position) FROM record WHERE topic = ? AND number = ? AND at_s >= ?"
                offset = self.db.execute(asked, (topic, part["number"], float(to))).fetchone()[0]
            self._commit(group, topic, part["number"], part["next"] if offset is None else offset)

    def lag(self, group: str, topic: str) -> dict[int, int]:
        """How many records of each partition the group has not done."""
        return {part["number"]: part["next"] - self._start(group, topic, part) for part in self.log.partitions(topic)}

    def _told(self, group: str, member: str) -> dict[str, Any]:
        found = self.groups[group]
        mine = [
            {"topic": topic, "partition": number, "offset": self._start(group, topic, self.log.part(topic, number))}
            for topic, number in found.assigned[member]
        ]
        return {"generation": found.generation, "partitions": mine}

    def _start(self, group: str, topic: str, part: Mapping[str, int]) -> int:
        asked = "SELECT position FROM committed WHERE reader = ? AND topic = ? AND number = ?"
        row = self.db.execute(asked, (group, topic, part["number"])).fetchone()
        return assignment.start_offset(None if row is None else row[0], part["first"], part["next"])

    def _commit(self, group: str, topic: str, number: int, offset: int) -> None:
        part = self.log.part(topic, number)
        if not 0 <= offset <= part["next"]:
            raise LogRefused(f"partition {number} of {topic!r} ends at {part['next']}, so {offset} cannot be done")
        self.db.execute("INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)", (group, topic, number, offset))

    def _member(self, group: str, member: str) -> Group:
        found = self.groups.get(group)
        if found is None or member not in found.heard:
            raise LogRefused(f"{member!r} is not in group {group!r} (any more); join it", 409)
        return found

    def _drop_silent(self, group: str, now: float) -> None:
        found = self.groups.get(group)
        silent = [] if found is None else [name for name, at_s in found.heard.items() if now >= at_s + found.session_s]
        if found is not None and silent:
            for name in silent:
                del found.heard[name]
            self._rebalance(group)

    def _rebalance(self, group: str) -> None:
        found = self.groups[group]
        wanted = [(topic, part["number"]) for topic in found.topics for part in self.log.partitions(topic)]
        found.assigned = assignment.assign(found.kind, wanted, found.heard, found.assigned)
        found.generation += 1
        self.db.execute("INSERT OR REPLACE INTO reader VALUES (?, ?)", (group, found.generation))

    def _generation(self, group: str) -> int:
        """Goes on where it was: a member from before a restart must not seem to be of this generation."""
        row = self.db.execute("SELECT generation FROM reader WHERE name = ?", (group,)).fetchone()
        return 0 if row is None else int(row[0])
