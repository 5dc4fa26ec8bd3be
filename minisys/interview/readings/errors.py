"""Errors of a service around an incident, as a scraper counts them: the observability room's incidents."""

from __future__ import annotations

import numpy as np

from minisys.interview.readings import SCENARIOS, Played
from minisys.observability.incidents import KINDS, LEAD_S, draw

STEPS = {"total outage": 5, "bad deploy": 10, "flapping": 3, "slow burn": 180, "low traffic": 60}  # minutes a row
BEFORE, ROWS = 4, 20


def play(cause: str, seed: int) -> Played:
    """Failed requests in periods that show one incident well, from four periods before it began."""
    step, quiet = STEPS[cause], 1.0 if cause == "low traffic" else 0.05
    cuts = int(LEAD_S // 60) + step * np.arange(-BEFORE, ROWS - BEFORE + 1) - 1
    failed, again = np.zeros(1), 0
    while not failed.any():  # a night of few requests may pass without any failure, and shows nothing
        found = draw(1, 1000 * seed + again, kinds={cause: KINDS[cause]}, quiet=quiet)
        total, bad = found.total[0][cuts], found.bad[0][cuts]
        come, failed, again = np.diff(total), np.diff(bad), again + 1
    allowed = found.slo.budget * total[-1] / (cuts[-1] + 1) * found.slo.window_s / 60
    spent = 100 * (bad[1:] - bad[0]) / allowed
    rows = tuple(
        (_clock(step * i), int(n), int(f), round(100 * f / max(n, 1), 3), round(float(s), 2))
        for i, (n, f, s) in enumerate(zip(come, failed, spent, strict=True))
    )
    caption = (
        f"A service with an objective of {100 * (1 - found.slo.budget):g} % in 30 days. A point, or a row of the "
        f"table, is {_long(step)}; what is spent of the budget adds up from the first."
    )
    return Played(caption, SCENARIOS["errors"].columns, rows)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:d}:{minutes % 60:02d}"


def _long(minutes: int) -> str:
    return f"{minutes} minutes" if minutes < 60 else f"{minutes // 60} hours" if minutes > 60 else "an hour"
