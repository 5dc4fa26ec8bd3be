"""A million requests through a dozen parts in seconds: the compiled twin of model.py.

Promised: the model's answer, request by request, from the same decisions; machine code that is kept on disk after its
first compilation. Where there is no Numba, run.py takes the model.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from minisys.design import fast_state as fs
from minisys.design.fast_loop import compiled
from minisys.design.fast_messages import lengthen
from minisys.design.fast_work import account, crowd
from minisys.design.flat import CLIENTS, QUEUE, REAL_ARROWS, REAL_PARTS, WHOLE_ARROWS, WHOLE_PARTS, WORKERS, Flat
from minisys.design.requests import Requests, shard_tables
from minisys.design.tally import CALLS, COUNTS, TIMES, Tally
from minisys.design.timeline import Timeline
from minisys.load_balancing.policies import NAMES, new_pool, policy

ROOM = 4_096  # visits, asks and entries of the calendar to begin with; doubled when they do not do


class Fast:
    """The engine in a hurry: see model.Model for what each verb does."""

    now = 0.0

    def __init__(self, flat: Flat, line: Timeline, requests: Requests, tally: Tally) -> None:
        self.flat, self.tally = flat, tally
        loop = compiled()
        if loop is None:
            raise RuntimeError("the fast engine needs Numba (pip install numba); engine='model' does not")
        self.loop = loop
        self.margin = 64 + 4 * int(flat.arrows["times"].sum()) + _hands(flat)
        self.state = _grown(_state(flat, line, requests, tally), max(ROOM, 2 * self.margin))
        if len(requests):
            fs.later(self.state, float(requests.arrival_s[0]), fs.USER, 0, 0)

    def advance(self, until_s: float) -> None:
        """Let everything happen that happens before *until_s* seconds."""
        while not self.loop(self.state, until_s, self.margin):
            self.state = _grown(self.state, 2 * len(self.state.visit))
        self.now = until_s
        self.tally.used = int(self.state.at[fs.SPANS_USED])

    def busy_s(self, copy: int) -> float:
        """Seconds of work done by a copy so far."""
        account(self.state, copy, self.now)
        return float(self.state.count_s[copy, fs.C_BUSY])

    def arrived(self, copies: range) -> int:
        """How many requests have come to these copies."""
        return int(self.state.count[copies, fs.C_ARRIVED].sum())

    def waiting(self, part: int) -> int:
        """How many wait at a part now; for a queue, its messages."""
        if self.flat.parts["kind"][part] == QUEUE:
            return int(self.state.queue[part, fs.Q_N])
        return int(self.state.site[self.flat.copies_of(part), fs.S_WAITING].sum())

    def is_down(self, copy: int) -> bool:
        """Whether the plan has it down now."""
        return bool(fs.down(self.state, copy) != 0)

    def open(self, copy: int, ready_s: float) -> None:
        """The copy takes requests from *ready_s* seconds on."""
        self.state.ready[copy], self.state.leaves[copy] = ready_s, np.inf
        self.state.known_until[:] = -1.0
        queue = self.state.part[self.state.part_of[copy], fs.P_SOURCE]
        if queue >= 0:
            fs.later(self.state, ready_s, fs.WAKE, queue, 0)

    def close(self, copy: int, now_s: float) -> None:
        """The copy takes no more requests."""
        self.state.leaves[copy] = now_s
        self.state.known_until[:] = -1.0

    def inside(self) -> list[int]:
        """How many visits are at each copy now, unfinished; and the tally's columns are filled, its accounts closed."""
        self._close()
        for i, name in enumerate(COUNTS):
            self.tally.copies[name][:] = self.state.count[:, i]
        for i, name in enumerate(TIMES):
            self.tally.copies[name][:] = self.state.count_s[:, i]
        for i, name in enumerate(CALLS):
            self.tally.calls[name][:] = self.state.calls[:, i]
        return [int(n) for n in self.state.site[:, fs.S_INSIDE]]

    def _close(self) -> None:
        """Add up the times of those who are still inside, or in a queue."""
        state, now = self.state, self.now
        self.tally.until_s = now
        for copy in range(len(state.site)):
            crowd(state, copy, now)
        used = state.visit[state.visit[:, fs.V_ID] >= 0]
        times = state.visit_s[state.visit[:, fs.V_ID] >= 0]
        kind = self.flat.parts["kind"][used[:, fs.V_PART]]
        since = np.where(kind == WORKERS, times[:, fs.V_BEGAN], times[:, fs.V_REACHED])
        inside = (used[:, fs.V_PHASE] < fs.ENDED) & (kind != CLIENTS) & ~np.isnan(since)
        np.add.at(state.count_s[:, fs.C_STAYED], used[inside, fs.V_COPY], now - since[inside])
        for queue in np.flatnonzero(self.flat.parts["kind"] == QUEUE):
            lengthen(state, queue, now)
        lined = used[:, fs.V_PHASE] == fs.MESSAGE
        first = self.flat.parts["first"][used[lined, fs.V_PART]]
        np.add.at(state.count_s[:, fs.C_LINED], first, now - times[lined, fs.V_REACHED])


def _hands(flat: Flat) -> int:
    """Messages that may be taken at one moment: as many as there are hands."""
    readers = flat.parts["source"] >= 0
    return int((flat.parts["workers"] * flat.parts["n"])[readers].sum())


