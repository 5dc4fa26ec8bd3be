"""The same questions in a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from minisys import cli
from minisys.grading.progress import Progress
from minisys.interview import library, terminal
from minisys.interview.terminal import positions
from minisys.testbed.units import UnclearError
from tests.interview.questions import write

TYPED = {
    "Your choice (": "1", "Your choices": "1 2", "Your answer in ms": "20 ms", "The order": "1 2 3 4",
    "Your answer in writes": "120", "Your answer, in": "It is because of queues.",
    "POINT-QUEUE": "because of queues", "POINT": "", "How sure": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path / "home"))
    bank = library.load(write(tmp_path))
    monkeypatch.setattr(library, "chapter_of", lambda name: bank)
    monkeypatch.setattr(library, "chapters", lambda: ("77",))


def run(answers=None, chapter="77", **more):
    """What is printed, and the points, when these lines are typed; without lines, what TYPED says for each prompt."""
    console, lines = Console(file=io.StringIO(), width=100), iter(answers or [])

    def ask(prompt: str) -> str:
        console.print(prompt)
        if answers is None:
            return next(line for start, line in TYPED.items() if prompt.startswith(start))
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    points = terminal.run(chapter, seed=1, console=console, ask=ask, **more)
    return console.file.getvalue(), points


def test_every_type_can_be_answered_and_its_feedback_is_printed():
    text, points = run(count=6)
    assert "WHY-LEFT" in text and "EXPLAINED-NUMBER" in text and "MODEL-SENIOR" in text and "WHY-ORDER" in text
    assert "points for 6 questions" in text and points > 2
    assert len(Progress().history("question", "77")) == 6


def test_a_drill_prints_its_working_after_the_answer():
    text, _ = run(["120"], kind="drill")
    asked, after = text.split("Right: 120 writes.")
    assert "STEP" not in asked and "STEP-LOST: 400 × 0.3 s = 120 writes" in after


def test_without_a_chapter_the_whole_bank_is_asked_by_family_and_level():
    text, _ = run(["9"], chapter=None, family="data", level="staff")
    assert "All chapters, family data, level staff: 1 questions" in text
    assert "1 of 1, staff level, sharding, replication and caching" in text and "In which order?" in text


def test_model_answers_come_after_the_answer_only():
    text, _ = run([], count=1, level="staff")
    assert "MODEL" not in text and "WHY" not in text and "0 points for 0 questions" in text


def test_what_cannot_be_read_is_asked_again():
    text, _ = run(["x", "9", "2"], count=1, level="junior")
    assert "numbers that stand before" in text and "choose one option" in text and "for 1 questions" in text


def test_a_word_for_no_confidence_is_asked_again_and_so_is_a_quote_that_proves_nothing():
    text, _ = run(["2", "8.3", "s"], count=1, level="junior")
    assert "'8.3' is none of them. How sure" in text
    assert Progress().history("question", "77")[-1].detail["confidence"] == "sure"
    answer = "Queues grow and then clients try again and again."
    text, points = run(
        [answer, "", "a", "and", "queues shrink", "Queues grow", "", ""], count=1, level="staff", kind="open"
    )
    assert "“and” is too short to say anything" in text and "“queues shrink” is not in your answer" in text
    assert points == pytest.approx(1 / 3) and "does it say this?" in text and "Graded by yourself: 1 of 3" in text


def test_the_end_of_input_ends_it_with_what_was_scored():
    text, _ = run(["2"], count=5)
    assert "Stopped here." in text and "for 1 questions" in text


def test_the_command_says_what_is_wrong_in_a_line(monkeypatch):
    done = CliRunner().invoke(cli.app, ["quiz", "77", "--level", "expert"])
    assert done.exit_code == 2 and "one of junior" in done.output and "Traceback" not in done.output


def test_the_command_takes_family_level_and_kind():
    asked = ["quiz", "--family", "scale", "--level", "mid", "--kind", "drill", "--seed", "1"]
    done = CliRunner().invoke(cli.app, asked, input="120\n")
    assert done.exit_code == 0 and "400 writes a second" in done.output and "1 points for 1 questions" in done.output
    refused = CliRunner().invoke(cli.app, ["quiz", "--family", "caching"])
    assert refused.exit_code == 2 and "one of scale" in refused.output and "Traceback" not in refused.output


def test_the_command_asks_and_ends_with_the_input(monkeypatch):
    done = CliRunner().invoke(cli.app, ["quiz", "77", "--count", "2", "--seed", "1"], input="1\n")
    assert done.exit_code == 0 and "Stopped here" in done.output


@pytest.mark.parametrize(("line", "places"), [
    ("2 1 3", [1, 0, 2]), ("2,1,3", [1, 0, 2]), ("2>1>3", [1, 0, 2]), ("2 → 1 → 3", [1, 0, 2]), ("2;1; 3;", [1, 0, 2]),
    ("SSD, memory, disk", [1, 0, 2]),
    ("ssd > Memory > disk over", [1, 0, 2]), ("disk", [2]),
    ("0", [-1]), ("3 3", [2, 2]),
])  # fmt: skip
def test_options_by_number_or_by_name(line, places):
    assert positions(line, ["memory", "SSD", "disk over the network"]) == places


@pytest.mark.parametrize(
    "line", ["", " , ", "x", "memory, tape", "1.5", "1e3", "-1", "٢", "２", "²", "memory 2", "m, s, 9" * 50]
)
def test_what_names_no_option_is_asked_again(line):
    with pytest.raises(UnclearError, match="write the numbers"):
        positions(line, ["memory", "main board", "SSD", "disk"])
