"""Four words for load, and the law that ties them: counted on both sides."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.availability import little
from minisys.testbed import queueing
from minisys.testbed.simulation import Server, simulate
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Exponential, Poisson, workload


def trace_of(*stays: tuple[float, float]) -> Trace:
    """A trace of requests that came and went at these moments."""
    sent, gone = np.array(stays).T
    n = len(stays)
    return Trace.from_columns(sent, sent, gone, np.zeros(n, int), ["a"], np.zeros(n, int), np.ones(n), np.zeros(n, int))


@pytest.mark.parametrize(
    ("stays", "inside"),
    [
        ([(0, 10)], 1.0),
        ([(0, 4), (1, 5)], 8 / 5),
        ([(0, 1), (9, 10)], 0.2),
        ([(0, 10), (0, 10), (4, 6)], 2.2),
    ],
)
def test_requests_inside_are_counted_over_time(stays, inside):
    assert little.mean_inside(trace_of(*stays)) == pytest.approx(inside)


def test_little_holds_in_the_table():
    offered = workload(500, arrivals=Poisson(50.0), work=Exponential(0.015), seed=1)
    trace = simulate(offered, lambda env, rng: Server(env, "a"))
    row = little.littles_law({"run": trace}).frame.iloc[0]
    assert row["inside, counted"] == row["rate x latency"]


def test_a_request_that_never_finished_is_not_guessed():
    trace = trace_of((0, 1), (0, np.nan))
    frame = trace.frame.assign(outcome=["ok", OUTCOMES[-1]])
    with pytest.raises(ValueError, match="1 requests never finished"):
        little.mean_inside(Trace(frame))


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_the_busy_server_is_as_busy_as_asked_and_as_slow_as_erlang_says(load):
    runs = [little.busy_server(load, 20_000, seed) for seed in range(10)]
    exact = queueing.mmc(load * little.WORKERS / little.SERVICE_S, little.SERVICE_S, little.WORKERS)
    assert np.mean([run.latency_s.mean() for run in runs]) == pytest.approx(exact.response_s, rel=0.04)
    assert np.mean([little.mean_inside(run) for run in runs]) == pytest.approx(exact.in_system, rel=0.05)


def test_the_table_shows_latency_growing_while_throughput_does_not_double():
    frame = little.four_words().frame
    throughput, p99 = (frame[name].astype(float) for name in ("throughput (per second)", "p99 (ms)"))
    assert throughput.iloc[-1] < 2 * throughput.iloc[0] and p99.iloc[-1] > 4 * p99.iloc[0]
