"""A content delivery network for real: an origin, an edge in each region, a shield, as processes with distance added.

    with network(Plan(("Frankfurt", "Sydney"), shield="Dublin")) as cdn:
        cdn.url("Sydney"); cdn.purge(tag="item-3"); cdn.counts()

Promised: the edges are `python -m minisys.caching.edge`, the users Locust's; run() takes the model's plan, and with
clock="virtual" it gives the model's trace, request by request. Purges go to the shield first: the other way round an
edge could fetch the old copy again from the shield. Not promised: real distance. It is a pause, half on each way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import numpy as np

from minisys.caching.content import round_trip_s
from minisys.caching.edge import plain_name
from minisys.caching.edge_model import NEAR_S, Plan
from minisys.caching.edge_shop import HEADERS, Shop
from minisys.caching.edge_virtual import Headers, Seen, VirtualNetwork, play
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.nodes import Node, ask
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload


class Network:
    """A running network; `network()` starts it. Ends with its `with` block.

    origin, shield (None: none) and edges (by region) are its processes.
    """

    def __init__(self, plan: Plan, headers: Headers, options: Sequence[str]) -> None:
        self.plan, self._stack = plan, ExitStack()
        self.shield: Node | None = None
        try:
            told = ["--work", str(plan.work_s), "--check", str(plan.check_s), "--workers", str(plan.workers)]
            told += ["--headers", json.dumps(headers)]
            self.origin = self._start("origin", "minisys.caching.edge_shop", *told)
            behind, place = self.origin, plan.origin
            if plan.shield and plan.caching:
                behind = self.shield = self._edge("shield", self.origin, plan.shield, plan.origin, 0.0, options)
                place = plan.shield
            with ThreadPoolExecutor(4) as pool:
                started = pool.map(lambda r: self._edge(r, behind, r, place, NEAR_S, options), plan.regions)
                self.edges = dict(zip(plan.regions, started, strict=True))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the edges, then the shield, then the origin."""
        self._stack.close()

    def url(self, region: str | None = None, path: str = "") -> str:
        """Where users of *region* (default: the first) ask."""
        return self.edges[region or self.plan.regions[0]].url + path

    def purge(self, *, url: str = "", tag: str = "", soft: bool = False) -> int:
        """Purge by url or by tag, or everything if neither is given: the shield first, then all edges at once.

        Returns how many copies that were.
        """
        what = {"url": url} if url else {"tag": tag} if tag else {"all": "1"}
        query = urlencode(what | ({"soft": "1"} if soft else {}))
        first = [self.shield] if self.shield else []
        count = sum(_purged(node, query) for node in first)
        with ThreadPoolExecutor(8) as pool:
            return count + sum(pool.map(lambda node: _purged(node, query), self.edges.values()))

    def counts(self) -> dict[str, dict[str, Any]]:
        """What each process has done: "origin" (asked, computed, confirmed), "shield" and the regions (see Admin)."""
        caches = self.edges | ({"shield": self.shield} if self.shield else {})
        found = {
            name: json.loads(ask("GET", f"http://127.0.0.1:{node.admin_port}/counts")) for name, node in caches.items()
        }
        return {"origin": json.loads(self.control("GET", "/counts"))} | found

    def control(self, method: str, path: str, body: bytes | None = None) -> str:
        """The answer of the origin's control port."""
        return ask(method, f"http://127.0.0.1:{self.origin.admin_port}{path}", body)

    def _start(self, name: str, module: str, *options: str) -> Node:
        return self._stack.enter_context(nodes.start(module, "--name", name, *options, name=name.replace(" ", "_")))

    def _edge(self, name: str, behind: Node, here: str, there: str, near_s: float, options: Sequence[str]) -> Node:
        told = ["--origin", behind.url, "--distance", str(near_s), "--to-origin", str(round_trip_s(here, there))]
        told += [*options, *(["--off"] if not self.plan.caching else [])]
        return self._start(plain_name(name), "minisys.caching.edge", *told)


def network(plan: Plan, headers: Headers | None = None, options: Sequence[str] = ()) -> Network:
    """The network of *plan* as running processes: ``with network(…) as cdn: …``.

    headers: the origin's, by kind of page, in place of the shop's own. options: more words of the edges' command line.
    """
    return Network(plan, headers or {}, options)


def headers_of(plan: Plan) -> Headers:
    """The shop's headers with the plan's ttl and grace for items."""
    grace = f", stale-while-revalidate={plan.swr_s:g}" if plan.swr_s else ""
    return HEADERS | {"item": {"Cache-Control": f"public, max-age={plan.ttl_s:g}{grace}"}}


def run(plan: Plan, workload: Workload, *, clock: str = "virtual", progress: bool = False) -> Trace:
    """The trace of *workload* (a request's key is the item asked for) through the live network of *plan*.

    clock: "virtual" (everything in this process, exact, no waiting) or "real" (processes and Locust). The rest as in
    edge_model.simulate. Raises ValueError for another clock.
    """
    if clock == "virtual":
        return _virtual(plan, workload)
    if clock != "real":
        raise ValueError(f'clock must be "virtual" or "real", got {clock!r}')
    where = plan.region_of(workload.luck)
    with network(plan, headers_of(plan)) as cdn, ThreadPoolExecutor(len(plan.regions)) as users:
        parts = [np.flatnonzero(where == number) for number in range(len(plan.regions))]
        asked = [
            users.submit(load, cdn.url(region), _part(workload, rows), progress=progress and not number)
            for number, (region, rows) in enumerate(zip(plan.regions, parts, strict=True)) if len(rows)
        ]  # fmt: skip
        traces = [each.result() for each in asked]
        counts = cdn.counts()
    trace = together(traces)
    trace.frame.attrs.update(origin=counts["origin"]["asked"], counts=counts)
    return trace


def together(traces: Sequence[Trace]) -> Trace:
    """Several traces that began at the same moment as one, in order of sending."""
    import pandas as pd

    frame = pd.concat([trace.frame.astype({"server": object}) for trace in traces])
    frame = frame.sort_values("sent_s", kind="stable", ignore_index=True)
    return Trace(frame.assign(server=frame["server"].astype("category")))


def _part(workload: Workload, rows: np.ndarray) -> Workload:
    return Workload(*(getattr(workload, name)[rows] for name in ("arrival_s", "work_s", "key", "size", "luck")))


def _purged(node: Node, query: str) -> int:
    return int(json.loads(ask("POST", f"http://127.0.0.1:{node.admin_port}/purge?{query}"))["purged"])


def _virtual(plan: Plan, workload: Workload) -> Trace:
    """The live code in one virtual-time loop, over real sockets."""

    async def scene(net: VirtualNetwork) -> tuple[list[Seen], int]:
        assert isinstance(net.shop, Shop)
        return await net.users(workload), net.shop.counts["asked"]

    seen, asked = play(plan, scene, headers=headers_of(plan))
    names = ["origin", "shield", *map(plain_name, plan.regions)]
    codes = [names.index(each.headers.get("X-Served-By", "origin")) for each in seen]
    outcomes = [OUTCOMES.index("ok" if each.status == 200 else "failed") for each in seen]
    sent_s, finished_s = workload.arrival_s, [each.finished_s for each in seen]
    ones = np.ones(len(workload), dtype=int)
    trace = Trace.from_columns(sent_s, sent_s, finished_s, codes, names, outcomes, ones, workload.key)
    trace.frame.attrs["origin"] = asked
    return trace
