"""Moving data under load: the fast twin, Pollaczek-Khinchine, and what rate and size of the pieces do to users."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from minisys.sharding import resharding
from minisys.sharding.resharding import Move
from minisys.testbed.workload import Exponential, Poisson, Uniform, Workload, workload

QUICK = Move(data_mb=40.0, begin_s=1.0)


def users(seed: int, n: int = 6_000, rate: float = 1_500.0) -> Workload:
    return workload(n, arrivals=Poisson(rate), work=Exponential(0.001), keys=Uniform(3_000), seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_the_fast_twin_is_the_model_request_by_request(seed):
    offered = users(seed)
    made = resharding.simulate(offered, QUICK)
    found, moved_s = resharding.latencies(offered, QUICK)
    assert np.allclose(made.trace.latency_s, found, rtol=0, atol=1e-9)
    assert made.moved_s == pytest.approx(moved_s, abs=1e-9)
    assert made.trace.count("ok") == len(offered)


def test_afterwards_the_new_shard_has_its_quarter_and_nobody_else_gained():
    offered = users(1)
    made = resharding.simulate(offered, QUICK)
    frame = made.trace.frame
    late = frame["sent_s"] > made.moved_s
    served = Counter(frame["server"][late].astype(str))
    assert served["shard-3"] / late.sum() == pytest.approx(0.25, abs=0.06)
    assert "shard-3" not in set(frame["server"][frame["sent_s"] < QUICK.begin_s].astype(str))
    before, piece = resharding.places(offered, QUICK, 3)
    stay = np.array([f"shard-{i}" for i in before])[piece < 0]
    assert list(frame["server"][piece < 0].astype(str)) == list(stay)


def test_a_move_that_outlives_the_users_has_no_end():
    assert resharding.simulate(users(1, 500), Move(data_mb=1_000.0)).moved_s == math.inf


def test_waiting_while_data_move_is_as_pollaczek_and_khinchine_say():
    """One old shard; its pieces come on a timetable, which is kinder than at random by a little."""
    rate, service, piece_mb, speed = 400.0, 0.001, 2.0, 10.0
    move = Move(data_mb=300.0, rate_mb_per_s=speed, piece_mb=piece_mb, cost_s_per_mb=0.01, begin_s=0.001)
    waits = []
    for seed in range(5):
        offered = users(seed, 12_000, rate)
        found, _ = resharding.latencies(offered, move, shards=1)
        before, piece = resharding.places(offered, move, 1)
        stayed = piece < 0
        waits.append(float((found - offered.work_s)[stayed].mean()))
        served = float(stayed.mean())
    low = resharding.wait_s(rate * served, service, speed / piece_mb, piece_mb * 0.01)
    high = resharding.wait_s(rate, service, speed / piece_mb, piece_mb * 0.01)
    assert 0.85 * low < np.mean(waits) < 1.05 * high  # keys leave the old shard while the pieces do


def test_faster_and_larger_pieces_make_users_wait_longer():
    made = resharding.sweep([users(seed, 12_000) for seed in range(3)], [10, 60], [0.1, 5.0], data_mb=40.0, begin_s=1.0)
    p99 = made.groupby(["piece_mb", "rate_mb_per_s"])["p99_s"].mean()
    assert p99[0.1, 10] < p99[0.1, 60] and p99[0.1, 10] < p99[5.0, 10] and p99[5.0, 10] > 1.5 * p99[0.1, 60]


def test_a_move_knows_its_length_and_what_it_adds():
    move = Move(data_mb=100.0, rate_mb_per_s=20.0, piece_mb=2.0, cost_s_per_mb=0.03)
    assert (move.pieces, move.takes_s) == (50, 5.0) and move.utilisation(3) == pytest.approx(0.2)
    assert len(move.times_s()) == 50 and move.times_s()[-1] == pytest.approx(5.0 + 49 * 0.1)


@pytest.mark.parametrize("bad", [{"data_mb": 0}, {"rate_mb_per_s": -1}, {"piece_mb": 0}, {"cost_s_per_mb": math.nan}])
def test_a_move_wants_numbers_above_0(bad):
    with pytest.raises(ValueError, match="must be above 0"):
        Move(**bad)


def test_bad_numbers_elsewhere():
    with pytest.raises(ValueError, match="got 0"):
        resharding.simulate(users(1, 5), QUICK, shards=0)
    with pytest.raises(ValueError, match="utilisation is 1.2"):
        resharding.wait_s(1_200.0, 0.001, 0.0, 0.0)
