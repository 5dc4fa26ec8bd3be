"""Which hop is slow, and what a runbook saves: chapter 11's tables of traces and repairs.

Two services got slower after the release. One of them nobody waits for. And of seven kinds of trouble, a restart cures
three; the table says what it does to the others.

Promised: seeded traces, exact repairs in virtual time. Live processes are in experiments.py and healing.py.
"""

from __future__ import annotations

from statistics import fmean

import pandas as pd

from minisys.observability import healing_model
from minisys.observability.experiments import mean_blame
from minisys.observability.healing import Healed
from minisys.observability.healing_model import CURES, Fault
from minisys.observability.runbooks import DEFAULT, Limits, Runbook, Runbooks
from minisys.observability.shop_traces import Case
from minisys.testbed.marks import duration
from minisys.testbed.tables import Table, table

RESTART_ALWAYS = Runbooks((Runbook("dead", ("restart",) * 200, after=1),), Limits(200, 7_200.0, 20.0, 20.0, 1.0))


def hops(case: Case) -> pd.DataFrame:
    """Each hop of the shop's traces: hop, before_ms and after_ms (mean duration), path_ms (added to the wait)."""
    was, now = mean_blame(case.before), mean_blame(case.after)
    rows = []
    for hop in sorted({(span.service, span.name) for spans in case.after for span in spans}):
        before, after = (
            1e3 * fmean(span.duration_s for spans in traces for span in spans if (span.service, span.name) == hop)
            for traces in (case.before, case.after)
        )
        grown = 1e3 * (now.get(hop, 0.0) - was.get(hop, 0.0))
        rows.append({"hop": f"{hop[0]}: {hop[1]}", "before_ms": before, "after_ms": after, "path_ms": grown})
    return pd.DataFrame(rows)


def hops_table(case: Case) -> Table:
    """`hops`, those that grew most first, by the duration of their spans."""
    frame = hops(case)
    order = (frame["after_ms"] - frame["before_ms"]).sort_values(ascending=False).index
    names = {"before_ms": "one_call_before_ms", "after_ms": "one_call_after_ms", "path_ms": "added_to_the_wait_ms"}
    said = f"Means of {len(case.before)} checkouts before and after; added: the hop's own work, all calls of a checkout"
    return table(frame.loc[order].rename(columns=names).round(1), caption=said)


def blamed(case: Case) -> str:
    """The hop whose own work added most to what the user waited for."""
    frame = hops(case)
    return str(frame.sort_values("path_ms")["hop"].iloc[-1])


def mttr(book: Runbooks | None) -> pd.DataFrame:
    """One fault of each kind on a fleet of six: kind, mttr_s, by (what ended it), pages, repairs."""
    rows = []
    for kind in CURES:
        made = healing_model.simulate(book, [Fault(60.0, kind, 2)])
        rows.append({
            "kind": kind, "mttr_s": made.mttr_s, "by": made.faults["by"].iloc[0], "pages": made.pages,
            "repairs": made.repairs,
        })  # fmt: skip
    return pd.DataFrame(rows)


def mttr_table() -> Table:
    """Time to repair by kind of trouble, without a supervisor and with one."""
    without, with_it = mttr(None), mttr(DEFAULT)
    rows = pd.DataFrame({
        "trouble": with_it["kind"], "a user calls, a human comes": without["mttr_s"].map(duration),
        "runbooks": with_it["mttr_s"].map(duration), "ended by": with_it["by"], "repairs tried": with_it["repairs"],
        "pages": with_it["pages"],
    })  # fmt: skip
    said = "Mean time to repair; a human needs 15 min after a page, and hears of it after 30 min without one"
    return table(rows, caption=said)


def loop_table() -> Table:
    """A machine that dies whenever it starts, and one that crashed once: runbooks with limits, and restart always."""
    rows = []
    for name, book in (("runbooks with limits", DEFAULT), ("restart, always", RESTART_ALWAYS)):
        for kind in ("crash", "crash loop"):
            made = healing_model.simulate(book, [Fault(60.0, kind, 2)])
            rows.append({
                "rule": name, "trouble": kind, "restarts and replacements": made.repairs, "pages": made.pages,
                "repaired after": duration(made.mttr_s),
            })  # fmt: skip
    return table(pd.DataFrame(rows), caption="Two hours watched; a restart takes 15 s")


def healed_table(runs: dict[str, Healed]) -> Table:
    """What users and machines saw of live runs, by name."""
    rows = [
        {"run": name, "killed": len(made.outages), "repaired": made.repaired, "MTTR (s)": made.mttr_s,
         "pages": len(made.pages), "requests": len(made.trace), "failed": made.failed}
        for name, made in runs.items()
    ]  # fmt: skip
    return table(pd.DataFrame(rows), caption="Three backends behind the live balancer; each kill is SIGKILL")
