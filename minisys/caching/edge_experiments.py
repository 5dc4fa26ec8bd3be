"""What chapter 05 does with real processes: page loads, NGINX beside, three worlds, conformance.

"Our edge is as good as the product" is a claim. The same users go through both, with the same distance behind them,
and the same hundred questions are put to both.

Promised: what users saw is counted at the users. Not promised: that real times repeat; distance is a pause, and all
processes share this machine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.request import urlopen

import altair as alt
import numpy as np
import pandas as pd
from IPython.display import Code

from minisys.caching import content, edge_conformance, edge_live, edge_model, edge_real, explore_offload
from minisys.caching.content import round_trip_s
from minisys.caching.edge_model import Plan
from minisys.caching.edge_shop import ITEMS
from minisys.testbed import charts, nodes
from minisys.testbed.load import load
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Workload

FAR = ("Sydney", "Frankfurt")
RESOURCES = ["/static/1/shop.css", "/static/1/shop.js", *(f"/image/{number}.svg" for number in range(1, ITEMS + 1))]


def page_loads(parallel: int = 6) -> Table:
    """The shop's front page in Sydney, origin in Frankfurt, on *parallel* connections as browsers do; real processes.

    Without an edge, for the first visitor of an edge, and for the second.
    """
    rows = []
    for name, plan in (("no edge", Plan(FAR[:1], caching=False, work_s=0.02)), ("edge", Plan(FAR[:1], work_s=0.02))):
        with edge_live.network(plan) as cdn:
            rows.append((name if name == "no edge" else "edge, first visitor", _page_s(cdn.url(), parallel)))
            if name == "edge":
                rows.append(("edge, second visitor", _page_s(cdn.url(), parallel)))
    frame = pd.DataFrame(rows, columns=["way", "page_s"]).round(2)
    return table(frame, caption=f"The front page and its {len(RESOURCES)} parts, complete, in Sydney")


def _page_s(url: str, parallel: int) -> float:
    """Seconds until the page and all its parts are there."""

    def fetch(path: str) -> None:
        with urlopen(url + path, timeout=30) as answer:
            answer.read()

    began_s = time.monotonic()
    fetch("/")
    with ThreadPoolExecutor(parallel) as connections:
        list(connections.map(fetch, RESOURCES))
    return time.monotonic() - began_s


def beside_nginx(rate_per_s: float = 120.0, for_s: float = 2.0) -> pd.DataFrame:
    """The same users in Sydney without an edge, behind our edge and behind NGINX, origin in Frankfurt; real processes.

    One row each: way, requests, failed, at_origin, p50_ms, p99_ms. A missing NGINX is a row that says so.
    """
    sent = explore_offload.offered(rate_per_s=rate_per_s, for_s=for_s, pages=60)
    with ThreadPoolExecutor(3) as ways:  # at the same time: together they are not much for one machine
        rows = list(ways.map(lambda way: _users_of(way, sent), ("no edge", "minisys", "nginx")))
    return pd.DataFrame(rows, columns=["way", "requests", "failed", "at_origin", "p50_ms", "p99_ms"])


def _users_of(way: str, sent: Workload) -> tuple[str, int, int, int, int, int]:
    """The row of beside_nginx() for one *way*."""
    with ExitStack() as stack:
        plan = Plan(FAR[:1], origin=FAR[0], caching=False, workers=32)
        cdn = stack.enter_context(edge_live.network(plan, edge_live.headers_of(plan)))
        wire = ("--origin", cdn.origin.url, "--to-origin", str(round_trip_s(*FAR)), "--off")
        node = stack.enter_context(nodes.start("minisys.caching.edge", *wire, name="wire"))
        try:
            if way != "no edge":
                node = stack.enter_context(edge_conformance.cache(way, node.url))
        except edge_real.ProductMissing as problem:
            return str(problem), 0, 0, 0, 0, 0
        trace = load(node.url, sent, progress=False)
        p50, p99 = (round(1000 * each) for each in trace.percentiles((50, 99)))
        return way, len(trace), len(trace) - trace.count("ok"), cdn.counts()["origin"]["asked"], p50, p99


def side_by_side(frame: pd.DataFrame) -> Table:
    """beside_nginx()'s rows to look at."""
    shown = frame.rename(columns={"at_origin": "reached the origin"})
    return table(shown, caption="Users in Sydney, origin in Frankfurt (250 ms), 60 pages, caches empty at first")


