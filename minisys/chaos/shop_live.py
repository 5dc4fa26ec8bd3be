"""The shop as processes: a balancer, two applications, a price service, a cache, an order book and its standby.

    with LiveShop({"cache is a must"}) as running:
        trace = load(running.url, orders(5.0), method="PUT")
    try_out({"cache is a must"}, "orders succeed", plan)       # an experiment on it, under Locust's load

Promised: a fault really happens to a process (SIGKILL, SIGSTOP, or its control port); who was killed comes back on its
old port with what was on its disk; all is gone with the block. Not promised: timings; two processors run nine
processes.
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from minisys.chaos import shop, shop_experiments
from minisys.chaos.experiment import Journal
from minisys.chaos.inject import RealClock, Undo, play
from minisys.chaos.plan import Fault, FaultPlan
from minisys.chaos.shop_runs import ShopRun, orders
from minisys.load_balancing.live import cluster
from minisys.load_balancing.plan import HealthCheck
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.nodes import Node, NodeFailed, ask
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

MODULE = "minisys.chaos.shop_nodes"
PATIENCE_S = 2.0  # of a user
COUNTED = re.compile(r'^minisys_answers_total\{.*code="(\d+)"\} (\S+)$', re.MULTILINE)


class LiveShop:
    """A running shop with *weaknesses*; url is for users. Raises ValueError for an unknown weakness."""

    def __init__(self, weaknesses: Iterable[str] = ()) -> None:
        self.weaknesses = sorted(set(weaknesses))
        self.built = shop.design(self.weaknesses)
        self._stack = ExitStack()
        self._parts: dict[str, Node] = {}
        self._argv: dict[str, list[str]] = {}
        self._seen: dict[str, dict[str, Any]] = {}  # the last that each node said
        self._paused: set[str] = set()
        self._old_calls = 0

    def __enter__(self) -> LiveShop:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process."""
        self._stack.close()
        for node in self._parts.values():
            node.kill()

    def _open(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-", dir=nodes._folder())))
        weak = [word for one in self.weaknesses for word in ("--weakness", one)]
        read_only = [] if self.built.standby_writable else ["--read-only"]
        self._argv = {
            "standby": [MODULE, "orders", "--file", str(folder / "standby.db"), *read_only],
            "prices": [MODULE, "prices"],
            "cache": ["minisys.caching"],
        }
        with ThreadPoolExecutor(3) as starters:
            list(starters.map(self._start, self._argv))
        port = {name: str(node.port) for name, node in self._parts.items()}
        book = ["--file", str(folder / "orders.db"), "--standby", port["standby"]]
        self._argv["orders"] = [MODULE, "orders", *book, *weak]
        port["orders"] = str(self._start("orders").port)
        server = [MODULE, "app", *weak, *(word for name in port for word in (f"--{name}", port[name]))]
        check = HealthCheck(shop.CHECK_EVERY_S, shop.CHECK_TIMEOUT_S, rise=2, fall=shop.CHECK_FALL)
        sizes: dict[str, Any] = {"backends": shop.APPS, "workers": shop.WORKERS}
        self.front = self._stack.enter_context(
            cluster("least connections", **sizes, health=check, timeout_s=shop.ANSWER_S, server=server)
        )
        self.url = self.front.url

    def _start(self, name: str, port: int = 0) -> Node:
        module, *rest = self._argv[name]
        named = [] if module != MODULE else ["--name", name]
        self._parts[name] = nodes.start(module, *rest, *named, "--port", str(port), name=name)
        return self._parts[name]

    def part(self, name: str) -> Node:
        """The process of a part."""
        return self.front.backend(name) if name in shop.APPS else self._parts[name]

    def readings(self) -> shop.Readings:
        """What monitoring says now; of a node that does not answer, what it said last."""
        codes = [(int(code), float(n)) for code, n in COUNTED.findall(ask("GET", f"{self.front.admin_url}/metrics"))]
        ok = round(sum(n for code, n in codes if code == 200))
        bad = round(sum(n for code, n in codes if code != 200))
        homes = [self._ask(name) for name in shop.APPS]
        books = {home.get("store", "orders") for home in homes}
        stored = set().union(*(self._ask(name).get("rows", []) for name in books))
        return shop.Readings(ok, bad, self._old_calls + sum(home.get("priced", 0) for home in homes), len(stored))

    def _ask(self, name: str) -> dict[str, Any]:
        if name not in self._paused:
            try:
                self._seen[name] = json.loads(ask("GET", f"http://127.0.0.1:{self.part(name).admin_port}/counts"))
            except NodeFailed:
                pass
        return self._seen.get(name, {})

    def begin(self, fault: Fault) -> Undo:
        """Break a part. Raises ValueError for a part that there is not, or a fault that it cannot have."""
        shop.check_fault(fault.kind, fault.target)
        node = self.part(fault.target)
        match fault.kind:
            case "kill":
                return self._kill(fault.target)
            case "pause":
                return self._pause(fault.target)
            case "slow answers":
                return _tell(node, f"slower_s={fault['delay_s']}")
        return _tell(node, f"errors={fault['ratio']}")

    def _pause(self, name: str) -> Undo:
        self._paused.add(name)
        self.part(name).pause()

        def resume() -> None:
            self.part(name).resume()
            self._paused.discard(name)

        return resume

    def _kill(self, name: str) -> Undo:
        if name in shop.APPS:
            self._old_calls += self._ask(name).get("priced", 0)
            self._seen.pop(name, None)
        port = self.part(name).port
        self.part(name).kill()
        if name in shop.APPS:
            return lambda: self.front.restart(name)
        return lambda: void(self._start(name, port))


def void(_: object) -> None:
    """Nothing, of something: an undo returns nothing."""


def _tell(node: Node, words: str) -> Undo:
    where = f"http://127.0.0.1:{node.admin_port}/control/fault"
    ask("POST", f"{where}?{words}")
    return lambda: void(ask("POST", where))


def run(
    weaknesses: Iterable[str], plan: FaultPlan, offered: Workload | None = None, *, seconds: float = 5.0,
    seed: int = 0, every_s: float = 0.5,
) -> ShopRun:  # fmt: skip
    """shop_runs.simulate for real: the same plan and the same orders on processes, sent by Locust."""
    for fault in plan:
        shop.check_fault(fault.kind, fault.target)
    with LiveShop(weaknesses) as running, _Users(running, offered or orders(seconds, seed=seed)) as users:
        began, samples = time.monotonic(), []

        def sample() -> None:
            for number in itertools.count():
                if users.over.wait(max(0.0, began + number * every_s - time.monotonic())):
                    return
                samples.append((time.monotonic() - began, running.readings()))

        with ThreadPoolExecutor(1) as monitoring:
            monitoring.submit(sample)
            log = play(plan, running, RealClock())
            trace = users.trace()
        return ShopRun(trace, running.readings(), log, samples)


def try_out(
    weaknesses: Iterable[str], claim: str, plan: FaultPlan, *, abort_below: float | None = None, seed: int = 0
) -> Journal:
    """shop_experiments.try_out for real: an experiment on processes under Locust's load."""
    offered = orders(shop_experiments.WARM_S + plan.end_s + shop_experiments.SETTLE_S + 0.5, seed=seed)
    with LiveShop(weaknesses) as running:
        made = shop_experiments.experiment(claim, plan, running.readings, abort_below)
        with _Users(running, offered):
            time.sleep(shop_experiments.WARM_S)
            return made.run(running)


class _Users:
    """Locust's users, sending *offered* to a running shop in the background; begun when the first order is answered."""

    def __init__(self, running: LiveShop, offered: Workload) -> None:
        self.running, self.offered = running, offered
        self.first, self.over = threading.Event(), threading.Event()

    def __enter__(self) -> _Users:
        self.pool = ThreadPoolExecutor(1)
        self.sent = self.pool.submit(self._send)
        while not self.first.wait(0.05) and not self.sent.done():
            pass
        return self

    def _send(self) -> Trace:
        at = [(0.0, self.first.set)]
        quiet = {"progress": False, "warn": False}  # no latency is read off these users: late ones do no harm
        return load(self.running.url, self.offered, method="PUT", timeout_s=PATIENCE_S, at=at, **quiet)

    def trace(self) -> Trace:
        """What they saw, when they are done."""
        try:
            return self.sent.result()
        finally:
            self.over.set()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.pool.shutdown()
