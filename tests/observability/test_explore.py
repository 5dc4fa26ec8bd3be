"""What the chapter's sliders and tables say."""

import numpy as np
import pytest

from minisys.observability import explore, explore_alerts, explore_healing, shop_traces
from minisys.observability.alerts import Condition, Rule
from minisys.observability.incidents import score
from minisys.testbed import picture

CHARTS = [
    (explore.buckets_at, (name, 3, 0.8)) for name in explore.EDGES
] + [
    (explore.averaging_at, (0, 1, "50")), (explore.averaging_at, (30, 40, "99")),
    (explore_alerts.burn_at, (0.1, 1, "1 h", 1.0)),
    (explore_alerts.burn_at, (100.0, 360, "6 h", 40.0)), (explore_alerts.quality_at, ("3 days", 1.0, "none")),
    (explore_alerts.quality_at, ("5 min", 40.0, "a twelfth")),
]  # fmt: skip


@pytest.mark.parametrize("function, values", CHARTS, ids=[f"{made.__name__}{values}" for made, values in CHARTS])
def test_a_slider_at_its_ends_draws_and_says_something(function, values):
    chart, said = function(*values)
    assert picture.spec(chart)["description"] and said.endswith(".")


def test_the_formula_and_the_looks_agree_in_words():
    said = explore_alerts.burn_at(100.0, 10, "1 h", 14.4)[1]
    assert "Fires after 1 min (formula: 51.8 s)" in said and "It spends 23 % of the month" in said
    assert explore_alerts.burn_at(1.0, 10, "1 h", 14.4)[1].startswith("It never fires")


def test_before_the_incident_nothing_burns():
    chart = explore_alerts.burn_at(2.0, 60, "1 h", 14.4)[0]
    rows = chart.layer[1].data
    assert (rows.loc[(rows["hour"] <= 0) & (rows["kind"] != "threshold"), "burn"] == explore_alerts.FLOOR).all()
    assert 0.0 in set(rows["hour"])


def test_the_mean_of_percentiles_is_half_of_what_users_see():
    rows = explore.averaged().set_index("what")["latency_s"]
    assert rows["mean of the percentiles"] < 0.6 * rows["percentile of all requests"] < 0.3 * rows["largest"]


def test_a_stall_is_one_sample_for_who_waits():
    rows = explore.omission_table().frame.set_index("who recorded")
    assert float(rows.loc["a benchmark that waits", "p99 (s)"]) == 0.01
    assert rows.loc["the same, corrected", "p99 (s)"] == rows.loc["users, who come on time", "p99 (s)"]


def test_a_gauge_read_once_a_minute_misses_twenty_seconds():
    rows = explore.sampled_table().frame.set_index("read every (s)")
    assert rows["gauge: highest seen (%)"].tolist() == ["100", "100", "30", "30"]


def test_the_tables_fit_and_count():
    assert explore_alerts.published_table().frame["budget spent (%)"].tolist() == ["2", "5", "10", "10"]
    assert explore_alerts.kinds_table().frame["incidents"].tolist() == ["40"] * 6
    assert len(explore_alerts.rules_table().frame) == 7
    assert picture.spec(explore_alerts.reported_chart())["description"]


def test_the_slider_scores_as_the_rule_does():
    window_s, burn = explore_alerts.SPANS["6 h"], 6.0
    made = explore_alerts._scored(window_s, burn, window_s / 12)
    rule = Rule("six hours", (Condition(window_s, burn, window_s / 12),))
    whole = score(rule, explore_alerts.drawn(explore_alerts.FEW))
    assert (made.frame["fired"] == whole.frame["fired"]).all()
    assert np.allclose(made.detection_s, whole.detection_s)


def test_the_rule_that_sees_no_outage():
    assert explore_alerts.never_reports("total outage") == "threshold for 1 h"
    with pytest.raises(ValueError, match="found"):
        explore_alerts.never_reports("blip")


@pytest.mark.parametrize("fault", shop_traces.FAULTS)
def test_the_hop_that_grew_on_the_critical_path_is_the_cause(fault):
    case = shop_traces.draw(fault, count=15, seed=3)
    assert explore_healing.blamed(case) == ": ".join(case.cause)


def test_healing_saves_time_where_a_restart_cures_and_pages_elsewhere():
    rows = explore_healing.mttr_table().frame.set_index("trouble")
    assert rows.loc[["crash", "hang"], "ended by"].tolist() == ["restart", "restart"]
    assert set(rows["pages"]) == {"0", "1"} and set(rows["a user calls, a human comes"]) == {"45 min"}
    loops = explore_healing.loop_table().frame.set_index(["rule", "trouble"])["restarts and replacements"]
    assert loops["runbooks with limits", "crash loop"] == "3" and loops["restart, always", "crash loop"] == "123"