def users_saw(frame: pd.DataFrame) -> str:
    """One line: how many requests failed in all rows together."""
    return f"failed: {int(frame['failed'].sum())}"


def three_worlds(for_s: float = 3.0, rate_per_s: float = 80.0, pages: int = 60) -> alt.LayerChart:
    """How often the origin is asked while two empty edges fill: formula, simulation (five seeds), real processes."""
    sent = [explore_offload.offered(rate_per_s=rate_per_s, for_s=for_s, pages=pages, seed=seed) for seed in range(5)]
    plans = {
        "behind a shield" if shield else "without a shield": Plan(("Frankfurt", "New York"), shield=shield)
        for shield in (None, "Frankfurt")
    }
    with ThreadPoolExecutor(2) as both:
        measured = both.map(lambda plan: edge_live.run(plan, sent[0], clock="real"), plans.values())
        rows = []
        for (network, plan), trace in zip(plans.items(), measured, strict=True):
            asked = content.cold_fetches(
                rate_per_s, for_s, regions=2, objects=pages, alpha=explore_offload.ALPHA, shield=bool(plan.shield)
            )
            rows.append((network, "predicted", asked))
            rows += [(network, "simulated", edge_model.simulate(plan, each).frame.attrs["origin"]) for each in sent]
            rows.append((network, "measured", trace.frame.attrs["origin"]))
    frame = pd.DataFrame(rows, columns=["network", "world", "asked"])
    title = f"Requests at the origin, of {int(rate_per_s * for_s)} that two regions sent"
    return charts.dots(frame, x="asked", y="network", by="world", title=title, x_title="requests at the origin")


def model_and_live(seed: int = 3) -> str:
    """One line: the live network on the virtual clock against the model, request by request."""
    plan = Plan(("Frankfurt", "Sydney", "New York"), shield="Dublin", ttl_s=4.0, swr_s=2.0)
    sent = explore_offload.offered(rate_per_s=60.0, for_s=8.0, pages=30, seed=seed)
    live, model = edge_live.run(plan, sent), edge_model.simulate(plan, sent)
    apart = np.abs(live.frame["finished_s"] - model.frame["finished_s"]) > 1e-6
    counts = f"{live.frame.attrs['origin']} and {model.frame.attrs['origin']} at the origin"
    return f"{len(sent)} requests, {counts}; answered more than 1 µs apart: {int(apart.sum())}"


# Conformance ---------------------------------------------------------------------------------------------------------


def conformance() -> pd.DataFrame:
    """The verdicts of every conformance case for our edge and for NGINX, if it is there; real processes."""
    installed = ["nginx"] * ("not installed" not in edge_real.available()["nginx"])
    return pd.DataFrame(edge_conformance.table(edge_conformance.results(["minisys", *installed])))


def by_section(frame: pd.DataFrame) -> Table:
    """Cases right, by part of the standard."""
    parts = {"3": "3 storing", "4": "4 using and Vary", "5": "5 directives"}
    part = frame["section"].map(lambda text: parts.get(text.split(".")[0], "RFC 5861, 9110, 9213"))
    caches = [name for name in ("minisys", "nginx") if name in frame]
    right = (frame[caches] == "right").groupby(part).sum()
    counted = right.assign(cases=part.value_counts()).rename_axis("part of RFC 9111").reset_index()
    return table(counted[["part of RFC 9111", "cases", *caches]], caption="Conformance cases answered right")


TOLD = (
    "age-past-max-age", "authorization", "request-no-store", "post-invalidates", "reload", "vary-star-in-a-list",
    "swr-must-revalidate", "stale-down", "max-age-quoted", "hop-by-hop",
)  # fmt: skip


def differences(frame: pd.DataFrame, cases: Sequence[str] = TOLD) -> Table:
    """What NGINX did in some of the *cases*, in its own words."""
    shown = frame[frame["case"].isin(cases) & (frame["rule"] == "must")]
    columns = ["says", *(["nginx"] if "nginx" in frame else [])]
    return table(shown[columns].rename(columns={"says": "RFC 9111"}), caption="Some MUSTs, and what NGINX did")


def configuration(product: str = "nginx") -> Code:
    """The configuration that the course generates for *product* before an origin at port 8000."""
    return Code(edge_real.config(product, "http://127.0.0.1:8000"), language="nginx")
