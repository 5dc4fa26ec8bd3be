"""The change in the middle of each case: it is data and is run, and the report names what broke and held."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from minisys.design import cases
from minisys.design.cases.change import FIELDS, TARGETS, Change, Shock, stood
from minisys.design.parts import Cache, Call, Clients, Design, External, Service
from minisys.interview import mock_machine
from minisys.interview.mock_machine import Seen
from minisys.interview.mock_report import Report

ALL = cases.cases()
ROWS = {*FIELDS, *TARGETS} - {"survive"}
SMALL = Design("small", [Clients("users", rate=50, calls=[Call("app")]), Service("app", takes=0.005, workers=4)])


def quick(case):
    """The reference under its change, without the objective that takes a dozen runs; that is tried in the soak."""
    design = case.after()
    return replace(design, objectives=replace(design.objectives, single_fault=None))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_reference_runs_under_its_change_and_the_report_names_what_broke_and_what_held(case):
    verdict = case.change.judge(quick(case), requests=1_000)
    assert verdict.missed == tuple(name for name in case.change.breaks if name != "single_fault")
    seen = Seen(case.after(), mock_machine._rows(verdict))
    told, line = Report(SimpleNamespace(case=case), None, None, (("The reference", seen),)).held()
    held, _, broke = line.partition("; broke ")
    assert told.startswith(case.change.says) and held.startswith("The reference: held ")
    for row in verdict.rows:
        assert (f"{row.objective} (wanted {row.wanted}, got " in broke) == (not row.kept)
        assert (row.objective in held.removeprefix("The reference: held ").split(", ")) == row.kept
    assert broke != "nothing." or not verdict.missed


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_what_is_said_is_what_is_run(case):
    change, before, now = case.change, case.design(), case.after()
    told = change.told(before)
    rates = [sum(one.rate for one in design.of(Clients)) for design in (before, now)]
    assert rates[1] == pytest.approx(change.traffic * rates[0])
    assert (f"{change.traffic:g} times the traffic, {rates[1]:,.0f} requests a second" in told) == (change.traffic != 1)
    for name, value in change.objectives.items():
        assert f"{name} {value}" in told and getattr(now.objectives, name) != getattr(before.objectives, name)
    assert change.fault is None or change.fault.told() in told
    assert set(change.breaks) <= ROWS and mock_machine.wanted(case, True) != mock_machine.wanted(case)
    assert replace(now, parts=before.parts, objectives=before.objectives) == before


def test_the_changes_are_of_every_kind_and_break_different_things():
    broken = {name for case in ALL for name in case.change.breaks}
    new = {name for case in ALL for name in case.change.objectives}
    assert len({case.change.says for case in ALL}) == len(ALL) == 16
    assert {"rpo", "rto", "p99", "cost", "residency", "survive", "availability", "times"} <= new
    assert {"region loss", "errors", "slow answers", "cache flush"} == {
        c.change.fault.kind for c in ALL if c.change.fault
    }
    assert len({case.change.traffic for case in ALL}) >= 5 and len(broken) >= 7
    assert 3 <= sum(not case.change.breaks for case in ALL) <= 6  # some designs hold, and that is worth seeing, too


@pytest.mark.parametrize(("given", "told"), [
    ({}, "words alone are not run"), ({"traffic": 1}, "words alone"), ({"traffic": 0}, "greater than 0"),
    ({"traffic": -2}, "greater than 0"), ({"traffic": float("inf")}, "finite|less than"),
    ({"traffic": 1e6}, "less than"),
    ({"objectives": {"speed": "1 s"}}, "no objective 'speed'; there are p50"), ({"speed": 2}, "Extra inputs"),
    ({"objectives": {"p99": "soon"}}, "'soon' is no time"), ({"objectives": {"cost": "-1"}}, "is not from"),
    ({"fault": {"kind": "meteor", "good": "90 %"}}, "region loss"), ({"fault": {"kind": "errors"}}, "good"),
    ({"fault": {"kind": "errors", "good": "200 %"}}, "is not from 0"),
    ({"fault": {"kind": "errors", "good": "90 %", "after": "a bit"}}, "is no time"),
])  # fmt: skip
def test_what_is_no_change_is_refused(given, told):
    with pytest.raises(ValidationError, match=told):
        Change(says="Something happened.", **given)


def test_a_fault_without_a_target_is_not_survived_but_nobody_misses_a_cache_that_is_not_there():
    rows = {kind: stood(Shock(kind=kind, good="90 %"), SMALL, requests=500) for kind in TARGETS}
    kept = {kind: row.kept for kind, row in rows.items()}
    assert kept == {
        "region loss": False, "zone loss": False, "cache flush": True, "errors": False, "slow answers": False,
    }  # fmt: skip
    assert rows["errors"].got == "nothing to break" and "watched for 15 s" in rows["zone loss"].evidence


def test_a_fault_is_survived_by_who_does_not_need_what_it_hits():
    optional = [Call("cache", optional=True, timeout=0.05), Call("bank", optional=True, timeout=0.05)]
    parts = (SMALL.parts[0], Service("app", takes=0.005, workers=8, calls=optional), Cache("cache"), External("bank"))
    design, shock = replace(SMALL, parts=parts), Shock(kind="errors", good="99 %")
    assert stood(shock, design, requests=500).kept
    needed = replace(design, parts=(parts[0], replace(parts[1], calls=[Call("bank")]), *parts[2:]))
    row = stood(shock, needed, requests=500)
    assert not row.kept and row.got == "0.0 % good" and row.evidence.startswith("bank is the worst of 1")
