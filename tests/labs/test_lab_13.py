"""Lab 13: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.grading import lab_13
from minisys.grading.checks import check
from minisys.grading.lab_13 import final
from minisys.regions.drill import LEVELS, Drill
from minisys.testbed import wheels

it = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_13.py"))))
paper, nightly, proof, decide, settings, plan = it.paper, it.nightly, it.proof, it.decide, it.settings, it.plan

WRONG = [
    # task, answer, what the report must say
    (1, paper(rpo=300), "a copy that is on its way is not there"),
    (1, paper(rpo=190), "that is the average"),
    (1, paper(rpo=200), "when was the oldest order in it written?"),
    (1, paper(lost=136_000), "on average an order waits half"),
    (1, paper(lost=60_000), "what is on its way for 40 s is lost as well"),
    (1, paper(rto=730), "just fetched the old address"),
    (1, paper(rto=760), "nobody acts before the loss is noticed"),
    (1, paper(rto=770), "three in a row"),
    (1, paper(stale=1 / 3), "the share that has moved"),
    (1, paper(stale=0.5), "which were older than 40 s when the name changed?"),
    (1, paper(stale=0.7165), "a straight line, no exp"),
    (1, paper(stale=66.7), "between 0 and 1"),
    (1, paper(whole=0.93), "counts the cases with two bad files twice"),
    (1, paper(whole=0.94148), "seven files"),
    (1, lambda: {"rpo": 340, "rtt": 790}, "not asked for: rtt"),
    (1, lambda: 340, "a dict with the keys rpo"),
    (2, nightly(length=1), "increments are ten times smaller"),
    (2, nightly(length=7), "the sixth file must be a full one"),
    (2, nightly(heed=False, tidy=False), "a file below it is unreadable"),
    (2, nightly(tidy=False), "takes room as well, and helps nobody"),
    (2, nightly(whole_chains=False), "an increment is worth nothing without the full backup"),
    (2, nightly(window=8), "its own file is deleted; 14 evenings are 14 states"),
    (2, it.keep_all, "delete what no evening of the last 14 needs"),
    (2, it.always_incremental, "if that file is not kept, only full works"),
    (2, it.broken_off, "is there a `return`?"),
    (2, it.foreign, "a list of pieces out of kept"),
    (3, proof(sizes=False), "compare size and listed_size first"),
    (3, proof(sums=False), "the checksum is not the listed one"),
    (3, proof(newest=False), "start from the newest full backup"),
    (3, proof(sort=False), "a folder has no order"),
    (3, proof(furthest=False), "the end so far never moves back"),
    (3, proof(base=lambda one, at: True), "time goes forward only"),
    (3, proof(begins=lambda one, at: one.from_s == at), "an overlap is no gap"),
    (3, proof(begins=lambda one, at: True), "log from 60 to 120 is missing"),
    (3, proof(count=True), "counting files is not enough"),
    (3, it.file_by_file, "first the sizes of all files"),
    (3, it.base_first, 'this one stands above "no base"'),
    (3, it.silent, "is there a `return` on every way?"),
    (4, decide(patience=0), "a pause of the garbage collector"),
    (4, decide(patience=21), "20 s will do"),
    (4, decide(half=it.at_least_half), "half is not more than half"),
    (4, decide(half=it.all_of_them), "three of five are more than half"),
    (4, decide(half=it.anybody), "it is our own line that is cut"),
    (4, decide(fence=False), "alive behind a cut line"),
    (4, decide(order="person"), "first the fence"),
    (4, decide(rpo=60), "a person must want that"),
    (4, decide(rpo=4), "5 s are within the objective"),
    (4, lambda seen: True, "expected one of wait, fence first"),
    (5, settings(ttl_s=60), "which of the three is the largest"),
    (5, settings(fall=3), "6.31 false alarms a year"),
    (5, settings(check_every_s=10, fall=3), "3.16 false alarms a year"),
    (5, settings(ttl_s=5), "8,000 queries a second"),
    (5, settings(check_every_s=2, fall=5, ttl_s=25), "your provider does not check more often"),
    (5, settings(fall=3.5), "a whole number of checks"),
    (5, settings(rise=2), "a dict with the keys check_every_s"),
    (6, plan(every_s=60.0), "every_s=0 streams"),
    (6, plan(kept=0), "copies a DELETE within milliseconds"),
    (6, plan(automatic=False), "the longest step is 'decide'"),
    (6, plan(app=0.0), "the longest step is 'boot'"),
    (6, plan(database=False), "the longest step is 'restore'"),
    (6, plan(app=1.0), "how much of it do you need in the first minutes?"),
    (6, plan(app=0.25), "passed: names lead there within 60 s"),
    (6, plan(app=0.5), "peaks need headroom: what does the budget leave?"),
    (6, lambda: None, "is there a `return`?"),
    (6, plan(app=75), "a share from 0 to 1"),
]

RIGHT = [
    (1, paper(whole=0.9321, stale=0.667)),
    (2, nightly(length=4)),
    (2, it.every_fifth),
    (3, it.backwards),
    (4, it.table),
    (5, settings(6, 4, 21)),
    (5, settings(5, 5, 20)),
    (6, plan(every_s=4.0)),
    (6, plan(synchronous=True, kept=4)),
]


@pytest.fixture(autouse=True)
def no_drill(monkeypatch):
    """The solution's own run meets the drill, in test_every_lab."""
    kept = tuple(each for each in final.FINAL if not each.title.startswith("live"))
    tasks = [replace(task, checks=kept) if task.number == 6 else task for task in lab_13.TASKS]
    monkeypatch.setattr(lab_13, "TASKS", tuple(tasks))


