"""The chain as real processes: users' app, services, one calling the next, and somebody who makes one of them slow.

The model says that a second of slowness can last for ever. Does it, with sockets, on this machine?

    with start(chain) as here: here.slow("database", 10); …; here.counts()
    measured = run(chain, offered, troubles)             # or clock="virtual": the same code, exact, without waiting

Promised: run() takes the model's keywords; the policies and the random numbers are the model's too, and on the virtual
clock so is every user's outcome and time. Nothing outlives the `with` block or the kernel. Not promised: milliseconds
that repeat; the processes share this machine's processors.
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import time
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from minisys.load_balancing import virtual
from minisys.resilience.chain import Chain, Trouble, draws, troubled, windows
from minisys.resilience.defences import Defences
from minisys.resilience.job import Job
from minisys.resilience.service import Service
from minisys.testbed import http, nodes
from minisys.testbed.clock import run_virtual
from minisys.testbed.load import Step, load
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

NODE, APP, ALL = "minisys.resilience.service", "users", 100_000  # the users' app has a worker for everybody


@dataclass(frozen=True)
class Measured:
    """What users and services saw. counts: by name ("users" is their app), what became of requests ("requests"), how
    its calls of the next service ended ("calls"), and when requests came ("arrivals", seconds).
    """

    chain: Chain
    workload: Workload
    trace: Trace
    counts: dict[str, dict[str, Any]]

    @property
    def in_time(self) -> np.ndarray:
        """Whether each user had a good answer within the patience."""
        good = (self.trace.frame["outcome"] == "ok") & (self.trace.latency_s <= self.chain.patience_s + 1e-9)
        return np.asarray(good)

    def goodput(self, from_s: float = 0.0, until_s: float = math.inf) -> float:
        """Share of the users who came between *from_s* and *until_s* that were answered in time; NaN if none came."""
        came = (self.workload.arrival_s >= from_s) & (self.workload.arrival_s < until_s)
        return float(self.in_time[came].mean()) if came.any() else math.nan

    @property
    def amplification(self) -> list[float]:
        """Calls at each service for one request of a user."""
        return [self.counts[each.name]["requests"]["arrived"] / len(self.workload) for each in self.chain.services]


def jobs(chain: Chain, seed: int) -> list[Job]:
    """What the users' app and each service of *chain* must know, in this order."""
    work, luck, jitter = (list(map(_table, rows)) for rows in draws(chain, seed))
    app = Job(work=array("d", [0.0]), luck=array("d", [1.0]), jitter=jitter[0], defences=chain.callers[0])
    callers, jitter = [*chain.callers[1:], Defences()], [*jitter[1:], array("d")]
    shields = [each.protection for each in chain.services]
    return [app, *map(Job, work, luck, jitter, shields, callers)]


def _table(row: np.ndarray) -> array:
    return array("d", row.tobytes())


class Running:
    """A running chain; `start()` makes it. *url*: for users. Ends with its `with` block."""

    def __init__(self, chain: Chain, seed: int, own_keys: int) -> None:
        self.chain, self.services = chain, dict[str, nodes.Node]()
        self.stack = ExitStack()
        try:
            folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="chain-", dir=nodes._folder())))
            options = _options(chain, own_keys)
            for (name, _), told in zip(options, jobs(chain, seed), strict=True):
                told.write(folder / f"{name}.job")
            with ThreadPoolExecutor(len(options)) as hands:  # starting is mostly importing: together it takes less long
                for node in hands.map(partial(self._start, folder), options):
                    self.services[node.name] = node
            for caller, called in pairwise(self.services.values()):
                nodes.ask("POST", f"http://127.0.0.1:{caller.admin_port}/control/next?url={called.url}")
        except BaseException:
            self.stack.close()
            raise
        self.url, self.begun_s = self.services[APP].url, time.monotonic()

    def _start(self, folder: Path, option: tuple[str, list[str]]) -> nodes.Node:
        name, words = option
        node = nodes.start(NODE, "--name", name, *words, "--job", str(folder / f"{name}.job"), name=name)
        self.stack.callback(node.kill)  # what a retry storm left in it needs no answer any more
        return node

    def begin(self) -> None:
        """The load starts now."""
        self.begun_s = time.monotonic()

    def slow(self, name: str, factor: float) -> None:
        """Work that *name* begins takes *factor* times as long (1: normal). Raises ValueError for an unknown name."""
        self._find(name).slow(factor)

    def fail(self, name: str, share: float) -> None:
        """A *share* (0 to 1) of what *name* begins fails. Raises ValueError for an unknown name."""
        nodes.ask("POST", f"http://127.0.0.1:{self._find(name).admin_port}/control/fail?share={share!r}")

    def counts(self) -> dict[str, dict[str, Any]]:
        """What all have counted so far; see Measured. Those that are gone are left out."""
        alive = {name: node for name, node in self.services.items() if node.running}
        told = {
            name: json.loads(nodes.ask("GET", f"http://127.0.0.1:{node.admin_port}/counts"))
            for name, node in alive.items()
        }
        return {name: _shifted(each, self.begun_s) for name, each in told.items()}

    def _find(self, name: str) -> nodes.Node:
        if name not in self.services:
            raise ValueError(f"no service {name!r} in this chain; it has {', '.join(self.services)}")
        return self.services[name]

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()


