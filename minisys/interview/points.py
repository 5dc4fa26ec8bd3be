"""Where the points of a question go: the learner's progress file, with how sure they were.

Somebody who is sure and wrong learns something else than somebody who guessed. So each answer is kept with its
confidence, and the next run draws other questions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minisys.grading.progress import Progress
from minisys.interview import repetition

if TYPE_CHECKING:  # the board reads the words below, and need not wait for the bank
    from minisys.interview.judge import Asked, Verdict

LEVEL_WORDS = {"junior": "junior level", "mid": "mid level", "senior": "senior level", "staff": "staff level"}
CONFIDENCE = ("", "sure", "fairly sure", "guessing")


def default_seed(chapter: str | int | None, progress: Progress) -> int:
    """A seed that changes with every answer given in *chapter* (None: in any), so that the next run is another one."""
    return len(progress.history("question", chapter))


def record(progress: Progress, chapter: str, asked: Asked, verdict: Verdict, confidence: str) -> None:
    """Keep the points of one answer under its own *chapter*, and how sure its writer was: a review of its card."""
    question = asked.question
    detail = {"family": question.family, "level": question.level, "confidence": confidence}
    progress.record("question", chapter, question.id, verdict.points, 1, detail)
    repetition.catch_up(progress)


def about(chapter: str | int | None, **filters: str | None) -> str:
    """What is asked, in words: "chapter 03", or "all chapters, family data, level senior"."""
    place = "all chapters" if chapter is None else f"chapter {str(chapter).zfill(2)}"
    return ", ".join([place, *(f"{name} {word}" for name, word in filters.items() if word)])
