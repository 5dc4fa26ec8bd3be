"""The course as a newcomer finds it, and every chapter in a real page, its widgets under the keys."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHER_CHAPTERS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb") if not path.name.startswith("03"))

pytestmark = pytest.mark.browser


def test_the_course_opens_with_its_contents_at_the_side_and_without_pop_ups(lab):
    page = lab.context.new_page()
    page.goto(lab.url, wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_selector("#table-of-contents .jp-tocItem", state="attached", timeout=20_000)
    page.wait_for_timeout(2000)
    page.screenshot(path="ci-artifacts/browser/00_welcome-as-it-opens.png")
    assert page.locator("#table-of-contents").is_visible()
    assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    page.close()


@pytest.mark.parametrize("name", OTHER_CHAPTERS)
def test_a_chapter_runs_in_the_page_and_its_sliders_answer(lab, name):
    notebook = lab.open(f"notebooks/{name}")
    assert notebook.outputs_too_wide() == []
    notebook.run_all(limit_s=180)
    notebook.picture("ran")
    assert notebook.errors() == []
    assert notebook.outputs_too_wide() == []
    times = notebook.move_sliders(1, presses=2)
    assert sum(ms < 0 for ms in times) <= len(times) // 4, f"many key presses left a chart as it was: {times}"
    notebook.page.close()
    assert sorted(lab.left) == [], "the page asked for something outside this machine"
