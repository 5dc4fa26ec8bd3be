"""What each mode loses when its primary dies, is cut off or stops, over many seeds; and the times beside the theory."""

from __future__ import annotations

import math
import statistics

import pytest

from minisys.replication import failover_model, theory
from minisys.replication.check import linearizable
from minisys.replication.failover_model import Mixed, fail_over
from minisys.replication.raft import Timing

SEEDS = range(4)


@pytest.fixture(scope="module")
def runs():
    return {
        (mode, fault): [fail_over(mode, fault, seed=seed, lag_s=0.01) for seed in SEEDS]
        for mode in failover_model.MODES
        for fault in failover_model.FAULTS
    }


def test_an_asynchronous_primary_loses_acknowledged_writes_and_no_other_mode_does(runs):
    lost = {key: sum(run.lost for run in some) for key, some in runs.items()}
    for fault in failover_model.FAULTS:
        assert lost["async", fault] > 0
        assert lost["semi-sync", fault] == lost["all", fault] == lost["raft", fault] == 0


def test_the_loss_is_what_the_lag_says():
    lost, expected = 0, 0.0
    for seed in range(8):
        run = fail_over("async", seed=seed, lag_s=0.04, timing=Timing((0.6, 1.2), 0.1), steady=True)
        before = [o for o in run.history.ok() if run.began_s + 0.3 < o.responded_s < run.fault_s]
        lost += run.lost
        expected += theory.expected_loss(len(before) / (run.fault_s - run.began_s - 0.3), 0.04)
    assert lost == pytest.approx(expected, abs=3 * math.sqrt(expected))  # a count, about Poisson


def test_whoever_waits_for_a_dead_replica_waits_for_ever(runs):
    assert all(run.back_s == math.inf for run in runs["all", "crash"])
    assert all(run.back_s < 1.5 for mode in ("async", "semi-sync", "raft") for run in runs[mode, "crash"])


def test_first_somebody_notices_then_somebody_leads_then_clients_find_him(runs):
    for mode in ("async", "semi-sync", "raft"):
        for run in runs[mode, "crash"]:
            assert 0.05 < run.detected_s <= run.elected_s < run.back_s


def test_the_election_takes_what_the_formula_says_at_least():
    timing = Timing((0.3, 0.6), 0.05)
    some = [fail_over("raft", seed=seed, lag_s=0.002, timing=timing, clients=2) for seed in range(20)]
    exact = theory.election_s(3, 0.3, 0.6, heartbeat_s=0.05, round_trip_s=2 * 2 * 0.002)
    found = [run.elected_s for run in some]
    assert statistics.median(found) == pytest.approx(exact, rel=0.15)


@pytest.mark.parametrize("seed", range(4))
def test_two_primaries_answer_at_once_and_the_checker_sees_it(seed):
    two = fail_over("async", "cut off", seed=seed, kind=Mixed)
    assert not linearizable(two.history).holds
    assert linearizable(fail_over("raft", "cut off", seed=seed, kind=Mixed).history).holds


def test_semi_synchronous_still_reads_old_values_from_a_primary_that_is_cut_off():
    verdicts = [
        linearizable(fail_over("semi-sync", "cut off", seed=s, kind=Mixed, after_s=3.0).history) for s in range(6)
    ]
    assert any(not v.holds for v in verdicts)


def test_one_seed_gives_one_run_and_bad_input_is_refused():
    assert fail_over("async", seed=3) == fail_over("async", seed=3)
    with pytest.raises(ValueError, match="magic"):
        fail_over("magic")
    with pytest.raises(ValueError, match="earthquake"):
        fail_over("raft", "earthquake")
