"""Chapter 03 under a reader's hands: run, sliders by keyboard, the playback, a question; and how fast it answers."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "notebooks/03_load_balancing.ipynb"
PRESSES = 10
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chapter(lab):
    """The chapter, opened and run to its end."""
    notebook = lab.open(CHAPTER)
    notebook.run_all(limit_s=300)
    notebook.picture("ran")
    yield notebook
    notebook.page.close()


def test_it_runs_to_its_end_without_an_error(chapter):
    assert chapter.errors() == []


def test_nothing_is_wider_than_the_window(chapter):
    assert chapter.outputs_too_wide() == []


def test_three_sliders_move_by_keyboard_and_the_chart_follows(chapter):
    chapter.page.wait_for_selector(".ms-explorer .ms-scene svg")
    times = chapter.move_sliders(3, presses=PRESSES)
    assert len(times) == 3 * PRESSES
    assert all(ms > 0 for ms in times), f"a key press left the chart as it was: {times}"


def test_the_playback_plays_and_pauses_by_keyboard(chapter):
    playback = chapter.page.locator(".ms-playback").first
    playback.scroll_into_view_if_needed()
    clock = playback.locator(".ms-clock")
    before = clock.inner_text()
    playback.locator(".ms-play").focus()
    chapter.page.keyboard.press("Enter")
    chapter.page.wait_for_timeout(1500)
    during = clock.inner_text()
    chapter.picture("playback", playback)
    chapter.page.keyboard.press("Enter")
    chapter.page.wait_for_timeout(200)
    paused = clock.inner_text()
    chapter.page.wait_for_timeout(500)
    assert during != before
    assert clock.inner_text() == paused


def test_a_question_is_answered_by_keyboard_alone(chapter):
    page, quiz = chapter.page, chapter.page.locator(".ms-quiz")
    quiz.scroll_into_view_if_needed()
    quiz.locator(".ms-kicker", has_text="Question 1 of 8").wait_for(timeout=5000)
    quiz.locator("form :is(input, textarea, .ms-order button)").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.type("1")
    quiz.locator("button[type=submit]").focus()
    page.keyboard.press("Enter")
    feedback = quiz.locator(".ms-good, .ms-warn, .ms-bad").first
    feedback.wait_for(timeout=5000)
    chapter.picture("answered", feedback)
    quiz.get_by_role("button", name="Next question").focus()
    page.keyboard.press("Enter")
    quiz.locator(".ms-kicker", has_text="Question 2 of 8").wait_for(timeout=5000)


def test_nothing_has_left_this_machine(chapter, lab):
    assert sorted(lab.left) == []
