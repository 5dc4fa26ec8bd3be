"""A thousand flash sales in the time of a coffee: the compiled twin of model.py, for sliders and for sweeps.

A Pareto front wants every rule with every setting, and a fair one wants several seeds of each. The controller's looks
are few, a quarter of a minute apart, and stay in Python with the very same policies; what happens between two of them
is a loop over arrays that Numba compiles.

Promised: start, finish and machine of every request, every look and every lease equal model.simulate to the last bit.
Without Numba the same loop runs in plain Python. Not done here: progress inside a run.
"""

from __future__ import annotations

import math
import threading

import numpy as np

from minisys.autoscaling.cloud import Cloud, Fleet, Lease
from minisys.autoscaling.loop import HEAD, NEXT, NOTICE, PENDING, READY, TAIL, State, compiled
from minisys.autoscaling.model import DEFAULT, check
from minisys.autoscaling.policies import Policy, Step
from minisys.autoscaling.record import Run
from minisys.testbed.workload import Workload

Change = tuple[float, int, int]  # when, READY or NOTICE, the machine's number
PER_MACHINE = ("in_flight", "opened", "since", "busy", "emptied", "order")


def simulate(policy: Policy, workload: Workload, *, cloud: Cloud = DEFAULT, seed: int = 0) -> Run:
    """What came of *workload* on the machines of *cloud* under *policy*: model.simulate, some eight times as fast.

    Raises what model.simulate raises.
    """
    check(workload, cloud)
    fleet, state = Fleet(policy, cloud, seed), _state(workload, cloud.first)
    advance, open_, close = compiled()
    room = len(workload) if cloud.queue is None else cloud.queue
    for lease in fleet.leases:
        open_(state, lease.number, 0.0, cloud.workers)
    over_s, tick = float(workload.arrival_s[-1]), 1
    changes: list[Change] = []
    while True:
        now, first = tick * cloud.period_s, int(state.at[NEXT])
        due, changes = _split(changes, now)
        made = advance(state, now, due, cloud.workers, room)
        _settle(fleet, due[:made])
        if _over(state, now):
            break
        starts, leaves = _look(fleet, state, now, first, over_s)
        state = _grown(state, len(fleet.leases))
        changes = _changed(changes, starts, leaves)
        for lease in leaves:
            if lease.ready_s <= now:
                close(state, lease.number, now, cloud.workers)
        tick += 1
    _empty(fleet, state)
    return Run(workload, cloud, state.started, state.finished, state.server, fleet.looks, fleet.leases)


def _state(workload: Workload, first: int, room: int = 64) -> State:
    n, machines = len(workload), max(room, 2 * first)
    nothing, nobody, zeros, counts = np.full(n, math.nan), np.full(n, -1), np.zeros(machines), np.zeros(machines, "i8")
    return State(
        arrival=np.array(workload.arrival_s), work=np.array(workload.work_s), started=nothing.copy(),
        finished=nothing, server=nobody.copy(), line=nobody.copy(), when=np.empty(n), who=nobody,
        in_flight=counts.copy(), opened=counts.copy(), since=zeros.copy(), busy=zeros,
        emptied=np.full(machines, math.nan), order=counts, at=np.zeros(6, "i8"),
    )  # fmt: skip


def _grown(state: State, machines: int) -> State:
    """*state* with room for at least so many machines."""
    if machines <= len(state.busy):
        return state
    twice = {name: np.concatenate([getattr(state, name)] * 2) for name in PER_MACHINE}
    for name, column in twice.items():
        column[len(state.busy) :] = math.nan if name == "emptied" else 0
    return _grown(state._replace(**twice), machines)


def _over(state: State, now: float) -> bool:
    """Whether everybody has an answer, and had it before the look at *now*."""
    waiting = state.at[TAIL] - state.at[HEAD] + state.at[PENDING] + len(state.arrival) - state.at[NEXT]
    return not waiting and bool(now > state.finished.max())


def _look(fleet: Fleet, state: State, now: float, first: int, over_s: float) -> tuple[list[Lease], list[Lease]]:
    """The controller's look at *now*; request *first* was the first to come since the last one."""
    rows = np.array([lease.number for lease in fleet.live if lease.ready_s <= now], dtype=np.int64)
    state.busy[rows] += state.in_flight[rows] * (now - state.since[rows])
    state.since[rows] = now
    rate_per_s, backlog = float(state.at[NEXT] - first) / fleet.cloud.period_s, int(state.at[TAIL] - state.at[HEAD])
    decided = fleet.look(now, state.busy.tolist(), rate_per_s, backlog, over_s)
    state.busy[:] = 0.0
    return decided


def _changed(changes: list[Change], starts: list[Lease], leaves: list[Lease]) -> list[Change]:
    """The changes to come, with those of the machines that start and without those that have gone."""
    gone = {lease.number for lease in leaves}
    kept = [change for change in changes if change[2] not in gone]
    ready = [(lease.ready_s, READY, lease.number) for lease in starts]
    return kept + ready + [(lease.notice_s, NOTICE, lease.number) for lease in starts if lease.spot]


def _split(changes: list[Change], now: float) -> tuple[np.ndarray, list[Change]]:
    """The changes due up to *now*, in their order, as rows of an array; and the others."""
    due = sorted(change for change in changes if change[0] <= now)
    return np.array(due, dtype=float).reshape(-1, 3), [change for change in changes if change[0] > now]


def _settle(fleet: Fleet, due: np.ndarray) -> None:
    """Tell the fleet of the machines that the cloud took back."""
    for when, kind, number in due.tolist():
        lease = fleet.leases[int(number)]
        if kind == NOTICE and lease.left_s == math.inf:
            fleet.leave(lease, when)


def _empty(fleet: Fleet, state: State) -> None:
    """Write down when each machine that had to go was done."""
    for lease, emptied in zip(fleet.leases, state.emptied.tolist(), strict=False):
        if not math.isnan(emptied):
            lease.stopped_s = min(lease.stopped_s, emptied)


def warm_up() -> threading.Thread:
    """Compile the loop in a background thread and return the thread; some six seconds the first time on a machine."""
    few = Workload(np.arange(20.0), np.ones(20), np.zeros(20), np.zeros(20), np.zeros(20))
    thread = threading.Thread(target=simulate, args=(Step(), few), name="minisys warm_up")
    thread.start()
    return thread
