"""A prediction is committed once, compared later, and kept; without a reader nothing fails."""

from __future__ import annotations

import pytest

from minisys.grading.progress import Progress
from minisys.testbed.predict import predict


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path))


def test_without_a_reader_there_is_no_prediction_and_nothing_fails():
    asked = predict("p99 at 90 % load", unit="s")
    assert asked.value is None
    verdict = asked.reveal(3.1)
    assert verdict.hit is None and "3.1" not in str(verdict._repr_mimebundle_())
    assert str(verdict).startswith("Commit to an answer above, then run this cell again.")
    assert str(asked.reveal(3.1, anyway=True)) == "It is 3.1 s."
    assert Progress().history() == []


def test_the_verdict_says_which_number_it_is():
    said = predict("Mean time", 4, unit="ms").reveal(3.1, which="in the long run").said
    assert said == "You said 4 ms. It is 3.1 ms in the long run: within a factor of 2."


@pytest.mark.parametrize(
    ("answer", "actual", "hit", "says"),
    [
        (4, 3.1, True, "You said 4 s. It is 3.1 s: within a factor of 2."),
        (2, 3.1, True, "within a factor of 2"),
        (40, 3.1, False, "too high by a factor of 12.9"),
        (0.3, 3.1, False, "too low by a factor of 10.3"),
        (3.1, 3.1, True, "and so it is"),
        (0, 3.1, False, "You said 0 s. It is 3.1 s."),
        (-1, 3.1, False, "You said -1 s."),
    ],
)
def test_a_number_is_a_hit_within_a_factor(answer, actual, hit, says):
    verdict = predict("p99", answer, unit="s").reveal(actual)
    assert verdict.hit is hit
    assert says in verdict.said


def test_a_share_is_missed_by_points():
    asked = predict("Served", 80, unit="%")
    assert asked.reveal(44.5, within=1.3).said == "You said 80 %. It is 44.5 %: 35.5 points too high."


def test_the_factor_can_be_chosen():
    assert predict("p99", 4, unit="s").reveal(3.1, within=1.2).hit is False
    with pytest.raises(ValueError, match="at least 1, not 0.5"):
        predict("p99", 4).reveal(3.1, within=0.5)


def test_a_choice_is_right_or_not():
    asked = predict("Which policy?", "random", choices=["random", "round robin"])
    assert asked.reveal("random").hit is True
    assert asked.reveal("round robin").said == "You said random. It is round robin."


def test_the_reader_commits_in_the_page_and_it_is_kept():
    asked = predict("p99", unit="s", chapter=3, item="tail")
    asked.committed = 4.0  # what the button sends
    row = Progress().history("prediction", 3)[0]
    assert (row.item, row.detail["answer"], row.detail["unit"]) == ("tail", 4.0, "s")


def test_the_first_commitment_stands():
    asked = predict("p99", chapter="03", item="tail")
    asked.committed = 4.0
    asked.committed = 3.1  # another copy of the page, after the result was seen
    assert asked.value == 4.0
    assert [row.detail["answer"] for row in Progress().history("prediction")] == [4.0]


def test_it_is_there_again_tomorrow():
    predict("p99", chapter="03", item="tail").committed = 4.0
    again = predict("p99", chapter="03", item="tail")
    assert again.value == 4.0
    assert len(Progress().history("prediction")) == 1


def test_another_item_or_chapter_has_its_own():
    predict("p99", chapter="03", item="tail").committed = 4.0
    assert predict("p99", chapter="03", item="mean").value is None
    assert predict("p99", chapter="04", item="tail").value is None


def test_what_came_out_is_kept_beside_the_prediction():
    predict("p99", 4, chapter="03", item="tail").reveal(3.1)
    assert Progress().history("reveal", 3)[0].detail["hit"] is True


def test_an_item_without_a_name_is_called_by_its_question():
    asked = predict("Which policy has the shortest tail?")
    assert asked.item == "which-policy-has-the-shortest-tail"


def test_a_committed_choice_that_is_no_longer_offered_is_forgotten():
    predict("Which?", choices=["a", "b"], chapter="03", item="which").committed = "a"
    assert predict("Which?", choices=["b", "c"], chapter="03", item="which").value is None


def test_the_saved_notebook_shows_the_question():
    shown, _ = predict("Which policy <fastest>?", choices=["a", "b"])._repr_mimebundle_()
    assert shown["text/plain"] == "Predict: Which policy <fastest>? (a; b)"
    assert "&lt;fastest&gt;" in shown["text/html"]


def test_the_verdict_has_a_word_and_a_mark_beside_its_colour():
    html = predict("p99", 40, unit="s").reveal(3.1)._repr_mimebundle_()["text/html"]
    assert "ms-warn" in html and "too high" in html


@pytest.mark.parametrize(
    ("answer", "choices", "says"),
    [
        ("four", (), "is a finite number, not 'four'"),
        (float("nan"), (), "is a finite number"),
        (True, (), "is a finite number"),
        ("c", ("a", "b"), "'c' is not one of the choices: a, b"),
    ],
)
def test_an_answer_of_the_wrong_kind_says_so(answer, choices, says):
    with pytest.raises(ValueError, match=says):
        predict("p99", answer, choices=choices)
