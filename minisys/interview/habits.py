"""How well you know what you know, and how often you came: calibration and streak.

Somebody who says "sure" and is right nine times in ten can trust that word in the interview. The page asks for the
confidence before it shows the answer; here each word stands beside the share of points it earned. The streak counts
days in a row with anything recorded. Promised: both from the progress file alone. Not done: praise.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from minisys.grading.progress import Progress
from minisys.interview.points import CONFIDENCE

HEAD = ("you said", "answers", "points earned")
TOO_SURE, ENOUGH = 0.85, 5  # "sure" should earn this share; said once there were so many answers


@dataclass(frozen=True)
class Habits:
    """*streak* and *longest* in days in a row; *sure* as (confidence, answers, share of the points)."""

    streak: int
    longest: int
    sure: tuple[tuple[str, int, float], ...]

    def rows(self) -> list[tuple[str, str, str]]:
        """The calibration as texts, in the order of HEAD."""
        return [(word or "nothing", str(count), f"{100 * share:.0f} %") for word, count, share in self.sure]

    def said(self) -> str:
        """One line on the streak, and one on being too sure where that can be said."""
        days = (
            f"{self.streak} day{'s' * (self.streak != 1)} in a row (longest: {self.longest})." if self.longest else ""
        )
        told = next(((count, share) for word, count, share in self.sure if word == "sure"), None)
        if told and told[0] >= ENOUGH and told[1] < TOO_SURE:
            days += f" You were sure of {told[0]} answers and earned {100 * told[1]:.0f} % of their points."
        return days.strip()


def habits(progress: Progress | None = None, *, now_s: float | None = None) -> Habits:
    """Streak and calibration. *progress*: default the reader's; *now_s*: seconds since 1970, default now."""
    progress = progress or Progress()
    days = progress.do(
        lambda db: db.execute("SELECT DISTINCT date(at_s, 'unixepoch', 'localtime') FROM event ORDER BY 1").fetchall()
    )
    query = """SELECT json_extract(detail, '$.confidence') AS sure, COUNT(*), AVG(points / out_of) FROM event
               WHERE kind = 'question' AND out_of > 0 AND sure IS NOT NULL GROUP BY sure"""
    told = {
        str(word): (int(count), float(share))
        for word, count, share in progress.do(lambda db: db.execute(query).fetchall())
    }
    today = datetime.fromtimestamp(time.time() if now_s is None else now_s).date()
    streak, longest = streaks([date.fromisoformat(day) for (day,) in days], today)
    order = [word for word in (*CONFIDENCE[1:], "") if word in told]
    return Habits(streak, longest, tuple((word, *told[word]) for word in order))


def streaks(days: Sequence[date], today: date) -> tuple[int, int]:
    """Days in a row up to *today* (or yesterday: today is not over), and the most ever; *days* ascend."""
    run = longest = current = 0
    before = date.min
    for day in days:
        run = run + 1 if day - before == timedelta(days=1) else 1
        longest, before = max(longest, run), day
        if day in (today, today - timedelta(days=1)):
            current = run
    return current, longest
