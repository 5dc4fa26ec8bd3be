"""The bank's files are read safely, and a mistake is named by file, line and question."""

from __future__ import annotations

import pytest

from minisys.interview import library
from tests.interview.questions import BANK, write

MISTAKES = [
    ("right: true, why: WHY-LEFT", "right: false, why: WHY-LEFT", "line 4: t-one: options: exactly one must be"),
    ("level: mid", "level: expert", "line 17: t-several: level: Input should be 'junior'"),
    ("calculation: mm1_response_ms", "calculation: nope", "line 26: t-number: calculation: there is no 'nope'"),
    ("{rate}", "{rates}", "t-number: prompt: {rates} is not among the parameters"),
    ("unit: millisecond", "unit: florins", "t-number: unit: 'florins' is no unit"),
    ("rate: [50, 90]", "rate: [50, 100]", "t-number: utilisation is 1"),
    ("rate: [50, 90]", "speed: [50, 90]", "t-number: prompt: {rate}"),
    ("goal: order", "gaol: order", "line 41: t-ordering: gaol: Extra inputs"),
    ("id: t-open", "id: t-one", "line 46: t-one: this id is given twice"),
    ("hint: look", "hint: look\n    hint: again", "line 11: 'hint' is given twice"),
    ("{text: Right, right: false, why: WHY-RIGHT}", "{text: Right, right: false}", "t-one: options 2. why: Field"),
    ("type: ordering", "type: sorting", "t-ordering: Input tag 'sorting'"),
    ("items: [First, Second, Third, Fourth]", "items: [First, First, Third]", "t-ordering: items: two have the same"),
    ("text: Right", "text: Left", "t-one: options: two have the same text"),
    ("models: {mid: MODEL-MID, senior: MODEL-SENIOR}", "models: {mid: MODEL-MID}", "t-open: models: "),
    ("    prompt: Why?", "    prompt: [", "line 52: not YAML"),
    ("goal: choose\n", "goal: !!python/object/apply:os.system [ls]\n", "not plain YAML"),
    ("tolerance: 0.02", "tolerance: 2", "line 33: t-number: tolerance: "),
]


@pytest.mark.parametrize(("good", "bad", "told"), MISTAKES, ids=[told[:40] for *_, told in MISTAKES])
def test_a_mistake_is_told_with_its_place(tmp_path, good, bad, told):
    assert good in BANK
    with pytest.raises(ValueError, match="77_test.yaml") as problem:
        library.load(write(tmp_path, BANK.replace(good, bad, 1)))
    assert told in str(problem.value)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path):
    text = BANK.replace("level: mid", "level: expert").replace("goal: order", "gaol: order")
    with pytest.raises(ValueError) as problem:
        library.load(write(tmp_path, text))
    assert len(str(problem.value).splitlines()) == 3


def test_an_empty_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="empty"):
        library.load(write(tmp_path, ""))


def test_a_good_file_is_read_whole(tmp_path):
    chapter = library.load(write(tmp_path))
    assert [question.type for question in chapter.questions] == ["one", "several", "number", "ordering", "open"]


def test_a_chapter_without_questions_is_refused_with_those_that_have_some():
    with pytest.raises(ValueError, match="chapter '42' has no questions; there are 00, 01"):
        library.chapter_of("42")


def test_a_choice_is_the_same_for_a_seed_and_differs_between_seeds(tmp_path):
    questions = library.chapter_of("03").questions
    one, again, other = ([question.id for question in library.choose(questions, 8, None, seed)] for seed in (1, 1, 2))
    assert one == again != other and len(set(one)) == 8


def test_a_choice_goes_from_easy_to_hard_and_mixes_kinds():
    chosen = library.choose(library.chapter_of("03").questions, 8, None, 5)
    ranks = [library.LEVELS.index(question.level) for question in chosen]
    assert ranks == sorted(ranks) and len({question.type for question in chosen}) >= 4


def test_more_than_there_are_gives_all_of_them(tmp_path):
    questions = library.load(write(tmp_path)).questions
    assert len(library.choose(questions, 99, None, 0)) == 5
    assert [question.id for question in library.choose(questions, 99, "mid", 0)] == ["t-several"]


@pytest.mark.parametrize(("count", "level", "told"), [(0, None, "count"), (1, "expert", "one of"), (1, "", "one of")])
def test_a_bad_choice_is_refused(tmp_path, count, level, told):
    with pytest.raises(ValueError, match=told):
        library.choose(library.load(write(tmp_path)).questions, count, level, 0)
