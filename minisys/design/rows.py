"""One row for each part of a run: how many came, how they ended, how busy it was and how long it took."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from minisys.design.flat import CLIENTS, ENDLESS, EXTERNAL
from minisys.design.tally import quantile_s

if TYPE_CHECKING:
    from minisys.design.result import Run

ENDS = ("arrived", "served", "refused", "failed", "unfinished")


def of_part(run: Run, row: int) -> dict[str, float | str]:
    """What a part did, or what its users saw: a row of Run.parts."""
    kind, name = run.design.parts[row].kind, run.flat.names[row]
    if run.flat.parts["kind"][row] == CLIENTS:
        return {"part": name, "kind": kind} | _users(run, row)
    rows, counts = list(run.flat.copies_of(row)), run.tally.copies
    ends: dict[str, float | str] = {end: int(counts[end][rows].sum()) for end in ENDS[:-1]}
    ends["unfinished"] = sum(run.inside[copy] for copy in rows)
    hist, started = run.tally.hist[rows].sum(axis=0), max(1, int(counts["started"][rows].sum()))
    return {
        "part": name,
        "kind": kind,
        **ends,
        "utilisation": _utilisation(run, row, rows),
        "wait_s": float(counts["wait_s"][rows].sum()) / started,
        "p50_s": quantile_s(hist, 0.5),
        "p99_s": quantile_s(hist, 0.99),
        "queue_max": int(counts["queue_max"][rows].max()),
    }


def _utilisation(run: Run, row: int, rows: list[int]) -> float:
    if run.flat.parts["kind"][row] == EXTERNAL:
        rate = run.flat.parts["rate"][row]
        taken = run.tally.copies["arrived"][rows].sum() / run.for_s
        return min(1.0, float(taken / rate)) if math.isfinite(rate) else math.nan
    workers = int(run.flat.parts["workers"][row])
    if workers >= ENDLESS:
        return math.nan
    sizes = [sizes[row] for _, _, sizes in run.tally.series] or [len(rows)]
    return min(1.0, float(run.tally.copies["busy_s"][rows].sum()) / (workers * float(np.mean(sizes)) * run.for_s))


def _users(run: Run, row: int) -> dict[str, float | str]:
    mine = run.flat.part_of[run.requests.users] == row
    kept = run.tally.requests
    outcome = kept["outcome"][mine]
    took = (kept["finished_s"] - run.requests.arrival_s)[mine][outcome == 0]
    ends = [int(mine.sum()), *(int(np.isin(outcome, codes).sum()) for codes in ([0], [1], [2, 3], [4]))]
    p50, p99 = np.percentile(took, [50, 99]) if len(took) else (math.nan, math.nan)
    users: dict[str, float | str] = dict(zip(ENDS, ends, strict=True))
    return users | {
        "utilisation": math.nan,
        "wait_s": 0.0,
        "p50_s": float(p50),
        "p99_s": float(p99),
        "queue_max": 0,
    }
