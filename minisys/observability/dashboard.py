"""A dashboard that stays live in the page: what a running server says of itself, redrawn every second.

Set "traffic" to running, let a service fail, and watch which of the four charts shows it first, and which never does.
Below it is a scraper, not a film: the numbers come from /metrics of a process on this machine.

    dashboard(run.store)            # begins with what was scraped before
    summary(run.store)              # its static twin: a table

Promised: traffic ends by itself after a minute, and with the kernel; the saved notebook keeps a picture. Not promised:
more than a handful of series.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import altair as alt
import ipywidgets
import numpy as np
import pandas as pd

from minisys.observability.incident import MODULE, SHARES
from minisys.observability.scrape import Scraper, Store
from minisys.testbed import charts, nodes
from minisys.testbed.explorer import Explorer, choice, slider
from minisys.testbed.tables import Table, table

SHOWN_S, STEP_S, RUNS_S = 30.0, 0.5, 60.0
USERS, EVERY_S, WORK_S = 4, 0.04, 0.01  # seconds
REQUESTS, DURATION = "http_requests_total", "http_request_duration_seconds"
TITLES = {
    "errors": "requests that fail (%)", "rate": "requests a second", "p99": "99th percentile (s)",
    "mean": "mean latency (s)",
}  # fmt: skip


def panel(store: Store, show: str, shown_s: float = SHOWN_S) -> pd.DataFrame:
    """One chart's rows (second, value, service) of the last *shown_s* seconds, every half second.

    *show*: one of TITLES. Second 0 is the last look. Raises ValueError for another, or with fewer than two looks.
    """
    if show not in TITLES or len(store) < 2:
        raise ValueError(f"show one of {', '.join(TITLES)}, after at least two looks; got {show!r}, {len(store)} looks")
    times_s = store.times_s
    moments = np.arange(max(times_s[0], times_s[-1] - shown_s), times_s[-1] + 1e-9, STEP_S)
    looks = np.unique(np.searchsorted(times_s, moments, "right") - 1)
    rows = [
        {"second": times_s[now] - times_s[-1], "value": value, "service": name}
        for name in store.values("service")
        for now, value in zip(looks[2:], _values(store, show, name, looks), strict=True)
    ]
    return pd.DataFrame(rows, columns=["second", "value", "service"])


def _values(store: Store, show: str, service: str, looks: np.ndarray) -> list[float]:
    """One value for each look from the third on, over two steps each."""
    pairs = list(zip(looks, looks[2:], strict=False))
    if show == "p99":
        made = (store.histogram(DURATION, int(a), int(b), service=service) for a, b in pairs)
        return [each.quantile(0.99) if sum(each.counts) else float("nan") for each in made]
    span_s = store.times_s
    top, below = {
        "errors": (100 * store.sum(REQUESTS, service=service, code="500"), store.sum(REQUESTS, service=service)),
        "rate": (store.sum(REQUESTS, service=service), span_s),
        "mean": (store.sum(f"{DURATION}_sum", service=service), store.sum(f"{DURATION}_count", service=service)),
    }[show]
    return [(top[b] - top[a]) / (below[b] - below[a]) if below[b] > below[a] else float("nan") for a, b in pairs]


def draw(store: Store, show: str) -> tuple[alt.LayerChart, str]:
    """The chart of *show*, and what is worst in it, in words."""
    frame = panel(store, show).dropna()
    if frame.empty:
        return charts.lines(NOTHING, x="second", y="value", by="service", title="Nothing yet"), "No traffic yet."
    chart = charts.lines(
        frame, x="second", y="value", by="service", title=f"{TITLES[show].capitalize()}, scraped", y_title=TITLES[show],
        x_title="seconds before the last look",
    )  # fmt: skip
    last = frame.loc[frame.groupby("service")["second"].idxmax()].set_index("service")["value"]
    return chart, f"At the last look the highest is {last.idxmax()}, with {last.max():.3g}."


NOTHING = pd.DataFrame({"second": [-SHOWN_S, 0.0], "value": [0.0, 0.0], "service": ["none", "none"]})


def summary(store: Store) -> Table:
    """The dashboard's static twin: each service over all looks."""
    rows = []
    for name in store.values("service"):
        made = store.histogram(DURATION, 0, -1, service=name)
        low, high = made.bounds(0.99)
        answers, bad = store.sum(REQUESTS, service=name)[-1], store.sum(REQUESTS, service=name, code="500")[-1]
        rows.append({
            "service": name, "answers": int(answers), "failed (%)": 100 * bad / answers, "p50 (s)": made.quantile(0.5),
            "p99 (s)": made.quantile(0.99), "p99 lies between (s)": f"{low:g} and {high:g}",
        })  # fmt: skip
    said = f"As scraped in {len(store)} looks; percentiles are estimates from buckets"
    return table(pd.DataFrame(rows), caption=said)


