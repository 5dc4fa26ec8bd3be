"""Clients of the model: they ask one thing at a time, look for the leader, repeat, give up, and write everything down.

What a client knows is all that counts in the end. It wrote a value that nobody else wrote, and it was told "done", or
it was told nothing: then the value may be there, or may come later, or never.

Promised: each written value is unique; a command is repeated under its serial, so that it counts once; an operation is
"ok" if it was answered, else "indefinite", and a client that gave up goes on under another process number and session.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Any

from minisys.replication.history import History, Operation
from minisys.replication.network import Network
from minisys.replication.raft_cluster import Ask, Told

REGISTERS, COUNTER = ("x", "y"), "n"
THINK_S, PATIENCE_S, TRIES = 0.02, 0.25, 8  # mean pause between operations; wait for one answer; then give up


class Client:
    """One client, on the network under *name*; *servers* are the addresses it knows, *process* its first number.

    *numbers* gives numbers that nobody else gets: for values, and for the next process number. *think_s*: mean seconds
    between an answer and the next question; *strays*: the share of operations that begin at any server.
    """

    def __init__(
        self, name: str, network: Network, servers: Sequence[str], history: History, rng: Random, numbers: count[int],
        process: int, think_s: float = THINK_S, strays: float = 0.0,
    ) -> None:  # fmt: skip
        self.name, self.network, self.servers, self.history = name, network, servers, history
        self.rng, self.numbers, self.process = rng, numbers, process
        self.think_s, self.strays = think_s, strays
        self.serial, self.tries, self.begun_s, self.target = 0, 0, 0.0, rng.choice(servers)
        self.command: dict[str, Any] | None = None
        self.seen: dict[str, Any] = {}  # the last value read or written, for cas
        self.after: Callable[[], None] = self._think

    def start(self) -> None:
        """Begin to ask, and never stop."""
        self.network.join(self.name, self)
        self._think()

    def ask(self, kind: str, key: str, value: Any = None) -> None:
        """Begin one operation."""
        self.serial, self.tries, self.begun_s = self.serial + 1, 0, self.network.loop.now
        if self.strays and self.rng.random() < self.strays:
            self.target = self.rng.choice(self.servers)
        client = f"{self.name}/{self.process}"
        self.command = {"client": client, "serial": self.serial, "kind": kind, "key": key, "value": value}
        self._try(self.serial, 0)

    def receive(self, sender: str, message: Told) -> None:
        """An answer, perhaps to something long over."""
        if self.command is None or message.serial != self.serial:
            return
        if message.done:
            self._close("ok", message.result)
        elif sender == self.target:
            self.target = message.leader or self.rng.choice(self.servers)
            self.network.timer(self.name, self.rng.expovariate(1 / THINK_S), self._try, self.serial, self.tries)

    def leave_open(self) -> None:
        """The run is over: what is open stays without an answer."""
        if self.command is not None:
            self._note("indefinite", None, math.inf)

    def _think(self) -> None:
        self.network.timer(self.name, self.rng.expovariate(1 / self.think_s), self._next)

    def _next(self) -> None:
        kind = self.rng.choices(("read", "write", "cas", "incr", "delete"), (40, 25, 15, 15, 5))[0]
        key = COUNTER if kind == "incr" or self.rng.random() < 0.1 else self.rng.choice(REGISTERS)
        if key == COUNTER and kind != "incr":
            kind = "read"
        new = next(self.numbers)
        value = {"write": new, "cas": [self.seen.get(key), new], "incr": 1}.get(kind)
        self.ask(kind, key, value)

    def _try(self, serial: int, tries: int) -> None:
        if self.command is None or serial != self.serial or tries != self.tries:
            return
        if self.tries == TRIES:
            self._close("indefinite", None)
            return
        self.tries += 1
        self.network.send(self.name, self.target, Ask(self.command))
        self.network.timer(self.name, PATIENCE_S, self._no_answer, serial, self.tries)

    def _no_answer(self, serial: int, tries: int) -> None:
        if self.command is not None and (serial, tries) == (self.serial, self.tries):
            self.target = self.rng.choice(self.servers)
            self._try(serial, tries)

    def _close(self, outcome: str, result: Any) -> None:
        assert self.command is not None
        self._note(outcome, result, self.network.loop.now if outcome == "ok" else math.inf)
        if outcome != "ok":
            self.process = next(self.numbers)
        elif self.command["kind"] in ("read", "write"):
            self.seen[self.command["key"]] = result if self.command["kind"] == "read" else self.command["value"]
        self.command = None
        self.after()

    def _note(self, outcome: str, result: Any, responded_s: float) -> None:
        command = self.command
        assert command is not None
        self.history.add(
            Operation(
                self.process,
                command["kind"],
                command["key"],
                command["value"],
                result,
                self.begun_s,
                responded_s,
                outcome,
            )  # fmt: skip
        )
