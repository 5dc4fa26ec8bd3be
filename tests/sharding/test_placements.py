"""Slots, ranges, directory and all placements side by side: one owner a key, even shares, the least movement."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot as redis_key_slot

from minisys.sharding import slots, theory
from minisys.sharding.comparison import balance, compared, held_bytes, keys_of, lookup_times, moved, shards_of
from minisys.sharding.placements import NAMES, Directory, Ranges, placement

KEYS = keys_of(6_000)


# Redis hash slots


def test_crc16_has_the_published_check_value():
    assert slots.key_slot(b"123456789") == 0x31C3 == 12_739


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=30), st.text("{}ab", max_size=9).map(str.encode)))
def test_the_slot_is_the_one_that_redis_py_computes(key):
    assert slots.key_slot(key) == redis_key_slot(key)


@pytest.mark.parametrize(
    ("key", "tag"),
    [(b"{user1000}.following", b"user1000"), (b"foo{}{bar}", b"foo{}{bar}"), (b"foo{{bar}}zap", b"{bar"),
     (b"foo{bar}{zap}", b"bar"), (b"foo", b"foo"), (b"}a{", b"}a{"), (b"", b"")],
)  # fmt: skip
def test_hash_tags_as_in_the_cluster_specification(key, tag):
    assert slots.hash_tag(key) == tag


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_rebalancing_is_even_and_moves_no_more_than_it_must(owners, shards):
    listed = sorted(shards)
    moves = slots.rebalance(owners, listed)
    held = Counter(moves.get(i, was) for i, was in enumerate(owners))
    counts = [held[shard] for shard in listed]
    assert sum(counts) == len(owners) and max(counts) - min(counts) <= 1
    share, larger = divmod(len(owners), len(listed))
    before = sorted((owners.count(shard) for shard in listed), reverse=True)
    kept = sum(min(had, share + (rank < larger)) for rank, had in enumerate(before))
    assert len(moves) == len(owners) - kept and all(owners[i] != to for i, to in moves.items())


def test_three_shards_become_four_with_4096_slots_moved():
    moves = slots.rebalance(slots.spread("abc"), "abcd")
    assert len(moves) == 4_096 and set(moves.values()) == {"d"}


def test_slots_want_shards():
    with pytest.raises(ValueError, match="got 0"):
        slots.spread([])
    with pytest.raises(ValueError, match="shards is empty"):
        slots.rebalance(["a"], [])


# Ranges and the directory


@given(st.lists(st.text("abc", min_size=1, max_size=4), max_size=12), st.text("abc", max_size=5))
def test_a_split_moves_only_the_upper_part_and_a_merge_takes_it_back(bounds, key):
    ranges = Ranges((), ("s0",))
    for number, bound in enumerate(dict.fromkeys(bounds), 1):
        was, ranges = ranges, ranges.split(bound, f"s{number}")
        assert ranges.place(key) == was.place(key) or (ranges.place(key) == f"s{number}" and key >= bound)
        assert ranges.merge(bound) == was
    lower = [bound for bound in ranges.bounds if bound <= key]
    assert ranges.place(key) == ranges.owners[len(lower)]


def test_a_split_alone_moves_nothing():
    ranges = Ranges(("m",), ("a", "b"))
    assert ranges.split("d").owners == ("a", "a", "b") and ranges.split("d").shards == ("a", "b")


def test_ranges_complain_about_bounds_that_make_no_sense():
    with pytest.raises(ValueError, match="ascending"):
        Ranges(("b", "a"), ("x", "y", "z"))
    with pytest.raises(ValueError, match="already"):
        Ranges(("b",), ("x", "y")).split("b")
    with pytest.raises(ValueError, match="no two ranges meet at 'c'"):
        Ranges(("b",), ("x", "y")).merge("c")


def test_keys_in_order_flood_one_range_and_spread_over_a_hash():
    today = [f"2026-11-26T12:{second // 60:02d}:{second % 60:02d}" for second in range(1_000)]
    before = [f"2026-11-{day:02d}T{hour:02d}" for day in range(1, 26) for hour in range(24)]
    shards = shards_of(4)
    assert len({placement("ranges", shards, before).place(key) for key in today}) == 1
    assert len({placement("ring", shards).place(key) for key in today}) == 4


def test_a_new_key_gets_a_row_on_the_emptiest_shard():
    directory = Directory(("a", "b"), {"x": "a"})
    assert directory.place("y") == "b" and directory.place("y") == "b" and directory.table["y"] == "b"


# All side by side


@pytest.fixture(scope="module")
def rows():
    return compared(KEYS).set_index("placement")


def test_each_has_every_shard_and_stays_near_its_expected_balance(rows):
    assert list(rows.index) == list(NAMES) and (rows["min_over_mean"] > 0.5).all()
    even = ["modulo", "rendezvous", "jump", "maglev"]
    spread = 3.5 * theory.hash_spread(len(KEYS), 10)
    assert (rows.loc[even, "max_over_mean"] < 1.01 + spread).all()
    assert rows.loc["bounded ring", "max_over_mean"] <= 1.25 + 1e-9
    assert rows.loc[["ranges", "directory"], "max_over_mean"].max() < 1.04


def test_one_more_shard_moves_nearly_all_under_modulo_and_one_in_eleven_elsewhere(rows):
    added = rows["added"] / 100
    assert added["modulo"] == pytest.approx(theory.modulo_movement(10, 11), abs=0.01)
    for name in set(NAMES) - {"modulo"}:
        assert added[name] == pytest.approx(theory.least_movement(10, 11), rel=0.35), name
    assert (rows.loc[["ring", "rendezvous", "jump", "hash slots", "ranges", "directory"], "needless"] == 0).all()
    assert 0 < rows.loc["maglev", "needless"] < 1  # "minimal disruption" is not none


def test_jump_cannot_take_away_a_shard_in_the_middle(rows):
    assert rows.loc["jump", "removed"] > 50 and rows.loc["rendezvous", "removed"] < 15
    jumping = placement("jump", shards_of(10))
    last_gone = jumping.resized(shards_of(9))
    share = moved([jumping.place(key) for key in KEYS], [last_gone.place(key) for key in KEYS])
    assert share == pytest.approx(0.1, abs=0.015)


def test_the_directory_pays_in_memory_and_jump_with_nothing(rows):
    memory = rows["memory_kb"]
    assert memory["jump"] < 1 < memory["ranges"] < memory["directory"]
    assert held_bytes(placement("directory", ["a"], keys_of(2_000)).table) > 1.5 * held_bytes(
        placement("directory", ["a"], keys_of(1_000)).table
    )


def test_weights_survive_a_new_shard():
    from dataclasses import replace

    heavy = replace(placement("ring", ["a", "b"]), weights=(3.0, 1.0)).resized(["a", "b", "c"])
    held = Counter(heavy.place(key) for key in KEYS)
    assert heavy.weights == (3.0, 1.0, 1.0) and held["a"] > 2 * held["b"] and held["c"] > 0


def test_a_look_up_takes_time():
    times = lookup_times(keys_of(300), names=["modulo", "rendezvous"]).set_index("placement")["lookup_us"]
    assert times["rendezvous"] > times["modulo"] > 0  # ten hashes against one


@pytest.mark.parametrize("shards", [[], ["a", "a"]])
def test_a_placement_wants_shards_each_once(shards):
    with pytest.raises(ValueError, match="each once"):
        placement("ring", shards)


def test_an_unknown_placement_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown placement 'rings'; known: modulo, ring"):
        placement("rings", ["a"])


def test_balance_counts_empty_shards():
    assert balance(["a", "a", "b"], ["a", "b", "c"]) == (2.0, 0.0)


def test_every_process_places_alike():
    code = (
        "from minisys.sharding.placements import *; "
        "print([placement(n, ['a', 'b', 'c'], ['k1', 'k2', 'k3']).place('k2') for n in NAMES])"
    )
    here = [placement(name, ["a", "b", "c"], ["k1", "k2", "k3"]).place("k2") for name in NAMES]
    for seed in ("1", "2"):
        salted = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=salted, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(here)
