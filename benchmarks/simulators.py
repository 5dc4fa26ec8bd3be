"""Requests simulated per CPU-second: our model and its fast twin beside those a reader might have taken instead.

Each contender serves a fleet of three backends at 80 % utilisation, 240 requests a second with 10 ms of work each. The
first four get the same requests, and for round robin their waiting must agree to the last digits, or the bench stops:
a fast wrong answer is no answer. Rounds alternate, forwards and backwards, so that a busy minute hits everybody.
Slower contenders get fewer requests. CPU time, not wall time: other programs on the machine matter less.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import ciw
import numpy as np

from benchmarks import ciw_fleet, idiomatic_simpy
from minisys.load_balancing import fast, model
from minisys.testbed.workload import Exponential, Poisson, Workload, workload

RATE_PER_S, MEAN_S, BACKENDS = 240.0, 0.01, 3
POLICIES = ("round robin", "least connections")
IDIOMATIC = "idiomatic SimPy script"
ASYNCFLOW_PYTHON = os.environ.get("ASYNCFLOW_PYTHON", sys.executable)  # a Python that has asyncflow-sim


@dataclass(frozen=True)
class Ran:
    """What one run of a contender came to: requests served, CPU seconds, latencies in seconds (or their mean)."""

    requests: int
    cpu_s: float
    latencies_s: np.ndarray


@dataclass(frozen=True)
class Row:
    """A line of the table: requests per CPU-second (median of the rounds), and its ratio to the idiomatic script's."""

    policy: str
    name: str
    requests: int
    per_s: float
    ratio: float
    mean_s: float


@cache
def requests(n: int = 1_000_000) -> Workload:
    """The requests of all contenders that take them; the first *n*."""
    return workload(n, arrivals=Poisson(RATE_PER_S), work=Exponential(MEAN_S), seed=1)


def timed(n: int, simulate: Callable[[], Any]) -> Ran:
    """*simulate*, which returns latencies, with a watch on the processor."""
    gc.collect()  # nobody pays for the garbage of the one before
    began = time.process_time()
    latencies = simulate()
    return Ran(n, time.process_time() - began, np.asarray(latencies))


def script(policy: str, n: int) -> Ran:
    """The idiomatic script."""
    some = requests()[:n]
    rows = list(zip(some.arrival_s.tolist(), some.work_s.tolist(), strict=True))
    return timed(n, lambda: idiomatic_simpy.simulate(policy, rows, BACKENDS))


def simpy_model(policy: str, n: int) -> Ran:
    """Our SimPy model."""
    some = requests()[:n]
    return timed(n, lambda: model.simulate(policy, some, backends=BACKENDS).latency_s)


def compiled(policy: str, n: int) -> Ran:
    """The fast twin; the caller has warmed it up."""
    some = requests()[:n]
    return timed(n, lambda: fast.simulate(policy, some, backends=BACKENDS).latency_s)


def plain(policy: str, n: int) -> Ran:
    """The fast twin as it is where Numba is missing."""
    some, numba = requests()[:n], fast._numba
    fast._numba = lambda: None  # type: ignore[assignment]
    try:
        return timed(n, lambda: fast.simulate(policy, some, backends=BACKENDS).latency_s)
    finally:
        fast._numba = numba


def ciw_network(policy: str, n: int) -> Ran:
    """Ciw; it draws its own times while it runs, so that is in the time."""
    return timed(n, lambda: ciw_fleet.simulate(policy, n, RATE_PER_S, MEAN_S, BACKENDS))


def asyncflow(policy: str, n: int) -> Ran:
    """AsyncFlow, in a process of its own; it draws its own times, and counts what has come back to the user."""
    script = Path(__file__).with_name("asyncflow_fleet.py")
    command = [ASYNCFLOW_PYTHON, str(script), policy, str(round(n / RATE_PER_S))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return Ran(int(told["requests"]), told["cpu_s"], np.array([told["mean_s"]]))


CONTENDERS: dict[str, tuple[Callable[[str, int], Ran], int]] = {
    IDIOMATIC: (script, 50_000),
    "minisys SimPy model": (simpy_model, 50_000),
    "minisys fast, without Numba": (plain, 200_000),
    "minisys fast, Numba, warm": (compiled, 1_000_000),
    f"Ciw {ciw.__version__}": (ciw_network, 10_000),
}
SAME = list(CONTENDERS)[:4]  # these get the same requests


def asyncflow_missing() -> str:
    """Why AsyncFlow cannot take part, in one line; empty if it can."""
    command = [ASYNCFLOW_PYTHON, "-c", "import asyncflow.builder"]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return ""
    return (
        "AsyncFlow: not installed. It wants Python 3.12 or newer: make a virtual environment with asyncflow-sim "
        "and set ASYNCFLOW_PYTHON to its Python."
    )


def contenders() -> dict[str, tuple[Callable[[str, int], Ran], int]]:
    """Those that are here."""
    return CONTENDERS | ({} if asyncflow_missing() else {"AsyncFlow": (asyncflow, 10_000)})


def check_same(n: int = 5_000) -> None:
    """Raises RuntimeError unless all find the same latencies for round robin, of those that get the same requests."""
    found = {name: np.sort(CONTENDERS[name][0]("round robin", n).latencies_s) for name in SAME}
    for name, latencies in found.items():
        if not np.allclose(latencies, found[IDIOMATIC], rtol=0, atol=1e-9):
            raise RuntimeError(f"{name} and the {IDIOMATIC} disagree on the same {n:,} requests; speeds mean nothing")


def measure(rounds: int, told: Callable[[str], None] = print) -> list[Row]:
    """All contenders, *rounds* times, in alternating order, after a round that does not count; *told* hears of it."""
    fast.warm_up(POLICIES).join()
    check_same()
    rows = []
    for policy in POLICIES:
        taken: dict[str, list[Ran]] = {name: [] for name in contenders()}
        for number in range(rounds + 1):
            told(f"simulators, {policy}: round {number} of {rounds}")
            order = list(contenders().items())
            for name, (run, n) in order if number % 2 == 0 else order[::-1]:
                taken[name].append(run(policy, n))
        rows += _rows(policy, {name: runs[1:] for name, runs in taken.items()})
    return rows


def _rows(policy: str, taken: dict[str, list[Ran]]) -> list[Row]:
    """Medians, and ratios paired within each round."""
    speeds = {name: [ran.requests / ran.cpu_s for ran in runs] for name, runs in taken.items()}
    found = []
    for name, runs in taken.items():
        ratio = median(mine / its for mine, its in zip(speeds[name], speeds[IDIOMATIC], strict=True))
        mean_s = float(runs[0].latencies_s.mean())
        found.append(Row(policy, name, runs[0].requests, median(speeds[name]), ratio, mean_s))
    return found
