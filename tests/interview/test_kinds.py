"""Questions to match, to read and to draw: in the page, in the terminal and on paper."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ElementTree

import pytest
from rich.console import Console

from minisys.grading.progress import Progress
from minisys.interview import library, page, reading_chart, terminal
from minisys.interview.judge import draw
from minisys.interview.page import Quiz
from minisys.interview.sheets import sheets
from tests.interview.questions import items, write

KINDS = """\
chapter: "79"
title: More
questions:
  - {id: k-match, type: matching, level: junior, family: data, goal: match, prompt: "Which is which?",
     explanation: EXPLAINED-MATCH, hint: think, pairs: [
       {item: Kafka, choice: a log, why: WHY-LOG}, {item: SQS, choice: a queue, why: WHY-QUEUE},
       {item: Redis, choice: a store, why: WHY-STORE}], others: [{choice: a table, why: WHY-TABLE}]}
  - {id: k-read, type: reading, level: mid, family: scale, goal: read, prompt: "What happened?",
     explanation: EXPLAINED-READ, scenario: queue, shows: [arrive/s, finished/s, waiting], causes: [
       {cause: spike, text: More came, sign: SIGN-SPIKE}, {cause: consumers lost, text: Fewer worked, sign: SIGN-LOST},
       {cause: too slow for good, text: Too slow, sign: SIGN-SLOW}]}
  - {id: k-draw, type: design, level: senior, family: resilience, goal: draw, prompt: Mend it.,
     explanation: EXPLAINED-DRAW, starter: "design: a", reference: "design: REFERENCE", objectives: {p99: 300 ms}}
"""


@pytest.fixture
def bank(tmp_path):
    return {item.question.id: item for item in items(library.load(write(tmp_path, KINDS, "79_more.yaml")))}


def asked(item, tmp_path):
    """What the page is told, and how it answers, for a quiz of one question."""
    quiz, said = Quiz("a test", (item,), 3, Progress(tmp_path / "p.sqlite3")), []
    quiz.send = said.append
    quiz._receive(None, {"do": "show"})
    return said[-1], lambda answer: (quiz._receive(None, {"do": "commit", "answer": answer}), said[-1])[1]


def typed(item, lines):
    """What the terminal prints for one question when these lines are typed."""
    console, left = Console(file=io.StringIO(), width=110), iter(lines)
    shown = draw(item.question, 3)
    terminal._show(console, shown, "1 of 1")
    verdict, _ = terminal._answer(console, shown, lambda prompt: (console.print(prompt), next(left))[1])
    return console.file.getvalue(), verdict


def test_pairs_are_matched_in_the_page(bank, tmp_path):
    view, commit = asked(bank["k-match"], tmp_path)
    assert view["items"] == ["Kafka", "SQS", "Redis"] and sorted(view["options"])[0] == "a log"
    assert "match every one of the 3" in commit([0, None, 1])["text"]
    done = commit([view["options"].index(text) for text in ("a log", "a queue", "a table")])
    assert done["points"] == 0.67 and done["said"] == "2 of 3 matched rightly."


def test_pairs_are_matched_in_the_terminal(bank):
    text, verdict = typed(bank["k-match"], ["?", "1 2", "1 2 3", "s"])
    assert "think" in text and "a  Kafka" in text and "match every one" in text and 0 <= verdict.points <= 1


def test_a_chart_is_read_in_the_page_with_a_picture_and_a_table(bank, tmp_path):
    view, commit = asked(bank["k-read"], tmp_path)
    head, _, data = view["picture"].partition(",")
    assert head == "data:image/svg+xml;base64" and "SIGN" not in str(view)
    tree = ElementTree.fromstring(base64.b64decode(data))
    names = [part.text for part in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert [name for name in view["columns"][1:] if name not in names] == []
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}polyline"))) == 3 and len(view["rows"]) == 20
    assert commit(0)["view"] == "verdict"


def test_a_chart_is_a_table_in_the_terminal(bank):
    text, verdict = typed(bank["k-read"], ["1", ""])
    assert "minute" in text and "waiting" in text and verdict.points in (0, 1)


def test_things_get_bars_and_moments_a_line():
    bars = reading_chart.svg(("shard", "keys"), [("s1", 3), ("s2", 5)], "<b>")
    assert bars.count("<rect") == 3 and "<polyline" not in bars and "&lt;b&gt;" in bars
    assert "<polyline" in reading_chart.svg(("minute", "keys"), [("0", 0), ("1", 0.0)], "nothing happened")


def test_a_design_begins_with_its_starter_and_objectives(bank, tmp_path):
    view, _ = asked(bank["k-draw"], tmp_path)
    assert view["starter"] == "design: a" and view["objectives"] == [("p99", "300 ms")]
    assert "REFERENCE" not in str(view)


def test_a_design_is_read_from_a_file_or_the_editor(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("design: mine")
    assert terminal.written(str(tmp_path / "mine.yaml"), "design: a") == "design: mine"
    monkeypatch.setattr(terminal.click, "edit", lambda text, extension: f"{text}b")
    assert terminal.written("", "design: a") == "design: ab"
    with pytest.raises(ValueError, match="cannot be read"):
        terminal.written("nowhere.yaml", "")


def test_they_have_two_sides_on_paper(bank):
    given = {sheet.item.question.id: sheet for sheet in sheets(bank.values())}
    assert "a) Kafka" in given["k-match"].front() and "Kafka → a log: WHY-LOG" in given["k-match"].back()
    assert given["k-read"].picture[0] == "minisys-k-read.svg" and "waiting" in given["k-read"].front()
    assert "SIGN-LOST" in given["k-read"].back() and "REFERENCE" in given["k-draw"].back()


def test_the_pages_program_is_one_text_with_every_kind():
    for name in ("matching", "figures", "design", "element", "paragraphs"):
        assert f"function {name}(" in Quiz._esm
    assert page.part("page.css") in Quiz._css
