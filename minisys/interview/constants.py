"""The figures that estimates start from: how long a read, a round trip or a hop takes, and what a month of it costs.

A candidate says "a disk seek takes 10 ms, so the database does a hundred reads a second". The disk has been an SSD for
years, and the answer is off by a factor of a hundred. So the classic figures stand beside recent ones, each with date
and source, and every estimate reads them from one file, `constants.yaml`.

Promised: `constant(name)` is the recent figure in the unit that the name ends with. Not promised: your machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("constants.yaml")


@dataclass(frozen=True)
class Constant:
    """One figure: *what* it is, in which *unit*, the *classic* value (or None) and the *recent* one (or None).

    *measured*: run again on the recent source's date, not a rounded rule. *monthly*: a price for a month.
    """

    name: str
    what: str
    unit: str
    classic: float | None = None
    recent: float | None = None
    measured: bool = False
    monthly: bool = False


@cache
def figures() -> dict[str, Constant]:
    """Every figure by its name, times first, then prices."""
    read = _file()
    rows = [Constant(**row) for row in read["figures"]] + [Constant(**row, monthly=True) for row in read["prices"]]
    return {row.name: row for row in rows}


def source(which: str) -> str:
    """Who says so and when, for "classic" or "recent"."""
    found = _file()["sources"][which]
    return f"{found['who']}, {found['date']}"


def constant(name: str) -> float:
    """The recent figure called *name*, in the unit that the name ends with. Raises ValueError if there is none."""
    found = figures().get(name)
    if found is None or found.recent is None:
        raise ValueError(f"there is no recent figure called {name!r} in {FILE.name}")
    return found.recent


@cache
def _file() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return made
