"""Five Raft servers, clients and a bad quarter of a minute, all drawn from one seed, with every promise checked.

A consensus protocol is not tested by killing the leader once on a Tuesday. Here servers die and come back, are cut off
in both directions or in one, stop for a while, run slow clocks, lose and double their mail, and change their members,
while clients write values that nobody else writes. Then the next seed.

Promised: `run(seed)` raises `Broken` at the first step at which one of Raft's five promises (raft_invariants.py) does
not hold; at the end every fault is mended, and it raises if no leader comes, or if what the clients were told is not
linearizable. One seed gives one run. Not promised: that a run without a breach proves anything about the next; that is
what a thousand of them, and the planted bugs (raft_bugs.py), are for. A disk is never lost here: see raft.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random

from minisys.replication.check import linearizable
from minisys.replication.history import History
from minisys.replication.network import Link, Loop, Network
from minisys.replication.raft import LEADER, Timing
from minisys.replication.raft_clients import COUNTER, REGISTERS, Client
from minisys.replication.raft_cluster import Design, Disk, Server
from minisys.replication.raft_invariants import Broken, Invariants
from minisys.replication.raft_trouble import Trouble
from minisys.testbed.laws import Exponential, Gamma, Pareto

FIVE = ("a", "b", "c", "d", "e")
SPARES = ("f", "g")  # they join and leave
CLIENTS, TROUBLE_S, QUIET_S = 3, 8.0, 3.0
LINKS = (  # calm, lossy, erratic, congested: a run draws one
    Link(Exponential(0.004)),
    Link(Exponential(0.008), loss=0.05, duplicate=0.05),
    Link(Gamma(0.02, cv=3.0), loss=0.01, duplicate=0.1),
    Link(Pareto(0.04, alpha=1.3), duplicate=0.02),
)


@dataclass(frozen=True)
class Report:
    """What happened in one run that kept every promise."""

    seed: int
    faults: tuple[str, ...]
    elections: int
    agreed: int
    steps: int
    history: History


class Cluster:
    """The servers under their names, dead or alive, and the faults as verbs."""

    def __init__(self, seed: int, design: Design | None = None, seen: Invariants | None = None) -> None:
        self.rng, self.design = Random(f"{seed}/faults"), design or Design()
        self.loop = Loop()
        self.network = Network(self.loop, seed=seed, link=self.rng.choice(LINKS))
        self.seen, self.seed = seen or Invariants(), seed
        self.disks = {name: Disk(FIVE if name in FIVE else ()) for name in (*FIVE, *SPARES)}
        self.servers: dict[str, Server] = {}
        self.fsync_s, self.compact_after = self.rng.choice((0.0005, 0.003, 0.015)), self.rng.choice((5, 20, 1_000))
        self._lives = count(1)
        for name in self.disks:
            self.start(name)
            self.network.skew(name, offset_s=self.rng.uniform(0, 100), rate=self.rng.uniform(0.95, 1.05))

    def start(self, name: str) -> None:
        """Start the server with what its disk has."""
        server = self.design.server(
            name, self.network, self.disks[name], self.seen, self.design,
            seed=f"{self.seed}/{name}/{next(self._lives)}", timing=Timing(), compact_after=self.compact_after,
            fsync_s=self.fsync_s,
        )  # fmt: skip
        self.servers[name] = server
        server.start()

    def crash(self, name: str) -> None:
        """Pull the plug: the disk keeps what it has."""
        if name in self.servers:
            self.network.crash(name)
            del self.servers[name]

    def leader(self) -> str | None:
        """Whoever leads in the newest term among those that live."""
        leaders = [server.raft for server in self.servers.values() if server.raft.role == LEADER]
        return max(leaders, key=lambda raft: raft.state.term).name if leaders else None

    def mend(self) -> None:
        """No more faults: everybody is up, goes on, and is reached."""
        self.network.heal()
        for name in self.disks:
            if name not in self.servers:
                self.start(name)
            elif not self.network.up(name):
                self.network.resume(name)


def run(seed: int, design: Design | None = None, seen: Invariants | None = None) -> Report:
    """One run. Raises Broken with the promise that was not kept: one of Raft's, "linearizable" or "goes on again".

    *design*: the parts of the servers, if they are not to be as they are; *seen*: who looks on and asserts.
    """
    cluster = Cluster(seed, design, seen)
    trouble = Trouble(cluster, TROUBLE_S)
    history, numbers = History(), count(CLIENTS)
    clients = [
        Client(
            f"client {n}", cluster.network, sorted(cluster.disks), history, Random(f"{seed}/client {n}"), numbers, n,
            think_s=0.04, strays=0.3,
        )
        for n in range(CLIENTS)
    ]  # fmt: skip
    for client in clients:
        client.start()
    cluster.loop.run(TROUBLE_S)
    cluster.mend()
    cluster.loop.run(TROUBLE_S + QUIET_S)
    _judge(cluster, clients, history)
    seen = cluster.seen
    return Report(seed, tuple(trouble.told), seen.elections, len(seen.agreed), seen.steps, history)


def _judge(cluster: Cluster, clients: list[Client], history: History) -> None:
    late = [operation for operation in history.ok() if operation.invoked_s > TROUBLE_S + QUIET_S / 2]
    if not late:
        raise Broken("goes on again", f"no operation was answered from {QUIET_S / 2} s after the last fault was mended")
    for client in clients:
        client.leave_open()
    cluster.network.check()
    verdict = linearizable(history, initial={**dict.fromkeys(REGISTERS), COUNTER: None})
    if not verdict.holds:
        raise Broken("linearizable", str(verdict), operations=verdict.operations, history=history)
