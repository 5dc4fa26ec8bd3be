"""The same fleet in AsyncFlow (asyncflow-sim), by whichever Python has it: `asyncflow_fleet.py "round robin" 40`.

It wants Python 3.12 or newer and is no part of this project, so this file imports nothing of ours, runs alone, and
prints one line of JSON. AsyncFlow knows constant CPU times only: a hundred equally likely endpoints, one for each
hundredth of the exponential distribution, stand in for it. Its "least connection" counts what is under way to a
server, not what waits there (PERFORMANCE.md of the design), so its latency there says little.
"""

from __future__ import annotations

import json
import math
import sys
import time
from importlib.metadata import version

import simpy
from asyncflow import AsyncFlow, SimulationRunner  # type: ignore[import-not-found]
from asyncflow.components import Client, Edge, Endpoint, LoadBalancer, Server  # type: ignore[import-not-found]
from asyncflow.settings import SimulationSettings  # type: ignore[import-not-found]
from asyncflow.workload import RqsGenerator  # type: ignore[import-not-found]

RATE_PER_S, MEAN_S, BACKENDS = 240, 0.01, 3
NO_TIME = {"mean": 1e-9, "distribution": "exponential"}


def endpoints() -> list[Endpoint]:
    """A hundred endpoints whose CPU times are the exponential distribution's hundredths."""
    times = [-MEAN_S * math.log(1 - (i + 0.5) / 100) for i in range(100)]
    scale = MEAN_S * len(times) / sum(times)
    steps = [[{"kind": "initial_parsing", "step_operation": {"cpu_time": time * scale}}] for time in times]
    return [Endpoint(endpoint_name=f"e{i}", steps=step) for i, step in enumerate(steps)]


def fleet(policy: str, seconds: int) -> object:
    """The whole scenario: users, balancer, servers, edges that take no time and lose nothing."""
    names = [f"s{i}" for i in range(BACKENDS)]
    ways = [("users", "client"), ("client", "lb"), *(("lb", name) for name in names), *((s, "client") for s in names)]
    edges = [
        Edge(id=f"{a}-{b}", source=a, target=b, latency=NO_TIME, dropout_rate=0.0) for a, b in ways
    ]  # fmt: skip
    users = {"mean": RATE_PER_S, "variance": 1e-6, "distribution": "normal"}
    algorithm = "round_robin" if policy == "round robin" else "least_connection"
    resources = {"cpu_cores": 1, "ram_mb": 2048}
    servers = [Server(id=name, server_resources=resources, endpoints=endpoints()) for name in names]
    return (
        AsyncFlow()
        .add_generator(RqsGenerator(id="users", avg_active_users=users, avg_request_per_minute_per_user={"mean": 60}))
        .add_client(Client(id="client"))
        .add_servers(*servers)
        .add_edges(*edges)
        .add_load_balancer(LoadBalancer(id="lb", algorithms=algorithm, server_covered=set(names)))
        .add_simulation_settings(SimulationSettings(total_simulation_time=seconds, sample_period_s=0.1))
        .build_payload()
    )


def main(policy: str, seconds: int) -> None:
    """Run it once and print requests served, CPU seconds, mean latency and version."""
    payload = fleet(policy, seconds)
    began = time.process_time()
    latency = SimulationRunner(env=simpy.Environment(), simulation_input=payload).run().get_latency_stats()
    cpu_s = time.process_time() - began
    said = {str(key): float(value) for key, value in latency.items()}
    told = {"requests": said["total_requests"], "cpu_s": cpu_s, "mean_s": said["mean"]}
    print(json.dumps(told | {"version": version("asyncflow-sim")}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
