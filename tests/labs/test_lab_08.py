"""Lab 08: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import pytest

from minisys.grading.checks import NotRun, check
from minisys.grading.lab_08 import consumer, pressure
from tests.labs import wrong_08 as answers

sized, moments, line, after = answers.sized, answers.moments, answers.line, answers.after
place, relay = answers.place, answers.relay

WRONG = [
    # task, answers, what the report must say
    (1, (sized(20),), "twice as many is far more than twice as fast"),
    (1, (sized(14),), "fewer will do"),
    (1, (sized(12),), "one more?"),
    (1, (sized(6),), "the line never gets shorter"),
    (1, (sized(13.0),), "a whole number of consumers"),
    (1, (sized(because="It is so because I measured it in the model."),), "nothing about"),
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
    (3, (after(passing=Exception),), "the message itself is wrong"),
    (3, (after(most=9),), "8 attempts are all"),
    (3, (after(most=7),), "receives counts this one"),
    (3, (after(first=0),), "receives starts at 1"),
    (3, (after(cap=900.0),), "the cap bounds the result"),
    (3, (after(low=0.5),), "full jitter draws from the whole"),
    (3, (answers.without_jitter,), "come together again"),
    (3, (answers.always_a_minute,), "receives starts at 1"),
    (3, (answers.own_luck,), "not the module random"),
    (3, (answers.says_retry,), "seconds, or None for a dead letter"),
    (4, (answers.first_come,), "two consumers would work on one group"),
    (4, (answers.not_busy,), "two consumers would work on one group"),
    (4, (answers.stops_at_busy,), "pass over a busy group"),
    (4, (answers.all_groups,), "each takes one"),
    (4, (answers.newest,), "an earlier message of the same group still waits"),
    (4, (answers.changes_busy,), "leave `waiting` and `busy` as they are"),
    (4, (lambda waiting, busy, free: None,), "is there a `return`?"),
    (5, (line(own=0),), "and then it is worked on itself"),
    (5, (line("block"),), "the line outside counts"),
    (5, (line("shed oldest"),), "they heard 'accepted'"),
    (5, (line(share=0.5),), "longer, and more are served"),
    (5, (line(kind=float),), "round down"),
    (5, (line("wait"),), "the pressure is one of"),
    (6, (answers.no_commit,), "others see only what was committed"),
    (6, (answers.no_memory,), "Ask the table `done`"),
    (6, (answers.by_message_id,), "remember message['number']"),
    (6, (answers.by_content,), "alike in all but their number"),
    (6, (answers.deletes_only_new,), "must be deleted too"),
    (6, (answers.deletes_first,), "acknowledged before it was booked"),
    (6, (answers.deletes_before_commit,), "delete() comes after the commit"),
    (6, (answers.notes_first,), "committed without the booking"),
    (6, (answers.books_first,), "into one transaction"),
    (6, (answers.asks_then_ignores,), "let the INSERT into `done` decide"),
    (7, (answers.two_transactions, relay), "an order without its message"),
    (7, (answers.message_commits_first, relay), "a message without its order"),
    (7, (answers.place_without_commit, relay), "others see only what was committed"),
    (7, (answers.ignores_refusals, relay), "a message without its order"),
    (7, (place, answers.deletes_then_sends), "send first, delete after"),
    (7, (place, answers.never_empties), "must leave the outbox"),
    (7, (place, answers.newest_first), "what happened first is told first"),
    (7, (place, answers.goes_on_after_a_failure), "stop at the first that fails"),
    (7, (place, answers.empties_whatever_happens), "send first, delete after"),
    (7, (place, answers.sends_the_row), "send takes the order's number"),
]
RIGHT = [
    (1, (sized(because="Only the surplus shortens the queue."),)),
    (2, (moments(60.0, 25.0, 70.0),)),
    (3, (answers.with_random,)),
    (4, (answers.one_each,)),
    (6, (answers.lets_the_key_refuse,)),
    (7, (answers.message_first, relay)),
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
    report = check("08", task, *given, progress=progress)
    assert any(outcome.state == "failed" for outcome in report.outcomes), report
    assert told in " ".join(str(report).split()), report


@pytest.mark.parametrize("task, given", RIGHT, ids=[f"{task}" for task, _ in RIGHT])
def test_a_right_answer_written_another_way_passes(progress, task, given):
    report = check("08", task, *given, progress=progress)
    assert {outcome.state for outcome in report.outcomes} <= {"passed", "not run"}, report
    live = [outcome for outcome in report.outcomes if outcome.state == "not run"]
    assert len(live) == (task in (5, 6)), report
