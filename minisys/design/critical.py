"""Where the time of a request went: its critical path, from the spans that were kept.

Two calls run side by side, one takes 5 ms, one 80. Making the first twice as fast changes nothing. The critical path is
what the answer really waited for: walked from the end backwards, always along the call that ended last.

Source: Eaton, Sheyner and others 2022, "Distributed latency profiling through critical path tracing", ACM Queue 20(1).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

NETWORK = "network"


def critical_path(spans: pd.DataFrame) -> pd.DataFrame:
    """Of *spans* (Run.spans), for the requests that were answered: part, share of their time, waiting (share in line).

    *part* is "network" for time under way. Shares sum to 1, largest first; an empty frame if nobody was answered.
    """
    rows = {row: span for row, span in enumerate(spans.to_dict("records"))}
    children: dict[int, list[int]] = defaultdict(list)
    for row, span in rows.items():
        children[span["parent"]].append(row)
    time_s: dict[str, float] = defaultdict(float)
    in_line_s: dict[str, float] = defaultdict(float)
    for row in children[-1]:
        if rows[row]["outcome"] == "ok" and rows[row]["from"] == "":
            _walk(rows, children, row, time_s, in_line_s)
    total = sum(time_s.values())
    names = sorted(time_s, key=lambda name: -time_s[name]) if total else []
    shares = [time_s[name] / total for name in names]
    waiting = [in_line_s[name] / total for name in names]
    return pd.DataFrame({"part": names, "share": shares, "waiting": waiting})


def _walk(
    rows: dict, children: dict[int, list[int]], root: int, time_s: dict[str, float], in_line_s: dict[str, float]
) -> None:  # fmt: skip
    """Add the time of one request: a stack of (span, from_s, until_s) instead of calls that call themselves."""
    stack = [(root, rows[root]["begin_s"], rows[root]["end_s"])]
    while stack:
        row, low, high = stack.pop()
        span = rows[row]
        reached, done = (span["reached_s"], span["done_s"]) if row != root else (low, high)
        if np.isnan(reached) or np.isnan(done) or done > high:  # nobody was there, or it was given up before
            time_s[span["to"]] += high - low
            continue
        time_s[NETWORK] += (high - done) + (reached - low)
        now = done
        ended = [child for child in children[row] if rows[child]["end_s"] <= done + 1e-12]
        for child in sorted(ended, key=lambda one: -rows[one]["end_s"]):
            begin, end = rows[child]["begin_s"], rows[child]["end_s"]
            if end > now + 1e-12:
                continue  # something else ended later, and the answer waited for that
            time_s[span["to"]] += now - end
            stack.append((child, begin, end))
            now = begin
        time_s[span["to"]] += now - reached
        if row != root and not np.isnan(span["began_s"]):
            in_line_s[span["to"]] += span["began_s"] - reached
