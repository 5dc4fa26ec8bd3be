"""A million requests in a tenth of a second: the compiled twin of model.py, for sliders and for tight bands.

A reader drags "utilisation" from 0.5 to 0.95 and expects the curve to follow the finger. An event-driven simulation
in Python takes ten seconds for each point. The same decisions, compiled by Numba, take 0.1 s.

Promised: one kernel; the policy is handed to it as a function, the very one that SimPy and the proxy call. Start,
finish and backend of every request equal model.simulate to the last bit, simultaneous events included. Without Numba,
or for a policy that Numba cannot compile, the same kernel runs in plain Python. Kernel and policies are kept on disk
after their first compilation. Not done here: failures, health checks, retries, plans (model.py).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd

from minisys.load_balancing import policies
from minisys.load_balancing.plan import backend_names, speeds
from minisys.load_balancing.policies import DECAY_S, NAMES, Policy, Pool, new_pool, record_latency
from minisys.sharding.policies import hash64
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Workload


def simulate(
    policy: str | Policy,
    workload: Workload,
    *,
    backends: int | Sequence[str] = 3,
    workers: int = 1,
    queue: int | None = None,
    weights: Sequence[float] | None = None,
    speed: Sequence[float] | None = None,
) -> Trace:
    """The trace of *workload* through a balancer that decides by *policy* (or the policy of that name).

    Each backend has *workers*, a first-come-first-served queue of at most *queue* requests (None: endless; a request
    that finds it full is refused) and a *speed* (1: the work takes work_s seconds). Raises ValueError for a bad
    argument, or if the policy chooses a backend that is not there.
    """
    chosen, names = policies.policy(policy), backend_names(backends)
    pool, rate = new_pool(names, weights, chosen), speeds(speed, names)
    if workers < 1 or (queue is not None and queue < 0):
        raise ValueError(f"need workers >= 1 and queue >= 0 (or None), got workers={workers}, queue={queue}")
    room = workers + (10**12 if queue is None else queue)
    keys = key_hashes(workload.key) if "key" in chosen.reads else np.zeros(len(workload), dtype=np.int64)
    columns = (workload.arrival_s, workload.work_s, keys, workload.luck)
    compiled = _compile(chosen.choose)
    run, choose = (_run_compiled, compiled) if compiled else (_run_plain, chosen.choose)
    started, finished, server = run(choose, "latency" in chosen.reads, pool, workers, room, rate, columns)
    refused = np.isnan(started)
    outcome = np.where(refused, np.int8(OUTCOMES.index("refused")), np.int8(OUTCOMES.index("ok")))
    attempts = np.ones(len(workload), dtype=np.int16)
    return Trace.from_columns(workload.arrival_s, started, finished, server, names, outcome, attempts, workload.key)


def key_hashes(keys: Any) -> np.ndarray:
    """The hash of each key's URI, ``hash64("/item/<key>")``: what the hash policies see in all three worlds."""
    codes, distinct = pd.factorize(np.asarray(keys))
    return np.array([hash64(f"/item/{key}") for key in distinct], dtype=np.int64)[codes]


def _kernel(choose, learn, learns, decay_s, pool, workers, room, speed, columns, results, calendar, free_at):
    """Serve every request in turn; *calendar* is a heap of (finish, request), *free_at* has one time a worker."""
    arrival, work, keys, lucks = columns
    started, finished, server = results
    in_flight, request = pool.in_flight, -1
    backends = len(in_flight)
    for now, job, key, luck in zip(arrival, work, keys, lucks):  # noqa: B905 (Numba knows no strict=)
        request += 1
        while calendar[0][0] <= now:  # at equal times departures come first
            _, done = heappop(calendar)
            in_flight[server[done]] -= 1
            if learns:
                learn(pool, server[done], finished[done] - arrival[done], finished[done], decay_s)
        chosen = choose(pool, key, luck, now)
        if not 0 <= chosen < backends:
            raise ValueError("the policy chose a backend that is not there")
        server[request] = chosen
        if in_flight[chosen] >= room:
            finished[request] = now
            continue
        worker = chosen * workers
        if workers > 1:
            for other in range(worker + 1, worker + workers):
                if free_at[other] < free_at[worker]:
                    worker = other
        start = free_at[worker]
        if start < now:
            start = now
        end = start + job / speed[chosen]
        started[request], finished[request], free_at[worker] = start, end, end
        in_flight[chosen] += 1
        heappush(calendar, (end, request))


def _run_plain(choose, learns, pool, workers, room, speed, columns):
    """The kernel in plain Python, on lists: indexing them is three times as fast as indexing arrays."""
    n = len(columns[0])
    results = [math.nan] * n, [math.nan] * n, [-1] * n
    lists = tuple(column.tolist() for column in columns)
    _kernel(
        choose, record_latency, learns, DECAY_S, pool, workers, room, speed, lists, results,
        [(math.inf, -1)], [-math.inf] * (workers * len(speed)),
    )  # fmt: skip
    return tuple(np.array(column) for column in results)


