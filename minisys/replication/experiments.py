"""What chapter 06 measures: a primary dies, or is cut off, under load, and users count what they lost.

The simulation said that an acknowledged write can vanish. Here real processes with real disks are killed: our replicas
in each mode, PostgreSQL, Valkey and NATS, all under the same clients and judged by the same checker (harness.py).

Promised: what is not installed is left out with one line that says so. With the default lag the replicas hear the
primary 50 ms late, about as far as from Dublin to New York; without it the loss of an asynchronous failover is luck.
Not promised: the same counts twice; which mode can lose a write, and which cannot, does not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

import altair as alt
import pandas as pd

from minisys.replication import ours, real
from minisys.replication.harness import Fault, Found, Load, System, kill_primary, pause_primary, run
from minisys.testbed import charts
from minisys.testbed.tables import Table, table

LAG_S, AT_S, MEND_AFTER_S = 0.05, 0.6, 1.6
PAUSED_MORE_S = 1.5  # a client waits a second for the silent before it looks for somebody else
FOR_S = {"minisys": 2.2, "postgresql": 1.8, "valkey": 4.2, "nats": 12.0}  # long enough for a failover each
FAULTS = ("kill", "pause", "partition")
OURS = (("minisys", "async"), ("minisys", "semi-sync"), ("minisys", "raft"))
PRODUCTS = (("postgresql", "local"), ("postgresql", "on"), ("valkey", "asynchronous"), ("valkey", "wait 1"))
HEADS = {
    "system": "system", "mode": "mode", "fault": "fault", "acknowledged": "writes acknowledged",
    "lost": "of these lost", "indefinite": "nobody knows", "rto_s": "RTO (s)", "verdict": "the checker",
}  # fmt: skip


def system(name: str, mode: str, *, lag_s: float = LAG_S) -> AbstractContextManager[System]:
    """Our replicas ("minisys") or a product of real.MODES in *mode*, running for a ``with`` block.

    Raises ValueError for an unknown name or mode; entering raises real.ProductMissing.
    """
    if name == "minisys":
        return ours.replicas(mode, lag_s=lag_s)
    return real.product(name, mode, lag_s=0.0 if name == "nats" else lag_s)


def failover(
    name: str = "minisys", mode: str = "async", *, fault: str = "kill", lag_s: float = LAG_S, load: Load | None = None,
    at_s: float = AT_S,
) -> Found:  # fmt: skip
    """Clients write and read, the primary of *name* in *mode* suffers *fault* after *at_s* seconds; what they saw.

    fault: "kill" (SIGKILL), "pause" (SIGSTOP), or, for ours, "partition" (cut off from the other replicas, not from
    clients, and mended 1.6 s later). lag_s: see system. load: by default six clients, for as long as a failover takes.
    Raises ValueError for a bad argument, real.ProductMissing if the product is not installed.
    """
    if fault not in FAULTS or (fault == "partition" and name != "minisys"):
        raise ValueError(f"fault must be one of {', '.join(FAULTS)} (partition: ours only), got {fault!r} for {name!r}")
    with system(name, mode, lag_s=lag_s) as made:
        longer_s = {"kill": 0.0, "pause": PAUSED_MORE_S, "partition": MEND_AFTER_S}[fault]
        return run(made, load or Load(for_s=FOR_S[name] + longer_s), *_faults(made, fault, at_s))


def failovers(cases: Iterable[tuple[str, str]] = OURS, *, fault: str = "kill", lag_s: float = LAG_S) -> list[Found]:
    """failover() for each (name, mode) of *cases*; a product that is missing costs one printed line."""
    found = []
    for name, mode in cases:
        try:
            found.append(failover(name, mode, fault=fault, lag_s=lag_s))
        except real.ProductMissing as problem:
            print(problem)
    return found


def frame(found: Sequence[Found]) -> pd.DataFrame:
    """One row for each run: system, mode, fault, acknowledged, lost, refused, indefinite, rto_s, verdict."""
    return pd.concat([each.frame() for each in found], ignore_index=True)


def failover_table(found: Sequence[Found], caption: str = "The primary dies under load") -> Table:
    """The same for readers, lost writes and RTO (last acknowledged write before, first after the outage)."""
    rows = frame(found)[list(HEADS)]
    rows["rto_s"] = [f"{rto_s:.2f}" for rto_s in rows["rto_s"]]
    return table(rows.rename(columns=HEADS), caption=caption)


def rates_chart(found: Sequence[Found], title: str = "Acknowledged writes while the primary dies") -> alt.LayerChart:
    """Acknowledged writes a second over time, a line for each run; the gap is the outage."""
    lines = pd.concat([each.rates(0.1).assign(case=label(each)) for each in found])
    lines = lines.assign(second=lines["at_s"] + 0.05)  # the middle of a tenth: the line falls at the fault
    return charts.over_time(
        lines, y="per_s", by="case", events={AT_S: found[0].faults[0][0]} if found[0].faults else None, title=title,
        x_title="seconds since the load began", y_title="acknowledged writes (1/s)",
    )  # fmt: skip


def lost_chart(found: Sequence[Found], title: str = "Acknowledged writes that were lost") -> alt.LayerChart:
    """How many acknowledged writes each run lost, one row for each case, a dot for each run."""
    rows = pd.DataFrame([{"case": label(each), "lost": len(each.lost)} for each in found])
    return charts.dots(rows, x="lost", y="case", title=title, x_title="acknowledged writes lost", sort=False)


def label(found: Found) -> str:
    """Its name in a legend."""
    return f"{found.system}, {found.mode}"


def _faults(made: System, fault: str, at_s: float) -> list[Fault]:
    if isinstance(made, ours.Ours) and fault == "partition":
        cut = Fault(at_s, "primary cut off", made.cut_primary)
        return [cut, Fault(at_s + MEND_AFTER_S, "mended", made.mend)]
    return [pause_primary(made, at_s) if fault == "pause" else kill_primary(made, at_s)]
