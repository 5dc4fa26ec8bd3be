"""Modulo, jump, rendezvous, bounded loads: published vectors and figures, and what must hold for any keys."""

from __future__ import annotations

from collections import Counter
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.sharding.policies import bounded, hash64, jump, modulo, on_ring, rendezvous, ring

KEYS = [hash64(f"/item/{k}") for k in range(10_000)]
NAMES = [f"node-{i}" for i in range(11)]


@pytest.mark.parametrize(("key", "shards", "owner"), [(1, 1, 0), (42, 57, 43), (0xDEAD10CC, 1, 0), (256, 1024, 520)])
def test_jump_hash_gives_the_published_vectors(key, shards, owner):
    assert jump(key, shards) == owner


@given(st.integers(0, 2**64 - 1), st.integers(1, 200))
def test_jump_stays_or_goes_to_the_new_shard(key, shards):
    before, after = jump(key, shards), jump(key, shards + 1)
    assert 0 <= before < shards and after in (before, shards)


def test_jump_moves_one_key_in_eleven():
    moves = sum(jump(key, 10) != jump(key, 11) for key in KEYS) / len(KEYS)
    assert moves == pytest.approx(1 / 11, abs=2.6 * (1 / 11 * 10 / 11 / len(KEYS)) ** 0.5)  # 99 % of a binomial


def test_modulo_is_the_remainder_and_moves_ten_in_eleven():
    assert [modulo(key, 7) for key in range(9)] == [0, 1, 2, 3, 4, 5, 6, 0, 1]
    assert sum(modulo(k, 10) != modulo(k, 11) for k in KEYS) / len(KEYS) == pytest.approx(10 / 11, abs=0.0075)


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=9), st.integers(2, 10), st.integers(0, 9))
def test_when_a_rendezvous_owner_goes_only_its_keys_move(key, owners, gone):
    gone %= owners
    names = NAMES[:owners]
    before = rendezvous(key, names, [1.0] * owners)
    after = rendezvous(key, names, [float(i != gone) for i in range(owners)])
    assert after != gone and (before in (after, gone))


def test_rendezvous_shares_by_weight():
    n, weights = 6_000, [1.0, 2.0, 3.0, 0.0]
    found = Counter(rendezvous(f"k{i}", NAMES[:4], weights) for i in range(n))
    expected = n * np.array(weights[:3]) / 6
    assert found[3] == 0
    assert sum((found[i] - expected[i]) ** 2 / expected[i] for i in range(3)) < 9.21  # chi-square, 2 degrees, 99 %


def test_rendezvous_needs_somebody():
    with pytest.raises(ValueError, match="no owner has a weight above 0"):
        rendezvous("k", ["a"], [0.0])


@given(st.integers(1, 8), st.floats(1.0, 3.0), st.lists(st.integers(0, 2**63 - 1), max_size=300))
def test_nobody_holds_more_than_the_bound_and_who_has_room_keeps_its_keys(shards, bound, keys):
    table = ring(NAMES[:shards], [1.0] * shards, 20)
    owners = bounded(table, keys, shards, bound)
    room, held = ceil(bound * len(keys) / shards), Counter(owners)
    assert len(owners) == len(keys) and all(count <= room for count in held.values())
    if all(count < room for count in held.values()):
        assert owners == [on_ring(table, key) for key in keys]


@pytest.mark.parametrize(("bound", "hops"), [(1.1, 2.48), (1.25, 1.38), (1.5, 0.57), (2.0, 0.20)])
def test_a_tighter_bound_passes_keys_further_on(bound, hops):
    """100 shards with one point each: steps clockwise for a key, as FACTS 5.2 has it; the mean of 20 rings."""
    n, found = 100, []
    for seed in range(20):
        names = [f"{seed}/{i}" for i in range(n)]
        owner, _ = table = ring(names, [1.0] * n, 1)
        rank = {shard: i for i, shard in enumerate(owner)}
        home = [rank[on_ring(table, key)] for key in KEYS]
        got = [rank[shard] for shard in bounded(table, KEYS, n, bound)]
        found.append(float(np.mean((np.array(got) - home) % n)))
    assert np.mean(found) == pytest.approx(hops, rel=0.3)


def test_a_bound_of_125_percent_tames_zipf():
    """FACTS 5.2: with 100 shards and Zipf 1.1 the busiest has 7.22 times the mean without a bound, 1.25 with one."""
    rng = np.random.default_rng(3)
    chance = np.arange(1, 10_001) ** -1.1
    drawn = rng.choice(10_000, 40_000, p=chance / chance.sum())
    asked = [KEYS[k] for k in drawn]
    table = ring([f"n{i}" for i in range(100)], [1.0] * 100, 200)
    free = Counter(on_ring(table, key) for key in asked)
    tamed = Counter(bounded(table, asked, 100, 1.25))
    assert max(free.values()) / 400 > 5 and max(tamed.values()) == 500


@pytest.mark.parametrize("bound", [0.99, 0, float("nan")])
def test_a_bound_below_one_has_no_room_for_all(bound):
    with pytest.raises(ValueError, match="at least 1, got"):
        bounded(ring(["a"], [1.0]), [1], 1, bound)


def test_jump_wants_a_shard():
    with pytest.raises(ValueError, match="got 0"):
        jump(1, 0)
