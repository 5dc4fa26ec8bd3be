"""Design questions: the reference keeps every objective, the starter misses one, and what is given stays given."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from minisys.design.parts import Service, Workers
from minisys.design.text import read, write
from minisys.interview import library
from minisys.interview.judge import draw, judge
from minisys.interview.task import MOST_CHARACTERS, Task, asked
from minisys.testbed.units import UnclearError

BANK = {item.question.id: item.question for item in library.items() if isinstance(item.question, Task)}

PAGE = BANK["ds-task-optional"]


@pytest.mark.parametrize("name", BANK)
def test_the_reference_keeps_all_and_the_starter_does_not(name):
    question = BANK[name]
    verdict = judge(draw(question, 0), question.reference)
    assert (verdict.points, verdict.said) == (1, "All objectives kept."), verdict.notes
    missed = judge(draw(question, 0), question.starter)
    bad = [note for note in missed.notes if note[0] == "bad"]
    assert missed.points < 1 and bad and missed.right == question.reference
    said = {name: why for name, why in question.misses.items()}
    assert all(any(text in why for text in said.values()) for _, _, why in bad)


@pytest.mark.parametrize("question", BANK.values(), ids=BANK)
def test_what_is_shown_holds_the_starter_and_the_objectives_and_no_reference(question):
    shown = draw(question, 0).public()
    assert (
        shown["starter"] == question.starter and dict(shown["objectives"]).keys() == asked(question.objectives).keys()
    )
    assert question.reference not in str(shown) and not any(why in str(shown) for why in question.misses.values())
    assert set(question.misses) <= asked(question.objectives).keys()


WAYS_OUT = {
    "fewer users": ("rate: 80/s", "rate: 8/s", "users: rate is given as 80"),
    "less work": ("takes: 10 ms", "takes: 1 ms", "page: takes is given as 0.01"),
    "a better neighbour": ("available: 97 %", "available: 100 %", "likes: available is given"),
    "without the neighbour": (", {to: likes}", "", "likes"),
    "no text": (PAGE.starter, "  ", "write the design as text"),
    "too long": (PAGE.starter, "#" * (MOST_CHARACTERS + 1), "too long"),
    "not a design": (PAGE.starter, "hello", ""),
    "a cycle of anchors": (PAGE.starter, "a: &a [*a]", "line 1"),
    "an unknown field": ("workers: 16", "wrkers: 16", "line 6"),
    "code": (PAGE.starter, "!!python/object/apply:os.system ['true']", "line 1"),
}


@pytest.mark.parametrize("name", WAYS_OUT)
def test_an_easy_way_out_is_asked_again(name):
    old, new, told = WAYS_OUT[name]
    assert old in PAGE.starter
    with pytest.raises(UnclearError) as problem:
        judge(draw(PAGE, 0), PAGE.starter.replace(old, new))
    assert told in str(problem.value)


def easier(text, given):
    """The design *text* with every call of a service or workers changed by *given*."""
    drawn = read(text)
    parts = [
        replace(part, calls=tuple(replace(call, **given) for call in part.calls))
        if isinstance(part, Service | Workers) else part
        for part in drawn.parts
    ]  # fmt: skip
    return write(replace(drawn, parts=tuple(parts)))


@pytest.mark.parametrize("name", BANK)
@pytest.mark.parametrize(("given", "told"), [
    ({"optional": True, "timeout": 0.05}, "is needed for the answer here; take `optional` away"),
    ({"waits": False}, "is needed for the answer here; take `waits` away"),
    ({"share": 0.001}, "leave `share` as it was"),
    ({"on": "writes"}, "is no longer asked on reads"), ({"on": "reads"}, "is no longer asked on writes"),
], ids=lambda given: str(given)[:20])  # fmt: skip
def test_what_is_needed_stays_needed(name, given, told):
    with pytest.raises(UnclearError, match=told):
        judge(draw(BANK[name], 0), easier(BANK[name].starter, given))


def test_a_cache_that_knows_everything_is_not_believed():
    question = BANK["ds-task-read-heavy"]
    assert "hits" in question.reference
    all_known = re.sub(r"hits: \d+ %", "hits: 100 %", question.reference)
    with pytest.raises(UnclearError, match="hits of 100 % are not believed here; at most"):
        judge(draw(question, 0), all_known)


@pytest.mark.parametrize("name", BANK)
def test_a_reference_in_another_form_is_as_good(name):
    text = BANK[name].reference
    other = "\ufeff# mine\r\n" + text.replace("\n", "\r\n") + "\r\nobjectives: {p99: 1 h, cost: $1}\r\n"
    assert judge(draw(BANK[name], 0), other).points == 1  # objectives of one's own change nothing


@pytest.mark.parametrize("answer", [None, 3, [], {"text": "x"}, b"design: x"])
def test_what_is_no_text_is_no_answer(answer):
    with pytest.raises(UnclearError, match="write the design as text"):
        judge(draw(PAGE, 0), answer)


def test_a_task_without_objectives_is_refused():
    with pytest.raises(ValidationError, match="at least one must be given"):
        Task.model_validate({**PAGE.model_dump(), "objectives": {}})


def test_there_are_enough_of_them():
    assert len(BANK) >= 6 and len({question.level for question in BANK.values()}) == 4
