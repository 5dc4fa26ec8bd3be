"""Copies without a leader on the seeded network, clients that read and write, and the history of what they were told.

One seed decides who asks when and how long each message takes. Most seeds show nothing; the one that shows two readers
who see the new value and then the old one is found by trying: `counter_example`.

Promised: one seed, one history; a client that waits in vain gives up, and what it wrote stays of unknown outcome
(certainly without effect if it had not sent it yet). With a sloppy quorum a copy that does not answer in time is
replaced by the next node of the ring, which keeps the value with a hint and hands it over later. Not modelled: crashes
that lose the disk, anti-entropy beside read repair and hints, more than one coordinator an operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, NamedTuple

from minisys.replication.check import Verdict, linearizable
from minisys.replication.history import History, Operation
from minisys.replication.network import Link, Loop, Network
from minisys.replication.policies import Stamp
from minisys.replication.quorum_register import Answers, Ask, Put, Register, Steps
from minisys.testbed.laws import Exponential

NOTHING = Stamp(0.0)
THINK_S, FALLBACK_S, GIVE_UP_S, HAND_OVER_S = 0.02, 0.05, 0.5, 0.1
NODES = ("a", "b", "c", "d", "e")  # the first N are a key's homes


class Call(NamedTuple):
    """A message to a copy, and the answer's way back; *home* is for whom a stand-in keeps it."""

    round: int
    home: str
    message: Any


class Back(NamedTuple):
    """The answer of a copy to round *round*: what it has now."""

    round: int
    home: str
    stamp: Stamp
    value: Any


class Copy:
    """One node: a value and a stamp for each key, and the hints it keeps for others."""

    def __init__(self, name: str, network: Network) -> None:
        self.name, self.network = name, network
        self.kept: dict[str, tuple[Stamp, Any]] = {}
        self.hints: dict[tuple[str, str], Put] = {}  # (home, key)
        network.join(name, self)

    def receive(self, sender: str, message: Any) -> None:
        """A client's call, or a home that says it has what was handed over."""
        if isinstance(message, Back):
            self.hints.pop((sender, message.home), None)
            return
        put = message.message if isinstance(message.message, Put) else None
        if put is not None and put.stamp > self._has(put.key)[0]:
            self.kept[put.key] = (put.stamp, put.value)
            if message.home != self.name:
                self.hints[message.home, put.key] = put
                self.network.timer(self.name, HAND_OVER_S, self._hand_over, message.home, put.key)
        key = message.message.key
        about = key if message.round < 0 else message.home  # a handover is confirmed by its key
        self.network.send(self.name, sender, Back(message.round, about, *self._has(key)))

    def _has(self, key: str) -> tuple[Stamp, Any]:
        return self.kept.get(key, (NOTHING, None))

    def _hand_over(self, home: str, key: str) -> None:
        """Until its home has it, offer it again and again."""
        put = self.hints.get((home, key))
        if put is not None:
            self.network.send(self.name, home, Call(-1, home, put))
            self.network.timer(self.name, HAND_OVER_S, self._hand_over, home, key)


