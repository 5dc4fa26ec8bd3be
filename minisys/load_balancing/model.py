"""A balancer and its backends in virtual time: break something, and count what users saw, without a real outage.

Backend b dies at 11:02 with eleven requests in its hands. Are eleven users told "502", or does the balancer ask
another backend, and who pays for that? Here the same two minutes can be had a thousand times, with and without retry.

Promised: every decision is the one that the live proxy takes (policies.py, health.py); one seed gives one answer; no
request is lost (arrived = ok + refused + failed + timed out + unfinished). Not modelled: sockets and processors; a
refused connection, a health check and an answer take no time of their own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from functools import partial

import simpy
from simpy.events import Event

from minisys.load_balancing import policies
from minisys.load_balancing.fast import key_hashes
from minisys.load_balancing.fleet import Fleet, Shape, at
from minisys.load_balancing.health import IDEMPOTENT, OutlierEjection, RetryBudget
from minisys.load_balancing.plan import HealthCheck, Step, backend_names
from minisys.load_balancing.policies import Policy, Pool, luck_of_attempt, record_latency
from minisys.testbed import simulation
from minisys.testbed.simulation import FAILED, OK, REFUSED, TIMEOUT, Request, refuse, settle
from minisys.testbed.trace import Trace
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
    plan: Sequence[Step] = (),
    health: HealthCheck | None = HealthCheck(),  # noqa: B008 (frozen)
    retries: int = 1,
    timeout_s: float | None = None,
    method: str = "GET",
    budget: RetryBudget | None = None,
    ejection: OutlierEjection | None = None,
    slow_start_s: float = 0.0,
    seed: int = 0,
    progress: bool = False,
) -> Trace:
    """The trace of *workload* through a balancer that decides by *policy*, while *plan* is carried out.

    The first five keywords are those of fast.simulate. health: active checks. retries: how often a failed request is
    sent to another backend, if *method* is idempotent or it was not delivered, and the *budget* allows. timeout_s: how
    long one attempt may take, None for ever. ejection, slow_start_s: see health.py. seed: as everywhere; all luck comes
    with the workload, so it changes nothing here. Raises ValueError for a bad argument.
    """
    chosen, names = policies.policy(policy), backend_names(backends)
    if retries < 0 or (timeout_s is not None and not timeout_s > 0):
        raise ValueError(f"need retries >= 0 and timeout_s > 0 or None, got retries={retries}, timeout_s={timeout_s}")
    shape = Shape(names, workers, queue, weights, speed)
    hashes = key_hashes(workload.key).tolist() if "key" in chosen.reads else [0] * len(workload)

    def build(env: simpy.Environment, _: object) -> Balancer:
        fleet = Fleet(env, chosen, shape, plan, health, ejection, slow_start_s)
        everybody.extend(fleet.names)
        return Balancer(fleet, hashes, retries, method in IDEMPOTENT, timeout_s, budget or RetryBudget())

    everybody: list[str] = []
    forever = math.inf if any(step.action == "pause" for step in plan) else None  # some may hang to the end
    trace = simulation.simulate(workload, build, seed=seed, until=forever, progress=progress)
    server = trace.frame["server"].cat.set_categories(everybody)
    return Trace(trace.frame.assign(server=server))


class Attempt:
    """One attempt to have *request* served: by backend *i*, after the backends *tried*; *repeatable* if it may be."""

    __slots__ = ("request", "copy", "done", "tried", "i", "sent_s", "over", "repeatable")

    def __init__(
        self, request: Request, done: Event, tried: tuple[int, ...], i: int, sent_s: float, repeatable: bool
    ) -> None:
        self.request, self.done, self.tried, self.i, self.sent_s = request, done, tried, i, sent_s
        self.over, self.repeatable = False, repeatable
        # a copy, because a backend may still work on an attempt that nobody waits for any more
        given = request.index, request.arrival_s, request.work_s, request.key, request.size, request.luck
        self.copy = Request(*given)


class Balancer:
    """The component: choose a backend, send, and if that fails send to another.

    hashes: the hash of each request's key. retries: attempts after the first, only of what surely was not carried out
    unless *idempotent*. timeout_s: seconds for each attempt.
    """

    def __init__(
        self, fleet: Fleet, hashes: Sequence[int], retries: int, idempotent: bool, timeout_s: float | None,
        budget: RetryBudget,
    ) -> None:  # fmt: skip
        self.fleet, self.env, self.hashes = fleet, fleet.env, hashes
        self.retries, self.idempotent, self.timeout_s, self.budget = retries, idempotent, timeout_s, budget
        self.pool, self.in_flight, self.backends = fleet.pool, fleet.pool.in_flight, fleet.backends
        self.choose, self.learns = fleet.policy.choose, "latency" in fleet.policy.reads
        self.calm = not fleet.fragile and timeout_s is None
        self.deadlines: deque[tuple[float, Attempt]] = deque()
        self.armed = False

    def serve(self, request: Request) -> Event:
        """Serve *request*; succeeds with the outcome that the user sees."""
        if self.calm:  # the backend's answer is the user's answer
            i = self._choose(self.pool, request, request.luck)
            answer = self.backends[i].serve(request)
            answer.callbacks.append(partial(self._note, request, i, request.arrival_s))
            return answer
        self.budget.request(self.env.now)
        done = Event(self.env)
        self._try(request, done, (), FAILED)
        return done

    def _choose(self, pool: Pool, request: Request, luck: float) -> int:
        """The backend for *request*, which now has one request more in flight."""
        i = self.choose(pool, self.hashes[request.index], luck, self.env._now)
        if not 0 <= i < len(self.backends):
            raise ValueError(f"policy {self.fleet.policy.name!r} chose backend {i}, which is not there")
        self.in_flight[i] += 1
        return i

    def _note(self, request: Request, i: int, sent_s: float, answer: Event) -> None:
        """Backend *i* is rid of *request*."""
        self.in_flight[i] -= 1
        if answer._value == REFUSED:
            request.server = self.fleet.names[i]
        elif self.learns and answer._value == OK:
            record_latency(self.pool, i, self.env.now - sent_s, self.env.now)

    def _try(self, request: Request, done: Event, tried: tuple[int, ...], otherwise: str) -> None:
        """Send *request* to an eligible backend not yet *tried*; if there is none, the outcome is *otherwise*."""
        self.fleet.warm()
        pool = self.pool._replace(eligible=[i for i in self.pool.eligible if i not in tried])
        request.attempts = len(tried) + bool(pool.eligible)
        if not pool.eligible:
            refuse(done, otherwise)
            return
        i = self._choose(pool, request, luck_of_attempt(request.luck, len(tried)))
        delivered = self.backends[i].alive  # who refuses the connection has carried out nothing
        attempt = Attempt(request, done, tried, i, self.env.now, self.idempotent or not delivered)
        answer = self.backends[i].serve(attempt.copy)
        answer.callbacks.append(partial(self._answered, attempt))
        if self.timeout_s is not None:
            self._set_deadline(attempt)

    def _answered(self, attempt: Attempt, answer: Event) -> None:
        """Retry what failed while retries and budget allow; tell the user the rest."""
        if attempt.over:
            return
        attempt.over, request, outcome = True, attempt.request, answer._value
        lost = outcome in (FAILED, TIMEOUT)
        self._note(attempt.copy, attempt.i, attempt.sent_s, answer)
        self.fleet.seen(attempt.i, not lost)
        again = lost and attempt.repeatable and len(attempt.tried) < self.retries
        if again and self.budget.may_retry(self.env.now):
            self._try(request, attempt.done, (*attempt.tried, attempt.i), outcome)
            return
        if not lost:
            request.started_s, request.server = attempt.copy.started_s, attempt.copy.server
        settle(attempt.done, outcome)

    def _set_deadline(self, attempt: Attempt) -> None:
        """All attempts have the same time, so their deadlines are in order and one alarm clock is enough."""
        assert self.timeout_s is not None
        self.deadlines.append((self.env.now + self.timeout_s, attempt))
        if not self.armed:
            self.armed = True
            at(self.env, self.env.now + self.timeout_s, self._ring)

    def _ring(self) -> None:
        late = Event(self.env)
        late._ok, late._value = True, TIMEOUT
        while self.deadlines and (self.deadlines[0][1].over or self.deadlines[0][0] <= self.env.now):
            self._answered(self.deadlines.popleft()[1], late)
        self.armed = bool(self.deadlines)
        if self.armed:
            at(self.env, self.deadlines[0][0], self._ring)
