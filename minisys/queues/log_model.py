"""The same traffic through a partitioned log: what order costs, and what happens while partitions change hands.

Four readers, three partitions: one reader is idle, whatever the load. One slow record, and its whole partition waits
behind it. A fifth reader comes, and for a moment nobody reads at all. These are the prices of order; a queue has none
of them, and no order.

Promised: partitions are assigned by assignment.py, as in the live log; each is read in order by one member at a time;
what was under way when a partition moved is done again by its new owner. Not modelled: batches, replication.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import simpy
from simpy.events import Event

from minisys.queues import assignment
from minisys.queues.assignment import Assignment
from minisys.queues.delivered import COLUMNS, DONE, WAITING, Delivered
from minisys.testbed.workload import Workload

TOPIC = "t"


@dataclass(frozen=True)
class Member:
    """A reader that comes at *from_s* and is gone at *until_s*; *crashed*: without a word."""

    name: str
    from_s: float = 0.0
    until_s: float = math.inf
    crashed: bool = False


@dataclass(frozen=True)
class Plan:
    """A topic of *partitions*, read by *members*.

    kind: one of assignment.ASSIGNMENTS. pause_s: for how long a partition that changes hands is not read; *eager*:
    then all pause, as in Kafka's classic protocol (cooperative otherwise). session_s: how long a silent member is
    waited for. Raises ValueError for numbers that make no sense.
    """

    partitions: int
    members: Sequence[Member]
    kind: str = "sticky"
    pause_s: float = 3.0
    eager: bool = False
    session_s: float = 10.0

    def __post_init__(self) -> None:
        if self.partitions < 1 or not self.members or not (self.pause_s >= 0 and self.session_s > 0):
            raise ValueError(f"need partitions, members, pause_s >= 0 and session_s > 0, got {self}")
        names = [member.name for member in self.members]
        if len(set(names)) < len(names) or any(member.until_s <= member.from_s for member in self.members):
            raise ValueError(f"members need names of their own and time to live, got {self.members}")
        assignment.assign(self.kind, [], [], {})


class Record:
    """One record: what is given, and what became of it so far."""

    def __init__(self, sent_s: float, work_s: float, key: int) -> None:
        self.sent_s, self.work_s, self.key = sent_s, work_s, key
        self.started_s = self.done_s = math.nan
        self.effects = self.reads = 0
        self.committed = False


class Reading:
    """A topic being read: who has what, what is not done, until when partitions pause."""

    def __init__(self, env: simpy.Environment, plan: Plan) -> None:
        self.env, self.plan = env, plan
        self.parts: list[deque[Record]] = [deque() for _ in range(plan.partitions)]
        self.paused_s = [0.0] * plan.partitions
        self.members: set[str] = set()
        self.assigned: Assignment = {}
        self.news = Event(env)
        self.rebalances: list[tuple[float, int]] = []  # when, and how many partitions paused

    def rebalance(self) -> None:
        """Share the partitions out among those who are there."""
        numbers = [(TOPIC, number) for number in range(self.plan.partitions)]
        before = self.assigned
        self.assigned = assignment.assign(self.plan.kind, numbers, self.members, before)
        owner = {part: name for name, had in before.items() for part in had}
        moved = {part for name, got in self.assigned.items() for part in got if owner.get(part, name) != name}
        pausing = set(numbers) if self.plan.eager and owner else moved
        for _, number in pausing:
            self.paused_s[number] = self.env.now + self.plan.pause_s
        self.rebalances.append((self.env.now, len(pausing)))
        self.tell()

    def tell(self) -> None:
        """Whoever waits may look again."""
        news, self.news = self.news, Event(self.env)
        news.succeed()

    def next_of(self, name: str) -> tuple[int | None, float]:
        """The partition of *name*'s oldest record that may be read now; or None, and when a pause ends."""
        now, wake_s = self.env.now, math.inf
        ready = []
        for _, number in self.assigned.get(name, ()):
            if self.paused_s[number] > now:
                wake_s = min(wake_s, self.paused_s[number])
            elif self.parts[number]:
                ready.append((self.parts[number][0].sent_s, number))
        return (min(ready)[1], now) if ready else (None, wake_s)


def through_log(offered: Workload, plan: Plan, *, until_s: float | None = None) -> tuple[Delivered, pd.DataFrame]:
    """What becomes of *offered* as records, and the rebalances (columns time_s, paused).

    Keys go to partitions by assignment.partition_of. The run ends when nothing happens any more, or at *until_s*.
    """
    env = simpy.Environment()
    reading = Reading(env, plan)
    columns = (offered.arrival_s.tolist(), offered.work_s.tolist(), offered.key.tolist())
    records = [Record(*row) for row in zip(*columns, strict=True)]
    env.process(_arrive(env, reading, records))
    for member in plan.members:
        env.process(_live(env, reading, member))
    env.run(until_s)
    sent = [record for record in records if until_s is None or record.sent_s < until_s]
    rows = [
        (
            each.sent_s,
            each.started_s,
            each.done_s,
            each.effects,
            each.reads,
            DONE if each.committed else WAITING,
            each.key,
        )
        for each in sent
    ]
    return Delivered(pd.DataFrame(rows, columns=COLUMNS)).check(), pd.DataFrame(
        reading.rebalances, columns=["time_s", "paused"]
    )


def _arrive(env: simpy.Environment, reading: Reading, records: Sequence[Record]) -> Generator[Event, Any, None]:
    for record in records:
        yield env.timeout(max(0.0, record.sent_s - env.now))
        reading.parts[assignment.partition_of(str(record.key), reading.plan.partitions)].append(record)
        reading.tell()


def _live(env: simpy.Environment, reading: Reading, member: Member) -> Generator[Event, Any, None]:
    """A member's life: come, read, go; the group notices at once, or after the session if it crashed."""
    yield env.timeout(member.from_s)
    reading.members.add(member.name)
    reading.rebalance()
    env.process(_read(env, reading, member))
    if member.until_s < math.inf:
        yield env.timeout(member.until_s - env.now + (reading.plan.session_s if member.crashed else 0.0))
        reading.members.discard(member.name)
        reading.rebalance()


def _read(env: simpy.Environment, reading: Reading, member: Member) -> Generator[Event, Any, None]:
    while env.now < member.until_s:
        number, wake_s = reading.next_of(member.name)
        if number is None:
            waits: list[Event] = [reading.news]
            wake_s = min(wake_s, member.until_s)
            if wake_s < math.inf:
                waits.append(env.timeout(max(0.0, wake_s - env.now)))
            yield env.any_of(waits)
            continue
        record = reading.parts[number][0]
        record.reads += 1
        record.started_s = env.now if math.isnan(record.started_s) else record.started_s
        yield env.timeout(record.work_s)
        if env.now > member.until_s and member.crashed:
            return  # it died in the middle: no effect
        record.effects += 1
        record.done_s = env.now if record.effects == 1 else record.done_s
        mine = (TOPIC, number) in reading.assigned.get(member.name, ())
        if mine and reading.parts[number] and reading.parts[number][0] is record:  # else fenced: done again elsewhere
            reading.parts[number].popleft()
            record.committed = True
