"""Lab 11: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.grading import lab_11
from minisys.grading.checks import check
from minisys.grading.lab_11 import alerting, runbook
from minisys.observability.alerts import DAILY, Condition

answers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_11.py"))))
quantile, merged, budget, rule, book = (
    answers.quantile, answers.merged, answers.budget, answers.rule, answers.book
)  # fmt: skip
FAST, SLOW, HOUR_S = answers.FAST, answers.SLOW, answers.HOUR_S

WRONG = [
    # task, answer, what the report must say
    (1, quantile(inside="edge"), "as if all of it were as slow as its slowest"),
    (1, quantile(inside="middle"), "that is the bucket's middle"),
    (1, answers.from_zero, "start at the bucket's lower edge"),
    (1, quantile(first=0.1), "the first bucket begins at 0"),
    (1, quantile(last=float("inf")), "Prometheus says the last finite edge"),
    (1, quantile(none=0.0), "nobody asked: no number is right"),
    (1, answers.says_nothing, "is there a `return`?"),
    (2, answers.mean_of, "the mean of four percentiles is no percentile of anybody"),
    (2, answers.weighted, "it is still a mean of percentiles"),
    (2, answers.worst, "that is the worst server's"),
    (2, answers.mean_unless_new, "the mean of four percentiles is no percentile of anybody"),
    (2, merged(lambda counts: counts[-1]), "take the increase"),
    (2, merged(lambda counts: counts[-1] - counts[0]), "began again at 0"),
    (2, merged(lambda counts: answers.grown(counts, restarts=False)), "began again at 0"),
    (2, merged(max), "take the increase"),
    (3, budget(allowed_min=432), "that is 99 %"),
    (3, budget(allowed_min=0.72), "hours; the question asks for minutes"),
    (3, budget(burn=0.01), "divide by what is allowed"),
    (3, budget(burn=0.1), "upside down"),
    (3, budget(lasts_h=3), "days; the question asks for hours"),
    (3, budget(lasts_h=7200), "ten times as fast, not slower"),
    (3, budget(threshold=7.2), "that spends 1 %"),
    (3, budget(threshold=0.0144), "that is the error ratio"),
    (3, budget(detect_s=3600), "the window need not be full of errors"),
    (3, budget(detect_s=0.864), "minutes; the question asks for seconds"),
    (3, budget(detect_s=60), "after t seconds the share is t / 3600"),
    (3, budget(missed=0.001), "the rule fires at 14.4 times as much"),
    (3, budget(missed=1.44), "per cent"),
    (3, budget(burn="ten"), "a number"),
    (3, lambda: 43.2, "a dict with the keys allowed_min"),
    (4, rule(FAST), "0.2 % for a day are below your pages"),
    (4, rule(FAST, SLOW), "the 5 min window clears between flaps"),
    (4, rule(Condition(6 * HOUR_S, 2.0, short_s=1_800)), "a ticket would do for a low burn"),
    (4, rule(FAST, replace(SLOW, severity="page")), "behind a long one|pages for every blip|a long window remembers"),
    (4, rule(Condition(600.0, 1.0)), "pages for every blip"),
    (4, rule(Condition(HOUR_S, 14.4), SLOW), "most missed|a second window of a twelfth"),
    (4, rule(Condition(6 * HOUR_S, 6.0), SLOW), "a second window of a twelfth|wait longer"),
    (4, rule(Condition(60.0, 1.0, for_s=HOUR_S), SLOW), "wait longer"),
    (4, rule(replace(FAST, severity="ticket"), SLOW), "a total outage must wake somebody"),
    (4, lambda: [3600, 14.4], "a list of Condition"),
    (5, answers.largest(answers.lasts), "nobody waited for it"),
    (5, answers.largest(answers.lasts, compare=False), "the root is always the longest|nobody waited for it"),
    (5, answers.largest(answers.own), "nobody waited for it"),
    (5, answers.largest(answers.blamed, compare=False), "it is the slowest, and was before"),
    (5, answers.largest(answers.blamed, mean=False), "compare means"),
    (5, answers.only_the_name, "return (span.service, span.name)"),
    (5, answers.says_nothing, "is there a `return`?"),
    (6, answers.as_object, "YAML, as text"),
    (6, book(dead="[reboot]"), "steps are restart, replace, drain"),
    (6, book(dead="[page, restart]"), "page comes last"),
    (6, book(limit=3), "'limit' is unknown"),
    (6, book(dead="[page]"), "a restart is the fastest cure"),
    (6, book(silent="[drain, page]"), "a restart is the fastest cure"),
    (6, book(wait_s=10), "who waits less restarts what is starting"),
    (6, book(wait_s=2), "so `replace` never came"),
    (6, book(wait_s=30), "who waits less after it disturbs it"),
    (6, book(slow="[drain, page]"), "a new machine may"),
    (6, book(slow=""), "it needs a runbook of its own"),
    (6, book(looks=1000), "`after` is not endless"),
    (6, book(dead=answers.ENDLESS, steps=100, within_s=60, longest_wait_s=60), "so many `steps` `within_s` seconds"),
    (6, book(dead="[restart, restart, replace, page]", wait_s=600, longest_wait_s=3000), "keep the human in bed"),
    (6, book(failing=""), "a symptom without a runbook reaches nobody"),
    (6, book(at_once=1), "those that boot serve nobody"),
]

RIGHT = [
    (1, answers.counted_back),
    (2, merged(answers.grown)),
    (3, budget(detect_s=52, missed=0.01444)),
    (4, rule(Condition(HOUR_S, 14.0, short_s=240), Condition(6 * HOUR_S, 6.0, short_s=1_800), DAILY, SLOW)),
    (5, answers.largest(answers.blamed)),
    (6, book(failing="[page]", slow="[replace, page]")),
]


@pytest.fixture
def progress():
    """Points go nowhere: what is told is tested here, and 64 files on the disk cost more than the checks."""
    return SimpleNamespace(record=lambda *_: None, notice="")


@pytest.fixture(autouse=True)
def no_live_processes(monkeypatch):
    """The solution's own run meets live processes, in test_every_lab; here the virtual clock judges."""
    kept = tuple(each for each in runbook.RUNBOOK if not each.title.startswith("live"))
    tasks = [replace(task, checks=kept) if task.number == 6 else task for task in lab_11.TASKS]
    monkeypatch.setattr(lab_11, "TASKS", tuple(tasks))


