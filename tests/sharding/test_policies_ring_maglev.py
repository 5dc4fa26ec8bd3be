"""The ring and Maglev's table: balance and movement as published (FACTS 5.2), the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from bisect import bisect_left
from collections import Counter
from hashlib import blake2b

import numpy as np
import pytest

from minisys.sharding.policies import hash64, maglev, ring

KEYS = [hash64(f"/item/{k}") for k in range(20_000)]


def names(n: int) -> list[str]:
    return [f"node-{i}" for i in range(n)]


def ring_owners(n: int, points: int) -> list[int]:
    owner, place = ring(names(n), [1.0] * n, points)
    return [owner[bisect_left(place, key) % len(place)] for key in KEYS]


def ring_shares(n: int, points: int) -> np.ndarray:
    """The exact share of the key space that each owner has, relative to the mean."""
    owner, place = ring(names(n), [1.0] * n, points)
    arcs = np.diff(np.array((place[-1] - 2**63, *place), dtype=object)).astype(float)
    return np.bincount(owner, weights=arcs, minlength=n) / 2**63 * n


def maglev_shares(n: int, size: int) -> np.ndarray:
    return np.bincount(maglev(names(n), [1.0] * n, size)[0], minlength=n) / size * n


def test_the_hash_is_blake2b_without_the_last_bit():
    assert hash64("/item/1") == int.from_bytes(blake2b(b"/item/1", digest_size=8).digest(), "big") // 2
    assert 0 <= min(KEYS) and max(KEYS) < 2**63 and len(set(KEYS)) == len(KEYS)


def test_the_ring_has_its_points_in_order_and_by_weight():
    owner, place = ring(["a", "b", "c"], [1, 2, 0], points=50)
    assert list(place) == sorted(place) and Counter(owner) == {0: 50, 1: 100}


@pytest.mark.parametrize(
    ("points", "deviation"), [(1, 0.9979060), (10, 0.3151810), (100, 0.0996996), (1000, 0.0315723)]
)
def test_the_ring_is_as_uneven_as_lamping_and_veach_say(points, deviation):
    owners = 400 if points < 1000 else 60
    assert ring_shares(owners, points).std() == pytest.approx(deviation, rel=0.15)


def test_one_more_owner_moves_one_key_in_eleven_and_only_to_the_new_one():
    before, after = ring_owners(10, 1000), ring_owners(11, 1000)
    moved = [(b, a) for b, a in zip(before, after, strict=True) if a != b]
    assert len(moved) / len(KEYS) == pytest.approx(1 / 11, rel=0.08)
    assert {a for _, a in moved} == {10}


def test_by_remainder_ten_of_eleven_keys_move():
    assert sum(key % 10 != key % 11 for key in KEYS) / len(KEYS) == pytest.approx(10 / 11, rel=0.01)


def test_maglev_shares_are_almost_even():
    assert maglev_shares(100, 65_537).max() == pytest.approx(1.0010, abs=2e-4)
    assert maglev_shares(1000, 65_537).max() == pytest.approx(1.0071, abs=2e-4)


def test_maglev_moves_a_little_more_than_it_must_when_one_of_a_thousand_goes():
    whole = np.array(maglev(names(1000), [1.0] * 1000)[0])
    weights = [1.0] * 1000
    weights[500] = 0.0
    moved = np.mean(np.array(maglev(names(1000), weights)[0]) != whole)
    assert np.mean(whole == 500) == pytest.approx(0.0010, rel=0.05)  # what cannot be avoided
    assert moved == pytest.approx(0.00685, rel=0.15)


def test_a_larger_maglev_table_is_more_even_and_moves_less():
    assert maglev_shares(1000, 655_373).max() == pytest.approx(1.0010, abs=2e-4)


def test_maglev_respects_weights():
    counts = np.bincount(maglev(["a", "b", "c", "d"], [1, 2, 4, 0], 7001)[0], minlength=4)
    assert counts[3] == 0 and counts[:3] / 7001 == pytest.approx([1 / 7, 2 / 7, 4 / 7], abs=1e-3)


def test_maglev_fills_every_entry():
    table, place = maglev(names(5), [1, 1, 1, 1, 0.1], 251)
    assert set(table) == {0, 1, 2, 3, 4} and len(table) == 251 and place == ()


def test_owners_without_weight_make_an_empty_table():
    assert maglev(["a"], [0.0], 7) == ((), ()) and ring(["a"], [0.0], 7) == ((), ())


def test_tables_are_the_same_in_every_process():
    code = "from minisys.sharding.policies import *; print(ring(['a', 'b'], [1, 2], 9), maglev(['a', 'b'], [1, 1], 13))"
    here = f"{ring(['a', 'b'], [1, 2], 9)} {maglev(['a', 'b'], [1, 1], 13)}"
    for seed in ("1", "2"):
        salted = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=salted, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == here


@pytest.mark.parametrize("size", [1, 4, 100, 65_536, 3])
def test_maglev_wants_a_prime_large_enough(size):
    with pytest.raises(ValueError, match=f"got {size}"):
        maglev(names(5), [1.0] * 5, size)


def test_the_ring_wants_a_point():
    with pytest.raises(ValueError, match="got 0"):
        ring(["a"], [1.0], 0)
