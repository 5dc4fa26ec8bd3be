"""Questions from the whole bank, by family, level and kind: what chapter 15 and the last week before an interview need.

"Ask me something hard about sharding." The chapters' quizzes go through one chapter each; an interviewer does not.
`workbook(family="data", level="senior")` asks over all chapters, `chooser()` puts drop-downs and a button above such
questions, so that nobody has to edit code.

Promised: each answer is kept under the question's own chapter; everything works from the keyboard; the page never holds
a key. Not done: choosing for the reader; `results.study()` says what is weakest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minisys.grading.progress import Progress
from minisys.interview import library, own, repetition
from minisys.interview.families import FAMILIES, LEVELS
from minisys.interview.page import Quiz
from minisys.interview.points import LEVEL_WORDS, about, default_seed
from minisys.testbed.units import UnclearError

KIND_WORDS = {
    "choice": "options",
    "number": "numbers",
    "drill": "estimates",
    "ordering": "orderings",
    "matching": "pairs to match",
    "reading": "charts to read",
    "design": "designs to draw",
    "open": "own words",
}


class Chooser(Quiz):
    """A quiz whose questions are chosen in the page; `chooser()` makes one."""

    def __init__(self, count: int, seed: int | None, progress: Progress) -> None:
        super().__init__(about(None), (), 0, progress)
        self._count, self._given_seed, self._pressed = count, seed, 0
        self._view = {"view": "choose"}
        self.choices = {"family": list(FAMILIES.items()), "level": [[name, LEVEL_WORDS[name]] for name in LEVELS],
                        "kind": list(KIND_WORDS.items())}  # fmt: skip

    def _choose(self, content: Mapping[str, Any]) -> None:
        """Ask what the drop-downs say; an empty one leaves it open. Each press asks other questions."""
        filters = {name: str(content.get(name) or "") or None for name in self.choices}
        seed = default_seed(None, self._progress) if self._given_seed is None else self._given_seed
        try:
            chosen = library.choose(own.every(), self._count, **filters, seed=seed + self._pressed)
        except ValueError as problem:
            raise UnclearError(str(problem)) from None
        self._begin(chosen, seed + self._pressed)
        self._pressed += 1

    def _heading(self) -> str:
        return f"{len(own.every())} questions of {self.about}, to choose from by family, level and kind"


def workbook(
    family: str | None = None,
    level: str | None = None,
    kind: str | None = None,
    count: int = 8,
    seed: int | None = None,
) -> Quiz:
    """*count* questions over all chapters: of one *family*, *level* and *kind*, each left open if None.

    Families: scale, consistency, balancing, data, resilience. Levels: junior, mid, senior, staff. Kinds: choice,
    number, drill (a number with worked steps), ordering, matching, reading (a chart), design, open. The same *seed*
    asks the same questions; without one each new run draws others. Raises ValueError for an unknown word, a count
    below 1, or if no question is left.
    """
    progress, filters = Progress(), {"family": family, "level": level, "kind": kind}
    seed = default_seed(None, progress) if seed is None else seed
    chosen = library.choose(own.every(), count, **filters, seed=seed)
    return Quiz(about(None, **filters), chosen, seed, progress)


def due(count: int = repetition.DAY) -> Quiz | repetition.Queue:
    """Today's queue: up to *count* questions that are due to be repeated; a line that says so when none is.

    Raises ValueError for a count below 1.
    """
    progress = Progress()
    chosen = due_items(count, progress)
    if not chosen:
        return repetition.queue(progress, known=own.known())
    return Quiz("today's queue", chosen, default_seed(None, progress), progress)


def due_items(count: int, progress: Progress) -> tuple[library.Item, ...]:
    """Up to *count* of the questions that are due, the longest overdue first. Raises ValueError for a count below 1."""
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    cards = repetition.queue(progress, known=own.known()).cards
    there = {(item.chapter, item.question.id): item for item in own.every()} if cards else {}
    return tuple(there[card[:2]] for card in cards if card[:2] in there)[:count]


def chooser(count: int = 8, seed: int | None = None) -> Chooser:
    """Drop-downs for family, level and kind, and a button that asks *count* questions of what they say.

    *seed* is for a run that can be repeated. Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    return Chooser(count, seed, Progress())
