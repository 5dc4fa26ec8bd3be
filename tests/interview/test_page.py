"""The quiz in the page: messages in, messages out, and nothing of the key before the answer."""

from __future__ import annotations

import json

import pytest

from minisys.grading.progress import Progress
from minisys.interview import library, page
from minisys.interview.judge import Verdict
from minisys.interview.points import record
from tests.interview.questions import items, write

SECRETS = ("WHY-", "EXPLAINED-", "SLIP-", "STEP-", "MODEL-", "POINT-", "FLAG-", "mm1_response", "lost_writes")
RIGHT = {"one": "Left", "several": ("Alpha", "Gamma"), "ordering": ("First", "Second", "Third", "Fourth")}
WORDS = "It is because of queues, because of retries and because of checks."
EVIDENCE = {"0": "because of queues", "1": "because of retries", "2": "because of checks"}


@pytest.fixture
def quiz(tmp_path, monkeypatch):
    bank = library.load(write(tmp_path))
    made = page.Quiz("chapter 77", items(bank), 4, Progress(tmp_path / "progress.sqlite3"))
    made.sent = []
    monkeypatch.setattr(made, "send", lambda view, buffers=None: made.sent.append(view))
    return made


def do(quiz, what, **more):
    """What the page gets for a message."""
    quiz._receive(quiz, {"do": what, **more}, [])
    return quiz.sent[-1]


def stored(quiz):
    """What a saved notebook would hold of the widget."""
    state = {name: value for name, value in quiz.get_state().items() if name not in ("_esm", "_css")}
    return json.dumps([state, quiz._repr_mimebundle_()], default=str)


def right(view):
    """The right answer to what is shown."""
    if view["id"] == "t-drill":
        return "120 writes"
    if view["type"] == "number":
        return "100 ms" if " 90 requests" in view["prompt"] else "20 ms"
    if view["type"] == "open":
        return WORDS
    wanted = RIGHT[view["type"]]
    return view["options"].index(wanted) if view["type"] == "one" else [view["options"].index(text) for text in wanted]


def test_a_run_from_the_first_question_to_the_summary(quiz):
    view = do(quiz, "show")
    for number in range(1, 7):
        assert (view["view"], view["number"], view["count"]) == ("question", number, 6)
        assert not any(secret in json.dumps(view) for secret in SECRETS)
        verdict = do(quiz, "commit", answer=right(view), confidence="sure")
        if verdict["view"] == "rubric":
            assert len(verdict["points"]) == 3 and verdict["models"][1] == ["mid level", "MODEL-MID"]
            verdict = do(quiz, "evidence", quotes=EVIDENCE)
        assert (verdict["view"], verdict["points"]) == ("verdict", 1)
        view = do(quiz, "next")
    assert (view["view"], view["points"], view["count"], view["study"]) == ("summary", 6, 6, [])
    kept = quiz._progress.history("question", "77")
    assert len(kept) == 6 and kept[0].detail == {"family": "scale", "level": "junior", "confidence": "sure"}


def test_the_summary_names_what_the_reader_was_sure_of_and_did_not_get_right(quiz):
    view = do(quiz, "show")
    for _ in range(6):
        answer = (right(view) + 1) % len(view["options"]) if view["type"] == "one" else right(view)
        verdict = do(quiz, "commit", answer=answer, confidence="sure")
        if verdict["view"] == "rubric":
            verdict = do(quiz, "evidence", quotes=EVIDENCE)
        view = do(quiz, "next")
    assert view["study"] == view["surprises"] and len(view["surprises"]) == 1
    assert do(quiz, "again")["count"] == 1 and quiz._surprises == []


def test_nothing_of_the_key_is_in_the_widgets_state_or_the_stored_cell(quiz):
    do(quiz, "show")
    for _ in range(6):  # also while a verdict is shown, and after an open answer's rubric
        assert not any(secret in stored(quiz) for secret in (*SECRETS, "Left", "Which"))
        view = do(quiz, "commit", answer=right(quiz.sent[-1]))
        assert not any(secret in stored(quiz) for secret in (*SECRETS, "Left", "Which"))
        if view["view"] == "rubric":
            do(quiz, "evidence", quotes=EVIDENCE)
        do(quiz, "next")


def test_the_working_of_a_drill_comes_with_its_verdict_and_not_before(quiz):
    quiz._at = 5
    view = do(quiz, "show")
    assert "steps" not in view and (view["level"], view["family"]) == ("mid level", "design for millions of users")
    verdict = do(quiz, "commit", answer="0.3")
    assert verdict["steps"][-1] == ["STEP-LOST", "400 × 0.3 s", "120 writes"]
    assert verdict["notes"] == [["bad", "0.3 writes", "SLIP-LAG"]]


def test_a_quiz_has_its_questions_already(quiz):
    assert quiz.choices == {} and "chosen already" in do(quiz, "ask", family="data")["text"]


def test_without_a_page_it_is_one_line(quiz):
    bundle, _ = quiz._repr_mimebundle_()
    assert bundle["text/plain"] == "Quiz: 6 questions of chapter 77. Run this cell in JupyterLab to answer them."


def test_an_answer_that_cannot_be_read_costs_nothing(quiz):
    do(quiz, "show")
    assert do(quiz, "commit", answer=None)["view"] == "unclear"
    assert quiz._progress.history("question", "77") == []


def test_an_answer_stands_once_it_is_judged(quiz):
    view = do(quiz, "show")
    wrong = view["options"].index("Right")
    assert do(quiz, "commit", answer=wrong)["points"] == 0
    assert do(quiz, "commit", answer=right(view))["points"] == 0
    assert len(quiz._progress.history("question", "77")) == 1


def test_the_rubric_comes_only_after_the_text_and_the_text_stands(quiz):
    quiz._at = 4
    assert do(quiz, "show")["type"] == "open"
    count = len(quiz.sent)
    quiz._receive(quiz, {"do": "evidence", "quotes": {"0": "x"}}, [])
    assert all("points" not in view for view in quiz.sent[count:])
    do(quiz, "commit", answer=WORDS)
    verdict = do(quiz, "evidence", quotes={"0": "words I never wrote"})
    assert verdict["points"] == 0 and verdict["notes"][0][0] == "bad"


def test_the_wrong_ones_come_again_with_another_seed(quiz):
    view = do(quiz, "show")
    for _ in range(5):
        if view["type"] == "open":
            do(quiz, "commit", answer=WORDS)
            do(quiz, "evidence", quotes=EVIDENCE)
            view = do(quiz, "next")
        wrong = {"one": view["options"].index("Right")} if view["type"] == "one" else {}
        do(quiz, "commit", answer=wrong.get(view["type"], right(view)))
        view = do(quiz, "next")
    assert view["study"] == ["choose"]
    view = do(quiz, "again")
    assert (view["view"], view["id"], view["count"]) == ("question", "t-one", 1)


def test_a_message_that_makes_no_sense_is_answered_and_not_raised(quiz):
    assert "could not do that" in do(quiz, "dance")["text"]
    assert do(quiz, "show")["view"] == "question"


def test_a_second_view_of_the_same_widget_shows_where_it_is(quiz):
    view = do(quiz, "show")
    do(quiz, "commit", answer=right(view))
    assert do(quiz, "show")["view"] == "verdict"


def test_a_quiz_of_the_real_bank_varies_until_a_seed_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path))
    first = page.quiz("03", count=4)
    record(Progress(), "03", first._asked(), Verdict(0.0, "", "", ""), "guessing")
    assert page.quiz("03", count=4)._seed != first._seed
    assert page.quiz(3, count=4, seed=9)._items == page.quiz("03", count=4, seed=9)._items
