"""Our faults and probes as an extension of the Chaos Toolkit: experiments as JSON files that `chaos run` executes.

An experiment in a notebook is read by whoever wrote it. One in a file, in a format that others use, is reviewed, kept
in the repository and run every Tuesday by a scheduler, which looks at nothing but the exit code: 0, or 1 if the system
deviated from its steady state.

    chaos --no-version-check run minisys/chaos/experiments/kill_a_backend.json
    run(shipped()["kill_a_backend"], folder)             # the same from Python: exit code and journal

In a file: the control `minisys.chaos.toolkit` starts the system (arguments as System's) and ends it; the actions are
begin, end, play and end_all, the probes success_ratio, latency_s, answered_by, true_ratio, running and left_broken.
Promised: run() makes no network call but to 127.0.0.1 (the Toolkit asks for a newer version of itself unless told not
to), reads no settings from your home, and writes the journal only where you say. Source: chaostoolkit.org/reference.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minisys.chaos import healing
from minisys.chaos.inject import RealClock, Undo
from minisys.chaos.inject import play as play_plan
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.system import System

EXPERIMENTS = Path(__file__).with_name("experiments")
_systems: list[System] = []
_undo: dict[tuple[str, str], Undo] = {}


# The control: chaoslib calls these by name.


def configure_control(
    backends: Sequence[str] = ("a", "b"), prices: bool = False, timeout_s: float = 0.3, retries: int = 1
) -> None:
    """Start the system before anything is measured."""
    _systems.append(System(backends, prices, timeout_s, retries).__enter__())


def cleanup_control() -> None:
    """Everything whole again, then end it: the last thing that `chaos run` does, also after Ctrl-C."""
    end_all()
    while _systems:
        _systems.pop().__exit__(None, None, None)


def system() -> System:
    """The system under experiment. Raises RuntimeError if it is not there."""
    if not _systems:
        raise RuntimeError("no system runs; the experiment needs the control with the module minisys.chaos.toolkit")
    return _systems[-1]


# Actions.


def begin(kind: str, target: str, values: dict[str, Any] | None = None) -> str:
    """Break *target* in that way until end(), end_all() or the experiment's end."""
    if (kind, target) in _undo:
        raise ValueError(f"{target!r} has a {kind!r} fault already; end that one first")
    _undo[kind, target] = system().injector.begin(Fault(kind, target, **(values or {})))
    return f"{kind} on {target}"


def end(kind: str, target: str) -> str:
    """End a fault that begin() began."""
    if (kind, target) not in _undo:
        raise ValueError(f"no {kind!r} fault was begun on {target!r}; there are {list(_undo)}")
    _undo.pop((kind, target))()
    return f"{kind} on {target} has ended"


def end_all() -> int:
    """End every fault, the last begun first, and tell how many there were: the rollback of every experiment."""
    count, problems = len(_undo), []
    while _undo:
        _, undo = _undo.popitem()
        try:
            undo()
        except Exception as problem:  # the others must end all the same
            problems.append(problem)
    if problems:
        raise problems[0]
    return count


def play(faults: list[dict[str, Any]], until_s: float | None = None) -> list[dict[str, Any]]:
    """Play a whole fault plan, and return its log. Raises what the injector raises, after everything has ended."""
    log = play_plan(FaultPlan.from_dict({"faults": faults}), system().injector, RealClock(), until_s)
    return [entry.to_dict() for entry in log.entries]


# Probes.


def success_ratio(of: str = "shop", requests: int = 40, timeout_s: float = 2.0) -> float:
    """The part of *requests* requests to "shop" or "prices" that are answered well within *timeout_s* seconds."""
    return system().success_ratio(of, requests, timeout_s)


def latency_s(quantile: float = 0.95, of: str = "shop", requests: int = 40, timeout_s: float = 2.0) -> float:
    """That quantile of the seconds that requests take."""
    return system().latency_s(quantile, of, requests, timeout_s)


def true_ratio(of: str = "prices", requests: int = 40) -> float:
    """The part of the good answers that are about what was asked for."""
    return system().true_ratio(of, requests)


def answered_by(of: str = "shop", requests: int = 40) -> dict[str, int]:
    """How many requests each backend answers."""
    return system().answered_by(of, requests)


def running(name: str) -> bool:
    """Whether the process *name* is there."""
    return system().nodes[name].running


def left_broken() -> int:
    """Faults of this experiment that have not ended."""
    return max(len(_undo), len(healing.debts()))


# Running experiments.


@dataclass(frozen=True)
class Run:
    """How `chaos run` ended: its exit *code*, the *journal* (empty if there is none), and what it *said*."""

    code: int
    journal: dict[str, Any]
    said: str

    @property
    def status(self) -> str:
        """ "completed", "failed", "interrupted", …; a system that deviated has completed too: see `deviated`."""
        return str(self.journal.get("status", "none"))

    @property
    def deviated(self) -> bool:
        """Whether the steady state did not hold after the faults."""
        return bool(self.journal.get("deviated"))


def shipped() -> dict[str, Path]:
    """The experiments that come with the course, by name."""
    return {path.stem: path for path in sorted(EXPERIMENTS.glob("*.json"))}


def command(experiment: Path, journal: Path) -> list[str]:
    """The command line: no version check, no log file, no settings from your home."""
    chaos = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "--settings", os.devnull]
    return [*chaos, "run", "--journal-path", str(journal), str(experiment)]


def environment() -> dict[str, str]:
    """The environment in which `chaos` finds this package, wherever it is started."""
    root = str(Path(__file__).resolve().parents[2])
    return os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


def run(experiment: Path, folder: Path, within_s: float = 60.0) -> Run:
    """Execute *experiment* with `chaos run` and keep its journal in *folder*.

    Raises ValueError if there is no such file, subprocess.TimeoutExpired after *within_s* seconds.
    """
    if not experiment.is_file():
        raise ValueError(f"there is no experiment {experiment}; shipped are {', '.join(shipped())}")
    journal = folder / f"{experiment.stem}.journal.json"
    journal.unlink(missing_ok=True)
    done = subprocess.run(
        command(experiment, journal), env=environment(), capture_output=True, text=True, timeout=within_s
    )
    kept = json.loads(journal.read_text()) if journal.exists() else {}
    return Run(done.returncode, kept, done.stdout + done.stderr)
