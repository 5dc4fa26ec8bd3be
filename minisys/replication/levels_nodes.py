"""The nodes of levels_model.py: a primary, copies in another region, and players who write there and read here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, NamedTuple

from minisys.replication.history import History, Operation
from minisys.replication.network import Network
from minisys.replication.policies import MayRead, Reader, leader_only

REPLICAS = ("r1", "r2", "r3", "r4")
BEAT_S, THINK_S = 0.02, 0.02


@dataclass(frozen=True)
class Level:
    """*may_read*: which copy may answer. *ordered*: copies apply the writes in their order, or as they arrive."""

    may_read: MayRead
    ordered: bool = True


class Write(NamedTuple):
    """A client's write, and what the copies are sent, then with its place in the order."""

    value: int
    position: int = 0
    key: str = "x"
    at_s: float = 0.0


class Look(NamedTuple):
    """A read of both keys at one moment; *token* is the newest position that this session has written or read."""

    token: int


class Seen(NamedTuple):
    """The answer to either: how far the copy is, and of each key (position, value); or "ask another copy"."""

    position: int
    x: tuple[int, int | None]
    y: tuple[int, int | None]
    at_s: float
    allowed: bool = True


class Beat(NamedTuple):
    """The primary's word of how far it was at *at_s*."""

    position: int
    at_s: float


class Primary:
    """Takes all writes, gives them their order, and sends them to the copies. A write sets x and then y."""

    def __init__(self, network: Network) -> None:
        self.network, self.position = network, 0
        self.past: list[tuple[float, int]] = [(0.0, 0)]  # when it got how far
        self.values: dict[str, tuple[int, int | None]] = {"x": (0, None), "y": (0, None)}
        network.join("primary", self)
        self._beat()

    def receive(self, sender: str, message: Any) -> None:
        """A player writes, or reads."""
        now = self.network.loop.now
        if isinstance(message, Write):
            for key in self.values:
                self.position += 1
                self.values[key] = (self.position, message.value)
                for name in REPLICAS:
                    self.network.send("primary", name, Write(message.value, self.position, key, now))
            self.past.append((now, self.position))
        self.network.send("primary", sender, Seen(self.position, self.values["x"], self.values["y"], now))

    def _beat(self) -> None:
        for name in REPLICAS:
            self.network.send("primary", name, Beat(self.position, self.network.loop.now))
        self.network.timer("primary", BEAT_S, self._beat)


@dataclass
class Replica:
    """A copy in the readers' region."""

    name: str
    network: Network
    level: Level
    applied: int = 0
    newest: int = 0
    heard_s: float = 0.0
    values: dict[str, tuple[int, int | None]] = field(default_factory=lambda: {"x": (0, None), "y": (0, None)})
    early: dict[int, Write] = field(default_factory=dict)

    def receive(self, sender: str, message: Any) -> None:
        """A player reads, or the primary tells."""
        now = self.network.loop.now
        if isinstance(message, Look):
            at = Reader(self.applied, self.newest, now - self.heard_s, message.token)
            answer = Seen(self.applied, self.values["x"], self.values["y"], now, self.level.may_read(at))
            self.network.send(self.name, sender, answer)
            return
        if message.position >= self.newest:
            self.newest, self.heard_s = message.position, message.at_s
        if isinstance(message, Write):
            self._take(message)

    def _take(self, write: Write) -> None:
        """In order: wait for what is missing. As it comes: the newest of each key wins."""
        if not self.level.ordered:
            self._apply(write)
            return
        self.early[write.position] = write
        while self.applied + 1 in self.early:
            self._apply(self.early.pop(self.applied + 1))

    def _apply(self, write: Write) -> None:
        self.applied = max(self.applied, write.position)
        self.values[write.key] = max(self.values[write.key], (write.position, write.value))


@dataclass
class Player:
    """A session in the readers' region: it writes now and then, and reads from one copy or another."""

    process: int
    network: Network
    level: Level
    history: History
    looks: list[Seen]
    rng: Random
    numbers: count[int]
    token: int = 0
    value: int | None = None
    begun_s: float = 0.0
    tries: int = 0
    busy: bool = False
    waited_s: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"player {self.process}"

    def start(self) -> None:
        """Begin to play, and never stop."""
        self.network.join(self.name, self)
        self._rest()

    def _rest(self) -> None:
        self.network.timer(self.name, self.rng.expovariate(1 / THINK_S), self._next)

    def _next(self) -> None:
        self.begun_s, self.tries, self.busy = self.network.loop.now, 0, True
        self.value = next(self.numbers) if self.rng.random() < 0.2 else None
        if self.value is not None:
            self.network.send(self.name, "primary", Write(self.value))
        else:
            self._look()

    def _look(self) -> None:
        """Ask a copy nearby; after two refusals ask the primary, as a client of any such store would."""
        near = self.level.may_read is not leader_only and self.tries < 2
        self.tries += 1
        self.network.send(self.name, self.rng.choice(REPLICAS) if near else "primary", Look(self.token))

    def leave_open(self) -> None:
        """The run is over: a write that is under way may count."""
        if self.value is not None and self.busy:
            self.history.add(
                Operation(self.process, "write", "x", self.value, None, self.begun_s, math.inf, "indefinite")
            )

    def receive(self, sender: str, message: Seen) -> None:
        """The answer, or "ask another"."""
        if not message.allowed:
            self._look()
            return
        self.token, now = max(self.token, message.position), self.network.loop.now
        if self.value is None:
            self.looks.append(message)
            self.waited_s.append(now - self.begun_s)
        kind = "read" if self.value is None else "write"
        result = message.x[1] if kind == "read" else None
        self.history.add(Operation(self.process, kind, "x", self.value, result, self.begun_s, now))
        self.busy = False
        self._rest()
