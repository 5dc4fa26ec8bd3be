"""A chart in a sentence: the alternative text, computed from the same rows that are drawn.

Somebody listens to the notebook instead of looking at it. "A line chart" helps nobody; "at 0.9 the mean latency is
10.1 s, theory says 10" does. Each function states the finding of one kind of chart. It repeats the numbers; it does not
judge them.
"""

from __future__ import annotations

import pandas as pd

from minisys.testbed.marks import number


def of_worlds(worlds: dict[str, pd.DataFrame], x: str, y: str, x_title: str, y_title: str) -> str:
    """What each world says at its last x, and the widest gap between theory and simulation."""
    parts = []
    for name, frame in worlds.items():
        last = frame.iloc[-1]
        parts.append(f"{name} {number(last[y])} at {number(last[x])}")
    said = f"{y_title} against {x_title}: " + ", ".join(parts) + "."
    if {"predicted", "simulated"} <= set(worlds):
        theory, runs = (worlds[name].astype({x: float}) for name in ("predicted", "simulated"))
        both = theory.merge(runs, on=x, suffixes=("_p", "_s"))
        if len(both):
            gap = ((both[f"{y}_s"] - both[f"{y}_p"]).abs() / both[f"{y}_p"].abs()).max()
            said += f" Theory and simulation differ by at most {number(100 * gap)} %."
    return said


def of_lines(frame: pd.DataFrame, x: str, y: str, x_title: str, y_title: str) -> str:
    """Where each line starts and ends, and which ends highest and lowest."""
    ends: dict[str, float] = {}
    parts = []
    made = frame.sort_values(x, kind="stable")
    rows = list(zip(made["kind"].tolist(), made[y].tolist(), made[y].notna().tolist(), strict=True))
    for name in frame["kind"].unique().tolist():
        values = [value for kind, value, there in rows if there and kind == name]
        if values:
            ends[name] = values[-1]
            parts.append(f"{name or y_title} goes from {number(values[0])} to {number(values[-1])}")
    if not parts:
        return f"{y_title} against {x_title}: no values."
    at = f"from {_at(frame[x].min())} to {_at(frame[x].max())}"
    said = f"{y_title} against {x_title}, {at}: {'; '.join(parts)}."
    if len(ends) > 1:
        most, least = max(ends, key=ends.__getitem__), min(ends, key=ends.__getitem__)
        said += f" At the end {most} is highest and {least} lowest."
    return said


def of_tail(frame: pd.DataFrame) -> str:
    """The median and the p99 (or the last percentile there is) of each line; columns kind, tail, latency_s."""
    parts = []
    for name in frame["kind"].unique().tolist():
        mean = frame[frame["kind"] == name].groupby("tail")["latency_s"].mean().to_dict()
        at = 2.0 if 2.0 in mean else max(mean)
        percentile = number(100 * (1 - 10**-at))
        parts.append(f"{name}: half within {number(mean[min(mean)])} s, {percentile} % within {number(mean[at])} s")
    return "; ".join(parts) + "."


def of_dots(frame: pd.DataFrame, x: str, y: str, x_title: str) -> str:
    """The smallest and the largest of the dots, and whether their intervals overlap."""
    rows = sorted(frame.to_dict("records"), key=lambda row: row[x])
    best, worst = rows[0], rows[-1]
    name = [f"{row[y]} {row['kind']}".strip() for row in (best, worst)]
    if len(rows) == 1:
        return f"{x_title}: {name[0]} {number(best[x])}."
    overlap = "overlap" if best["high"] >= worst["low"] else "do not overlap"
    ends = f"lowest is {name[0]} with {number(best[x])}, highest {name[1]} with {number(worst[x])}"
    return f"{x_title}: {ends}; their intervals {overlap}."


def _at(value: object) -> str:
    return number(value) if isinstance(value, int | float) else str(value)
