"""Servers and clients of the model: Raft on the seeded network, with disks that take their time and can be lost.

The paper says "before responding". This is where it is kept: a server that has something to write hears nothing more
until the disk has it, and only then speaks; whoever pulls the plug in between finds neither the lines nor the words.

Promised: a server carries out each `Output` in its order; one input after the other; clients send unique values, repeat
a command that was not answered under the same serial, and write down what they know: ok, or indefinite.
Not done: choosing what goes wrong and judging it (raft_model.py), sockets (live.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, NamedTuple

from minisys.replication.history import History, Operation
from minisys.replication.network import Network
from minisys.replication.raft import LEADER, Output, Raft, State, Timing
from minisys.replication.raft_messages import COMMAND, Record
from minisys.replication.raft_store import Store


class Ask(NamedTuple):
    """A client's command, see `Store.apply`."""

    command: dict[str, Any]


class Told(NamedTuple):
    """The answer to *serial*; without *done* it was not carried out here, and *leader* may be a better address."""

    serial: int
    done: bool
    result: Any = None
    leader: str | None = None


class Disk:
    """What survives a crash: a state that records were applied to. `lose` is the failed disk."""

    def __init__(self, new: Callable[[], State]) -> None:
        self.new, self.records = new, [] if False else list[Record]()

    def write(self, records: list[Record]) -> None:
        """These are durable now."""
        self.records += records

    def state(self) -> State:
        """Read it all back."""
        state = self.new()
        for record in self.records:
            state.apply(record)
        return state
