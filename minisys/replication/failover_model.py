"""The primary dies, is cut off, or stops for a moment, under load: who notices when, and what is gone afterwards.

At 2.0 s the primary's plug is pulled. For a while nobody knows; then a replica loses patience, is elected, and clients
find it. In that time orders fail, and some that were confirmed before are not there any more. How long, and how many,
is decided by three settings that most people have never looked at: the mode, the time-out, and the replicas' lag.

Promised: the servers run the same state machines as the live ones (primary.py, raft.py) on the seeded network, with a
disk that takes its time; clients keep their own books, and *lost* counts acknowledged writes that the last leader does
not have. One seed, one run. Not modelled: restarting the old primary (raft_model.py does), bandwidth, full queues.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from minisys.replication.history import History, Operation
from minisys.replication.modes import Options, machine
from minisys.replication.network import Link, Loop, Network
from minisys.replication.raft import CANDIDATE, LEADER, PRE_CANDIDATE, Output, Raft, State, Timing
from minisys.replication.raft_clients import Client
from minisys.replication.raft_cluster import Design, Disk, Server
from minisys.replication.raft_messages import COMMAND, Entry, Snapshot
from minisys.testbed.laws import Deterministic, Exponential

MODES = ("async", "semi-sync", "all", "raft")
KEYS = "xyz"
FAULTS = ("crash", "cut off", "pause")
LOAD_S, PAUSE_S = 1.2, 1.0  # how long clients write before it happens, about; how long a pause is


@dataclass(frozen=True)
class Moment:
    """*server* changed its *role* ("leader", "candidate" …) in *term*, *at_s* seconds after the start."""

    at_s: float
    server: str
    role: str
    term: int


@dataclass(frozen=True)
class Failover:
    """What one run was like. The load began at *began_s*, the fault came at *fault_s*, seconds from the start.

    From the fault on, in seconds, math.inf if it never happened: *detected_s* until the first replica stood for
    election, *elected_s* until there was a leader, *back_s* until the first write that was sent after the fault was
    acknowledged (the RTO). *gone*: the acknowledged writes, of *acknowledged*, that the log of the last leader lacks.
    *names*: whose process number each is.
    """

    mode: str
    began_s: float
    fault_s: float
    detected_s: float
    elected_s: float
    back_s: float
    acknowledged: int
    gone: tuple[Operation, ...]
    history: History
    moments: tuple[Moment, ...]
    names: dict[int, str]

    @property
    def lost(self) -> int:
        """How many acknowledged writes are gone."""
        return len(self.gone)


class Story:
    """Looks on, and notes who became what; unlike raft_invariants.py it judges nothing."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.roles: dict[str, tuple[str, int]] = {}
        self.moments: list[Moment] = []

    def stepped(self, server: Server, out: Output) -> None:
        raft = server.raft
        if self.roles.get(raft.name) != (raft.role, raft.state.term):
            self.roles[raft.name] = (raft.role, raft.state.term)
            self.moments.append(Moment(self.loop.now, raft.name, raft.role, raft.state.term))

    def applied(self, server: Server, entry: Entry) -> None: ...

    def restored(self, server: Server, snapshot: Snapshot) -> None: ...

    def first(self, after_s: float, but: str, *roles: str) -> float:
        """Seconds from *after_s* until a server other than *but* took one of *roles*."""
        found = [m.at_s for m in self.moments if m.at_s >= after_s and m.server != but and m.role in roles]
        return found[0] - after_s if found else math.inf


class Known(Client):
    """A client that remembers under which process numbers it asked; it takes a new one when it has given up."""

    def ask(self, kind: str, key: str, value: Any = None) -> None:
        """Begin one operation."""
        self.names: set[int] = getattr(self, "names", set()) | {self.process}
        super().ask(kind, key, value)


class Writer(Known):
    """A client that writes a new key each time, and nothing else."""

    def _next(self) -> None:
        number = next(self.numbers)
        self.ask("write", f"{self.name}/{number}", number)


class Mixed(Known):
    """A client that reads and writes a few registers."""

    def _next(self) -> None:
        key = self.rng.choice(KEYS)
        if self.rng.random() < 0.5:
            self.ask("read", key)
        else:
            self.ask("write", key, next(self.numbers))


def design(mode: str, k: int) -> Design:
    """The servers of *mode*, as the live replicas choose them. Raises ValueError for an unknown mode."""

    def made(name: str, _: tuple[str, ...], rng: Random, state: State, *, timing: Timing) -> Raft:
        return machine(Options(mode, k, timing=timing), name, state.members, rng, state)

    Options(mode, k)
    return Design(raft=made)  # type: ignore[arg-type]  # called like the class


