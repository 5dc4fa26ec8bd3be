"""What chapter 05 shows of the origin's load: edges that miss for themselves, and the shield that fetches for all.

Six edges were nearer to the users than one, and the origin got three times the traffic. Each function draws one
picture, by the formula of caches that fill and empty by time, or in virtual time.

Promised: every figure is computed when the cell runs. Not promised: caches that are too small for their pages; these
keep everything until its time is over.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from minisys.caching import edge_model
from minisys.caching.content import cities, offload
from minisys.caching.edge_model import Plan
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, explorer, slider
from minisys.testbed.workload import Exponential, Poisson, Workload, Zipf, workload

OBJECTS, ALPHA = 1000, 0.8  # of the shop: pages, and how unevenly they are asked for


def offload_explorer() -> Explorer:
    """Sliders for traffic, time to live, regions and the unevenness of the pages: what reaches the origin."""
    return explorer(
        offload_at,
        title="What reaches the origin",
        rate=slider(10, 1000, 10, 200, "requests", "per second"),
        ttl=slider(1, 600, 1, 60, "time to live", "s"),
        regions=slider(1, 30, 1, 6, "regions"),
        alpha=slider(0.0, 1.4, 0.1, 0.8, "skew of the popularity"),
    )


def offload_at(rate: int, ttl: int, regions: int, alpha: float) -> tuple[alt.LayerChart, str]:
    """Requests a second at the origin against the number of regions, with and without a shield; the result in words."""
    rows = [
        (many, name, offload(rate, ttl, regions=many, objects=OBJECTS, alpha=alpha, shield=shield).origin_per_s)
        for many in sorted({1, 2, 4, 7, 10, 15, 20, 30, regions})
        for name, shield in (("no shield", False), ("shield", True))
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["regions", "network", "origin_per_s"])
    here = {
        shield: offload(rate, ttl, regions=regions, objects=OBJECTS, alpha=alpha, shield=shield)
        for shield in (False, True)
    }
    said = "; ".join(
        f"{'with' if shield else 'without'} a shield the edges hit {100 * found.edge_hit:.0f} % and the origin gets "
        f"{found.origin_per_s:.3g} a second" for shield, found in here.items()
    )  # fmt: skip
    said = f"{regions} regions: {said}."
    title = f"{rate} requests a second for {OBJECTS} pages"
    chart = charts.lines(
        frame, x="regions", y="origin_per_s", by="network", title=title, y_title="requests at the origin (per second)",
        description=f"{title}. {said}",
    )  # fmt: skip
    return chart, said


def offered(*, rate_per_s: float = 100.0, for_s: float = 60.0, pages: int = 200, seed: int = 1) -> Workload:
    """Requests for *pages* pages from *regions* regions, Poisson, without work of their own."""
    n = int(rate_per_s * for_s)
    drawn = workload(n, arrivals=Poisson(rate_per_s), work=Exponential(0.01), keys=Zipf(pages, ALPHA), seed=seed)
    return Workload(drawn.arrival_s, 0 * drawn.work_s, drawn.key, drawn.size, drawn.luck)


def offload_by_formula_and_model(ttl_s: float = 10.0, seeds: int = 5) -> alt.LayerChart:
    """Share of the requests that reach the origin by number of regions: formula as lines, simulation as dots.

    100 requests a second for 200 pages; the first 20 of 120 seconds, in which the caches fill, do not count.
    """
    names, rows = list(cities())[:6], []
    for shield in (None, "Frankfurt"):
        kind = "with a shield" if shield else "without a shield"
        for many in range(1, 7):
            found = offload(100.0, ttl_s, regions=many, objects=200, alpha=ALPHA, shield=bool(shield))
            rows.append((many, kind, "predicted", 1 - found.offload))
            if many in (1, 3, 6):
                plan = Plan(names[:many], shield=shield, ttl_s=ttl_s, work_s=0.0, check_s=0.0, workers=1000)
                rows += [(many, kind, "simulated", _share_at_origin(plan, seed)) for seed in range(seeds)]
    frame = pd.DataFrame(rows, columns=["regions", "network", "world", "share"])
    panels = []
    for name, part in frame.groupby("network", sort=False):
        worlds = {str(world): each[["regions", "share"]] for world, each in part.groupby("world")}
        panels.append(charts.three_worlds(
            predicted=worlds["predicted"], simulated=worlds["simulated"], x="regions", y="share", title=str(name),
            y_title="share that reaches the origin",
        ).properties(width=300))  # fmt: skip
    six = frame[frame["regions"] == 6].groupby(["network", "world"])["share"].mean().unstack()
    said = "; ".join(
        f"{kind} and 6 regions {100 * share['predicted']:.0f} % by formula, {100 * share['simulated']:.0f} % simulated"
        for kind, share in six.iterrows()
    )
    title = "What reaches the origin, by number of regions"
    chart = alt.hconcat(*panels).resolve_scale(y="shared")
    return chart.properties(title=title, description=f"{title}: {said}.")


def _share_at_origin(plan: Plan, seed: int) -> float:
    """Of the requests after the first 20 s, those that reached the origin, per request."""
    sent = offered(for_s=120.0, seed=seed)
    asked_s = np.array(edge_model.simulate(plan, sent).frame.attrs["origin_s"])
    return float((asked_s > 20.0).sum() / (sent.arrival_s > 20.0).sum())


def share_at_origin(regions: int = 6) -> float:
    """Percent of chapter 05's requests (100 a second, 200 pages, 10 s to live) that reach the origin, by formula."""
    return round(100 * (1 - offload(100.0, 10.0, regions=regions, objects=200, alpha=ALPHA).offload), 1)
