"""Break something while users are on it, and count what they saw.

Somebody trips over a cable at 11:02. The dashboards are green again at 11:03. Did anyone notice? Each experiment
here starts real processes on 127.0.0.1, sends real requests through Locust, carries out a small plan (kill, add,
drain, remove) and returns the trace of every request.

Promised: the same workload and the same plan for our own proxy, NGINX and HAProxy, so that their traces can be laid
side by side. Not promised: timings that hold on another machine. What users saw (failed, refused, answered by whom)
is the result; milliseconds on a laptop whose cores are shared by everybody are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import altair as alt
import pandas as pd

from minisys.load_balancing import live, real
from minisys.load_balancing.plan import Step
from minisys.testbed import charts
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Deterministic, Poisson, Workload, workload

KILL = (Step(2.0, "kill", "b"), Step(4.0, "restart", "b"))
MOVE = (Step(1.5, "add", "d"), Step(3.0, "drain", "a"), Step(4.5, "remove", "a"))


def steady(rate_per_s: float = 200.0, for_s: float = 6.0, work_s: float = 0.05, seed: int = 3) -> Workload:
    """Steady Poisson traffic: *rate_per_s* requests a second for *for_s* seconds, *work_s* seconds of service each."""
    return workload(int(rate_per_s * for_s), arrivals=Poisson(rate_per_s), work=Deterministic(work_s), seed=seed)


def run(product: str, plan: Sequence[Step], requests: Workload, *, method: str = "GET") -> Trace:
    """The trace of *requests* through *product* ("minisys", "nginx" or "haproxy") while *plan* is carried out.

    Three backends with 16 workers each, least connections, one retry. Raises ValueError for an unknown product and
    real.ProductMissing, in one line, when a server is not installed.
    """
    kinds = {"backends": 3, "workers": 16, "plan": tuple(plan), "method": method}
    if product == "minisys":
        return live.run("least connections", requests, clock="real", **kinds)
    return real.run(product, requests, policy="least connections", **kinds)


def kill_a_backend(product: str = "minisys", *, method: str = "GET") -> Trace:
    """SIGKILL backend b at 2 s of 6 and start it again at 4 s, under 200 requests a second."""
    return run(product, KILL, steady(), method=method)


def add_and_drain(product: str = "minisys") -> Trace:
    """Add d at 1.5 s, drain a at 3 s and remove it at 4.5 s, under 200 requests a second."""
    return run(product, MOVE, steady())


def rerouting(trace: Trace, plan: Sequence[Step] = KILL, title: str = "Who answered, half-second by half-second"):
    """Answers per half-second, stacked by backend, with the plan's steps marked."""
    return charts.by_server(trace, step_s=0.5, events={step.at_s: f"{step.action} {step.backend}" for step in plan}, title=title)


def users_saw(trace: Trace) -> str:
    """One line: how many requests, and how many of them a user saw fail."""
    bad = {name: trace.count(name) for name in ("failed", "refused", "timeout", "unfinished")}
    return f"{len(trace)} requests: {trace.count('ok')} ok, " + ", ".join(f"{n} {name}" for name, n in bad.items())
