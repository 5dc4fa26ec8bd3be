"""Every policy is the policy of the papers: hit for hit what independent libraries do, and within the known bounds."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import cachetools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.caching.admission import FrequencySketch, WTinyLFU
from minisys.caching.belady import Belady
from minisys.caching.cache import Cache
from minisys.caching.policies import LFU, POLICIES, policy
from tests.caching.reference import Exactly, dict_hits, hits, lfu_halving, library_hits, mixed, size_of, w_tinylfu

SEEDS = range(24)
CAPACITIES = (20, 33, 64, 150)
LIBRARY = {"fifo": "FIFO", "lru": "LRU", "clock": "Clock", "lfu": "LFU", "sieve": "Sieve", "s3-fifo": "S3FIFO"}
TRACES = st.lists(st.integers(0, 12), max_size=120)


def capacity_of(seed: int) -> int:
    return CAPACITIES[seed % len(CAPACITIES)]


@pytest.mark.parametrize("name", LIBRARY)
def test_hit_for_hit_like_libcachesim(name):
    library = pytest.importorskip("libcachesim", reason="libcachesim has no wheel here")
    for seed in SEEDS:
        trace, capacity = mixed(seed), capacity_of(seed)
        theirs = library_hits(getattr(library, LIBRARY[name])(capacity, hashpower=14), trace)
        assert hits(policy(name, capacity), trace, capacity) == theirs, f"seed {seed}"
        assert 0.2 < sum(theirs) / len(trace) < 0.95


def test_belady_hit_for_hit_like_libcachesim():
    library = pytest.importorskip("libcachesim", reason="libcachesim has no wheel here")
    for seed in SEEDS:
        trace, capacity = mixed(seed), capacity_of(seed)
        assert hits(Belady(trace), trace, capacity) == library_hits(library.Belady(capacity, hashpower=14), trace)


@pytest.mark.parametrize("name", LIBRARY)
def test_with_sizes_hit_for_hit_like_libcachesim(name):
    library = pytest.importorskip("libcachesim", reason="libcachesim has no wheel here")
    for seed in range(20):
        trace, capacity = mixed(seed), 150 + 130 * (seed % 4)
        cache = Cache(name, capacity, size_of=lambda key, value: size_of(key))
        ours = []
        for key in trace:
            ours.append(cache.get(key) is not None)
            if not ours[-1]:
                cache.put(key, "page")
        theirs = library_hits(getattr(library, LIBRARY[name])(capacity, hashpower=14), trace, sized=True)
        assert ours == theirs, f"seed {seed}"


@pytest.mark.parametrize(
    ("name", "made"), [("fifo", cachetools.FIFOCache), ("lru", cachetools.LRUCache), ("lfu", cachetools.LFUCache)]
)
def test_hit_for_hit_like_cachetools(name, made):
    for seed in SEEDS:
        trace, capacity = mixed(seed), capacity_of(seed)
        assert hits(policy(name, capacity), trace, capacity) == dict_hits(made(capacity), trace), f"seed {seed}"


def test_random_hit_for_hit_like_cachetools_with_the_same_draws():
    for seed in SEEDS:
        trace, capacity, rng = mixed(seed), capacity_of(seed), random.Random(seed)
        theirs = cachetools.RRCache(capacity, choice=lambda keys, rng=rng: keys[int(rng.random() * len(keys))])
        ours = policy("random", capacity, rng=random.Random(seed))
        assert hits(ours, trace, capacity) == dict_hits(theirs, trace), f"seed {seed}"


def test_w_tinylfu_hit_for_hit_like_a_second_implementation():
    for seed in SEEDS:
        trace, capacity = mixed(seed), (20, 150, 250, 33)[seed % 4]
        ours = hits(WTinyLFU(capacity, Exactly(10 * capacity)), trace, capacity)
        assert ours == w_tinylfu(trace, capacity), f"seed {seed}"


def test_the_sketch_changes_few_decisions_of_w_tinylfu():
    for seed in range(6):
        trace = mixed(seed, n=20_000, keys=2_000)
        sketched, exact = (hits(p, trace, 150) for p in (policy("w-tinylfu", 150), WTinyLFU(150, Exactly(1500))))
        assert abs(sum(sketched) - sum(exact)) < 0.01 * len(trace)


def test_lfu_with_ageing_like_the_definition():
    for seed in range(20):
        trace, capacity = mixed(seed, n=3_000), capacity_of(seed)
        ours = hits(LFU(capacity, ageing=3), trace, capacity)
        assert ours == lfu_halving(trace, capacity, 3), f"seed {seed}"


def test_ageing_lets_old_favourites_go():
    trace = [key for key in range(10) for _ in range(50)] + [100 + i % 10 for i in range(2_000)]
    assert sum(hits(policy("lfu", 10), trace, 10)[500:]) == 0  # ten new keys in turn never displace the old ones
    assert sum(hits(policy("lfu with ageing", 10), trace, 10)[500:]) > 1_000


@settings(max_examples=150, deadline=None)
@given(TRACES, st.integers(1, 8))
def test_no_policy_beats_belady_or_holds_too_much(trace, capacity):
    best = sum(hits(Belady(trace), trace, capacity))  # hits() asserts the capacity
    assert all(sum(hits(policy(name, capacity), trace, capacity)) <= best for name in POLICIES)


@settings(max_examples=150, deadline=None)
@given(TRACES, st.integers(1, 8))
def test_a_larger_lru_holds_all_that_a_smaller_one_holds(trace, capacity):
    small, large = (
        hits(policy("lru", capacity), trace, capacity),
        hits(policy("lru", capacity + 1), trace, capacity + 1),
    )
    assert all(there or not here for here, there in zip(small, large, strict=True))


def test_a_larger_fifo_can_have_fewer_hits():
    """Belady's anomaly, his own example: 3 pages 3 hits, 4 pages 2."""
    trace = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5]
    assert sum(hits(policy("fifo", 3), trace, 3)) == 3
    assert sum(hits(policy("fifo", 4), trace, 4)) == 2


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(POLICIES)), st.integers(1, 6), st.lists(st.tuples(st.sampled_from("gpd"), st.integers(0, 9)))
)
def test_policy_and_cache_agree_on_who_is_held(name, capacity, calls):
    """After any calls the policy can name every key that is held once, and no other."""
    cache = Cache(name, capacity)
    for call, key in calls:
        if call == "g":
            cache.get(key)
        elif call == "p":
            cache.put(key, "page")
        else:
            cache.delete(key)
    held = set(cache.values)
    assert len(held) <= capacity
    assert {cache.policy.evict() for _ in range(len(held))} == held


