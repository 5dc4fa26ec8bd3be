"""Lab 04: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.caching.policies import POLICIES
from minisys.grading import checks
from minisys.grading.checks import check
from minisys.grading.lab_04 import choices, flight
from tests.labs.written import definitions

HERE = Path(__file__)
WRITTEN = [runpy.run_path(str(HERE.with_name(f"{name}.py"))) for name in ("wrong_04", "wrong_04_races")]
answers = SimpleNamespace(**WRITTEN[0], **{name: each for name, each in WRITTEN[1].items() if name not in WRITTEN[0]})


@pytest.fixture
def without_sockets(monkeypatch):
    """The last check of task 4 starts a process; once is enough."""
    task = checks.tasks_of("04")[3]
    tasks = [replace(each, checks=each.checks[:-1]) if each is task else each for each in checks.tasks_of("04")]
    monkeypatch.setattr(checks, "tasks_of", lambda lab: tasks)


WRONG = [
    # task, answer, what the report must say
    (1, answers.halving(200), "twice the room is far from half the misses"),
    (1, answers.halving(2150), "that doubles the hits"),
    (1, answers.halving(500), "0.68 of the misses"),
    (1, answers.halving(10), "a number of pages, not a factor"),
    (1, lambda: 1150, "a dict with the keys 'predicted', 'measured' and 'because'"),
    (1, answers.halving(1150, predicted="double"), "your guess, whatever it was"),
    (1, answers.halving(1150, "It is larger."), "at least 6"),
    (1, answers.halving(1150, "Because the database is slow and the users are many"), "nothing about room"),
    (2, answers.lost(before_per_s=2700), "those are the hits"),
    (2, answers.lost(after_per_s=500), "what is it asked for?"),
    (2, answers.lost(times=9), "asked is how many times as much"),
    (2, answers.lost(times_at_95=5), "half as bad?"),
    (2, answers.lost(needed_hit_ratio=0.1667), "the share of misses that the database can take"),
    (2, answers.lost(needed_hit_ratio=83.3), "from 0 to 1, not percent"),
    (2, answers.lost(needed_hit_ratio=0.9), "that is what you had"),
    (2, lambda: {"times": 10}, "a dict with the keys before_per_s"),
    (3, answers.Fifo, "that is FIFO"),
    (3, answers.MovesOnAHit, "that is LRU: SIEVE moves nothing on a hit"),
    (3, answers.MovesTheSpared, "that is CLOCK: a key that is spared stays where it is"),
    (3, answers.BeginsAtTheOldest, "the hand stays where it stopped, also between evictions"),
    (3, answers.MarksTheNew, "expected  b goes"),
    (3, answers.KeepsTheMark, "an endless loop?"),
    (3, answers.ForgetsToReturn, "is there a `return` on every path"),
    (3, answers.WaitsAtTheEnd, "requests a a b c b, room for 2"),
    (4, answers.NoProtection, "who comes second must find what the first has begun"),
    (4, answers.KeepsValues, "forget the key when its computation is over"),
    (4, answers.OneLockForAll, "one lock for all keys makes everybody wait"),
    (4, answers.KeepsTheError, "forget it, whatever came of it"),
    (4, answers.WakesNobodyOnError, "who wakes the waiters, also when the one they wait for fails?"),
    (4, answers.GivesNoneOnError, "whoever waits must get the exception"),
    (4, answers.ComputesInTheFirstReader, "let a task of its own compute"),
    (4, answers.AwaitsTheTaskItself, "let each reader await asyncio.shield(task)"),
    (5, answers.choice(product_pages="lru"), "the favourites stay the same"),
    (5, answers.choice(pages_and_crawler="fifo"), "newcomers should prove themselves first"),
    (5, answers.choice(breaking_news="lfu"), "only the last minutes tell"),
    (5, answers.choice(playlist="lru"), "a cache that keeps the recent ones always misses"),
    (5, answers.choice(playlist="belady"), "the optimum needs the future"),
    (5, answers.choice(playlist="mru"), "one of fifo, random, lru"),
    (5, lambda: "w-tinylfu", "a dict with the keys 'product pages'"),
]


@pytest.mark.parametrize("task, answer, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, answer, told):
    report = check("04", task, answer, progress=progress)
    assert not report.complete
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert told in str(report), report


@pytest.mark.parametrize(
    "read, write, told",
    [
        ("plain_read", "plain_write", "the reader fetched the old value before the write and put it after the delete"),
        ("late_lease_read", "plain_write", "lease() before the database is read"),
        ("leased_read", "deletes_first", "the copy was deleted before the database had the new value"),
        ("plain_read", "deletes_twice_with_a_pause", "a second delete only moves the race"),
        ("leased_read", "puts_the_new", "only a delete makes tickets void"),
        ("leased_read", "deletes_and_puts", "a writer deletes, it does not put"),
        ("leased_read", "forgets_the_copy", "after the write the cache must forget its copy"),
        ("leased_read", "writes_behind", "what only the cache knows is lost with it"),
        ("leased_read", "locked_write", "uses the variable '_lock'"),
        ("never_puts", "plain_write", "nor of any use"),
        ("forgets_to_return", "plain_write", "is there a `return` on every path?"),
    ],
)
def test_a_race_that_is_left_is_shown(progress, read, write, told):
    report = check("04", 6, getattr(answers, read), getattr(answers, write), progress=progress)
    assert not report.complete
    assert told in str(report), report


@pytest.mark.parametrize(
    "task, answer",
    [
        (1, (answers.halving(1100),)),
        (1, (answers.halving(1200.0, predicted=1e6),)),
        (2, (answers.lost(needed_hit_ratio=5 / 6, times=10.0),)),
        (3, (answers.LinkedSieve,)),
        (3, (answers.TwoDicts,)),
        (4, (answers.FuturesByHand,)),
        (5, (answers.choice(),)),
        (5, (answers.choice(product_pages="s3-fifo", breaking_news="clock"),)),
        (6, (answers.checked_read, answers.plain_write)),
        (6, (answers.leased_read, answers.deletes_twice)),
    ],
)
@pytest.mark.usefixtures("without_sockets")
def test_a_right_answer_written_another_way_passes(progress, task, answer):
    report = check("04", task, *answer, progress=progress)
    assert report.complete, report


def test_a_coroutine_that_spins_is_stopped(progress, monkeypatch):
    run = flight.run_async
    monkeypatch.setattr(flight, "run_async", lambda main, **limits: run(main, **(limits | {"limit_s": 1.0})))
    task = checks.tasks_of("04")[3]
    monkeypatch.setattr(checks, "tasks_of", lambda lab: [replace(task, checks=task.checks[:1])])
    assert "it did not end and was stopped" in str(check("04", 4, answers.SpinsUntilDone, progress=progress))


@pytest.mark.live
def test_without_protection_the_database_sees_all_of_them():
    with pytest.raises(checks.Wrong) as raised:
        flight.live_500_readers_one_computation(answers.NoProtection)
    assert int(raised.value.facts["came out"]) > 400


@pytest.mark.live
def test_five_stampedes_five_computations():
    single_flight = definitions("solutions", "04")["SingleFlight"]
    for _ in range(5):
        told = flight.live_500_readers_one_computation(single_flight)
        assert told.endswith("origin computations: 1")


def test_no_policy_is_right_for_all_four():
    best = {kind: max(choices.unseen(kind, name) for name in POLICIES) for kind in choices.WORKLOADS}
    right = {k: {n for n in POLICIES if choices.unseen(k, n) >= best[k] - choices.NEAR} for k in choices.WORKLOADS}
    assert all(right.values()) and not set.intersection(*right.values())
    assert all("lru" not in right[kind] for kind in ("product pages", "pages and crawler", "playlist"))
