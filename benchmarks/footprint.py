"""Memory and start-up: what a fresh process needs for a million simulated requests, a live node, an import.

Each figure comes from a process of its own, because a peak cannot be taken back and an import happens once. Peak memory
is the kernel's own count for that program (VmHWM on Linux).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.workload import Deterministic, Poisson, workload

PEAK = """
def peak_mb():
    try:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in open("/proc/self/status") if line.startswith("VmHWM"))
    except OSError:
        import resource, sys
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
"""
MILLION = """
import ipykernel.kernelapp
from minisys.load_balancing import experiments, explore, {module}
from minisys.testbed.workload import Exponential, Poisson, workload
offered = workload(1_000_000, arrivals=Poisson(240.0), work=Exponential(0.01), seed=1)
trace = {module}.simulate("least connections", offered)
trace.percentiles((50, 95, 99)), trace.per_second()
print(peak_mb())
"""
KERNEL = "kernel with chapter 03 imported"
IMPORT = """
import time
began = time.perf_counter()
import minisys.load_balancing
from minisys.load_balancing import policies
print(time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Row:
    """A line of the table: what, how much, in which unit, and the goal that it must stay below."""

    what: str
    value: float
    unit: str
    goal: float

    @property
    def met(self) -> bool:
        return self.value < self.goal


def fresh(code: str) -> float:
    """The number that *code* prints in a fresh process."""
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def measure(told: Callable[[str], None] = print) -> list[Row]:
    """All of it."""
    told("memory and import, each in a fresh process")
    rows = [
        Row(
            f"{KERNEL}, peak memory, 1,000,000 requests, {name}", fresh(PEAK + MILLION.format(module=module)), "MB", 500
        )
        for module, name in (("fast", "fast twin"), ("model", "SimPy model"))
    ]
    rows += _nodes()
    seconds = median(fresh(IMPORT) for _ in range(5))
    return [*rows, Row("import minisys.load_balancing and its policies", seconds, "s", 1.5)]


def _nodes() -> list[Row]:
    """The balancer's and a backend's resident memory, each after two thousand requests."""
    offered = workload(2000, arrivals=Poisson(500.0), work=Deterministic(0.002), seed=1)
    with (
        nodes.start("minisys.testbed.backend", "--workers", "8", name="a") as backend,
        nodes.start("minisys.load_balancing", "--backend", f"a=127.0.0.1:{backend.port}", name="balancer") as balancer,
    ):
        load(balancer.url, offered, progress=False)
        found = {"live proxy node": balancer.memory_mb, "live backend node": backend.memory_mb}
    return [Row(f"resident memory, {name}, after 2,000 requests", mb, "MB", 80.0) for name, mb in found.items()]
