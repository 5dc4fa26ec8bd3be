"""Reading: "here are twenty minutes of numbers; what happened?" The numbers come from a simulation that really had it.

Everybody can define a retry storm. The pager shows four columns and no definition. Here a room's own simulation runs
with one of several causes in it, drawn by seed; the cause that was put in is the key.

Promised: no two seeds show the same numbers, and the key is never a matter of opinion: the wrong causes would have
shown something else, and each option says what. At most 24 rows, so that a table holds all that a chart shows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from minisys.interview.asked import Asked, Strict, Text
from minisys.interview.readings import SCENARIOS, Played
from minisys.interview.verdict import Verdict, are_places
from minisys.testbed.units import UnclearError


class Cause(Strict):
    """One option: the *cause*'s name in the scenario, the *text* that is shown, and the *sign* that would tell it."""

    cause: Text
    text: Text
    sign: Text


class Reading(Asked):
    """*scenario*: a name of readings.SCENARIOS. *causes*: what may have happened; which of them did is drawn by seed.

    *shows*: the columns that are shown, besides the first; all if none is named.
    """

    type: Literal["reading"]
    scenario: Text
    shows: tuple[Text, ...] = ()
    causes: Annotated[tuple[Cause, ...], Field(min_length=3, max_length=8)]

    @model_validator(mode="after")
    def _is_played(self) -> Reading:
        if self.scenario not in SCENARIOS:
            raise ValueError(f"scenario: there is no {self.scenario!r}; there are {', '.join(SCENARIOS)}")
        known = SCENARIOS[self.scenario]
        if unknown := {each.cause for each in self.causes} - set(known.causes):
            raise ValueError(f"causes: {self.scenario} has no {min(unknown)!r}; it has {', '.join(known.causes)}")
        if len({each.cause for each in self.causes}) < len(self.causes):
            raise ValueError("causes: two are the same")
        if unknown := set(self.shows) - set(known.columns[1:]):
            raise ValueError(f"shows: {self.scenario} has no column {min(unknown)!r}; it has {known.columns[1:]}")
        return self


def drawn(question: Reading, dice: random.Random) -> dict[str, float]:
    """Which cause happened, and with which seed: both by *dice*."""
    return {"cause": dice.randrange(len(question.causes)), "seed": dice.randrange(10**6)}


def play(question: Reading, values: dict[str, float]) -> Played:
    """The run that is shown. The same values give the same numbers in every process."""
    return _played(question.scenario, question.causes[int(values["cause"])].cause, int(values["seed"]))


@lru_cache(maxsize=128)
def _played(scenario: str, cause: str, seed: int) -> Played:
    return SCENARIOS[scenario].play(cause, seed)


def view(question: Reading, order: Sequence[int], values: dict[str, float]) -> dict[str, Any]:
    """What a page needs: {"options": causes in the order drawn, "caption", "columns", "rows", "table"}.

    columns: names with units, the first is the row's label; rows: lists of a label and numbers, to draw a line for each
    column over the rows (or bars, where the labels are no times); table: the same as aligned text, the static twin.
    """
    run = play(question, values)
    columns, rows = _shown(question, run)
    options = [question.causes[i].text for i in order]
    return {"options": options, "caption": run.caption, "columns": columns, "rows": rows, "table": text(columns, rows)}


def judged(question: Reading, order: Sequence[int], values: dict[str, float], answer: Any) -> Verdict:
    """One point for the cause that was put in. Raises UnclearError unless one option is chosen."""
    answer = [answer] if isinstance(answer, int) else answer
    if not are_places(answer, len(order)) or len(answer) != 1:
        raise UnclearError("choose one option")
    chosen, key = order[answer[0]], int(values["cause"])
    notes = tuple(
        ("good" if i == key else "bad" if i == chosen else "note", question.causes[i].text, question.causes[i].sign)
        for i in order
    )
    right, run = question.causes[key], play(question, values)
    said = "Right." if chosen == key else "Not quite."
    return Verdict(float(chosen == key), said, right.text, f"{question.explanation} {run.told}".strip(), notes)


def text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The rows as aligned text, a line each."""
    cells = [list(columns), *([_written(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def _shown(question: Reading, run: Played) -> tuple[list[str], list[list[Any]]]:
    """The columns that the question shows, and the rows with plain numbers."""
    wanted = [0, *(i for i, name in enumerate(run.columns) if i and (not question.shows or name in question.shows))]
    return [run.columns[i] for i in wanted], [[row[i] for i in wanted] for row in run.rows]


def _written(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 100 or cell == int(cell) else f"{cell:.3g}"
