"""What is shown before an answer, and what an answer is worth."""

from __future__ import annotations

import subprocess
import sys

import pytest

from minisys.interview import library
from minisys.interview.judge import draw, judge
from minisys.interview.schema import Open
from minisys.testbed.units import UnclearError
from tests.interview.questions import BANK, write


@pytest.fixture
def bank(tmp_path):
    questions = {question.id: question for question in library.load(write(tmp_path)).questions}
    return {name.removeprefix("t-"): question for name, question in questions.items()}


def place(asked, *texts):
    """Where the options with these texts are shown."""
    return [asked.public()["options"].index(text) for text in texts]


@pytest.mark.parametrize("seed", range(5))
def test_one_choice(bank, seed):
    asked = draw(bank["one"], seed)
    right, wrong = (judge(asked, place(asked, text)[0]) for text in ("Left", "Right"))
    assert (right.points, wrong.points) == (1, 0)
    assert ("bad", "Right", "WHY-RIGHT") in wrong.notes and ("good", "Left", "WHY-LEFT") in wrong.notes
    assert wrong.right == "Left" and wrong.explanation == "EXPLAINED-ONE"


@pytest.mark.parametrize(
    ("chosen", "points"),
    [
        (("Alpha", "Gamma"), 1),
        (("Alpha",), 0.75),
        (("Alpha", "Beta"), 0.5),
        (("Beta", "Delta"), 0),
        (("Gamma", "Beta"), 0.5),
    ],
)
def test_of_several_choices_each_counts_and_each_gets_its_reason(bank, chosen, points):
    asked = draw(bank["several"], 3)
    verdict = judge(asked, place(asked, *chosen))
    assert verdict.points == points and {why for *_, why in verdict.notes} >= {"WHY-ALPHA", "WHY-BETA"}
    assert verdict.right == "Alpha; Gamma"


@pytest.mark.parametrize("answer", [None, [], [9], [0, 0], "0", [True], [-1], [0, 1]])
def test_what_is_no_choice_is_no_answer(bank, answer):
    with pytest.raises(UnclearError):
        judge(draw(bank["one"], 0), answer)


def test_a_number_is_right_within_its_tolerance_and_in_any_unit(bank):
    asked = next(a for seed in range(50) if (a := draw(bank["number"], seed)).values["rate"] == 90)
    assert "90 requests" in asked.prompt
    assert [judge(asked, text).points for text in ("100 ms", "0.1 s", "98.5", "97", "104 ms")] == [1, 1, 1, 0, 0]


def test_a_typical_slip_gets_its_own_feedback(bank):
    asked = draw(bank["number"], 0)
    assert judge(asked, "10 ms").notes == (("bad", "10 ms", "SLIP-SERVICE"),)
    assert judge(asked, "77 ms").notes == ()


@pytest.mark.parametrize(
    ("answer", "points", "notes"), [("120", 1, ()), ("0.3", 0, (("bad", "0.3 writes", "SLIP-LAG"),))]
)
def test_a_drill_shows_its_working_whether_right_or_wrong(bank, answer, points, notes):
    verdict = judge(draw(bank["drill"], 0), answer)
    assert (verdict.points, verdict.notes) == (points, notes)
    assert verdict.steps == (("STEP-LAG", "300 ms ÷ 1,000", "0.3 s"), ("STEP-LOST", "400 × 0.3 s", "120 writes"))


def test_a_number_without_steps_has_no_working(bank):
    assert judge(draw(bank["number"], 0), "10 ms").steps == ()


def test_another_kind_of_quantity_is_asked_again(bank):
    with pytest.raises(UnclearError, match="another kind"):
        judge(draw(bank["number"], 0), "10 MB")


@pytest.mark.parametrize(
    ("order", "points"),
    [(("First", "Second", "Third", "Fourth"), 1), (("Fourth", "Third", "Second", "First"), 0),
     (("Second", "First", "Third", "Fourth"), 5 / 6)],
)  # fmt: skip
def test_an_order_is_judged_by_pairs(bank, order, points):
    asked = draw(bank["ordering"], 2)
    verdict = judge(asked, place(asked, *order))
    assert verdict.points == pytest.approx(points) and "WHY-ORDER" in verdict.explanation


def test_an_order_is_never_shown_solved(bank):
    assert all(list(draw(bank["ordering"], seed).order) != [0, 1, 2, 3] for seed in range(200))


def test_an_open_answer_counts_only_points_with_evidence_from_it(bank):
    text = "Requests wait in line, because QUEUES grow. Then clients try again and again."
    evidence = {0: "because   queues grow", 1: "clients retry", "2": ""}
    verdict = judge(draw(bank["open"], 0), {"text": text, "evidence": evidence})
    assert verdict.points == pytest.approx(1 / 3)
    assert [mark for mark, *_ in verdict.notes] == ["good", "bad", "note"]
    assert "grow”; does it say this? because" in verdict.notes[0][2]
    other = judge(draw(bank["open"], 0), {"text": text, "evidence": {2: "Requests wait in line"}})
    assert "does it say this? None of the words that one would expect is in it." in other.notes[2][2]
    assert "not in your answer" in verdict.notes[1][2] and "no evidence" in verdict.notes[2][2]


