"""A queue and its consumers over twenty minutes: the queues room's line, with what happens to it."""

from __future__ import annotations

import random

import numpy as np

from minisys.interview.readings import SCENARIOS, Played
from minisys.queues.fast import through_queue
from minisys.testbed.workload import Exponential, Workload, stream, uniform_luck

MINUTES, CONSUMERS, WORK_S = 20, 10, 0.5


def play(cause: str, seed: int) -> Played:
    """A minute a row: messages that come and are done, those that wait, how old the oldest of them is."""
    dice = random.Random(f"{cause}/{seed}")
    base, begins = round(dice.uniform(0.6, 0.75) * CONSUMERS / WORK_S, 1), dice.randrange(4, 7)
    ends = begins + dice.randrange(3, 5)
    factor = dice.uniform(2.0, 2.6)
    minutes = np.arange(MINUTES)
    inside = (minutes >= begins) & (minutes < ends)
    busier = {"spike": factor, "limit reached": factor, "too slow for good": 1.75}.get(cause, 1.0)
    rate = base * np.where(minutes >= begins if cause == "too slow for good" else inside, busier, 1.0)
    slower = {"consumers lost": 2.5, "slower work": factor}.get(cause, 1.0)
    offered = _offered(rate, np.where(inside, slower, 1.0) if cause == "slower work" else np.ones(MINUTES), seed)
    limit = 600 if cause == "limit reached" else None
    if cause == "consumers lost":
        offered, helper = _with_absences(offered, begins * 60.0, ends * 60.0)
    else:
        helper = np.zeros(len(offered), dtype=bool)
    made, _ = through_queue(offered, CONSUMERS, limit)
    frame = made.frame[~helper].reset_index(drop=True)
    told = {"consumers lost": "Seven of ten consumers were away.", "slower work": f"Each took {factor:.1f} × as long."}
    places = f"{limit} places" if limit else "no limit"
    caption = f"A queue with {CONSUMERS} consumers and {places}; a row is a minute."
    return Played(caption, SCENARIOS["queue"].columns, _rows(frame), told.get(cause, ""))


def _offered(rate: np.ndarray, longer: np.ndarray, seed: int) -> Workload:
    """Messages that come at *rate* a second by the minute, their work so many times *longer*."""
    rng = stream(seed, "messages")
    counts = rng.poisson(rate * 60)
    times = np.sort(np.repeat(np.arange(MINUTES) * 60.0, counts) + rng.random(counts.sum()) * 60)
    work = Exponential(WORK_S).sample(len(times), rng) * longer[(times // 60).astype(int)]
    return Workload(times, work, np.zeros(len(times)), np.full(len(times), 1000), uniform_luck(len(times), seed))


def _with_absences(offered: Workload, from_s: float, until_s: float, absent: int = 7) -> tuple[Workload, np.ndarray]:
    """The same with *absent* jobs that keep a consumer each for that time; and which of the rows they are."""
    at = int(np.searchsorted(offered.arrival_s, from_s))
    columns = [
        np.insert(column, at, np.full(absent, value))
        for column, value in (
            (offered.arrival_s, from_s), (offered.work_s, until_s - from_s), (offered.key, 0), (offered.size, 0),
            (offered.luck, 0.5),
        )
    ]  # fmt: skip
    return Workload(*columns), np.isin(np.arange(len(columns[0])), np.arange(at, at + absent))


def _rows(frame) -> tuple[tuple[str | float, ...], ...]:  # type: ignore[no-untyped-def]
    sent, done = frame["sent_s"].to_numpy(), frame["done_s"].to_numpy()
    refused = (frame["state"] == "refused").to_numpy()
    begun = frame["started_s"].to_numpy()
    rows: list[tuple[str | float, ...]] = []
    for minute in range(MINUTES):
        start, end = 60.0 * minute, 60.0 * (minute + 1)
        come = int(((sent >= start) & (sent < end)).sum())
        gone = int((refused & (sent >= start) & (sent < end)).sum())
        ready = (done >= start) & (done < end) & ~refused
        each_s = float((done[ready] - begun[ready]).mean()) if ready.any() else 0.0
        ended = int(ready.sum())
        waits = (sent < end) & ~refused & ~(begun < end)
        age = end - sent[waits].min() if waits.any() else 0.0
        each = round(come / 60, 1), round(ended / 60, 1), round(each_s, 2), round(gone / 60, 1)
        rows.append((str(minute), *each, int(waits.sum()), round(float(age), 1)))
    return tuple(rows)
