"""Between two looks of the controller: arrivals, answers and machines that open and close, as a loop that compiles.

Promised: the rules of model.py, event by event: at one moment answers come first, then changes of the fleet, then the
look, then arrivals. Plain functions on arrays; with Numba they become machine code. Not here: decisions (fast.py asks
the policies).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

NEXT, HEAD, TAIL, PENDING, OPEN, FREE = range(6)  # places in State.at
READY, NOTICE = 0, 1


class State(NamedTuple):
    """Everything that the loop reads and writes, as arrays.

    The first seven have one entry a request (*line* is the waiting line, *when* and *who* the calendar of answers), the
    next five one a machine (*order*: the open ones, in no order); *at* holds counters (NEXT … FREE).
    """

    arrival: np.ndarray
    work: np.ndarray
    started: np.ndarray
    finished: np.ndarray
    server: np.ndarray
    line: np.ndarray
    when: np.ndarray
    who: np.ndarray
    in_flight: np.ndarray
    opened: np.ndarray
    since: np.ndarray
    busy: np.ndarray
    emptied: np.ndarray
    order: np.ndarray
    at: np.ndarray


def advance(state, until, due, workers, room):
    """Answers, changes of the fleet and arrivals up to *until*; arrivals at that very moment come after the look.

    Ends earlier when everybody has an answer. Returns how many of the changes it has made.
    """
    at, coming, change = state.at, len(state.arrival), 0
    while at[PENDING] or at[NEXT] < coming or at[TAIL] > at[HEAD]:
        answer = state.when[0] if at[PENDING] else np.inf
        fleet = due[change, 0] if change < len(due) else np.inf
        arrival = state.arrival[at[NEXT]] if at[NEXT] < coming else np.inf
        if answer <= fleet and answer <= arrival and answer <= until:
            _answer(state, workers)
        elif fleet <= arrival and fleet <= until:
            number = int(due[change, 2])
            if due[change, 1] == 0:
                open_machine(state, number, fleet, workers)
            elif state.opened[number]:
                close_machine(state, number, fleet, workers)
            change += 1
        elif arrival < until:
            _arrive(state, arrival, workers, room)
        else:
            break
    return change


def _arrive(state, now, workers, room):
    """The next request goes to the least busy machine, of several the oldest; or waits; or is refused."""
    at = state.at
    request = at[NEXT]
    at[NEXT] += 1
    if at[FREE] > 0:
        best, fewest = -1, workers
        for k in range(at[OPEN]):
            i = state.order[k]
            if state.in_flight[i] < fewest or (state.in_flight[i] == fewest and best > i):
                best, fewest = i, state.in_flight[i]
        at[FREE] -= 1
        _start(state, request, best, now)
    elif at[TAIL] - at[HEAD] < room:
        state.line[at[TAIL]] = request
        at[TAIL] += 1
    else:
        state.finished[request] = now


def _start(state, request, i, now):
    """*request* begins at machine *i*."""
    state.busy[i] += state.in_flight[i] * (now - state.since[i])
    state.since[i] = now
    state.in_flight[i] += 1
    state.started[request], state.server[request] = now, i
    end = now + state.work[request]
    state.finished[request] = end
    _push(state, end, request)


def _push(state, end, request):
    """Into the calendar, a heap: the earliest answer first, of several the request that came first."""
    hole = state.at[PENDING]
    state.at[PENDING] += 1
    while hole > 0:
        above = (hole - 1) >> 1
        if state.when[above] < end or (state.when[above] == end and state.who[above] < request):
            break
        state.when[hole], state.who[hole] = state.when[above], state.who[above]
        hole = above
    state.when[hole], state.who[hole] = end, request


def _pop(state):
    """The earliest answer leaves the calendar: its request."""
    first = state.who[0]
    state.at[PENDING] -= 1
    n, hole = state.at[PENDING], 0
    end, request = state.when[n], state.who[n]
    while 2 * hole + 1 < n:
        below = 2 * hole + 1
        if below + 1 < n and (
            state.when[below + 1] < state.when[below]
            or (state.when[below + 1] == state.when[below] and state.who[below + 1] < state.who[below])
        ):
            below += 1
        if end < state.when[below] or (end == state.when[below] and request < state.who[below]):
            break
        state.when[hole], state.who[hole] = state.when[below], state.who[below]
        hole = below
    state.when[hole], state.who[hole] = end, request
    return first


def _answer(state, workers):
    """The earliest answer is given; its worker takes the next request of the line."""
    at, now = state.at, state.when[0]
    i = state.server[_pop(state)]
    state.busy[i] += state.in_flight[i] * (now - state.since[i])
    state.since[i] = now
    state.in_flight[i] -= 1
    if not state.opened[i]:
        if state.in_flight[i] == 0:
            state.emptied[i] = now
    elif at[TAIL] > at[HEAD]:
        at[HEAD] += 1
        _start(state, state.line[at[HEAD] - 1], i, now)
    else:
        at[FREE] += 1


def open_machine(state, i, now, workers):
    """Machine *i* takes requests from *now* on, those of the line first."""
    at = state.at
    state.opened[i], state.since[i] = 1, now
    state.order[at[OPEN]] = i
    at[OPEN] += 1
    while at[TAIL] > at[HEAD] and state.in_flight[i] < workers:
        at[HEAD] += 1
        _start(state, state.line[at[HEAD] - 1], i, now)
    at[FREE] += workers - state.in_flight[i]


def close_machine(state, i, now, workers):
    """Machine *i* takes nothing new."""
    at = state.at
    state.opened[i] = 0
    for k in range(at[OPEN]):
        if state.order[k] == i:
            state.order[k] = state.order[at[OPEN] - 1]
            break
    at[OPEN] -= 1
    at[FREE] -= workers - state.in_flight[i]
    if state.in_flight[i] == 0:
        state.emptied[i] = now


@lru_cache(maxsize=1)
def compiled() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """The loop, and how a machine opens and closes: as machine code, kept on disk, where Numba is installed."""
    try:
        import numba
    except ImportError:
        return advance, open_machine, close_machine
    made: dict[str, Any] = {**globals()}  # each sees those before it as machine code
    for plain in (_push, _pop, _start, _answer, _arrive, open_machine, close_machine, advance):
        function = FunctionType(plain.__code__, made, plain.__name__)
        private = plain.__name__.startswith("_")  # inlined: a call would count references to fifteen arrays
        how: dict[str, Any] = {"inline": "always" if private else "never", "nogil": True}
        try:
            made[plain.__name__] = numba.njit(cache=not private, **how)(function)
        except RuntimeError:  # no folder that may be written
            made[plain.__name__] = numba.njit(**how)(function)
    return made["advance"], made["open_machine"], made["close_machine"]
