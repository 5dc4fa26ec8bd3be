"""The chapter's sliders: every corner draws, and what they say is what the models say."""

from __future__ import annotations

import pytest

from minisys.resilience import explore, explore_defences, metastable
from minisys.testbed import picture

MADE = (
    explore.amplification_explorer, explore.metastable_explorer, explore.replay_explorer,
    explore_defences.breaker_explorer, explore_defences.hedging_explorer, explore_defences.jitter_explorer,
)  # fmt: skip


@pytest.mark.parametrize("make", MADE)
def test_the_explorers_begin_without_an_error(make):
    assert make().error == ""


@pytest.mark.parametrize(("draw", "corners"), [
    (explore.amplification_at, [(1, 1, 10), (6, 5, 100)]),
    (explore.metastable_at, [(10, 1, 0.5, "none"), (100, 4, 8.0, "CoDel")]),
    (explore.replay_at, [(1, "as it was"), (55, "CoDel")]),
    (explore_defences.breaker_at, [(1, 0.5, 10), (20, 10.0, 100)]),
    (explore_defences.hedging_at, [(50, 0, 10), (99, 100, 95)]),
    (explore_defences.jitter_at, [(5,), (60,)]),
])  # fmt: skip
def test_every_corner_draws(draw, corners):
    for corner in corners:
        chart, said = draw(*corner)
        assert picture.spec(chart)["title"] and "nan" not in said


def test_every_cure_ends_the_smallest_outage_but_backoff():
    said = {cure: explore.metastable_at(65, 3, 3.0, cure)[1] for cure in explore.CURES}
    down = {cure for cure, text in said.items() if "on 0 % are answered" in text}
    assert down == {"none", "backoff with jitter"}, said


def test_the_replay_finds_workers_that_serve_nobody():
    assert "2 of 8 workers are busy, 0 of them for nobody" in explore.replay_at(9, "as it was")[1]
    assert "8 of 8 workers are busy, 8 of them for nobody" in explore.replay_at(40, "as it was")[1]
    frame = explore.inside(metastable.outage(metastable.CURES["a line of 20 at most"]), 40.0)
    assert frame[(frame["state"] == "in line")]["calls"].max() <= 20


def test_stable_says_how_much_is_left_to_drain_the_line():
    assert "stable, with 0 requests a second left" in explore.metastable_at(50, 2, 3.0, "none")[1]
    assert "stable, with 8 requests a second left" in explore.metastable_at(95, 1, 3.0, "none")[1]


def test_on_a_worse_day_one_defence_alone_is_not_enough():
    found = metastable.compare(metastable.worse_day(), range(2)).groupby("design").mean()
    good = (found["before"] > 0.99) & (found["afterwards"] > 0.99) & (found["calls_per_user"] < 1.5)
    assert list(found.index[good]) == ["deadline, budget, short line"]


def test_the_sentences_carry_the_figures():
    assert "27 calls; the lowest alone 3; budgets 1.33" in explore.amplification_at(3, 3, 100)[1]
    assert "of users are answered, 80 % could be" in explore_defences.breaker_at(5, 3.0, 20)[1]
