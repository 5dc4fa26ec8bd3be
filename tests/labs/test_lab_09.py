"""Lab 09: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.autoscaling import theory
from minisys.grading import lab_09
from minisys.grading.checks import check
from minisys.grading.lab_09 import leaving

answers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_09.py"))))
pods, boots, rule = answers.pods, answers.boots, answers.rule


def low(line, gain=0.42):
    return line, lambda: gain


WRONG = [
    # task, answers, what the report must say
    (1, (pods(plain=42),), "upside down"),
    (1, (pods(plain=45),), "divide by the target too"),
    (1, (pods(tolerance=11),), "within 10 % of 1"),
    (1, (pods(booting=6),), "uses nothing if the rule would grow"),
    (1, (pods(booting=4),), "beyond the tolerance"),
    (1, (pods(silent=2),), "may be using all of it"),
    (1, (pods(silent=5),), "36 %"),
    (1, (pods(window=4),), "the most that was wanted within the last 300 s"),
    (1, (pods(window=10),), "that wish is 320 s old"),
    (1, (pods(limits=72),), "after the first minute"),
    (1, (pods(limits=63),), "the part of a pod goes too"),
    (1, (pods(booting=3),), "four are there already"),
    (1, (pods(silent=1),), "the formula rounds up"),
    (1, (pods(silent=3),), "a custom metric would count the target"),
    (1, (pods(plain="60 pods"),), "without quotation marks"),
    (1, (pods(limits=76),), "the larger of the two"),
    (1, (pods(limits=65),), "a pod that may go goes"),
    (1, (pods(plain=59.5),), "pods are whole"),
    (1, (lambda: 60,), "a dict with the keys plain, tolerance"),
    (2, (boots(boot_s=120),), "boots must be faster"),
    (2, (boots(boot_s=60),), "75 s would do as well"),
    (2, (boots(boot_s=70),), "seconds: 15, 30, 45"),
    (2, (boots(target=0.7),), "no room for what comes while machines boot"),
    (2, (boots(target=0.5),), "0.6 would do too"),
    (2, (boots(target=60),), "a share, not per cent"),
    (2, (boots(why="looks"),), "saves 14 s"),
    (2, (boots(why="noise"),), "here the load really rises"),
    (2, (boots(why="rounding"),), "several at once"),
    (2, (boots(why="money"),), "one of late, noise"),
    (3, (rule(whole=round),), "a part of a machine is a machine"),
    (3, (rule(whole=int),), "a part of a machine is a machine"),
    (3, (rule(whole=float),), "math.ceil gives a whole number"),
    (3, (rule(tolerant=False),), "within 10 % of 1 nothing changes"),
    (3, (answers.near_in_load,), "0.67 / 0.6 is 1.12: beyond the tolerance"),
    (3, (rule(keep=1e9),), "the 10 is older"),
    (3, (rule(keep=300.001),), "exactly 300 s ago is too old"),
    (3, (rule(most=min),), "wait"),
    (3, (rule(most=lambda counts: counts[0]),), "is asked for now is in the window too"),
    (3, (rule(note="returned"),), "note what the ratio asks for now"),
    (3, (rule(note="nothing"),), "append (now, number) to recent"),
    (3, (rule(window_out=True),), "growing goes to what is asked for now"),
    (3, (rule(bounded=False),), "never grow because of the window"),
    (3, (answers.says_nothing,), "is there a `return`?"),
    (4, low(answers.constant_low), "it comes back"),
    (4, low(answers.cautious), "keeps twenty half empty"),
    (4, low(answers.too_low), "it depends on servers, but is lower than needed"),
    (4, low(answers.two_thirds), "it depends on servers, but is lower than needed"),
    (4, low(answers.above), "lies below the other"),
    (4, low(answers.wrong_end), "where are the others then?"),
    (4, low(answers.exact, 1.0), "orders again what is on its way"),
    (4, low(answers.exact, 0.5), "expected rest"),
    (4, low(answers.exact, 0.2), "a larger gain does too"),
    (4, low(answers.exact, -1), "above 0"),
    (5, (answers.at_once,), "somebody's request takes 40 s"),
    (5, (answers.only_stops,), "0 of 3"),
    (5, (answers.gives_up,), "No limit here; in production one above the longest request"),
    (5, (answers.sleeps,), "time here is virtual"),
    (5, (answers.asks_too_often,), "so many questions are a load of their own"),
    (5, (answers.fixed_wait,), "somebody's request takes 40 s"),
    (5, (answers.asks_once,), "answers 0"),
    (5, (answers.never_drains,), "drain first, or it is never empty"),
    (5, (answers.forgets_first,), "0 does not mean empty"),
    (5, (answers.never_stops,), "it is paid as long as it runs"),
    (5, (answers.stays_listed,), "check its health for ever"),
    (5, (answers.spins,), 'must be a ("wait", seconds)'),
    (5, (answers.ten_minutes,), "an empty machine costs money"),
    (5, (answers.returns_a_list,), "write `yield"),
    (5, (answers.unknown_word,), "one of drain, in flight"),
    (6, (answers.eight,), "it never changed its mind"),
    (6, (answers.kubernetes(0.6),), "1.38 % missed"),
    (6, (answers.Bare,), "machines that boot are ordered again"),
    (6, (answers.Unguarded,), "seen.utilisation() is None"),
    (6, (answers.kubernetes(0.4),), "more reserve than this needs"),
    (6, (answers.six,), "dear and late"),
    (6, (answers.Half,), "math.ceil makes it whole"),
    (6, (answers.Change,), "how many there should be in all"),
    (6, (answers.Shared,), "make it in __init__"),
    (6, (answers.SharedTop,), "its memory must be its own first"),
    (6, (answers.NoPolicy,), "desired(self, seen, now)"),
]

RIGHT = [
    (1, (pods(plain=60.0),)),
    (2, (boots(boot_s=75.0),)),
    (3, (answers.in_another_way,)),
    (4, low(answers.exact, theory.largest_gain(3))),
    (4, low(answers.exact, 0.41)),
    (5, (answers.listed_last,)),
    (5, (answers.polls_fast,)),
    (6, (answers.kubernetes(0.5, 60.0),)),
]


@pytest.fixture(autouse=True)
def no_live_balancer(monkeypatch):
    """The solution's own run meets the live balancer, in test_every_lab; here the model judges."""
    kept = tuple(each for each in leaving.LEAVING if not each.title.startswith("live"))
    tasks = [replace(task, checks=kept) if task.number == 5 else task for task in lab_09.TASKS]
    monkeypatch.setattr(lab_09, "TASKS", tuple(tasks))


@pytest.mark.parametrize("task, given, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, given, told):
    report = check("09", task, *given, progress=progress)
    assert not report.complete, report
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert told in " ".join(str(report).split()) or told in str(report), report


@pytest.mark.parametrize("task, given", RIGHT, ids=[str(task) for task, _ in RIGHT])
def test_another_right_answer_passes(progress, task, given):
    report = check("09", task, *given, progress=progress)
    assert report.complete, report
