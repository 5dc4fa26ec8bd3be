"""What the compiled loop of fast_loop.py works on: its columns, its calendar, and the types of all its functions.

Promised: at equal times the event that was set first comes first, as in SimPy. Numba gets every type from here: left
to find them it compiles a function once more for each constant it is called with, four times as long in all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

ARRIVE, WORKED, ANSWER, TIMED_OUT, RETRY, SECOND = range(6)  # events
OK, FAILED, REFUSED, SHED, EXPIRED = range(1, 6)  # fates of a call (run.py)
A_OK, A_REFUSED, A_FAILED, A_TIMEOUT = range(4)  # outcomes of an ask (trace.py), its errors too
NEXT, SIZE, CALLS, ASKS, ANSWERED, TICKET = range(6)  # state.at
A_HOP, A_PARENT, A_REQUEST, A_TRIES, A_LIVE, A_FLYING, A_ERROR = range(7)  # columns of asks: whole numbers
A_DEADLINE, A_WAITED, A_SENT = range(3)  # and seconds
C_ASK, C_TRY, C_HOP, C_DRAW, C_FATE, C_USED, C_BEHIND, C_ERROR = range(8)  # columns of calls
C_SENT, C_BEGAN, C_ENDED, C_WORK, C_DEADLINE, C_ARRIVED = range(6)
WORK, LUCK, JITTERED = range(3)  # tables
S_BUSY, S_HEAD, S_TAIL, S_QUEUED, S_DRAWN, S_JITTERED = range(6)  # columns of services


class State(NamedTuple):
    """All of a run: what is given, what is going on, what came of it."""

    arrival: np.ndarray
    caller: np.ndarray  # settings by hop (fast_policies)
    service: np.ndarray
    common: np.ndarray
    windows: np.ndarray
    tables: np.ndarray  # work, luck, jitter; by hop
    when: np.ndarray  # the calendar: times; (ticket, kind, whom, try)
    what: np.ndarray
    ask: np.ndarray
    ask_s: np.ndarray
    call: np.ndarray
    call_s: np.ndarray
    at_service: np.ndarray
    memory: np.ndarray  # what the policies of a hop remember
    latencies: np.ndarray  # for hedges: sorted, and by age; by hop
    user: np.ndarray  # outcome, degraded, key
    finished: np.ndarray
    at: np.ndarray


def _move(when, what, source, target):
    when[target] = when[source]
    for column in range(4):
        what[target, column] = what[source, column]


def _set(state, time_s, kind, whom, attempt):
    """An event at *time_s*; the ticket is the number of events set before."""
    when, what, hole = state.when, state.what, state.at[SIZE]
    ticket = state.at[TICKET]
    state.at[TICKET] += 1
    state.at[SIZE] += 1
    while hole > 0:
        above = (hole - 1) >> 1
        if when[above] <= time_s:  # at equal times the older ticket stays above
            break
        _move(when, what, above, hole)
        hole = above
    when[hole] = time_s
    what[hole, 0], what[hole, 1], what[hole, 2], what[hole, 3] = ticket, kind, whom, attempt


def _pop(state):
    """Take the earliest event out of the calendar."""
    when, what = state.when, state.what
    state.at[SIZE] -= 1
    n, hole = state.at[SIZE], 0
    time_s, ticket = when[n], what[n, 0]
    while 2 * hole + 1 < n:
        below = 2 * hole + 1
        if below + 1 < n and (
            when[below + 1] < when[below] or (when[below + 1] == when[below] and what[below + 1, 0] < what[below, 0])
        ):
            below += 1
        if time_s < when[below] or (time_s == when[below] and ticket < what[below, 0]):
            break
        _move(when, what, below, hole)
        hole = below
    _move(when, what, n, hole)


def signatures(t: Any) -> dict[str, Any]:
    """The type of each function, in the order in which they must be compiled; *t*: numba.types."""
    i, f, row, whole = t.int64, t.float64, t.float64[::1], t.int64[:, ::1]
    f1, f2, f3 = row, t.float64[:, ::1], t.float64[:, :, ::1]
    state = t.NamedTuple(
        (f1, f2, f2, f1, f2, f3, f1, whole, whole, f2, whole, f2, whole, f2, f3, whole, f1, t.int64[::1]), State
    )
    return {
        "asked": t.void(row, row), "allowed": t.boolean(row, row, f), "recorded": t.void(row, row, t.boolean, f),
        "again": t.boolean(row, row, i, t.boolean), "refunded": t.void(row, row, i), "wait_s": f(row, i, f, f),
        "hedge_after_s": f(row, row, row), "hedged": t.boolean(row), "place": i(row, i, f, t.boolean),
        "observed": t.void(row, row, row, row, f),
        "taken": t.boolean(row, row, f, f), "_move": t.void(f1, whole, i, i), "_set": t.void(state, f, i, i, i),
        "_pop": t.void(state), "_respond": t.void(state, i, i, f), "_begin": t.void(state, i, f),
        "_call": t.void(state, i, f), "_arrive": t.void(state, i, f), "_done": t.void(state, i, i, f),
        "_finish": t.void(state, i, i, f), "_send": t.void(state, i, f), "_ask": t.void(state, i, i, i, f, f),
        "_second": t.void(state, i, f), "_over": t.void(state, i, i, f), "_worked": t.void(state, i, f),
        "_answer": t.void(state, i, f), "_user": t.void(state, i), "run": t.boolean(state),
    }  # fmt: skip
