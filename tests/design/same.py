"""Fault plans for random designs, a shop, and what it means that two runs are the same."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.flat import flatten
from minisys.design.network import Network
from minisys.design.parts import Autoscaler, Balancer, Call, Clients, Database, Design, Queue, Service, Workers
from minisys.design.result import Run
from minisys.design.traffic import Traffic

VALUES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "kill": st.just({}),
    "zone loss": st.just({}),
    "region loss": st.just({}),
    "partition": st.just({}),
    "slow answers": st.fixed_dictionaries({"delay_s": st.floats(0, 2)}),
    "slow cpu": st.fixed_dictionaries({"share": st.floats(0.1, 0.9)}),
    "errors": st.fixed_dictionaries({"ratio": st.floats(0, 1)}),
    "bad deploy": st.fixed_dictionaries({"ratio": st.floats(0, 1)}),
    "cache flush": st.just({}),
}


@st.composite
def plans(draw: st.DrawFn, design: Design, most: int = 3) -> FaultPlan:
    """Up to *most* faults at different things of *design*."""
    flat = flatten(design, Network())
    faults: list[Fault] = []
    for _ in range(draw(st.integers(0, most))):
        kind = draw(st.sampled_from(list(VALUES)))
        targets = {"zone loss": flat.zones, "region loss": flat.regions}.get(kind, (*flat.copies, *flat.zones))
        target = draw(st.sampled_from(targets))
        lasts = draw(st.one_of(st.just(math.inf), st.floats(0.1, 3)))
        if (kind, target) not in [(fault.kind, fault.target) for fault in faults]:
            faults.append(Fault(kind, target, draw(st.floats(0, 4)), lasts, **draw(VALUES[kind])))
    return FaultPlan(faults)


def assert_same(one: Run, other: Run) -> None:
    """Every request ended at the same moment in the same way, and everything that was counted is the same."""
    for name, column in one.tally.requests.items():
        np.testing.assert_allclose(column, other.tally.requests[name], rtol=1e-9, err_msg=name)
    for frame in ("parts", "copies", "arrows", "spans"):
        mine, theirs = getattr(one, frame), getattr(other, frame)
        for column in mine:
            if mine[column].dtype.kind in "if":
                np.testing.assert_allclose(mine[column], theirs[column], 1e-6, 1e-9, err_msg=f"{frame} {column}")
            else:
                assert list(mine[column]) == list(theirs[column]), (frame, column)
    for column in ("number", "per_s", "stay_s"):
        np.testing.assert_allclose(one.little()[column], other.little()[column], 1e-6, 1e-9, err_msg=column)
    assert (one.lost_writes, one.bottleneck()) == (other.lost_writes, other.bottleneck())
    assert [row[1:] for row in one.tally.series] == [row[1:] for row in other.tally.series]


SHOP = Design("shop", regions={"eu": ("eu-a", "eu-b")}, parts=[
    Clients("users", region="eu", rate=150, calls=(Call("lb", timeout=2.0),)),
    Balancer("lb", copies=2, calls=(Call("app", timeout=0.5, attempts=3, backoff=0.02, budget=0.2),)),
    Service("app", takes=0.01, workers=2, copies=2, policy="least connections", holds=True,
            autoscaler=Autoscaler(2, 5, 0.5, every=2.0, boot=1.0), calls=(Call("db", timeout=0.3), Call("mail"))),
    Database("db", takes=0.002, workers=4, copies=3, shards=2, replication="raft", read_replicas=True, failover=1.0),
    Queue("mail"),
    Workers("post", source="mail", takes=0.01, copies=2, calls=(Call("db", timeout=0.2),)),
])  # fmt: skip
MANY = Traffic.flash_sale(3.0, at_s=2.0, ramp_s=1.0, hold_s=4.0)


def digest(result: Run) -> str:
    """One line for everything that happened."""
    columns = [result.tally.requests[name].tobytes() for name in ("finished_s", "outcome", "server", "attempts")]
    return hashlib.sha256(b"".join(columns)).hexdigest()
