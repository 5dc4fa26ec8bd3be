"""What the answers say: points by family and level, and what to study next.

After sixty questions nobody remembers which ones went wrong. The table shows the family that is behind; the note below
it names the next round, and links the chapters of what was missed.

Promised: it counts the best answer to each question, as the board does. Not done: forgetting. A question that was right
a month ago still counts as right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import pandas as pd

from minisys.grading.progress import Progress
from minisys.grading.report import Shown
from minisys.interview import library
from minisys.interview.families import FAMILIES, HEAD, LEVELS, Standing, added, best, rows, standing
from minisys.interview.points import LEVEL_WORDS
from minisys.testbed.tables import Table, table

ENOUGH = 0.8  # of a level's points, before the next level is proposed
MISSED = 5  # questions that are named


def by_family(progress: Progress | None = None) -> Table:
    """Points by family and level, and how much of the bank was answered. *progress*: default the reader's."""
    found = standing(progress or Progress())
    there = Counter(item.question.family for item in library.items())
    answered = [f"{added(found, family).out_of:g} of {there[family]}" for family in FAMILIES]
    frame = pd.DataFrame(rows(found), columns=list(HEAD)).assign(**{"questions answered": answered})
    return table(frame, caption="Your points by family and level, the best answer to each question")


def weakest(found: Standing) -> tuple[str, str]:
    """Family and level to ask next: the family with the lowest share, at its first level below ENOUGH."""

    def share(family: str, level: str | None = None) -> float:
        points = added(found, family, level)
        return points.got / points.out_of if points.out_of else 0.0

    family = min(FAMILIES, key=share)
    return family, next((level for level in LEVELS if share(family, level) < ENOUGH), LEVELS[-1])


@dataclass(frozen=True, repr=False)
class Study(Shown):
    """What to do next: a round to ask for, and goals that were *missed* as (goal, chapter, its notebook)."""

    family: str
    level: str
    missed: tuple[tuple[str, str, str], ...]

    def headline(self) -> str:
        """One line: the next round."""
        return f"Next round: {FAMILIES[self.family]}, {LEVEL_WORDS[self.level]}"  # type: ignore[index]

    def call(self) -> str:
        """The code that asks it."""
        return f'workbook(family="{self.family}", level="{self.level}")'

    def text(self) -> str:
        lines = [f"  {goal} (chapter {chapter})" for goal, chapter, _ in self.missed]
        return "\n".join([f"{self.headline()}: {self.call()}", *(["Worth another look:", *lines] if lines else [])])

    def html(self) -> str:
        links = "".join(
            f'<li>{escape(goal)} (<a href="{escape(file)}">chapter {chapter}</a>)</li>'
            for goal, chapter, file in self.missed
        )
        look = f"<p>Worth another look:</p><ul>{links}</ul>" if links else ""
        return (
            f'<section class="ms-card"><p><strong>{escape(self.headline())}.</strong> Choose it above, or '
            f"<code>{escape(self.call())}</code>.</p>{look}</section>"
        )


def study(progress: Progress | None = None) -> Study:
    """The next round, and up to five questions that were missed, the worst first. *progress*: default the reader's."""
    progress = progress or Progress()
    family, level = weakest(standing(progress))
    return Study(family, level, tuple(_missed(progress))[:MISSED])


def _missed(progress: Progress) -> Iterator[tuple[str, str, str]]:
    """Goal, chapter and notebook of each question that never got its full points and is still in the bank."""
    bank = {(item.chapter, item.question.id): item.question.goal for item in library.items()}
    for entry in sorted(best(progress), key=lambda entry: entry.points / entry.out_of):
        if entry.points < entry.out_of and (entry.chapter, entry.item) in bank:
            yield bank[entry.chapter, entry.item], entry.chapter, library.notebook(entry.chapter)
