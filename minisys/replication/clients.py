"""Clients that keep their own books: each asks a replicated store, waits, thinks, and writes down what it was told.

A store that lost your order does not know it. You do, if you kept the receipt. A client here is a thread with one
connection; what it asked, what came back and when is its history, and histories are what the harness judges.

Promised: an operation is *failed* only if the store said that it did nothing. A broken connection or a time-out is
*indefinite*, because the write may have happened or may yet. Nothing is sent twice. Not promised: an open workload;
a client waits for its answer, so a dead store is asked less (the recorded latencies are no benchmark).
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from minisys.replication.history import History, Operation


class Refused(Exception):
    """The store said no, and that it did nothing: the one kind of failure that is certain."""


class Store(Protocol):
    """One client's way to a replicated store; a thread of its own uses it.

    Every method raises Refused if the store certainly did nothing, and OSError (with ConnectionError and TimeoutError)
    if nobody knows. After an OSError it is closed and connected anew.
    """

    def connect(self) -> None:
        """Find who takes writes now, and connect to it."""

    def write(self, key: str, value: str) -> None:
        """Returns when the store has acknowledged that *key* is now *value*."""

    def read(self, key: str) -> str | None:
        """The value of *key*; None if it has none."""

    def close(self) -> None:
        """Hang up; harmless if there is no connection."""


@dataclass(frozen=True)
class Load:
    """What the clients do: *clients* of them for *for_s* seconds, *think_s* seconds between two operations.

    Of ten operations six write a key that nobody has written before (so that a lost one is seen at once), two read
    such a key, and two write or read one of *registers* that all share (so that the checker sees overwrites).
    Raises ValueError unless for_s > 0, clients >= 1, think_s >= 0 and registers >= 1.
    """

    for_s: float = 2.0
    clients: int = 6
    think_s: float = 0.002
    registers: int = 4
    seed: int = 6

    def __post_init__(self) -> None:
        if not (self.for_s > 0 and self.clients >= 1 and self.think_s >= 0 and self.registers >= 1):
            raise ValueError(f"need for_s > 0, clients >= 1, think_s >= 0 and registers >= 1, got {self}")


class Client(threading.Thread):
    """One user: it asks, waits for the answer, thinks, and asks again; its books are in `history`."""

    def __init__(self, store: Store, load: Load, number: int, began: float, recent: deque[str]) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self.store, self.load, self.number, self.began, self.recent = store, load, number, began, recent
        self.rng = random.Random(f"{load.seed}-{number}")
        self.stop, self.history = threading.Event(), History()
        self.bug: BaseException | None = None
        self.connected, self.serial = False, 0

    def run(self) -> None:
        """Until told to stop."""
        try:
            while not self.stop.wait(self.load.think_s if self.connected else 0.01):
                if self.connect():
                    self.do(*self.chosen())
        except BaseException as bug:  # shown by the thread that started the run
            self.bug = bug
        finally:
            self.store.close()

    def connect(self) -> bool:
        """Whether there is a connection to somebody who takes writes."""
        if not self.connected:
            try:
                self.store.connect()
                self.connected = True
            except (Refused, OSError):
                self.store.close()
        return self.connected

    def chosen(self) -> tuple[str, str]:
        """The next operation: its kind and its key."""
        dice, self.serial = self.rng.random(), self.serial + 1
        if dice < 0.6:
            return "write", f"w{self.number}-{self.serial}"
        if dice < 0.8:
            return "read", self.recent[self.rng.randrange(len(self.recent))]
        return ("write" if dice < 0.9 else "read"), f"r{self.rng.randrange(self.load.registers)}"

    def do(self, kind: str, key: str) -> Operation:
        """One operation, and the entry in the books that it is worth."""
        value = f"{self.number}-{self.serial}" if kind == "write" else None
        began, result, outcome = time.monotonic(), None, "ok"
        try:
            if value is None:
                result = self.store.read(key)
            else:
                self.store.write(key, value)
        except Refused:
            outcome = "failed"
        except OSError:
            outcome = "indefinite" if kind == "write" else "failed"  # a read changes nothing
        if outcome != "ok":  # whoever refuses is not the primary any more: look for it anew
            self.store.close()
            self.connected = False
        if kind == "write" and key[0] == "w":
            self.recent.append(key)
        took = (began - self.began, time.monotonic() - self.began)
        return self.history.add(Operation(self.number, kind, key, value, result, *took, outcome))
