"""A service as real processes, one for each component, that fail and are repaired while users ask.

The graph says 98.3 %. Here each component runs as a process on 127.0.0.1, asks the ones that it needs over HTTP, and
goes down and up by the same calendar that the simulation reads. Locust counts what users saw.

Promised: the same workload and the same calendar as `outages.simulate`, and a trace with the same columns; nothing is
left running. Not promised: that a request in the very moment of a failure ends the same way in both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from minisys.availability.graph import Service
from minisys.availability.outages import Calendar
from minisys.testbed import nodes
from minisys.testbed.load import load
from minisys.testbed.nodes import Node, ask
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Workload


@contextmanager
def running(service: Service) -> Iterator[dict[str, Node]]:
    """The processes of *service* by name, ready to answer, for the time of a ``with`` block."""
    started: dict[str, Node] = {}
    with ExitStack() as stack:
        for name in service.components():  # what is needed comes first
            needs = []
            for k, of in service.graph.nodes[name]["needs"]:
                needs += ["--needs", f"{k}:{','.join(started[other].url for other in of)}"]
            started[name] = stack.enter_context(nodes.start("minisys.availability", "--name", name, *needs, name=name))
        yield started


def run(service: Service, workload: Workload, plan: Calendar, *, progress: bool = False) -> Trace:
    """What the users of *service* see while its components fail as *plan* says; keywords as `outages.simulate`."""
    with running(service) as started, ThreadPoolExecutor(len(started)) as hands:

        def begin() -> None:
            told = [hands.submit(_tell, started[name], outages.tolist()) for name, outages in plan.items()]
            for future in told:
                future.result()

        return load(started[service.entrance].url, workload, at=[(0.0, begin)], progress=progress)


def _tell(node: Node, outages: list[list[float]]) -> None:
    ask("POST", f"http://127.0.0.1:{node.admin_port}/outages", json.dumps(outages).encode())
