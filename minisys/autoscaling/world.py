"""What a controller sees and touches: the balancer's admin port and metrics, and the cloud's API.

A controller that remembers what it started forgets it when it dies. This one asks: the balancer who serves and who is
being drained, the cloud which machines there are. Everything it needs to go on after a restart is out there.

Promised: each call is one HTTP request (or raises NodeFailed, with what the other side said); metrics are read as
Prometheus reads them. Not here: decisions (controller.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client.parser import text_string_to_metric_families

from minisys.autoscaling.machines import Machine
from minisys.testbed.nodes import ask


@dataclass(frozen=True, slots=True)
class Metrics:
    """One scrape: *in_flight*, the requests at each backend by name, and *answers*, how many were given so far."""

    in_flight: dict[str, float]
    answers: float


class World(Protocol):
    """The calls that a controller makes; each may raise NodeFailed."""

    def metrics(self) -> Metrics:
        """What the balancer measures now."""
        ...

    def backends(self) -> dict[str, str]:
        """The state of each backend behind the balancer: "up", "down", "draining" or "ejected"."""
        ...

    def machines(self) -> list[Machine]:
        """The machines that are rented."""
        ...

    def order(self) -> str:
        """Rent one more: its name."""
        ...

    def end(self, name: str) -> None:
        """Machine *name* is not needed any more."""
        ...

    def warm(self, machine: Machine) -> None:
        """Send *machine* its first requests, before users do."""
        ...

    def add(self, machine: Machine) -> None:
        """From now on *machine* gets requests; also one that is being drained."""
        ...

    def drain(self, name: str) -> None:
        """Backend *name* gets nothing new and finishes what it has."""
        ...

    def forget(self, name: str) -> None:
        """The balancer need not know backend *name* any more."""
        ...


class LiveWorld:
    """The balancer at *admin_url* and the cloud at *cloud_url*; a new machine gets *warm_ups* requests beforehand."""

    def __init__(self, admin_url: str, cloud_url: str, warm_ups: int = 3) -> None:
        self.admin_url, self.cloud_url, self.warm_ups = admin_url, cloud_url, warm_ups

    def metrics(self) -> Metrics:
        in_flight: dict[str, float] = {}
        answers = 0.0
        for family in text_string_to_metric_families(ask("GET", f"{self.admin_url}/metrics", timeout_s=1.0)):
            for sample in family.samples:
                if sample.name == "minisys_backend_in_flight":
                    in_flight[sample.labels["backend"]] = sample.value
                answers += sample.value if sample.name == "minisys_answers_total" else 0.0
        return Metrics(in_flight, answers)

    def backends(self) -> dict[str, str]:
        rows = json.loads(ask("GET", f"{self.admin_url}/backends", timeout_s=1.0))
        return {row["name"]: row["state"] for row in rows}

    def machines(self) -> list[Machine]:
        return [Machine(**row) for row in json.loads(ask("GET", f"{self.cloud_url}/machines", timeout_s=1.0))]

    def order(self) -> str:
        made: dict[str, Any] = json.loads(ask("POST", f"{self.cloud_url}/machines"))
        return str(made["name"])

    def end(self, name: str) -> None:
        ask("DELETE", f"{self.cloud_url}/machines/{name}", timeout_s=10.0)

    def warm(self, machine: Machine) -> None:
        ask("GET", f"http://{machine.address}/health", timeout_s=1.0)
        for number in range(self.warm_ups):
            ask("GET", f"http://{machine.address}/item/{number}", timeout_s=1.0)

    def add(self, machine: Machine) -> None:
        entry = {"name": machine.name, "address": machine.address}
        ask("POST", f"{self.admin_url}/backends", json.dumps(entry).encode())

    def drain(self, name: str) -> None:
        ask("POST", f"{self.admin_url}/backends/{name}/drain")

    def forget(self, name: str) -> None:
        ask("DELETE", f"{self.admin_url}/backends/{name}?patience_s=0")
