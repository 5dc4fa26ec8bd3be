"""Where the points of a question go: the learner's progress file, with how sure they were.

Somebody who is sure and wrong learns something else than somebody who guessed. So each answer is kept with its
confidence, and the next run of the same chapter draws other questions.
"""

from __future__ import annotations

from minisys.grading.progress import Progress
from minisys.interview.judge import Asked, Verdict

LEVEL_WORDS = {"junior": "junior level", "mid": "mid level", "senior": "senior level", "staff": "staff level"}
CONFIDENCE = ("", "sure", "fairly sure", "guessing")


def default_seed(chapter: str | int, progress: Progress) -> int:
    """A seed that changes with every answer given, so that the next run is another one."""
    return len(progress.history("question", chapter))


def record(progress: Progress, chapter: str, asked: Asked, verdict: Verdict, confidence: str) -> None:
    """Keep the points of one answer, and how sure its writer was."""
    detail = {"level": asked.question.level, "confidence": confidence}
    progress.record("question", chapter, asked.question.id, verdict.points, 1, detail)
