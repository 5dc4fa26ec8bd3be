"""Lab 13, task 1: what a written plan loses and how long it takes, worked out by hand.

The right numbers come from the course's own formulas; the texts name the slip that leads to the number that came.
"""

from __future__ import annotations

import math
from functools import partial

from minisys.grading.checks import Check, Wrong
from minisys.grading.paper import Answer, given_number
from minisys.regions import theory
from minisys.regions.levels import Copies, Level, Shop, Timing

COPIES, RATE = Copies(300.0, 40.0), 400
LEVEL = Level("on paper", COPIES, database=False, app=0.0)
TIMING = Timing(check_every_s=10, fall=3, decide_s=120, boot_db_s=180, boot_app_s=180, restore_gb_per_s=0.5, ttl_s=60)
ASKED = {
    "rpo": "the log goes out every 300 s and is there 40 s later: seconds of orders lost at most",
    "lost": "the same, 400 orders a second: orders lost on average",
    "rto": "notice, decide, boot, restore, name: seconds until the last obedient user is served, at most",
    "stale": "TTL 60 s, busy resolvers that obey: the share that still asks the old address after 20 s",
    "whole": "one full backup and six increments, each unreadable with 1 %: the chance that all can be read",
}
UNITS = {
    "rpo": "a number of seconds",
    "lost": "a number of orders",
    "rto": "a number of seconds",
    "stale": "a share from 0 to 1",
    "whole": "a chance from 0 to 1, to three digits",
}
FORMULAS = {
    "rpo": "the region is lost just before the next copy has arrived: when was the oldest order in it written?",
    "lost": "orders a second x seconds lost on average; the loss comes at any moment between two copies",
    "rto": "add the five steps, each at its worst; machines and data: first the one, then the other",
    "stale": "answers were fetched at any moment of 60 s alike; which were older than 40 s when the name changed?",
    "whole": "all seven must be readable, independently",
}
SLIPS: dict[str, list[tuple[float, str]]] = {
    "rpo": [
        (300, "a copy that is on its way is not there: 40 s more"),
        (190, "that is the average; at most"),
        (40, "that is the way alone; the oldest order has waited 300 s before it left"),
        (260, "the two add up: an order waits for the next copy, and then it is on its way"),
    ],
    "lost": [
        (136_000, "that is the worst case; on average an order waits half of the 300 s"),
        (60_000, "what is on its way for 40 s is lost as well"),
        (120_000, "on average half of 300 s, and the whole of 40 s"),
        (68_000, "half of the 300 s, but the whole of the 40 s: every copy is on its way that long"),
    ],
    "rto": [
        (730, "and the users whose resolver has just fetched the old address?"),
        (670, "a person decides, 120 s"),
        (760, "nobody acts before the loss is noticed: three checks, 10 s apart"),
        (770, "one failed check proves nothing: it takes three in a row"),
        (390, "the data: 200 GB at 0.5 GB a second"),
        (610, "restoring needs machines: 180 s, and then the data"),
        (490, "200 GB at 0.5 GB a second are 400 s, not 100: divide"),
    ],
    "stale": [
        (1 / 3, "that is the share that has moved: answers that were older than 40 s when the name changed"),
        (1.0, "whoever fetched the answer 50 s ago asks again after 10 s"),
        (math.exp(-20 / 60), "answers run out after exactly 60 s, not at random: a straight line, no exp"),
        (0.0, "answers live 60 s; after 20 s most are still valid"),
    ],
    "whole": [
        (0.99**6, "six increments and the full backup: seven files"),
        (0.93, "1 - 7 x 1 % is close, but counts the cases with two bad files twice"),
        (1 - 0.99**7, "that is the chance that one of them is bad"),
        (0.99, "that is one file; all seven are needed"),
    ],
}


def right() -> dict[str, float]:
    """The five numbers."""
    return {
        "rpo": theory.rpo_worst_s(COPIES),
        "lost": theory.lost_writes(COPIES, RATE),
        "rto": theory.rto_s(LEVEL, Shop(data_gb=200), TIMING),
        "stale": theory.stale_share(20, 60),
        "whole": theory.whole(7, 0.01),
    }


def number(name: str, answer: Answer) -> str:
    """One of the five."""
    came, wanted = given_number(name, answer, ASKED, UNITS), right()[name]
    if abs(came - wanted) <= (0.004 if name == "stale" else 0.0006 if name == "whole" else 1e-6):
        return f"{came:.6g}"
    near = [text for value, text in SLIPS[name] if abs(came - value) <= 0.0006 + 1e-6 * value]
    if wanted < 1 < came <= 100:
        near = near or ["a share or chance lies between 0 and 1, not between 0 and 100"]
    raise Wrong(f"{came:.6g}", expected=UNITS[name], look=near[0] if near else FORMULAS[name])


PAPER = tuple(Check(ASKED[name], partial(number, name)) for name in ASKED)