def _state(flat: Flat, line: Timeline, requests: Requests, tally: Tally) -> fs.State:
    """All arrays of a run that is about to begin."""
    copies, parts, arrows = len(flat.copies), len(flat.names), len(flat.arrows["to"])
    regions, widest = len(flat.regions), int(flat.parts["n"].max())
    kept = tally.requests
    given: dict[str, Any] = {
        "part": np.stack([flat.parts[name] for name in WHOLE_PARTS], axis=1),
        "part_s": np.stack([flat.parts[name] for name in REAL_PARTS], axis=1),
        "way": np.stack([flat.arrows[name] for name in WHOLE_ARROWS], axis=1),
        "way_s": np.stack([flat.arrows[name] for name in REAL_ARROWS], axis=1),
        "part_of": flat.part_of, "zone_of": flat.zone_of, "region_of": flat.region_of,
        "place_region": [*(flat.regions.index(flat.design.region_of(zone)) for zone in flat.zones), *range(regions)],
        "half_s": flat.half_s, "start_s": line.start_s, "primary": line.primary, "healthy": line.healthy,
        "line": np.stack([line.columns[name] for name in ("down", "side")]),
        "line_s": np.stack([line.columns[name] for name in ("delay", "error", "bad", "slow", "cold", "extra")]),
        "lost_s": np.array(line.lost, dtype=float).reshape(-1, 3),
        "request": np.stack([requests.users, requests.path, requests.hash, requests.write]),
        "request_s": np.stack([requests.arrival_s, requests.work_s, requests.luck]),
        "shard": shard_tables(flat, requests), "common": [tally.for_s, flat.edge_s, flat.region_s],
        "every": [tally.every], "ready": np.zeros(copies), "leaves": np.full(copies, np.inf),
        "changed": np.zeros(copies), "lined": np.zeros(parts),
        "site": np.tile([0, -1, -1, 0, -1, -1, 0], (copies, 1)), "since": np.zeros(copies),
        "queue": np.tile([-1, -1, 0], (parts, 1)), "budget": np.zeros(arrows),
        "tokens": np.stack([np.maximum(1.0, flat.parts["rate"]), np.zeros(parts)], axis=1),
        "known": np.zeros((arrows, regions, 3, widest)), "known_n": np.zeros((arrows, regions, 3)),
        "known_until": np.full((arrows, regions, 3), -1.0), "some": np.zeros(widest),
        "count": np.zeros((copies, len(COUNTS))), "count_s": np.zeros((copies, len(TIMES))), "hist": tally.hist,
        "calls": np.zeros((arrows, len(CALLS))), "calls_s": tally.calls["ok_s"], "finished_s": kept["finished_s"],
        "started_s": kept["started_s"], "server": kept["server"], "outcome": kept["outcome"],
        "attempts": kept["attempts"], "lost": tally.lost, "spans": tally.spans, "spans_s": tally.spans_s,
        "at": np.zeros(9),
    } | _pools(flat, widest) | _slots()  # fmt: skip
    return fs.State(**given)


def _pools(flat: Flat, widest: int) -> dict[str, Any]:
    """The policies' memories, a row an arrow, and the tables of those that hash."""
    arrows = len(flat.arrows["to"])
    table, place, table_at, place_at = [], [], [0], [0]
    for to, code in zip(flat.arrows["to"], flat.arrows["policy"], strict=True):
        pool = new_pool([flat.copies[row] for row in flat.copies_of(to)], None, policy(NAMES[code]))
        table += pool.table
        place += pool.place
        table_at.append(len(table))
        place_at.append(len(place))
    numbers = {name: np.zeros((arrows, widest)) for name in ("in_flight", "latency_s", "stamp_s", "credit")}
    return numbers | {
        "weight": np.ones((arrows, widest)), "cursor": np.zeros((arrows, 1)),
        "table": table, "place": place, "table_at": table_at, "place_at": place_at,
    }  # fmt: skip


def _slots() -> dict[str, Any]:
    """No visits, no asks, no calendar yet: see _grown."""
    return {
        "visit": np.zeros((0, 23)), "visit_s": np.zeros((0, 3)), "free_visit": np.zeros(0),
        "ask": np.zeros((0, 14)), "ask_s": np.zeros((0, 2)), "free_ask": np.zeros(0),
        "when": np.zeros(0), "what": np.zeros((0, 4)),
    }  # fmt: skip


def _grown(state: fs.State, n: int) -> fs.State:
    """The same state with room for *n* visits and asks, and a calendar for three entries each."""
    old = len(state.visit)
    fresh = np.arange(n - 1, old - 1, -1)
    changed: dict[str, Any] = {}
    for name, size in (("visit", n), ("visit_s", n), ("ask", n), ("ask_s", n), ("when", 3 * n), ("what", 3 * n)):
        array = getattr(state, name)
        changed[name] = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
        changed[name][: len(array)] = array
    changed["visit"][old:, fs.V_ID] = -1
    changed["ask"][old:, fs.A_SERIAL] = -1
    for name, used in (("free_visit", fs.FREE_VISITS), ("free_ask", fs.FREE_ASKS)):
        free = state.at[used]
        changed[name] = np.zeros(n, dtype=np.int64)
        changed[name][: n - old] = fresh  # the old ones are taken first
        changed[name][n - old : n - old + free] = getattr(state, name)[:free]
        state.at[used] += n - old
    return fs.State(**{name: getattr(state, name) for name in fs.SHAPES} | changed)


def warm_up() -> threading.Thread:
    """Compile the loop in a background thread, and return the thread."""
    thread = threading.Thread(target=compiled, name="minisys warm_up")
    thread.start()
    return thread
