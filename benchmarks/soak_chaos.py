"""Experiments that are killed, and experiments that are not: is everything whole afterwards, and is the answer right?

Chaos that leaves something broken is an outage. So an experiment that has paused, cut, slowed down and filled what it
could gets SIGKILL, each round at another moment, and everything must be whole soon after. And each experiment that we
ship is executed by `chaos run`: its exit code must be what its file says, its rollback must have run.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.report import Section
from benchmarks.soak_report import Findings, Say, left_over
from minisys.chaos import dependency, toolkit
from minisys.chaos.machines import StateFile
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.wrapped import State
from minisys.testbed import fault_control, nodes

BUSY = [sys.executable, "-c", "print('READY 0', flush=True)\nwhile True: pass"]
WAYS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
AGAIN = "`make soak PART=chaos ROUNDS=10`: some two minutes. Each experiment is executed once in ten rounds."
ENDED = """An experiment of seven faults (pause, slow processor, blackhole, corrupt bytes, errors of a dependency, a \
wrong clock, memory taken) on processes that are not its own, ended from outside; in round k that is k x 60 ms after \
the first fault began, so that it ends while the others begin, too. Whole: none of the faults is there any more, for \
longer than the slowed processor's period. Seconds: from the signal until that was first seen. Outlived it: its own \
processes that were still there 5 s later."""
RUNS = """`chaos run` as it ships. Expected: the exit code that its file says (1 where that is tagged "expected to \
fail"); rollbacks: runs in which all of them succeeded."""


class Stage:
    """Something of each sort that an experiment in another process can break, and the command that breaks it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.busy = [stack.enter_context(nodes.start(BUSY, name=name)) for name in "ab"]
        self.network = stack.enter_context(fault_control.network())
        self.network.link("a-b", 9)
        self.prices = stack.enter_context(dependency.start(9))
        self.state = StateFile(folder / "state")
        plan = FaultPlan([
            Fault("pause", "a"), Fault("slow cpu", "b", share=0.1, period_s=0.3), Fault("blackhole", "a-b"),
            Fault("corrupt", "a-b"), Fault("errors", "prices"), Fault("clock offset", "c", offset_s=9),
            Fault("memory", "machine", megabytes=5),
        ])  # fmt: skip
        (folder / "plan.yaml").write_text(plan.to_yaml())
        self.events = len(plan)
        self.argv = [
            sys.executable, "-m", "minisys.chaos", str(folder / "plan.yaml"), "--until", "60",
            "--process", f"a={self.busy[0].pid}", "--process", f"b={self.busy[1].pid}",
            "--network", self.network.node.url, "--dependency", f"prices={self.prices.admin_port}",
            "--state", f"c={folder / 'state'}",
        ]  # fmt: skip

    def broken(self) -> dict[str, bool]:
        """Which of the faults is there now."""
        link = self.network.links()["a-b"]
        day = json.loads(nodes.ask("GET", f"http://127.0.0.1:{self.prices.admin_port}/faults"))
        text = self.state.path.read_text() if self.state.path.exists() else ""
        stopped = [psutil.Process(node.pid).status() == psutil.STATUS_STOPPED for node in self.busy]
        return {
            "paused": stopped[0], "slow": stopped[1], "blackhole": link["forward"]["drop"],
            "corrupt": link["backward"]["corrupt"] > 0, "errors": day["error_ratio"] > 0,
            "clock": text not in ("", State().to_json()),
        }  # fmt: skip

    def experiment(self, events: int | None = None) -> subprocess.Popen:
        """The experiment's process, when the first *events* faults (None: all) have begun."""
        process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        for _ in range(self.events if events is None else events):
            assert process.stdout.readline().startswith("begin ")
        return process

    def whole_after(self, began: float, within_s: float = 20.0) -> float | None:
        """Seconds from *began* until all was whole, for longer than a slowed processor's period; None: not *within_s*.

        began: on the monotonic clock.
        """
        since = None
        while (now := time.monotonic()) < began + within_s:
            if any(self.broken().values()):
                since = None
            elif since is None:
                since = now
            elif now > since + 0.4:
                return since - began
            time.sleep(0.02)
        return None


@dataclass
class Count:
    """How often an experiment was ended by *number*, and after how long all was whole (None: it was not)."""

    number: signal.Signals
    whole_s: list[float | None] = field(default_factory=list)
    children: int = 0

    def broken(self) -> list[str]:
        """One line for each promise that did not hold."""
        bad = sum(one is None for one in self.whole_s)
        said = [f"{self.number.name}: {bad} of {len(self.whole_s)} left something broken"] * bool(bad)
        return said + [f"{self.number.name}: {self.children} of its processes outlived it"] * bool(self.children)


def end(stage: Stage, count: Count, number: int) -> None:
    """One experiment, ended from outside."""
    process = stage.experiment(events=1)
    time.sleep(0.06 * number)
    children = psutil.Process(process.pid).children()  # who keeps the memory, the guard, the mender
    began = time.monotonic()
    process.send_signal(count.number)
    process.communicate(timeout=20)
    count.whole_s.append(stage.whole_after(began))
    count.children += len(psutil.wait_procs(children, 5)[1])


def soak(rounds: int, say: Say) -> Findings:
    """End experiments *rounds* times in each way; execute each that we ship a tenth as often."""
    counts = [Count(number) for number in WAYS]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stage = Stage(folder, stack)
        for number in range(rounds):
            for count in counts:
                end(stage, count, number)
            say(f"round {number + 1} of {rounds}: whole after {[count.whole_s[-1] for count in counts]}")
        runs = [executed(name, max(1, rounds // 10), folder, say) for name in toolkit.shipped()]
    over = left_over()
    ended = [[c.number.name, str(len(c.whole_s)), _known(c.whole_s), str(c.children), str(len(over))] for c in counts]
    sections = [
        Section(
            "Experiments ended from outside",
            ENDED,
            ["by", "runs", "whole after (s)", "outlived it", "left over"],
            ended,
        ),
        Section("chaos run", RUNS, ["experiment", "runs", "exit codes", "expected", "rollbacks", "s, median"], runs),
    ]
    wrong = [f"{run[0]}: {run[2]} exit codes, {run[3]} expected, {run[4]}" for run in runs if _wrong(run)]
    return Findings(sections, [line for count in counts for line in count.broken()] + wrong + over)


def executed(name: str, times: int, folder: Path, say: Say) -> list[str]:
    """A row of the table: one experiment, executed so many *times*."""
    path = toolkit.shipped()[name]
    codes, took, rolled = [], [], 0
    for _ in range(times):
        done = toolkit.run(path, folder)
        codes.append(done.code)
        took.append(float(done.journal.get("duration", 0)))
        rollbacks = done.journal.get("rollbacks", [])
        rolled += bool(rollbacks) and all(one["status"] == "succeeded" for one in rollbacks)
        say(f"{name}: {done.code}, {done.status}")
    expected = int("expected to fail" in json.loads(path.read_text())["tags"])
    shown = " ".join(map(str, codes))
    return [name, str(times), shown, str(expected), f"{rolled} of {times}", f"{statistics.median(took):.1f}"]


def _wrong(run: Sequence[str]) -> bool:
    return set(run[2].split()) != {run[3]} or run[4] != f"{run[1]} of {run[1]}"


def _known(whole_s: Sequence[float | None]) -> str:
    known = [one for one in whole_s if one is not None]
    return f"{min(known):.2f} to {max(known):.2f}" if len(known) == len(whole_s) else f"{len(known)} of {len(whole_s)}"
