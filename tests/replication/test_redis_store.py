"""The replicated store: the same commands in the same order give the same store and the same answers."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.replication import redis_store
from minisys.replication.redis_store import RedisStore, problem

KEYS = st.sampled_from(["a", "b", "\xff\0"])
VALUES = st.sampled_from(["0", "7", "-9223372036854775808", "x", "\r\n", ""])
PLAIN = st.one_of(
    st.tuples(st.just("SET"), KEYS, VALUES),
    st.tuples(st.just("SET"), KEYS, VALUES, st.sampled_from(["NX", "XX", "GET", "get"])),
    st.tuples(st.just("SET"), KEYS, VALUES, st.just("IFEQ"), VALUES),
    st.tuples(st.just("CAS"), KEYS, VALUES, VALUES),
    st.tuples(st.just("DEL"), KEYS, KEYS),
    st.tuples(st.just("INCR"), KEYS),
    st.tuples(st.just("INCRBY"), KEYS, st.sampled_from(["5", "-9223372036854775808"])),
)
ONCE = st.builds(
    lambda client, number, command: ("ONCE", client, str(number), *command),
    st.sampled_from(["me", "you"]),
    st.integers(0, 4),
    PLAIN,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(PLAIN, ONCE), max_size=30), st.integers(0, 30))
def test_a_store_restored_from_a_dump_in_between_answers_as_one_that_was_not(commands: list, cut: int) -> None:
    whole, restored = RedisStore(), RedisStore()
    for at, command in enumerate(map(list, commands)):
        assert problem(command) is None
        if at == cut:
            dumped, restored = json.loads(json.dumps(restored.dump())), RedisStore()
            restored.load(dumped)
        assert whole.apply(command) == restored.apply(command)
    assert json.dumps(whole.dump()) == json.dumps(restored.dump())


@settings(max_examples=80, deadline=None)
@given(st.lists(PLAIN, max_size=15))
def test_sent_once_or_three_times_with_a_number_it_counts_once(commands: list) -> None:
    plain, often = RedisStore(), RedisStore()
    for number, command in enumerate(map(list, commands)):
        answer = plain.apply(command)
        assert [often.apply(["ONCE", "me", str(number), *command]) for _ in range(3)] == [answer] * 3
    assert often.values == plain.values


def test_an_older_number_is_refused_and_changes_nothing() -> None:
    store = RedisStore()
    store.apply(["ONCE", "me", "5", "INCR", "k"])
    assert store.apply(["ONCE", "me", "4", "INCR", "k"]).startswith(b"-ERR request 4 is older")
    assert store.apply(["ONCE", "me", "5", "INCR", "k"]) == b":1\r\n"


def test_the_client_that_was_silent_longest_is_forgotten_first(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(redis_store, "CLIENTS", 2)
    store = RedisStore()
    for client in ("a", "b", "a", "c"):
        store.apply(["ONCE", client, "1", "INCR", "k"])
    assert list(store.answers) == ["a", "c"]


def test_what_cannot_be_carried_out_is_found_before_it_is_replicated() -> None:
    for command, words in (
        (["GET", "k"], "no command that writes"), (["SET", "k"], "wrong number"), (["CAS", "k", "1"], "wrong number"),
        (["INCR", "k", "1"], "wrong number"), (["SET", "k", "v", "EX", "3"], "syntax"),
        (["SET", "k", "v", "NX", "XX"], "syntax"), (["SET", "k", "v", "IFEQ"], "syntax"),
        (["INCRBY", "k", "1.5"], "not an integer"), (["INCRBY", "k", str(2**63)], "not an integer"),
        (["ONCE", "me", "-1", "INCR", "k"], "number must be"), (["ONCE", "me", "1", "GET", "k"], "no command"),
        (["ONCE", "me", "1", "ONCE", "me", "1", "INCR", "k"], "syntax"), (["ONCE", "me", "1"], "wrong number"),
    ):  # fmt: skip
        assert words in (problem(command) or ""), command


def test_numbers_do_not_overflow_and_text_is_no_number() -> None:
    store = RedisStore()
    store.apply(["SET", "k", str(2**63 - 1)])
    assert store.apply(["INCR", "k"]) == b"-ERR increment or decrement would overflow\r\n"
    store.apply(["SET", "k", "01"])
    assert store.apply(["INCR", "k"]).startswith(b"-ERR value is not an integer")