@pytest.mark.parametrize(("evidence", "points", "said"), [
    ({0: "because QUEUES, grow"}, 0.6, "1 of 3 points with evidence from your answer, 6 of 10 by weight."),
    ({1: "clients try again"}, 0.15, "1.5 of 10"), ({1: "clients try again", 2: "requests wait"}, 0.4, "4 of 10"),
    ({}, 0, "0 of 10"),
])  # fmt: skip
def test_points_of_a_rubric_count_by_their_weight(tmp_path, evidence, points, said):
    text = BANK
    for name, weight in (("QUEUE", 6), ("RETRY", 1.5), ("CHECK", 2.5)):
        text = text.replace(f"{{point: POINT-{name},", f"{{point: POINT-{name}, weight: {weight},")
    question = next(one for one in library.load(write(tmp_path, text)).questions if one.id == "t-open")
    told = {"text": "Requests wait in line, because queues grow. Then clients try again.", "evidence": evidence}
    verdict = judge(draw(question, 0), told)
    assert verdict.points == pytest.approx(points) and said in verdict.said
    assert [what for _, what, _ in verdict.notes] == ["POINT-QUEUE (60 %)", "POINT-RETRY (15 %)", "POINT-CHECK (25 %)"]


def test_the_workbooks_open_questions_weigh_a_hundred_in_all():
    there = [item.question for item in library.items("15") if isinstance(item.question, Open)]
    assert {sum(point.weight for point in one.rubric) for one in there} == {100} and all(one.weighted for one in there)


def test_a_scrap_of_words_is_no_evidence(bank):
    text = "We kept a queue here and it grows; well."
    for scrap in ("e kept a que", "........ , .", "a queue grows", "grow", "   "):
        assert judge(draw(bank["open"], 0), {"text": text, "evidence": {0: scrap}}).points == 0, scrap


def test_a_single_common_word_is_no_evidence(bank):
    text = "a queue grows here and so on"
    with pytest.raises(UnclearError, match="“a” is too short to say anything: quote at least 8 letters"):
        judge(draw(bank["open"], 0), {"text": text, "evidence": {0: "a"}})
    verdict = judge(draw(bank["open"], 0), {"text": text, "evidence": {0: "z"}})
    assert verdict.points == 0


def test_an_empty_open_answer_is_no_answer(bank):
    with pytest.raises(UnclearError, match="at least a sentence"):
        judge(draw(bank["open"], 0), {"text": "dunno", "evidence": {}})


NO_ANSWER = (
    None, True, "0", "1,2", [], [0, 0], [0, 1, 1], [-1], [99], [0.0], [True], [None], [[0]], {"a": 1}, {0, 1}, b"x",
    float("nan"), 10**30, "<script>", {"text": None}, {"text": 123}, {"text": ["a b c d e"]}, {"text": "- - - - - -"},
    {"text": "\u202e \u200f \u200b \u2066 \u2069 \u202c"}, {"evidence": {0: "because queues"}}, {},
)  # fmt: skip


@pytest.mark.parametrize("kind", ["one", "several", "ordering", "open"])
@pytest.mark.parametrize("answer", NO_ANSWER, ids=lambda one: str(one)[:20])
def test_what_is_no_answer_is_asked_again_and_never_breaks(bank, kind, answer):
    with pytest.raises(UnclearError):
        judge(draw(bank[kind], 0), answer)


@pytest.mark.parametrize(
    "evidence", [None, ["because queues grow"], "because", {0: None}, {0: 5}, {"1": ["x"]}, {7: "a b"}]
)
def test_evidence_that_is_none_earns_nothing(bank, evidence):
    told = {"text": "Requests wait, because queues grow and grow.", "evidence": evidence}
    assert judge(draw(bank["open"], 0), told).points == 0


def test_nothing_of_the_key_is_public(bank):
    shown = str([draw(question, seed).public() for question in bank.values() for seed in range(5)])
    for secret in ("WHY", "EXPLAINED", "SLIP", "STEP", "MODEL", "POINT-", "FLAG", "mm1", "lost_writes", "right"):
        assert secret not in shown.replace("'Right'", "").replace("Which is right", "").replace("Which are right", "")


def test_a_seed_gives_the_same_draw_in_another_process(tmp_path, bank):
    path = write(tmp_path, BANK, "78_test.yaml")
    code = (
        "import sys; from pathlib import Path; from minisys.interview import library, judge\n"
        "for q in library.load(Path(sys.argv[1])).questions: print(judge.draw(q, 7).public())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(draw(question, 7).public()) for question in bank.values()]
