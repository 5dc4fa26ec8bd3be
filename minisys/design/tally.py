"""What is counted during a run: by copy, by arrow, by request, and for some requests everything."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minisys.design.flat import Flat

BINS, A_DECADE, SHORTEST_S = 1_100, 100, 1e-7  # latencies from 0.1 µs to 3 hours, 2.3 % a step
COUNTS = ("arrived", "served", "refused", "failed", "started", "queue_max", "entered", "queued")
TIMES = ("wait_s", "busy_s", "inside_s", "stayed_s", "line_s", "lined_s")
CALLS = ("calls", "failed", "timed_out", "retries")
SPAN = ("request", "parent", "arrow", "origin", "copy", "attempt", "outcome")
SPAN_S = ("begin_s", "reached_s", "began_s", "done_s", "end_s")
SPANS, MOST_SPANS = 500, 40_000  # requests of which everything is kept, and rows for that at most


@dataclass
class Tally:
    """Columns that the engines fill. copies: by name of COUNTS and TIMES; hist: (copy, bin) of latencies at the copy.

    inside_s: how many were inside, added up over time, stayed_s: how long each was, added up over visits; line_s,
    lined_s: the same of a queue's messages. calls: arrows, CALLS and ok_s. Of each request: finished_s, started_s,
    server (copy), outcome, attempts. spans, spans_s: tables of SPAN and SPAN_S, *used* rows; a span's end is NaN if it
    never came. lost: writes that were confirmed and are lost, by part. until_s: when the run ended. every: each so
    many-th request has its spans kept. notes: what became of each message in a queue (model_messages.Note), from the
    engine "model" only.
    """

    for_s: float
    every: int
    copies: dict[str, np.ndarray]
    hist: np.ndarray
    calls: dict[str, np.ndarray]
    requests: dict[str, np.ndarray]
    lost: np.ndarray
    spans: np.ndarray
    spans_s: np.ndarray
    used: int = 0
    until_s: float = 0.0
    series: list[tuple] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)


def new_tally(flat: Flat, n: int, for_s: float) -> Tally:
    """An empty tally for *n* requests."""
    copies: dict[str, np.ndarray] = {name: np.zeros(len(flat.copies), dtype=np.int64) for name in COUNTS}
    copies |= {name: np.zeros(len(flat.copies)) for name in TIMES}
    calls = {name: np.zeros(len(flat.arrows["to"]), dtype=np.int64) for name in CALLS}
    requests = {
        "finished_s": np.full(n, np.nan),
        "started_s": np.full(n, np.nan),
        "server": np.full(n, -1, dtype=np.int64),
        "outcome": np.full(n, 4, dtype=np.int64),
        "attempts": np.ones(n, dtype=np.int64),
    }
    return Tally(
        for_s, max(1, n // SPANS), copies, np.zeros((len(flat.copies), BINS), dtype=np.int64),
        calls | {"ok_s": np.zeros(len(flat.arrows["to"]))}, requests, np.zeros(len(flat.names), dtype=np.int64),
        np.full((MOST_SPANS, len(SPAN)), -1, dtype=np.int64), np.full((MOST_SPANS, len(SPAN_S)), np.nan),
    )  # fmt: skip


def bin_of(latency_s):
    """The row of the histogram that *latency_s* seconds belong to."""
    if latency_s <= SHORTEST_S:
        return 0
    return min(BINS - 1, int(A_DECADE * math.log10(latency_s / SHORTEST_S)))


def quantile_s(hist: np.ndarray, q: float) -> float:
    """The latency in seconds below which a share *q* of the counted ones lie; NaN if none is counted."""
    total = np.cumsum(hist)
    if not total[-1]:
        return math.nan
    row = int(np.searchsorted(total, q * total[-1]))
    before = total[row - 1] if row else 0
    inside = (q * total[-1] - before) / max(1, hist[row])
    return 0.0 if row == 0 else SHORTEST_S * 10 ** ((row + inside) / A_DECADE)
