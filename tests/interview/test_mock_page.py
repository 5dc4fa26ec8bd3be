"""The mock interview and the diagram practice in the page: messages in, messages out; and in the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from minisys import cli
from minisys.grading.progress import Progress
from minisys.interview import interviewer, mock_page, mock_report, mock_terminal
from minisys.interview.mock import BREAK, DRAW, PHASES
from minisys.interview.mock_page import Talk
from minisys.interview.rubric import DIMENSIONS
from minisys.interview.sketch import Practice, Sketch
from tests.interview.mocks import GOOD, Clock, Machine, Small, card

CASES = {"guest-book": Small()}


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(mock_report.browser, "chromium", lambda: None)
    monkeypatch.setattr(interviewer, "all_cases", lambda: CASES)
    monkeypatch.setattr(mock_terminal, "all_cases", lambda: CASES)


def page(kind=Talk):
    """A widget, and a function that gives it a message and returns what it says."""
    made, said = kind(CASES, Progress(), Machine()), []
    made.send = said.append

    def do(what, **values):
        said.clear()
        made._receive(None, {"do": what, **values})
        return said[-1] if said else None

    return do, made


def to_the_score(do):
    do("begin", case="guest-book", minutes=30)
    for _ in range(DRAW):
        do("next", words=GOOD)
    do("draw", text="one db", words="")
    do("next", words="", design="one db")
    do("next", words=GOOD, design="one db")
    do("draw", text="two db")
    view = do("next")
    while view["view"] == "talk":
        view = do("next")
    return view


def test_a_whole_interview_by_messages():
    do, _ = page()
    view = do("show")
    assert view["view"] == "choose" and view["cases"] == [["guest-book", "A guest book"]] and view["open"] == []
    score = to_the_score(do)
    assert [one["name"] for one in score["dimensions"]] == list(DIMENSIONS) and GOOD in score["lines"]
    assert "choose a score" in do("score", card={})["text"]
    report = do("score", card={name: list(row) for name, row in card().items()})
    assert report["headline"] == "A guest book: 75 of 100 points, hire" and len(report["study"]) == 2
    assert "0 after your change" in report["asked"][0] and mock_report.NO_PRINTER in report["saved"]
    assert do("another")["past"][0][1:] == ["75", "hire"]


def test_the_phases_show_what_can_be_done_in_them():
    do, _ = page()
    view = do("begin", case="guest-book", minutes=45)
    assert view["running"] and not view["drawing"] and view["next"] == "On to: estimate"
    assert [round(phase["mark_s"] / 60) for phase in view["phases"]] == [5, 10, 15, 25, 40, 45]
    assert "the design is drawn in" in do("draw", text="two db")["text"]
    while view["phase"] < DRAW:
        view = do("next")
    assert view["drawing"] and view["design"] == "one db" and view["seen"] is None
    assert "line 1: no design" in do("draw", text="nonsense")["text"]
    view = do("draw", text="one db at all")
    assert view["seen"]["rows"] == [["p99", "300 ms", "900 ms", "missed", "seed 0"]]
    assert view["seen"]["picture"].startswith("data:image/svg+xml;base64,") and view["design"] == "one db at all"
    view = do("next")
    assert view["phase"] == BREAK and view["next"] == "Next question"
    assert "About “db”" in do("next")["lines"][-1]["text"]


def test_after_a_restart_the_page_offers_to_go_on_with_what_was_written():
    do, _ = page()
    view = do("begin", case="guest-book", minutes=45)
    do("draft", words="I was about to s", design="")
    do, widget = page()
    assert do("show")["open"][0]["title"].startswith("A guest book, scope, 0:00 of 45:00")
    view = do("open", name=do("show")["open"][0]["name"])
    assert view["words"] == "I was about to s" and view["running"]
    view = do("pause", words="I was about to say", design="")
    assert not view["running"] and "paused" in do("say", text="hello")["text"]
    view = do("resume")
    assert view["running"] and view["words"] == "I was about to say"
    assert do("say", text="I was about to say")["words"] == ""
    assert "Unfinished: A guest book" in widget._repr_mimebundle_()[0]["text/plain"]


def test_what_makes_no_sense_is_said_and_not_raised():
    do, _ = page()
    assert "begin an interview" in do("say", text="hello")["text"]
    assert "could not do that" in do("dance")["text"] and "could not do that" in do("begin", case="none")["text"]
    assert "30, 45, 60 minutes" in do("begin", case="guest-book", minutes=7)["text"]


def test_without_a_front_end_the_cell_is_text():
    shown = mock_page.mock()._repr_mimebundle_()[0]
    assert "1 cases: A guest book" in shown["text/plain"] and "minisys mock" in shown["text/html"]
    assert "No interview finished yet" in str(mock_page.last_report())


def test_practice_hides_the_reference_until_a_design_was_run():
    do, _ = page(Practice)
    assert do("show")["minutes"] == [] and "choose a case first" in do("draw", text="x")["text"]
    view = do("begin", case="guest-book")
    assert view["design"] == "one db" and view["reference"] is None
    assert "run a design of your own first" in do("next")["text"]
    assert do("draw", text="one db")["seen"]["rows"][0][3] == "missed"
    view = do("next")
    assert view["compared"]["rows"] == [("p99", "300 ms", "900 ms (missed)", "20 ms", "seed 0")]
    do, _ = page(Practice)
    assert do("begin", case="guest-book")["design"] == "one db"
    assert "sketch(name, text)" in page(Practice)[1]._repr_mimebundle_()[0]["text/plain"]


def test_a_sketch_reads_without_a_page():
    machine, case = Machine(), Small()
    both = Sketch(case, machine.look(case, "one", 1), machine.reference(case, 1), machine)
    assert "keeps 0 of 1 objectives" in str(both) and "900 ms (missed)  20 ms" in str(both)
    assert both.html().count("<svg") == 2


def typed(lines, minutes=45):
    """`minisys mock` with these lines typed: the interview, and what was printed."""
    console, left = Console(file=io.StringIO(), width=100), iter(lines)

    def ask(prompt):
        console.print(prompt, markup=False)
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    clock = Clock()
    talk = mock_terminal.run("", minutes, cases=CASES, console=console, ask=ask, machine=Machine(), now=clock)
    return talk, console.file.getvalue()


def test_the_terminal_goes_through_and_can_be_interrupted(tmp_path):
    file = tmp_path / "design.yaml"
    file.write_text("two db")
    talk, text = typed([GOOD, "/help", "/next", "/next", "/next", "/design nowhere.yaml"])
    assert talk.mock.paused and talk.mock.phase == DRAW and "Paused. `minisys mock` goes on" in text
    assert "0:00 of 45:00, scope until 5:00 >" in text and "nowhere.yaml: cannot be read" in text
    talk, text = typed([f"/design {file}", "/next", "/next", "/next", "/next", "/next", "/next"])
    assert "got 20 ms: kept" in text and "Lines may now carry a picture" in text and talk.mock.scoring
    lines = [word for _ in DIMENSIONS for word in ("3", GOOD)]
    talk, text = typed(["9", GOOD, *lines[2:], *lines[:2]])
    assert "scoping: choose a score" in text and "75 of 100 points, hire" in text and mock_report.NO_PRINTER in text


def test_the_command_says_what_is_wrong_in_a_line():
    done = CliRunner().invoke(cli.app, ["mock", "nothing"])
    assert done.exit_code == 2 and "there are guest-book" in done.output and "Traceback" not in done.output
    done = CliRunner().invoke(cli.app, ["mock", "--minutes", "7"])
    assert done.exit_code == 2 and "30, 45, 60" in done.output


def test_the_command_begins_and_pauses_at_the_end_of_input():
    done = CliRunner().invoke(cli.app, ["mock"], input=f"{GOOD}\n")
    assert done.exit_code == 0 and "A guest book" in done.output and "Paused" in done.output
    assert PHASES[0] in done.output


def test_what_a_run_measured_is_one_line_to_unfold():
    do, _ = page()
    view = do("begin", case="guest-book", minutes=45)
    while view["phase"] < DRAW:
        view = do("next")
    assert view["wanted"] == ["p99: 300 ms", "cost: $1000/month"]
    do("draw", text="one db at all")
    runs = [line for line in do("draw", text="two db")["lines"] if line["who"] == "machine"]
    assert [run["text"] for run in runs] == ["Run 1: 0 of 1 kept", "Run 2: 1 of 1 kept"]
    assert runs[0]["more"] == ["p99: wanted 300 ms, got 900 ms: missed"] and runs[0]["beside"] == []
