"""Lab 03: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.grading import checks
from minisys.grading.checks import check
from minisys.grading.lab_03 import slow

answers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_03.py"))))


@pytest.fixture
def virtual_only(monkeypatch):
    """The real clock is left to the live test below."""
    run = slow.live_run
    monkeypatch.setattr(slow, "live_run", lambda *given, **keywords: run(*given, **(keywords | {"clock": "virtual"})))


WRONG = [
    # task, answer, what the report must say
    (1, answers.doubling(0.75), "doubles the mean latency, waiting plus service"),
    (1, answers.doubling(67), "a utilisation is a share of the time: 0.8, not 80"),
    (1, answers.doubling(0.6), "a mean wait 1.5 times the one at 0.5"),
    (1, answers.doubling(0.9), "a mean wait 9.0 times the one at 0.5"),
    (1, lambda: 0.67, "a dict with the keys 'predicted', 'measured' and 'because'"),
    (1, answers.doubling(0.67, "It is busier."), "at least 6"),
    (1, answers.doubling(0.67, predicted="double"), "your guess, whatever it was"),
    (1, answers.doubling(0.67, "Because " + "the server has more and more to do " * 3), "nothing about waiting"),
    (2, lambda: "aaaabbc", "weighted round robin without the smoothing"),
    (2, lambda: "abcabca", "a 3 times in abcabca"),
    (2, lambda: "abaacba", "choice 4, credits after earning: a 2, b 1, c 4"),
    (2, lambda: "abac", "7 choices among a, b and c"),
    (3, answers.ignores_eligible, "eligible [0, 2, 3]"),
    (3, answers.answers_the_position, "pool.eligible[k], not k itself"),
    (3, answers.forgets_to_return, "came out  None"),
    (3, answers.brings_its_own_random, "the only random number a policy may use is luck"),
    (3, answers.counts_itself, "the caller keeps in_flight up to date"),
    (3, answers.draws_once, "are both draws the same"),
    (3, answers.takes_the_busier, "takes the busier of the two"),
    (3, answers.looks_at_all, "that is least connections; draw two"),
    (3, answers.draws_opposites, "peel it off what is left of luck"),
    (5, answers.least_connections_again, "of the requests went there: pool.latency_s tells you that it is slow"),
    (5, answers.looks_at_two, "two random draws are both the slow one in 1 of 16 requests"),
    (5, answers.knows_who_is_slow, "backend 3 is ten times slower"),
    (5, answers.runs_to_the_fastest, "do too many run to the same good one? Count in_flight too"),
    (5, answers.shuns_whoever_was_slow_once, "25.4% of the requests went there"),
    (5, answers.divides_by_latency, "ZeroDivisionError"),
    (6, answers.pulls_the_plug, "what a still had was lost with it"),
    (6, answers.does_not_wait, "a request may take 1 s"),
    (6, answers.drains_before_it_adds, "only two backends are left"),
    (6, answers.never_switches_off, "a is never switched off"),
    (6, answers.adds_nobody, "d never joins"),
    (6, answers.removes_then_kills, "there is no backend 'a' at that time"),
    (6, answers.words_only, "a list of steps such as"),
]


@pytest.mark.parametrize("task, answer, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, answer, told):
    report = check("03", task, answer, progress=progress)
    assert not report.complete
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert told in str(report), report


@pytest.mark.parametrize(
    "states, worst, told",
    [
        (answers.counts_all_failures, answers.worst, "a yes in between sets the count of noes back to 0"),
        (answers.falls_one_late, answers.worst, "given     probes no, rise 1, fall 1"),
        (answers.rises_at_once, answers.worst, "a no in between sets the count of yeses back to 0"),
        (answers.starts_down, answers.worst, "one word a probe; it starts up"),
        (answers.only_the_last_state, answers.worst, "expected  ['up', 'up', 'up']"),
        (answers.by_looking_back, answers.without_timeout, "only a no when its timeout is over"),
        (answers.by_looking_back, answers.on_average, "too early for the worst case"),
        (answers.by_looking_back, answers.too_careful, "draw the probes on a line"),
    ],
)
def test_a_wrong_health_rule_is_told_why(progress, states, worst, told):
    report = check("03", 4, states, worst, progress=progress)
    assert not report.complete
    assert told in str(report), report


@pytest.mark.parametrize(
    "task, answer",
    [
        (1, (answers.doubling(0.65),)),
        (1, (answers.doubling(2 / 3),)),
        (1, (answers.doubling(0.66, predicted=1.0),)),
        (2, (lambda: ["a", "b", "a", "c", "a", "b", "a"],)),
        (2, (lambda: "a, b, a, c, a, b, a",)),
        (3, (answers.draws_two_different,)),
        (3, (answers.peels_by_divmod,)),
        (4, (answers.by_looking_back, answers.worst)),
        (5, (answers.looks_at_three_different,)),
        (5, (answers.least_connections_of_the_fast,)),
        (6, (answers.in_any_order_with_remove,)),
    ],
)
@pytest.mark.usefixtures("virtual_only")
def test_a_right_answer_written_another_way_passes(progress, task, answer):
    report = check("03", task, *answer, progress=progress)
    assert report.complete, report


def test_an_endless_policy_is_stopped_and_named(progress, monkeypatch):
    task = checks.tasks_of("03")[2]
    short = replace(task, checks=(replace(task.checks[2], limit_s=0.3),))
    monkeypatch.setattr(checks, "tasks_of", lambda lab: [short])
    text = str(check("03", 3, answers.never_ends, progress=progress))
    assert "stopped after 0.3 s, in never_ends, line" in text and "an endless loop?" in text
