"""What splitting a program costs: a call that leaves the process, and a service that is not there when it is called.

The payment service must tell the notification service. That takes longer than a function call, every time; and one
night the notification service hangs. Does a payment fail then? That is decided by how it is called: wait for the
answer, wait a moment and go on without it, or put the message in a queue and go on at once.

Promised: real processes on 127.0.0.1, the same payments each way, and messages counted by the payment service itself.
Not promised: what a network adds; between two machines the hop is longer. A queue that outlives its process is
chapter 08's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd

from minisys.scaling.services import NOT_NOTIFIED, PATIENCE_S
from minisys.testbed import charts, nodes
from minisys.testbed.load import Step, load
from minisys.testbed.nodes import Node
from minisys.testbed.tables import Table, table
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Constant, Deterministic, Poisson, Workload, workload

SERVER = "minisys.scaling.services"
INSIDE, OUTSIDE = "function call", "request to a service"
DOWN_S, FOR_S = 1.0, 3.4
UP_S = {"kill": 1.4, "pause": 2.0}  # a process that is started again needs half a second more to be there
RATE_PER_S, WORK_S, MESSAGE_S, WORKERS = 60.0, 0.02, 0.02, 8
FAILURES = {"kill": "is killed", "pause": "hangs"}
MENDED = {"kill": "it is started again", "pause": "it goes on"}
Traces = Mapping[str, Trace]


def payments(n: int, rate_per_s: float, work_s: float, seed: int = 1) -> Workload:
    """*n* payments (even keys) of *work_s* seconds of work, *rate_per_s* a second."""
    drawn = workload(n, arrivals=Poisson(rate_per_s), work=Deterministic(work_s), seed=seed)
    return replace(drawn, key=2 * np.arange(n))


def hop_measured(n: int = 200, work_s: float = 0.005) -> dict[str, Trace]:
    """*n* payments one after the other, each with a message: told by function call, and by a request to a service.

    Payment and message are *work_s* seconds of work each, so what differs is the way from one to the other.
    """
    offered = replace(payments(n, 100.0, work_s), arrival_s=Constant(100.0).sample(n, np.random.default_rng(0)))
    with ExitStack() as stack:
        message = ["--notify-work", str(work_s)]
        other = stack.enter_context(nodes.start(SERVER, "--serves", "notification", name="notification"))
        ways = {INSIDE: message, OUTSIDE: ["--serves", "payment", "--notify", other.url, *message]}
        servers = [stack.enter_context(nodes.start(SERVER, *words, name="payment")) for words in ways.values()]
        with ThreadPoolExecutor(len(ways)) as pool:  # a user each, who mostly waits: they do not disturb one another
            seen = pool.map(lambda server: load(server.url, offered, users=1, progress=False), servers)
            return dict(zip(ways, seen, strict=True))


def hop_ms(traces: Traces) -> float:
    """What leaving the process costs in the middle, in milliseconds."""
    return 1000 * (traces[OUTSIDE].percentile(50) - traces[INSIDE].percentile(50))


def hop_table(traces: Traces) -> Table:
    """Median and 90th percentile of a payment each way, and the difference, in milliseconds."""
    frame = pd.DataFrame({way: 1000 * np.array(trace.percentiles((50, 90))) for way, trace in traces.items()}).T
    frame.loc["difference"] = frame.loc[OUTSIDE] - frame.loc[INSIDE]
    frame = frame.set_axis(["p50_ms", "p90_ms"], axis=1).rename_axis("a payment's message is a").reset_index()
    return table(frame, caption="A payment and its message, 5 ms of work each: what the way between them adds")


def notification_fails(failure: str = "kill", seed: int = 2) -> dict[str, Trace]:
    """Some seconds of payments, told by call, fallback and queue; the notification service is away from 1 s on.

    failure: "kill" (connections are refused) or "pause" (it says nothing). ``frame.attrs["notified"]`` counts messages.
    Raises ValueError for another word.
    """
    if failure not in FAILURES:
        raise ValueError(f"the notification service may {' or '.join(FAILURES)}, got {failure!r}")
    with ThreadPoolExecutor(len(PATIENCE_S)) as pool:
        return dict(zip(PATIENCE_S, pool.map(lambda how: _one_way(how, failure, seed), PATIENCE_S), strict=True))


def _one_way(how: str, failure: str, seed: int) -> Trace:
    with ExitStack() as stack:
        other = _Notifications(stack)
        words = ("--serves", "payment", "--workers", str(WORKERS), "--how", how, "--notify", other.node.url)
        server = stack.enter_context(
            nodes.start(SERVER, *words, "--notify-work", str(MESSAGE_S), name=f"payment-{how}")
        )
        away = (other.node.kill, other.restart) if failure == "kill" else (other.node.pause, other.node.resume)
        at: list[Step] = [(DOWN_S, away[0]), (UP_S[failure], away[1])]
        trace = load(server.url, payments(int(RATE_PER_S * FOR_S), RATE_PER_S, WORK_S, seed), at=at, progress=False)
        trace.frame.attrs["notified"] = _notified(server)
    return trace


class _Notifications:
    """The notification service, which can be started again on its port."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.node = self._started(0)

    def restart(self) -> None:
        self.node = self._started(self.node.port)

    def _started(self, port: int) -> Node:
        words = ("--serves", "notification", "--workers", str(WORKERS), "--port", str(port))
        node = nodes.start(SERVER, *words, name="notification")
        self.stack.callback(node.kill)
        return node


