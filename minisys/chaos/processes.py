"""Faults of processes: killed, paused, slowed down, short of memory.

A machine that is dead is noticed. One that answers health checks and does everything else ten times slower is not, and
that is the outage people remember. So there are four ways to hurt a process here, from the loud one to the quiet one.

Promised: a pause and a slow processor end also if this process is killed (healing.py); memory is given back then, too;
never more than *bound* of what is free is taken. Not promised: that a killed process comes back; that is *restart*'s.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping

import psutil

from minisys.chaos.healing import owe
from minisys.chaos.inject import Undo
from minisys.chaos.mending import send
from minisys.chaos.plan import Fault
from minisys.testbed import nodes
from minisys.testbed.nodes import Node


class Processes:
    """Injector of process faults. *nodes*: by name, a Node or a process id.

    restart(name): starts a killed one again when its fault ends, and returns the new one (None: it stays dead).
    bound: the part of the machine's free memory that "memory" may take at most.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node | int],
        restart: Callable[[str], Node | int] | None = None,
        bound: float = 0.25,
    ) -> None:
        self.nodes, self.restart, self.bound = dict(nodes), restart, bound
        self.paused: set[int] = set()
        self.turn = threading.Lock()  # so that no brake lets go on what was just paused

    def begin(self, fault: Fault) -> Undo:
        """Hurt the process that the fault names. Raises ValueError if it is not known, or memory is too short."""
        if fault.kind == "memory":
            return self._memory(fault)
        if fault.target not in self.nodes:
            raise ValueError(f"there is no process {fault.target!r}; there are {', '.join(self.nodes) or 'none'}")
        if fault.kind == "kill":
            return self._kill(fault.target)
        if fault.kind == "pause":
            return self._pause(self.pid(fault.target))
        if fault.kind == "slow cpu":
            return self._slow(fault)
        raise ValueError(f"{fault.kind!r} is no fault of a process")

    def pid(self, name: str) -> int:
        """The process id of *name*."""
        node = self.nodes[name]
        return node if isinstance(node, int) else node.pid

    def _kill(self, name: str) -> Undo:
        node = self.nodes[name]
        if isinstance(node, int):
            send(node, signal.SIGKILL)
        else:
            node.kill()

        def undo() -> None:
            if self.restart is not None:
                self.nodes[name] = self.restart(name)

        return undo

    def _pause(self, pid: int) -> Undo:
        def act() -> None:
            with self.turn:
                self.paused.add(pid)
                _stop(pid)

        def settle() -> None:
            self.paused.discard(pid)
            self._go(pid)

        return owe(["go on", pid], act, settle)

    def _go(self, pid: int) -> None:
        with self.turn:
            if pid not in self.paused:
                send(pid, signal.SIGCONT)

    def _slow(self, fault: Fault) -> Undo:
        pid = self.pid(fault.target)
        brake = _Brake(pid, fault["share"], fault["period_s"], lambda: self._go(pid))
        return owe(["go on", pid], brake.start, brake.release)

    def _memory(self, fault: Fault) -> Undo:
        free_mb = psutil.virtual_memory().available / 1e6
        if fault["megabytes"] > free_mb * self.bound:
            raise ValueError(
                f"{fault['megabytes']:g} MB is more than {self.bound:.0%} of the {free_mb:.0f} MB that are free here; "
                "take less, or give a larger bound"
            )
        return nodes.start("minisys.chaos.hog", str(fault["megabytes"]), str(os.getpid())).stop


def _stop(pid: int) -> None:
    send(pid, signal.SIGSTOP)
    deadline_s = time.monotonic() + 2
    while time.monotonic() < deadline_s and psutil.pid_exists(pid):
        if psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            return
        time.sleep(0.001)  # the signal takes a moment to arrive


class _Brake(threading.Thread):
    """Lets process *pid* run for *share* of the time, in periods of *period_s* seconds, by stopping it in between.

    On a busy machine this thread comes late; so it keeps an account of how long the process was let run.
    *go* lets it run, unless another fault has paused it.
    """

    def __init__(self, pid: int, share: float, period_s: float, go: Callable[[], None]) -> None:
        super().__init__(daemon=True, name=f"brake of {pid}")
        self.go = go
        self.pid, self.share, self.period_s = pid, share, period_s
        self.released = threading.Event()

    def run(self) -> None:
        """Stop and let go in turn."""
        began, ran_s = time.monotonic(), 0.0
        while not self.released.is_set():
            may_run_s = self.share * (time.monotonic() - began + self.period_s) - ran_s
            if may_run_s > 0:
                ran_s += self._let_run(may_run_s)
            self.released.wait((1 - self.share) * self.period_s)
        self.go()

    def _let_run(self, seconds: float) -> float:
        self.go()
        since = time.monotonic()
        self.released.wait(seconds)
        send(self.pid, signal.SIGSTOP)
        return time.monotonic() - since

    def release(self) -> None:
        """Full speed again; returns when the process runs."""
        self.released.set()
        self.join()