@pytest.mark.parametrize("task, given, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, given, told):
    report = check("13", task, given, progress=progress)
    assert any(outcome.state == "failed" for outcome in report.outcomes), report
    assert told in " ".join(str(report).split()), report


@pytest.mark.parametrize("task, given", RIGHT, ids=[f"{number}-{task}" for number, (task, _) in enumerate(RIGHT)])
def test_another_right_answer_passes(progress, task, given):
    report = check("13", task, given, progress=progress)
    assert report.complete, report


def test_each_rule_has_its_own_point(progress):
    report = check("13", 2, nightly(length=6), progress=progress)
    assert [outcome.state for outcome in report.outcomes].count("failed") == 1
    report = check("13", 4, decide(rpo=60), progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["passed"] * 3 + ["failed", "not run"]
    report = check("13", 5, settings(ttl_s=5), progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["passed", "passed", "failed", "passed", "not run"]
    report = check("13", 5, settings(2, 5, 25), progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["passed"] * 3 + ["failed", "not run"]
    report = check("13", 1, paper(stale=0.5), progress=progress)
    assert str(report).count("the share that still asks the old address") == 1, "the heading is not said twice"


def test_a_night_is_played_to_its_end():
    with pytest.raises(AssertionError, match="nothing in 120 s"):
        lab_13.failover.nights(lambda seen: "wait")
    with pytest.raises(AssertionError, match="'promote' after 20 s"):
        lab_13.failover.nights(decide(fence=False))
    with pytest.raises(AssertionError, match="after 65 s"):
        lab_13.failover.nights(decide(patience=55))


def test_each_plan_is_drilled_as_what_it_is():
    plans = [plan(database=False), plan(app=0.0), plan(), plan(synchronous=True)]
    assert [final.level_name(each()) for each in plans] == list(LEVELS)


def test_a_drill_that_misses_an_objective_fails(monkeypatch):
    bad = Drill("warm standby", 13, 100, 7, 9, 6.5, 0.5, 93, False, ())
    monkeypatch.setattr(final.wheels, "missing", lambda name: "")
    monkeypatch.setattr(final.wheels, "importable", lambda name: True)
    monkeypatch.setattr(final.drill, "run", lambda *words, **more: bad)
    with pytest.raises(AssertionError, match="7 of 100 confirmed orders lost.*the audit does not add up"):
        final.drilled(plan())


def test_a_drill_that_succeeds_says_what_was_measured(monkeypatch):
    good = Drill("warm standby", 13, 100, 2, 9, 0.021, 0.5, 98, True, ())
    monkeypatch.setattr(final.wheels, "missing", lambda name: "")
    monkeypatch.setattr(final.wheels, "importable", lambda name: True)
    monkeypatch.setattr(final.drill, "run", lambda *words, **more: good)
    assert "2 of 100 confirmed orders lost, RPO 21 ms, RTO 0.50 s" in final.drilled(plan())


def test_without_postgresql_the_model_judges_again(monkeypatch):
    monkeypatch.setattr(wheels, "missing", lambda name: "postgresql is not installed")
    assert "again the model: 2 losses" in final.drilled(plan())
    with pytest.raises(AssertionError, match="of the orders from 60 s"):
        final.drilled(plan(app=0.25))
