"""Eviction policies beside libraries, miss-ratio curves against the clock, and the cache server beside Valkey.

The policies are asked key by key, as a cache asks them: Zipf requests, a cache of a tenth of the keys. A library's row
is the same loop over its own call. The servers are loaded by redis-benchmark (or valkey-benchmark) from PATH on this
machine's cores; CPU time per request is the server's own, and the fairer figure.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

import cachetools
import numpy as np

from benchmarks.proxies import cpu_s
from minisys.caching import curves, live, real
from minisys.caching.live import Running
from minisys.testbed.laws import Zipf
from minisys.testbed.workload import stream

KEYS, SKEW, REQUESTS, SIZE = 100_000, 1.0, 300_000, 10_000
CURVE_REQUESTS, CURVE_SIZES, SAMPLE = 1_000_000, 20, 0.02
LIBRARY = {"fifo": "FIFO", "lru": "LRU", "clock": "Clock", "lfu": "LFU", "sieve": "Sieve", "s3-fifo": "S3FIFO"}
TOOLS = {"fifo": cachetools.FIFOCache, "lru": cachetools.LRUCache, "lfu": cachetools.LFUCache}
GOAL_S = 2.0


def requests(n: int) -> np.ndarray:
    """The keys that are asked for."""
    return np.asarray(Zipf(KEYS, SKEW).sample(n, stream(1, "key")))


def policies(rounds: int, told: Callable[[str], None] = print) -> list[tuple[str, ...]]:
    """A row for each policy: ours, libcachesim and cachetools in requests per CPU-second, and their ratios to ours."""
    trace = requests(REQUESTS).tolist()
    taken: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        told(f"eviction policies: round {number + 1} of {rounds}")
        for name in curves.NAMES:
            for who, run in _runners(name, trace).items():
                begin = time.process_time()
                run()
                taken.setdefault((name, who), []).append(REQUESTS / (time.process_time() - begin))
    return [_policy_row(name, taken) for name in curves.NAMES]


def _policy_row(name: str, taken: dict[tuple[str, str], list[float]]) -> tuple[str, ...]:
    ours, cells = taken[name, "ours"], []
    for who in ("libcachesim", "cachetools"):
        theirs = taken.get((name, who), [])
        ratio = [b / a for a, b in zip(ours, theirs, strict=False)]
        cells += [f"{median(theirs):,.0f}", f"{median(ratio):.2f}"] if theirs else ["", ""]
    return (name, f"{median(ours):,.0f}", *cells)


def _runners(name: str, trace: list[int]) -> dict[str, Callable[[], Any]]:
    """Everybody who has policy *name*, ready to run."""
    found: dict[str, Callable[[], Any]] = {}
    policy = curves.made(name, trace, SIZE)
    found["ours"] = lambda: curves.hits(policy, trace, SIZE)
    if name in LIBRARY and find_spec("libcachesim"):
        import libcachesim

        cache = getattr(libcachesim, LIBRARY[name])(SIZE)
        made = [libcachesim.Request(obj_id=key + 1, obj_size=1, clock_time=i) for i, key in enumerate(trace)]
        found["libcachesim"] = lambda: [cache.get(each) for each in made]
    if name in TOOLS:
        held = TOOLS[name](SIZE)
        found["cachetools"] = lambda: _aside(held, trace)
    return found


def _aside(held: Any, trace: Sequence[int]) -> None:
    for key in trace:
        if held.get(key) is None:
            held[key] = True


def curve_rows(told: Callable[[str], None] = print) -> list[tuple[str, ...]]:
    """A row for each policy: seconds for a curve of 20 sizes over 10^6 requests, and how far off the sample was."""
    keys = requests(CURVE_REQUESTS)
    sizes = np.unique(np.geomspace(1000, KEYS / 2, CURVE_SIZES).astype(int)).tolist()
    curves.curve("lru", keys[:1000], [10])  # compiled now
    rows = []
    for name in curves.NAMES:
        told(f"miss-ratio curves: {name}")
        sample, begin = (1.0 if name == "lru" else SAMPLE), time.perf_counter()
        found = curves.curve(name, keys, sizes, sample=sample)
        took_s, checked = time.perf_counter() - begin, sizes[::9]
        exact = curves.curve(name, keys, checked)
        off = float(np.abs(exact.miss_ratio.to_numpy() - found.miss_ratio.to_numpy()[::9]).max())
        verdict = "met" if took_s <= GOAL_S else "**missed**"
        rows.append((name, f"{sample:.0%}", f"{took_s:.2f}", verdict, f"{off:.4f}"))
    return rows


@dataclass(frozen=True)
class Shot:
    """One round of redis-benchmark: requests a second, the server's CPU microseconds for each."""

    per_s: float
    cpu_us: float