@dataclass
class Client:
    """One client: it reads or writes, waits a little, and does it again; everything goes into *history*.

    *reads* is the share of reads; *numbers* gives values and process numbers that nobody else gets.
    """

    name: str
    network: Network
    register: Register
    history: History
    rng: Random
    numbers: count[int]
    process: int
    keys: Sequence[str] = ("x",)
    reads: float = 0.5
    ring: tuple[str, ...] = NODES
    last: Stamp = NOTHING
    round: int = 0
    steps: Steps | None = None
    waiting: Ask | None = None
    heard: dict[str, tuple[str, Stamp, Any]] = field(default_factory=dict)
    doing: tuple[str, str, Any, float] = ("", "", None, 0.0)  # kind, key, value, begun
    sent: bool = False  # whether the value has left this client

    def start(self) -> None:
        """Begin, and never stop."""
        self.network.join(self.name, self)
        self._think()

    def _think(self) -> None:
        self.network.timer(self.name, self.rng.expovariate(1 / THINK_S), self._begin)

    def _begin(self) -> None:
        key, now = self.rng.choice(self.keys), self.network.loop.now
        if self.rng.random() < self.reads:
            self.doing, self.steps = ("read", key, None, now), self.register.read(key)
        else:
            value, clock_s = next(self.numbers), self.network.clock(self.name)
            self.doing = ("write", key, value, now)
            self.steps = self.register.write(key, value, self.name, clock_s, self.last)
        self.sent = False
        self.network.timer(self.name, GIVE_UP_S, self._give_up, self.doing)
        self._go_on(None)

    def _go_on(self, answers: Answers | None) -> None:
        """The protocol's next step: the next question, or the end."""
        assert self.steps is not None
        try:
            ask = self.steps.send(answers)  # type: ignore[arg-type]  # a generator starts with None
        except StopIteration as end:
            self._close("ok", end.value)
            return
        self.round, self.waiting, self.heard = self.round + 1, ask, {}
        self.sent = self.sent or isinstance(ask.message, Put)
        for home in ask.only or self.ring[: self.register.quorum.n]:
            self.network.send(self.name, home, Call(self.round, home, ask.message))
        if self.register.quorum.sloppy and not ask.only:
            self.network.timer(self.name, FALLBACK_S, self._stand_in, self.round)
        if not ask.need:
            self._go_on([])

    def _stand_in(self, round_: int) -> None:
        """Some homes have not answered: ask the next nodes of the ring in their place."""
        if round_ == self.round and self.waiting is not None:
            quorum = self.register.quorum
            up = {*self.heard, *self.ring[quorum.n :]}
            for node, home in quorum.place(self.ring, up):
                if node != home:
                    self.network.send(self.name, node, Call(self.round, home, self.waiting.message))

    def receive(self, sender: str, message: Back) -> None:
        """An answer, perhaps to a question of long ago."""
        if message.round != self.round or self.waiting is None:
            return
        self.heard[message.home] = (sender, message.stamp, message.value)
        if len(self.heard) >= self.waiting.need:
            self.waiting = None
            self._go_on(list(self.heard.values()))

    def _give_up(self, doing: tuple[str, str, Any, float]) -> None:
        if self.steps is not None and doing == self.doing:
            self._close("indefinite" if self.sent else "failed", None)

    def _close(self, outcome: str, result: Any) -> None:
        kind, key, value, begun_s = self.doing
        read = result if kind == "read" and outcome == "ok" else None
        self.history.add(Operation(self.process, kind, key, value, read, begun_s, self.network.loop.now, outcome))
        if kind == "write" and outcome == "ok":
            self.last = result
        if outcome != "ok":
            self.process = next(self.numbers)
        self.steps, self.waiting = None, None
        self._think()

    def leave_open(self) -> None:
        """The run is over; what is open may have had an effect."""
        if self.steps is not None:
            kind, key, value, begun_s = self.doing
            self.history.add(Operation(self.process, kind, key, value, None, begun_s, math.inf, "indefinite"))


@dataclass(frozen=True)
class Run:
    """What came of one run: the clients' *history*, and the copies at the end."""

    history: History
    copies: dict[str, Copy]


def run(
    register: Register, *, seed: int = 0, duration_s: float = 2.0, clients: int = 3, keys: Sequence[str] = ("x",),
    link: Link | None = None, events: Iterable[tuple[float, Callable[[Network], None]]] = (), reads: float = 0.5,
    nodes: tuple[str, ...] = NODES,
) -> Run:  # fmt: skip
    """*clients* clients ("client 0" …) use *register* for *duration_s* seconds over a network with one *seed*.

    *events*: (second, what is then done to the network), for example (1.0, lambda n: n.partition(…)). *nodes*: the
    ring, the N homes first. Raises ValueError for fewer nodes than N.
    """
    if len(nodes) < register.quorum.n:
        raise ValueError(f"{register.quorum.n} copies need as many nodes, got {', '.join(nodes)}")
    loop = Loop()
    network = Network(loop, seed=seed, link=link or Link(Exponential(0.005)))
    copies = {name: Copy(name, network) for name in nodes}
    history, numbers = History(), count(clients)
    asking = [
        Client(f"client {n}", network, register, history, Random(f"{seed}/client {n}"), numbers, n, keys, reads, nodes)
        for n in range(clients)
    ]
    for client in asking:
        client.start()
    for when_s, what in events:
        loop.at(when_s, what, network)
    loop.run(duration_s)
    for client in asking:
        client.leave_open()
    network.check()
    return Run(history, copies)


def counter_example(register: Register, seeds: Iterable[int], **more: Any) -> tuple[int, Verdict, History] | None:
    """(seed, verdict, history) of the first of *seeds* whose history is not linearizable; None if all are.

    *more* goes to `run`.
    """
    for seed in seeds:
        history = run(register, seed=seed, **more).history
        verdict = linearizable(history)
        if not verdict.holds:
            return seed, verdict, history
    return None
