"""Lab 14, task 1: the estimate from the brief, worked out by hand; a usual slip is told by its name."""

from __future__ import annotations

from functools import partial

from minisys.grading.checks import Check, Wrong
from minisys.grading.paper import Answer, given_number

RIDES, LOOKS, WRITES, BUSIEST = 400_000, 18, 2, 0.135  # a day; a ride; a ride; share of the day in its busiest hour
WORK_S, WORKERS, ZONES, MOST = 0.030, 3, 3, 0.80
AWAY_S, BANK_PER_S, KB, COPIES = 600.0, 60.0, 1.0, 3
ASKED = {
    "peak": "400,000 rides a day, 18 looks and 2 writes each, 13.5 % in the busiest hour: clicks a second",
    "busy": "each click is 30 ms of work for the service: workers busy at the same time, on average",
    "copies": "copies of 3 workers, as many in each of 3 zones; with a zone lost, at most 80 % busy",
    "line": "the bank is away for 10 minutes of the busiest hour: charges that wait",
    "drain": "then it takes 60 a second, and rides go on: seconds until the line is gone",
    "gb": "1 kB for each write, kept for 365 days on 3 copies: gigabytes",
}
UNITS = {
    "peak": "clicks a second", "busy": "workers", "copies": "copies in all", "line": "charges", "drain": "seconds",
    "gb": "gigabytes",
}  # fmt: skip
FORMULAS = {
    "peak": "clicks a ride x rides a day x the hour's share / 3,600 s",
    "busy": "Little's law: clicks a second x seconds of work each (chapter 01)",
    "copies": "how many workers must be left in two zones? Whole copies, the same number in each zone",
    "line": "only writes are charged: writes a second x seconds",
    "drain": "the line shrinks by what the bank takes, less what comes: divide by the difference",
    "gb": "writes a day x days x kilobytes x copies; a gigabyte is a million kilobytes",
}
SLIPS: dict[str, list[tuple[float, str]]] = {
    "peak": [
        (92.6, "that is the day's average; the busiest hour has 13.5 % of the day, not 1/24"),
        (270, "two writes a ride are clicks as well"),
        (15, "a ride is twenty clicks, not one"),
        (18_000, "that is a minute: divide the hour by 3,600 s"),
    ],
    "busy": [
        (9_000, "30 ms are 0.03 s"),
        (10_000, "multiply the rate by the time, do not divide"),
        (2.78, "that is the average of the day; at the busiest hour"),
        (33.3, "that is what one worker can do in a second"),
    ],
    "copies": [
        (4, "those must be left when a zone is lost: how many stand there before?"),
        (3, "without a zone two copies are left, 6 workers, and 9 are busy"),
        (18, "that is the number of workers; a copy has three"),
        (5, "the same number in each of three zones: a multiple of three"),
        (9, "it holds, and two copies a zone would do: 12 workers are left, 9 of them busy"),
        (12, "it holds, and half of it would do"),
    ],
    "line": [
        (180_000, "looks at the map are not charged: only the writes"),
        (300, "ten minutes are 600 s"),
        (9_000, "a ride is two writes, and each asks the bank once: the deposit, the price"),
        (36_000, "what the bank could take does not matter while it is away"),
    ],
    "drain": [
        (300, "while the line is worked off, 30 new ones come each second"),
        (600 + 600, "count from the bank's return on, not from its loss"),
        (200, "what comes makes the line longer: 60 less 30, not 60 and 30"),
    ],
    "gb": [
        (292, "three copies"),
        (438, "a ride is two writes"),
        (876_000, "a gigabyte is a million kilobytes, not a thousand"),
        (8_760, "looks at the map write nothing: two writes a ride"),
        (2.4, "that is one day; a year is kept"),
    ],
}


def right() -> dict[str, float]:
    """The six numbers."""
    a_day = RIDES * WRITES
    peak = RIDES * (LOOKS + WRITES) * BUSIEST / 3600
    writes = a_day * BUSIEST / 3600
    busy = peak * WORK_S
    each = next(n for n in range(1, 100) if busy <= MOST * n * WORKERS * (ZONES - 1))
    line = writes * AWAY_S
    return {
        "peak": peak, "busy": busy, "copies": each * ZONES, "line": line, "drain": line / (BANK_PER_S - writes),
        "gb": a_day * 365 * KB * COPIES / 1e6,
    }  # fmt: skip


def number(name: str, answer: Answer) -> str:
    """One of the six."""
    came, wanted = given_number(name, answer, ASKED, UNITS), right()[name]
    if abs(came - wanted) <= 0.002 * wanted:
        return f"{came:.6g}"
    near = [text for value, text in SLIPS[name] if abs(came - value) <= 0.005 * value]
    expected = f"{'more' if wanted > came else 'less'} than that"
    raise Wrong(f"{came:.6g} {UNITS[name]}", expected=expected, look=near[0] if near else FORMULAS[name])


PAPER = tuple(Check(ASKED[name], partial(number, name)) for name in ASKED)
