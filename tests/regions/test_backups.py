"""Chains of backups: every moment is reached or the gap is named; what a mistake spares."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.regions.backups import COPIES, Piece, Unrestorable, clean, kept, plan, schedule

DAY = 86_400.0
WEEKS = schedule(14, full_every=7, log_every_s=21_600.0)


def leads_to(pieces, at_s):
    """Whether *pieces*, in order, bring the data from nothing to second *at_s*: the referee, written another way."""
    if pieces[0].kind != "full":
        return False
    now = pieces[0].to_s
    for one in pieces[1:]:
        if one.kind == "incremental" and one.from_s != now:
            return False
        if one.kind == "log" and not one.from_s <= now < one.to_s:
            return False
        now = min(one.to_s, at_s) if one.kind == "log" else one.to_s
    return now == at_s


@given(st.floats(0, 14 * DAY))
def test_a_whole_schedule_leads_to_every_moment(at_s):
    pieces = plan(WEEKS, at_s)
    assert leads_to(pieces, at_s) and sum(one.kind == "full" for one in pieces) == 1
    assert sum(one.kind == "incremental" for one in pieces) == min(int(at_s // DAY), 13) % 7


@settings(max_examples=150)
@given(st.floats(0, 14 * DAY), st.sets(st.integers(0, len(WEEKS) - 1), max_size=12))
def test_with_files_missing_there_is_another_way_or_the_gap_is_named(at_s, gone):
    left = [one for i, one in enumerate(WEEKS) if i not in gone]
    try:
        assert leads_to(plan(left, at_s), at_s)
    except Unrestorable as problem:
        assert problem.reachable_s < at_s
        if problem.reachable_s >= 0:
            assert leads_to(plan(left, problem.reachable_s), problem.reachable_s)


def test_an_unreadable_increment_is_replaced_by_log_while_that_is_there():
    broken = [Piece(o.kind, o.from_s, o.to_s, readable=not (o.kind == "incremental" and o.to_s == 2 * DAY))
              for o in WEEKS]  # fmt: skip
    pieces = plan(broken, 2.5 * DAY)
    assert [one.kind for one in pieces] == ["full", "incremental"] + ["log"] * 6 and leads_to(pieces, 2.5 * DAY)
    without_log = [one for one in broken if one.kind != "log"]
    with pytest.raises(Unrestorable, match=f"nothing leads to second 216000: .* second {DAY:g}"):
        plan(without_log, 2.5 * DAY)


def test_without_a_full_backup_nothing_helps():
    with pytest.raises(Unrestorable, match="no full backup"):
        plan([one for one in WEEKS if one.kind != "full"], DAY)


@pytest.mark.parametrize(("kind", "ends_s"), [("copy", 2.0), ("log", 1.0)])
def test_a_piece_that_makes_no_sense_is_refused(kind, ends_s):
    with pytest.raises(ValueError, match="a piece is one of full, incremental, log"):
        Piece(kind, 1.0, ends_s)


def test_grandfather_father_son():
    ends = [day * DAY for day in range(100)]
    chosen = kept(ends, 99 * DAY, daily=7, weekly=4, monthly=3)
    assert [int(end / DAY) for end in chosen] == [39, 69, 78, 85, 92, 93, 94, 95, 96, 97, 98, 99][-len(chosen) :]
    assert kept([DAY], 1e9) == [DAY], "the newest stays, however old"
    assert kept([], 0.0) == []


@given(st.lists(st.floats(0, 400 * DAY), min_size=1, unique=True), st.integers(0, 9), st.integers(0, 9))
def test_keeping_more_never_drops_anything(ends, daily, weekly):
    now = max(ends)
    few, many = (set(kept(ends, now, daily=daily + i, weekly=weekly + i, monthly=i)) for i in (0, 1))
    assert few <= many <= set(ends) and now in few


def test_what_each_threat_spares():
    spared = {threat: [one.name for one in COPIES if clean(one, threat, 600.0)]
              for threat in ("region lost", "operator error", "ransomware")}  # fmt: skip
    assert spared["region lost"] == [one.name for one in COPIES[1:]]
    assert spared["operator error"] == [one.name for one in COPIES[2:]]
    assert spared["ransomware"] == ["backups, 30 days, locked"]
    assert [one.name for one in COPIES if clean(one, "operator error", 7200.0)] == [one.name for one in COPIES[3:]]
    with pytest.raises(ValueError, match="threat must be one of"):
        clean(COPIES[0], "meteor")
