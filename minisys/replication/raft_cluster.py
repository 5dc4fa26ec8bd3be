"""A server of the model: Raft on the seeded network, with a disk that takes its time and a store above the log.

The paper says "before responding". This is where it is kept: a server that has something to write hears nothing more
until the disk has it, and only then speaks; whoever pulls the plug in between finds neither the lines nor the words.

Promised: each `Output` is carried out in its order, one input after the other; what a crash leaves is exactly what the
disk had. Not done: clients and what goes wrong (raft_model.py), judging (raft_invariants.py), sockets (live.py).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, NamedTuple, Protocol

from minisys.replication.network import Network
from minisys.replication.raft import Output, Raft, State, Timing
from minisys.replication.raft_messages import COMMAND, Entry, Record, Snapshot
from minisys.replication.raft_store import Store


class Ask(NamedTuple):
    """A client's command, see `Store`."""

    command: dict[str, Any]


class Told(NamedTuple):
    """The answer to *serial*; if not *done* it was not carried out here, and *leader* may be a better address."""

    serial: int
    done: bool
    result: Any = None
    leader: str | None = None


class Watch(Protocol):
    """Who looks at every step; see raft_invariants.py."""

    def stepped(self, server: Server, out: Output) -> None:
        """The server has made up its mind; nothing of it is done yet."""

    def applied(self, server: Server, entry: Entry) -> None:
        """The server applies an entry."""

    def restored(self, server: Server, snapshot: Snapshot) -> None:
        """The server replaces its store by a snapshot's."""


class Disk:
    """The records of one server, in order."""

    def __init__(self, members: Iterable[str]) -> None:
        self.members, self.records = tuple(members), list[Record]()

    def write(self, records: Iterable[Record]) -> None:
        """These are durable now."""
        self.records += records

    def state(self, kind: type[State] = State) -> State:
        """What a server finds after a restart."""
        state = kind(self.members)
        for record in self.records:
            state.apply(record)
        return state


class Server:
    """A server in one of its lives: it starts with what its *disk* has and ends with `Network.crash`.

    *seed* draws its timeouts and the times of its disk; *fsync_s*: mean seconds until a
    write is durable; *compact_after*: so many entries make a snapshot.
    """

    def __init__(
        self, name: str, network: Network, disk: Disk, watch: Watch, design: Design, *,
        seed: str, timing: Timing, compact_after: int, fsync_s: float = 0.002,
    ) -> None:  # fmt: skip
        self.name, self.network, self.disk, self.watch = name, network, disk, watch
        self.rng, self.fsync_s, self.compact_after = Random(seed), fsync_s, compact_after
        self.raft = design.raft(name, (), self.rng, disk.state(design.state), timing=timing)
        self.store = design.store()
        self.open: dict[tuple[int, int], tuple[str, int]] = {}  # entry (index, term): client, serial
        self._inputs: deque[Callable[[float], Output]] = deque()
        self._writing, self._armed_s = False, math.inf

    def start(self) -> None:
        """Begin to live."""
        self.network.join(self.name, self)
        self._put(self.raft.tick)

    def receive(self, sender: str, message: Any) -> None:
        """From another server, or a client."""
        if isinstance(message, Ask):
            self._put(partial(self._ask, sender, message.command))
        else:
            self._put(partial(self._hear, message))

    def change(self, members: Iterable[str]) -> None:
        """An operator asks for other members."""
        self._put(partial(self._change, tuple(members)))

    def _hear(self, message: Any, now: float) -> Output:
        return self.raft.receive(now, message)

    def _change(self, members: tuple[str, ...], now: float) -> Output:
        try:
            return self.raft.change(now, members)
        except ValueError:  # too much at once
            return self.raft.tick(now)

    def _ask(self, client: str, command: dict[str, Any], now: float) -> Output:
        if command["kind"] == "read":
            return self.raft.read(now, (client, command))
        out = self.raft.propose(now, command)
        if not out.proposed:
            self._tell(client, command, done=False)
        for entry in out.proposed:
            self.open[entry.index, entry.term] = client, command["serial"]
        return out

    def _put(self, call: Callable[[float], Output]) -> None:
        self._inputs.append(call)
        self._go_on()

    def _go_on(self) -> None:
        while self._inputs and not self._writing:
            out = self._inputs.popleft()(self.network.clock(self.name))
            self.watch.stepped(self, out)
            self._persist(out)
        self._arm()

    def _persist(self, out: Output) -> None:
        """First the disk, then everything else."""
        if out.records:
            self._writing = True
            self.network.timer(self.name, self.rng.expovariate(1 / self.fsync_s), self._written, out)
        else:
            self._carry_out(out)

    def _written(self, out: Output) -> None:
        self.disk.write(out.records)
        self._writing = False
        self._carry_out(out)
        self._go_on()

    def _carry_out(self, out: Output) -> None:
        for message in out.messages:
            self.network.send(self.name, message.to, message)
        if out.restore is not None:
            self.watch.restored(self, out.restore)
            self.store.restore(out.restore.data)
        for entry in out.apply:
            self._apply(entry)
        for client, command in out.reads:
            self._tell(client, command, done=True, result=self.store.answer(command))
        for client, command in out.refused:
            self._tell(client, command, done=False)
        state = self.raft.state
        due = len(state.entries) > self.compact_after and self.raft.applied > state.snapshot.index
        if due and self._compact not in self._inputs:
            self._inputs.appendleft(self._compact)

    def _apply(self, entry: Entry) -> None:
        self.watch.applied(self, entry)
        if entry.kind != COMMAND:
            return
        result = self.store.apply(entry.data)
        if (entry.index, entry.term) in self.open:
            client, _ = self.open.pop((entry.index, entry.term))
            self._tell(client, entry.data, done=True, result=result)

    def _compact(self, now: float) -> Output:
        return self.raft.compact(now, self.raft.applied, self.store.data())

    def _tell(self, client: str, command: dict[str, Any], *, done: bool, result: Any = None) -> None:
        leader = self.raft.leader if self.raft.leader != self.name else None
        self.network.send(self.name, client, Told(command["serial"], done, result, leader))

    def _arm(self) -> None:
        """One alarm is enough: an early one sets the next."""
        deadline = self.raft.deadline
        if deadline is not None and deadline < self._armed_s and not self._writing:
            self._armed_s = deadline
            wait_s = max(deadline - self.network.clock(self.name), 1e-6)  # rounding must not make it stand still
            self.network.timer(self.name, wait_s, self._alarm, deadline)

    def _alarm(self, deadline: float) -> None:
        if deadline != self._armed_s:
            return
        self._armed_s = math.inf
        self._put(self.raft.tick)


@dataclass(frozen=True)
class Design:
    """The parts that a cluster is built of; raft_bugs.py exchanges one."""

    raft: type[Raft] = Raft
    state: type[State] = State
    store: type[Store] = Store
    server: type[Server] = Server
