"""Lab 12, task 2: a judgement on what monitoring counted, tried on a table of days."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from minisys.chaos.shop import Readings
from minisys.grading.checks import Check, Wrong

Judge = Callable[[Readings], object]


class Day(NamedTuple):
    """What was counted, whether the shop was well, and why."""

    name: str
    readings: Readings
    well: bool
    look: str = ""


DAYS = {
    "well": [
        Day("a quiet day", Readings(1000, 0, 400, 1000), True),
        Day("nine of ten, exactly", Readings(90, 10, 40, 90), True, "at least 90 % means that 90 % will do"),
        Day("1.5 calls an order, exactly", Readings(100, 0, 150, 100), True, "at most 1.5 means that 1.5 will do"),
        Day("twenty orders, exactly", Readings(20, 0, 8, 20), True, "at least 20 answered means that 20 will do"),
        Day("a bad hour before counting began", Readings(1000, 500, 400, 1000, 900, 500, 360), True,
            "use success and calls_per_order: they count from the beginning of the experiment on"),
        Day("more rows than confirmed orders", Readings(100, 3, 40, 102), True,
            "an order may be written whose user had gone; that is none lost"),
    ],
    "users": [
        Day("one order in nine fails", Readings(80, 10, 40, 80), False, "below 90 % is not well"),
        Day("nothing works", Readings(0, 100, 40, 0), False),
    ],
    "others": [
        Day("users happy, prices flooded", Readings(100, 0, 400, 100), False,
            "the price service has other customers: at most 1.5 calls_per_order"),
        Day("users happy, an order lost", Readings(100, 0, 40, 99), False, "no confirmed order may be lost, not one"),
    ],
    "silence": [
        Day("nobody ordered anything", Readings(500, 0, 200, 500, 500, 0, 200), False,
            "nothing was measured: that is no steady state; at least 20 answered orders"),
        Day("twelve orders, all well", Readings(12, 0, 5, 12), False, "fewer than 20 answered orders show nothing"),
    ],
}  # fmt: skip


def days(group: str, judge: Judge) -> str:
    """Every day of *group* is judged rightly."""
    for day in DAYS[group]:
        came = judge(day.readings)
        if not isinstance(came, bool):
            look = "compare, and return the result; is there a `return`?"
            raise Wrong(repr(came), given=day.name, expected="True or False", look=look)
        if came != day.well:
            counted = f"{day.name}: {day.readings.answered} orders answered, success {day.readings.success:.3g}, "
            counted += f"{day.readings.calls_per_order:.3g} calls per order, {day.readings.lost} lost"
            raise Wrong(came, given=counted, expected=day.well, look=day.look)
    return f"{len(DAYS[group])} days"


JUDGING = (
    Check("a shop that is well is called well", partial(days, "well")),
    Check("users who get no orders through are seen", partial(days, "users")),
    Check("harm that users do not notice is seen, too", partial(days, "others")),
    Check("silence is not taken for health", partial(days, "silence")),
)
