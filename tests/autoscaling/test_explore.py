"""The chapter's pictures: they say what the model says, follow every control, and carry the chapter's claims."""

import math
import re

import pandas as pd
import pytest

from minisys.autoscaling import explore, explore_control, explore_cost, pareto, theory
from minisys.testbed import picture


def drawn(chart):
    made = picture.spec(chart)
    assert made["description"]
    return made


def rows(table):
    return table.frame.set_index(table.frame.columns[0])


def number(text):
    return float(str(text).replace(",", ""))


@pytest.mark.parametrize("rule", explore.RULES)
def test_every_rule_and_every_corner_of_the_sliders_draws(rule):
    for target, boot, warm, peak in ((30, 5, 8, 10), (90, 300, 0, 40)):
        chart, said = explore.rule_at(rule, target, boot, warm, peak)
        assert drawn(chart)["title"]
        assert said.startswith(f"{rule}: ")


def test_the_caption_says_what_the_run_says():
    made = explore.run("Kubernetes", 0.7, 120.0, 0, 28.0)
    said = explore.rule_at("Kubernetes", 70, 120, 0, 28)[1]
    assert f"{100 * made.missed(4.0):.1f} %" in said
    assert f"{made.hours():.2f} machine hours" in said


def test_the_bad_day_is_bad_and_the_metric_is_blind():
    drawn(explore.bad_day())
    drawn(explore.blind_metric())
    first = rows(explore.bad_day_table()).iloc[0].map(number)
    assert first.iloc[0] + first.iloc[1] > 80  # nearly nobody is served in time
    assert first.iloc[2] > 95
    looks = explore.run("Kubernetes", 0.7, 120.0, 0, explore.PEAK_PER_S).frame()
    assert looks["utilisation"].max() == 1.0


def test_a_longer_boot_misses_more_with_every_rule():
    for rule in ("Kubernetes", "target tracking", "step", "Kubernetes and backlog"):
        missed = [explore.run(rule, 0.7, boot_s, 0, 28.0).missed(4.0) for boot_s in (1.0, 60.0, 240.0)]
        assert missed == sorted(missed)


def test_orders_theory_and_simulation_agree():
    frame = explore.orders_table().frame
    assert (frame.iloc[:, 1].map(number) == frame.iloc[:, 2].map(number)).all()


@pytest.mark.parametrize(("gain", "boot"), [(5, 0), (100, 0), (5, 8), (100, 8)])
def test_the_swing_says_what_theory_says(gain, boot):
    chart, said = explore_control.swing_at(gain, boot)
    drawn(chart)
    assert f"stable up to {theory.largest_gain(boot):.3f}" in said
    assert ("swings for ever" in said) == (gain / 100 >= theory.largest_gain(boot))
    turns = int(re.search(r"turns: (\d+)", said)[1])
    assert turns > 10 if (gain, boot) == (100, 8) else turns >= 0


def test_machines_that_are_sent_away_lose_nothing_and_hold_something():
    made = explore_control.fast.simulate(pareto.pods(0.6, 60.0), pareto.evening(0), cloud=explore_cost.traffic.cloud())
    held = explore_control.sent_away(made)
    assert len(held) == sum(lease.ready_s < lease.left_s < math.inf for lease in made.leases)
    assert sum(held) > 0
    assert made.trace.count("failed") == 0


def test_cold_starts_are_as_many_as_the_formula_says():
    frame = explore_control.zero_table().frame
    for _, row in frame.iterrows():
        predicted, simulated = number(row.iloc[1]) / 100, number(row.iloc[2]) / 100
        assert abs(predicted - simulated) < 3.3 * math.sqrt(predicted * (1 - predicted) / 400) + 1 / 400


def test_a_forecast_wins_at_the_doors_and_loses_with_the_surprise():
    def missed(kind, name):
        policy = explore_cost.foresight(kind)[name]
        cloud = explore_cost.traffic.cloud()
        return pareto.judge(policy, explore_cost.evening(kind, 1), cloud, 1)

    sees, foresees = explore_cost.REACTS, explore_cost.FORESEES
    doors, surprise, holiday = explore_cost.DOORS, explore_cost.SURPRISE, explore_cost.HOLIDAY
    assert missed(doors, foresees)["missed_percent"] < missed(doors, sees)["missed_percent"] / 3
    assert missed(surprise, foresees)["missed_percent"] > 3 * missed(surprise, sees)["missed_percent"]
    assert missed(holiday, foresees)["hours"] > 1.3 * missed(holiday, sees)["hours"]
    drawn(explore_cost.foresight_chart())


def test_the_front_is_drawn_and_the_dearer_a_miss_the_fewer_of_them():
    runs = pd.concat([
        pd.DataFrame([{"rule": rule, "boot_s": 120.0, "seed": 0} | pareto.judged(rule)])
        for rule in list(pareto.rules())[::5]
    ])  # fmt: skip
    drawn(explore_cost.front_chart(runs))
    hours = explore_cost.front_table(runs).frame.iloc[:-1, 1].map(number)
    assert hours.is_monotonic_increasing
    missed = explore_cost.per_customer_table(runs).frame["missed (%)"].map(number)
    assert missed.is_monotonic_decreasing


def test_one_machine_ends_where_the_sizes_end():
    frame = explore_cost.vertical_table().frame
    assert number(frame.iloc[-1, 2]) == 64
    assert number(frame.iloc[-1, 3]) > 60


def test_the_explorers_begin_without_an_error():
    assert explore.rule_explorer().error == ""
    assert explore_control.swing_explorer().error == ""
