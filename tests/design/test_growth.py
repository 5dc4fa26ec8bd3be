"""The shop's eleven steps: each text is what `write` writes, and each answers the number it was built for."""

from __future__ import annotations

import pytest

from minisys.design import growth_steps as shop
from minisys.design.growth_live import LIVE, at_rate, predicted
from minisys.design.growth_steps import STEPS, TRIALS, step, tried
from minisys.design.live_plan import plan
from minisys.design.text import check, read, write


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_a_valid_text_in_the_form_that_write_gives(name):
    text = shop.text(name)
    why, _, rest = text.partition("\n")
    assert why.startswith("# ") and rest == write(read(text)) and step(name).name == name
    check(step(name))


CURES = [  # before, after, trial: the share answered rises, or the p99 falls, by far more than chance
    ("one server", "copies", "sale", "answered"),
    ("copies", "cache", "sale", "p99"),
    ("cache", "queue", "slow bank", "p99"),
    ("zones", "patience", "zone lost", "answered"),
    ("edge", "shards", "great sale", "answered"),
    ("elastic", "distance", "region lost", "answered"),
]


@pytest.mark.parametrize(("before", "after", "trial", "what"), CURES)
def test_a_step_answers_the_number_it_was_built_for(before, after, trial, what):
    old, new = tried(before, trial), tried(after, trial)
    if what == "answered":
        assert new.availability > old.availability + 0.05
    else:
        assert new.latency_s(99) < old.latency_s(99) / 3 and new.availability >= old.availability
    new.conservation()


def test_three_copies_without_time_limits_do_not_survive_a_silent_building():
    assert tried("zones", "zone lost").availability < 0.6
    assert tried("zones", "quiet").availability == 1


def test_no_step_with_replicas_loses_a_confirmed_order():
    for name in STEPS[STEPS.index("zones") :]:
        assert tried(name, "zone lost").lost_writes == 0


def test_what_changed_names_new_parts_fields_and_arrows():
    said = repr(shop.what_changed("one server", "copies"))
    assert "new: 2 copies, calls app" in said and "copies: 1; policy: round robin" in said
    assert "calls app: ≤ 5 s" in said and "calls balancer: ≤ 5 s" in said
    assert "gone" in repr(shop.what_changed("elastic", "regions"))


def test_a_table_of_steps_says_what_the_runs_say():
    table = shop.beside("one server", "copies", "sale").frame
    assert list(table["step"]) == ["one server", "copies"]
    assert table["answered"][0] == f"{100 * tried('one server', 'sale').availability:.4g} %"
    assert "db" in table["busiest"][1]
    ladder = shop.ladder(["quiet"], ["one server", "copies"]).frame
    assert list(ladder.columns) == ["step", "quiet"] and len(ladder) == 2
    assert "users us" in repr(shop.timed_out("regions", "quiet"))
    who = shop.reads_and_orders("cache", "slow bank").frame
    assert list(who["who"]) == ["reads", "orders"] and who["answered"][0] == "100 %"


def test_a_far_write_costs_the_trips_between_its_copies():
    rows = shop.far_writes("regions", "db", "us").frame
    assert list(rows["primary in"]) == ["eu-a", "us-a", "asia-a", "eu-a"]
    assert rows["together"][2] == "401 ms" and rows["together"][1] == "93.4 ms"


def test_what_is_not_there_is_told():
    with pytest.raises(ValueError, match="no step 'cash'; there are one server, copies"):
        shop.text("cash")
    with pytest.raises(ValueError, match="no trial 'sail'; there are quiet, sale"):
        tried("copies", "sail")


def test_the_live_shop_can_be_started_and_theory_has_its_knee():
    assert len(plan(LIVE)) >= 12 and LIVE["app"].policy == "random"
    check(at_rate(30))
    means = list(predicted((4.0, 20.0, 36.0))["mean_s"])
    assert means[0] < means[1] < means[2] / 2
    assert {trial.for_s for trial in TRIALS.values()} <= {9.0, 12.0, 14.0, 20.0}
