"""How somebody stands in the families: the best answer to each question, once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from minisys.grading.progress import Points, Progress
from minisys.interview.families import FAMILIES, HEAD, added, best, rows, standing


@pytest.fixture
def progress(tmp_path):
    made = Progress(tmp_path / "progress.sqlite3")
    for chapter, item, points, family, level in (
        ("03", "a", 0.5, "data", "mid"), ("03", "a", 1, "data", "mid"), ("03", "a", 0, "data", "mid"),
        ("15", "a", 0.25, "data", "staff"), ("15", "b", 0, "scale", "junior"),
    ):  # fmt: skip
        made.record("question", chapter, item, points, 1, {"family": family, "level": level})
    made.record("question", "03", "old", 1, 1, {"level": "mid"})
    made.record("lab", "03", "1", 2, 2, {"family": "data"})
    return made


def test_each_question_counts_once_with_its_best_answer(progress):
    assert [(entry.chapter, entry.item, entry.points) for entry in best(progress)] == [
        ("03", "a", 1), ("15", "a", 0.25), ("15", "b", 0),
    ]  # fmt: skip


def test_points_are_added_up_by_family_and_level(progress):
    found = standing(progress)
    expected = {("data", "mid"): (1, 1), ("data", "staff"): (0.25, 1), ("scale", "junior"): (0, 1)}
    assert found == {place: Points(*points) for place, points in expected.items()}
    assert added(found, "data") == (1.25, 2) and added(found, "data", "mid") == (1, 1)
    assert added(found, "consistency") == (0, 0)


def test_the_table_has_a_row_for_each_family_and_a_dash_where_nothing_was_answered(progress):
    table = {name: cells for name, *cells in rows(standing(progress))}
    assert list(table) == list(FAMILIES.values()) and HEAD == ("family", "junior", "mid", "senior", "staff", "all")
    assert table[FAMILIES["data"]] == ["–", "1 of 1", "–", "0.25 of 1", "1.25 of 2"]
    assert table[FAMILIES["balancing"]] == ["–"] * 5


def test_the_board_does_not_wait_for_the_bank():
    program = "import sys, minisys.grading.board; print({'yaml', 'pint', 'pydantic', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
