"""What the compiled run reads and changes: tables of whole numbers and of seconds, and the calendar over them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

WAITING, WORKING, CALLING, ENDED, MESSAGE = range(5)  # a visit's phases, as in model_state
(
    P_KIND, P_LAW, P_WORKERS, P_ROOM, P_HOLDS, P_FIRST, P_N, P_START, P_SHARDS, P_EACH, P_REPLICAS, P_LIMIT,
    P_DURABLE, P_SOURCE, P_ATTEMPTS, P_ARROW, P_ARROWS, P_ROUTE, P_NAME, P_STICKY,
) = range(20)  # fmt: skip
P_TAKES, P_WRITE, P_CV, P_HITS, P_WARM, P_AVAILABLE, P_RATE, P_TTL, P_CHECK = range(9)
W_ORIGIN, W_TO, W_ON, W_TRIES, W_JITTER, W_WAITS, W_TOGETHER, W_OPTIONAL, W_TIMES, W_PATH, W_POLICY = range(11)
W_SHARE, W_TIMEOUT, W_BACKOFF, W_BUDGET, W_KNOWN = range(5)  # an arrow's (way's) columns
L_DOWN, L_SIDE = range(2)  # of the timeline's whole numbers
L_DELAY, L_ERROR, L_BAD, L_SLOW, L_COLD, L_EXTRA = range(6)
R_USERS, R_PATH, R_HASH, R_WRITE = range(4)
R_ARRIVAL, R_WORK, R_LUCK = range(3)
(
    V_ID, V_REQUEST, V_PART, V_COPY, V_PLACE, V_PATH, V_ASK, V_SERIAL, V_ARROW, V_FROM_COPY, V_FROM_PLACE, V_PHASE,
    V_NEXT, V_PENDING, V_MISSED, V_OUTCOME, V_SERVER, V_ATTEMPTS, V_SPAN, V_TRIES, V_LINK, V_BEFORE, V_AFTER,
) = range(23)  # fmt: skip
V_REACHED, V_BEGAN, V_STARTED = range(3)
(
    A_ARROW, A_CALLER, A_CALLER_ID, A_REQUEST, A_COPY, A_PLACE, A_PART, A_PARENT, A_PATH, A_TRIES, A_SERIAL, A_LAST,
    A_CHOSEN, A_SPAN,
) = range(14)  # fmt: skip
A_BEGAN, A_SENT = range(2)
S_BUSY, S_HEAD, S_TAIL, S_WAITING, S_FIRST, S_LAST, S_INSIDE = range(7)  # a copy's (site's) columns
Q_HEAD, Q_TAIL, Q_N = range(3)
C_ARRIVED, C_SERVED, C_REFUSED, C_FAILED, C_STARTED, C_QUEUE_MAX, C_ENTERED, C_QUEUED = range(8)
C_WAIT, C_BUSY, C_INSIDE, C_STAYED, C_LINE, C_LINED = range(6)
K_CALLS, K_FAILED, K_TIMED_OUT, K_RETRIES = range(4)
EPOCH, SERIAL, TICKET, SIZE, FREE_VISITS, FREE_ASKS, SPANS_USED, COMING, PUSHED = range(9)  # of state.at
FOR_S, EDGE_S, REGION_S = range(3)  # of state.common
USER, REACH, WORKED, ANSWER, TIMED_OUT, AGAIN, NOBODY, WAKE = range(8)  # what the calendar holds


# part, way (arrow), copy, request and so on: a row each; line: (column, epoch, copy); known: (arrow, region, side, i);
# weight … credit: the policies' pools, (arrow, i); when, what: the calendar, a heap of (ticket, kind, whom, serial)
_RANKS = {
    ("whole", 1): "part_of zone_of region_of place_region every free_visit free_ask some table place table_at place_at "
                  "server outcome attempts lost at",
    ("real", 1): "start_s common ready leaves since changed lined budget calls_s finished_s started_s when",
    ("whole", 2): "part way primary healthy request shard visit ask site queue in_flight cursor count hist calls spans "
                  "what",
    ("real", 2): "part_s way_s half_s lost_s request_s visit_s ask_s tokens weight latency_s stamp_s credit count_s "
                 "spans_s",
    ("whole", 3): "line known_n", ("real", 3): "line_s known_until", ("whole", 4): "known",
}  # fmt: skip
SHAPES = {
    name: (rank, "i8" if kind == "whole" else "f8") for (kind, rank), names in _RANKS.items() for name in names.split()
}  # of each array: dimensions and kind


class State:
    """All arrays of a run, by the names in SHAPES; their columns are named above, and -1 is nobody.

    header: where each array lies and how long it is in each dimension, for machine code, which gets only *pointer*, the
    address of the header. Handing over sixty arrays at every call made Numba compile for minutes.
    """

    def __init__(self, **arrays: Any) -> None:
        words: list[int] = []
        for name, (rank, kind) in SHAPES.items():
            array = np.ascontiguousarray(arrays[name], dtype=kind)
            array = array if array.ndim == rank else array.reshape((0,) * rank)
            setattr(self, name, array)
            words += [array.ctypes.data, *array.shape]
        self.header = np.array(words, dtype=np.int64)
        self.pointer = int(self.header.ctypes.data)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> np.ndarray: ...


def later(state, when, kind, whom, serial):
    """Enter *kind* for *whom* at *when* seconds; of two at one moment the one entered first happens first."""
    if when == math.inf:
        return
    state.at[TICKET] += 1
    ticket, at = state.at[TICKET], state.at[SIZE]
    state.at[SIZE] += 1
    while at > 0:
        above = (at - 1) >> 1
        if state.when[above] <= when:
            break
        state.when[at] = state.when[above]
        for column in range(4):
            state.what[at, column] = state.what[above, column]
        at = above
    state.when[at] = when
    state.what[at, 0], state.what[at, 1], state.what[at, 2], state.what[at, 3] = ticket, kind, whom, serial


def take(state):
    """Remove the first entry of the calendar."""
    state.at[SIZE] -= 1
    n, at = state.at[SIZE], 0
    when, ticket = state.when[n], state.what[n, 0]
    while 2 * at + 1 < n:
        below = 2 * at + 1
        if below + 1 < n and _before(state, below + 1, below):
            below += 1
        if when < state.when[below] or (when == state.when[below] and ticket < state.what[below, 0]):
            break
        state.when[at] = state.when[below]
        for column in range(4):
            state.what[at, column] = state.what[below, column]
        at = below
    state.when[at] = when
    for column in range(4):
        state.what[at, column] = state.what[n, column]


def _before(state, one, other):
    if state.when[one] == state.when[other]:
        return state.what[one, 0] < state.what[other, 0]
    return state.when[one] < state.when[other]


def new_visit(state):
    """A free slot for a visit, with a name nobody had before."""
    state.at[FREE_VISITS] -= 1
    slot = state.free_visit[state.at[FREE_VISITS]]
    state.at[PUSHED] += 1
    row = state.visit[slot]
    row[V_ID], row[V_PHASE], row[V_PENDING], row[V_MISSED], row[V_OUTCOME] = state.at[PUSHED], WAITING, 0, 0, 0
    row[V_ASK], row[V_SERIAL], row[V_ARROW], row[V_SPAN], row[V_TRIES], row[V_ATTEMPTS] = -1, 0, -1, -1, 1, 1
    row[V_LINK], row[V_BEFORE], row[V_AFTER] = -1, -1, -1
    state.visit_s[slot, V_REACHED] = state.visit_s[slot, V_BEGAN] = state.visit_s[slot, V_STARTED] = math.nan
    return slot


def free_visit(state, slot):
    """Nobody speaks of it any more."""
    state.visit[slot, V_ID] = -1
    state.free_visit[state.at[FREE_VISITS]] = slot
    state.at[FREE_VISITS] += 1


def free_ask(state, slot):
    """Its caller has gone on."""
    state.ask[slot, A_SERIAL] = -1
    state.free_ask[state.at[FREE_ASKS]] = slot
    state.at[FREE_ASKS] += 1


def broken(state, column, copy):
    """What the plan does to *copy* now (a figure)."""
    return state.line_s[column, state.at[EPOCH], copy]


def down(state, copy):
    """Whether the plan has *copy* down now, and how."""
    return state.line[L_DOWN, state.at[EPOCH], copy]


def cut(state, one, other):
    """Whether a partition lies between two copies."""
    epoch = state.at[EPOCH]
    return state.line[L_SIDE, epoch, one] * state.line[L_SIDE, epoch, other] == 2


def begin_span(state, slot, parent, arrow, origin, attempt, now):
    """Keep when a visit was sent, if its request is one of those looked at closely."""
    row = state.visit[slot]
    used = state.at[SPANS_USED]
    if row[V_REQUEST] % state.every[0] != 0 or used >= len(state.spans):
        return
    state.at[SPANS_USED] += 1
    row[V_SPAN] = used
    span = state.spans[used]
    span[0], span[1], span[2], span[3], span[4] = row[V_REQUEST], parent, arrow, origin, row[V_COPY]
    span[5], span[6] = attempt, 4
    state.spans_s[used, 0] = now


def mark_span(state, slot, now):
    """Note when it was there, was begun, and is done."""
    span = state.visit[slot, V_SPAN]
    if span >= 0:
        state.spans_s[span, 1], state.spans_s[span, 2] = state.visit_s[slot, V_REACHED], state.visit_s[slot, V_BEGAN]
        state.spans_s[span, 3] = now


def end_span(state, span, outcome, now):
    """Note how it ended, and when its caller knew, or gave it up."""
    if span >= 0 and state.spans_s[span, 4] != state.spans_s[span, 4]:  # not a number yet
        state.spans[span, 6] = outcome
        state.spans_s[span, 4] = now
