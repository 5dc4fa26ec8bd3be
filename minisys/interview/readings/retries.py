"""Users, a shop and a database with a bad minute: the resilience room's chain and its callers."""

from __future__ import annotations

import random
from collections.abc import Hashable

from minisys.interview.readings import SCENARIOS, Played
from minisys.resilience import fast, metastable
from minisys.resilience.chain import Trouble

LENGTH_S, STEP_S = 60.0, 3.0
FULL_PER_S = 160.0  # what the database can do


def play(cause: str, seed: int) -> Played:
    """One minute in steps of three seconds: users who come, answers in time, and what the database is asked."""
    dice = random.Random(f"{cause}/{seed}")
    at_s, for_s = float(dice.randrange(9, 16, 3)), float(dice.choice((6, 9)))
    load = dice.uniform(1.25, 1.5) if cause == "overload" else dice.uniform(0.62, 0.7)
    name = {"retry storm": "as it was", "budget holds": "deadline, budget, short line"}.get(cause, "no retries at all")
    slow = Trouble("database", at_s, for_s, slow=dice.choice((4.0, 5.0)))
    troubles = {"overload": (), "failing calls": (Trouble("database", at_s, for_s, fails=dice.uniform(0.4, 0.6)),)}
    run = fast.simulate(
        metastable.CURES[name], metastable.users(load * FULL_PER_S, seed, LENGTH_S), troubles.get(cause, (slow,)),
        seed=seed,
    )  # fmt: skip
    frame = run.by_second(STEP_S)
    frame = frame[frame["second"] < LENGTH_S]
    rows = tuple(_row(row) for row in frame.to_dict("records"))
    caption = f"Users ask a shop, the shop a database that can do {FULL_PER_S:.0f} calls/s; a row is {STEP_S:.0f} s."
    until_s = at_s + for_s
    happened = "" if cause == "overload" else f"The database was in trouble from second {at_s:.0f} to {until_s:.0f}."
    return Played(caption, SCENARIOS["retries"].columns, rows, happened)


def _row(row: dict[Hashable, float]) -> tuple[str | float, ...]:
    rates = (row["come"], row["answered in time"], row["calls"])
    each = [round(rate, 1) for rate in rates]
    return f"{row['second'] - STEP_S / 2:.0f}", *each, round(row["calls"] / max(row["come"], 0.1), 2)
