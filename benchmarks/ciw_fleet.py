"""The same fleet in Ciw, the queueing-network simulator: a dispatcher that takes no time, then one node a backend.

Ciw draws its own exponential times, so its requests are others of the same kind. Least connections is its LoadBalancing
router, which counts who waits and who is served; round robin is its Cycle.
"""

from __future__ import annotations

import ciw


def simulate(policy: str, requests: int, rate_per_s: float, mean_s: float, backends: int = 3) -> list[float]:
    """The latencies in seconds of about *requests* requests, *rate_per_s* a second, each *mean_s* of work."""
    places = list(range(2, backends + 2))
    router = ciw.routing.Cycle(places) if policy == "round robin" else ciw.routing.LoadBalancing(places)
    leave = [ciw.routing.Leave() for _ in places]
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate_per_s), *([None] * backends)],
        service_distributions=[ciw.dists.Deterministic(0.0), *([ciw.dists.Exponential(1 / mean_s)] * backends)],
        number_of_servers=[float("inf"), *([1] * backends)],
        routing=ciw.routing.NetworkRouting([router, *leave]),
    )
    ciw.seed(1)
    run = ciw.Simulation(network)
    run.simulate_until_max_customers(requests, method="Finish")
    served = [record for record in run.get_all_records() if record.node != 1]
    return [record.exit_date - record.arrival_date for record in served]
