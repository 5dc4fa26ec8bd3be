"""A whole mock interview by keyboard, with the kernel killed in the middle, to the report and the board."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from minisys.grading.progress import Progress
from minisys.interview import mock_machine
from minisys.interview.interviewer import all_cases, mocks
from minisys.interview.mock_page import DRAW, PHASES
from minisys.interview.rubric import DIMENSIONS
from tests.browser.conftest import IDLE, PICTURES

CHAPTER = "notebooks/15_interview_workbook.ipynb"
SAYS = "One row for each link, its short name is the key, and a copy in every zone because one of them will be gone."
WEAK = """design: mine
regions: {eu: [eu-a, eu-b, eu-c]}
parts:
  readers: {kind: clients, region: eu, rate: 800/s, writes: 1 %, calls: [app]}
  app: {kind: service, takes: 3 ms, workers: 4, copies: 4, queue: 100, calls: [{to: db, timeout: 300 ms}]}
  db: {kind: database, takes: 2 ms, workers: 4, write: 4 ms, queue: 200}
"""
MENDED = WEAK.replace("workers: 4, write: 4 ms", "workers: 4, write: 4 ms, copies: 3, replication: semi-sync, "
                      "read_replicas: yes, failover: 10 s, backup: 1 h")  # fmt: skip

pytestmark = pytest.mark.browser


class Card:
    """The interview's card in the page, and a keyboard before it."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page
        self.at = self.page.locator(".ms-mock[aria-label='Mock interview']")

    def run(self, *cells):
        """Run these cells by Control+Enter, one after the other, and wait for the kernel."""
        for text in cells:
            cell = self.page.locator(".jp-CodeCell", has_text=text).first
            cell.scroll_into_view_if_needed()
            cell.locator(".cm-content").first.focus()
            self.page.wait_for_timeout(400)  # JupyterLab takes the focus over in its own time
            self.page.keyboard.press("Control+Enter")
            self.page.wait_for_timeout(400)
            self.page.wait_for_function(IDLE, timeout=30_000)

    def press(self, name):
        """Enter on the button called so."""
        self.at.get_by_role("button", name=name).first.focus()
        self.page.keyboard.press("Enter")

    def write(self, field, text):
        """Replace what is in a field, as a typist does."""
        self.at.locator(f"[name={field}]").first.focus()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def wait(self, text, limit_s=15):
        """Until *text* (a word, or an expression) is on the card."""
        self.at.get_by_text(re.compile(text)).first.wait_for(timeout=1000 * limit_s)

    def picture(self, what):
        self.notebook.picture(f"mock-{what}", self.at)


@pytest.fixture(scope="module")
def card(lab):
    """Chapter 15, with its mock interview shown. The machine's compiled code is on the disk before it is needed."""
    mock_machine.look(all_cases()["url_shortener"], WEAK, 0)
    notebook = lab.open(CHAPTER)
    shown = Card(notebook)
    shown.run("from minisys.interview import", "mock_page.mock()")
    shown.wait("choose a case", 30)
    yield shown
    notebook.page.close()


def kernel(notebook):
    """The process of the notebook's kernel: the youngest one below this test."""
    there = psutil.Process().children(recursive=True)
    return max((one for one in there if "ipykernel" in " ".join(one.cmdline())), key=lambda one: one.create_time())


def test_a_whole_interview_by_keyboard_over_a_killed_kernel(card):
    page = card.page
    card.at.locator("select[name=case]").focus()
    page.keyboard.type("A URL")
    page.keyboard.press("Tab")
    page.keyboard.type("30")
    card.press("Begin")
    card.wait(f"On to: {PHASES[1]}")
    for phase in range(DRAW):
        card.write("words", SAYS)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the button after the field: Say it
        card.at.locator(".ms-candidate").nth(phase).wait_for(timeout=5000)
        card.press(f"On to: {PHASES[phase + 1]}")
        card.wait(f"On to: {PHASES[phase + 2]}")
    card.write("design", "parts: nonsense")
    card.press("Draw and run")
    card.wait("line 1|missing")
    card.write("design", WEAK)
    card.press("Draw and run")
    card.at.locator(".ms-side tr").first.wait_for(timeout=20_000)
    card.picture("design")
    os.kill(kernel(card.notebook).pid, signal.SIGKILL)
    page.get_by_text("appears to have died").first.wait_for(timeout=15_000)
    page.keyboard.press("Enter")
    page.wait_for_function(IDLE, timeout=15_000)
    card.run("from minisys.interview import", "mock_page.mock()")
    card.wait("Go on: .*design", 30)
    card.picture("resumed")
    card.press("Go on: ")
    card.wait(f"On to: {PHASES[DRAW + 1]}")
    assert card.at.locator(".ms-candidate").count() == DRAW and card.at.locator(".ms-side").count() == 0
    assert card.at.locator("[name=design]").input_value() == WEAK
    card.press(f"On to: {PHASES[DRAW + 1]}")
    card.wait("something has changed")
    card.press("Next question")
    card.wait("in your own design", 20)
    asked = card.at.locator(".ms-interviewer").last.inner_text()
    assert re.search(r"About “\w+” in your own design", asked) and "seed" in asked and "What now?" in asked
    card.picture("follow-up")
    card.write("design", MENDED)
    card.press("Draw and run")
    card.wait("before, .* now: ", 20)
    while card.at.get_by_role("button", name="Next question").count():
        card.press("Next question")
        page.wait_for_timeout(500)
    card.press("On to: wrap up")
    card.wait("To the score")
    card.press("To the score")
    card.wait("Score yourself")
    for number in range(len(DIMENSIONS)):
        card.at.locator("select[name=score]").nth(number).focus()
        page.keyboard.type("3" if number else "9")
        page.keyboard.press("Tab")
        page.keyboard.insert_text("One row for each link")
    page.keyboard.press("Enter")
    card.wait("scoping: choose a score")
    card.at.locator("select[name=score]").first.focus()
    page.keyboard.type("4")
    card.press("To the report")
    card.wait("Study first", 20)
    card.picture("report")


def test_the_report_is_kept_and_prints_and_the_board_knows(card):
    saved = card.at.get_by_text("Kept as").inner_text()
    file = re.search(r"Kept as (.+?\.html)", saved).group(1)
    text = Path(file).read_text("utf-8")
    assert Path(file).with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert "Study first" in text and text.count("<svg") == 2 and SAYS in text
    page = card.page.context.browser.new_page(viewport={"width": 1000, "height": 1400})
    page.goto(Path(file).as_uri())
    page.screenshot(path=PICTURES / "mock-report-file.png", full_page=True)
    page.close()
    [one] = [mock for mock in mocks(Progress()).values() if mock.done]
    assert one.points()[0] == 78.75 and len(one.designs) == 2


def test_nothing_has_left_this_machine(card, lab):
    assert sorted(lab.left) == []
