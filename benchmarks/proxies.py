"""Our proxy, NGINX and HAProxy, one process or one worker each, in front of the same two backends under the same load.

Closed loop, keep-alive, two-byte answers that cost the backend nothing: the worst case for a proxy, and nobody's daily
life. All share this machine's cores with the load generator, so requests a second says what *this machine* did, and
CPU time per request says what the proxy itself cost. wrk makes the load; without it Locust does, and is slower than
any of the proxies.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from minisys.load_balancing import policies, products
from minisys.load_balancing.products import Member, ProductMissing, Settings
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.workload import Constant, Deterministic, workload

OURS, DIRECT, CONNECTIONS = "minisys", "no proxy", 32
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Shot:
    """One round for one proxy: requests a second, p99 in milliseconds, CPU microseconds a request, failures."""

    per_s: float
    p99_ms: float
    cpu_us: float
    failed: int


@dataclass(frozen=True)
class Row:
    """A line of the table: medians of the rounds, and each divided by NGINX's (0 where NGINX is missing)."""

    name: str
    per_s: float
    p99_ms: float
    cpu_us: float
    failed: int
    per_s_ratio: float
    cpu_ratio: float


def generator() -> str:
    """What makes the load here."""
    return "wrk" if shutil.which("wrk") else "Locust"


@contextmanager
def proxies() -> Iterator[tuple[dict[str, nodes.Node], list[str]]]:
    """Everybody running, by name, and one line for each that is missing."""
    missing = []
    with ExitStack() as stack:
        backends = [stack.enter_context(nodes.start("benchmarks.plain_backend", name=f"plain-{i}")) for i in range(2)]
        found = {DIRECT: backends[0], OURS: stack.enter_context(_ours(backends))}
        for name in products.PRODUCTS:
            try:
                found[name] = stack.enter_context(_product(name, backends))
            except ProductMissing as problem:
                missing.append(str(problem))
        yield found, missing


def _ours(backends: list[nodes.Node]) -> nodes.Node:
    words = [word for i, node in enumerate(backends) for word in ("--backend", f"b{i}=127.0.0.1:{node.port}")]
    return nodes.start("minisys.load_balancing", *words, "--policy", "least connections", name="balancer")


@contextmanager
def _product(name: str, backends: list[nodes.Node]) -> Iterator[nodes.Node]:
    kind, binary, port = products.product(name), products.binary(name), nodes.free_port()
    members = [Member(f"b{i}", node.port) for i, node in enumerate(backends)]

    def answers(node: nodes.Node) -> bool:
        node.port = port
        return nodes.accepts(node)

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "product.conf"
        file.write_text(kind.config(Settings(members, policies.policy("least connections")), port, file.parent))
        with nodes.start(kind.argv(binary, file), name=name, ready=answers) as node:
            yield node


def cpu_s(node: nodes.Node) -> float:
    """CPU seconds that *node* and its workers have used so far."""
    family = [psutil.Process(node.pid), *psutil.Process(node.pid).children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def shoot(node: nodes.Node, seconds: float) -> Shot:
    """One round against *node*."""
    before = cpu_s(node)
    requests, per_s, p99_ms, failed = (_wrk if generator() == "wrk" else _locust)(node.url, seconds)
    return Shot(per_s, p99_ms, (cpu_s(node) - before) / max(1, requests) * 1e6, failed)


def _wrk(url: str, seconds: float) -> tuple[int, float, float, int]:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency", f"{url}/item/1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    requests, per_s = re.search(r"(\d+) requests in", said), re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", said)
    if not (requests and per_s and p99):
        raise RuntimeError(f"wrk said something unexpected:\n{said}")
    bad = re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", said)
    return int(requests[1]), float(per_s[1]), float(p99[1]) * UNITS[p99[2]], sum(map(int, bad))


def _locust(url: str, seconds: float) -> tuple[int, float, float, int]:
    n = round(1500 * seconds)
    offered = workload(n, arrivals=Constant(1e6), work=Deterministic(1e-9), seed=1)
    trace = load(url, offered, users=CONNECTIONS, progress=False)
    took_s = float(trace.frame["finished_s"].max() - trace.frame["sent_s"].min())
    return n, n / took_s, 1000 * trace.percentile(99), n - trace.count("ok")


def measure(rounds: int, seconds: float, told: Callable[[str], None] = print) -> tuple[list[Row], list[str]]:
    """Everybody, *rounds* times for *seconds* each, in alternating order; and one line for each that is missing."""
    with proxies() as (found, missing):
        taken: dict[str, list[Shot]] = {name: [] for name in found}
        for node in found.values():
            shoot(node, 1)  # connections open, caches warm
        for number in range(rounds):
            told(f"proxies under {generator()}: round {number + 1} of {rounds}")
            for name in list(found) if number % 2 == 0 else list(found)[::-1]:
                taken[name].append(shoot(found[name], seconds))
    return _rows(taken), missing


def _rows(taken: dict[str, list[Shot]]) -> list[Row]:
    rows = []
    for name, shots in taken.items():
        pairs = list(zip(shots, taken.get("nginx", []), strict=False))
        per_s = median(mine.per_s / its.per_s for mine, its in pairs) if pairs else 0.0
        cpu = median(mine.cpu_us / its.cpu_us for mine, its in pairs) if pairs else 0.0
        middle = [median(getattr(shot, what) for shot in shots) for what in ("per_s", "p99_ms", "cpu_us")]
        failed = sum(shot.failed for shot in shots)
        rows.append(Row(name, middle[0], middle[1], middle[2], failed, per_s, cpu))
    return rows
