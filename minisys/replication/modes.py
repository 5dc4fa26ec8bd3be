"""The modes of replication that have a leader, and what else can be chosen for a replica.

"Is our database replicated?" is the wrong question. When is a write called done, who may answer a read, and after how
much silence is the leader dead? A replica is told all three when it starts, and cannot be told something senseless.

Promised: a bad combination is refused with the value and what would be possible. Not here: what the modes do
(primary.py, raft.py), modes without a leader (quorum_replica.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

from minisys.replication.log import Log, LogRefused
from minisys.replication.policies import (
    Acknowledge,
    MayRead,
    any_replica,
    asynchronous,
    bounded_staleness,
    leader_only,
    semi_synchronous,
    synchronous,
)
from minisys.replication.primary import PrimaryBackup
from minisys.replication.raft import Raft, State, Timing
from minisys.replication.raft_messages import from_dict

LED = ("async", "semi-sync", "all", "raft")


@dataclass(frozen=True)
class Options:
    """How a replica behaves: *mode* is one of MODES; *k*: replicas that semi-sync waits for.

    reads: who answers them, "leader", "any", or "bounded" (a follower at most *stale_versions* entries and *stale_s*
    seconds behind).
    patience_s: how long a client waits for its answer at most. compact_after: entries after which Raft takes a
    snapshot. Raises ValueError for anything else.
    """

    mode: str = "raft"
    k: int = 1
    reads: str = "leader"
    stale_versions: int = 1_000
    stale_s: float = 1.0
    timing: Timing = Timing((0.5, 1.0), 0.1)  # wider than the paper's: a notebook's machine is busy
    patience_s: float = 5.0
    compact_after: int = 20_000

    def __post_init__(self) -> None:
        if self.mode not in LED or self.reads not in ("leader", "any", "bounded"):
            raise ValueError(f"mode must be one of {', '.join(LED)}, reads leader, any or bounded; got {self}")
        if min(self.k, self.compact_after, self.stale_versions) < 1 or min(self.stale_s, self.patience_s) <= 0:
            raise ValueError(f"numbers must be at least 1, seconds above 0; got {self}")

    @property
    def may_read(self) -> MayRead:
        """Who may answer a read."""
        bounded = bounded_staleness(self.stale_versions, self.stale_s)
        return {"leader": leader_only, "any": any_replica, "bounded": bounded}[self.reads]


def machine(options: Options, name: str, members: tuple[str, ...], rng: Random, state: State) -> Raft:
    """The state machine of *options.mode*. Raises ValueError if semi-sync waits for more replicas than there are."""
    if options.mode == "raft":
        return Raft(name, members, rng, state, timing=options.timing)
    if options.mode == "semi-sync" and options.k > len(members) - 1:
        raise ValueError(f"semi-sync cannot wait for k = {options.k} replicas, there are {len(members) - 1}")
    semi = semi_synchronous(options.k)
    rule: Acknowledge = {"async": asynchronous, "semi-sync": semi, "all": synchronous}[options.mode]
    return PrimaryBackup(name, members, rng, state, timing=options.timing, rule=rule)


def recovered(log: Log, members: tuple[str, ...]) -> State:
    """What the log says. Raises LogRefused if its records do not follow from each other."""
    state = State(members)
    try:
        for record in log.records:
            state.apply(from_dict(json.loads(record)))
    except ValueError as problem:
        raise LogRefused(f"{log.path}: a record that cannot be: {problem}") from None
    log.records.clear()
    return state
