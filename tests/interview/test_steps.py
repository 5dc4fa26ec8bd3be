"""The working of a drill: its text says what its numbers are, for every choice of parameters."""

from __future__ import annotations

import pytest

from minisys.interview import library
from minisys.interview.constants import constant
from minisys.interview.schema import Number
from minisys.interview.steps import filled, lines
from minisys.testbed.units import written
from tests.interview.arithmetic import result

DRILLS = [item.question for item in library.items() if library.KINDS["drill"](item.question)]
BY_HAND = {  # worked on paper, or taken from the source named, with numbers that are not drawn
    "rg-number-restore": ({"size_gb": 60, "mb_per_s": 100, "log_gb": 6, "replay_mb_per_s": 20}, 15),
    "rg-number-busy": ({"regions": 2, "limit_percent": 80}, 40),
    "rg-number-evacuated": ({"every_s": 5, "failures": 2, "ttl_s": 50}, 60),
    "rg-number-two-regions": ({"one_percent": 90, "works_percent": 100}, 99),
    "ds-number-zones": ({"rate": 100, "work_ms": 80, "workers": 4, "zones": 2, "busy_percent": 50}, 8),
    "ds-number-order-cost": ({"month": 2592, "orders_per_s": 1}, 1),
    "ds-number-through-both": ({"rate": 1000, "edge_percent": 50, "cache_percent": 90}, 50),
    "wb-drill-peak": ({"users": 1e6, "actions": 86.4, "peak": 2}, 2000),
    "wb-drill-storage": ({"writes": 1000, "kilobytes": 1, "copies": 1}, 31.536),
    "wb-drill-egress": ({"rate": 1000, "kilobytes": 125}, 1.0),
    "wb-drill-hot-set": ({"objects": 1e6, "kilobytes": 1, "hot_percent": 50, "copies": 2}, 1.0),
    "wb-drill-link-table": (
        {"links": 1e9, "hot_percent": 10, "key_bytes": 7, "url_bytes": 93, "overhead_bytes": 100}, 20.0,
    ),
    "wb-drill-key-length": ({"links_a_month": 3521614606208 / 12, "years": 1}, 7),  # 62 to the power of 7
    "wb-drill-shards": ({"data_tb": 10, "writes": 100, "shard_tb": 2, "shard_writes": 5000, "fill_percent": 50}, 10),
    "wb-drill-servers": ({"rate": 800, "cpu_ms": 10, "cores": 8, "zones": 2, "limit_percent": 50}, 4),
    "wb-drill-probes": ({"balancers": 10, "backends": 30, "interval_s": 3}, 100),
    "wb-drill-json": ({"rate": 1048.576, "kilobytes": 100}, 1.0),
    "wb-drill-month": ({"vcpus": 10, "memory_gb": 100, "blob_tb": 1, "egress_tb": 1}, 470),
    "wb-drill-fan-out": ({"posts": 100, "followers": 200, "capacity": 30000, "famous": 1e6}, 100),
    "wb-drill-slow-pages": ({"calls": 100, "slow_percent": 1}, 63.4),  # Dean and Barroso 2013
    "wb-drill-lost-writes": ({"writes": 1000, "lag_ms": 50}, 50),
    "wb-drill-far-page": ({"calls": 2, "own_ms": 40}, 200),
    "wb-drill-catch-up": ({"burst": 200, "applied": 150, "burst_s": 60, "usual": 100}, 60),
    "wb-drill-stale": ({"copies": 3, "written": 1, "asked": 1}, 66.7),  # Bailis et al. 2012, N = 3, R = W = 1
    "wb-drill-sold-out": ({"seats": 1000, "work_ms": 19.7}, 100),
    "wb-drill-backup-loss": ({"interval_h": 24, "run_h": 3}, 27),
    "wb-drill-restore": ({"terabytes": 3.6, "gbit_per_s": 8, "used_percent": 100}, 1.0),
    "wb-drill-shed": ({"reads": 10000, "hit_percent": 90, "capacity": 2500}, 75),
    "wb-drill-chain": (
        {"gateway_percent": 100, "server_percent": 99, "servers": 2, "database_percent": 99.9}, 43200 * 0.0010999,
    ),
    "wb-drill-retries": ({"rate": 1000, "fail_percent": 10, "attempts": 2}, 1100),
    "re-number-cluster-size": ({"failures": 5}, 11),
    "re-number-in-turn": ({"fsync_ms": 2.5, "trip_ms": 5}, 100),
    "re-number-read-replicas": ({"capacity": 100, "writes": 90, "reads": 95}, 10),
    "re-number-failover": (
        {"writes": 10, "heartbeat_s": 1, "missed": 5, "promotion_s": 2, "redirect_s": 3}, 100,
    ),
    "re-number-election": ({"servers": 2, "low_ms": 100, "high_ms": 200, "trip_ms": 30}, 180),  # one draw: its mean
    "re-number-majority-down": ({"down_percent": 1}, 43200 * (1 - 0.999702)),  # the availability of 2 of 3 at 99 %
    "re-number-versions": ({"copies": 3, "written": 1, "versions": 3}, 100 * 8 / 27),  # Bailis et al. 2012, R = W = 1
    "re-number-commit-wait": ({"epsilon_ms": 4, "majority_ms": 5}, 125),
    "sh-number-slots": ({"primaries": 1}, 8192),
    "sh-number-growing": ({"terabytes": 3.6, "shards": 9, "added": 1, "mb_per_s": 100}, 1.0),
    "sh-number-points": ({"spread_percent": 10}, 100),  # Lamping and Veach 2014: 9.97 %
    "sh-number-hot-limit": ({"shards": 2, "capacity": 75, "hot_percent": 50}, 100),
    "sh-number-tail-allowed": ({"shards": 100, "slow_percent": 63.3968}, 1.0),  # Dean and Barroso 2013
    "sh-number-in-doubt": ({"rate": 100, "window_ms": 50, "rows": 2, "down_s": 1}, 10),
    "qu-number-last-in-spike": ({"peak": 300, "capacity": 100, "spike_s": 50}, 100),
    "qu-number-dead-letter": ({"receives": 4, "visibility_s": 25}, 100),
    "qu-number-drain-workers": ({"backlog": 60, "arriving": 9, "work_ms": 1000, "drain_min": 1}, 10),
    "qu-number-partitions": ({"rate": 100, "work_ms": 50, "busy_percent": 50}, 10),
    "qu-number-group-commit": ({"fsync_ms": 5, "batch": 100, "each_us": 50}, 10_000),
    "qu-number-duplicates": ({"messages": 3.6e6, "window_ms": 10, "crash_h": 10}, 1.0),
    "as-number-pods": ({"current": 50, "metric": 90, "target": 75}, 60),  # Kubernetes documentation
    "as-number-average": ({"servers": 4, "full": 1, "rest_percent": 20}, 40),
    "as-number-saved": ({"peak": 10, "peak_h": 12, "base": 5}, 25),
    "as-number-backlog": ({"messages": 1500, "work_ms": 100, "within_s": 10}, 15),  # EC2 Auto Scaling documentation
    "as-number-trigger": ({"growth_percent": 100, "minutes": 2, "limit_percent": 80}, 20),
    "as-number-refused": ({"load": 150, "capacity": 50, "window_s": 1, "boot_s": 2, "warm_s": 3}, 600),
    "as-number-forecast": ({"rate": 1000, "error_percent": 20, "per_server": 100}, 14),
    "rs-number-cut-off": ({"rate": 1, "percentile": 90}, 360),
    "rs-number-throttled": ({"offered": 1000, "capacity": 100, "k": 2}, 80),
    "rs-number-quota": ({"cost": 10, "fail_percent": 50}, 10),
    "rs-number-hedged-page": ({"servers": 2, "slow_percent": 10}, 1.99),
    "ob-number-minutes-left": ({"slo": 99.9, "days": 30}, 43.2),
    "ob-number-gone-in": ({"slo": 99.9, "error_percent": 1.44}, 50),  # 14.4 uses 2 % an hour: SRE workbook, chapter 5
    "ob-number-rank": ({"low": 900, "high": 1000}, 175),
    "ob-number-page-at": ({"budget_percent": 5, "window_h": 6, "slo": 99.9}, 0.6),  # SRE workbook, chapter 5
    "ob-number-real-ones": ({"checks": 1100, "real": 100, "hit_percent": 50, "false_percent": 5}, 50),
    "ob-number-budget-eaten": ({"incidents": 2, "hurt_percent": 50, "detect": 10, "repair": 11.6}, 50),
    "ch-number-some-kill": ({"servers": 1, "percent": 50}, 96.875),
    "ch-number-may-run": ({"share_percent": 10, "reach_percent": 10, "fail_percent": 100}, 43.2),
    "ch-number-through-proxy": ({"delay_ms": 100, "kilobytes_per_s": 100, "kilobytes": 80}, 1000),
}  # fmt: skip


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.id)
def test_each_step_says_the_arithmetic_that_gives_it(drill: Number):
    for values in drill.combinations():
        found = drill.working(values)
        for step in drill.steps:
            scale = 0.01 if step.unit == "percent" else 1.0
            said = filled(step.how, values, found)
            assert result(said) == pytest.approx(found[step.name] * scale, rel=2e-3), (values, step.name, said)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.id)
