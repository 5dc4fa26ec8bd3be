"""Traffic drawn from a rate, the oracle who has seen it, and the front of the rules."""

import joblib
import numpy as np
import pandas as pd
import pytest

from minisys.autoscaling import fast, model, pareto, traffic
from minisys.autoscaling.kubernetes import HorizontalPodAutoscaler
from minisys.testbed.sweep import sweep
from minisys.testbed.workload import Workload

SOME = (
    "Kubernetes 0.5, window 300 s", "Kubernetes 0.8, window 300 s", "8 machines", "oracle 1 %",
    "step 0.6, cooldown 300 s",
)  # fmt: skip


@pytest.mark.parametrize(
    "rate", [traffic.day_curve(), traffic.flash_sale(4, 20, 1_000), traffic.ramp(2, 12, 3_000), traffic.evening(3)]
)
def test_requests_follow_their_rate(rate):
    """In each of ten parts the count lies within five standard deviations of the integral."""
    times = traffic.requests(rate, 5).arrival_s
    counted = np.histogram(times, bins=10, range=(0, traffic.EVENING_S))[0]
    expected = rate(np.arange(0.5, traffic.EVENING_S)).reshape(10, -1).sum(axis=1)
    assert (abs(counted - expected) < 5 * np.sqrt(expected)).all()
    assert (traffic.requests(rate, 5).arrival_s == times).all()


def test_two_evenings_differ_in_their_sale_and_observed_rates_see_it():
    with_sale, without = (traffic.requests(traffic.evening(1, sale=sale), 1) for sale in (True, False))
    seconds = np.arange(0.5, traffic.EVENING_S)
    more = (traffic.evening(1)(seconds) - traffic.evening(1, sale=False)(seconds)).sum()
    assert 8 * 660 < more < 16 * 660
    assert abs(len(with_sale) - len(without) - more) < 5 * np.sqrt(len(with_sale) + len(without))
    assert traffic.observed_rates(with_sale).sum() * 60 == pytest.approx(len(with_sale))
    with pytest.raises(ValueError, match="no request comes"):
        traffic.requests(lambda t: 0.0 * t, 1)


def test_a_recorded_trace_is_replayed_in_both_twins(tmp_path):
    work = traffic.requests(traffic.flash_sale(4, 20, 200), 2, length_s=600)
    work.to_csv(tmp_path / "recorded.csv")
    replayed = Workload.from_csv(tmp_path / "recorded.csv")
    runs = [world.simulate(HorizontalPodAutoscaler(), replayed, cloud=traffic.cloud()) for world in (model, fast)]
    assert runs[0].hours() == runs[1].hours()
    assert runs[0].trace.frame.equals(runs[1].trace.frame)
    assert fast.simulate(traffic.oracle(replayed), replayed, cloud=traffic.cloud()).missed(4.0) <= 0.02


def test_the_sweep_is_the_same_however_many_work_and_the_oracle_is_not_beaten():
    grid = {"rule": list(SOME), "boot_s": [120.0]}
    runs = sweep(pareto.judged, grid, seeds=range(2), jobs=1)
    with joblib.parallel_config(backend="threading"):
        shown = sweep(pareto.judged, grid, seeds=range(2), jobs=2, progress=True)
    assert runs.equals(shown)
    made = pareto.means(runs).set_index("rule")
    perfect = made.loc["oracle 1 %"]
    assert perfect["missed_percent"] < 1.0
    others = made.drop(index="oracle 1 %")
    assert not ((others["hours"] <= perfect["hours"]) & (others["missed_percent"] <= perfect["missed_percent"])).any()
    assert made.loc["8 machines", "turns"] == 0
    assert not perfect["front"]


def test_the_front_is_what_nobody_beats():
    runs = pd.DataFrame({
        "family": ["a", "a", "b", "b", pareto.ORACLE], "rule": ["1", "2", "3", "4", "5"], "seed": 0,
        "hours": [10.0, 12.0, 11.0, 10.0, 1.0], "missed_percent": [3.0, 1.0, 4.0, 3.0, 0.0], "turns": 0,
    })  # fmt: skip
    assert pareto.means(runs)["front"].tolist() == [True, True, False, True, False]


def test_all_rules_have_a_family_and_an_unknown_one_is_refused():
    made = pareto.rules()
    assert len(made) == 52
    assert {family for family, _ in made.values()} == set(pareto.FAMILIES)
    with pytest.raises(ValueError, match="no rule 'hope'; there are Kubernetes 0.4"):
        pareto.judged("hope")


def test_an_oracle_that_allows_more_misses_costs_no_more():
    work = pareto.evening(4)
    hours = [
        fast.simulate(traffic.oracle(work, missed), work, cloud=traffic.cloud()).hours()
        for missed in (0.001, 0.01, 0.1)
    ]
    assert hours == sorted(hours, reverse=True)
