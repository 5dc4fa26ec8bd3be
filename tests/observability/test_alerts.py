"""Alert rules: the published table, what a window sees, and rules as Prometheus reads them."""

import math

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.observability import rules
from minisys.observability.alerts import DAILY, PUBLISHED, STEPS, Condition, Rule, burn_for, published, ratio, stays
from minisys.observability.slo import DAY_S, HOUR_S, Slo

SLO = Slo(0.999)


def test_the_published_table_is_computed_exactly():
    rows = [(c.severity, c.window_s, c.short_s, c.burn) for c in (*PUBLISHED.conditions, DAILY)]
    assert rows == [
        ("page", HOUR_S, 300, 14.4), ("page", 6 * HOUR_S, 1_800, 6.0), ("ticket", 3 * DAY_S, 6 * HOUR_S, 1.0),
        ("ticket", DAY_S, 2 * HOUR_S, 3.0),
    ]  # fmt: skip
    assert [round(100 * SLO.threshold(row[3]), 6) for row in rows] == [1.44, 0.6, 0.1, 0.3]
    assert burn_for(0.01, HOUR_S) == 7.2  # often misquoted as 14.4


def test_a_total_outage_trips_the_fast_rule_first():
    minutes = [condition.detection_s(1.0, SLO) / 60 for condition in PUBLISHED.conditions]
    assert minutes == pytest.approx([0.864, 2.16, 4.32])
    assert PUBLISHED.detection_s(1.0, SLO) == pytest.approx(51.84)


def test_other_periods_have_other_rates():
    assert [condition.burn for condition in published(28 * DAY_S).conditions][0] == 13.44


def series(*errors, of=100):
    """Counters of *of* events a minute, with these many errors in each."""
    return np.arange(1.0, len(errors) + 1) * 60, np.cumsum(errors), np.cumsum([of] * len(errors))


def test_a_window_holds_exactly_its_minutes():
    times_s, bad, total = series(0, 10, 0, 0, 0)
    assert ratio(times_s, bad, total, 120).tolist() == pytest.approx([0, 0.1, 0.05, 0, 0])
    assert ratio(times_s, bad, total, 60).tolist() == pytest.approx([0, 0.1, 0, 0, 0])


def test_no_traffic_is_no_error():
    assert ratio(*series(0, 0, 0, of=0), 120).tolist() == [0, 0, 0]


def test_for_waits_and_starts_again():
    true = np.array([0, 1, 1, 1, 0, 1, 1], bool)
    times_s = np.arange(7) * 60.0
    assert stays(times_s, true, 120).tolist() == [False, False, False, True, False, False, False]
    assert stays(times_s, true, 60).tolist() == [False, False, True, True, False, False, True]
    assert stays(times_s[:3], np.ones(3, bool), 120).tolist() == [False, False, True]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=3, max_size=120), st.integers(2, 60), st.floats(0.5, 40))
def test_a_second_window_only_ever_takes_away(errors, minutes, burn):
    times_s, bad, total = series(*errors, of=20)
    one = Condition(60.0 * minutes, burn).fires(times_s, bad, total, SLO)
    both = Condition(60.0 * minutes, burn, 60.0 * minutes / 12).fires(times_s, bad, total, SLO)
    assert not (both & ~one).any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=3, max_size=60), st.sampled_from(STEPS))
def test_many_incidents_at_once_are_each_judged_alone(errors, rule):
    times_s, bad, total = series(*errors, of=20)
    both = rule.fires(times_s, np.stack([bad, 0 * bad]), np.stack([total, total]), SLO)
    assert (both[0] == rule.fires(times_s, bad, total, SLO)).all() and not both[1].any()


@pytest.mark.parametrize("error_ratio", [0.02, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("rule", STEPS[3:], ids=lambda rule: rule.name)
def test_detection_and_reset_are_as_computed(rule, error_ratio):
    of, minutes = 1_000_000, 4_320
    errors = np.zeros(3 * minutes, np.int64)
    errors[minutes : minutes + 180] = int(error_ratio * of)
    times_s, bad, total = series(*errors, of=of)
    for condition in rule.conditions:
        fires = condition.fires(times_s, bad, total, SLO)
        predicted = condition.detection_s(error_ratio, SLO)
        if predicted > 180 * 60:
            assert not fires.any()
            continue
        first = times_s[fires.argmax()] - minutes * 60
        assert first - 60 <= predicted <= first + 1e-6
        last = times_s[np.flatnonzero(fires)[-1]] - (minutes + 180) * 60
        assert condition.reset_s(error_ratio, 180 * 60, SLO) == pytest.approx(last, abs=61)


def test_a_faster_clock_changes_times_and_nothing_else():
    quick = PUBLISHED.faster(720)
    assert [c.window_s for c in quick.conditions] == pytest.approx([5, 30, 360])
    assert quick.detection_s(0.1, SLO) == pytest.approx(PUBLISHED.detection_s(0.1, SLO) / 720)


def test_rules_as_prometheus_reads_them():
    made = yaml.safe_load(rules.to_prometheus(PUBLISHED, SLO))
    windows, alerts = (group["rules"] for group in made["groups"])
    assert [row["record"].rsplit("ratio_rate")[1] for row in windows] == ["5m", "30m", "1h", "6h", "3d"]
    assert alerts[0]["expr"] == (
        "job:slo_errors_per_request:ratio_rate1h > (14.4 * 0.001) and "
        "job:slo_errors_per_request:ratio_rate5m > (14.4 * 0.001)"
    )
    assert [row["labels"]["severity"] for row in alerts] == ["page", "page", "ticket"]
    waiting = yaml.safe_load(rules.to_prometheus(STEPS[2], SLO))["groups"][1]["rules"][0]
    assert waiting["for"] == "1h" and " and " not in waiting["expr"]
    assert "promtool" in rules.check(rules.to_prometheus(PUBLISHED, SLO)) or "SUCCESS" in rules.check("groups: []")


def test_what_promtool_refuses_is_an_error(tmp_path, monkeypatch):
    fake = tmp_path / "promtool"
    fake.write_text("#!/bin/sh\necho bad expression; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(ValueError, match="bad expression"):
        rules.check("groups: []")


@pytest.mark.parametrize("seconds, said", [(300, "5m"), (5 * DAY_S, "5d"), (90, "90s"), (0.25, "250ms")])
def test_durations(seconds, said):
    assert rules.window(seconds) == said


@pytest.mark.parametrize("call", [
    lambda: Condition(0, 1), lambda: Condition(60, 0), lambda: Condition(60, 1, 60), lambda: Condition(60, 1, for_s=-1),
    lambda: Condition(60, 1, severity="mail"), lambda: Rule("x", ()), lambda: Rule("", (DAILY,)),
    lambda: burn_for(0, 60), lambda: rules.window(0.0001),
])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_an_error_ratio_under_the_threshold_is_never_found():
    assert PUBLISHED.conditions[0].detection_s(0.0144, SLO) == math.inf