def start(chain: Chain, *, seed: int = 0, own_keys: int = 0) -> Running:
    """Start the processes of *chain*. own_keys: items that the first service answers by itself."""
    return Running(chain, seed, own_keys)


def _options(chain: Chain, own_keys: int) -> list[tuple[str, list[str]]]:
    """Name and command line of the users' app and of each service."""
    patience = ["--patience", repr(chain.patience_s)] if chain.callers[0].deadline else []
    found = [(APP, ["--workers", str(ALL), "--edge", *patience])]
    for place, each in enumerate(chain.services):
        own = ["--own-keys", str(own_keys)] if place == 0 else []
        found.append((each.name, ["--workers", str(each.workers), "--fails", repr(each.fails), *own]))
    return found


def _shifted(told: dict[str, Any], begun_s: float) -> dict[str, Any]:
    return told | {"arrivals": [round(at - begun_s, 4) for at in told["arrivals"]]}


def steps(chain: Chain, troubles: Sequence[Trouble]) -> list[tuple[float, str, float, float]]:
    """The troubles as what to do when: (seconds, service, factor, share that fails); they may overlap.

    Raises ValueError for a service that is not there.
    """
    rows = windows(chain, tuple(troubles)).tolist()
    moments = sorted({(row[at], int(row[0])) for row in rows for at in (1, 2)})
    return [
        (at, chain.services[place].name, *troubled(rows, place, at, chain.services[place].fails))
        for at, place in moments
    ]


def run(
    chain: Chain,
    workload: Workload,
    troubles: Sequence[Trouble] = (),
    *,
    seed: int = 0,
    clock: str = "real",
    own_keys: int = 0,
    progress: bool = False,
) -> Measured:
    """What came of *workload*'s users in *chain* while *troubles* happened; keywords as model.simulate.

    clock: "real" (processes, Locust's users, who leave when their patience is over;
    how late they came is in trace.frame.attrs, and experiments' tables say it) or "virtual" (everything in this
    process, exact). own_keys: items that the first service answers by itself. Raises ValueError for a bad argument.
    """
    todo = steps(chain, troubles)
    if clock == "virtual":
        return run_virtual(_virtual(chain, workload, todo, seed, own_keys))
    if clock != "real":
        raise ValueError(f'clock must be "virtual" or "real", got {clock!r}')
    with start(chain, seed=seed, own_keys=own_keys) as here:
        at: list[Step] = [(0.0, here.begin)]
        for when, name, factor, share in todo:
            at += [(when, partial(here.slow, name, factor)), (when, partial(here.fail, name, share))]
        trace = load(here.url, workload, timeout_s=1.5 * chain.patience_s, at=at, progress=progress, warn=False)
        return Measured(chain, workload, trace, here.counts())


async def _virtual(
    chain: Chain, workload: Workload, todo: list[tuple[float, str, float, float]], seed: int, own_keys: int
) -> Measured:
    """The same services in one event loop."""
    services: dict[str, Service] = {}
    told = jobs(chain, seed)
    async with AsyncExitStack() as stack:
        port = 0
        for place in reversed(range(len(told))):
            each = chain.services[place - 1] if place else None
            made = Service(
                each.name if each else APP, each.workers if each else ALL, told=told[place],
                next_url=f"http://127.0.0.1:{port}" if port else None, fails=each.fails if each else 0.0,
                own_keys=own_keys if place == 1 else 0, edge=place == 0,
                patience_s=chain.patience_s if place == 0 and chain.callers[0].deadline else None,
            )  # fmt: skip
            front = await http.listen(made.answer)
            stack.push_async_callback(made.close)
            stack.push_async_callback(front.close, 0.0)
            services[made.name], port = made, front.port
        users = virtual.Users(port, workload, "GET", cookies=False)
        async with asyncio.TaskGroup() as group:
            for when, name, factor, share in todo:
                group.create_task(virtual.later(when, _trouble, services[name], factor, share))
            await users.run()
    return Measured(chain, workload, users.trace(), {name: each.counted() for name, each in services.items()})


async def _trouble(service: Service, factor: float, share: float) -> None:
    service.slow(factor)
    service.fail(share)
