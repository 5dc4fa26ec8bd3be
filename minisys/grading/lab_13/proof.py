"""Lab 13, task 3: a check of a backup's files, tried on backups with one thing wrong each.

What PostgreSQL would do: pg_verifybackup finds the first two (manifest: sizes and checksums), nothing finds the gap
before an audit does (chapter 13 has the drill), and the wrong base shows up when recovery refuses to begin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from minisys.grading.checks import Check, Wrong

Problem = Callable[[list["File"], float], Any]
PROBLEMS = ("cut short", "changed", "no base", "gap")


@dataclass(frozen=True)
class File:
    """A file of a backup: "full" holds the state of second to_s (its from_s is the same), a "log" all that was
    committed from from_s to to_s. *size* and *checksum* as found; *listed_size*, *listed_checksum* from the manifest.
    """

    name: str
    kind: str
    from_s: float
    to_s: float
    size: int = 1000
    listed_size: int = 1000
    checksum: str = "c1"
    listed_checksum: str = "c1"


class Case(NamedTuple):
    """A backup, the moment that is wanted, the right answer, and where to look."""

    what: str
    files: Sequence[File]
    wanted_s: float
    answer: str
    look: str


def full(at_s: float) -> File:
    """A whole full backup."""
    return File(f"full-{at_s:g}", "full", at_s, at_s)


def log(from_s: float, to_s: float) -> File:
    """A whole piece of log."""
    return File(f"log-{from_s:g}-{to_s:g}", "log", from_s, to_s)


GOOD = [full(0), log(0, 60), log(60, 120), log(120, 180)]
CASES = {
    "a whole backup is called whole": [
        Case("full and log without a gap", GOOD, 150, "", "nothing is wrong here: return an empty string"),
        Case("the same files in another order", GOOD[::-1], 150, "", "a folder has no order: sort by from_s"),
        Case("up to the last second of the log", GOOD, 180, "", "a log that ends at the moment reaches it"),
        Case("the moment of the full backup itself", [full(100)], 100, "", "no log is needed for that moment"),
        Case("pieces of log that overlap", [full(0), log(0, 90), log(60, 120), log(80, 180)], 170, "",
             "an overlap is no gap: go on to the furthest end so far"),
        Case("a log within another", [full(0), log(0, 120), log(30, 60), log(120, 180)], 170, "",
             "the end so far never moves back: use max"),
        Case("log from before the full backup", [full(70), log(0, 60), log(65, 180)], 150, "",
             "log that ends before the full backup is not needed, nor is what lies between"),
        Case("a newer full backup mends an old gap", [full(0), log(0, 60), full(100), log(100, 180)], 150, "",
             "start from the newest full backup that is not later than the moment"),
        Case("log is missing, but only after the moment", [full(0), log(0, 60), log(90, 180)], 50, "",
             "log after the moment is not needed"),
    ],
    "files that are not as they were written": [
        Case("a file is shorter than listed", [*GOOD[:2], replace(GOOD[2], size=400, checksum="9f"), GOOD[3]], 150,
             "cut short", "compare size and listed_size first: a file that is cut short has another checksum, too"),
        Case("one byte is another", [replace(GOOD[0], checksum="9f"), *GOOD[1:]], 150, "changed",
             "the size is right, the checksum is not the listed one"),
        Case("one file has another byte, a later one is shorter",
             [replace(GOOD[0], checksum="9f"), *GOOD[1:3], replace(GOOD[3], size=400, checksum="9f")], 150, "cut short",
             "first the sizes of all files, then the checksums of all; not file by file"),
        Case("no full backup, and a log with another byte", [replace(GOOD[1], checksum="9f"), *GOOD[2:]], 150,
             "changed", "of several problems the first in the list is returned, and this one stands above \"no base\""),
    ],
    "no base to start from": [
        Case("log alone", GOOD[1:], 150, "no base", "log changes a state; without a full backup there is none"),
        Case("the full backup is later than the moment", [full(160), *GOOD[1:]], 150, "no base",
             "a full backup of second 160 holds what was changed after second 150, too: time goes forward only"),
        Case("no files at all", [], 150, "no base", "an empty folder is the commonest backup of all"),
    ],
    "a gap in the log": [
        Case("a piece is missing in the middle", [GOOD[0], GOOD[1], GOOD[3]], 150, "gap",
             "log from 60 to 120 is missing, and the moment lies behind it"),
        Case("the log ends before the moment", GOOD, 200, "gap", "nobody has archived what happened after second 180"),
        Case("the first piece is missing", [full(10), log(60, 180)], 150, "gap",
             "the log must begin where the full backup ends, or earlier"),
        Case("a full backup, no log", [full(0)], 150, "gap", "150 seconds after the full backup are in no file"),
        Case("right in number, not in time", [full(0), log(0, 60), log(61, 120), log(120, 180)], 150, "gap",
             "one second is missing: counting files is not enough"),
    ],
}  # fmt: skip


def judged(group: str, problem: Problem) -> str:
    """Every backup of *group* is judged rightly."""
    for case in CASES[group]:
        came = problem(list(case.files), case.wanted_s)
        if not isinstance(came, str) or came not in ("", *PROBLEMS):
            look = "is there a `return` on every way?" if came is None else ""
            raise Wrong(repr(came), given=case.what, expected=f"'' or one of {', '.join(PROBLEMS)}", look=look)
        if came != case.answer:
            names = ", ".join(one.name for one in case.files) or "nothing"
            said = f"{case.what}: {names}; wanted second {case.wanted_s:g}"
            raise Wrong(repr(came), given=said, expected=repr(case.answer), look=case.look)
    return f"{len(CASES[group])} backups"


PROOF = tuple(Check(group, partial(judged, group)) for group in CASES)
