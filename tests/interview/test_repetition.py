"""Spaced repetition: every answer a review, one queue a day, whatever the file has been through."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.grading.progress import SCHEMA, Progress
from minisys.interview import habits, repetition
from minisys.interview.repetition import Card, catch_up, grade, queue, review

DAY = 86_400.0
NOON = datetime(2026, 11, 20, 12).timestamp()
ROW = "INSERT INTO event VALUES (NULL, ?, 'question', ?, ?, ?, 1, ?)"
TOLD = '{"family": "data", "level": "mid", "confidence": "%s"}'


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "progress.sqlite3")


def answered(progress, *rows):
    """Answers as they would have been kept: (days after NOON, item, points, confidence)."""
    kept = [(NOON + days * DAY, "03", item, points, TOLD % sure) for days, item, points, sure in rows]
    progress.do(lambda db: db.executemany(ROW, kept))


def items(found):
    return [card.item for card in found.cards]


@pytest.mark.parametrize(
    ("share", "sure", "expected"),
    [(0, "sure", "again"), (0.59, "", "again"), (0.6, "sure", "hard"), (0.99, "", "hard"), (1, "guessing", "hard"),
     (1, "fairly sure", "good"), (1, "", "good"), (1, "sure", "easy")],
)  # fmt: skip
def test_points_and_confidence_make_the_grade(share, sure, expected):
    assert grade(share, sure) == expected


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        grade(share)


def test_the_better_the_answer_the_later_the_question_comes_again():
    new = Card("03", "a", "data", 0, 0, 0, 0)
    due = [review(new, graded, NOON).due_s for graded in repetition.GRADES]
    assert due == sorted(due) and due[0] >= NOON + DAY and due[-1] > due[-2] > due[0]


@given(st.lists(st.tuples(st.sampled_from(repetition.GRADES), st.floats(0, 400)), min_size=1, max_size=20))
def test_whatever_is_answered_a_card_comes_tomorrow_at_the_earliest_and_stays_in_range(steps):
    card, at_s = Card("03", "a", "data", 0, 0, 0, 0), NOON
    for graded, days in steps:
        at_s += days * DAY
        card = review(card, graded, at_s)
        assert card.due_s >= at_s + DAY - 1 and card.stability > 0 and 1 <= card.difficulty <= 10


def test_two_right_answers_take_a_card_further_than_one():
    once = review(Card("03", "a", "data", 0, 0, 0, 0), "good", NOON)
    twice = review(once, "good", once.due_s)
    assert twice.due_s - once.due_s > once.due_s - NOON
    assert review(once, "again", once.due_s).due_s < twice.due_s


def test_the_queue_holds_what_is_due_until_midnight_the_longest_overdue_first(progress):
    answered(progress, (0, "wrong", 0, "sure"), (1, "half", 0.7, ""), (0, "right", 1, "sure"))
    assert items(queue(progress, now_s=NOON)) == []
    assert items(queue(progress, now_s=NOON + DAY)) == ["wrong"]
    assert items(queue(progress, now_s=NOON + 3 * DAY)) == ["wrong", "half"]
    later = queue(progress, now_s=NOON + 30 * DAY)
    assert items(later) == ["wrong", "half", "right"]
    assert later.headline() == "3 questions to repeat today (sharding, replication and caching: 3)"
    assert "minisys quiz --due" in str(later) and "<code>workbook.due()</code>" in later.html()
    assert items(queue(progress, now_s=NOON + 30 * DAY, known=[("03", "half"), ("04", "wrong")])) == ["half"]


def test_an_empty_queue_says_when_the_next_question_comes(progress):
    assert str(queue(progress, now_s=NOON)) == "Nothing to repeat yet: answer some questions first."
    answered(progress, (0, "a", 0, ""))
    assert str(queue(progress, now_s=NOON)) == "Nothing to repeat today; the next question comes on 21 November 2026."


def test_catching_up_later_or_in_steps_gives_the_same_cards(progress, tmp_path):
    other = Progress(tmp_path / "other.sqlite3")
    rows = [(0, "a", 0, ""), (1, "a", 1, "sure"), (1, "b", 0.6, ""), (9, "a", 1, "guessing")]
    answered(other, *rows)
    for row in rows:
        answered(progress, row)
        catch_up(progress)
    assert queue(progress, now_s=NOON + 99 * DAY) == queue(other, now_s=NOON + 99 * DAY)


def test_a_file_from_before_there_were_cards_gets_its_queue_and_keeps_its_rows(tmp_path):
    path = tmp_path / "progress.sqlite3"
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(SCHEMA[0])
        old.execute("PRAGMA user_version = 1")
        old.execute(ROW, (NOON, "03", "a", 0.0, TOLD % ""))
        old.execute(ROW, (NOON, "03", "unclear", 0.0, "{}"))  # kept before questions had families
    progress = Progress(path)
    assert items(queue(progress, now_s=NOON + 2 * DAY)) == ["a", "unclear"]
    assert "your own: 1" in queue(progress, now_s=NOON + 2 * DAY).headline()
    assert len(progress.history()) == 2 and progress.notice == ""


def test_two_kernels_at_once_review_each_answer_once(progress, tmp_path):
    answered(progress, *((n / 10, f"q{n % 7}", n % 2, "") for n in range(200)))
    program = (
        "import sys; from minisys.grading.progress import Progress; from minisys.interview import repetition\n"
        "print(len(repetition.queue(Progress(sys.argv[1]), now_s=4e9).cards))"
    )
    command = [sys.executable, "-c", program, str(progress.path)]
    kernels = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [kernel.communicate(timeout=60)[0].strip() for kernel in kernels] == ["7"] * 3
    other = Progress(tmp_path / "other.sqlite3")
    answered(other, *((n / 10, f"q{n % 7}", n % 2, "") for n in range(200)))
    assert queue(progress, now_s=NOON) == queue(other, now_s=NOON)


def test_a_damaged_file_is_set_aside_and_the_queue_goes_on(progress, capsys):
    answered(progress, (0, "a", 0, ""))
    progress.path.write_bytes(b"half a file, and no database" * 100)
    assert queue(progress, now_s=NOON + 2 * DAY).cards == ()
    assert "was damaged" in capsys.readouterr().err
    assert len(list(progress.path.parent.glob("*-damaged-*"))) == 1


def test_habits_say_how_sure_and_how_many_days(progress):
    answered(progress, *((n, f"q{n}", n % 2, "sure") for n in range(6)), (5, "z", 1, "guessing"), (9, "y", 1, ""))
    found = habits.habits(progress, now_s=NOON + 10 * DAY)
    assert (found.streak, found.longest) == (1, 6)
    assert found.rows() == [("sure", "6", "50 %"), ("guessing", "1", "100 %"), ("nothing", "1", "100 %")]
    assert found.said() == ("1 day in a row (longest: 6). You were sure of 6 answers and earned 50 % of their points.")
    assert habits.habits(progress, now_s=NOON + 20 * DAY).streak == 0


def test_without_a_row_there_is_nothing_to_say(progress):
    assert habits.habits(progress).said() == "" and habits.habits(progress).rows() == []
