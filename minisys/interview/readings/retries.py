"""Users, a shop and a database with a bad minute: the resilience room's chain and its callers."""

from __future__ import annotations

import random

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
    chains = {
        "overload": "no retries at all",
        "slow for a while": "no retries at all",
        "failing calls": "no retries at all",
    }
    name = {**chains, "budget holds": "deadline, budget, short line"}.get(cause, "as it was")
    slow = Trouble("database", at_s, for_s, slow=dice.choice((4.0, 5.0)))
    troubles = {"overload": (), "failing calls": (Trouble("database", at_s, for_s, fails=dice.uniform(0.4, 0.6)),)}
    run = fast.simulate(
        metastable.CURES[name], metastable.users(load * FULL_PER_S, seed, LENGTH_S), troubles.get(cause, (slow,)),
        seed=seed,
    )  # fmt: skip
    frame = run.by_second(STEP_S)
    frame = frame[frame["second"] < LENGTH_S]
    rows = tuple(
        (f"{float(r['second']) - STEP_S / 2:.0f}", round(r["come"], 1), round(r["answered in time"], 1), round(r["calls"], 1),
         round(r["calls"] / max(r["come"], 0.1), 2))
        for r in frame.to_dict("records")
    )  # fmt: skip
    caption = f"Users ask a shop, the shop a database that can do {FULL_PER_S:.0f} calls/s; a row is {STEP_S:.0f} s."
    happened = (
        "" if cause == "overload" else f"The database was in trouble from second {at_s:.0f} to {at_s + for_s:.0f}."
    )
    return Played(caption, SCENARIOS["retries"].columns, rows, happened)
