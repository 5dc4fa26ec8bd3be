"""What the answers say, and what to study next."""

from __future__ import annotations

import pytest

from minisys.grading.progress import Points, Progress
from minisys.interview import library, results
from minisys.interview.families import FAMILIES, LEVELS


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "progress.sqlite3")


def answer(progress, name, points):
    """Record *points* for the question called *name*, as a quiz does."""
    chapter, question = next(item for item in library.items() if item.question.id == name)
    progress.record("question", chapter, name, points, 1, {"family": question.family, "level": question.level})


def test_a_new_reader_begins_with_the_first_family_at_the_first_level(progress):
    study = results.study(progress)
    assert (
        str(study) == 'Next round: design for millions of users, junior level: workbook(family="scale", level="junior")'
    )
    assert "0 of " in str(results.by_family(progress)) and " of 1 " not in str(results.by_family(progress))


def test_results_count_what_was_answered_of_what_there_is(progress):
    answer(progress, "wb-partition-choice", 1)
    answer(progress, "wb-drill-stale", 0.5)
    there = sum(item.question.family == "consistency" for item in library.items())
    row = next(line for line in str(results.by_family(progress)).splitlines() if FAMILIES["consistency"] in line)
    assert row.split(FAMILIES["consistency"])[1].split() == [
        "1", "of", "1", "–", "0.5", "of", "1", "–", "1.5", "of", "2", "2", "of", str(there),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, ("scale", "junior")),
        ({("scale", "junior"): (1, 1)}, ("consistency", "junior")),
        ({(f, "junior"): (4, 4) for f in FAMILIES} | {("data", "junior"): (7, 10)}, ("data", "junior")),
        ({(f, "junior"): (9, 10) for f in FAMILIES} | {("data", "junior"): (8, 10)}, ("data", "mid")),
        ({(f, level): (1, 1) for f in FAMILIES for level in LEVELS}, ("scale", "staff")),
    ],
)
def test_the_next_round_is_in_the_weakest_family_at_its_first_weak_level(found, expected):
    assert results.weakest({place: Points(*points) for place, points in found.items()}) == expected


def test_what_was_missed_is_named_worst_first_with_a_link_to_its_chapter(progress):
    answer(progress, "wb-drill-stale", 0.5)
    answer(progress, "lb-drain-needs", 0)
    answer(progress, "av-series", 1)
    study = results.study(progress)
    goals = [goal for goal, *_ in study.missed]
    assert goals == ["know what a deployment without failed requests needs", "estimate stale reads of a partial quorum"]
    assert '<a href="03_load_balancing.ipynb">chapter 03</a>' in study.html()
    assert '<a href="15_interview_workbook.ipynb">chapter 15</a>' in study.html()
    answer(progress, "lb-drain-needs", 1)
    assert len(results.study(progress).missed) == 1


def test_no_more_than_five_are_named_and_questions_that_are_gone_are_not(progress):
    for item in library.items("03")[:9]:
        answer(progress, item.question.id, 0)
    progress.record("question", "03", "gone", 0, 1, {"family": "data", "level": "mid"})
    missed = results.study(progress).missed
    assert len(missed) == 5 and all(chapter == "03" for _, chapter, _ in missed)


def test_a_goal_gives_no_answer_away():
    """The study list shows goals before the question comes again."""
    for item in library.items():
        right = [option.text for option in getattr(item.question, "options", ()) if option.right]
        assert not any(text.lower() in item.question.goal.lower() for text in right), item.question.id
