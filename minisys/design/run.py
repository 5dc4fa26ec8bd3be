"""A design, run: what its users saw, what each part did, where the time went, what was lost.

    result = run(design, Traffic.flash_sale(), FaultPlan([Fault("zone loss", "eu-a", 20, 30)]), for_s=60)
    result.availability, result.latency_s(0.99), result.bottleneck(), result.parts

Promised: one seed gives one answer, in every process and from both engines ("fast" is compiled, "model" is readable
SimPy); whoever arrived at a copy was served, refused, failed, or is still there. A user waits DRAIN_S seconds after the
last one came, then counts as unanswered. Caches with a capacity, and queues and workers with a visibility, poison or
crashes, are not compiled: their designs run in the model, slower, whatever is asked for; `Run.engine` says which it
was. Not promised: a band; run several seeds.
"""

from __future__ import annotations

from minisys.chaos.plan import FaultPlan
from minisys.design.fast import Fast
from minisys.design.fast_loop import compiled
from minisys.design.flat import flatten
from minisys.design.kinds import MODEL_ONLY
from minisys.design.model import Model
from minisys.design.network import Network
from minisys.design.parts import Design
from minisys.design.requests import drawn, replayed
from minisys.design.result import Run
from minisys.design.steering import steer
from minisys.design.tally import new_tally
from minisys.design.timeline import timeline
from minisys.design.traffic import Traffic
from minisys.testbed.workload import Workload

DRAIN_S = 30.0
ENGINES = ("fast", "model")

__all__ = ["DRAIN_S", "ENGINES", "Run", "run"]


def run(
    design: Design,
    traffic: Traffic | None = None,
    plan: FaultPlan | None = None,
    *,
    for_s: float = 60.0,
    seed: int = 0,
    engine: str = "fast",
    network: Network | None = None,
    workload: Workload | None = None,
) -> Run:
    """Run *design* for *for_s* seconds of *traffic* (default: steady) while *plan* (default: nothing) breaks things.

    network: what distance costs. workload: requests to replay instead of drawing some, for a design with one group of
    clients; its work_s is the work at every part that takes any. Raises ValueError for a bad argument, or a target of
    the plan that is not in the design.
    """
    if engine not in ENGINES or not 0 < for_s < float("inf"):
        raise ValueError(f"engine must be one of {', '.join(ENGINES)} and for_s above 0, got {engine!r} and {for_s}")
    traffic, plan = traffic or Traffic.steady(), plan or FaultPlan()
    flat = flatten(design, network or Network())
    line = timeline(flat, plan)
    requests = drawn(flat, traffic, for_s, seed) if workload is None else replayed(flat, workload, seed)
    if workload is not None and len(workload):
        for_s = float(workload.arrival_s[-1])
    tally = new_tally(flat, len(requests), for_s)
    slow = engine == "model" or only_in_the_model(design) or compiled() is None
    machine = (Model if slow else Fast)(flat, line, requests, tally)
    steer(machine, flat, tally, for_s, for_s + DRAIN_S)
    for copy in range(len(flat.copies)):
        machine.busy_s(copy)
    used = "model" if slow else "fast"
    return Run(flat, requests, tally, machine.inside(), line, plan, traffic, seed, for_s, used)


def only_in_the_model(design: Design) -> list[str]:
    """The parts of *design* that the fast engine does not know."""
    return [part.name for part in design.parts if any(getattr(part, name, None) for name in MODEL_ONLY)]
