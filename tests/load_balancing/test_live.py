"""The live balancer against the model, request by request; then, on the real clock, what users saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minisys.load_balancing import live, model
from minisys.load_balancing.plan import HealthCheck, Step
from minisys.load_balancing.policies import NAMES, Policy, Pool, least_connections
from minisys.testbed.load import load
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Constant, Deterministic, Exponential, Poisson, Workload, Zipf, workload


def some(n: int = 300, rate: float = 40.0, work: float = 0.06, seed: int = 2) -> Workload:
    return workload(n, arrivals=Poisson(rate), work=Exponential(work), keys=Zipf(100), seed=seed)


def assert_same(a: Trace, b: Trace) -> None:
    """The same backend, start, finish, outcome and number of attempts for every request."""
    for column in ("server", "outcome"):
        assert (a.frame[column].astype(str) == b.frame[column].astype(str)).all(), column
    for column in ("started_s", "finished_s", "attempts"):
        np.testing.assert_allclose(a.frame[column], b.frame[column], rtol=0, atol=1e-6, err_msg=column)


@pytest.mark.parametrize("policy", NAMES)
@pytest.mark.parametrize("seed", [2, 3])
def test_live_equals_the_model_for_every_policy(policy: str, seed: int) -> None:
    requests = some(seed=seed)
    assert_same(live.run(policy, requests), model.simulate(policy, requests))


@pytest.mark.parametrize("policy", ["round robin", "least connections", "ring"])
def test_live_equals_the_model_with_unequal_backends_and_short_queues(policy: str) -> None:
    shape = {"backends": 4, "workers": 2, "queue": 1, "weights": [1, 2, 3, 4], "speed": [1.0, 0.5, 2.0, 1.0]}
    requests = some(rate=150)
    trace = live.run(policy, requests, **shape)  # type: ignore[arg-type]
    assert trace.count("refused") > 0
    assert_same(trace, model.simulate(policy, requests, **shape))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "plan",
    [
        (Step(1.0, "add", "d"), Step(2.0, "drain", "a"), Step(3.0, "remove", "a")),
        (Step(0.5, "slow", "c", 5.0), Step(3.0, "slow", "c", 1.0), Step(4.0, "weight", "a", 3.0)),
        (Step(1.0, "drain", "b"), Step(2.0, "add", "b", 2.0)),
        (Step(1.0, "drain", "b"), Step(1.3, "stop", "b"), Step(2.0, "restart", "b"), Step(2.1, "add", "b")),
    ],
)
def test_live_equals_the_model_while_backends_come_and_go(plan: tuple[Step, ...]) -> None:
    requests = some()
    for policy in ("weighted round robin", "least connections", "maglev"):
        assert_same(live.run(policy, requests, plan=plan), model.simulate(policy, requests, plan=plan))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_users_see_the_same_failures_live_as_in_the_model_when_a_backend_dies(method: str) -> None:
    requests = workload(800, arrivals=Poisson(200.0), work=Deterministic(0.05), seed=4)
    plan = (Step(1.05, "kill", "b"), Step(2.53, "restart", "b"))  # not at the moment of a health check
    found, expected = (
        run("least connections", requests, workers=16, plan=plan, method=method) for run in (live.run, model.simulate)
    )
    for outcome in ("ok", "failed"):
        assert found.count(outcome) == expected.count(outcome)
    assert (found.frame["attempts"] > 1).sum() == (expected.frame["attempts"] > 1).sum() > 0
    np.testing.assert_allclose(found.frame["finished_s"], expected.frame["finished_s"], atol=1e-6, rtol=0)
    assert (found.count("failed") == 0) == (method == "GET")


def test_a_backend_that_is_told_to_stop_finishes_what_it_has_live_as_in_the_model() -> None:
    requests = workload(800, arrivals=Poisson(200.0), work=Deterministic(0.05), seed=4)
    plan = (Step(1.05, "stop", "b"), Step(2.53, "restart", "b"))
    found, expected = (
        run("round robin", requests, workers=16, plan=plan, method="POST") for run in (live.run, model.simulate)
    )
    assert_same(found, expected)
    assert found.count("ok") == 800 and (found.frame["attempts"] > 1).any()


def test_a_policy_of_the_readers_own_serves_both_worlds() -> None:
    def shortest_of_first_two(pool: Pool, key: int, luck: float, now: float) -> int:
        return min(pool.eligible[:2], key=lambda i: pool.in_flight[i])

    mine = Policy("mine", shortest_of_first_two)
    assert_same(live.run(mine, some()), model.simulate(mine, some()))


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"policy": "best"}, "unknown policy"),
        ({"backends": 0}, "at least one backend"),
        ({"weights": [1, -1, 1]}, "weights must be"),
        ({"backends": ["a", "a"]}, "twice"),
        ({"clock": "wall"}, 'clock must be "virtual" or "real"'),
        ({"plan": (Step(1, "kill", "z"),)}, "there is no backend 'z'"),
    ],
)
def test_a_bad_argument_is_refused_before_anything_starts(bad: dict[str, object], complaint: str) -> None:
    arguments: dict[str, object] = {"policy": "random", "workload": some(5)} | bad
    with pytest.raises(ValueError, match=complaint):
        live.run(**arguments)  # type: ignore[arg-type]


@pytest.mark.live
def test_killing_one_of_three_backends_costs_nobody_a_get() -> None:
    requests = workload(600, arrivals=Poisson(200.0), work=Deterministic(0.05), seed=5)
    plan = (Step(1.0, "kill", "b"),)
    trace = live.run("least connections", requests, workers=16, plan=plan, clock="real")
    assert len(trace) == trace.count("ok") == 600
    assert set(trace.frame["server"][-100:]) == {"a", "c"}


@pytest.mark.live
def test_adding_draining_and_removing_costs_nobody_a_request() -> None:
    requests = workload(600, arrivals=Poisson(200.0), work=Deterministic(0.05), seed=6)
    plan = (Step(0.5, "add", "d"), Step(1.2, "drain", "a"), Step(1.8, "remove", "a"))
    trace = live.run("round robin", requests, workers=16, plan=plan, clock="real", method="POST")
    assert len(trace) == trace.count("ok") == 600, trace.frame[trace.frame["outcome"] != "ok"].to_string()
    assert set(trace.frame["server"][-60:]) == {"b", "c", "d"}


@pytest.mark.live
def test_a_running_shop_can_be_broken_and_mended_by_hand() -> None:
    with live.cluster("power of two", health=HealthCheck(0.05, 0.05)) as shop:
        assert [row["state"] for row in shop.backends()] == ["up"] * 3
        shop.kill("a")
        wait_for(shop, "a", "down")
        shop.restart("a")
        wait_for(shop, "a", "up")
        shop.backend("b").pause()
        wait_for(shop, "b", "down")
        shop.backend("b").resume()
        wait_for(shop, "b", "up")
        with pytest.raises(ValueError, match="no backend 'z'"):
            shop.kill("z")


@pytest.mark.live
def test_a_policy_of_the_readers_own_runs_on_the_real_clock_too() -> None:
    def first(pool: Pool, key: int, luck: float, now: float) -> int:
        return pool.eligible[0]

    requests = workload(60, arrivals=Poisson(60.0), work=Deterministic(0.01), seed=7)
    trace = live.run(Policy("first", first), requests, clock="real")
    assert trace.count("ok") == 60 and set(trace.frame["server"]) == {"a"}


@pytest.mark.live
@pytest.mark.parametrize("policy", ["round robin", Policy("mine", least_connections)], ids=["process", "thread"])
def test_a_sticky_user_stays_on_one_backend(policy: str | Policy) -> None:
    everybody = np.arange(121) % 11  # eleven users, five visits a second each, never two at once
    drawn = workload(121, arrivals=Constant(60.0), work=Deterministic(0.005), seed=8)
    requests = replace(drawn, key=everybody)
    with live.cluster(policy, workers=4, sticky=True, health=None) as shop:  # nobody is taken out
        trace = load(shop.url, requests, cookies=True, progress=False)
        loose = load(shop.url, requests, progress=False)
    used, anyhow = (each.frame.groupby("key")["server"].nunique() for each in (trace, loose))
    assert trace.count("ok") == 121 and used.max() == 1 < anyhow.max()
    assert trace.frame["server"].nunique() == 3


def wait_for(shop: live.Cluster, name: str, state: str) -> None:
    """Return when the balancer says that *name* is in *state*; the test's own time limit ends it otherwise."""
    import time

    deadline = time.monotonic() + 20
    while {row["name"]: row["state"] for row in shop.backends()}[name] != state:
        assert time.monotonic() < deadline, f"{name} did not become {state}: {shop.backends()}"
        time.sleep(0.02)
