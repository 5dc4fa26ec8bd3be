"""Queries by something else than the shard key: fan-out theory, the work of each design, what a late index misses."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.sharding import fast, scatter, theory
from minisys.testbed.workload import Exponential, Poisson, Workload, Zipf, workload


def orders(seed: int, n: int = 2_000, rate: float = 400.0) -> Workload:
    return workload(n, arrivals=Poisson(rate), work=Exponential(0.001), keys=Zipf(300, 0.7), seed=seed)


@pytest.mark.parametrize("shards", [1, 5, 20])
def test_at_a_low_rate_the_slowest_of_n_follows_the_formula(shards):
    """Work is exponential: slower than t with probability e^(-t); of n shards at least one with 1 - (1 - e^(-t))^n."""
    n, limit = 3_000, 0.003
    seen = []
    for seed in range(5):
        offered = orders(seed, n, rate=2.0)
        made = scatter.simulate("local index", offered, shards=shards, write_share=0.0)
        seen.append(float((made.trace.latency_s > limit).mean()))
    expected = theory.fan_out_tail(float(np.exp(-3.0)), shards)
    error = 2.6 * (expected * (1 - expected) / (5 * n)) ** 0.5
    assert np.mean(seen) == pytest.approx(expected, abs=error + 0.003)  # 0.3 %: now and then two requests meet


def test_the_fast_twin_is_the_model_request_by_request():
    offered = orders(2, 1_500)
    made = scatter.simulate("local index", offered, shards=7, write_share=0.0)
    quick = fast.scattered_s(offered.arrival_s, scatter.works(offered, 7))
    assert np.allclose(made.trace.latency_s, quick, rtol=0, atol=1e-9)


def test_each_design_does_the_work_that_it_should():
    offered, shards = orders(1), 10
    runs = {name: scatter.simulate(name, offered, shards=shards, later_s=0.0) for name in scatter.DESIGNS}
    writes = int(runs["local index"].is_write.sum())
    reads = len(offered) - writes
    assert runs["local index"].pieces == writes + shards * reads
    assert runs["global index"].pieces == 2 * writes + reads
    assert runs["sharded by customer"].pieces == len(offered)
    assert all(run.trace.count("ok") == len(offered) for run in runs.values())


def test_only_the_late_index_misses_orders_and_later_is_worse():
    for name in ("local index", "global index", "sharded by customer"):
        assert scatter.simulate(name, orders(3)).missed == 0
    soon, late = (scatter.simulate("global index, later", orders(3), later_s=later).missed for later in (0.01, 0.3))
    assert 0 < soon < late


def test_a_local_index_pays_on_reads_and_a_global_one_on_writes():
    made = scatter.compare([orders(seed) for seed in range(3)]).groupby("design").mean()
    assert made.loc["local index", "query_p50_s"] > 2 * made.loc["global index", "query_p50_s"]
    assert made.loc["global index", "write_p99_s"] > made.loc["global index, later", "write_p99_s"]


@pytest.mark.parametrize("settings", [{"shards": 0}, {"write_share": 2}, {"later_s": -1}])
def test_a_bad_number_is_named(settings):
    with pytest.raises(ValueError, match=str(next(iter(settings.values())))):
        scatter.simulate("local index", orders(1, 5), **settings)


def test_an_unknown_design_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown design 'index'; known: local index"):
        scatter.simulate("index", orders(1, 5))
