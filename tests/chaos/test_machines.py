"""Clocks that are wrong and disks that fail, for one process only, and right again afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from minisys.chaos.machines import FaultyClock, FileLimit, Machines, StateFile
from minisys.chaos.plan import Fault
from minisys.chaos.wrapped import State
from minisys.testbed import nodes

SAYS = """
import errno, os, sys, time
file = os.open(sys.argv[1] + "/data", os.O_RDWR | os.O_CREAT)
for line in sys.stdin:
    began = time.monotonic()
    said = []
    for act in (lambda: os.write(file, b"x"), lambda: os.fsync(file), lambda: open(sys.argv[1] + "/new", "w").close()):
        try:
            act()
            said.append("ok")
        except OSError as problem:
            said.append(errno.errorcode[problem.errno])
    print(time.time(), time.monotonic() - began, *said, flush=True)
"""


class Wrapped:
    """A small program behind wrapped.py that says the time and what its disk does, whenever asked."""

    def __init__(self, folder: Path) -> None:
        (folder / "says.py").write_text(SAYS)
        self.state = StateFile(folder / "state")
        argv = [sys.executable, "-m", "minisys.chaos.wrapped", str(folder / "state"), "says", str(folder)]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
            env={"PYTHONPATH": f"{nodes._root()}:{folder}"},
        )  # fmt: skip

    def __enter__(self) -> Wrapped:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self) -> tuple[float, float, list[str]]:
        assert self.process.stdin is not None and self.process.stdout is not None
        before = self.state.true_s()
        print(file=self.process.stdin, flush=True)
        shown, took, *said = self.process.stdout.readline().split()
        return float(shown) - before, float(took), said


def test_a_wrapped_program_sees_another_clock_and_another_disk(tmp_path: Path) -> None:
    with Wrapped(tmp_path) as program:
        machines, well = Machines({"a": program.state}), ["ok"] * 3
        assert program.ask()[2] == well
        ahead = machines.begin(Fault("clock offset", "a", offset_s=7200))
        slow = machines.begin(Fault("disk slow", "a", delay_s=0.05))
        full = machines.begin(Fault("disk full", "a"))
        shown, took, said = program.ask()
        assert 7200 <= shown < 7260
        assert took >= 0.1  # a write and an fsync
        assert said == ["ENOSPC", "ok", "ENOSPC"]
        full()
        read_only = machines.begin(Fault("disk read-only", "a"))
        assert program.ask()[2] == ["EROFS", "ok", "EROFS"]
        for undo in (ahead, slow, read_only):
            undo()
        shown, _, said = program.ask()
        assert -1 < shown < 60
        assert said == well


def test_a_skewed_clock_drifts_from_when_the_fault_began() -> None:
    true = [100.0]
    clock = FaultyClock(lambda: true[0])
    machines = Machines({"a": clock})
    undo = machines.begin(Fault("clock skew", "a", rate=1.5))
    assert clock.now_s() == 100
    true[0] = 110
    assert clock.now_s() == 115
    later = machines.begin(Fault("clock offset", "a", offset_s=-20))
    assert clock.now_s() == 95
    undo()
    assert clock.now_s() == 90
    later()
    assert clock.now_s() == 110
    assert clock.state == State()


def test_what_is_not_there_is_refused() -> None:
    machines = Machines({"a": FaultyClock(lambda: 0)})
    with pytest.raises(ValueError, match="there is no machine 'b'; there are a"):
        machines.begin(Fault("disk full", "b"))
    with pytest.raises(ValueError, match="'kill' is no fault of a clock or a disk"):
        machines.begin(Fault("kill", "a"))


WRITES = """
import sys, time
refused = 0
print("READY 0", flush=True)
while True:
    try:
        with open(sys.argv[1], "w") as file:
            file.write(f"{refused} ")
    except OSError:
        refused += 1
    time.sleep(0.002)
"""


def refused(file: Path) -> int:
    """How often the program above could not write; -1 while it is writing."""
    text = file.read_text() if file.exists() else ""
    return int(text) if text.endswith(" ") else -1


@pytest.mark.live
@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
def test_any_process_can_be_forbidden_to_write(tmp_path: Path) -> None:
    with nodes.start([sys.executable, "-c", WRITES, str(tmp_path / "file")], name="a") as node:
        import resource

        before = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
        until(lambda: refused(tmp_path / "file") == 0)
        undo = FileLimit({"a": node}).begin(Fault("disk full", "a"))
        time.sleep(0.1)
        undo()
        assert resource.prlimit(node.pid, resource.RLIMIT_FSIZE) == before
        until(lambda: refused(tmp_path / "file") > 0)
    with pytest.raises(ValueError, match="only 'disk full' on a; got"):
        FileLimit({"a": node}).begin(Fault("disk slow", "a", delay_s=1))


def until(true: Callable[[], bool]) -> None:
    """Wait for it, for at most ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
