"""Chapter 15 under a reader's hands: choose by keyboard, a drill with its working, an open answer, the results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from minisys.interview import library
from minisys.interview.families import FAMILIES, LEVELS

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "notebooks/15_interview_workbook.ipynb"
SAID = "A key is stored before the first attempt, and every attempt carries it to the provider."

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chapter(lab):
    """The chapter, opened and run to its end."""
    notebook = lab.open(CHAPTER)
    notebook.run_all(limit_s=120)
    yield notebook
    notebook.page.close()


@pytest.fixture(scope="module")
def chooser(chapter):
    """The card with the drop-downs."""
    card = chapter.page.locator(".ms-quiz", has=chapter.page.locator(".ms-choose"))
    card.scroll_into_view_if_needed()
    return card


def ask(chapter, chooser, **words):
    """Choose with the keyboard alone: each drop-down by the first letters of its word, then Enter on the button."""
    for name in ("family", "level", "kind"):
        chooser.locator(f"select[name={name}]").focus()
        chapter.page.keyboard.press("Home")
        if name in words:
            chapter.page.keyboard.type(words[name])
    chooser.get_by_role("button", name="Ask me").focus()
    chapter.page.keyboard.press("Enter")
    chooser.locator(".ms-kicker", has_text="Question 1 of").wait_for(timeout=10_000)


def commit(chapter, chooser):
    """Press Enter on Commit, and wait for what the kernel sends."""
    chooser.get_by_role("button", name="Commit").focus()
    chapter.page.keyboard.press("Enter")


def test_it_runs_to_its_end_and_fits_the_window(chapter):
    assert chapter.errors() == [] and chapter.outputs_too_wide() == []


def test_the_chooser_waits_for_the_reader(chapter, chooser):
    chooser.get_by_text("press Ask me").wait_for(timeout=5000)  # drawn once it has been scrolled to
    assert chooser.locator("select").count() == 3
    chapter.picture("chooser", chooser)


def test_a_drill_is_chosen_and_answered_by_keyboard_and_shows_its_working(chapter, chooser):
    ask(chapter, chooser, family="sharding", level="junior", kind="estimates")
    assert "junior level · sharding, replication and caching" in chooser.locator(".ms-kicker").first.inner_text()
    assert chooser.locator(".ms-working").count() == 0
    chooser.locator("form input[type=text]").focus()
    chapter.page.keyboard.type("0.001")
    commit(chapter, chooser)
    chooser.locator(".ms-working tr").first.wait_for(timeout=5000)
    assert "You said 0.001" in chooser.inner_text()
    chapter.picture("working", chooser.locator(".ms-working"))


def test_an_open_answer_is_committed_before_the_rubric_comes(chapter, chooser):
    ask(chapter, chooser, family="consistency", level="staff", kind="own")
    assert chooser.locator("[data-point], details").count() == 0
    chooser.locator("textarea").focus()
    chapter.page.keyboard.type(SAID)
    commit(chapter, chooser)
    points = chooser.locator("[data-point]")
    points.first.wait_for(timeout=5000)
    chapter.picture("rubric", chooser)
    points.nth(1).focus()
    chapter.page.keyboard.type("A key is stored before the first attempt")
    chapter.page.keyboard.press("Enter")
    chooser.get_by_text("points with evidence from your answer").wait_for(timeout=5000)
    assert f"1 of {points_in(chooser)} points" in chooser.inner_text()
    chapter.picture("evidence", chooser)


def points_in(chooser):
    """How many points the verdict names."""
    return chooser.locator(".ms-note, .ms-good").count()


def test_a_choice_without_questions_is_said_in_words(chapter, chooser):
    there = {(item.question.family, item.question.level, item.question.type) for item in library.items()}
    lacking = next((f, level) for f in FAMILIES for level in LEVELS if (f, level, "ordering") not in there)
    for name, word in zip(("family", "level", "kind"), (*lacking, "ordering"), strict=True):
        chooser.locator(f"select[name={name}]").select_option(word)
    chooser.get_by_role("button", name="Ask me").focus()
    chapter.page.keyboard.press("Enter")
    chooser.get_by_text("leave one of them open").wait_for(timeout=5000)


def test_the_results_show_what_was_answered(chapter):
    page = chapter.page
    cell = page.locator(".jp-CodeCell", has_text="results.by_family()")
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    row = cell.locator("tr", has_text="consistency versus availability")
    row.get_by_text(re.compile(r"^1 of \d\d+$")).wait_for(timeout=10_000)
    chapter.picture("results", cell)


def test_nothing_has_left_this_machine(chapter, lab):
    assert sorted(lab.left) == []
