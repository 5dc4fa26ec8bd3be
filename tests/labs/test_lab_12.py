"""Lab 12: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.chaos.plan import Fault
from minisys.chaos.shop import CLAIMS
from minisys.grading import lab_12
from minisys.grading.checks import check
from minisys.grading.lab_12 import words

it = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_12.py"))))
paper, judge, radius, hunts, live = it.paper, it.judge, it.radius, it.hunts, it.live

WRONG = [
    # task, answer, what the report must say
    (1, paper(exposed=1200), "5 % are exposed"),
    (1, paper(missed=0.2**12), "all twelve fail"),
    (1, paper(missed=1 - 0.8**12), "the chance that it is noticed"),
    (1, paper(enough=20), "not below 0.01 yet"),
    (1, paper(enough=20.64), "round up"),
    (1, paper(fresh=1 - it.X), "exp(-rate x time)"),
    (1, paper(fresh=47.7), "between 0 and 1"),
    (1, paper(average=it.paper()()["fresh"]), "at the end of the 90 days"),
    (1, paper(average=0.3), "divide by the length of the interval"),
    (1, paper(enough=30), "the smallest whole n"),
    (1, lambda: 60, "a dict with the keys exposed"),
    (1, lambda: {"exposed": 60, "misst": 0.07}, "missing: missed, enough, fresh, average. not asked for: misst"),
    (2, judge(orders=21), "20 will do"),
    (2, it.strict, "90 % will do"),
    (2, judge(of=it.since_ever), "from the beginning of the experiment on"),
    (2, it.exactly, "that is none lost"),
    (2, judge(calls=99), "has other customers"),
    (2, judge(lost=1), "not one"),
    (2, judge(orders=0, success=0), "one order in nine fails"),
    (2, judge(orders=1), "fewer than 20 answered orders"),
    (2, it.silent, "is there a `return`?"),
    (3, radius(pairs=()), "never both"),
    (3, radius(pairs=({"a", "b"},)), "the book and its standby are twins"),
    (3, radius(most=1), "two at a time are allowed"),
    (3, radius(most=9), "two at a time at the most"),
    (3, radius(longest=99), "no fault longer than 5 s"),
    (3, radius(again=True), "broken already"),
    (3, it.only_lasting, "ended less than a second ago"),
    (3, it.never, "one part at a time"),
    (4, hunts(it.DEAD, it.RETRIES, it.FAILOVER, it.COPY), "what if it is there and says nothing?"),
    (4, hunts(it.COPY, it.TIMEOUT, it.RETRIES, it.FAILOVER), "one weakness can hide another"),
    (4, hunts(it.TIMEOUT, it.FAILOVER, it.COPY), "users may notice nothing"),
    (4, hunts(it.CACHE, rerun=False), "this claim stands"),
    (4, hunts(it.MISTAKEN), "another weakness is behind it"),
    (4, hunts(it.SLOW, rerun=False), "a slow answer is an answer"),
    (4, lambda mine: 3, "return a list of (claim, fault, weakness)"),
    (4, lambda mine: None, "is there a `return`?"),
    (4, lambda mine: ["no timeout"], "(claim, fault, weakness)"),
    (4, it.endless, "one claim and one fault per weakness is enough"),
    (5, it.all_of_it, "go on until nothing can be left out"),
    (5, it.first_only, "a plan that breaks"),
    (5, it.halves, "go on until nothing can be left out"),
    (5, it.not_undone, "undo what you left out"),
    (5, it.subsets, "more than 200 runs"),
    (5, lambda faults, breaks: [0, 1], "return a sublist"),
    (5, lambda faults, breaks: None, "is there a `return`?"),
    (6, live(for_s=9.0), "3 s or less"),
    (6, live(part="book"), "has no part 'book'"),
    (6, live(claim="all is well"), "one of orders succeed"),
    (6, lambda: "kill orders", "a pair"),
]
RIGHT = [
    (1, paper(exposed=60.0, average=0.707)),
    (2, judge()),
    (3, radius()),
    (4, hunts(it.CACHE, it.HEALTH, it.FAILOVER, it.TIMEOUT, it.RETRIES, it.COPY)),
    (5, it.until_rest),
    (6, live(for_s=1.0)),
]


@pytest.fixture(autouse=True)
def no_live_shop(monkeypatch):
    """The solution's own run meets the live shop, in test_every_lab."""
    kept = tuple(each for each in lab_12.live.LIVE if not each.title.startswith("live"))
    tasks = [replace(task, checks=kept) if task.number == 6 else task for task in lab_12.TASKS]
    monkeypatch.setattr(lab_12, "TASKS", tuple(tasks))


@pytest.mark.parametrize("task, given, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, given, told):
    report = check("12", task, given, progress=progress)
    assert any(outcome.state == "failed" for outcome in report.outcomes), report
    assert told in " ".join(str(report).split()), report


@pytest.mark.parametrize("task, given", RIGHT, ids=[str(task) for task, _ in RIGHT])
def test_another_right_answer_passes(progress, task, given):
    report = check("12", task, given, progress=progress)
    assert report.complete, report


def test_each_number_has_its_own_point(progress):
    report = check("12", 1, lambda: {"exposed": 60, "enough": 21}, progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["passed", "failed", "passed", "failed", "failed"]


def test_each_rule_has_its_own_point(progress):
    report = check("12", 3, radius(longest=99), progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["passed"] * 3 + ["failed", "not run"]


def test_each_shop_has_its_own_point(progress):
    report = check("12", 4, hunts(it.CACHE, it.FAILOVER, it.TIMEOUT, it.COPY), progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["failed", "failed", "passed"]


def test_half_a_live_experiment_is_told_which_half():
    hint, lost = lab_12.live.hint, "no confirmed order is lost"
    assert "right part, wrong claim" in hint("orders succeed", Fault("kill", "orders", for_s=3.0))
    assert "right claim, wrong part" in hint(lost, Fault("kill", "standby", for_s=3.0))
    assert "long enough" in hint(lost, Fault("kill", "orders", for_s=0.01))
    assert "what does a copy save" in hint("orders succeed", Fault("kill", "a", for_s=3.0))


def test_an_experiment_says_what_it_measured_and_the_limit():
    why = lab_12.hunt.Shop(5).try_out("prices is not flooded", Fault("kill", "prices", for_s=3.0)).why
    assert why == "the claim failed after the faults: calls_per_order 3.52, at most 1.5"
    assert words.counted(CLAIMS["no confirmed order is lost"], 30.0) == "30 confirmed orders lost"