def _run_compiled(choose, learns, pool, workers, room, speed, columns):
    """The kernel as machine code, on arrays. The calendar: times, requests, and how many entries are in use."""
    n = len(columns[0])
    arrays = Pool._make(np.array(column, dtype=_POOL[name]) for name, column in pool._asdict().items())
    kinds = (np.float64, np.float64, np.int64, np.float64)
    columns = tuple(np.ascontiguousarray(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True))
    results = np.full(n, np.nan), np.full(n, np.nan), np.full(n, -1)
    calendar = np.empty(n + 1), np.empty(n + 1, dtype=np.int64), np.ones(1, dtype=np.int64)
    calendar[0][0], calendar[1][0] = np.inf, -1
    kernel, learn = _compiled_kernel()
    free_at = np.full(workers * len(speed), -np.inf)
    kernel(choose, learn, learns, DECAY_S, arrays, workers, room, np.array(speed), columns, results, calendar, free_at)
    return results


def _push(calendar, item):
    """heapq.heappush for a calendar of arrays, which Numba makes faster than a list of tuples."""
    when, who, size = calendar
    at, (time, request) = size[0], item
    size[0] += 1
    while at > 0:
        above = (at - 1) >> 1
        if when[above] < time or (when[above] == time and who[above] < request):
            break
        when[at], who[at] = when[above], who[above]
        at = above
    when[at], who[at] = time, request


def _pop(calendar):
    """heapq.heappop for a calendar of arrays."""
    when, who, size = calendar
    size[0] -= 1
    n, first, at = size[0], (when[0], who[0]), 0
    time, request = when[n], who[n]
    while 2 * at + 1 < n:
        below = 2 * at + 1
        if below + 1 < n and (when[below + 1], who[below + 1]) < (when[below], who[below]):
            below += 1
        if (time, request) < (when[below], who[below]):
            break
        when[at], who[at] = when[below], who[below]
        at = below
    when[at], who[at] = time, request
    return first


_POOL = {
    name: np.float64 if name in ("weight", "latency_s", "stamp_s", "credit") else np.int64 for name in Pool._fields
}
_LOCK = threading.RLock()  # the reader's first run and warm_up may want the same policy at the same time


def _signatures(numba: Any) -> tuple[Any, Any, Any]:
    """The types of choose, of record_latency and of the kernel that calls them through pointers.

    Pointers, so that the kernel is compiled once for all policies and can be kept on disk (PERFORMANCE.md: a kernel
    specialised on a function argument cannot). They cost 10 ns a request.
    """
    t, i8, f8 = numba.types, numba.types.int64[::1], numba.types.float64[::1]
    pool = t.NamedTuple([i8 if kind is np.int64 else f8 for kind in _POOL.values()], Pool)
    choose = t.int64(pool, t.int64, t.float64, t.float64)
    learn = t.void(pool, t.int64, t.float64, t.float64, t.float64)
    columns, results, calendar = t.Tuple([f8, f8, i8, f8]), t.Tuple([f8, f8, i8]), t.Tuple([f8, i8, i8])
    kernel = t.void(
        t.FunctionType(choose), t.FunctionType(learn), t.boolean, t.float64, pool, t.int64, t.int64, f8,
        columns, results, calendar, f8,
    )  # fmt: skip
    return choose, learn, kernel


@lru_cache(maxsize=1)
def _numba() -> Any:
    """Numba, or None where it is not installed."""
    try:
        import numba
    except ImportError:
        return None
    return numba


def _jit(function: Callable, signature: Any, **options: Any) -> Callable:
    """*function* as machine code, kept on disk where there is a folder that may be written."""
    try:
        return _numba().njit(signature, cache=True, **options)(function)
    except RuntimeError:  # no such folder, or the function has no file
        return _numba().njit(signature, **options)(function)


def _compile(choose: Callable) -> Callable | None:
    """*choose* as machine code; None without Numba, or if it is Python that Numba cannot compile."""
    with _LOCK:
        return _compile_once(choose) if _numba() else None


@lru_cache(maxsize=128)
def _compile_once(choose: Callable) -> Callable | None:
    ours = getattr(choose, "__module__", "").startswith("minisys.")  # a reader's own gets its indices checked
    try:
        return _jit(choose, _signatures(_numba())[0], boundscheck=not ours)
    except (_numba().core.errors.NumbaError, TypeError):
        return None


def _compiled_kernel() -> tuple[Callable, Callable]:
    """The kernel and record_latency as machine code."""
    with _LOCK:
        return _compile_kernel_once()


@lru_cache(maxsize=1)
def _compile_kernel_once() -> tuple[Callable, Callable]:
    arrays = {"heappush": _numba().njit(_push), "heappop": _numba().njit(_pop)}
    kernel = FunctionType(_kernel.__code__, {**globals(), **arrays}, "_kernel")
    _, learn, signature = _signatures(_numba())
    return _jit(kernel, signature, nogil=True), _jit(record_latency, learn)


def warm_up(names: Sequence[str] = NAMES) -> threading.Thread:
    """Compile the kernel and the policies called *names* in a background thread, and return the thread.

    Some three seconds the first time, a fraction of a second when they are on disk. Nothing happens without Numba.
    """

    def compile_all() -> None:
        if _numba() is not None:
            _compiled_kernel()
            for name in names:
                _compile(policies.policy(name).choose)

    thread = threading.Thread(target=compile_all, name="minisys warm_up")
    thread.start()
    return thread
