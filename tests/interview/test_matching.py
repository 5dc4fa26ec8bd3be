"""Matching questions: what is shown, what each wrong pair is told, and what counts as an answer."""

from __future__ import annotations

import itertools

import pytest

from minisys.interview import library
from minisys.interview.judge import draw, judge
from minisys.interview.matching import Matching
from minisys.testbed.units import UnclearError

QUESTION = Matching.model_validate({
    "id": "t-match", "type": "matching", "level": "mid", "family": "data", "goal": "match", "prompt": "Which is which?",
    "explanation": "EXPLAINED",
    "pairs": [{"item": f"item {i}", "choice": f"choice {i}", "why": f"WHY-{i}"} for i in "abc"],
    "others": [{"choice": "nobody's", "why": "WHY-NOBODY"}],
})  # fmt: skip
BANK = [item.question for item in library.items() if isinstance(item.question, Matching)]


def answer(asked, *choices):
    """Where these choices are shown, for each item in turn."""
    return [asked.public()["options"].index(f"choice {each}" if len(each) == 1 else each) for each in choices]


@pytest.mark.parametrize("seed", range(5))
def test_the_right_pairs_are_right_whatever_the_order(seed):
    asked = draw(QUESTION, seed)
    verdict = judge(asked, answer(asked, "a", "b", "c"))
    assert (verdict.points, verdict.said) == (1, "Right.") and {mark for mark, *_ in verdict.notes} == {"good"}
    assert asked.public()["items"] == ["item a", "item b", "item c"]


def test_a_wrong_pair_is_told_where_both_halves_belong():
    asked = draw(QUESTION, 0)
    verdict = judge(asked, answer(asked, "b", "a", "c"))
    mark, what, why = verdict.notes[0]
    assert verdict.points == pytest.approx(1 / 3) and verdict.said == "1 of 3 matched rightly."
    assert (mark, what) == ("bad", "item a → choice b")
    assert "“item b”: WHY-b" in why and "“choice a”: WHY-a" in why


def test_a_choice_that_is_left_over_says_why():
    asked = draw(QUESTION, 0)
    notes = judge(asked, answer(asked, "nobody's", "b", "nobody's")).notes
    assert "none of them: WHY-NOBODY WHY-a" in notes[0][2] and notes[1][0] == "good"


@pytest.mark.parametrize("wrong", [None, [], [0, 1], [0, 1, 4], [0, 1, True], [0, 1, None], "012", [0, 1, 2, 3], 1, {}])
def test_what_is_no_matching_is_no_answer(wrong):
    with pytest.raises(UnclearError, match="match every one of the 3 items"):
        judge(draw(QUESTION, 0), wrong)


def test_the_order_of_the_options_says_nothing():
    orders = {draw(QUESTION, seed).order for seed in range(100)}
    assert len(orders) == 24
    assert "WHY" not in str([draw(QUESTION, seed).public() for seed in range(20)])


@pytest.mark.parametrize("question", BANK, ids=lambda q: q.id)
def test_every_wrong_pair_of_the_bank_has_feedback(question):
    asked = draw(question, 0)
    places = {choice: asked.public()["options"].index(choice) for choice in question.choices}
    right = [places[pair.choice] for pair in question.pairs]
    assert judge(asked, right).points == 1
    for item, choice in itertools.product(range(len(question.pairs)), range(len(question.choices))):
        if item != choice:
            given = [*right[:item], places[question.choices[choice]], *right[item + 1 :]]
            mark, _, why = judge(asked, given).notes[item]
            assert mark == "bad" and question.pairs[item].why in why and len(why) > len(question.pairs[item].why) + 20


@pytest.mark.parametrize("question", BANK, ids=lambda q: q.id)
def test_a_choice_does_not_name_its_item(question):
    for pair in question.pairs:
        assert pair.item.casefold() not in pair.choice.casefold()
