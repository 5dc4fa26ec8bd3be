"""Lab 08: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import pytest

from minisys.grading.checks import NotRun, check, look_at
from minisys.grading.lab_08 import TASKS, consumer, pressure
from tests.labs import wrong_08 as answers
from tests.labs import wrong_08_killed as killed

sized, moments, line, after = answers.sized, answers.moments, answers.line, answers.after
place, relay = killed.place, killed.relay

WRONG = [
    # task (or task and check: that one alone, where each check costs processes), answers, what the report must say
    (1, (sized(20),), "twice as many is far more than twice as fast"),
    (1, (sized(14),), "fewer will do"),
    (1, (sized(12),), "one more?"),
    (1, (sized(6),), "the line never gets shorter"),
    (1, (sized(12.86),), "whole consumers: round up"),
    (1, (sized(because="It is so because I measured it in the model."),), "some of the capacity serves"),
    (2, (moments(again=10),), "does not notice a death"),
    (2, (moments(again=70),), "from the receive, not from the death"),
    (2, (moments(shortened=60),), "replaces the first timeout"),
    (2, (moments(shortened=10),), "counts from the call, at 15"),
    (2, (moments(extended=90),), "do not add up"),
    (2, (moments(extended=75),), "the last call was at 40"),
    (2, (moments(dead=60),), "three are allowed"),
    (2, (moments(deaths=4),), "does not happen"),
    (2, (moments(late=1),), "the first still works"),
    (2, (moments(late=3),), "deletes it in time"),
    (2, (moments(late="2"),), "a number, without quotation marks"),
    (2, (lambda: {"later": 2},), "missing: again, shortened, extended, dead, deaths, late. not asked for: later"),
    (3, (after(passing=Exception),), "the message itself is wrong"),
    (3, (after(most=9),), "8 attempts are all"),
    (3, (after(most=7),), "receives counts this one"),
    (3, (after(first=0),), "receives starts at 1"),
    (3, (after(cap=900.0),), "the cap bounds the result"),
    (3, (after(low=0.5),), "full jitter draws from the whole"),
    (3, (answers.without_jitter,), "come together again"),
    (3, (answers.always_a_minute,), "receives starts at 1"),
    (3, (answers.own_luck,), "not the module random"),
    (3, (after(passing=OSError),), "FileNotFoundError('invoice.pdf')"),
    (3, (answers.exact_type,), "ConnectionResetError('reset by peer')"),
    (3, (answers.not_even(lambda rng, bound: rng.triangular(0, bound)),), "in the four quarters of the range"),
    (3, (answers.not_even(lambda rng, bound: rng.randint(0, bound)),), "not whole seconds"),
    (3, (answers.says_retry,), "seconds, or None for a dead letter"),
    (4, (answers.first_come,), "two consumers would work on one group"),
    (4, (answers.not_busy,), "two consumers would work on one group"),
    (4, (answers.stops_at_busy,), "pass over a busy group"),
    (4, (answers.all_groups,), "each takes one"),
    (4, (answers.newest,), "an earlier message of the same group still waits"),
    (4, (answers.changes_busy,), "leave `waiting` and `busy` as they are"),
    (4, (lambda waiting, busy, free: None,), "is there a `return`?"),
    (4, (lambda waiting, busy, free: tuple(answers.one_each(waiting, busy, free)),), "that is a tuple; make it a list"),
    (5, (line(own=0),), "and then it is worked on itself"),
    (5, (line("block"),), "the line outside counts"),
    (5, (line("shed oldest"),), "they heard 'accepted'"),
    (5, (line(share=0.9),), "longer, and more are served"),
    (5, (line(less=1),), "longer, and more are served"),
    (5, (line(kind=float),), "round down"),
    (5, (line("wait"),), "the pressure is one of"),
    (6, (killed.no_commit,), "others see only what was committed"),
    (6, (killed.no_memory,), "Ask the table `done`"),
    (6, (killed.by_message_id,), "remember message['number']"),
    (6, (killed.by_content,), "alike in all but their number"),
    (6, (killed.deletes_only_new,), "must be deleted too"),
    (6, (killed.deletes_first,), "acknowledged before it was booked"),
    ((6, 3), (killed.deletes_before_commit,), "delete() comes after the commit"),
    ((6, 3), (killed.notes_first,), "committed without the booking"),
    ((6, 3), (killed.books_first,), "into one transaction"),
    ((6, 5), (killed.asks_then_ignores,), "let the INSERT into `done` decide"),
    ((6, 5), (killed.overwrites,), "let the database add, cents = cents + ?"),
    ((6, 5), (killed.swallows_the_lock,), "if the database refuses, let the error pass"),
    ((6, 2), (killed.knows_no_twice,), "IntegrityError('UNIQUE constraint failed: done.number')"),
    ((6, 1), (killed.imports_elsewhere,), "what it imports or uses belongs in the same cell"),
    ((7, 1), (killed.leaves_the_refused_open, relay), "the next commit took it along: roll back"),
    ((7, 1), (killed.leaves_the_transaction_open, relay), "the next order finds an open transaction"),
    ((7, 2), (killed.two_transactions, relay), "an order without its message"),
    ((7, 2), (killed.message_commits_first, relay), "a message without its order"),
    ((7, 1), (killed.place_without_commit, relay), "others see only what was committed"),
    ((7, 1), (killed.ignores_refusals, relay), "a message without its order"),
    ((7, 4), (place, killed.deletes_then_sends), "send first, delete after"),
    ((7, 3), (place, killed.never_empties), "must leave the outbox"),
    ((7, 3), (place, killed.newest_first), "what happened first is told first"),
    ((7, 3), (place, killed.by_number), "what happened first is told first"),
    ((7, 4), (place, killed.empties_what_is_there), "delete what you sent, not what is there"),
    ((7, 4), (place, killed.sends_only_the_last), "it still waits in the outbox: send all there is"),
    ((7, 4), (place, killed.goes_on_after_a_failure), "stop at the first that fails"),
    ((7, 4), (place, killed.empties_whatever_happens), "send first, delete after"),
    ((7, 3), (place, killed.sends_the_row), "send takes the order's number"),
]
RIGHT = [
    (1, (sized(because="The headroom goes from 8 to 14 a second and fewer orders pile up during the sale."),)),
    (2, (moments(60.0, 25.0, 70.0),)),
    (3, (answers.with_random,)),
    (4, (answers.one_each,)),
    (6, (killed.lets_the_key_refuse,)),
    (7, (killed.message_first, relay)),
]


@pytest.fixture(autouse=True)
def without_live(monkeypatch):
    """The live checks run with the solution; here the checks before them must tell right from wrong."""

    def not_here(*_):
        raise NotRun("not in this test")

    for module in (consumer, pressure):
        monkeypatch.setattr(module.live, "broker", not_here)
    monkeypatch.setattr(consumer, "PAIRS", 2)


@pytest.mark.parametrize("task, given, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, given, told):
    if isinstance(task, tuple):
        (found,) = (each.checks[task[1] - 1] for each in TASKS if each.number == task[0])
        outcome = look_at(found, *given)
        assert outcome.state == "failed" and told in " ".join(outcome.facts.values()), outcome
        return
    report = check("08", task, *given, progress=progress)
    assert any(outcome.state == "failed" for outcome in report.outcomes), report
    assert told in " ".join(str(report).split()), report


@pytest.mark.parametrize("task, given", RIGHT, ids=[f"{task}" for task, _ in RIGHT])
def test_a_right_answer_written_another_way_passes(progress, task, given):
    report = check("08", task, *given, progress=progress)
    assert {outcome.state for outcome in report.outcomes} <= {"passed", "not run"}, report
    live = [outcome for outcome in report.outcomes if outcome.state == "not run"]
    assert len(live) == (task in (5, 6)), report