def test_the_last_step_is_the_key(drill: Number):
    for values in drill.combinations():
        key = drill.compute(drill.calculation, values)
        assert lines(drill, values)[-1].result == written(key, drill.unit)
        assert list(drill.working(values).values())[-1] == key


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.id)
def test_nothing_is_below_zero_and_no_share_above_a_hundred_percent(drill: Number):
    """A backlog of -120,000 writes would pass every other check."""
    for values in drill.combinations():
        for step in drill.steps:
            top = 100 if step.unit == "percent" else float("inf")
            assert 0 < drill.working(values)[step.name] <= top, (values, step.name)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.id)
def test_a_drill_agrees_with_a_calculation_by_hand(drill: Number):
    values, key = BY_HAND[drill.id]
    assert set(values) == set(drill.parameters)
    assert drill.compute(drill.calculation, values) == pytest.approx(key, rel=1e-3)


def test_there_are_drills_and_each_has_slips_and_numbers_to_draw():
    assert len(DRILLS) >= 14 and set(BY_HAND) == {drill.id for drill in DRILLS}
    assert [drill.id for drill in DRILLS if not drill.slips or len(list(drill.combinations())) < 4] == []


def test_a_drill_that_takes_a_constant_names_its_source():
    names = set(constant_names())
    users = [drill for drill in DRILLS if any(f"{{{name}}}" in str(drill) for name in names)]
    assert len(users) >= 4 and [drill.id for drill in users if "napkin-math" not in drill.source] == []


def constant_names():
    from minisys.interview.constants import figures

    return [name for name, one in figures().items() if one.recent is not None]


def test_a_text_is_filled_with_numbers_steps_and_constants():
    assert filled("{users} × {mean}, {eu_na_east_ms}", {"users": 2e6}, {"mean": 2314.8}) == "2,000,000 × 2,315, 80 ms"
    assert constant("eu_na_east_ms") == 80


@pytest.mark.parametrize(
    ("text", "value"),
    [("2,000 users × 3", 6000), ("(1 − 2 %) ^ 2", 0.9604), ("C(5 − 1, 2)", 6), ("7 ÷ 2, rounded up", 4),
     ("the larger of 3 and 1,200", 1200), ("log(3,844) ÷ log(62)", 2), ("5 ms + 300 µs ÷ 1,000 + 80 ms", 85.3)],
)  # fmt: skip
def test_the_arithmetic_is_understood(text, value):
    assert result(text) == pytest.approx(value)


def test_what_is_no_arithmetic_is_refused():
    with pytest.raises(ValueError, match="no arithmetic"):
        result("__import__('os')")
