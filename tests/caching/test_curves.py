"""A curve is what the policy itself does at each size; the short cuts are exact (LRU) or near (miniatures)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.caching import curves
from minisys.testbed.workload import Zipf, stream
from tests.caching.reference import mixed


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(-5, 30), max_size=150))
def test_stack_distances_like_the_definition(keys):
    found = curves.stack_distances(np.array(keys, dtype=np.int64)).tolist()
    for i, key in enumerate(keys):
        before = [j for j in range(i) if keys[j] == key]
        assert found[i] == (len(set(keys[before[-1] : i])) if before else 0)


def test_lru_in_one_pass_equals_lru_size_by_size():
    for seed in range(6):
        trace, sizes = mixed(seed), [1, 7, 20, 64, 150, 400, 5_000]
        one_pass = curves.curve("lru", np.array(trace), sizes)["miss_ratio"].tolist()
        runs = [1 - curves.hits(curves.made("lru", trace, size), trace, size).mean() for size in sizes]
        assert one_pass == pytest.approx(runs, abs=1e-12)


def test_a_curve_is_the_policy_at_every_size():
    trace = mixed(3, n=4_000)
    for name in curves.NAMES:
        got = curves.curve(name, np.array(trace), [30, 100])["miss_ratio"].tolist()
        runs = [1 - curves.hits(curves.made(name, trace, size), trace, size).mean() for size in (30, 100)]
        assert got == pytest.approx(runs, abs=1e-12)


@pytest.mark.parametrize("name", ["fifo", "clock", "sieve", "s3-fifo", "lfu"])
def test_a_miniature_is_near(name):
    sizes = [1_000, 4_000]
    for seed in range(2):
        keys = Zipf(20_000, 0.9).sample(200_000, stream(seed, "keys"))
        exact, small = (curves.curve(name, keys, sizes, sample=share)["miss_ratio"] for share in (1.0, 0.1))
        assert np.abs(exact - small).max() < 0.02


def test_no_policy_is_above_the_optimum():
    keys = np.array(mixed(5))
    best = curves.curve("belady", keys, [20, 80])["miss_ratio"]
    assert all((curves.curve(name, keys, [20, 80])["miss_ratio"] >= best).all() for name in curves.NAMES)


def test_what_is_refused():
    for name, sizes, sample in (("lrv", [1], 1.0), ("lru", [], 1.0), ("lru", [0], 1.0), ("lru", [5], 0.0)):
        with pytest.raises(ValueError, match="need a policy"):
            curves.curve(name, np.array([1, 2]), sizes, sample=sample)
    assert curves.stack_distances(np.array([], dtype=np.int64)).tolist() == []
