"""Lab 10: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from minisys.grading import lab_10
from minisys.grading.checks import check
from minisys.grading.lab_10 import saving, showing
from minisys.resilience import model
from tests.labs import wrong_10 as answers

WRONG = [
    # task, answer, what the report must say
    (1, answers.no_jitter, "all who failed together come back together"),
    (1, answers.on_top, "full jitter only ever makes a wait shorter"),
    (1, answers.equal, "full jitter goes down to 0"),
    (1, answers.one_later, "one doubling too many"),
    (1, answers.no_cap, "min(cap_s, …) comes first"),
    (1, answers.cap_last, "cap first, then draw below it"),
    (1, answers.overflows, "limit the exponent"),
    (1, answers.own_random, "base * 2 ** attempt"),
    (1, answers.no_return, "is there a `return`?"),
    (2, answers.Exact, "compare with a little less than 1"),
    (2, answers.Hoards, "keep at most `most` tokens"),
    (2, answers.Full, "a new budget is empty"),
    (2, answers.FullAndExact, "a new budget is empty"),
    (2, answers.Free, "takes a whole token out"),
    (2, answers.Debts, "a spend() that is refused takes nothing out"),
    (2, answers.Shared, "make them in __init__"),
    (2, answers.Silent, "is there a `return` on every way through spend?"),
    (3, answers.InAll, "a success starts the count again"),
    (3, answers.Herd, "one probe is under way"),
    (3, answers.NeverAgain, "one call goes to see how it is"),
    (3, answers.Reopens, "open_s counts from when it opened"),
    (3, answers.LateSuccess, "an answer that comes while it is open was asked for before"),
    (3, answers.Lenient, "one bad probe is enough"),
    (3, answers.Dirty, "closing starts the count again"),
    (4, answers.always, "8 in line before one worker are 0.8 s"),
    (4, answers.fixed, "5 s are plenty"),
    (4, answers.never_waits, "20 in line are half a second of work"),
    (4, answers.forgets_its_own, "its own work takes 0.1 s"),
    (4, answers.one_worker, "what counts is the line for each worker"),
    (4, answers.on_the_edge, "on the edge: an estimate is a mean"),
    (4, answers.no_return, "is there a `return` on every way?"),
    (5, answers.unchanged, "who asks again, at which layers, who pays?"),
    (5, answers.jittered, "retries at several layers multiply"),
    (5, answers.only_deadlines, "retries at several layers multiply"),
    (5, answers.open_too_long, "your own breaker keeps them out: how long is it open?"),
    (5, answers.without_retries, "5 of 6 answers are good without any retry"),
    (5, answers.impatient, "a timeout too short for good answers"),
    (5, answers.only_a_limit, "expected at most 1.3"),
    (5, answers.only_a_breaker, "does a breaker open although most answers are good?"),
    (5, answers.more_workers, "database.workers = 9"),
    (5, answers.more_patience, "users are as patient as they are"),
    (5, answers.excuses, "a worse one does not count here"),
    (5, answers.of_my_own, "do not know this notebook's classes"),
    (5, answers.no_chain, "is there a `return`?"),
]

RIGHT = [
    (1, answers.with_random),
    (2, answers.Tokens),
    (3, answers.Fuse),
    (4, answers.half),
    (5, answers.with_codel),
    (5, answers.with_tokens),
]


@pytest.fixture(autouse=True)
def no_processes(monkeypatch):
    """The solution's own run meets real processes, in test_every_lab; here the model judges."""
    kept = tuple(each for each in saving.SAVED if not each.title.startswith("live"))
    tasks = [replace(task, checks=kept) if task.number == 5 else task for task in lab_10.TASKS]
    monkeypatch.setattr(lab_10, "TASKS", tuple(tasks))


@pytest.mark.parametrize("task, given, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, given, told):
    report = check("10", task, given, progress=progress)
    assert not report.complete, report
    assert told in " ".join(str(report).split()), report


def failed(task, given, progress):
    return [each.title for each in check("10", task, given, progress=progress).outcomes if each.state == "failed"]


@pytest.mark.parametrize(
    "given, titles",
    [
        (answers.Exact, ["one retry for ten requests"]),
        (answers.Full, ["one retry for ten requests", "each client has its own"]),
        (answers.Shared, ["each client has its own"]),
        (answers.Debts, ["a quiet night pays for no storm"]),
    ],
)
def test_a_budget_is_blamed_for_its_own_fault_only(progress, given, titles):
    assert failed(2, given, progress) == titles


def test_a_full_budget_is_not_told_that_it_is_shared(progress):
    assert "class body" not in str(check("10", 2, answers.FullAndExact, progress=progress))


def test_a_chain_that_may_not_be_run_is_one_failure(progress):
    assert failed(5, answers.more_workers, progress) == ["only defences changed"]


@pytest.mark.parametrize("shown", [showing.beside, showing.over_time])
def test_what_is_shown_of_such_a_chain_is_a_card(shown):
    assert "database.workers = 9" in str(shown(answers.more_workers))


def test_both_shown_troubles_harm_the_given_chain():
    shares = showing.beside(answers.unchanged).frame["in time from 1 s after it"]
    assert all(int(share.split()[0]) < 50 for share in shares)


@pytest.mark.parametrize("made", [answers.cured, answers.open_too_long, answers.with_codel, answers.with_tokens])
def test_any_chain_can_be_described(made):
    assert "orders → database" in str(showing.described(made(saving.given())))


def test_a_late_generator_leaves_no_note_above_a_green_result(monkeypatch, capfd):
    def late(chain, users, troubles, seed):
        print("load(): the generator could not keep up", file=sys.stderr)
        return model.simulate(chain, users, troubles, seed=seed)

    monkeypatch.setattr(saving.live, "run", late)
    assert saving.with_processes(answers.cured).endswith("at least 95 % in time afterwards")
    assert "generator" not in capfd.readouterr().err


@pytest.mark.parametrize("task, given", RIGHT, ids=[given.__name__ for _, given in RIGHT])
def test_another_right_answer_passes(progress, task, given):
    report = check("10", task, given, progress=progress)
    assert report.complete, report
