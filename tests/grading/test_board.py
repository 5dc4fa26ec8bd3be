"""The progress board: what is done, and the next step."""

from __future__ import annotations

import json

import pytest

from minisys.grading import board as board_module
from minisys.grading import checks
from minisys.grading.board import board
from minisys.grading.checks import Check, Task
from minisys.grading.progress import Progress

TASKS = tuple(Task(n, f"Task {n}", (Check("one", print), Check("two", print))) for n in (1, 2))


@pytest.fixture
def folder(tmp_path):
    titles = {"00_welcome": "# Welcome", "01_scaling": "# 01 · How <fast>?", "03_balancing": "# Chapter 03: Who?"}
    for stem, title in titles.items():
        cells = [{"cell_type": "markdown", "source": [title, "\ntext"]}]
        (tmp_path / f"{stem}.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    (tmp_path / "04_broken.ipynb").write_text("half a file")
    (tmp_path / "notes.ipynb").write_text("{}")
    return tmp_path


@pytest.fixture
def progress(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "labs", lambda: ["03"])
    monkeypatch.setattr(checks, "tasks_of", lambda lab: TASKS)
    return Progress(tmp_path / "progress.sqlite3")


def test_a_new_reader_is_sent_to_the_first_chapter(folder, progress):
    shown = board(folder, progress)
    assert shown.headline() == "0 of 4 chapters done. Next step: open chapter 00: Welcome"
    lines = str(shown).splitlines()
    assert lines[1].split() == ["chapter", "what", "predictions", "questions", "lab", "state"]
    assert lines[3].startswith("01       How <fast>?")
    assert "Broken" in lines[5]
    assert all("not started" in line for line in lines[2:])


def test_titles_lose_their_number(folder, progress):
    assert [row.title for row in board(folder, progress).rows] == ["Welcome", "How <fast>?", "Who?", "Broken"]


def test_a_started_lab_is_the_next_step_down_to_its_task(folder, progress):
    progress.record("prediction", "00", "first")
    progress.record("lab", 3, 1, 2, 2)
    shown = board(folder, progress)
    assert shown.next_step() == ("lab 03, task 2", "../labs/03_balancing.ipynb")
    assert "2 of 4 checks" in str(shown) and "started" in str(shown)
    assert '<a href="../labs/03_balancing.ipynb">lab 03, task 2</a>' in shown.html()


def test_a_chapter_is_done_when_every_lab_check_passed(folder, progress):
    progress.record("prediction", "00", "first")
    progress.record("question", "01", "q1", 3, 4)
    progress.record("lab", 3, 1, 2, 2)
    progress.record("lab", 3, 2, 2, 2)
    assert board(folder, progress).rows[1].state == "started"  # nothing was predicted there yet
    progress.record("prediction", "01", "first")
    shown = board(folder, progress)
    assert [row.state for row in shown.rows] == ["done", "done", "done", "not started"]
    assert shown.headline().endswith("Next step: open chapter 04: Broken")
    assert "3 of 4 points" in str(shown)


def test_a_chapter_without_a_lab_is_not_done_by_wrong_answers(folder, progress):
    progress.record("question", "01", "q1", 1, 4)
    shown = board(folder, progress)
    assert shown.rows[1].state == "started" and "go on with chapter 01" in shown.headline()


def test_predictions_start_a_chapter(folder, progress):
    progress.record("prediction", "03", "p99", detail={"value": 3})
    progress.record("prediction", "03", "p99", detail={"value": 4})
    row = board(folder, progress).rows[2]
    assert (row.predictions, row.state) == (1, "started")
    assert board(folder, progress).next_step()[1] == "03_balancing.ipynb"


def test_the_table_is_accessible_and_escaped(folder, progress):
    html = board(folder, progress)._repr_mimebundle_()["text/html"]
    assert "<caption>Your progress, chapter by chapter</caption>" in html
    assert html.count('<th scope="col">') == 6 and html.count('<th scope="row">') == 4
    assert "How &lt;fast&gt;?" in html and "<fast>" not in html


def test_points_by_family_and_level_come_below_once_a_question_was_answered(folder, progress):
    assert "family" not in str(board(folder, progress)) and "family" not in board(folder, progress).html()
    progress.record("question", "03", "a", 0.5, 1, {"family": "data", "level": "mid"})
    progress.record("question", "15", "b", 1, 1, {"family": "data", "level": "staff"})
    shown = board(folder, progress)
    lines = str(shown).splitlines()
    assert lines[-1].startswith("2 questions to repeat today") or "comes on" in lines[-1]
    assert lines[-2] == "1 day in a row (longest: 1)."
    lines = lines[:-2]
    assert lines[-6].split() == ["family", "junior", "mid", "senior", "staff", "all"]
    assert lines[-2].split() == [
        *"sharding, replication and caching".split(),
        "–",
        *"0.5 of 1 – 1 of 1 1.5 of 2".split(),
    ]
    html = shown.html()
    assert "<caption>Your points in questions, by family and level</caption>" in html
    assert html.count('<th scope="col">') == 12 and html.count('<th scope="row">') == 9


def test_a_folder_without_chapters_is_an_error_that_says_what_to_do(tmp_path, progress):
    with pytest.raises(ValueError, match="no chapter .* open the course's own folder"):
        board(tmp_path / "nowhere", progress)


def test_by_default_the_current_folder_is_read_if_it_holds_chapters(folder, progress, monkeypatch):
    monkeypatch.chdir(folder)
    assert len(board(progress=progress).rows) == 4
    monkeypatch.chdir("/")
    monkeypatch.setattr(board_module, "NOTEBOOKS", folder)
    assert len(board(progress=progress).rows) == 4
