"""A cache never holds too much, never gives out what is too old, and counts everything once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.caching.cache import Cache
from minisys.caching.policies import LRU, POLICIES


def length(key, value):
    return len(value)


def test_get_put_delete_and_their_counts():
    cache = Cache("lru", 2)
    assert cache.get("a") is None
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)  # b was used least recently
    assert (cache.get("b"), cache.get("a"), cache.get("c")) == (None, 1, 3)
    assert cache.delete("a") and not cache.delete("a")
    counts = cache.counts
    assert (counts.hits, counts.misses, counts.evictions, counts.expired) == (3, 2, 1, 0)
    assert counts.hit_ratio == 0.6 and len(cache) == 1


def test_bytes_are_counted_and_the_too_large_is_refused():
    cache = Cache("fifo", 10, size_of=length)
    assert cache.put("a", "xxxx") and cache.put("b", "xxxx")
    assert cache.put("c", "xxxxx")  # a goes: 4 + 5 fit
    assert "a" not in cache and cache.used == 9
    assert not cache.put("b", "x" * 11)
    assert "b" not in cache, "a value too large to be held must not leave the old one behind"
    assert cache.counts.refused == 1 and cache.used == 5


def test_a_new_value_replaces_the_old_one_and_its_size():
    cache = Cache("lru", 10, size_of=length)
    cache.put("a", "xx")
    cache.put("a", "xxxxxx")
    assert cache.used == 6 and cache.get("a") == "xxxxxx"
    cache.put("a", "yyyyyy", ttl_s=5)
    assert cache.get("a", now=4.9) == "yyyyyy" and cache.get("a", now=5.0) is None


def test_expired_is_a_miss_and_not_an_eviction():
    cache = Cache("sieve", 5)
    cache.put("a", 1, now=10.0, ttl_s=2.0)
    cache.put("b", 2, now=10.0)
    assert cache.get("a", now=11.99) == 1
    assert cache.get("a", now=12.0) is None
    assert cache.get("b", now=1e9) == 2
    counts = cache.counts
    assert (counts.expired, counts.evictions, counts.misses, len(cache)) == (1, 0, 1, 1)


def test_a_put_without_ttl_takes_the_old_ttl_away():
    cache = Cache("lru", 5)
    cache.put("a", 1, ttl_s=2.0)
    cache.put("a", 2, now=1.0)
    assert cache.get("a", now=50.0) == 2


def test_active_expiry_removes_most_of_what_nobody_asks_for():
    cache = Cache("lru", 10_000)
    for i in range(5_000):
        cache.put(i, i, ttl_s=1.0 if i % 2 else 100.0)
    assert cache.expire(0.5, random.Random(1)) == 0
    rng, left = random.Random(1), []
    for _ in range(100):  # ten seconds of Redis, which does it ten times a second
        cache.expire(2.0, rng)
        left.append((len(cache) - 2_500) / len(cache))
    assert left[-1] < 0.25, "the share of expired keys that the rule allows"
    gone = 5_000 - len(cache)
    assert all(i in cache for i in range(0, 5_000, 2))
    assert cache.counts.expired == gone


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["get", "put", "delete", "expire"]),
        st.integers(0, 15),
        st.integers(1, 8),
        st.sampled_from([None, 0.5, 3.0]),
        st.floats(0, 1),
    ),
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(POLICIES)), st.integers(1, 30), CALLS)
def test_capacity_age_and_counts_hold_after_any_calls(name, capacity, calls):
    cache, now, gets = Cache(name, capacity, size_of=lambda key, value: value[0]), 0.0, 0
    for call, key, size, ttl_s, step in calls:
        now += step
        if call == "get":
            gets += 1
            value = cache.get(key, now=now)
            assert value is None or value[1] is None or now < value[1]
        elif call == "put":
            cache.put(key, (size, None if ttl_s is None else now + ttl_s), now=now, ttl_s=ttl_s)
        elif call == "delete":
            cache.delete(key)
        else:
            cache.expire(now, random.Random(key))
        assert cache.used == sum(value[0] for value in cache.values.values()) <= capacity
        assert set(cache.sizes) == set(cache.values) and set(cache.mortal.keys) == set(cache.deadline_s)
    assert cache.counts.hits + cache.counts.misses == gets


def test_what_is_refused():
    with pytest.raises(ValueError, match="ttl_s must be above 0"):
        Cache("lru", 3).put("a", 1, ttl_s=0)
    with pytest.raises(ValueError, match="capacity"):
        Cache("lru", 0)
    with pytest.raises(ValueError, match="capacity"):
        Cache(LRU(), 0)
