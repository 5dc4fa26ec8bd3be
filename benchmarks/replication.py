"""What does a copy cost? Writes and reads a second: one durable node, three with Raft, three asynchronous, and Valkey.

redis-benchmark speaks to all of them in the same words. All write to disk before they answer (ours always; Valkey with
appendfsync always, and beside it without any persistence, as many run it), all share this machine's cores and disk, so
the ratios are worth more than the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.caches import shoot, tool
from benchmarks.report import Section
from minisys.replication.live import cluster
from minisys.scaling import real
from minisys.testbed.nodes import Node

SETS, GETS = 4_000, 8_000
BASE = "minisys, one node"
OURS = {BASE: ("raft", 1), "minisys, Raft x3": ("raft", 3), "minisys, asynchronous x3": ("async", 3)}
VALKEY = {"Valkey, fsync always": True, "Valkey, in memory only": False}

COLUMNS = ["store", "SET/s", "ratio", "GET/s", "ratio"]
NOTE = f"""redis-benchmark, 50 clients, pipeline 1, {SETS:,} SETs and {GETS:,} GETs a round, median of {{rounds}} \
alternating rounds; ratios are to our single node, paired within a round. Raft answers a read after asking a majority \
whether it still leads. All replicas, the load and their fsyncs share this machine."""


@dataclass(frozen=True)
class Running:
    """Who is asked: the node that takes writes, at *port*."""

    node: Node
    port: int


@contextmanager
def running() -> Iterator[tuple[dict[str, Running], str]]:
    """All of them by name, for a ``with`` block, and one line if Valkey is missing."""
    with ExitStack() as stack:
        found = {}
        for name, (mode, size) in OURS.items():
            made = stack.enter_context(cluster(mode, size))
            node = made.nodes[made.primary()]
            found[name] = Running(node, node.port)
        missing = real.missing()
        for name, durable in VALKEY.items() if not missing else ():
            server = stack.enter_context(real.valkey(durable=durable))
            found[name] = Running(server.node, server.port)
        yield found, missing


def section(rounds: int, say: Callable[[str], None]) -> Section:
    """The table of `measure`."""
    rows, missing = measure(rounds, say)
    return Section("Replicated stores", " ".join([NOTE.format(rounds=rounds), missing]).rstrip(), COLUMNS, rows)


def measure(rounds: int, told: Callable[[str], None] = print) -> tuple[list[tuple[str, ...]], str]:
    """A row for each server: SET and GET a second, and their ratios to our single node; one line if one is missing."""
    if tool() is None:
        return [], "redis-benchmark is not installed (apt-get install redis-tools): nothing measured."
    taken: dict[tuple[str, str], list[float]] = {}
    with running() as (found, missing):
        for number in range(rounds):
            told(f"replicated stores: round {number + 1} of {rounds}")
            for name in list(found) if number % 2 == 0 else list(found)[::-1]:
                for command, n in (("set", SETS), ("get", GETS)):
                    taken.setdefault((name, command), []).append(shoot(found[name], command, 1, n).per_s)
    return [_row(name, taken) for name in found], missing


def _row(name: str, taken: dict[tuple[str, str], list[float]]) -> tuple[str, ...]:
    cells = []
    for command in ("set", "get"):
        its, base = taken[name, command], taken[BASE, command]
        cells += [f"{median(its):,.0f}", f"{median(a / b for a, b in zip(its, base, strict=True)):.2f}"]
    return (name, *cells)
