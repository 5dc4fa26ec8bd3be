"""The picture of the cluster: every change gives a valid one, and nobody who lacks data ever leads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.sharding.coordinator import Coordinator, Desk
from minisys.sharding.slots import SLOTS
from minisys.sharding.topology import Member, Shard, Topology


def member(number: int) -> Member:
    return Member(f"{number:040x}", 1000 + number)


def full(shards: int = 2) -> Topology:
    """A topology whose shards have a primary and a replica each: 0, 1 … lead, the next follow."""
    topology = Topology.new(shards)
    for number in range(2 * shards):
        topology = topology.taken_in(member(number))
    for number in range(shards, 2 * shards):
        topology = topology.caught_up(member(number).node)
    return topology


def test_first_nodes_lead_next_ones_follow_the_rest_is_spare():
    topology = full(2)
    assert topology.shard("a") == Shard("a", member(0), member(2))
    assert topology.shard("b") == Shard("b", member(1), member(3))
    assert topology.taken_in(member(4)) is topology


def test_replica_leads_when_the_primary_dies_and_a_new_node_joins_without_being_trusted():
    topology = full(2).without(member(0).node).taken_in(member(9))
    assert topology.shard("a") == Shard("a", member(2), None, member(9))
    assert topology.without(member(2).node).shard("a").primary == member(2)  # a joining node is no heir
    trusted = topology.caught_up(member(9).node)
    assert trusted.without(member(2).node).shard("a") == Shard("a", member(9))


def test_shard_waits_for_its_primary_if_nobody_else_has_the_data():
    topology = full(1).without(member(1).node)
    assert topology.without(member(0).node) is topology
    dead = full(1)
    assert dead.without(member(0).node, alive=lambda node: False) is dead


@pytest.mark.parametrize(("change", "problem"), [
    (lambda t: t.assigned([1], "z"), "no shard 'z'"), (lambda t: t.assigned([SLOTS], "a"), "slots are 0 to 16383"),
    (lambda t: t.without_shard("a"), "still owns 8192 slots"), (lambda t: Topology.new(0), "1 to 26 shards"),
    (lambda t: Topology.decoded(b"[]"), "no topology"), (lambda t: Topology.decoded(b'{"epoch":1}'), "no topology"),
])  # fmt: skip
def test_bad_change_says_what_is_wrong(change, problem):
    with pytest.raises((KeyError, ValueError), match=problem):
        change(full(2))


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("dead"), st.integers(0, 12)),
        st.tuples(st.just("new"), st.integers(0, 12)),
        st.tuples(st.just("caught up"), st.integers(0, 12)),
        st.tuples(st.just("assign"), st.integers(0, SLOTS - 1)),
        st.tuples(st.just("shard"), st.integers(0, 1)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_any_sequence_of_changes_keeps_the_rules(changes):
    topology = full(2)
    trusted = {each: {place[1].node for place in topology.shard(each).members()} for each in ("a", "b")}
    for what, number in changes:
        before = topology
        node = member(number)
        if what == "dead":
            topology = topology.without(node.node)
        elif what == "new":
            topology = topology.taken_in(node)
        elif what == "caught up":
            topology = topology.caught_up(node.node)
        elif what == "assign":
            topology = topology.assigned([number], topology.shards[-1].name)
        elif len(topology.shards) < 5:
            topology = topology.with_shard()
        assert (topology is before) or topology.epoch == before.epoch + 1
        everybody = [each.node for shard in topology.shards for _, each in shard.members()]
        assert len(everybody) == len(set(everybody))
        assert Topology.decoded(topology.encoded()) == topology
        for old in before.shards:  # whoever leads was primary or replica a moment ago, never only joining
            new = topology.shard(old.name)
            if old.primary is not None:
                assert new.primary in (old.primary, old.replica)
            assert new.replica in (None, old.replica, old.joining)
    assert set(trusted) <= {shard.name for shard in topology.shards}
    assert sum(last + 1 - first for first, last, _ in topology.runs()) == SLOTS


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_coordinator_waits_a_whole_lease_then_promotes(tmp_path):
    clock = Clock()
    made = Coordinator(full(1), 1.0, clock, tmp_path / "state")
    clock.now += 0.4
    made.heartbeat(member(1))
    made.look()
    clock.now += 0.5
    made.look()
    assert made.topology.shard("a").primary == member(0)  # 0.9 s after it was last heard
    clock.now += 0.2
    made.look()
    assert made.topology.shard("a") == Shard("a", member(1))
    assert Topology.decoded((tmp_path / "state").read_bytes()) == made.topology


def test_topology_that_cannot_be_kept_does_not_hold(tmp_path):
    made = Coordinator(full(1), 1.0, Clock(), tmp_path / "nowhere" / "state")
    assert b"cannot be kept" in Desk(made).execute([b"ADDSHARD"])
    assert made.topology == full(1)


def test_coordinator_that_slept_itself_blames_nobody():
    clock = Clock()
    made = Coordinator(full(1), 1.0, clock)
    clock.now += 60
    made.look()
    assert made.topology == full(1)


def test_restarted_coordinator_knows_the_topology_and_waits_a_lease_before_it_judges(tmp_path):
    clock, path = Clock(), tmp_path / "state"
    Coordinator(Topology.new(1), 1.0, clock, path).publish(full(1))
    again = Coordinator(Topology.new(3), 1.0, clock, path)
    assert again.topology.shards == full(1).shards
    again.look()
    assert again.topology.shard("a").primary == member(0)
    path.write_bytes(b"rubbish")
    with pytest.raises(ValueError, match="this is no topology"):
        Coordinator(Topology.new(3), 1.0, clock, path)


def test_desk_answers_mistakes_with_an_error():
    desk = Desk(Coordinator(full(2), 1.0, Clock()))
    for request in ([b"NONSENSE"], [b"HEARTBEAT", b"x"], [b"ASSIGN", b"z", b"1"], [b"ASSIGN", b"a", b"nine"],
                    [b"ASSIGN", b"a", b"99999"], [b"REMOVESHARD", b"a"], [b"__class__"], [b"HEARTBEAT", b"\xff", b"1", b"1"]):  # fmt: skip # noqa: E501
        assert desk.execute(request).startswith(b"-ERR ")
    assert desk.execute([b"ADDSHARD"]) == b"$1\r\nc\r\n"
