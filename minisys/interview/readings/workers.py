"""Throughput by workers, as a load test gives it: the scaling room's contending workers."""

from __future__ import annotations

import random

from minisys.interview.readings import SCENARIOS, Played
from minisys.scaling.model import contend

COUNTS = (1, 2, 4, 8, 12, 16, 24, 32)


def play(cause: str, seed: int) -> Played:
    """A number of workers a row."""
    dice = random.Random(f"{cause}/{seed}")
    own_s, told, locked_s, tell_s, ceiling = dice.uniform(0.04, 0.06), "", 1e-9, 0.0, float("inf")
    if cause == "serial part":
        locked_s = own_s * dice.uniform(0.08, 0.14)
        told = f"{100 * locked_s / (own_s + locked_s):.0f} % of each operation was done under one lock."
    elif cause == "talking":
        locked_s, tell_s = own_s * dice.uniform(0.02, 0.04), own_s * dice.uniform(0.006, 0.009)
        told = "Each operation told every other worker."
    elif cause == "ceiling":
        ceiling = round(dice.uniform(9, 13) / own_s)
        told = f"A service behind them let {ceiling:.0f} a second through."
    rows = []
    for count in COUNTS:
        rate = contend(
            count, own_s=own_s, locked_s=locked_s, tell_s=tell_s, together=cause in ("serial part", "talking"),
            spread=0.3, for_s=6.0, seed=seed,
        )  # fmt: skip
        rate = min(rate, ceiling)
        rows.append((str(count), round(rate, 1), round(rate / count, 2), round(1000 * count / rate, 1)))
    caption = "A load test in which every worker begins its next request when it has the answer to the last."
    return Played(caption, SCENARIOS["workers"].columns, tuple(rows), told)
