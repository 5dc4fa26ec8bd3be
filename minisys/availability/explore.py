"""What chapter 01 shows in virtual time: nines as minutes, a shop with spares, a calendar of failures.

Somebody asks for "five nines". Before anybody buys a second data centre, the chapter wants to see what each spare buys
and which single box still takes everything down.

Promised: figures are computed or simulated when the cell runs. Not promised: your components' availability; put your
own numbers in.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from minisys.availability import graph, outages, theory
from minisys.availability.draw import Drawing, draw, percent
from minisys.availability.graph import Service, any_of
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, explorer, slider
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table
from minisys.testbed.workload import Deterministic, Poisson, Workload, workload

# Microsoft, "SLA calculation" of its reliable web app pattern (Azure/reliable-web-app-pattern-dotnet,
# assets/sla-calculation.md, read 2026-11-24), which states a combined 99.616 %.
AZURE = {
    "Front Door": 0.9999, "Entra ID": 0.9999, "App Service": 0.9995, "Redis Cache": 0.999, "SQL Database": 0.99995,
    "Storage": 0.999, "Key Vault": 0.9999, "App Configuration": 0.999,
}  # fmt: skip
PARTS = {"network path": 0.999, "balancer": 0.9995, "web server": 0.99, "database": 0.995}
FAST_MTTR_S = 0.05  # of the live experiment: a repair takes a twentieth of a second
LIVE_FOR_S = 4.0


def nines_table() -> Table:
    """Downtime that each number of nines allows, per year, 30 days and day."""
    rows = [
        (percent(a), *(duration(theory.downtime_s(a, per)) for per in (theory.YEAR_S, theory.MONTH_S, theory.DAY_S)))
        for a in (0.9, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999)
    ]
    return table(pd.DataFrame(rows, columns=["availability", "a year", "30 days", "a day"]), caption="Allowed downtime")


def series_table(promised: Mapping[str, float]) -> Table:
    """The product after each further service, all of which a request needs, and its downtime in 30 days."""
    so_far = np.cumprod(list(promised.values()))
    rows = [
        (name, percent(a), f"{100 * all_:.3f} %", duration(theory.downtime_s(float(all_), theory.MONTH_S)))
        for (name, a), all_ in zip(promised.items(), so_far, strict=True)
    ]
    columns = ["service", "promised", "all up to here", "downtime in 30 days"]
    return table(pd.DataFrame(rows, columns=columns), caption="Services that a request needs, one after the other")


def repair_table() -> Table:
    """Availability and downtime from the time between failures and the time to repair: which of the two to improve?"""
    rows = []
    for days in (30, 60, 300):
        for minutes in (240, 120, 5):
            share = theory.from_repair(days * theory.DAY_S, minutes * 60)
            rows.append(
                (f"{days} days", duration(60 * minutes), f"{100 * share:.3f} %", duration(theory.downtime_s(share)))
            )
    columns = ["between failures", "to repair", "availability", "downtime a year"]
    return table(pd.DataFrame(rows, columns=columns), caption="MTBF / (MTBF + MTTR)")


def quorum_table(each: float = 0.99) -> Table:
    """At least k of n copies up, each up a share *each* of the time: availability and downtime a year."""
    named = {(1, 1): "one copy", (1, 2): "one of two", (2, 3): "a majority of three", (3, 5): "a majority of five",
             (4, 6): "Aurora's write quorum", (3, 6): "Aurora's read quorum"}  # fmt: skip
    rows = []
    for (k, n), word in named.items():
        share = theory.k_of_n(k, n, each)
        rows.append((f"{k} of {n}", word, f"{100 * share:.6f} %", duration(theory.downtime_s(share))))
    columns = ["needed", "who does that", "availability", "downtime a year"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"Copies that are up {percent(each)} of the time each")


def shared_causes() -> Table:
    """Two web servers that share nothing, a rack, a zone or a deploy: the shared cause is a component of its own."""
    causes = {"nothing": 1.0, "a zone": 0.9999, "a rack": 0.9995, "a deploy at the same moment": 0.999}
    rows = []
    for cause, share in causes.items():
        pair = Service().add("users", needs=[any_of("web 1", "web 2")]).add(cause, share)
        pair.add("web 1", 0.99, [cause]).add("web 2", 0.99, [cause])
        whole = graph.availability(pair)
        rows.append((cause, percent(share), f"{100 * whole:.4f} %", duration(theory.downtime_s(whole))))
    columns = ["both share", "which is up", "one of two is up", "downtime a year"]
    return table(pd.DataFrame(rows, columns=columns), caption="Two web servers, each up 99 % of the time by itself")


def shop(
    web: int = 1, databases: int = 1, balancers: int = 1, paths: int = 1, shared: Mapping[str, float] | None = None
) -> Service:
    """A shop with so many of each part. *shared*: things that every web server needs, with their availability."""
    counts = {"network path": paths, "balancer": balancers, "web server": web, "database": databases}
    names = {part: [part] if n == 1 else [f"{part} {i + 1}" for i in range(n)] for part, n in counts.items()}
    next_part = dict(pairwise(PARTS))
    service = Service().add("users", needs=[any_of(*names["network path"])])
    for part in PARTS:
        needs = [any_of(*names[next_part[part]])] if part in next_part else []
        for name in names[part]:
            service.add(name, PARTS[part], [*needs, *(shared or {})] if part == "web server" else needs)
    for name, share in (shared or {}).items():
        service.add(name, share)
    return service


def hidden_point() -> Drawing:
    """Two of everything, and one name server that both web servers ask."""
    return draw(shop(web=2, databases=2, balancers=2, paths=2, shared={"name server": 0.9995}))


def spares_explorer() -> Explorer:
    """Sliders for the number of each part and the share of failures that hit all copies: what would one more buy?"""
    return explorer(
        spares_at,
        title="A shop with spares",
        paths=slider(1, 3, 1, 1, "network paths"),
        balancers=slider(1, 3, 1, 1, "balancers"),
        web=slider(1, 5, 1, 1, "web servers"),
        databases=slider(1, 4, 1, 1, "databases"),
        shared=slider(0, 20, 1, 0, "shared failures", "%"),
    )


def spares_at(paths: int, balancers: int, web: int, databases: int, shared: int) -> tuple[alt.LayerChart, str]:
    """Downtime a year caused by each part as it is and with one more copy; the whole in words.

    *shared* percent of each part's failures hit all its copies (beta factor).
    """
    counts = dict(zip(PARTS, (paths, balancers, web, databases), strict=True))
    own = {part: theory.common_cause(PARTS[part], n, shared / 100) for part, n in counts.items()}
    more = {part: theory.common_cause(PARTS[part], n + 1, shared / 100) for part, n in counts.items()}
    rows = [(part, 1, theory.downtime_s(own[part]) / 3600, "as it is") for part in PARTS]
    rows += [(part, 1, theory.downtime_s(more[part]) / 3600, "with one more") for part in PARTS]
    frame = pd.DataFrame(rows, columns=["part", "run", "hours", "kind"])
    whole = theory.series(*own.values())
    alone = [part for part, n in counts.items() if n == 1]
    caption = f"The shop is up {100 * whole:.4f} % of the time: {duration(theory.downtime_s(whole))} down a year. "
    caption += f"Single points of failure: {', '.join(alone)}." if alone else "No part is there only once."
    title = "Downtime that each part causes"
    return charts.dots(frame, x="hours", y="part", by="kind", title=title, sort=False, log_x=True,
                       x_title="hours a year", written=lambda hours: duration(3600 * hours)), caption  # fmt: skip


def exact_and_sampled(n: int = 200_000) -> Table:
    """Some designs: exact availability, the same from *n* random states with its 99 % interval, and the weak spots."""
    designs = {
        "one of each": shop(),
        "two web servers": shop(web=2),
        "two of each": shop(2, 2, 2, 2),
        "two of each, one name server": shop(2, 2, 2, 2, {"name server": 0.9995}),
    }
    rows = []
    for name, service in designs.items():
        found = graph.sampled(service, n, seed=1)
        interval = f"{100 * found.low:.3f} to {100 * found.high:.3f}"
        points = ", ".join(graph.single_points(service)) or "none"
        rows.append((name, f"{100 * graph.availability(service):.4f}", interval, points))
    columns = ["design", "exact (%)", "sampled, 99 % interval", "single points of failure"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"Exact, and from {n:,} random states")


def checkout(copies: int) -> Service:
    """The live experiment: a checkout that needs a cart, a stock, and one of so many *copies* of payment."""
    pay = [f"payment {i + 1}" for i in range(copies)]
    service = Service().add("checkout", needs=["cart", "stock", any_of(*pay)])
    for name, share in {"cart": 0.98, "stock": 0.98, **dict.fromkeys(pay, 0.9)}.items():
        service.add(name, share)
    return service


def visitors(seed: int = 1) -> Workload:
    """200 requests a second for LIVE_FOR_S seconds."""
    return workload(int(200 * LIVE_FOR_S), arrivals=Poisson(200.0), work=Deterministic(0.001), seed=seed)


def short_run(copies: int, seed: int) -> float:
    """The share of *visitors* served in one simulated run of LIVE_FOR_S seconds, in percent."""
    service = checkout(copies)
    plan = outages.calendar(service, LIVE_FOR_S, mttr_s=FAST_MTTR_S, seed=seed)
    return 100 * outages.simulate(service, visitors(), plan).availability


@lru_cache
def short_runs() -> pd.DataFrame:
    """300 short runs for one to three copies of payment: their mean and the band that holds 99 % of them."""
    rows = []
    for copies in (1, 2, 3):
        shares = [short_run(copies, seed) for seed in range(100, 400)]
        rows.append((copies, float(np.mean(shares)), *np.quantile(shares, (0.005, 0.995))))
    return pd.DataFrame(rows, columns=["copies", "availability", "low", "high"])


def checkout_worlds(measured: pd.DataFrame | None = None, prediction: object = None) -> alt.LayerChart:
    """Availability against copies of payment: formula, 300 short simulated runs, and *measured* processes.

    *prediction*: the reader's percentage of requests that fail with three copies, or None.
    """
    exact = [(copies, 100 * graph.availability(checkout(copies))) for copies in (1, 2, 3)]
    return charts.three_worlds(
        predicted=pd.DataFrame(exact, columns=["copies", "availability"]),
        simulated=short_runs(),
        measured=measured,
        x="copies",
        y="availability",
        prediction=(3, 100 - float(prediction) if isinstance(prediction, int | float) else None),
        title="A checkout with one to three payment services",
        x_title="copies of the payment service",
        y_title="requests served (%)",
    )
