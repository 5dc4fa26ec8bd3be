"""Reading questions: the numbers show what was put in, for every cause and many seeds, and the key is that cause."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from minisys.interview import library, readings
from minisys.interview.judge import draw, judge
from minisys.interview.reading import Reading
from minisys.testbed.units import UnclearError

SEEDS = range(2)
DRAWN = (
    "cache",
    "queue",
    "errors",
    "shards",
)  # scenarios that draw with Python's and NumPy's dice, and compile nothing
BANK = [item.question for item in library.items() if isinstance(item.question, Reading)]
EVERY = [(name, cause) for name, each in readings.SCENARIOS.items() for cause in each.causes]


@cache
def played(name, cause, seed):
    """A run, once for all tests that look at it."""
    return readings.SCENARIOS[name].play(cause, seed)


def columns(name, cause, seed):
    """The numbers of a run, by column."""
    run = played(name, cause, seed)
    return {head: np.array([row[i] for row in run.rows]) for i, head in enumerate(run.columns) if i}


def burst(values):
    """How many rows lie far above the usual."""
    return int((values > 10 * np.median(values) + 0.5).sum())


def lowest(column, among=None):
    return float(np.sort(column)[: among or 3].mean())


def recovers(c):
    return c["answered in time/s"][-3:].min() > 80


def at_first(c):
    """Calls for one user when users begin to wait in vain."""
    return c["calls for one user"][np.argmax(c["answered in time/s"] < 60)]


SHOWS = {  # what an attentive reader sees, and the other causes of the scenario do not show
    ("errors", "total outage"): lambda c: c["failed %"].max() > 15 and burst(c["failed %"]) <= 5,
    ("errors", "slow burn"): lambda c: 0.1 < c["failed %"].max() < 1 and (c["failed %"] > 0.1).sum() >= 2,
    ("errors", "flapping"): lambda c: (np.diff(np.sign(c["failed %"] - 0.6)) > 0).sum() >= 2,
    ("errors", "bad deploy"): lambda c: 0.2 < c["failed %"].max() < 21 and burst(c["failed %"]) <= 10,
    ("errors", "low traffic"): lambda c: c["requests"].max() < 200 and c["failed"].max() <= 2,
    ("backends", "one slow"): lambda c: (c["busy %"] > 90).sum() == 1 and np.ptp(c["requests/s"]) < 1,
    ("backends", "hot client"): lambda c: (c["busy %"] > 90).sum() == 1 and np.ptp(np.sort(c["requests/s"])[:4]) > 1,
    ("backends", "overload"): lambda c: c["busy %"].min() > 95 and c["requests/s"].sum() > 500,
    ("backends", "unequal weights"): lambda c: (np.ptp(np.sort(c["requests/s"])[:4]) < 0.5
        and np.ptp(c["requests/s"]) > 40),
    ("backends", "short of workers"): lambda c: c["busy %"].min() > 95 and c["requests/s"].sum() < 500,
    ("cache", "flush"): lambda c: (c["answers held"] == 0).sum() == 1 and c["hit %"].min() < c["hit %"][0] - 15,
    ("cache", "scan"): lambda c: c["reads/s"].max() > 1.7 * c["reads/s"][0] and c["hit %"].min() < c["hit %"][0] - 20,
    ("cache", "shift"): lambda c: (c["answers held"].min() > 2900 and np.ptp(c["reads/s"]) < 20
        and c["hit %"].min() < 50),
    ("cache", "more traffic"): lambda c: c["reads/s"].max() > 2.5 * c["reads/s"][0] and np.ptp(c["hit %"]) < 15,
    ("cache", "expiry together"): lambda c: (np.diff(c["hit %"]) < -12).sum() >= 3,
    ("queue", "spike"): lambda c: (c["arrive/s"].max() > 1.7 * c["arrive/s"][0] and c["finished/s"].max() > 18
        and c["waiting"][-1] < 900),
    ("queue", "consumers lost"): lambda c: lowest(c["finished/s"]) < 8 and np.ptp(c["arrive/s"]) < 6,
    ("queue", "slower work"): lambda c: 7 < lowest(c["finished/s"]) < 11.5 and np.ptp(c["arrive/s"]) < 6,
    ("queue", "too slow for good"): lambda c: c["waiting"][-1] == c["waiting"].max() > 300 and c["finished/s"][-1] > 18,
    ("queue", "limit reached"): lambda c: c["refused/s"].max() > 2,
    ("retries", "retry storm"): lambda c: (c["answered in time/s"][-3:].max() < 12
        and c["calls for one user"][-3:].min() > 1.2),
    ("retries", "slow for a while"): lambda c: (recovers(c) and c["answered in time/s"].min() < 12
        and at_first(c) < 1.12),
    ("retries", "overload"): lambda c: c["users/s"].min() > 160 and c["answered in time/s"][-3:].max() < 12,
    ("retries", "failing calls"): lambda c: recovers(c) and c["answered in time/s"].min() > 30,
    ("retries", "budget holds"): lambda c: recovers(c) and at_first(c) > 1.12,
    ("autoscaler", "flapping"): lambda c: np.minimum(c["started"], c["stopped"])[12:].sum() >= 3,
    ("autoscaler", "slow boot"): lambda c: ((c["wanted"] > c["serving"]) & (c["refused/s"] > 0.5)).sum() >= 2,
    ("autoscaler", "at the maximum"): lambda c: ((c["busy %"] > 85) & (c["wanted"] == c["serving"]))[4:].sum() >= 5,
    ("autoscaler", "wrong signal"): lambda c: np.ptp(c["requests/s"]) < 3 and (c["refused/s"] > 0.3).sum() >= 4,
    ("autoscaler", "well"): lambda c: ((c["refused/s"] > 1.5).sum() <= 1
        and np.minimum(c["started"], c["stopped"])[2:].sum() <= 2),
    ("shards", "hot key"): lambda c: c["busiest key %"].max() > 15 and np.ptp(c["keys %"]) < 2,
    ("shards", "few points"): lambda c: np.ptp(c["keys %"]) > 10 and c["busiest key %"].max() < 1,
    ("shards", "range by time"): lambda c: (np.ptp(c["keys %"]) < 0.1
        and c["requests %"].max() > 60 > 15 > c["busiest key %"].max()),
    ("shards", "even"): lambda c: c["requests %"].max() < 14,
    ("shop", "zone loss"): lambda c: 1 <= (c["failed/s"] > 2).sum() <= 5 and c["failed/s"].max() < 40,
    ("shop", "region loss"): lambda c: (c["failed/s"] > 2).sum() >= 3 and c["failed/s"].max() > 40,
    ("shop", "bad deploy"): lambda c: (c["failed/s"] > 4).sum() >= 7 and c["failed/s"].max() < 30,
    ("shop", "flash sale"): lambda c: c["arrive/s"].max() > 1.8 * c["arrive/s"][0] and c["failed/s"].max() < 2,
    ("shop", "slow answers"): lambda c: c["failed/s"].max() < 2 and (c["p99 ms"] > 600).sum() >= 7,
    ("workers", "linear"): lambda c: c["requests/s"][-1] > 30 * c["requests/s"][0],
    ("workers", "serial part"): lambda c: (5 < c["requests/s"][-1] / c["requests/s"][0] < 14
        and (np.diff(c["requests/s"]) > 0).all()),
    ("workers", "talking"): lambda c: (c["requests/s"].argmax() < 7
        and c["requests/s"][-1] < 0.9 * c["requests/s"].max()),
    ("workers", "ceiling"): lambda c: (c["requests/s"][3] > 7.6 * c["requests/s"][0]
        and c["requests/s"][-1] == c["requests/s"][-2]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "cause"), EVERY)
def test_the_numbers_show_the_cause(name, cause):
    for seed in SEEDS:
        assert SHOWS[name, cause](columns(name, cause, seed)), seed


@pytest.mark.parametrize(("name", "cause"), EVERY)
def test_every_seed_shows_other_numbers_and_few_rows(name, cause):
    scenario = readings.SCENARIOS[name]
    runs = [played(name, cause, seed) for seed in SEEDS]
    assert len({run.rows for run in runs}) == len(SEEDS)
    for run in runs:
        assert run.columns == scenario.columns and 2 < len(run.rows) <= readings.MOST_ROWS
        assert all(
            isinstance(cell, str | int | float) and len(row) == len(run.columns) for row in run.rows for cell in row
        )


def test_an_unknown_cause_is_refused():
    with pytest.raises(ValueError, match="no cause 'magic'; there are spike"):
        readings.SCENARIOS["queue"].play("magic", 0)


@pytest.mark.parametrize("question", BANK, ids=lambda q: q.id)
def test_the_key_is_the_cause_that_was_put_in(question):
    seen, seed = set(), 0
    while len(seen) < 2:  # the cause is drawn by seed, so that a few draws show two of them
        asked, seed = draw(question, seed), seed + 1
        key, options = question.causes[int(asked.values["cause"])], asked.public()["options"]
        seen.add(key.cause)
        verdicts = [judge(asked, place) for place in range(len(options))]
        assert [verdict.points for verdict in verdicts] == [float(text == key.text) for text in options]
        assert all(len(verdict.notes) == len(options) and verdict.right == key.text for verdict in verdicts)
        assert {why for _, _, why in verdicts[0].notes} == {cause.sign for cause in question.causes}
        assert seed < 12, "the same cause again and again"


@pytest.mark.parametrize("question", BANK, ids=lambda q: q.id)
def test_what_is_shown_is_a_table_and_says_not_the_cause(question):
    asked = draw(question, 1)
    shown = asked.public()
    assert len(shown["table"].splitlines()) == len(shown["rows"]) + 1
    assert max(map(len, shown["table"].splitlines())) <= 100
    key = question.causes[int(asked.values["cause"])]
    assert key.sign not in str(shown) and key.cause not in shown["caption"] + shown["table"] and "cause" not in shown


def test_a_reading_is_no_answer_without_one_choice():
    for wrong in ([0, 1], [], None, "0", [9], True):
        with pytest.raises(UnclearError, match="choose one option"):
            judge(draw(BANK[0], 0), wrong)


def test_a_seed_gives_the_same_run_in_another_process():
    code = (
        "from minisys.interview.readings import SCENARIOS\n"
        f"for name in {DRAWN}: print(SCENARIOS[name].play(SCENARIOS[name].causes[0], 1).rows)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mine = [str(played(name, readings.SCENARIOS[name].causes[0], 1).rows) for name in DRAWN]
    assert done.stdout.splitlines() == mine
