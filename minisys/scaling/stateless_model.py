"""Carts in virtual time: how many are lost when one of n servers dies, by rule of thumb and request by request.

"We restart at three in the morning, hardly anybody is there." How many is hardly anybody? The carts that are open are
given by Little's law, the share that one server holds is 1/n, and a rolling restart hits most users more than once.

Promised: the balancer, its policies and its health checks are those of the load-balancing room, and what counts as lost
is decided by the cart server's own function; a run on the live system's virtual clock loses the same carts of the same
users. Not modelled: what processes and sockets cost, a store that dies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
import simpy
from simpy.events import Event

from minisys.load_balancing import policies
from minisys.load_balancing.fleet import Fleet, Shape
from minisys.load_balancing.health import RetryBudget
from minisys.load_balancing.model import Balancer
from minisys.load_balancing.plan import HealthCheck, Step, backend_names
from minisys.load_balancing.policies import Pool
from minisys.scaling.cart import LOST, lost
from minisys.scaling.store import Carts
from minisys.testbed import simulation
from minisys.testbed.simulation import OK, Request
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload, stream

USERS_PER_S, SESSION_S, GAP_S, WORK_S = 22.0, 2.0, 0.4, 0.02
POLICY, WORKERS, HEALTH = "round robin", 16, HealthCheck(0.2, 0.2)


def shoppers(
    users_per_s: float = USERS_PER_S, session_s: float = SESSION_S, gap_s: float = GAP_S, *, for_s: float, seed: int
) -> Workload:
    """*users_per_s* users a second come and put one thing every *gap_s* seconds for *session_s*. The key is the user.

    It begins with the users who would be there already, so the house is as full at the start as later. Raises
    ValueError unless all numbers are above 0 and a session is at least one gap.
    """
    if not (users_per_s > 0 and for_s > 0 and 0 < gap_s <= session_s):
        raise ValueError(
            f"need 0 < gap_s <= session_s and a rate, got {users_per_s=}, {session_s=}, {gap_s=}, {for_s=}"
        )
    visits, rng = round(session_s / gap_s) + 1, stream(seed, "arrivals")
    users = rng.poisson(users_per_s * (session_s + for_s))
    first_s = np.sort(rng.uniform(-session_s, for_s, users))
    at_s = (first_s[:, None] + gap_s * np.arange(visits)).ravel()
    key = np.repeat(np.arange(users), visits)
    order = np.argsort(at_s, kind="stable")
    order = order[(at_s[order] >= 0) & (at_s[order] < for_s)]
    n = len(order)
    work_s = stream(seed, "work").exponential(WORK_S, n)
    return Workload(at_s[order], work_s, key[order], np.full(n, 1000), stream(seed, "luck").random(n))


def open_carts(offered: Workload, at_s: float) -> int:
    """How many users of *offered* have put something before *at_s* and will come again."""
    before, after = offered.arrival_s < at_s, offered.arrival_s >= at_s
    return len(np.intersect1d(offered.key[before], offered.key[after]))


def carts_lost(users_per_s: float, session_s: float, instances: int) -> float:
    """Carts that die with one of *instances* servers: rate x time in the shop are open (Little's law), 1/n are there.

    Raises ValueError for a number that makes no sense.
    """
    if not (users_per_s > 0 and session_s > 0 and instances >= 1):
        raise ValueError(f"need numbers above 0, got {users_per_s=}, {session_s=}, {instances=}")
    return users_per_s * session_s / instances


def rolling_losses(instances: int) -> float:
    """Carts lost by each user while *instances* servers restart one after the other.

    The users of a restarted server go to the n - 1 others, so each server that is still to come holds n / (n - 1) times
    as many as before: (1 - 1/n) ((n / (n - 1))^n - 1) in all. That is 1.58 with three servers and tends to e - 1, 1.72:
    many users lose their cart more than once. It counts on users who stay, and who come by while a server is away.
    Raises ValueError below 2 servers: one alone cannot be replaced.
    """
    if instances < 2:
        raise ValueError(f"a rolling restart needs at least 2 servers, got {instances}")
    growth = instances / (instances - 1)
    return (growth**instances - 1) / growth


def simulate(
    offered: Workload, plan: Sequence[Step] = (), *, in_memory: bool = True, instances: int = 3, seed: int = 0
) -> Trace:
    """The trace of *offered* through *instances* servers that keep carts *in_memory* (sticky sessions) or elsewhere.

    ``trace.frame.attrs["remarks"]["cart lost"]`` holds the moments, as in load(). seed: as everywhere; all luck comes
    with the workload, so it changes nothing here. Raises ValueError for a bad plan.
    """
    names, lost_at_s = backend_names(instances), list[float]()

    def build(env: simpy.Environment, _: object) -> Shop:
        fleet = Fleet(env, policies.policy(POLICY), Shape(names, WORKERS), plan, HEALTH)
        return Shop(fleet, plan, len(offered), in_memory, lost_at_s)

    trace = simulation.simulate(offered, build, seed=seed)
    trace.frame.attrs["remarks"] = {LOST: sorted(lost_at_s)} if lost_at_s else {}
    return trace


class Shop(Balancer):
    """The room's balancer, one retry, with sticky sessions if carts are *in_memory*; *lost_at_s* gets the losses."""

    def __init__(
        self, fleet: Fleet, plan: Sequence[Step], requests: int, in_memory: bool, lost_at_s: list[float]
    ) -> None:
        super().__init__(fleet, [0] * requests, 1, True, None, RetryBudget())
        self.in_memory, self.lost_at_s = in_memory, lost_at_s
        self.restarts = [(step.at_s, step.backend) for step in plan if step.action == "restart"]
        self.carts: defaultdict[tuple[str, int], Carts] = defaultdict(Carts)
        self.cookies: dict[int, tuple[str, int, int]] = {}  # of each user: server, items, put

    def serve(self, request: Request) -> Event:
        """Serve *request*; when it is answered, its thing is in a cart."""
        done = super().serve(request)
        assert done.callbacks is not None
        done.callbacks.append(partial(self._put, request))
        return done

    def _choose(self, pool: Pool, request: Request, luck: float) -> int:
        """The server that the user's cookie names, while it is up and at the first attempt; else by policy."""
        if self.in_memory and request.attempts == 1 and request.key in self.cookies:
            i = self.fleet.names.index(self.cookies[request.key][0])
            if i in pool.eligible:
                self.in_flight[i] += 1
                return i
        return super()._choose(pool, request, luck)

    def _put(self, request: Request, answer: Event) -> None:
        if answer.value != OK:
            return
        assert request.server is not None
        _, items, last = self.cookies.get(request.key, ("", 0, 0))
        there = self.carts[self._memory(request.server)].put(str(request.key), last + 1)
        if lost(items, there):
            self.lost_at_s.append(request.arrival_s)
        self.cookies[request.key] = (request.server, there, last + 1)

    def _memory(self, server: str) -> tuple[str, int]:
        """Whose memory the carts are in: this *server*'s since its last restart, or the store that all share."""
        if not self.in_memory:
            return "store", 0
        return server, sum(at_s <= self.env.now for at_s, name in self.restarts if name == server)
