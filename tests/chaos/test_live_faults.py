"""Faults on running processes do what they say, and are gone when whoever caused them is, however that ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from benchmarks.soak_chaos import BUSY, Stage
from minisys.chaos import healing
from minisys.chaos.plan import Fault
from minisys.chaos.processes import Processes
from minisys.testbed import nodes
from minisys.testbed.nodes import Node

pytestmark = pytest.mark.live


def cpu_s(node: Node) -> float:
    """Seconds of processor that the node has had."""
    return sum(psutil.Process(node.pid).cpu_times()[:2])


@pytest.mark.parametrize("share", [0.2])
def test_a_slowed_processor_gets_less_than_its_twin(share: float) -> None:
    with nodes.start(BUSY, name="slow") as slow, nodes.start(BUSY, name="twin") as twin:
        undo = Processes({"slow": slow}).begin(Fault("slow cpu", "slow", share=share))
        before, began = (cpu_s(slow), cpu_s(twin)), time.monotonic()
        while cpu_s(twin) - before[1] < 0.6:
            time.sleep(0.05)
        took_s, had_s = time.monotonic() - began, cpu_s(slow) - before[0]
        undo()
        assert 0 < had_s < (share + 0.15) * took_s  # what it had of the time that passed
        assert psutil.Process(slow.pid).status() != psutil.STATUS_STOPPED


def test_paused_killed_and_started_again() -> None:
    with ExitStack() as stack:
        first = stack.enter_context(nodes.start(BUSY, name="a"))
        processes = Processes({"a": first}, restart=lambda name: stack.enter_context(nodes.start(BUSY, name=name)))
        undo = processes.begin(Fault("pause", "a"))
        assert psutil.Process(first.pid).status() == psutil.STATUS_STOPPED
        assert healing.debts() == [["go on", first.pid]]
        undo()
        undo()  # once is enough, twice does no harm
        assert psutil.Process(first.pid).status() != psutil.STATUS_STOPPED
        assert not healing.debts()
        undo = processes.begin(Fault("kill", "a"))
        assert not first.running
        undo()
        assert psutil.pid_exists(processes.pid("a")) and processes.pid("a") != first.pid
        with pytest.raises(ValueError, match="there is no process 'b'; there are a"):
            processes.begin(Fault("kill", "b"))


def test_a_slowed_process_can_be_paused_too_and_each_ends_alone() -> None:
    with nodes.start(BUSY, name="a") as node:
        processes = Processes({"a": node})
        slow = processes.begin(Fault("slow cpu", "a", share=0.5, period_s=0.01))
        pause = processes.begin(Fault("pause", "a"))
        time.sleep(0.05)
        before = cpu_s(node)
        time.sleep(0.2)  # many of the brake's periods
        assert cpu_s(node) == before
        slow()
        slow()  # a second time it does nothing, though an equal debt is open
        assert healing.debts() == [["go on", node.pid]]
        assert psutil.Process(node.pid).status() == psutil.STATUS_STOPPED
        pause()
        assert psutil.Process(node.pid).status() != psutil.STATUS_STOPPED
        assert not healing.debts()


def test_memory_is_taken_within_a_bound_and_given_back() -> None:
    with pytest.raises(ValueError, match="1e\\+06 MB is more than 25% of the .* that are free here; take less"):
        Processes({}).begin(Fault("memory", "machine", megabytes=1e6))
    undo = Processes({}).begin(Fault("memory", "machine", megabytes=50))
    hog = next(node for node in nodes._running if node.name == "hog")
    assert 50 < hog.memory_mb < 100
    undo()
    assert not hog.running


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path_factory.mktemp("stage"), stack)  # one for all ways to end: each must leave it whole


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_however_the_experiment_ends_nothing_stays_broken(stage: Stage, number: int) -> None:
    process = stage.experiment()
    broken = stage.broken()
    assert all(there for name, there in broken.items() if name != "slow")  # that one is stopped most of the time
    hogs = [child for child in psutil.Process(process.pid).children() if "minisys.chaos.hog" in child.cmdline()]
    assert len(hogs) == 1
    began = time.monotonic()
    os.kill(process.pid, number)
    said, _ = process.communicate(timeout=20)
    assert stage.whole_after(began) is not None, stage.broken()
    assert said.count("end ") == (0 if number == signal.SIGKILL else stage.events)
    assert psutil.wait_procs(hogs, 5)[1] == []
    assert all(node.running for node in stage.busy)


def test_a_plan_file_that_is_wrong_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from minisys.chaos.__main__ import main

    (tmp_path / "plan.yaml").write_text("faults: [{kind: pause, target: a, for_s: 1}]")
    assert main([str(tmp_path / "plan.yaml")]) == 2
    assert "there is no process 'a'; there are none" in capsys.readouterr().err
