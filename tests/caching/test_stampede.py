"""How many compute when a key expires, under each rule: exactly one where that is promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.caching import stampede_model, tiers
from minisys.caching.stampede import COMPUTE, REFRESH, RULES, SERVE, WAIT, Copy, rule
from minisys.testbed.workload import Deterministic, HotSet, Poisson, Uniform, Workload, workload

SEEDS = range(5)
FRESH, OLD = Copy(0.05, 10.0), Copy(0.05, 5.0)


def readers(seed, rate=500.0, n=4_000, keys=1):
    return workload(n, arrivals=Poisson(rate), work=Deterministic(0.05), keys=Uniform(keys), seed=seed)


def crowd(n=500):
    """Everybody at once, and nothing in the cache."""
    return Workload(np.zeros(n), np.full(n, 0.05), np.zeros(n), np.full(n, 1000), np.linspace(0, 0.999, n))


@pytest.mark.parametrize(
    ("name", "copy", "computing", "action"),
    [
        ("none", FRESH, False, SERVE),
        ("none", OLD, True, COMPUTE),
        ("none", None, True, COMPUTE),
        ("single flight", FRESH, True, SERVE),
        ("single flight", OLD, False, COMPUTE),
        ("single flight", OLD, True, WAIT),
        ("single flight", None, True, WAIT),
        ("stale-while-revalidate", FRESH, False, SERVE),
        ("stale-while-revalidate", OLD, False, REFRESH),
        ("stale-while-revalidate", OLD, True, SERVE),
        ("stale-while-revalidate", None, False, COMPUTE),
        ("stale-while-revalidate", None, True, WAIT),
        ("stale-while-revalidate", Copy(0.05, -60.0), False, COMPUTE),
        ("xfetch", FRESH, False, SERVE),
        ("xfetch", OLD, True, COMPUTE),
        ("xfetch", None, True, COMPUTE),
    ],
)
def test_the_rules_at_seven_seconds(name, copy, computing, action):
    assert rule(name)(copy, 7.0, computing, 0.5) == action


@given(st.floats(0, 1, exclude_max=True), st.floats(0.001, 1.0), st.floats(0.0, 5.0))
def test_xfetch_is_early_with_the_published_probability(luck, took_s, before_s):
    """P(early) = exp(-time left / (beta took)): the reader's luck decides on which side it is."""
    early = rule("xfetch")(Copy(took_s, 10.0), 10.0 - before_s, False, luck) == COMPUTE
    chance = math.exp(-before_s / took_s)
    if abs((1 - luck) - chance) > 1e-6:
        assert early == (1 - luck < chance)


def test_a_crowd_of_500_on_one_missing_key():
    computed = {name: len(stampede_model.simulate(name, crowd()).computations) for name in RULES}
    assert computed == {"none": 500, "single flight": 1, "stale-while-revalidate": 1, "xfetch": 500}


def test_single_flight_computes_once_for_each_expiry():
    for seed in SEEDS:
        run = stampede_model.simulate("single flight", readers(seed), ttl_s=1.0)
        starts = sorted(asked for asked, _, _ in run.computations)
        assert np.diff(starts).min() > 1.0 and run.queue().computations.max() == 1
        assert run.stale == 0


def test_stale_while_revalidate_makes_nobody_wait_after_the_first():
    for seed in SEEDS:
        run = stampede_model.simulate("stale-while-revalidate", readers(seed), ttl_s=1.0)
        later = run.trace.frame["sent_s"] > 0.2
        assert run.trace.latency_s[later].max() == 0
        assert run.stale > 0


def test_xfetch_needs_fewer_than_no_protection_and_makes_fewer_wait():
    for seed in SEEDS:
        bare, early = (stampede_model.simulate(name, readers(seed), ttl_s=1.0) for name in ("none", "xfetch"))
        assert len(early.computations) < len(bare.computations)
        assert (early.trace.latency_s > 0).sum() < (bare.trace.latency_s > 0).sum()
        assert early.stale == bare.stale == 0


def test_keys_are_apart():
    run = stampede_model.simulate("single flight", readers(1, keys=20), ttl_s=1e6)
    assert sorted(key for *_, key in run.computations) == list(range(20))


def test_a_hot_key_and_its_cures():
    offered = workload(20_000, arrivals=Poisson(5_000.0), work=Deterministic(0.001), keys=HotSet(5_000, 1, 0.4), seed=2)
    bare, split, local = (
        tiers.cluster(offered, **cure)
        for cure in ({}, {"hot": [0], "copies": 8}, {"local_items": 50, "local_ttl_s": 1.0})
    )
    assert bare.hottest_share > 0.4 and split.hottest_share < 0.25 and local.hottest_share < 0.2
    for load in (bare, split, local):
        assert load.local_hits + sum(load.answered.values()) == load.requests == 20_000
        assert load.database <= sum(load.answered.values())
    assert local.local_hits > 0.3 * 20_000 and bare.local_hits == 0
    assert split.database - bare.database <= 8, "a copy is fetched once each"


def test_remembering_that_a_key_is_missing():
    offered = workload(20_000, arrivals=Poisson(1_000.0), work=Deterministic(0.001), keys=Uniform(1_100), seed=3)
    bare = tiers.missing_keys(offered, existing=1_000, capacity=2_000)
    kept = tiers.missing_keys(offered, existing=1_000, capacity=2_000, negative_ttl_s=1e6)
    assert bare.for_missing == (offered.key >= 1_000).sum()
    assert kept.for_missing == len(set(offered.key[offered.key >= 1_000]))
    assert kept.for_existing == bare.for_existing and kept.hit_ratio == bare.hit_ratio


def test_what_is_refused():
    with pytest.raises(ValueError, match="unknown protection 'lock'"):
        stampede_model.simulate("lock", readers(1, n=10))
    for bad in ({"ttl_s": 0}, {"workers": 0}):
        with pytest.raises(ValueError, match="need ttl_s"):
            stampede_model.simulate("none", readers(1, n=10), **bad)
    with pytest.raises(ValueError, match="serve, compute, wait or refresh"):
        stampede_model.simulate(lambda *_: "hope", readers(1, n=10))
    with pytest.raises(ValueError, match="need nodes"):
        tiers.cluster(readers(1, n=10), copies=0)