@pytest.mark.parametrize("task, given, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, given, told):
    report = check("11", task, given, progress=progress)
    assert not report.complete, report
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert any(words in " ".join(str(report).split()) for words in told.split("|")), report


@pytest.mark.parametrize("task, given", RIGHT, ids=[str(task) for task, _ in RIGHT])
def test_another_right_answer_passes(progress, task, given):
    report = check("11", task, given, progress=progress)
    assert report.complete, report


def test_runbooks_that_cannot_be_read_are_told_once(progress):
    report = check("11", 6, book(dead="[reboot]"), progress=progress)
    assert [outcome.state for outcome in report.outcomes] == ["failed", *["not run"] * (len(report.outcomes) - 1)]
    assert "steps: [restart], after: 1" in report.outcomes[0].facts["look"]


def test_what_was_done_is_told_with_its_symptom(progress):
    told = " ".join(str(check("11", 6, book(wait_s=2), progress=progress)).split())
    assert "restart after 8 s (slow), restart after 10 s (dead)" in told
    passed = str(check("11", 6, book(), progress=progress))
    assert "crash" in passed and "hang" in passed


def test_the_shown_incidents_have_every_judged_line_and_its_limit():
    frame = alerting.shown(rule(FAST, replace(FAST, window_s=6 * HOUR_S, burn=6.0, short_s=1_800), SLOW)).frame
    assert list(frame.columns) == ["what", "yours", "limit"]
    assert list(frame["limit"]).count("not judged") == 1 and len(frame) == len(alerting.ALERT) + 1
