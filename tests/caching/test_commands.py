"""Commands against a dictionary: same answers for any sequence of them, and the memory counted is the memory held."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from minisys.caching import keyspace
from minisys.caching.commands import COMMANDS, glob, memory
from minisys.caching.keyspace import Keyspace
from minisys.testbed.resp import Limits
from tests.caching.stage import Talk

KEYS = st.sampled_from([b"a", b"b", b"c"])
VALUES = st.one_of(st.binary(max_size=8), st.integers(-50, 50).map(lambda n: b"%d" % n))


class AgainstADictionary(RuleBasedStateMachine):
    """The model: a dict of value and deadline, looked at the slow way."""

    @initialize()
    def begin(self):
        self.talk, self.model = Talk(), {}

    def held(self, key):
        value, at_s = self.model.get(key, (None, None))
        if at_s is not None and at_s <= self.talk.now:
            del self.model[key]
            return None
        return value

    @rule(key=KEYS, value=VALUES, how=st.sampled_from(["", "NX", "XX"]), keep=st.booleans(), get=st.booleans())
    def set(self, key, value, how, keep, get):
        before = self.held(key)
        words = [how] * bool(how) + ["KEEPTTL"] * keep + ["GET"] * get
        done = not (how == "NX" and before is not None) and not (how == "XX" and before is None)
        assert self.talk("SET", key, value, *words) == (before if get else b"OK" if done else None)
        if done:
            self.model[key] = value, self.model[key][1] if keep and before is not None else None

    @rule(key=KEYS, value=VALUES, ms=st.integers(1, 3000))
    def set_px(self, key, value, ms):
        assert self.talk("SET", key, value, "PX", ms) == b"OK"
        self.model[key] = value, self.talk.now + ms / 1000

    @rule(keys=st.lists(KEYS, min_size=1, max_size=4))
    def read(self, keys):
        assert self.talk("MGET", *keys) == [self.held(key) for key in keys]
        assert self.talk("GET", keys[0]) == self.held(keys[0])
        assert self.talk("STRLEN", keys[0]) == len(self.held(keys[0]) or b"")
        assert self.talk("EXISTS", *keys) == sum(self.held(key) is not None for key in keys)

    @rule(key=KEYS, by=st.integers(-9, 9))
    def count(self, key, by):
        before = self.held(key)
        reply = self.talk("INCRBY", key, by)
        if before is not None and not re.fullmatch(rb"0|-?[1-9]\d*", before):
            assert reply == "ERR value is not an integer or out of range"
        else:
            assert reply == int(before or b"0") + by
            self.model[key] = b"%d" % reply, self.model.get(key, (None, None))[1]

    @rule(key=KEYS, value=VALUES)
    def append(self, key, value):
        before = self.held(key) or b""
        assert self.talk("APPEND", key, value) == len(before + value)
        self.model[key] = before + value, self.model.get(key, (None, None))[1]

    @rule(keys=st.lists(KEYS, min_size=1, max_size=3))
    def delete(self, keys):
        there = {key for key in keys if self.held(key) is not None}
        assert self.talk("DEL", *keys) == len(there)
        for key in there:
            del self.model[key]

    @rule(key=KEYS, ms=st.integers(-5, 3000))
    def pexpire(self, key, ms):
        there = self.held(key) is not None
        assert self.talk("PEXPIRE", key, ms) == there
        if there and ms <= 0:
            del self.model[key]
        elif there:
            self.model[key] = self.model[key][0], self.talk.now + ms / 1000

    @rule(key=KEYS)
    def persist(self, key):
        mortal = self.held(key) is not None and self.model[key][1] is not None
        assert self.talk("PERSIST", key) == mortal
        if mortal:
            self.model[key] = self.model[key][0], None

    @rule(key=KEYS)
    def pttl(self, key):
        there = self.held(key) is not None
        at_s = self.model[key][1] if there else None
        assert self.talk("PTTL", key) == (
            -2 if not there else -1 if at_s is None else round((at_s - self.talk.now) * 1e3)
        )

    @rule(seconds=st.floats(0.001, 2.0))
    def wait(self, seconds):
        self.talk.now += seconds

    @rule()
    def list(self):
        there = {key for key in (b"a", b"b", b"c") if self.held(key) is not None}
        assert set(self.talk("KEYS", "*")) == there
        assert set(self.talk("SCAN", 0)[1]) == there

    @invariant()
    def the_memory_counted_is_what_is_held(self):
        keys = self.talk.keys
        assert keys.used == sum(keyspace.entry_bytes(key, value) for key, value in keys.values.items())


AgainstADictionary.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestAgainstADictionary = AgainstADictionary.TestCase


@pytest.mark.parametrize("name", [name for name in keyspace.POLICY_NAMES if name != "noeviction"])
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 900)), max_size=120))
@settings(max_examples=15, deadline=None)
def test_memory_stays_below_maxmemory_with_every_policy(name, writes):
    talk = Talk(Keyspace(name, 5000))
    for key, size in writes:
        talk("GET", key)
        assert talk("SET", key, b"x" * size) == b"OK"
        assert talk("GET", key) == b"x" * size  # what was just set is there
        assert talk.keys.used <= 5000
        assert set(talk.keys.sizes) == set(talk.keys.values)


def test_without_eviction_writes_are_refused_and_change_nothing():
    talk = Talk(Keyspace("noeviction", 1000))
    assert talk("SET", "a", b"x" * 500) == b"OK"
    assert talk("SET", "b", b"x" * 500).startswith("OOM command not allowed when used memory > 'maxmemory'")
    assert talk("SET", "a", b"x" * 900).startswith("OOM")
    assert talk("GET", "a") == b"x" * 500 and talk("DEL", "a") == 1 and talk("SET", "b", b"x" * 500) == b"OK"


def test_a_value_larger_than_the_memory_is_refused_and_nobody_goes():
    talk = Talk(Keyspace("lru", 2000))
    talk("SET", "a", "1")
    assert talk("SET", "b", b"x" * 3000).startswith("OOM")
    assert talk("GET", "a") == b"1"


def test_another_policy_takes_over_the_keys():
    talk = Talk(Keyspace("lru", 10_000))
    for key in range(20):
        talk("SET", key, "1")
    assert talk("CONFIG", "SET", "maxmemory-policy", "sieve") == b"OK"
    assert talk("CONFIG", "SET", "maxmemory", "2kb") == b"OK"
    assert talk("DBSIZE") == 5 and talk.keys.used <= 2048
    assert "must be one of" in talk("CONFIG", "SET", "maxmemory-policy", "best")
    assert talk("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"sieve"]
    assert "maxmemory" in talk("CONFIG", "SET", "maxmemory", "much")


@given(st.sets(st.integers(0, 500), max_size=200), st.integers(1, 50), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_a_scan_sees_every_key_that_is_there_all_the_time(stay, count, rng):
    talk = Talk()
    for key in stay:
        talk("SET", f"stay{key}", 1)
    cursor, seen = b"0", set()
    while True:
        cursor, found = talk("SCAN", cursor, "COUNT", count)
        seen.update(found)
        talk("SET", f"come{rng.randrange(999)}", 1)
        talk("DEL", f"come{rng.randrange(999)}")
        if rng.random() < 0.1:
            talk("SCAN", 0, "COUNT", 1)  # somebody else begins
        if cursor == b"0":
            break
    assert {f"stay{key}".encode() for key in stay} <= seen


@pytest.mark.parametrize(
    "pattern, yes, no",
    [
        ("h?llo", ["hello", "hallo"], ["hllo", "heello"]),
        ("h*llo", ["hllo", "heeello", "h\nllo"], ["hell"]),
        ("h[ae]llo", ["hello"], ["hillo", "h[ae]llo"]),
        ("h[^e]llo", ["hallo"], ["hello"]),
        ("h[a-b]llo", ["hbllo"], ["hcllo"]),
        ("h[b-a]llo", ["hallo"], ["hcllo"]),
        (r"h\*llo", ["h*llo"], ["hello"]),
        ("[]", [], ["", "[]"]),
        ("a.c+", ["a.c+"], ["abcc"]),
        ("user:**:x", ["user::x", "user:1:x"], ["user:x"]),
    ],
)
def test_patterns(pattern, yes, no):
    matches = glob(pattern.encode()).fullmatch
    assert all(matches(text.encode()) for text in yes) and not any(matches(text.encode()) for text in no)


@pytest.mark.parametrize("text, size", [("8mb", 8 * 2**20), ("8m", 8_000_000), ("1KB", 1024), ("7", 7), ("2gb", 2**31)])
def test_memory_sizes(text, size):
    assert memory(text.encode()) == size


@pytest.mark.parametrize("text", ["", "-1", "8tb", "mb", "1.5mb"])
def test_what_is_no_memory_size(text):
    with pytest.raises(ValueError, match="memory is a number"):
        memory(text.encode())


def test_a_transaction_is_bounded_and_dropped_whole():
    talk = Talk(limits=Limits(bulk_bytes=1000, request_bytes=2000))
    assert talk("MULTI") == b"OK"
    said = [talk("SET", "a", b"x" * 500) for _ in range(5)]
    assert said[0] == b"QUEUED" and "too large" in said[-1]
    assert talk("EXEC").startswith("EXECABORT") and talk("EXISTS", "a") == 0


def test_the_table_says_what_the_functions_take():
    talk = Talk()
    for name, each in COMMANDS.items():
        if name == name.lower() and each.arity not in (-1, 1):
            assert talk(name) == f"ERR wrong number of arguments for '{each.name}' command"
    assert talk("COMMAND", "COUNT") == len(talk("COMMAND", "LIST")) == len(talk("COMMAND"))
    assert talk("COMMAND", "INFO", "get", "nope") == [[b"get", 2, [b"readonly", b"fast"], 1, 1, 1], None]