class Dashboard(Explorer):
    """The live dashboard; `dashboard()` makes it. `store` has every look; `start()` and `stop()` are its traffic."""

    def __init__(self, store: Store, services: Mapping[str, float]) -> None:
        self.store, self.services = store, dict.fromkeys(services, 0.0)
        self._stop = threading.Event()
        self._stop.set()
        self._thread: threading.Thread | None = None
        self._admin = ""
        controls: dict[str, ipywidgets.Widget] = {
            "show": choice(list(TITLES), label="chart"), "traffic": choice(["stopped", "running"], label="traffic"),
            "service": choice(list(services), label="let fail"), "share": slider(0, 100, 5, 0, "share that fails", "%"),
        }  # fmt: skip
        super().__init__(self._draw, "What the services say of themselves", controls)
        controls["traffic"].observe(
            lambda change: self.start() if change["new"] == "running" else self._stop.set(), "value"
        )
        controls["share"].observe(self._fail, "value")
        controls["service"].observe(self._chosen, "value")

    def _draw(self, show: str, traffic: str, service: str, share: int) -> tuple[alt.LayerChart, str]:
        chart, said = draw(self.store, show) if len(self.store) > 1 else draw(_empty(), show)
        return chart, f"{said} Traffic is {traffic}." if self.running else said

    @property
    def running(self) -> bool:
        """Whether there is traffic."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start a server, four users and the scraper, for a minute."""
        if not self.running:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the traffic, and wait until everything is down."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        end_s = time.monotonic() + RUNS_S
        try:
            with ExitStack() as stack:
                node = stack.enter_context(nodes.start(MODULE, "--services", ",".join(self.services)))
                self._admin = f"http://127.0.0.1:{node.admin_port}"
                for name, share in self.services.items():
                    self._tell(name, share)
                stack.enter_context(Scraper(f"{self._admin}/metrics", 0.25, self.store))
                users = [threading.Thread(target=_user, args=(node.port, n, self._stop)) for n in range(USERS)]
                for user in users:
                    user.start()
                    stack.callback(user.join)
                while not self._stop.wait(1.0) and time.monotonic() < end_s:
                    self.newest.ask(self.values)
                self._stop.set()
        except nodes.NodeFailed as problem:
            self._show(problem, 0.0)
        self._admin = ""
        self.controls["traffic"].value = "stopped"

    def _fail(self, _: Any) -> None:
        self._tell(self.values["service"], self.values["share"] / 100)

    def _chosen(self, change: Any) -> None:
        """The slider shows what the chosen service is told to fail."""
        self.controls["share"].value = round(100 * self.services[change["new"]])

    def _tell(self, service: str, share: float) -> None:
        self.services[service] = share
        if self._admin:
            nodes.ask("POST", f"{self._admin}/control/fail?service={service}&share={share!r}")


def _user(port: int, number: int, stop: threading.Event) -> None:
    """One who asks for something else every 40 ms, and does not mind what is answered."""
    rng = random.Random(number)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    while not stop.wait(EVERY_S):
        asked = {"X-Work-S": repr(rng.expovariate(1 / WORK_S)), "X-Luck": repr(rng.random())}
        try:
            connection.request("GET", f"/item/{rng.randrange(1_000)}", headers=asked)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
    connection.close()


def _empty() -> Store:
    """A store of two looks at nothing."""
    made = Store()
    for at_s in (0.0, 1.0):
        made.add(at_s, "")
    return made


def dashboard(store: Store | None = None, services: Mapping[str, float] = SHARES) -> Dashboard:
    """A live dashboard of a server with these *services*; it begins with what *store* has seen already."""
    return Dashboard(Store() if store is None else store, services)
