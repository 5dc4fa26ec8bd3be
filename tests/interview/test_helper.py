"""The text helper: what it suggests, that it never grades, and that better model answers make more of the points."""

from __future__ import annotations

import time

import pytest

from minisys.interview import library
from minisys.interview.families import LEVELS
from minisys.interview.helper import depth, suggest
from minisys.interview.judge import draw, judge
from minisys.interview.schema import Open

BANK = [item.question for item in library.items() if isinstance(item.question, Open)]
NAMED = {question.id: question for question in BANK}


@pytest.mark.parametrize("question", BANK, ids=lambda q: q.id)
def test_a_higher_level_makes_more_of_the_points(question):
    answers = [question.models[level] for level in LEVELS]
    points = [len(suggest(question, text)) for text in answers]
    scores = [sum(depth(question, text)) for text in answers]
    assert points == sorted(points) and points[0] < points[-1]
    assert all(below < above for below, above in zip(scores, scores[1:], strict=False))
    assert all(0 <= each <= 4 for text in answers for each in depth(question, text))


@pytest.mark.parametrize("question", BANK, ids=lambda q: q.id)
def test_what_it_suggests_counts_as_evidence_when_it_is_quoted(question):
    text = question.models["staff"]
    found = suggest(question, text)
    verdict = judge(draw(question, 0), {"text": text, "evidence": found})
    weights = [point.weight for point in question.rubric]
    assert verdict.points == sum(weights[place] for place in found) / sum(weights)


@pytest.mark.parametrize("question", BANK, ids=lambda q: q.id)
def test_prose_about_something_else_makes_no_point(question):
    text = "We had lunch in the park on a sunny afternoon. The soup was cold and the bread was very good indeed."
    assert suggest(question, text) == {} and set(depth(question, text)) == {0}


def test_naming_the_topic_alone_is_not_most_of_the_points():
    shares = [len(suggest(question, question.prompt)) / len(question.rubric) for question in BANK]
    assert sum(shares) / len(shares) < 0.25


def test_a_suggestion_is_a_sentence_of_the_answer():
    text = "I like trains. The old primary is fenced before anything else; then clients find the new one by a proxy."
    found = suggest(NAMED["wb-open-primary-gone"], text)
    assert found[1] == "The old primary is fenced before anything else;"
    assert set(found.values()) == {found[1], "then clients find the new one by a proxy."}


def test_a_huge_answer_takes_no_long_time():
    begun = time.perf_counter()
    suggest(BANK[0], "fencing quorum " * 1_000_000 + "(" * 1_000_000)
    assert time.perf_counter() - begun < 5


def test_an_empty_answer_suggests_nothing():
    assert suggest(BANK[0], "") == {} and sum(depth(BANK[0], " \n ")) == 0
