"""The bank's files are read safely, and a mistake is named by file, line and question."""

from __future__ import annotations

import pytest

from minisys.interview import library
from tests.interview.questions import BANK, items, write

MISTAKES = [
    ("right: true, why: WHY-LEFT", "right: false, why: WHY-LEFT", "line 4: t-one: options: exactly one must be"),
    ("level: mid", "level: expert", "line 18: t-several: level: Input should be 'junior'"),
    ("calculation: mm1_response_ms", "calculation: nope", "line 28: t-number: calculation: there is no 'nope'"),
    ("{rate}", "{rates}", "t-number: prompt: {rates} is not among the parameters"),
    ("unit: millisecond", "unit: florins", "t-number: unit: 'florins' is no unit"),
    ("rate: [50, 90]", "rate: [50, 100]", "t-number: utilisation is 1"),
    ("rate: [50, 90]", "speed: [50, 90]", "t-number: prompt: {rate}"),
    ("goal: order", "gaol: order", "line 45: t-ordering: gaol: Extra inputs"),
    ("id: t-open", "id: t-one", "line 50: t-one: this id is given twice"),
    ("hint: look", "hint: look\n    hint: again", "line 12: 'hint' is given twice"),
    ("{text: Right, right: false, why: WHY-RIGHT}", "{text: Right, right: false}", "t-one: options 2. why: Field"),
    ("type: ordering", "type: sorting", "t-ordering: Input tag 'sorting'"),
    ("items: [First, Second, Third, Fourth]", "items: [First, First, Third]", "t-ordering: items: two have the same"),
    ("text: Right", "text: Left", "t-one: options: two have the same text"),
    ("junior: MODEL-JUNIOR, mid: MODEL-MID, ", "", "t-open: models: there is none for junior, mid; each of"),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: 2,", "t-open: rubric: give every point a weight or none"),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: 0,", "t-open: rubric 1. weight: Input should be greater"),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: -1,", "t-open: rubric 1. weight: Input should be greater"),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: .inf,", "t-open: rubric 1. weight: "),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: .nan,", "t-open: rubric 1. weight: "),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: 1e9,", "t-open: rubric 1. weight: "),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: '2',", "t-open: rubric 1. weight: Input should be a valid"),
    ("{point: POINT-QUEUE,", "{point: POINT-QUEUE, weight: yes,", "t-open: rubric 1. weight: Input should be a valid"),
    ("point: POINT-QUEUE,", "point: POINT-RETRY,", "t-open: rubric: two points have the same text"),
    ("    prompt: Why?", "    prompt: [", "line 57: not YAML"),
    ("goal: choose\n", "goal: !!python/object/apply:os.system [ls]\n", "not plain YAML"),
    ("tolerance: 0.02", "tolerance: 2", "line 36: t-number: tolerance: "),
    ("family: data", "family: date", "line 44: t-ordering: family: Input should be 'scale', 'consistency'"),
    ("    family: data\n", "", "line 41: t-ordering: family: Field required"),
    ("step: lag_s, why", "step: leg_s, why", "line 63: t-drill: slips: 'leg_s' is none of the steps before the last"),
    ("step: lag_s, why", "step: lost, why", "t-drill: slips: 'lost' is none of the steps before the last"),
    ("step: lag_s, why", "why", "t-drill: slips 1.: a slip is either a calculation or a step"),
    ("name: lag_s", "name: lag", "t-drill: steps: lost_writes has the steps ['lag_s', 'lost'], not ['lag', 'lost']"),
    ("calculation: lost_writes", "calculation: lost_writes_unscaled", "steps: lost_writes_unscaled is no working"),
    ("{lag_ms} ms ÷", "{lost} ms ÷", "t-drill: steps: {lost} in lag_s is not known there"),
    ("unit: write\n", "unit: second\n", "t-drill: steps: the last is in 'write', the answer in 'second'"),
    ("unit: second}", "unit: florins}", "t-drill: unit: 'florins' is no unit"),
]


