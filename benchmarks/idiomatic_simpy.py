"""The load-balanced fleet as anybody would write it after an hour with SimPy's tutorial: the yardstick of the bench.

A process for every request, a Resource for every backend, the balancer a function. Promised: the same requests as the
other contenders get, and for round robin the same waiting to the last digit. Not done: anything to make it fast.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator

import simpy

Balancer = Callable[[list[simpy.Resource]], simpy.Resource]


def round_robin() -> Balancer:
    """The backends in turn."""
    turn = itertools.count()
    return lambda fleet: fleet[next(turn) % len(fleet)]


def least_connections() -> Balancer:
    """The backend with the fewest requests waiting or in service; of equals the first."""
    return lambda fleet: min(fleet, key=lambda backend: backend.count + len(backend.queue))


BALANCERS = {"round robin": round_robin, "least connections": least_connections}


def visit(
    env: simpy.Environment, fleet: list[simpy.Resource], choose: Balancer, work_s: float, latencies: list[float]
) -> Generator[simpy.Event, None, None]:
    """One request: choose a backend, wait for it, work, note how long it all took."""
    arrived = env.now
    with choose(fleet).request() as turn:
        yield turn
        yield env.timeout(work_s)
    latencies.append(env.now - arrived)


def arrivals(
    env: simpy.Environment, fleet: list[simpy.Resource], choose: Balancer, rows: list[tuple[float, float]],
    latencies: list[float],
) -> Generator[simpy.Event, None, None]:  # fmt: skip
    """A process for every request, started at its time."""
    for arrival_s, work_s in rows:
        yield env.timeout(arrival_s - env.now)
        env.process(visit(env, fleet, choose, work_s, latencies))


def simulate(policy: str, rows: list[tuple[float, float]], backends: int = 3) -> list[float]:
    """The latency in seconds of every request in *rows* (arrival_s, work_s), in order of departure."""
    env, latencies = simpy.Environment(), list[float]()
    fleet = [simpy.Resource(env, capacity=1) for _ in range(backends)]
    env.process(arrivals(env, fleet, BALANCERS[policy](), rows, latencies))
    env.run()
    return latencies
