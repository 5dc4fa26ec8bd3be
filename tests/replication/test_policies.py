"""Each decision by a table, and what must hold for any input by hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.replication.conflicts import Counter, VersionVector, last_write_wins, siblings
from minisys.replication.policies import (
    Candidate,
    Fence,
    Lease,
    Quorum,
    Reader,
    Stamp,
    after_own_writes,
    any_replica,
    asynchronous,
    bounded_staleness,
    by_position,
    by_priority,
    leader_only,
    majority,
    newest,
    semi_synchronous,
    synchronous,
)

positions = st.lists(st.integers(0, 50), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("rule", "done"),
    [(asynchronous, 9), (semi_synchronous(1), 8), (semi_synchronous(2), 5), (synchronous, 3), (majority, 5)],
)
def test_the_position_that_is_acknowledged(rule, done):
    assert rule(9, [3, 8, 5, 4]) == done


@given(own=st.integers(0, 50), replicas=positions)
def test_stricter_rules_acknowledge_less_and_as_many_have_it_as_promised(own, replicas):
    replicas = [min(own, r) for r in replicas]
    rules = [asynchronous, *(semi_synchronous(k + 1) for k in range(len(replicas)))]
    done = [rule(own, replicas) for rule in rules]
    assert done == sorted(done, reverse=True) and done[-1] == synchronous(own, replicas)
    assert all(sum(r >= position for r in replicas) >= k for k, position in enumerate(done))
    assert sum(r >= majority(own, replicas) for r in [own, *replicas]) * 2 > len(replicas) + 1


def test_too_few_replicas_acknowledge_nothing():
    assert semi_synchronous(2)(7, [7]) == 0
    with pytest.raises(ValueError, match="k=0"):
        semi_synchronous(0)


@given(n=st.integers(1, 7), data=st.data())
def test_quorums_that_overlap_share_a_node(n, data):
    r, w = (data.draw(st.integers(1, n)) for _ in range(2))
    nodes = list(range(n))
    read, written = (set(data.draw(st.permutations(nodes))[:size]) for size in (r, w))
    if Quorum(n, r, w).overlaps:
        assert read & written
    assert Quorum(n, r, w).overlaps == (set(nodes[:r]) & set(nodes[-w:]) != set())  # the pair furthest apart
    assert not Quorum(n, r, w, sloppy=True).overlaps


def test_a_sloppy_quorum_lends_the_copy_and_says_whose_it_is():
    ring = ["a", "b", "c", "d", "e"]
    assert Quorum(3, 2, 2).place(ring, {"a", "c", "d"}) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert Quorum(3, 2, 2, sloppy=True).place(ring, {"a", "c", "d"}) == [("a", "a"), ("d", "b"), ("c", "c")]
    assert Quorum(3, 2, 2, sloppy=True).place(ring, {"e"}) == [("e", "a"), ("b", "b"), ("c", "c")]
    with pytest.raises(ValueError, match="r=4"):
        Quorum(3, 4, 1)


def test_the_newest_answer_wins_and_names_who_needs_repair():
    old, new = Stamp(1, "a"), Stamp(1, "a").next("b")
    assert newest([("x", old, 1), ("y", new, 2), ("z", old, 1)]) == (new, 2, ["x", "z"])
    assert Stamp(1, "a") < Stamp(1, "b") < Stamp(2, "a")
    with pytest.raises(ValueError, match="no answers"):
        newest([])


def test_who_is_promoted():
    replicas = [Candidate("a", 5, 0), Candidate("b", 9, 1), Candidate("c", 9, 2), Candidate("d", 12, 0, up=False)]
    assert by_priority(replicas) == "a"
    assert by_position(replicas) == "b"
    assert by_position([]) is None and by_priority([replicas[3]]) is None


@given(
    asks=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5), st.floats(0.1, 3)), max_size=30),
    skews=st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=3),
)
def test_a_lease_has_one_holder_even_when_clocks_differ(asks, skews):
    lease, now, holders = Lease(skew_s=0.5), 0.0, list[Lease]()
    for name, gap, duration in asks:
        now += gap
        lease = lease.grant(name, now, duration)
        holders.append(lease)
        clocks = {n: now + skew for n, skew in zip("abc", skews, strict=True)}
        sure = {n for past in holders for n in "abc" if past.holds(n, clocks[n])}
        assert sure <= {lease.holder}
    assert [past.token for past in holders] == sorted(past.token for past in holders)


def test_a_renewal_takes_back_nothing_that_was_promised():
    long = Lease(skew_s=0.5).grant("b", 1.0, 2.0)
    assert long.grant("b", 1.0, 0.5).grant("a", 2.0, 1.0).holder == "b" and long.holds("b", 2.0)


def test_a_fence_refuses_the_leader_of_the_past():
    fence = Fence()
    assert [fence.admits(token) for token in (1, 3, 3, 2, 4)] == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("rule", "leader", "fresh", "behind", "cut_off"),
    [
        (leader_only, True, False, False, False),
        (any_replica, True, True, True, True),
        (after_own_writes, True, True, False, True),
        (bounded_staleness(2, 1.0), True, True, False, False),
    ],
)
def test_who_may_answer_a_read(rule, leader, fresh, behind, cut_off):
    assert rule(Reader(10, 10, token=10, leads=True)) == leader
    assert rule(Reader(9, 10, 0.1, token=9)) == fresh
    assert rule(Reader(5, 10, 0.1, token=9)) == behind
    assert rule(Reader(10, 10, 9.0, token=10)) == cut_off


def test_last_write_wins_forgets_what_a_slow_clock_wrote_later():
    fast, slow = (Stamp(105.0, "fast"), "first"), (Stamp(101.0, "slow"), "second")
    assert last_write_wins(fast, slow) == last_write_wins(slow, fast) == fast


def test_version_vectors_keep_both_of_a_conflict_and_only_those():
    base = VersionVector().increment("a")
    phone, laptop = base.increment("a"), base.increment("b")
    assert phone.concurrent(laptop) and phone.contains(base) and not base.contains(phone)
    assert siblings([(base, "old"), (phone, "book"), (laptop, "pen")]) == [(phone, "book"), (laptop, "pen")]
    assert siblings([(phone, "book"), (laptop, "pen"), (phone.merge(laptop).increment("a"), "both")])[0][1] == "both"


changes = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5)), max_size=12)


@given(changes=changes, hears=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=12))
def test_counters_that_have_heard_all_agree_on_the_sum(changes, hears):
    copies = {name: Counter() for name in "abc"}
    for at in range(max(len(changes), len(hears))):
        for name, amount in changes[at : at + 1]:
            copies[name] = copies[name].add(name, amount)
        for name, other in hears[at : at + 1]:
            copies[name] = copies[name].merge(copies[other])
    a, b, c = copies.values()
    assert a.merge(b).merge(c).value == c.merge(a.merge(b)).merge(b).value == sum(amount for _, amount in changes)


vectors = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 4)).map(VersionVector)


@given(a=vectors, b=vectors, c=vectors)
def test_merging_vectors_depends_neither_on_order_nor_on_repetition(a, b, c):
    assert a.merge(b).merge(c).contains(a) and a.merge(b).counts == b.merge(a).counts == a.merge(b).merge(b).counts
    assert a.merge(b).merge(c).counts == a.merge(b.merge(c)).counts
