"""The three shapes as real processes under Locust, and workers at a real lock, with the model's keywords.

The simulation said 300 requests a second. Here the same requests meet a process with eight workers on 127.0.0.1. And
the law of scaling is not looked up: a dozen processes wait for one lock and tell one another what they wrote.

Promised: nothing is left running; with clock="virtual" run() gives the model's trace, request by request. Not promised:
that timings on the real clock repeat; they include sockets, processors and whatever else runs on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from minisys.load_balancing import live
from minisys.scaling.model import arranged
from minisys.scaling.theory import OWN_QUEUES
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.nodes import Node
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

COUNTS = (1, 2, 3, 4, 6, 8, 12)


def run(shape: str, offered: Workload, k: int, *, clock: str = "virtual", progress: bool = False) -> Trace:
    """The trace of *offered* through *k* times the capacity in one of the three shapes; keywords as model.simulate.

    clock: "virtual" (in this process, exact, no waiting) or "real" (processes and Locust). "a queue each" stands behind
    the balancer of chapter 03, the others are asked directly. Raises ValueError for a bad argument.
    """
    how = arranged(shape, k)
    if clock != "real" or shape == OWN_QUEUES:
        return live.run("random", offered, clock=clock, progress=progress, **how)
    with backend(workers=how.get("workers", 1), speed=how.get("speed", [1.0])[0]) as node:
        return load(node.url, offered, progress=progress)


def backend(workers: int = 1, speed: float = 1.0) -> Node:
    """A running backend with *workers*, each *speed* times as fast; ends with its ``with`` block."""
    return nodes.start("minisys.testbed.backend", "--workers", str(workers), "--speed", repr(speed))


def contend(
    workers: int, *, kind: str = "waiting", own_s: float = 0.006, locked_s: float = 0.0005, copy_bytes: int = 524_288,
    lock: bool = True, coherency: bool = True, together: bool = True, for_s: float = 1.0, cores: int = 0,
) -> dict[str, float]:  # fmt: skip
    """What so many *workers* did in *for_s* seconds: n, throughput, operations, and mean seconds an operation.

    *kind* "waiting" or "computing"; *own_s*, *locked_s*: seconds of work without and with the lock; *copy_bytes* go to
    every other worker after each operation, unless *coherency* is False. *together*: all begin the next operation when
    all have finished. *cores*: use so many processors only (Linux), 0 all.
    own_s, waited_s (for the lock), held_s, told_s, idle_s (for the round to end): where the time of an operation went.
    lost: updates that were overwritten; differ: how many different copies there are beyond one.
    Raises NodeFailed, with the command line's words, for a bad argument.
    """
    options = {"workers": workers, "kind": kind, "own-s": own_s, "locked-s": locked_s, "copy-bytes": copy_bytes}
    options |= {"for-s": for_s, "cores": cores}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    words += ["--no-lock"] * (not lock) + ["--no-coherency"] * (not coherency) + ["--apart"] * (not together)
    node = nodes.start("minisys.scaling.contention", *words, ready=_finished, within_s=for_s + 30.0)
    try:
        return dict(json.loads(node.tail(1).removeprefix("RESULT ")))
    finally:
        node.kill()


def throughput(counts: Sequence[int] = COUNTS, **how: Any) -> pd.DataFrame:
    """`contend` for each number of workers in *counts*, a row each; keywords as there."""
    return pd.DataFrame([contend(n, **how) for n in counts])


def _finished(node: Node) -> bool:
    text = node.log.read_text(errors="replace")
    return "RESULT " in text and text.endswith("\n")
