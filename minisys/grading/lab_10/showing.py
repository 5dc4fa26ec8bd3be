"""Lab 10, task 5: what a learner sees before the check: a chain in plain words, and theirs beside the given one.

A chain is records within records; printed as it is, nobody finds the one line that hurts. Here it is a table with a row
for each call, and two troubles are shown, one of them from second to second. Nothing is judged here: see saving.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields

import altair as alt
import pandas as pd

from minisys.grading.checks import look_at
from minisys.grading.lab_10.saving import SAVED, SHOWN, Save, after, percent, run, told, trouble
from minisys.grading.report import Report
from minisys.resilience import experiments
from minisys.resilience.chain import Chain, mean_work_s
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.retries import Backoff, Budget, RatioBudget
from minisys.testbed import charts
from minisys.testbed.tables import Table, table

CALLER = ("timeout_s", "deadline", "retries")  # have columns of their own; so has
SERVER = ("queue_limit",)


def described(chain: Chain) -> Table:
    """Who calls whom, and how: a row for each caller and the service that it calls."""
    names = ["app", *(each.name for each in chain.services)]
    rows = []
    for name, caller, service in zip(names, chain.callers, chain.services, strict=False):
        limit = service.protection.queue_limit
        rows.append(
            (
                f"{name} → {service.name}", _timeout(caller), *_retries(caller),
                "yes" if caller.deadline else "no",
                _others(caller, CALLER), str(service.workers), f"{1000 * mean_work_s(service):.0f}",
                "none" if limit is None else str(limit.limit), _others(service.protection, SERVER),
            )
        )  # fmt: skip
    columns = ["call", "timeout_s", "tries", "backoff", "budget", "deadline", "others", "workers", "work (ms)"]
    columns += ["line limit", "others there"]
    narrowest = min(chain.services, key=lambda each: each.workers / mean_work_s(each))
    caption = (
        f"{experiments.RATE_PER_S:g} users a second come; {narrowest.name}, the narrowest, "
        f"can do {chain.capacity_per_s:.0f} calls a second"
    )
    return table(pd.DataFrame(rows, columns=columns), caption=caption)


def _timeout(caller: Defences) -> str:
    return "none" if math.isinf(caller.timeout_s) else f"{caller.timeout_s:g}"


def _retries(caller: Defences) -> tuple[str, str, str]:
    """Tries in all, backoff and budget of a caller, in words."""
    if caller.retries is None or caller.retries.attempts == 1:
        return "1", "none", "none"
    return str(caller.retries.attempts), _backoff(caller.retries.backoff), _budget(caller.retries.budget)


def _backoff(backoff: Backoff | None) -> str:
    return "at once" if backoff is None else f"{backoff.base_s:g} to {backoff.cap_s:g} s, {backoff.jitter}"


def _budget(budget: Budget | None) -> str:
    if isinstance(budget, RatioBudget):
        return f"ratio {budget.ratio:g}"
    return "no limit" if budget is None else type(budget).__name__


def _others(record: Defences | Protection, shown: tuple[str, ...]) -> str:
    """The names of what else is in *record*."""
    names = [each.name for each in fields(record) if each.name not in shown]
    return ", ".join(type(part).__name__ for name in names if (part := getattr(record, name)) is not None) or "none"


def beside(save: Save) -> Table | Report:
    """The learner's chain beside the one that was given, under two plans that are shown; drawn, not judged."""
    if (refused := _refused(save)) is not None:
        return refused
    rows = []
    for seed in SHOWN:
        for name, made in (("given", _as_given), ("yours", save)):
            got, each = run(made, seed), trouble(seed)
            shares = (percent(got.goodput(0, each.at_s)), percent(after(got, each)))
            rows.append((told(each), name, *shares, f"{got.amplification[-1]:.2f}"))
    columns = ["trouble", "chain", "in time before", "in time from 1 s after it", "database calls per user"]
    return table(pd.DataFrame(rows, columns=columns), caption="Two troubles, simulated")


def over_time(save: Save) -> alt.LayerChart | Report:
    """The second of the two from second to second: users answered in time, given and yours."""
    if (refused := _refused(save)) is not None:
        return refused
    each = trouble(SHOWN[-1])
    chains: tuple[tuple[str, Callable[[Chain], Chain]], ...] = (("given", _as_given), ("yours", save))
    frame = pd.concat([run(made, SHOWN[-1]).by_second().assign(chain=name) for name, made in chains])
    frame["share"] = 100 * frame["answered in time"] / frame["come"]
    return charts.lines(
        frame[["second", "share", "chain"]], x="second", y="share", by="chain",
        title=f"From {each.at_s:g} s on: {told(each)} (simulated)", x_title="when users came (s)",
        y_title="answered in time (%)",
    )  # fmt: skip


def _as_given(chain: Chain) -> Chain:
    return chain


def _refused(save: Save) -> Report | None:
    """The first check's card if it does not pass: there is no chain to play."""
    outcome = look_at(SAVED[0], save)
    return None if outcome.state == "passed" else Report("10", 5, "Save the chain", (outcome,))
