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

from collections.abc import Callable
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
from minisys.testbed.laws import Exponential, Gamma, Pareto

FIVE = ("a", "b", "c", "d", "e")
SPARES = ("f", "g")  # they join and leave
CLIENTS, TROUBLE_S, QUIET_S = 4, 6.0, 4.0
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

    def __init__(self, seed: int, design: Design | None = None, *, members: tuple[str, ...] = FIVE) -> None:
        self.rng, self.design = Random(f"{seed}/faults"), design or Design()
        self.loop = Loop()
        self.network = Network(self.loop, seed=seed, link=self.rng.choice(LINKS))
        self.seen, self.seed = Invariants(), seed
        self.disks = {name: Disk(members if name in members else ()) for name in (*members, *SPARES)}
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
            seed=f"{self.seed}/{name}/{next(self._lives)}", timing=Timing(),
            fsync_s=self.fsync_s, compact_after=self.compact_after,
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


class Trouble:
    """The faults of one run: something every so often until *until_s*, drawn from the cluster's seed."""

    def __init__(self, cluster: Cluster, until_s: float) -> None:
        self.cluster, self.rng, self.until_s = cluster, cluster.rng, until_s
        self.told: list[str] = []
        self.mean_gap_s = self.rng.choice((0.1, 0.2, 0.4))
        self.ready = False  # to strike when somebody next votes
        cluster.seen.voted = self._voted
        self._later()

    def _later(self) -> None:
        gap_s = self.rng.expovariate(1 / self.mean_gap_s)
        if self.cluster.loop.now + gap_s < self.until_s:
            self.cluster.loop.after(gap_s, self._one if self.rng.random() < 0.5 else self._lie_in_wait)

    def _lie_in_wait(self) -> None:
        """The windows that matter are milliseconds wide: every other fault waits for an election."""
        self.ready = True
        self.cluster.loop.after(self.rng.expovariate(1 / self.mean_gap_s), self._no_longer)

    def _voted(self) -> None:
        if self.ready:
            self.ready = False
            self.cluster.loop.after(self.rng.expovariate(1 / 0.01), self._one)

    def _no_longer(self) -> None:
        if self.ready:
            self.ready = False
            self._one()

    def _one(self) -> None:
        if self.cluster.loop.now > self.until_s:
            return
        kinds: tuple[tuple[Callable[[], str], int], ...] = (
            (self._crash_one, 3), (self._crash_leader, 4), (self._restart, 6), (self._isolate, 2), (self._strand, 4),
            (self._split, 2), (self._deaf, 2), (self._heal, 6), (self._pause, 3), (self._blink, 4),
            (self._members, 3), (self._panic, 1),
        )  # fmt: skip
        what = self.rng.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]()
        if what:
            self.told.append(f"{self.cluster.loop.now:.3f} s: {what}")
        self._later()

    def _victim(self) -> str:
        return self.rng.choice(sorted(self.cluster.disks))

    def _crash_one(self) -> str:
        name = self._victim()
        self.cluster.crash(name)
        return f"{name} crashes"

    def _crash_leader(self) -> str:
        name = self.cluster.leader()
        if name is not None:
            self.cluster.crash(name)
        return f"the leader {name} crashes" if name else ""

    def _restart(self) -> str:
        dead = [name for name in self.cluster.disks if name not in self.cluster.servers]
        for name in dead:
            self.cluster.start(name)
        return f"{', '.join(dead)} restart" if dead else ""

    def _blink(self) -> str:
        some = self.rng.sample(sorted(self.cluster.disks), self.rng.choice((1, 2, 4, len(self.cluster.disks))))
        for name in some:
            self.cluster.crash(name)
            self.cluster.start(name)
        return f"power cut of a moment: {', '.join(some)} restart"

    def _isolate(self) -> str:
        return self._cut_off([self.cluster.leader() or self._victim()])

    def _strand(self) -> str:
        name = self.cluster.leader() or self._victim()
        friends = [other for other in self._members_of(name) if other != name]
        return self._cut_off([name, *self.rng.sample(friends, min(1, len(friends)))])

    def _members_of(self, name: str) -> tuple[str, ...]:
        return self.cluster.servers[name].raft.members if name in self.cluster.servers else FIVE

    def _split(self) -> str:
        return self._cut_off(self.rng.sample(sorted(self.cluster.disks), 3))

    def _cut_off(self, some: list[str]) -> str:
        rest = [name for name in self.cluster.disks if name not in some]
        self.cluster.network.partition(some, rest)
        return f"{', '.join(some)} and {', '.join(rest)} are cut off from each other"

    def _deaf(self) -> str:
        name = self.cluster.leader() or self._victim()
        for other in self.cluster.disks:
            if other != name:
                self.cluster.network.cut(other, name)
        return f"{name} can speak and hears nothing"

    def _heal(self) -> str:
        self.cluster.network.heal()
        return "all cuts are mended"

    def _pause(self) -> str:
        name = self.cluster.leader() or self._victim()
        if not self.cluster.network.up(name):
            return ""
        self.cluster.network.pause(name)
        self.cluster.loop.after(self.rng.uniform(0.1, 1.5), self._resume, name)
        return f"{name} stops for a while"

    def _resume(self, name: str) -> None:
        if name in self.cluster.servers and not self.cluster.network.up(name):
            self.cluster.network.resume(name)

    def _members(self) -> str:
        """A server more, or a server less."""
        name = self.cluster.leader()
        if name is None:
            return ""
        now = set(self.cluster.servers[name].raft.members)
        other = self._victim()
        return self._ask_for(name, now - {other} if other in now and len(now) > 3 else now | {other})

    def _panic(self) -> str:
        """The network splits, and an operator makes those that the leader still reaches the only members."""
        name = self.cluster.leader()
        if name is None:
            return ""
        side = {name, *self.rng.sample([other for other in self.cluster.disks if other != name], 2)}
        return self._cut_off(sorted(side)) + "; " + self._ask_for(name, side)

    def _ask_for(self, name: str, members: set[str]) -> str:
        self.cluster.servers[name].change(sorted(members))
        return f"{name} is asked to make {', '.join(sorted(members))} the members"


def run(seed: int, design: Design | None = None) -> Report:
    """One run. Raises Broken with the promise that was not kept: one of Raft's, "linearizable" or "goes on again"."""
    cluster = Cluster(seed, design)
    trouble = Trouble(cluster, TROUBLE_S)
    history, numbers = History(), count(CLIENTS)
    clients = [
        Client(f"client {n}", cluster.network, sorted(cluster.disks), history, Random(f"{seed}/client {n}"), numbers, n)
        for n in range(CLIENTS)
    ]
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
        raise Broken("linearizable", str(verdict))