@pytest.mark.parametrize(("good", "bad", "told"), MISTAKES, ids=[told[:40] for *_, told in MISTAKES])
def test_a_mistake_is_told_with_its_place(tmp_path, good, bad, told):
    assert good in BANK
    with pytest.raises(ValueError, match="77_test.yaml") as problem:
        library.load(write(tmp_path, BANK.replace(good, bad, 1)))
    assert told in str(problem.value)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path):
    text = BANK.replace("level: mid", "level: expert", 1).replace("goal: order", "gaol: order")
    with pytest.raises(ValueError) as problem:
        library.load(write(tmp_path, text))
    assert len(str(problem.value).splitlines()) == 3


def test_an_empty_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="empty"):
        library.load(write(tmp_path, ""))


def test_a_good_file_is_read_whole(tmp_path):
    chapter = library.load(write(tmp_path))
    assert [question.type for question in chapter.questions] == [
        "one", "several", "number", "ordering", "open", "number",
    ]  # fmt: skip


def test_a_chapter_without_questions_is_refused_with_those_that_have_some():
    with pytest.raises(ValueError, match="chapter '42' has no questions; there are 00, 01"):
        library.chapter_of("42")


def test_the_whole_bank_is_every_chapter_and_each_question_keeps_its_own():
    everything = library.items()
    assert {item.chapter for item in everything} == set(library.chapters())
    assert [item for item in everything if item.chapter == "03"] == list(library.items(3))


def test_a_choice_is_the_same_for_a_seed_and_differs_between_seeds():
    given = library.items("03")
    one, again, other = ([item.question.id for item in library.choose(given, 8, seed=seed)] for seed in (1, 1, 2))
    assert one == again != other and len(set(one)) == 8


def test_a_choice_goes_from_easy_to_hard_and_mixes_types():
    chosen = library.choose(library.items("03"), 8, seed=5)
    ranks = [library.LEVELS.index(item.question.level) for item in chosen]
    assert ranks == sorted(ranks) and len({item.question.type for item in chosen}) >= 4


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"level": "mid"}, {"t-several", "t-drill"}),
        ({"family": "scale"}, {"t-one", "t-drill"}),
        ({"family": "scale", "level": "mid"}, {"t-drill"}),
        ({"kind": "choice"}, {"t-one", "t-several"}),
        ({"kind": "number"}, {"t-number", "t-drill"}),
        ({"kind": "drill"}, {"t-drill"}),
        ({"kind": "ordering"}, {"t-ordering"}),
        ({"kind": "open", "family": "resilience", "level": "staff"}, {"t-open"}),
    ],
)
def test_filters_leave_what_fits_all_of_them(tmp_path, filters, ids):
    chosen = library.choose(items(library.load(write(tmp_path))), 99, **filters, seed=0)
    assert {item.question.id for item in chosen} == ids


def test_more_than_there_are_gives_all_of_them(tmp_path):
    assert len(library.choose(items(library.load(write(tmp_path))), 99, seed=0)) == 6


@pytest.mark.parametrize(
    ("count", "filters", "told"),
    [
        (0, {}, "count must be at least 1, got 0"),
        (1, {"level": "expert"}, "level must be one of junior, mid, senior, staff, got 'expert'"),
        (1, {"level": ""}, "level must be one of"),
        (1, {"family": "caching"}, "family must be one of scale, .*got 'caching'"),
        (
            1,
            {"kind": "essay"},
            "kind must be one of choice, number, drill, ordering, matching, reading, design, open, got 'essay'",
        ),
        (1, {"family": "data", "level": "mid"}, "no question with family data, level mid here; leave one of them open"),
    ],
)
def test_a_bad_choice_is_refused(tmp_path, count, filters, told):
    with pytest.raises(ValueError, match=told):
        library.choose(items(library.load(write(tmp_path))), count, **filters, seed=0)
