"""The rubric: weights of a hundred, thresholds, and no score without evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.interview.quotes import is_quote
from minisys.interview.rubric import DECISIVE, DIMENSIONS, PLAN, checked, reason, rubric, scorecard, verdict

ORDER = ("no hire", "no decision", "hire", "strong hire")
CARDS = st.fixed_dictionaries({name: st.integers(0, 4) for name in DIMENSIONS})


def all_at(score, **others):
    """The same score everywhere, but for some dimensions (with _ for a blank or a hyphen)."""
    card = dict.fromkeys(DIMENSIONS, score)
    for name, other in others.items():
        card[next(each for each in card if each.replace(" ", "_").replace("-", "_") == name)] = other
    return card


def test_the_weights_add_up_to_a_hundred_and_the_plan_to_45_minutes():
    assert sum(one.weight for one in DIMENSIONS.values()) == 100
    assert sum(minutes for _, minutes, _ in PLAN) == 45


@pytest.mark.parametrize(
    ("scores", "points", "said"),
    [
        (all_at(4), 100, "strong hire"),
        (all_at(3), 75, "hire"),
        (all_at(4, communication=2), 97.5, "hire"),  # strong needs 3 everywhere
        (all_at(4, communication=1), 96.25, "no decision"),  # a 1 anywhere is no hire's mark
        (all_at(4, deep_dive=1), 85, "no hire"),
        (all_at(4, trade_offs=1), 92.5, "no hire"),
        (all_at(3, scoping=2, estimation=2), 68.75, "no decision"),
        (all_at(2, deep_dive=3), 55, "no decision"),
        (all_at(2), 50, "no hire"),
        (all_at(0), 0, "no hire"),
    ],
)
def test_points_and_verdict(scores, points, said):
    assert verdict(scores) == (points, said)


@given(CARDS, st.sampled_from(list(DIMENSIONS)))
def test_a_better_score_never_makes_the_verdict_worse(card, name):
    better = card | {name: min(4, card[name] + 1)}
    assert verdict(better)[0] >= verdict(card)[0]
    assert ORDER.index(verdict(better)[1]) >= ORDER.index(verdict(card)[1])


@given(CARDS)
def test_a_decisive_weakness_decides(card):
    if min(card[name] for name in DECISIVE) <= 1:
        assert verdict(card)[1] == "no hire"


@pytest.mark.parametrize(
    ("scores", "told"),
    [({}, "score each of scoping, .*; got none"), (all_at(5), "a score is 0, 1, 2, 3 or 4, not 5"),
     (all_at(3) | {"charm": 4}, "score each of"), (all_at(3, scoping=-1), "scoping: a score is"),
     (all_at(3, scoping=2.5), "not 2.5")],
)  # fmt: skip
def test_a_bad_card_is_refused(scores, told):
    with pytest.raises(ValueError, match=told):
        verdict(scores)


def test_a_scorecard_shows_evidence_and_demands_it():
    card = {name: (3, f"said so about {name}") for name in DIMENSIONS}
    shown = str(scorecard(card))
    assert shown.startswith("75 of 100 points: hire\n") and "said so about deep dive" in shown
    with pytest.raises(ValueError, match="scoping: no score without evidence"):
        scorecard(card | {"scoping": (4, " ")})


@pytest.mark.parametrize(
    "row", [None, 3, (3,), (3, "a", "b"), "35", (True, "said so"), (3.0, "said so"), ("3", "said so")]
)
def test_a_row_that_is_none_is_refused_with_its_dimension(row):
    with pytest.raises(ValueError, match="scoping: choose a score from 0 to 4"):
        checked(dict.fromkeys(DIMENSIONS, row), ["said so"])


@pytest.mark.parametrize("card", [None, [], "x", 3])
def test_what_is_no_card_is_refused(card):
    with pytest.raises(ValueError, match="scoping: choose a score"):
        checked(card, ["said so"])


@pytest.mark.parametrize(("quote", "good"), [
    ("TWO COPIES, IN TWO ZONES!", True), ("two\ncopies\tin two\u00a0zones", True), ("“Two copies in two zones”", True),
    ("two copies in two zone", False), ("copies in zones two", False), ("\u202etwo copies in two zones", True),
    ("Two copies in two zones, because one dies. And so on", False), ("one dies. Then we", False),
])  # fmt: skip
def test_a_quote_is_whole_words_of_one_saying(quote, good):
    assert is_quote(quote, ["Two copies in two zones, because one dies.", "Then we wait."], 12) is good


def test_the_rubric_names_every_dimension_and_its_sources():
    shown = str(rubric())
    assert all(name in shown for name in DIMENSIONS) and "systemoverflow.com" in shown


@pytest.mark.parametrize(
    ("base", "given", "why"),
    [(4, {}, ""), (3, {}, ""), (3, {"deep dive": 1}, "deep dive 1"), (2, {}, "below 55 points"),
     (3, {"scoping": 1}, "below 70 points"), (4, {"scoping": 1}, "scoping 1")],
)  # fmt: skip
def test_the_verdict_has_its_reason(base, given, why):
    assert reason(dict.fromkeys(DIMENSIONS, base) | given) == why