def _notified(server: Node, within_s: float = 5.0) -> dict[str, int]:
    """The payment service's own counts, once nothing is waiting any more."""
    deadline = time.monotonic() + within_s
    while True:
        counts = json.loads(nodes.ask("GET", f"http://127.0.0.1:{server.admin_port}/control/notified"))
        if not counts["waiting"] or time.monotonic() > deadline:
            return dict(counts)
        time.sleep(0.05)


def failure_chart(traces: Traces, failure: str = "kill") -> alt.LayerChart:
    """For each way of telling, every 0.25 s: payments that failed, or (pause) how long the slowest took."""
    events = {DOWN_S: f"it {FAILURES[failure]}", UP_S[failure]: MENDED[failure]}
    title = f"Payments while the notification service {FAILURES[failure]}"
    if failure == "kill":
        y_title = "payments failed per 0.25 s"
        return charts.over_time(traces, y="failed", by="way", step_s=0.25, events=events, title=title, y_title=y_title)
    return charts.over_time(traces, y="p99_s", by="way", step_s=0.25, events=events, title=title, log_y=True)


def failure_table(traces: Traces, failure: str = "kill") -> Table:
    """For each way of telling: payments made and failed, how long they took, customers told and not told."""
    rows = []
    for how, trace in traces.items():
        p50, p99 = trace.percentiles((50, 99))
        told, made = trace.frame.attrs["notified"]["told"], trace.count("ok")
        rows.append((how, made, len(trace) - made, round(1000 * p50), round(1000 * p99), told, made - min(made, told)))
    columns = ["told by", "payments made", "failed", "p50_ms", "p99_ms", "customers told", "made and not told"]
    caption = f"The notification service {FAILURES[failure]} at {DOWN_S:g} s; {MENDED[failure]} at {UP_S[failure]:g} s"
    return table(pd.DataFrame(rows, columns=columns), caption=caption)


def failure_in_words(traces: Traces) -> str:
    """One line for each way that compares exactly: whether payments failed and whether all customers were told."""
    said = []
    for how, trace in traces.items():
        made, counts = trace.count("ok"), trace.frame.attrs["notified"]
        failed = "0 payments failed" if made == len(trace) else "some payments failed"
        everybody = counts["told"] >= made and NOT_NOTIFIED not in trace.frame.attrs["remarks"]
        said.append(f"{how}: {failed}, {'everybody' if everybody else 'not everybody'} who paid was told")
    return "\n".join(said)
