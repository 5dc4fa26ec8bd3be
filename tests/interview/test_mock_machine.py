"""What the interviewer's machine sees in a design: the real room draws, runs and attacks it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minisys.design import cases
from minisys.design.cases.change import Change
from minisys.design.parts import Clients
from minisys.design.text import read, write
from minisys.interview import mock_machine
from minisys.interview.mock_machine import after, look, picture, reference, starter, weaknesses
from tests.interview.mocks import Small

CASE = Small()
BARE = starter(CASE)
MENDED = """design: guest-book
regions: {here: [here-a, here-b]}
parts:
  users: {kind: clients, region: here, calls: [balancer]}
  balancer: {kind: balancer, copies: 2, takes: 0.1 ms, workers: 8, calls: [app]}
  app: {kind: service, takes: 10 ms, workers: 4, copies: 3, queue: 50, calls: [{to: db, timeout: 500 ms}]}
  db: {kind: database, takes: 2 ms, workers: 8, copies: 2, replication: semi-sync, failover: 5 s, backup: 1 h}
"""


def test_the_starter_is_the_cases_users_one_server_and_one_database():
    drawn = read(BARE)
    assert [part.name for part in drawn.parts] == ["users", "app", "db"] and "objectives" not in BARE
    assert next(drawn.of(Clients)).rate == 100 and drawn["app"].takes == 0.01 and drawn["app"].copies == 1


def test_traffic_and_work_are_the_cases_whatever_the_text_says():
    text = BARE.replace("region: here,", "region: here, rate: 1/s,").replace("takes: 10 ms", "takes: 0.01 ms")
    design, notes = mock_machine.read(CASE, text, False)
    assert next(design.of(Clients)).rate == 100 and design["app"].takes == 0.01
    assert notes == ("users: rate is 100 in this case, not 1", "app: takes is 0.01 in this case, not 1e-05")
    assert design.objectives == CASE.design().objectives


def test_after_the_change_traffic_and_objectives_are_the_changed_ones():
    design, notes = mock_machine.read(CASE, BARE, True)
    assert next(design.of(Clients)).rate == 200 and design.objectives == CASE.after().objectives
    assert (design.objectives.cost, design.objectives.p99) == (2000, 0.2)
    assert notes == ("users: run with 200/s, the new forecast, whatever the text says",)


def test_a_change_of_promises_alone_leaves_the_traffic_and_its_fault_is_a_row():
    flush = {"kind": "zone loss", "good": "50 %", "after": "1 s"}
    case = Small(change=Change(says="A zone may go.", objectives={"rpo": "0 s"}, fault=flush))
    design, notes = mock_machine.read(case, BARE, True)
    assert next(design.of(Clients)).rate == 100 and notes == () and design.objectives.rpo == 0
    rows = {row[0]: row for row in look(case, BARE, 1, changed=True).rows}
    assert list(rows) == ["p99", "rpo", "cost", "zone loss"] and not rows["zone loss"][3]
    assert rows["zone loss"][1:3] == ("50 % good", "0.0 % good") and "here-a is the worst of 1" in rows["zone loss"][4]
    assert rows["rpo"][3] is False and mock_machine.wanted(case, True)[-1] == case.change.fault.told()
    assert [row[0] for row in look(case, BARE, 1).rows] == ["p99", "cost"]


def test_a_cache_that_spares_the_database_nothing_is_said():
    cached = "  cache: {kind: cache, takes: 0.3 ms, workers: 4}\n"
    for after_it, said in (("db", True), ("{to: db, on: reads}", True), ("{to: db, on: misses}", False)):
        text = BARE.replace("calls: [db]", f"calls: [{{to: cache, on: reads}}, {after_it}]") + cached
        notes = mock_machine.read(CASE, text, False)[1]
        assert any("db is asked on hits too" in note and "{to: db, on: misses}" in note for note in notes) == said


def test_clients_write_as_those_of_their_name_do_in_the_case():
    ride = cases.case("ride_hailing")
    design, notes = mock_machine.read(ride, write(ride.design()), False)
    assert {one.name: one.writes for one in design.of(Clients)} == {"drivers": 0.0, "riders": 0.3} and notes == ()


def test_half_the_work_is_believed_and_less_is_not():
    for said, taken in (("6 ms", 0.006), ("4 ms", 0.01)):
        assert mock_machine.read(CASE, BARE.replace("takes: 10 ms", f"takes: {said}"), False)[0]["app"].takes == taken


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "write the design"), ("x" * 30_000, "at most"), ("design: [", "line 2, column 1"),
     ("design: a\nparts: {}", "clients"),
     (BARE.replace("takes: 10 ms", "takes: ten"), "line 4"), ("&a [*a]", "line 1")],
)  # fmt: skip
def test_what_is_no_design_is_said_with_its_place(text, said):
    with pytest.raises(ValueError, match=said):
        look(CASE, text, 1)


def test_a_design_is_run_against_the_objectives():
    seen = look(CASE, BARE, 1)
    assert [row[0] for row in seen.rows] == ["p99", "cost"] and seen.passed
    assert seen.measured()[0].startswith("p99: wanted 300 ms, got ") and seen.measured()[0].endswith("kept")
    assert look(CASE, BARE, 1).measured() == seen.measured()
    assert "<svg" in picture(seen.design) and reference(CASE, 1).design == CASE.design()


def test_a_slow_one_misses_what_was_promised():
    slow = look(CASE, BARE.replace("workers: 4", "workers: 1"), 1, changed=True)
    assert not slow.passed and slow.measured()[0].endswith("missed")


def test_the_attack_finds_the_single_copies_and_sees_them_mended():
    found = weaknesses(CASE, BARE, 1)
    told = {each["weakness"]: each for each in found}
    assert {"single point of failure", "no replica"} <= set(told) and found[0]["damage"] > 0.5
    one = told["single point of failure"]
    assert one["component"] == "app" and "kill of app" in one["plan"] and one["seed"] == 1 and one["cure"]
    assert after(CASE, BARE, 1, one) == {"damage": one["damage"], "cured": False}
    assert after(CASE, MENDED, 1, one)["cured"] and after(CASE, MENDED, 1, told["no replica"])["cured"]


def test_every_weakness_of_the_attack_has_a_chapter():
    from minisys.design.attack import WEAKNESSES
    from minisys.interview.mock_study import CURES

    assert set(WEAKNESSES) == set(CURES)


def test_a_design_with_several_regions_keeps_the_sum_of_its_users():
    there = CASE.design()
    users = next(there.of(Clients))
    halves = (replace(users, name="a", rate=1.0), replace(users, name="b", rate=3.0), *there.parts[1:])
    design, _ = mock_machine.read(CASE, write(replace(there, parts=halves)), False)
    assert [each.rate for each in design.of(Clients)] == [25, 75]


def test_a_zone_without_a_copy_is_named_and_the_promises_are_known_beforehand():
    text = MENDED.replace("workers: 4, copies: 3", "workers: 4, zones: [here-a, here-b]")
    said = "app: 2 zones, 1 copy: only here-a is used; write copies: 2"
    assert said in mock_machine.read(CASE, text, False)[1]
    assert mock_machine.wanted(CASE) == ["p99: 300 ms", "cost: $1,000/month"]