def tool() -> str | None:
    """The load generator, if there is one."""
    return shutil.which("valkey-benchmark") or shutil.which("redis-benchmark")


def shoot(server: Running, command: str, pipeline: int, n: int) -> Shot:
    """*n* requests of *command* from 50 clients."""
    words = ["MGET", *["key:__rand_int__"] * 10] if command == "mget" else ["-t", command]
    line = [str(tool()), "-p", str(server.port), "-n", str(n), "-r", "10000", "-P", str(pipeline), "-q", *words]
    before = cpu_s(server.node)
    said = subprocess.run(line, capture_output=True, text=True, check=True, timeout=120).stdout
    per_s = re.findall(r"([\d.]+) requests per second", said)
    if not per_s:
        raise RuntimeError(f"{line[0]} said something unexpected:\n{said}")
    return Shot(float(per_s[-1]), (cpu_s(server.node) - before) / n * 1e6)


def servers(rounds: int, told: Callable[[str], None] = print) -> tuple[list[tuple[str, ...]], str]:
    """A row for each command and pipeline depth, ours beside Valkey; and one line if something is missing."""
    if tool() is None:
        return [], "redis-benchmark is not installed (apt-get install redis-tools): nothing measured."
    rows, missing = [], real.missing("valkey")
    with ExitStack() as stack:
        found = {"ours": stack.enter_context(live.cache("lru", "64mb"))}
        if not missing:
            found["valkey"] = stack.enter_context(real.product("valkey", "lru", "64mb"))
        for pipeline, n in ((1, 50_000), (16, 200_000)):
            for command in ("set", "get", "incr", "mget"):
                told(f"cache servers: {command}, pipeline {pipeline}")
                taken: dict[str, list[Shot]] = {name: [] for name in found}
                for number in range(rounds):
                    for name in list(found) if number % 2 == 0 else list(found)[::-1]:
                        taken[name].append(shoot(found[name], command, pipeline, n // (4 if command == "mget" else 1)))
                rows.append(_server_row(command, pipeline, taken))
    return rows, missing


def _server_row(command: str, pipeline: int, taken: dict[str, list[Shot]]) -> tuple[str, ...]:
    ours, its = taken["ours"], taken.get("valkey", [])
    cells = [f"{median(shot.per_s for shot in ours):,.0f}", f"{median(shot.cpu_us for shot in ours):.2f}"]
    if not its:
        return (f"{command.upper()}, {pipeline}", cells[0], "", "", cells[1], "", "")
    per_s = median(a.per_s / b.per_s for a, b in zip(ours, its, strict=True))
    cpu = median(a.cpu_us / b.cpu_us for a, b in zip(ours, its, strict=True) if b.cpu_us)
    valkey = [f"{median(shot.per_s for shot in its):,.0f}", f"{median(shot.cpu_us for shot in its):.2f}"]
    return (f"{command.upper()}, {pipeline}", cells[0], valkey[0], f"{per_s:.2f}", cells[1], valkey[1], f"{cpu:.2f}")
