"""Questions over the whole bank: filters, the chooser's messages, points under each question's own chapter."""

from __future__ import annotations

import json

import pytest

from minisys.grading.progress import Progress
from minisys.interview import library, workbook
from minisys.interview.families import FAMILIES, LEVELS
from minisys.interview.schema import Open
from tests.interview.questions import items, write


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path))


def listening(made, monkeypatch):
    """The messages that *made* sends, as a list that grows."""
    sent = []
    monkeypatch.setattr(made, "send", lambda view, buffers=None: sent.append(view))
    return sent


def do(made, what, **more):
    made._receive(made, {"do": what, **more}, [])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", LEVELS)
def test_every_family_has_a_round_at_every_level(family, level):
    made = workbook.workbook(family=family, level=level, seed=1)
    assert {(item.question.family, item.question.level) for item in made._items} == {(family, level)}


def test_a_round_without_filters_comes_from_several_chapters_and_families():
    items = workbook.workbook(count=20, seed=3)._items
    assert len(items) == 20 and len({item.chapter for item in items}) >= 3
    assert len({item.question.family for item in items}) >= 4


def test_drills_only_are_numbers_with_a_working():
    assert all(item.question.steps for item in workbook.workbook(kind="drill", count=99, seed=1)._items)


def test_a_seed_asks_the_same_and_without_one_each_answer_changes_the_next_round():
    assert workbook.workbook(seed=5)._items == workbook.workbook(seed=5)._items
    first = workbook.workbook()
    Progress().record("question", "15", "any", 0, 1)
    assert workbook.workbook()._seed == first._seed + 1 and workbook.workbook()._items != first._items


@pytest.mark.parametrize("wrong", [{"family": "caching"}, {"level": "expert"}, {"kind": "essay"}, {"count": 0}])
def test_an_unknown_word_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        workbook.workbook(**wrong)


def test_a_chooser_of_no_questions_is_refused():
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        workbook.chooser(count=0)


def test_the_chooser_waits_asks_and_asks_others_when_pressed_again(monkeypatch):
    made = workbook.chooser(count=3)
    sent = listening(made, monkeypatch)
    do(made, "show")
    assert sent[-1] == {"view": "choose"}
    do(made, "ask", family="data", level="", kind="")
    first = made._items
    assert (sent[-1]["view"], sent[-1]["count"], sent[-1]["family"]) == ("question", 3, FAMILIES["data"])
    do(made, "ask", family="data", level="", kind="")
    assert made._items != first and {item.question.family for item in made._items} == {"data"}
    do(made, "ask", family="", level="staff", kind="open")
    assert all(isinstance(item.question, Open) and item.question.level == "staff" for item in made._items)


def test_a_choice_without_questions_is_said_and_the_round_before_goes_on(tmp_path, monkeypatch):
    small = items(library.load(write(tmp_path)))
    monkeypatch.setattr(library, "items", lambda chapter=None: small)
    made = workbook.chooser(seed=1)
    sent = listening(made, monkeypatch)
    do(made, "ask", family="data")
    do(made, "ask", family="data", level="mid", kind="ordering")
    assert sent[-1]["view"] == "unclear" and "family data, level mid, kind ordering" in sent[-1]["text"]
    do(made, "ask", family="nonsense")
    assert "family must be one of" in sent[-1]["text"]
    do(made, "show")
    assert sent[-1]["view"] == "question"


def test_an_answer_is_kept_under_the_questions_own_chapter(monkeypatch):
    made = workbook.chooser(count=200, seed=2)
    sent = listening(made, monkeypatch)
    do(made, "ask", kind="choice")
    for _ in made._items:
        do(made, "commit", answer=[0] if sent[-1]["type"] == "several" else 0)
        do(made, "next")
    assert sent[-1]["view"] == "summary"
    kept = Progress().history("question")
    home = {item.question.id: item for item in library.items()}
    assert len(kept) == len(made._items) >= 40
    assert {entry.chapter for entry in kept} == set(library.chapters())
    for entry in kept:
        assert entry.chapter == home[entry.item].chapter
        assert entry.detail["family"] == home[entry.item].question.family


def test_nothing_of_any_question_is_in_the_choosers_state_or_its_stored_cell(monkeypatch):
    made = workbook.chooser(seed=4)
    sent = listening(made, monkeypatch)
    do(made, "ask", kind="drill")
    do(made, "commit", answer="1")
    assert sent[-1]["view"] == "verdict" and sent[-1]["steps"]
    state = {name: value for name, value in made.get_state().items() if name not in ("_esm", "_css")}
    stored = json.dumps([state, made._repr_mimebundle_()], default=str)
    for item in library.items():
        assert item.question.prompt[:40] not in stored and item.question.explanation not in stored
        assert item.question.id not in stored


def test_a_saved_chooser_is_one_line():
    text = workbook.chooser()._repr_mimebundle_()[0]["text/plain"]
    assert text.startswith(f"{len(library.items())} questions of all chapters, to choose from by family")
