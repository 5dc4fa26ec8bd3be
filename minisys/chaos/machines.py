"""Faults of clocks and disks, on nodes that were started so that both can be made wrong.

A token is valid for an hour, and one server's clock is two hours ahead: its users are logged out as they log in. A disk
fills up at night, and the database that could not write says "committed" all the same. Both need a machine of one's own
to be tried; wrapped.py makes a single process believe them.

    state = StateFile(folder / "a.state")
    node = start(state, "minisys.replication", "--name", "a", …)
    Machines({"a": state}).begin(Fault("clock offset", "a", offset_s=7200))

Promised: faults on one node add up and end alone; SIGKILL of this process makes clock and disk right again. FaultyClock
is the same for code in this process and for simulations. FileLimit reaches any process on Linux, with one fault only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from minisys.chaos.healing import owe
from minisys.chaos.inject import Undo
from minisys.chaos.kinds import CLOCK, DISK
from minisys.chaos.plan import Fault
from minisys.chaos.wrapped import State
from minisys.testbed import nodes
from minisys.testbed.nodes import Node


class Breakable(Protocol):
    """Something with a state that can be made wrong."""

    def true_s(self) -> float:
        """The right time, in seconds."""
        ...

    def make(self, state: State) -> None:
        """From now on it is as *state* says."""
        ...


class StateFile:
    """The file *path* that a wrapped node looks at. Its folder must be there."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def true_s(self) -> float:
        """The right time."""
        return time.time()

    def make(self, state: State) -> None:
        """Write it, in one step, so that nobody reads half of it."""
        new = self.path.with_name(f".{self.path.name}.making")
        new.write_text(state.to_json())
        os.replace(new, self.path)


class FaultyClock:
    """A clock over a true one, *true*, that can be set wrong: now_s() for whoever asks the time."""

    def __init__(self, true: Callable[[], float]) -> None:
        self.true, self.state = true, State()

    def now_s(self) -> float:
        """What it shows."""
        return self.state.now_s(self.true())

    def true_s(self) -> float:
        """The right time."""
        return self.true()

    def make(self, state: State) -> None:
        """Set it."""
        self.state = state


def start(state: StateFile, module: str, *args: str, name: str | None = None) -> Node:
    """Start *module* of ours as a node, as nodes.start does, with a clock and a disk that obey *state*."""
    name = name or module.rsplit(".", 1)[-1]
    return nodes.start("minisys.chaos.wrapped", str(state.path), module, *args, name=name)


class Machines:
    """Injector of clock and disk faults. *machines*: by name, a StateFile or a FaultyClock."""

    def __init__(self, machines: Mapping[str, Breakable]) -> None:
        self.machines = dict(machines)
        self.active: dict[str, list[tuple[float, Fault]]] = {name: [] for name in machines}

    def begin(self, fault: Fault) -> Undo:
        """Make clock or disk of the fault's target wrong. Raises ValueError if it is not known."""
        if fault.kind not in CLOCK and fault.kind not in DISK:
            raise ValueError(f"{fault.kind!r} is no fault of a clock or a disk")
        if fault.target not in self.machines:
            raise ValueError(f"there is no machine {fault.target!r}; there are {', '.join(self.machines) or 'none'}")
        machine = self.machines[fault.target]
        entry = (machine.true_s(), fault)

        def act() -> None:
            self.active[fault.target].append(entry)
            machine.make(total(self.active[fault.target]))

        def settle() -> None:
            self.active[fault.target].remove(entry)
            machine.make(total(self.active[fault.target]))

        if isinstance(machine, StateFile):
            return owe(["write", str(machine.path), State().to_json()], act, settle)
        act()
        return settle


def total(faults: Iterable[tuple[float, Fault]]) -> State:
    """What *faults*, each with the true time at which it began, come to."""
    state = State()
    for began_s, fault in faults:
        if fault.kind == "clock offset":
            state = replace(state, offset_s=state.offset_s + fault["offset_s"])
        elif fault.kind == "clock skew":
            state = replace(state, rate=fault["rate"], since_s=began_s)
        elif fault.kind == "disk slow":
            state = replace(state, disk_delay_s=fault["delay_s"])
        elif state.disk == "ok":  # of a full and a read-only disk the first is what is seen
            state = replace(state, disk=fault.kind.removeprefix("disk "))
    return state


class FileLimit:
    """Injector of "disk full" on any process, by name: no file may be written any more, its log neither (Linux).

    The system answers "file too large" instead of "no space left"; what a program does then is the same.
    """

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = dict(nodes)

    def begin(self, fault: Fault) -> Undo:
        """Forbid the process to write. Raises ValueError for another kind or an unknown node, OSError if not Linux."""
        import resource  # not on Windows

        if fault.kind != "disk full" or fault.target not in self.nodes:
            raise ValueError(f"only 'disk full' on {', '.join(self.nodes) or 'nothing'}; got {fault}")
        if not hasattr(resource, "prlimit"):
            raise OSError("another process's files can be limited on Linux only; start the node with machines.start()")
        pid = self.nodes[fault.target].pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        debt = ["limit", pid, "RLIMIT_FSIZE", soft, hard]
        return owe(debt, lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard)))