class Stage:
    """Servers, clients and a network, before anything happens. Parameters as for `fail_over`."""

    def __init__(
        self, mode: str, *, k: int = 1, size: int = 3, seed: int = 0, lag_s: float = 0.005, clients: int = 5,
        timing: Timing | None = None, kind: type[Known] = Writer, network: type[Network] = Network,
        steady: bool = False,
    ) -> None:  # fmt: skip
        self.loop, timing = Loop(), timing or Timing()
        self.begin_s = 2.5 * timing.election_s[1]  # there is a leader by then
        self.network = network(self.loop, seed=seed, link=Link(Exponential(0.001)))
        self.story, self.rng = Story(self.loop), Random(f"{seed}/stage")
        names = tuple("abcdefghi"[:size])
        self.servers = {}
        for name in names:
            for other in names:
                if other != name:
                    self.network.links[name, other] = Link(Deterministic(lag_s) if steady else Exponential(lag_s))
            self.servers[name] = Server(
                name, self.network, Disk(names), self.story, design(mode, k),
                seed=f"{seed}/{name}", timing=timing, compact_after=10**9,
            )  # fmt: skip
        self.history, numbers = History(), count(clients)
        self.clients = [
            kind(f"client {n}", self.network, names, self.history, Random(f"{seed}/client {n}"), numbers, n)
            for n in range(clients)
        ]
        for server in self.servers.values():
            server.start()
        for client in self.clients:
            self.loop.at(self.begin_s, client.start)

    def leader(self) -> str:
        """Who leads in the newest term, dead or alive; if nobody does, whose log is the newest and would win."""
        rafts = [server.raft for server in self.servers.values()]
        leading = [raft for raft in rafts if raft.role == LEADER]
        return max(leading or rafts, key=lambda raft: (raft.state.last_term, raft.state.last_index)).name

    def run_to_fault(self) -> str:
        """Run until the moment of the fault, which the seed shifts by a heartbeat or two, and say who leads then."""
        self.loop.run(self.begin_s + LOAD_S + self.rng.uniform(0, 0.1))
        return self.leader()


def fail_over(
    mode: str, fault: str = "crash", *, k: int = 1, size: int = 3, seed: int = 0, lag_s: float = 0.005,
    clients: int = 5, timing: Timing | None = None, after_s: float = 2.0, kind: type[Known] = Writer,
    steady: bool = False,
) -> Failover:  # fmt: skip
    """*clients* clients write to *size* servers in *mode* (MODES, *k* for semi-sync); then *fault* (FAULTS) happens.

    *lag_s*: mean one-way delay between servers (clients are 1 ms away), always the same if *steady*. *timing*: election
    time-outs and heartbeat. *after_s*: how long the run goes on. "cut off": the
    primary keeps client 0 and loses everybody else, until the last half second. *kind*: what the clients do. Raises
    ValueError for an unknown mode or fault.
    """
    if fault not in FAULTS:
        raise ValueError(f"fault must be one of {', '.join(FAULTS)}, got {fault!r}")
    stage = Stage(
        mode, k=k, size=size, seed=seed, lag_s=lag_s, clients=clients, timing=timing, kind=kind, steady=steady
    )
    old = stage.run_to_fault()
    fault_s = stage.loop.now
    _happens(stage, fault, old, after_s)
    stage.loop.run(fault_s + after_s)
    if fault == "crash":
        stage.servers.pop(old)
    for client in stage.clients:
        client.leave_open()
    return _told(stage, mode, fault_s, old)


def _happens(stage: Stage, fault: str, old: str, after_s: float) -> None:
    network = stage.network
    if fault == "crash":
        network.crash(old, wire=True)
    elif fault == "pause":
        network.pause(old)
        stage.loop.after(PAUSE_S, network.resume, old)
    else:
        others = [*(name for name in stage.servers if name != old), *(client.name for client in stage.clients[1:])]
        network.partition([old, "client 0"], others)
        stage.loop.after(max(after_s - 0.5, 0.0), network.heal)


def _told(stage: Stage, mode: str, fault_s: float, old: str) -> Failover:
    done = [o for o in stage.history.ok() if o.kind == "write"]
    late = [o.responded_s for o in done if o.invoked_s >= fault_s and not o.key.startswith("client 0/")]
    story, log = stage.story, stage.servers[stage.leader()].raft.state.entries
    kept = {entry.data["value"] for entry in log if entry.kind == COMMAND}
    lost = [o for o in done if o.value not in kept]
    return Failover(
        mode, stage.begin_s, fault_s,
        story.first(fault_s, old, PRE_CANDIDATE, CANDIDATE, LEADER), story.first(fault_s, old, LEADER),
        min(late, default=math.inf) - fault_s, len(done), tuple(lost), stage.history, tuple(story.moments),
        {process: client.name for client in stage.clients for process in getattr(client, "names", ())},
    )  # fmt: skip
