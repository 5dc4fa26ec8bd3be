"""Which questions come again today: spaced repetition over everything that was ever answered.

"I knew this in March." A right answer is forgotten along a curve, and the cheapest moment to ask again is shortly
before it is gone. Each judged answer is a review of its question: points and confidence become one of FSRS's four
grades, and FSRS says when nine out of ten people would still know it. What is due is today's queue.

Promised: the answers in the progress file are the truth; the cards are computed from them, once each, whichever kernel
comes first, so a file from before there were cards, or one just merged, has its queue too. Same-day steps are left out:
a question comes back tomorrow at the earliest. Not done: weights fitted to one reader; those are FSRS's own defaults.
Source: the `fsrs` package (FSRS-6, open-spaced-repetition).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from minisys.grading.progress import Progress
from minisys.grading.report import Shown
from minisys.interview.families import FAMILIES

if TYPE_CHECKING:
    from fsrs import Scheduler

RETENTION = 0.9  # the share still known when a question comes again
GRADES = ("again", "hard", "good", "easy")  # FSRS's ratings 1 to 4
DAY = 20  # questions proposed for one day
CARD = "chapter, item, family, due_s, last_s, stability, difficulty"


class Card(NamedTuple):
    """When a question comes again: times in seconds since 1970, *stability* in days, *difficulty* from 1 to 10."""

    chapter: str
    item: str
    family: str
    due_s: float
    last_s: float
    stability: float
    difficulty: float


def grade(share: float, confidence: str = "") -> str:
    """One of GRADES for an answer that got *share* of its points (0 to 1), given with this *confidence*.

    Below 60 % is "again", however sure; below all is "hard", and so is a right guess; right and sure is "easy".
    Raises ValueError for a share outside 0 to 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share must lie between 0 and 1, not {share!r}")
    if share < 0.6:
        return "again"
    if share < 1.0 or confidence == "guessing":
        return "hard"
    return "easy" if confidence == "sure" else "good"


def catch_up(progress: Progress) -> None:
    """Review the cards of every answer that came since the last time; cheap when there is none.

    In one transaction: two kernels that catch up at once review each answer once.
    """

    def behind(db: sqlite3.Connection) -> bool:
        return _last(db) > _seen(db)

    def work(db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        last, seen = _last(db), _seen(db)
        query = "SELECT chapter, item, at_s, points, out_of, detail FROM event WHERE kind = 'question' AND id > ?"
        for chapter, item, at_s, points, out_of, detail in db.execute(f"{query} ORDER BY at_s, id", (seen,)).fetchall():
            told = json.loads(detail)
            found = db.execute(f"SELECT {CARD} FROM card WHERE chapter = ? AND item = ?", (chapter, item)).fetchone()
            before = Card(*found) if found else Card(chapter, item, str(told.get("family", "")), 0, 0, 0, 0)
            card = review(before, grade(points / out_of if out_of else 0.0, str(told.get("confidence", ""))), at_s)
            db.execute("INSERT OR REPLACE INTO card VALUES (?, ?, ?, ?, ?, ?, ?)", card)
        db.execute("INSERT OR REPLACE INTO mark VALUES ('reviewed', ?)", (str(last),))

    if progress.do(behind):
        progress.do(work)


def review(card: Card, graded: str, at_s: float) -> Card:
    """*card* after an answer graded so (see GRADES) at *at_s*; a card with stability 0 was never asked before."""
    import fsrs  # a tenth of a second, which the board need not wait for

    at = datetime.fromtimestamp(max(at_s, card.last_s), UTC)
    asked = fsrs.Card(card_id=0, state=fsrs.State.Learning, due=at)
    if card.stability:
        last = datetime.fromtimestamp(card.last_s, UTC)
        asked = fsrs.Card(0, fsrs.State.Review, None, card.stability, card.difficulty, at, last)
    after, _ = _scheduler().review_card(asked, fsrs.Rating(GRADES.index(graded) + 1), at)
    assert after.stability is not None and after.difficulty is not None
    return card._replace(
        due_s=after.due.timestamp(), last_s=at.timestamp(), stability=after.stability, difficulty=after.difficulty
    )


def end_of_day(now_s: float) -> float:
    """The next midnight, local time, in seconds since 1970."""
    today = datetime.fromtimestamp(now_s).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp()


@dataclass(frozen=True, repr=False)
class Queue(Shown):
    """Today's queue: the *cards* that are due, the longest overdue first, and when the *next* one is (s, or None)."""

    cards: tuple[Card, ...]
    next_s: float | None = None

    def headline(self) -> str:
        """One line: how many are due, of which families; otherwise when the next one is."""
        if self.cards:
            families = Counter(card.family for card in self.cards)
            parts = [f"{FAMILIES.get(name, 'your own')}: {n}" for name, n in families.most_common()]  # type: ignore[call-overload]
            count = len(self.cards)
            return f"{count} question{'s' * (count > 1)} to repeat today ({', '.join(parts)})"
        if self.next_s is None:
            return "Nothing to repeat yet: answer some questions first"
        return f"Nothing to repeat today; the next question comes on {datetime.fromtimestamp(self.next_s):%-d %B %Y}"

    def text(self) -> str:
        how = "Ask them: workbook.due() in a notebook, `minisys quiz --due` in a terminal."
        return f"{self.headline()}. {how}" if self.cards else f"{self.headline()}."

    def html(self) -> str:
        how = "Ask them with <code>workbook.due()</code>, or <code>minisys quiz --due</code> in a terminal."
        return (
            f'<section class="ms-card ms-queue"><p><strong>{escape(self.headline())}.</strong>'
            f"{f' {how}' if self.cards else ''}</p></section>"
        )


def queue(
    progress: Progress | None = None, *, now_s: float | None = None, known: Iterable[tuple[str, str]] | None = None
) -> Queue:
    """What is due until tonight. *progress*: default the reader's; *now_s*: seconds since 1970, default now.

    With *known*, (chapter, id) pairs, only cards of these questions count: a question may have left the bank.
    """
    progress, now_s = progress or Progress(), time.time() if now_s is None else now_s
    catch_up(progress)
    tonight = end_of_day(now_s)
    rows = progress.do(
        lambda db: db.execute(f"SELECT {CARD} FROM card WHERE due_s < ? ORDER BY due_s, item", (tonight,)).fetchall()
    )
    later = progress.do(lambda db: db.execute("SELECT MIN(due_s) FROM card WHERE due_s >= ?", (tonight,)).fetchone())
    there = None if known is None else set(known)
    cards = (Card(*row) for row in rows)
    return Queue(tuple(card for card in cards if there is None or card[:2] in there), later[0])


def forget_cards(db: sqlite3.Connection) -> None:
    """Have all cards computed anew from the answers: for those that add old answers to the file."""
    db.execute("DELETE FROM card")
    db.execute("DELETE FROM mark WHERE name = 'reviewed'")


@cache
def _scheduler() -> Scheduler:
    from fsrs import Scheduler

    return Scheduler(desired_retention=RETENTION, learning_steps=(), relearning_steps=(), enable_fuzzing=False)


def _last(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT COALESCE(MAX(id), 0) FROM event WHERE kind = 'question'").fetchone()[0])


def _seen(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM mark WHERE name = 'reviewed'").fetchone()
    return int(row[0]) if row else 0
