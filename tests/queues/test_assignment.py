"""Who reads which partition of a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.queues import assignment
from minisys.queues.assignment import by_range, round_robin, sticky

MEMBERS = st.sets(st.sampled_from("abcdefgh"), min_size=1)
PARTITIONS = st.sets(st.tuples(st.sampled_from(["t", "u", "v"]), st.integers(0, 8)))


def topic(name: str, count: int) -> list[tuple[str, int]]:
    return [(name, number) for number in range(count)]


@pytest.mark.parametrize(
    ("assigned", "shares"),
    [
        (by_range(topic("t", 5), ["a", "b", "c"]), {"a": topic("t", 2), "b": [("t", 2), ("t", 3)], "c": [("t", 4)]}),
        (by_range(topic("t", 1), ["b", "a"]), {"a": topic("t", 1), "b": []}),
        (round_robin(topic("t", 3), ["a", "b"]), {"a": [("t", 0), ("t", 2)], "b": [("t", 1)]}),
        (sticky(topic("t", 3), ["a", "b"], {"a": topic("t", 3)}), {"a": [("t", 0), ("t", 1)], "b": [("t", 2)]}),
        (sticky(topic("t", 2), [], {}), {}),
    ],
)  # fmt: skip
def test_examples(assigned: dict[str, list[tuple[str, int]]], shares: dict[str, list[tuple[str, int]]]) -> None:
    assert assigned == shares


@given(partitions=PARTITIONS, members=MEMBERS, before=MEMBERS)
def test_every_partition_has_one_reader_and_the_shares_are_even(
    partitions: set[tuple[str, int]], members: set[str], before: set[str]
) -> None:
    old = round_robin(partitions, before)
    for kind in assignment.ASSIGNMENTS:
        got = assignment.assign(kind, sorted(partitions), members, old)
        assert sorted(each for part in got.values() for each in part) == sorted(partitions)
        sizes = [len(part) for part in got.values()]
        if kind != "range":  # range is even topic by topic
            assert max(sizes) - min(sizes) <= 1
        else:
            for name in ("t", "u", "v"):
                counts = [sum(each[0] == name for each in part) for part in got.values()]
                assert max(counts) - min(counts) <= 1


@given(partitions=PARTITIONS, members=MEMBERS, leaver=st.integers(0, 7))
def test_when_one_leaves_sticky_moves_only_what_they_had(
    partitions: set[tuple[str, int]], members: set[str], leaver: int
) -> None:
    before = sticky(partitions, members)
    gone = sorted(members)[leaver % len(members)]
    after = sticky(partitions, members - {gone}, before)
    if len(members) > 1:
        assert assignment.moved(before, after) == len(before[gone])
        for name in members - {gone}:
            assert set(before[name]) <= set(after[name])


def test_sticky_moves_less_than_the_others() -> None:
    partitions, members = topic("t", 12), ["a", "b", "c"]
    moved = {}
    for kind in assignment.ASSIGNMENTS:
        before = assignment.assign(kind, partitions, members, {})
        moved[kind] = assignment.moved(before, assignment.assign(kind, partitions, [*members, "d"], before))
    assert moved == {"range": 6, "round robin": 9, "sticky": 3}


@pytest.mark.parametrize(
    ("committed", "reset", "offset"),
    [
        (None, "earliest", 5), (None, "latest", 9), (7, "latest", 7), (5, "earliest", 5), (9, "earliest", 9),
        (2, "earliest", 5), (2, "latest", 9), (11, "earliest", 5),
    ],
)  # fmt: skip
def test_where_a_consumer_goes_on(committed: int | None, reset: str, offset: int) -> None:
    assert assignment.start_offset(committed, 5, 9, reset) == offset


def test_one_key_stays_in_one_partition() -> None:
    assert {assignment.partition_of("cart-1", 8, turn) for turn in range(20)} == {assignment.partition_of("cart-1", 8)}
    assert [assignment.partition_of(None, 3, turn) for turn in range(5)] == [0, 1, 2, 0, 1]
    assert assignment.partition_of("a", 1000) == 0xE8B7BE43 % 1000  # CRC-32 of "a": the same in every process


def test_bad_input_is_named() -> None:
    for call in (
        lambda: assignment.partition_of("a", 0),
        lambda: assignment.start_offset(1, 0, 2, "middle"),
        lambda: assignment.assign("lottery", [], [], {}),
    ):
        with pytest.raises(ValueError, match="got"):
            call()
