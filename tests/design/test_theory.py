"""Designs that are a textbook's queue answer as the textbook says, and as that room's own model does."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.design.network import without_distance
from minisys.design.parts import Balancer, Call, Clients, Design, Service
from minisys.design.run import run
from minisys.load_balancing import fast as balancing
from minisys.testbed.queueing import erlang_b, mg1, mm1, mm1_percentile, mmc
from minisys.testbed.workload import Exponential, Poisson, Workload, workload

RATE, TAKES = 100.0, 0.006
LONG_S = 4_000.0  # 400,000 requests: at 60 % load the mean of so many is within 1 %


def mean_s(parts: list, seed: int = 1) -> float:
    design = Design("textbook", [Clients("users", rate=RATE, calls=(Call(parts[0].name),)), *parts])
    result = run(design, for_s=LONG_S, seed=seed, network=without_distance(design))
    result.conservation()
    return float(result.trace.latency_s.mean())


def test_one_worker_is_mm1() -> None:
    design = Design("one", [Clients("users", rate=RATE, calls=(Call("app"),)), Service("app", takes=TAKES)])
    result = run(design, for_s=LONG_S, seed=1, network=without_distance(design))
    queue = mm1(RATE, TAKES)
    assert result.trace.latency_s.mean() == pytest.approx(queue.response_s, rel=0.02)
    assert result.latency_s(99) == pytest.approx(mm1_percentile(RATE, TAKES, 99), rel=0.03)
    app = result.parts.set_index("part").loc["app"]
    assert app["utilisation"] == pytest.approx(queue.utilisation, rel=0.02)
    assert app["wait_s"] == pytest.approx(queue.wait_s, rel=0.03)
    assert app["p99_s"] == pytest.approx(result.latency_s(99), rel=0.03)  # a histogram's step


def test_several_workers_are_mmc() -> None:
    assert mean_s([Service("app", takes=0.03, workers=4)]) == pytest.approx(mmc(RATE, 0.03, 4).response_s, rel=0.02)


@pytest.mark.parametrize(("law", "cv"), [("constant", 0.0), ("lognormal", 0.5)])
def test_other_laws_are_mg1(law: str, cv: float) -> None:
    expected = mg1(RATE, TAKES, cv).response_s
    assert mean_s([Service("app", takes=TAKES, law=law, cv=cv)]) == pytest.approx(expected, rel=0.02)


def test_one_after_the_other_is_a_tandem() -> None:
    """Burke 1956: what leaves an M/M/1 is Poisson again, so the second is one, too."""
    two = mm1(RATE, TAKES).response_s + mm1(RATE, 0.004).response_s
    parts = [Service("app", takes=TAKES, calls=(Call("db"),)), Service("db", takes=0.004)]
    assert mean_s(parts) == pytest.approx(two, rel=0.02)


def test_two_at_once_are_a_fork_and_a_join() -> None:
    """Flatto and Hahn 1984: exactly (12 - rho) / 8 times the response of one M/M/1."""
    calls = Call("left"), Call("right", together=True)
    parts = [Service("app", calls=calls), Service("left", takes=TAKES), Service("right", takes=TAKES)]
    assert mean_s(parts) == pytest.approx((12 - RATE * TAKES) / 8 * mm1(RATE, TAKES).response_s, rel=0.02)


def test_no_queue_loses_what_erlang_b_says() -> None:
    design = Design("calls", [Clients("users", rate=RATE, calls=(Call("app"),)),
                              Service("app", takes=0.03, workers=4, queue=0)])  # fmt: skip
    result = run(design, for_s=2_000.0, seed=2, network=without_distance(design))
    assert result.trace.count("refused") / len(result.trace) == pytest.approx(erlang_b(3.0, 4), rel=0.02)


POLICIES = ["round robin", "random", "least connections", "power of two", "peak ewma", "uri hash", "ring", "maglev"]


def offered(n: int = 1_500, seed: int = 5) -> Workload:
    return workload(n, arrivals=Poisson(240.0), work=Exponential(0.01), seed=seed)


@pytest.mark.parametrize("policy", [*POLICIES, "weighted round robin"])
def test_a_balancer_and_its_servers_are_that_rooms_model(policy: str) -> None:
    names = ["app/1", "app/2", "app/3"]
    room = balancing.simulate(policy, offered(), backends=names, queue=3).frame
    design = Design("fleet", [Clients("users", calls=(Call("lb"),)), Balancer("lb", calls=(Call("app"),)),
                              Service("app", takes=0.01, copies=3, queue=3, policy=policy)])  # fmt: skip
    ours = run(design, workload=offered(), network=without_distance(design), engine="model").trace.frame
    assert list(ours["outcome"]) == list(room["outcome"])
    assert 0 < (ours["outcome"] == "refused").sum() < 1_000
    served = (ours["outcome"] == "ok").to_numpy()
    for column in ("started_s", "finished_s"):
        assert np.array_equal(ours[column][served], room[column][served])
    assert list(ours["server"][served]) == list(room["server"][served])


def test_workers_of_one_server_are_that_rooms_model() -> None:
    room = balancing.simulate("random", offered(), backends=["app"], workers=3).frame
    design = Design("server", [Clients("users", calls=(Call("app"),)), Service("app", takes=0.01, workers=3)])
    ours = run(design, workload=offered(), network=without_distance(design)).trace.frame
    assert np.array_equal(ours["finished_s"], room["finished_s"])
    assert np.array_equal(ours["started_s"], room["started_s"])
