"""Prometheus asked for real: it scrapes the running services, and its answers stand beside what the users counted.

    with Prombed({"web": here.url}) as prometheus:
        load(here.url, workload)
    prometheus.value('sum(http_requests_total{code=~"5.."}) / sum(http_requests_total)')

`Prombed` is prombed, a small scraper, store and PromQL in Python that comes as a wheel; `server` is Prometheus itself
where it is installed (Debian: ``apt-get install prometheus``), asked over its HTTP API. Both are asked in the same way.

Promised: loopback only, nothing outlives the block; ProductMissing says in one sentence what is not there. Checked with
prombed 0.1.0 and Prometheus 2.42. Not done: alerts (prombed has none; rules.py writes the file for the server).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from minisys.testbed import nodes
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

Series = tuple[tuple[str, str], ...]  # the labels of an answer, sorted


class Asked:
    """Something that answers PromQL; `_query(expression, time in s)` gives Prometheus' "data" object."""

    _query: Callable[[str, float], dict[str, Any]]

    def ask(self, expression: str, at_s: float | None = None) -> dict[Series, float]:
        """The answer to *expression* at *at_s* (seconds since 1970; None: now): labels to value.

        Raises ValueError, with its words, if the expression is refused, or its answer is no number.
        """
        data = self._query(expression, time.time() if at_s is None else at_s)
        if data["resultType"] == "scalar":
            return {(): float(data["result"][1])}
        if data["resultType"] != "vector":
            raise ValueError(f"{expression!r} gives a {data['resultType']}; ask for one moment, without [a range]")
        return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in data["result"]}

    def value(self, expression: str, at_s: float | None = None) -> float:
        """The only value of *expression*. Raises ValueError if there is none, or more than one."""
        values = self.ask(expression, at_s)
        if len(values) != 1:
            raise ValueError(f"{expression!r} has {len(values)} values, not one: no sum(), or a wrong name?")
        return next(iter(values.values()))


class Prombed(Asked):
    """prombed reads ``/metrics`` of *targets* (job to url) every *every_s* seconds while the `with` block lasts, and
    once more at its end; then it can still be asked. A target that is down has ``up`` 0.

    Raises ProductMissing without prombed, ValueError without a target or unless every_s > 0.
    """

    def __init__(self, targets: Mapping[str, str], every_s: float = 0.25) -> None:
        if not targets or not every_s > 0:
            raise ValueError(f"need a target and every_s > 0, got {list(targets)} and {every_s}")
        if find_spec("prombed") is None:
            raise ProductMissing("prombed is not installed: make lab installs it (pip install prombed==0.1.0)")
        import prombed  # no cost for who does not ask

        self.every_s = every_s
        self.targets = [prombed.ScrapeTarget(url=f"{url}/metrics", labels={"job": job}) for job, url in targets.items()]
        self.store = prombed.Prombed(targets=self.targets, scrape_timeout_ms=2_000)
        self._one_at_a_time, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._watch(),), name="scraper", daemon=True)

    async def _watch(self) -> None:
        while True:
            last = self._stop.is_set()
            await self._scrape()
            if last:
                return
            await asyncio.to_thread(self._stop.wait, self.every_s)

    async def _scrape(self) -> None:
        from prombed import PrombedError

        for target in self.targets:
            with self._one_at_a_time, suppress(PrombedError):  # it has noted up 0
                await self.store.scrape_once(target)

    def _query(self, expression: str, at_s: float) -> dict[str, Any]:
        from prombed import PrombedError

        try:
            with self._one_at_a_time:
                return dict(self.store.query(expression, round(at_s * 1e3))["data"])
        except PrombedError as problem:
            raise ValueError(f"{expression!r} was refused: {problem}") from None

    def __enter__(self) -> Prombed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Server(Asked):
    """A running Prometheus; `server()` starts it. node: its process."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def _query(self, expression: str, at_s: float) -> dict[str, Any]:
        path = f"/api/v1/query?time={at_s:.3f}&query={quote(expression, safe='')}"
        try:
            said = json.loads(nodes.ask("GET", self.node.url + path))
        except nodes.NodeFailed as problem:
            raise ValueError(f"{expression!r} was refused: {problem}") from None
        return dict(said["data"])


@contextmanager
def server(targets: Mapping[str, str], every_s: float = 1.0, rules: str = "") -> Iterator[Server]:
    """Prometheus itself for a ``with`` block, scraping *targets* (job to url) every *every_s* seconds.

    rules: a rule file's text (rules.to_prometheus). Raises ProductMissing in one sentence if it is not installed.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise ProductMissing("prometheus is not installed (Debian: apt-get install prometheus); use prombed")
    with tempfile.TemporaryDirectory(prefix="prometheus-", dir=nodes._folder()) as folder:
        port, config = nodes.free_port(), Path(folder) / "prometheus.json"  # JSON is YAML
        (Path(folder) / "rules.yaml").write_text(rules)
        config.write_text(json.dumps(configuration(targets, every_s)))
        argv = [
            program, f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
        ]  # fmt: skip

        def ready(node: Node) -> bool:
            node.port = port
            with suppress(ValueError):  # it answers before it scrapes, which begins up to 5 s later
                return len(Server(node).ask("up")) == len(targets)
            return False

        with nodes.start(argv, name="prometheus", ready=ready) as node:
            yield Server(node)


def configuration(targets: Mapping[str, str], every_s: float) -> dict[str, Any]:
    """Prometheus' configuration for *targets* (job to url)."""
    interval = f"{round(every_s * 1e3)}ms"
    jobs = [
        {"job_name": job, "static_configs": [{"targets": [url.removeprefix("http://")]}]}
        for job, url in targets.items()
    ]  # fmt: skip
    timing = {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval}
    return {"global": timing, "rule_files": ["rules.yaml"], "scrape_configs": jobs}
