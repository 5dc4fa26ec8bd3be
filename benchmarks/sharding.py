"""The sharded store beside Valkey's cluster: three shards of two nodes each, loaded by redis-benchmark --cluster.

All six nodes share this machine's cores with the load, so requests a second are a figure of the whole bench. CPU time
per request is the sum over the primaries and the replicas, which do their share of each write.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.proxies import cpu_s
from benchmarks.report import Section
from minisys.sharding import live, real
from minisys.testbed import wheels

CLIENTS = 30
NOTE = """{tool} --cluster, {clients} clients, pipeline 1 and 16, 10,000 keys, values of 3 bytes, median of \
{rounds} alternating rounds. Three shards of a primary and a replica each; all twelve processes and the load share \
this machine's cores. Ours answers a write after the replica has it, Valkey before. CPU per request is that of all six \
nodes. Ratios are to Valkey, paired within a round."""


@dataclass(frozen=True)
class Shot:
    """One round: requests a second, and the CPU microseconds of all six nodes for each request."""

    per_s: float
    cpu_us: float


def tool() -> str | None:
    """The load generator, if there is one that knows clusters."""
    return shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")


def shoot(running: Any, command: str, pipeline: int, n: int) -> Shot:
    """*n* requests of *command* from CLIENTS clients, spread over the shards."""
    port = next(iter(running.members))
    line = [str(tool()), "--cluster", "-p", str(port), "-n", str(n), "-r", "10000", "-P", str(pipeline), "-q"]
    before = sum(cpu_s(node) for node in running.members.values())
    ran = subprocess.run([*line, "-c", str(CLIENTS), "-t", command], capture_output=True, text=True, timeout=120)
    per_s = re.findall(r"([\d.]+) requests per second", ran.stdout)
    if not per_s:
        raise RuntimeError(f"{line[0]} said something unexpected:\n{ran.stdout}{ran.stderr}")
    used_s = sum(cpu_s(node) for node in running.members.values()) - before
    return Shot(float(per_s[-1]), used_s / n * 1e6)


def measure(rounds: int, told: Callable[[str], None] = print) -> tuple[list[tuple[str, ...]], str]:
    """A row for each command and pipeline depth, ours beside Valkey; and one line if something is missing."""
    if tool() is None:
        return [], "redis-benchmark is not installed (apt-get install redis-tools): nothing measured."
    rows, missing = [], wheels.missing("valkey")
    with ExitStack() as stack:
        found: dict[str, Any] = {"ours": stack.enter_context(live.cluster(3))}
        if not missing:
            found["valkey"] = stack.enter_context(real.valkey_cluster(3))
        for pipeline, n in ((1, 20_000), (16, 80_000)):
            for command in ("set", "get"):
                told(f"sharded stores: {command}, pipeline {pipeline}")
                taken: dict[str, list[Shot]] = {name: [] for name in found}
                for number in range(rounds):
                    for name in list(found) if number % 2 == 0 else list(found)[::-1]:
                        taken[name].append(shoot(found[name], command, pipeline, n))
                rows.append(_row(command, pipeline, taken))
    return rows, missing


def _row(command: str, pipeline: int, taken: dict[str, list[Shot]]) -> tuple[str, ...]:
    ours, its = taken["ours"], taken.get("valkey", [])
    cells = [f"{median(shot.per_s for shot in ours):,.0f}", f"{median(shot.cpu_us for shot in ours):.1f}"]
    if not its:
        return (f"{command.upper()}, {pipeline}", cells[0], "", "", cells[1], "", "")
    pairs = list(zip(ours, its, strict=True))
    ratio = median(a.per_s / b.per_s for a, b in pairs), median(a.cpu_us / b.cpu_us for a, b in pairs)
    valkey = [f"{median(shot.per_s for shot in its):,.0f}", f"{median(shot.cpu_us for shot in its):.1f}"]
    name = f"{command.upper()}, {pipeline}"
    return (name, cells[0], valkey[0], f"{ratio[0]:.2f}", cells[1], valkey[1], f"{ratio[1]:.2f}")


def section(rounds: int, say: Callable[[str], None]) -> Section:
    """The sharded store beside Valkey's cluster."""
    rows, missing = measure(rounds, say)
    name = (tool() or "redis-benchmark").rsplit("/", 1)[-1]
    note = " ".join([NOTE.format(tool=name, rounds=rounds, clients=CLIENTS), missing]).rstrip()
    columns = [
        "command, pipeline",
        "ours, requests/s",
        "Valkey",
        "ratio",
        "its CPU per request (µs)",
        "Valkey",
        "ratio",
    ]
    return Section("Sharded stores, three shards of two nodes", note, columns, rows)
