"""One Raft server at a time, by hand: the rules of the paper's figure 2, and the cases that its figures draw."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.replication.raft import FOLLOWER, LEADER, PRE_CANDIDATE, Raft, State, Timing
from minisys.replication.raft_messages import (
    COMMAND,
    AppendEntries,
    AppendReply,
    Entry,
    InstallSnapshot,
    RequestVote,
    SaveEntries,
    SaveSnapshot,
    SaveVote,
    Snapshot,
    Truncate,
    VoteReply,
    from_dict,
    to_dict,
)
from minisys.replication.raft_rules import commit_index, first_conflict, grants_vote, majority, up_to_date
from tests.replication.raft_stage import Stage, among, state


def test_one_stands_the_others_vote_and_its_first_entry_is_agreed():
    stage = Stage()
    assert stage.elect("a")
    assert [raft.state.term for raft in stage.raft.values()] == [1, 1, 1]
    assert stage.raft["a"].commit == 1
    stage.do("a", "propose", "x")
    stage.deliver()
    stage.beat("a")
    assert stage.applied == {"a": ["x"], "b": ["x"], "c": ["x"]}


def test_a_vote_is_on_the_disk_before_it_is_given_and_nobody_votes_twice_in_a_term():
    stage = Stage()
    vote = stage.do("b", "receive", RequestVote("a", "b", 1, 0, 0))
    assert vote.records == [SaveVote(1, None), SaveVote(1, "a")] and vote.messages[0].granted
    other = stage.do("b", "receive", RequestVote("c", "b", 1, 0, 0))
    assert not other.records and not other.messages[0].granted
    assert stage.do("b", "receive", RequestVote("a", "b", 1, 0, 0)).messages[0].granted  # the reply was lost


@pytest.mark.parametrize(
    ("candidate", "voter", "votes"),
    [((3, 5), (3, 5), True), ((3, 4), (3, 5), False), ((4, 1), (3, 9), True), ((2, 9), (3, 1), False)],
)
def test_the_log_that_ends_in_the_later_term_is_more_complete_then_the_longer(candidate, voter, votes):
    assert up_to_date(candidate, voter) is votes
    request = RequestVote("a", "b", 7, candidate[1], candidate[0])
    assert grants_vote(request, 6, "b", voter) is votes
    assert not grants_vote(request, 8, None, voter)  # a past term


def test_who_was_cut_off_does_not_depose_the_leader_when_it_comes_back():
    stage = Stage()
    stage.elect("a")
    for _ in range(5):
        stage.beat("a", among("a", "b"))
    stage.now += 0.5
    stage.do("c", "tick")
    assert stage.raft["c"].role == PRE_CANDIDATE and stage.raft["c"].state.term == 1
    stage.raft["b"].heard_s = stage.now - 0.01
    stage.deliver()
    assert stage.raft["a"].role == LEADER and stage.raft["a"].state.term == 1


def test_a_leader_that_hears_no_majority_steps_down():
    stage = Stage()
    stage.elect("a")
    for _ in range(6):
        stage.beat("a", among("a"))
    assert stage.raft["a"].role == FOLLOWER
    assert not stage.do("a", "propose", "x").proposed and "not the leader" in stage.out.why


FIGURE_7 = {  # the logs of the paper's figure 7 against the leader's 1 1 1 4 4 5 5 6 6 6
    "a": [1, 1, 1, 4, 4, 5, 5, 6, 6], "b": [1, 1, 1, 4], "c": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    "d": [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], "e": [1, 1, 1, 4, 4, 4, 4], "f": [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURE_7)
def test_figure_7_every_follower_ends_with_the_leaders_log(name):
    leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
    logs = {"l": state(leader, term=7, members=("l", "m", name)), "m": state(leader, term=7, members=("l", "m", name))}
    logs[name] = state(FIGURE_7[name], term=7, members=("l", "m", name))
    stage = Stage(("l", "m", name), logs)
    assert stage.elect("l")
    stage.beat("l")
    terms = [[entry.term for entry in raft.state.entries] for raft in stage.raft.values()]
    assert terms == [[*leader, 8]] * 3


def test_figure_8_what_lies_on_a_majority_is_not_agreed_before_an_entry_of_the_own_term():
    old = {1: 1, 2: 2, 3: 4}.get
    assert commit_index(1, [2, 2, 2, 1, 1], 4, old) == 1  # figure 8 (c): entry 2 of term 2 on three of five
    assert commit_index(1, [3, 3, 3, 1, 1], 4, old) == 3  # figure 8 (e): agreed together with entry 3 of term 4


@given(st.lists(st.integers(0, 9), min_size=1, max_size=7), st.integers(0, 9))
def test_what_is_agreed_lies_on_a_majority(match, commit):
    agreed = commit_index(commit, match, 1, lambda index: 1)
    assert agreed == commit or 2 * sum(index >= agreed for index in match) > len(match)
    assert agreed >= commit


@given(st.sets(st.sampled_from("abcdefg")), st.sets(st.sampled_from("abcdefg")), st.sampled_from(["abc", "abcde"]))
def test_two_majorities_meet(one, other, members):
    assert not (majority(one, members) and majority(other, members)) or one & other & set(members)


def test_a_late_copy_of_an_old_message_cuts_nothing_off():
    stage = Stage(states={"b": state([1, 1, 1])})
    late = AppendEntries("a", "b", 1, 0, 0, (Entry(1, 1, COMMAND, "1.1"),), 0)
    assert stage.do("b", "receive", late).records == []
    assert stage.out.messages == [AppendReply("b", "a", 1, True, 1)]
    assert first_conflict(late.entries, stage.raft["b"].state.term_at) is None


def test_a_follower_agrees_only_up_to_what_the_leader_has_just_confirmed():
    stage = Stage(states={"b": state([1, 1, 1])})
    out = stage.do("b", "receive", AppendEntries("a", "b", 2, 1, 1, (), 3))
    assert stage.raft["b"].commit == 1 and [entry.index for entry in out.apply] == [1]


def test_conflicting_entries_are_replaced_in_one_output():
    stage = Stage(states={"b": state([1, 1, 1])})
    new = Entry(2, 2, COMMAND, "new")
    out = stage.do("b", "receive", AppendEntries("a", "b", 2, 1, 1, (new,), 0))
    assert out.records == [SaveVote(2, None), Truncate(1), SaveEntries((new,))]


def test_a_read_waits_for_a_majority_that_answers_after_it_was_asked():
    stage = Stage()
    stage.elect("a")
    assert not stage.do("a", "read", "ticket").reads
    answers = stage.deliver()
    assert [ticket for out in answers for ticket in out.reads] == ["ticket"]
    assert stage.do("b", "read", "other").refused == ["other"]


def test_a_deposed_leader_refuses_the_reads_that_wait():
    stage = Stage()
    stage.elect("a")
    stage.do("a", "read", "ticket")
    stage.mail.clear()
    out = stage.do("a", "receive", RequestVote("b", "a", 2, 9, 1))
    assert out.refused == ["ticket"] and not out.reads and stage.raft["a"].role == FOLLOWER


def test_a_new_leader_reads_only_after_its_first_entry_is_agreed():
    stage = Stage(states={name: state([1]) for name in "abc"})
    stage.now += 0.5
    stage.do("a", "tick")
    stage.deliver(lambda message: isinstance(message, RequestVote | VoteReply))
    stage.do("a", "read", "ticket")
    stage.mail = [message for message in stage.mail if not message.entries]
    assert not any(out.reads for out in stage.deliver(lambda message: message.sender == "a" or not message.match_index))
    outs = stage.beat("a")
    assert any(out.reads == ["ticket"] for out in outs)


def test_a_follower_that_is_far_behind_gets_the_snapshot_and_the_rest():
    stage = Stage()
    stage.elect("a")
    for number in range(5):
        stage.do("a", "propose", number)
        stage.deliver(among("a", "b"))
    stage.do("a", "compact", 4, {"up to": 4})
    stage.now += 0.06
    stage.do("a", "tick")
    outs = stage.deliver()
    assert any(out.restore == Snapshot(4, 1, ("a", "b", "c"), {"up to": 4}) for out in outs)
    stage.beat("a")
    assert stage.raft["c"].state.last_index == 6 and stage.applied["c"][-2:] == [3, 4]


@pytest.mark.parametrize(("index", "word"), [(0, "1 to 1"), (2, "1 to 1")])
def test_only_what_was_applied_can_be_compacted(index, word):
    stage = Stage()
    stage.elect("a")
    with pytest.raises(ValueError, match=word):
        stage.do("a", "compact", index, None)


def test_after_a_restart_the_snapshot_is_handed_out_first():
    kept = state([1, 1, 1])
    kept.apply(SaveSnapshot(Snapshot(2, 1, ("a", "b", "c"), "data")))
    raft = Raft("a", (), Stage().raft["a"].rng, kept)
    assert raft.tick(0.0).restore.data == "data"
    assert raft.tick(0.1).restore is None and raft.applied == 2


def test_members_change_one_at_a_time_and_only_when_the_last_change_is_agreed():
    stage = Stage("abcd")
    stage.elect("a")
    with pytest.raises(ValueError, match="one server at a time"):
        stage.do("a", "change", "ab")
    assert stage.do("a", "change", "abc").proposed
    assert stage.raft["a"].members == ("a", "b", "c")
    assert "not agreed yet" in stage.do("a", "change", "ab").why
    stage.deliver()
    assert stage.do("a", "change", "bc").proposed  # it removes itself
    stage.deliver()
    assert stage.raft["a"].role == FOLLOWER and stage.elect("b")


def test_a_leader_changes_nothing_before_an_entry_of_its_own_term_is_agreed():
    stage = Stage()
    stage.now += 0.5
    stage.do("a", "tick")
    stage.deliver(lambda message: isinstance(message, RequestVote | VoteReply))
    assert stage.raft["a"].role == LEADER
    assert "not agreed yet" in stage.do("a", "change", "ab").why


def test_one_server_alone_agrees_with_itself_and_cannot_be_removed():
    stage = Stage("a")
    stage.elect("a")
    with pytest.raises(ValueError, match="one server at a time"):
        stage.do("a", "change", ())
    out = stage.do("a", "propose", "x", "y")
    assert [entry.data for entry in out.apply] == ["x", "y"] and out.records
    assert stage.do("a", "read", "ticket").reads == ["ticket"]


names, numbers = st.text(max_size=3), st.integers(0, 2**53)
data = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5), lambda x: st.lists(x, max_size=2)
)
entries = st.builds(Entry, numbers, numbers, st.sampled_from(["command", "no-op", "members"]), data)
snapshots = st.builds(Snapshot, numbers, numbers, st.lists(names, max_size=3).map(tuple), data)
some = st.lists(entries, max_size=3).map(tuple)
values = st.one_of(
    entries, snapshots, st.builds(RequestVote, names, names, numbers, numbers, numbers, st.booleans()),
    st.builds(VoteReply, names, names, numbers, st.booleans(), st.booleans()),
    st.builds(AppendEntries, names, names, numbers, numbers, numbers, some, numbers, numbers),
    st.builds(AppendReply, names, names, numbers, st.booleans(), numbers, numbers),
    st.builds(InstallSnapshot, names, names, numbers, snapshots, numbers),
    st.builds(SaveVote, numbers, st.none() | names), st.builds(SaveEntries, some), st.builds(Truncate, numbers),
    st.builds(SaveSnapshot, snapshots),
)  # fmt: skip


@given(values)
def test_everything_goes_through_json_unchanged(value):
    assert from_dict(json.loads(json.dumps(to_dict(value)))) == value


@given(data | st.dictionaries(st.sampled_from(["type", "term", "sender"]), data))
def test_garbage_is_refused(told):
    with pytest.raises(ValueError, match="not a Raft message|has the fields"):
        from_dict(told)


def test_an_ill_typed_field_is_named():
    told = to_dict(RequestVote("a", "b", 1, 0, 0))
    for name, bad in {"term": "1", "pre": 1, "sender": None, "last_index": True}.items():
        with pytest.raises(ValueError, match=rf"RequestVote\.{name} must be"):
            from_dict({**told, name: bad})


@pytest.mark.parametrize(
    "record",
    [
        SaveVote(0, None), SaveVote(1, "b"), SaveEntries((Entry(4, 1, COMMAND),)), SaveEntries((Entry(3, 0, COMMAND),)),
        Truncate(3), Truncate(-1), "no record",
    ],
)  # fmt: skip
def test_a_record_that_does_not_follow_is_refused(record):
    with pytest.raises(ValueError):
        state([1, 1], voted_for="a").apply(record)


def test_a_message_for_somebody_else_and_an_impossible_timing_are_refused():
    with pytest.raises(ValueError, match="got a message for b"):
        Stage().do("a", "receive", VoteReply("b", "b", 1, True))
    with pytest.raises(ValueError, match="heartbeat_s"):
        Timing(heartbeat_s=0.2)
    assert State("ba").members == ("a", "b")
