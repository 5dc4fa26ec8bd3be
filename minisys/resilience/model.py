"""An outage in virtual time: a chain of services, call by call, with the very policies that the live chain asks.

A slow database for ten seconds, and the shop is down for an hour. To find out why you need every call: who still waited
for it, who had gone, and which worker it held meanwhile. Nobody traces that in production at noon; here it costs a
second.

Promised: a worker holds a call until the next service has answered it or its own caller's patience (a timeout) frees
it; a timeout does not stop the work already under way; a call refused by the caller's own breaker, bulkhead or throttle
costs the service nothing and is not tried again; Little's law holds for the users (testbed.simulation); one seed gives
one answer. Not modelled: connections, retries of a retry storm's own packets, fan-out.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import simpy
from simpy.events import Event

from minisys.resilience.chain import Chain, Trouble, draws, troubled, windows
from minisys.resilience.job import Table
from minisys.resilience.parts import Ask, Call, Station
from minisys.resilience.run import EXPIRED, FAILED, OK, REFUSED, SHED, Run
from minisys.testbed import simulation
from minisys.testbed.simulation import Alarm, Request, refuse, settle
from minisys.testbed.workload import Workload

ERRORS = {REFUSED: "rejected", SHED: "rejected", FAILED: "failed", EXPIRED: "failed"}  # as retries.py calls them
TIMES = ("sent", "began", "ended", "work")
ENDS = {"rejected": "refused", "failed": "failed", "timeout": "timeout"}  # and as the user's trace does


def simulate(
    chain: Chain,
    workload: Workload,
    troubles: tuple[Trouble, ...] = (),
    *,
    seed: int = 0,
    progress: bool = False,
) -> Run:
    """What came of *workload*'s users in *chain* while *troubles* happened. work_s of the workload is not used.

    The workload's key is a request's priority where a service sheds by priority (0: the most important).
    Raises ValueError for an empty workload or a trouble of a service that is not there.
    """
    if not len(workload):
        raise ValueError("the workload has no request")
    made: list[_Chain] = []

    def build(env: simpy.Environment, _: np.random.Generator) -> _Chain:
        made.append(_Chain(env, chain, draws(chain, seed), windows(chain, troubles).tolist()))
        return made[0]

    trace = simulation.simulate(workload, build, seed=seed, progress=progress).frame
    outcome = trace["outcome"].cat.codes.to_numpy().astype(np.int64)
    return made[0].run(workload, outcome, trace["finished_s"].to_numpy())


class _Chain:
    """The whole chain: a component that takes the users' requests."""

    def __init__(self, env: simpy.Environment, chain: Chain, tables: np.ndarray, troubles: list[list[float]]) -> None:
        self.env, self.chain, self.troubles = env, chain, troubles
        self.work, self.luck, jitter = tables.tolist()
        self.rngs = [Table(row) for row in jitter]
        self.stations = [Station(chain, hop) for hop in range(len(chain.services))]
        self.callers = [each.start() for each in chain.callers]
        self.calls: list[Call] = []
        self.degraded: set[int] = set()

    def serve(self, request: Request) -> Event:
        """A user's request."""
        done = Event(self.env)
        sends = self.chain.callers[0].deadline
        deadline_s = self.env._now + self.chain.patience_s if sends else math.inf
        self._ask(Ask(0, None, request, deadline_s, done))
        return done

    def _at(self, time_s: float, ring: Any, *what: Any) -> None:
        Alarm(self.env, partial(self._ring, ring, what)).set(time_s)

    @staticmethod
    def _ring(ring: Any, what: tuple[Any, ...], _: Event) -> None:
        ring(*what)

    # The caller's side

    def _ask(self, ask: Ask) -> None:
        retries = self.callers[ask.hop].retries
        if retries is not None:
            retries.request()
        self._send(ask)

    def _send(self, ask: Ask) -> None:
        """One more try, if the caller's own defences let it out."""
        now, caller = self.env._now, self.callers[ask.hop]
        if caller.refused_by(now, self.rngs[ask.hop]):
            self._finish(ask, "refused")
            return
        ask.tries += 1
        ask.live, ask.flying = ask.tries, 1
        self._call(ask)
        left_s = min(caller.timeout_s, ask.deadline_s - now)
        if left_s < math.inf:
            self._at(now + left_s, self._timed_out, ask, ask.live)
        if caller.hedge is not None:
            after_s = caller.hedge.after_s(now)
            if after_s < math.inf:
                self._at(now + after_s, self._second, ask, ask.live)

    def _second(self, ask: Ask, attempt: int) -> None:
        """The hedge: the same call once more, if the ratio allows it."""
        hedge = self.callers[ask.hop].hedge
        if ask.live == attempt and hedge is not None and hedge.send():
            ask.flying += 1
            self._call(ask)

    def _call(self, ask: Ask) -> None:
        now, station = self.env._now, self.stations[ask.hop]
        draw, sent = station.drawn % len(self.work[ask.hop]), self.chain.callers[ask.hop].deadline
        station.drawn += 1
        call = Call(len(self.calls), ask, draw, ask.deadline_s if sent else math.inf, now)
        self.calls.append(call)
        self._at(now + self.chain.net_s, self._arrive, call)

    def _answer(self, call: Call) -> None:
        """The caller has the answer, if it still waits for this one."""
        ask = call.ask
        if ask.live != call.attempt:
            return
        ask.flying -= 1
        if call.fate == OK:
            call.used, hedge = True, self.callers[ask.hop].hedge
            if hedge is not None:
                hedge.observe(self.env._now - call.sent_s)
            ask.request.server = self.chain.services[0].name
            self._over(ask, None)
        elif not ask.flying:
            self._over(ask, ERRORS[call.fate])

    def _timed_out(self, ask: Ask, attempt: int) -> None:
        if ask.live == attempt:
            self._over(ask, "timeout")

    def _over(self, ask: Ask, error: str | None) -> None:
        """One try is over; try again, or give up."""
        now, caller = self.env._now, self.callers[ask.hop]
        ask.live = 0
        caller.done(error, now)
        if error is None:
            if caller.retries is not None:
                caller.retries.success(ask.error)
        elif now < ask.deadline_s and caller.retries is not None and caller.retries.again(ask.tries - 1, error):
            ask.error = error
            ask.waited_s = caller.retries.wait_s(ask.tries - 1, ask.waited_s, self.rngs[ask.hop])
            if now + ask.waited_s < ask.deadline_s:
                self._at(now + ask.waited_s, self._send, ask)
                return
        self._finish(ask, "ok" if error is None else ENDS[error])

    def _finish(self, ask: Ask, outcome: str) -> None:
        """The ask is over: its caller, a user or a service, hears of it."""
        if outcome != "ok" and self.callers[ask.hop].fallback is not None:
            self.degraded.add(ask.request.index)
            ask.request.server, outcome = "fallback", "ok"
        if ask.parent is not None:
            self._done(ask.parent, {"ok": OK, "refused": REFUSED}.get(outcome, FAILED))
            return
        assert ask.done is not None
        if ask.done.callbacks:
            settle(ask.done, outcome)
        else:  # the user does not listen yet
            refuse(ask.done, outcome)

    # The service's side

    def _arrive(self, call: Call) -> None:
        """At the service: in, in line, or refused."""
        station, now = self.stations[call.ask.hop], self.env._now
        call.arrived_s = now
        if not station.enter(call, now):
            self._respond(call, REFUSED)
        elif station.busy < station.workers:
            self._begin(station, call)
        else:
            station.line.append(call)

    def _begin(self, station: Station, call: Call) -> None:
        now, hop = self.env._now, call.ask.hop
        station.busy += 1
        slow, fails = troubled(self.troubles, hop, now, station.fails)
        call.began_s, call.work_s = now, self.work[hop][call.draw] * slow
        call.error = self.luck[hop][call.draw] < fails
        self._at(now + call.work_s, self._worked, call)

    def _worked(self, call: Call) -> None:
        """The service's own work is done: an error, the answer, or the next service is asked."""
        hop = call.ask.hop
        if call.error:
            self._done(call, FAILED)
        elif hop + 1 == len(self.stations) or call.ask.request.key < self.chain.services[hop].own_keys:
            self._done(call, OK)
        elif self.env._now >= call.deadline_s:
            self._done(call, EXPIRED)
        else:
            self._ask(Ask(hop + 1, call, call.ask.request, call.deadline_s, None))

    def _done(self, call: Call, fate: int) -> None:
        """The worker lets go of *call*, and takes those who wait."""
        station, now = self.stations[call.ask.hop], self.env._now
        station.busy -= 1
        station.leave(call, fate == OK, now)
        self._respond(call, fate)
        while station.line and station.busy < station.workers:
            head = station.line.popleft()
            if now >= head.deadline_s:
                self._drop(station, head, EXPIRED)
            elif not station.protection.turn(len(station.line), now - head.arrived_s, head.ask.request.key, now):
                self._drop(station, head, SHED)
            else:
                self._begin(station, head)

    def _drop(self, station: Station, call: Call, fate: int) -> None:
        station.leave(call, False, self.env._now)
        self._respond(call, fate)

    def _respond(self, call: Call, fate: int) -> None:
        call.fate, call.ended_s = fate, self.env._now
        self._at(self.env._now + self.chain.net_s, self._answer, call)

    def run(self, workload: Workload, outcome: np.ndarray, finished_s: np.ndarray) -> Run:
        """What is left behind."""
        calls, parents = self.calls, [call.ask.parent for call in self.calls]
        times = {f"{name}_s": [getattr(call, f"{name}_s") for call in calls] for name in TIMES}
        whole = {
            "request": [call.ask.request.index for call in calls], "hop": [call.ask.hop for call in calls],
            "parent": [-1 if each is None else each.index for each in parents], "fate": [call.fate for call in calls],
        }  # fmt: skip
        return Run(
            self.chain, workload, outcome, finished_s,
            degraded=np.isin(np.arange(len(workload)), list(self.degraded)),
            used=np.array([call.used for call in calls], dtype=bool),
            **{name: np.array(column, dtype=np.int64) for name, column in whole.items()},
            **{name: np.array(column, dtype=np.float64) for name, column in times.items()},
        )  # fmt: skip