def test_a_scan_costs_lru_its_hits_and_spares_sieve_and_s3_fifo():
    trace = [i % 50 for i in range(500)] + [1_000 + i for i in range(100)] + [i % 50 for i in range(50)]
    after = {name: sum(hits(policy(name, 100), trace, 100)[-50:]) for name in POLICIES}
    assert after["lru"] == after["fifo"] == 0
    assert after["sieve"] == after["s3-fifo"] == after["lfu"] == after["w-tinylfu"] == 50


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=200))
def test_a_sketch_never_says_too_little(keys):
    sketch = FrequencySketch(16, sample=10_000)
    for key in keys:
        sketch.add(key)
    assert all(sketch.estimate(key) >= min(15, keys.count(key)) for key in set(keys))


def test_a_sketch_halves_after_its_sample():
    sketch = FrequencySketch(1024, sample=10)
    for _ in range(9):
        sketch.add("page")
    assert sketch.estimate("page") == 9
    sketch.add("page")
    assert sketch.estimate("page") == 5


@pytest.mark.parametrize("name", POLICIES)
def test_one_trace_one_answer_in_two_processes(name):
    program = (
        "from minisys.caching.cache import Cache\n"
        f"c = Cache({name!r}, 20)\n"
        "for i in range(3000):\n"
        "    key = f'page {i * i % 97}'\n"
        "    c.get(key) or c.put(key, i)\n"
        "print(c.counts, sorted(c.values))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": salt}, capture_output=True, text=True
        ).stdout
        for salt in ("1", "2")
    }
    assert len(said) == 1 and "hits=" in said.pop()


def test_what_is_refused():
    with pytest.raises(ValueError, match="unknown eviction policy 'sive', did you mean 'sieve'"):
        policy("sive", 10)
    for capacity in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="capacity must be a whole number"):
            policy("lru", capacity)
