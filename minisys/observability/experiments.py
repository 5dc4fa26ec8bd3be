"""What users counted beside what monitoring says, and the slow service found from outside: the live shop, measured.

Two numbers for one thing: the load generator counted 240 requests and 51 failures; what does Prometheus say? Where it
must agree exactly, where only roughly, and why, is seen best side by side.

    scraped(); found = slow_hop("stock")

Promised: users are Locust's, in a process of its own. Not promised: milliseconds that repeat.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from minisys.observability import logs, real, traces
from minisys.observability.live import Shop, shop
from minisys.observability.traces import Span
from minisys.testbed.load import load
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Constant, Deterministic, Workload, workload

BAD = 'http_requests_total{job="web",code=~"5.."}'
ALL = 'http_requests_total{job="web"}'


def steady(rate_per_s: float = 40.0, for_s: float = 4.0, seed: int = 0) -> Workload:
    """Requests at an even rate, of a millisecond beside what the services take."""
    return workload(round(rate_per_s * for_s), arrivals=Constant(rate_per_s), work=Deterministic(0.001), seed=seed)


def scraped(offered: Workload | None = None, *, fail_share: float = 0.2, progress: bool = False) -> pd.DataFrame:
    """The same minute of the live shop, as its users counted it and as monitoring answers, a quantity a row.

    Columns: quantity, asked (the PromQL), users, prombed, and prometheus where it is installed. *fail_share*: of
    stock's answers. Raises ProductMissing without prombed.
    """
    offered, began = offered or steady(), []
    with shop() as here, ExitStack() as stack:
        here.fail("stock", fail_share)
        targets = {name: node.url for name, node in here.nodes.items()}
        asked: dict[str, real.Asked] = {}
        try:
            asked["prometheus"] = stack.enter_context(real.server(targets, every_s=0.25))
        except real.ProductMissing:
            pass
        with real.Prombed(targets) as prombed:
            trace = load(here.url, offered, at=[(0.0, lambda: began.append(time.time()))], progress=progress)
            time.sleep(0.6)  # both have looked once more
        asked = {"prombed": prombed, **asked}
        rows = questions(trace, began[0])
        table = [
            {
                "quantity": name,
                "asked": promql,
                "users": users,
                **{who: it.value(promql, at) for who, it in asked.items()},
            }
            for name, promql, users, at in rows
        ]
    return pd.DataFrame(table)


def questions(trace: Trace, began_s: float) -> list[tuple[str, str, float, float | None]]:
    """(quantity, PromQL, what users counted, when to ask) of a *trace* that began at *began_s* s since 1970."""
    failed = len(trace) - trace.count("ok")
    end_s = float(trace.frame["sent_s"].max())
    late = (trace.frame["finished_s"] > end_s - 2.0) & (trace.frame["finished_s"] <= end_s)
    bucket = 'sum by (le) (http_request_seconds_bucket{job="web"})'
    return [
        ("requests", f"sum({ALL})", float(len(trace)), None),
        ("share that failed", f"sum({BAD}) / sum({ALL})", failed / len(trace), None),
        ("requests/s, last 2 s", f"sum(rate({ALL}[2s]))", float(late.sum()) / 2.0, began_s + end_s),
        ("p95 (s)", f"histogram_quantile(0.95, {bucket})", trace.percentile(95), None),
    ]


@dataclass(frozen=True)
class Found:
    """What the live shop's traces and logs say: *before* and *after* something was wrong, by trace; its *lines*."""

    before: list[list[Span]]
    after: list[list[Span]]
    lines: list[logs.Line]

    @property
    def grown(self) -> dict[tuple[str, str], float]:
        """Seconds that each service and name added to the critical path, on average; most first."""
        was, now = mean_blame(self.before), mean_blame(self.after)
        change = {key: now.get(key, 0.0) - was.get(key, 0.0) for key in was | now}
        return dict(sorted(change.items(), key=lambda item: -item[1]))


def mean_blame(of: Sequence[Sequence[Span]]) -> dict[tuple[str, str], float]:
    """Mean seconds on the critical path by (service, name) over traces. Raises ValueError without a trace."""
    if not of:
        raise ValueError("there is no trace to look at")
    each = [traces.blame(spans) for spans in of]
    return {key: fmean(one.get(key, 0.0) for one in each) for key in {key for one in each for key in one}}


def slow_hop(name: str = "stock", factor: float = 8.0, offered: Workload | None = None) -> Found:
    """The live shop before and after service *name* became *factor* times as slow, from its own traces and logs."""
    offered = offered or steady(20.0, 2.0)
    with shop() as here:
        load(here.url, offered, progress=False)
        before = whole(here)
        here.nodes[name].slow(factor)
        load(here.url, offered, progress=False)
        after = {trace: spans for trace, spans in whole(here).items() if trace not in before}
        return Found(list(before.values()), list(after.values()), here.logs())


def whole(here: Shop) -> dict[str, list[Span]]:
    """The traces of the live shop that have reached all its services."""
    return {trace: spans for trace, spans in here.traces().items() if len(spans) == len(here.nodes)}
