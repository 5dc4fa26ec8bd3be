"""The model's fast twin, for sliders: one worker, first come first served, a whole queue in one NumPy line.

A slider must answer within a tenth of a second, and a simulation with events gets through some 3,000 requests in that
time. A queue with one worker needs no events: who comes begins when the one before has ended. And a cure decides when
a request arrives, so the same cures can be asked first, and the queues computed afterwards.

Promised: the same times as the model, request by request (tests/sharding/test_model.py).
Not here: several workers, anything that decides by the length of a queue.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from minisys.sharding import model
from minisys.sharding.cures import CURES, Cure
from minisys.sharding.model import READER, Run
from minisys.sharding.placements import Placement
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload

Hit = tuple[int, float]
"""A read that no shard saw: the request, and when its reader had fetched the copy (seconds)."""


def finished_s(arrival_s: np.ndarray, work_s: np.ndarray) -> np.ndarray:
    """When each request leaves a queue with one worker, in seconds; *arrival_s* must not decrease.

    Lindley's recursion, f(i) = max(f(i - 1), a(i)) + w(i), as a running maximum. Source: Lindley 1952.
    """
    done = np.cumsum(work_s)
    return done + np.maximum.accumulate(arrival_s - (done - work_s))


def scattered_s(arrival_s: np.ndarray, work_s: np.ndarray) -> np.ndarray:
    """The latency of each request, in seconds, when it asks every shard: the slowest piece counts.

    *work_s*: one row for each request, one column for each shard, in seconds.
    """
    columns = [finished_s(arrival_s, work_s[:, i]) for i in range(work_s.shape[1])]
    return np.max(columns, axis=0) - arrival_s


def simulate(
    cure: str | Cure, offered: Workload, *, shards: int = 10, placed: str | Placement = "ring",
    write_share: float = 0.05,
) -> Run:  # fmt: skip
    """What model.simulate() gives for the same keywords, request by request, some thirty times as fast."""
    setup = model.setup(cure, offered, shards, placed, write_share)
    who, where, hits = _decided(offered, setup)
    work = offered.work_s[who]
    ended = np.empty(len(who))
    for server in range(len(setup.servers)):
        mine = np.flatnonzero(where == server)
        ended[mine] = finished_s(offered.arrival_s[who[mine]], work[mine])
    began = ended - work
    finished, started = offered.arrival_s.copy(), offered.arrival_s.copy()
    asked, at = np.unique(who, return_index=True)
    finished[asked], started[asked] = np.maximum.reduceat(ended, at), np.minimum.reduceat(began, at)
    last = np.full(len(offered), len(setup.servers))
    for piece in np.argsort(ended, kind="stable"):
        last[who[piece]] = where[piece]
    trace = _trace(offered, started, finished, last, [*setup.servers, READER])
    pieces = Counter(dict(zip(setup.servers, np.bincount(where, minlength=len(setup.servers)).tolist(), strict=True)))
    load = np.bincount(where, weights=work, minlength=len(setup.servers)).tolist()
    work_s = dict(zip(setup.servers, load, strict=True))
    return Run(trace, setup.is_write, pieces, work_s, _stale(offered, setup.is_write, finished, hits))


def _decided(offered: Workload, setup: model.Setup) -> tuple[np.ndarray, np.ndarray, list[Hit]]:
    """The request and the server (an index) of each piece in the order of arrival; and reads without a piece."""
    index = {name: i for i, name in enumerate(setup.servers)}
    who, where, hits, fetched = list[int](), list[int](), list[Hit](), dict[int, float]()
    columns = (offered.arrival_s.tolist(), offered.key.tolist(), offered.luck.tolist(), setup.is_write.tolist())
    for i, (now, key, luck, write) in enumerate(zip(*columns, strict=True)):
        chosen = setup.cure.pieces(key, write, luck, now)
        for name, replica in chosen:
            who.append(i)
            where.append(index[setup.server(name, replica)])
        if not write and chosen:
            fetched[setup.reader(key, luck)] = now
        elif not write:
            hits.append((i, fetched[setup.reader(key, luck)]))
    return np.array(who, dtype=int), np.array(where, dtype=int), hits


def _stale(offered: Workload, is_write: np.ndarray, finished: np.ndarray, hits: Sequence[Hit]) -> int:
    """How many of *hits* missed a write that was sent after the copy had been fetched and confirmed before the read."""
    confirmed: dict[int, list[float]] = defaultdict(list)
    sent: dict[int, list[float]] = defaultdict(list)
    for i in np.flatnonzero(is_write).tolist() if hits else ():
        confirmed[int(offered.key[i])].append(float(finished[i]))  # one key, one queue: in the order of sending
        sent[int(offered.key[i])].append(float(offered.arrival_s[i]))
    count = 0
    for i, fetched_s in hits:
        key = int(offered.key[i])
        done = bisect_right(confirmed[key], float(offered.arrival_s[i])) if key in confirmed else 0
        count += bool(done and sent[key][done - 1] > fetched_s)
    return count


def _trace(offered: Workload, started: np.ndarray, finished: np.ndarray, last: np.ndarray, names: list[str]) -> Trace:
    """The trace, with servers in the order of their names."""
    used = sorted({names[i] for i in np.unique(last)})
    codes = np.array([used.index(name) if name in used else -1 for name in names])[last]
    zeros, ones = np.zeros(len(offered), dtype=int), np.ones(len(offered), dtype=int)
    return Trace.from_columns(offered.arrival_s, started, finished, codes, used, zeros, ones, offered.key).check()


def compare(offered: Sequence[Workload], **settings: int | float | str) -> pd.DataFrame:
    """Every cure on the same requests: busiest server, p50 and p99, pieces for each request, stale reads; a row a run.

    *settings* as in simulate().
    """
    rows = []
    for name in CURES:
        for seed, one in enumerate(offered):
            made = simulate(name, one, **settings)  # type: ignore[arg-type]
            p50_s, p99_s = made.trace.percentiles((50, 99))
            pieces = sum(made.pieces.values()) / len(one)
            rows.append((name, seed, made.busiest(), p50_s, p99_s, pieces, made.stale))
    return pd.DataFrame(rows, columns=["cure", "seed", "busiest", "p50_s", "p99_s", "pieces", "stale"])
