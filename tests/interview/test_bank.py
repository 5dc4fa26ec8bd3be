"""The bank as it is: enough of every kind, and no number question whose slip is its answer."""

from __future__ import annotations

import difflib
from collections import Counter

import pytest

from minisys.interview import calculations, library
from minisys.interview.judge import draw, judge
from minisys.interview.schema import Choice, Number, Open
from minisys.interview.units import written

EVERYTHING = [question for chapter in library.chapters() for question in library.chapter_of(chapter).questions]


@pytest.mark.parametrize("chapter", [name for name in library.chapters() if name != "00"])
def test_a_chapter_has_enough_of_every_kind_and_level(chapter):
    questions = library.chapter_of(chapter).questions
    kinds = Counter(question.type for question in questions)
    assert len(questions) >= 12 and kinds["number"] >= 3 and kinds["open"] >= 2
    assert {question.level for question in questions} == set(library.LEVELS)


def test_no_two_questions_share_an_id_or_nearly_a_prompt():
    assert [name for name, count in Counter(question.id for question in EVERYTHING).items() if count > 1] == []
    prompts = [question.prompt for question in EVERYTHING]
    alike = [
        (a, b)
        for i, a in enumerate(prompts)
        for b in prompts[:i]
        if difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() > 0.8
    ]
    assert alike == []


@pytest.mark.parametrize("question", [q for q in EVERYTHING if isinstance(q, Number)], ids=lambda q: q.id)
def test_a_slip_is_never_the_right_answer(question):
    for values in question.combinations():
        key = question.compute(question.calculation, values)
        for slip in question.slips:
            wrong = question.compute(slip.calculation, values)
            assert abs(wrong - key) > question.tolerance * abs(key), (values, slip.calculation)


@pytest.mark.parametrize("question", [q for q in EVERYTHING if isinstance(q, Number)], ids=lambda q: q.id)
def test_the_answer_as_it_is_written_is_taken(question):
    for seed in range(10):
        asked = draw(question, seed)
        key = question.compute(question.calculation, dict(asked.values))
        assert judge(asked, written(key, question.unit)).points == 1
        assert "{" not in asked.prompt


@pytest.mark.parametrize("question", [q for q in EVERYTHING if isinstance(q, Choice)], ids=lambda q: q.id)
def test_a_choice_has_at_least_three_options(question):
    assert len(question.options) >= 3


def test_right_options_are_not_given_away_by_their_length():
    single = [q for q in EVERYTHING if isinstance(q, Choice) and q.type == "one"]
    longest = sum(max(q.options, key=lambda option: len(option.text)).right for q in single)
    assert longest <= 0.6 * len(single)


@pytest.mark.parametrize("question", [q for q in EVERYTHING if isinstance(q, Open)], ids=lambda q: q.id)
def test_a_model_answer_is_more_than_a_sentence(question):
    assert all(len(text.split()) >= 25 for text in question.models.values())


def test_every_calculation_is_used():
    used = {
        name
        for question in EVERYTHING
        if isinstance(question, Number)
        for name in (question.calculation, *(slip.calculation for slip in question.slips))
    }
    assert set(calculations.CALCULATIONS) == used
