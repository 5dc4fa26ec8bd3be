"""SimPy's world: conservation, Little's law, ties, failure and repair."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import simpy

from minisys.testbed.simulation import OK, Server, refuse, simulate
from minisys.testbed.trace import Trace
from minisys.testbed.workload import Constant, Deterministic, Exponential, Lognormal, Poisson, Workload, workload


def requests(n: int = 2000, rate: float = 40.0, mean: float = 0.02, seed: int = 1) -> Workload:
    return workload(n, arrivals=Poisson(rate), work=Exponential(mean), seed=seed)


def listed(*rows: tuple[float, float]) -> Workload:
    """Requests with these arrivals and work."""
    arrival, work = zip(*rows, strict=True)
    n = len(rows)
    return Workload(*map(np.array, (arrival, work, [0] * n, [1] * n, [0.5] * n)))


def run(offered: Workload, plan=(), until=None, progress=False, **shape) -> Trace:
    """One server; *plan* is (second, method, arguments)."""

    def build(env: simpy.Environment, rng: np.random.Generator) -> Server:
        server = Server(env, "a", **shape)
        for at, do, *arguments in plan:
            event = env.timeout(at)
            event.callbacks.append(lambda _, do=do, arguments=arguments: getattr(server, do)(*arguments))
        return server

    return simulate(offered, build, until=until, progress=progress)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("workers", "queue"), [(1, None), (3, None), (2, 4), (1, 0)])
def test_every_request_is_answered_once_and_littles_law_holds(workers, queue, seed):
    trace = run(requests(rate=60.0 * workers, seed=seed), workers=workers, queue=queue).check()
    assert len(trace) == 2000 == trace.count("ok") + trace.count("refused")
    times = np.sort(np.r_[trace.frame["sent_s"], trace.frame["finished_s"]])
    inside = np.searchsorted(trace.frame["sent_s"], times[:-1], side="right") - np.searchsorted(
        np.sort(trace.frame["finished_s"]), times[:-1], side="right"
    )
    stayed = (trace.frame["finished_s"] - trace.frame["sent_s"]).sum()
    assert (inside * np.diff(times)).sum() == pytest.approx(stayed)


def test_by_hand_first_come_first_served():
    trace = run(listed((0.0, 1.0), (0.1, 0.5), (0.2, 0.3)))
    assert trace.frame["started_s"].tolist() == [0.0, 1.0, 1.5]
    assert trace.frame["finished_s"].tolist() == pytest.approx([1.0, 1.5, 1.8])


def test_a_full_line_refuses_at_once():
    trace = run(listed((0.0, 1.0), (0.1, 1.0), (0.2, 1.0), (1.5, 1.0)), queue=1)
    assert trace.frame["outcome"].tolist() == ["ok", "ok", "refused", "ok"]
    assert trace.frame["finished_s"][2] == 0.2


def test_a_departure_comes_before_the_arrival_of_the_same_moment():
    trace = run(workload(50, arrivals=Constant(8.0), work=Deterministic(0.125), seed=0), queue=0)
    assert trace.count("ok") == 50


def test_a_dead_server_loses_what_it_holds_and_refuses_nobody_politely():
    trace = run(listed((0.0, 1.0), (0.1, 1.0), (0.6, 1.0), (2.0, 1.0)), plan=[(0.5, "kill"), (1.0, "restart")])
    assert trace.frame["outcome"].tolist() == ["failed", "failed", "failed", "ok"]
    assert trace.frame["finished_s"].tolist() == [0.5, 0.5, 0.6, 3.0]


def test_slow_counts_for_the_work_that_begins_later():
    trace = run(listed((0.0, 1.0), (2.0, 1.0), (9.0, 1.0)), plan=[(0.5, "slow", 3.0), (8.0, "slow", 1.0)])
    assert (trace.frame["finished_s"] - trace.frame["started_s"]).tolist() == pytest.approx([1.0, 3.0, 1.0])


def test_speed_and_warm_up():
    trace = run(listed((0.0, 1.0), (5.0, 1.0)), speed=2.0, warm_up_s=1.0)
    assert (trace.frame["finished_s"] - trace.frame["started_s"]).tolist() == pytest.approx([1.0, 0.5])


def test_what_is_inside_at_the_end_is_unfinished():
    trace = run(listed((0.0, 1.0), (0.5, 5.0), (9.0, 1.0)), until=2.0)
    assert trace.frame["outcome"].tolist() == ["ok", "unfinished"]


def test_the_progress_bar_changes_nothing(monkeypatch):
    import rich.console

    monkeypatch.setattr(rich.console.Console, "file", io.StringIO(), raising=False)
    offered = requests(500)
    assert run(offered, progress=True).frame.equals(run(offered).frame)


def test_poisson_arrivals_and_any_service_agree_with_pollaczek_and_khinchine():
    law, rho = Lognormal(1.0, cv=1.5), 0.6
    means = [
        float(run(workload(20_000, arrivals=Poisson(rho), work=law, seed=seed)).latency_s.mean()) for seed in range(10)
    ]
    exact = 1 + rho * (1 + 1.5**2) / (2 * (1 - rho))
    half = 3.25 * np.std(means, ddof=1) / math.sqrt(len(means))
    assert abs(np.mean(means) - exact) < half and half < 0.15 * exact


class Forgetful:
    """A component that loses every request."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env

    def serve(self, request):
        return simpy.Event(self.env)


def test_a_component_that_loses_requests_is_found_out():
    with pytest.raises(RuntimeError, match="3 of 3 requests never came back"):
        simulate(requests(3), lambda env, rng: Forgetful(env))


def test_an_outcome_that_nobody_knows_is_refused():
    class Odd(Forgetful):
        def serve(self, request):
            return refuse(simpy.Event(self.env), "maybe")

    with pytest.raises(ValueError, match="'maybe'; known outcomes: ok"):
        simulate(requests(3), lambda env, rng: Odd(env))


def test_the_seed_of_the_system_is_the_components_own_stream():
    drawn = []

    class Random(Forgetful):
        def serve(self, request):
            return refuse(simpy.Event(self.env), OK)

    for seed in (1, 1, 2):
        simulate(requests(3), lambda env, rng: drawn.append(rng.random()) or Server(env, "a"), seed=seed)
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("shape", "told"),
    [({"workers": 0}, "workers"), ({"queue": -1}, "queue"), ({"speed": 0}, "speed"), ({"warm_up_s": -1}, "warm_up_s")],
)
def test_a_bad_shape_is_refused(shape, told):
    with pytest.raises(ValueError, match=told):
        run(requests(1), **shape)


def test_a_bad_end_is_refused():
    with pytest.raises(ValueError, match="until must be above 0 seconds, or None, got 0"):
        run(requests(1), until=0)
