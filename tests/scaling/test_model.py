"""The three shapes and the workers at a lock in virtual time: equal to the balancer's model, and to the formulas.

Each run of a simulation is one observation; the theory must lie inside the 99 % Student-t interval of ten seeds, and
that interval must reach no further than a few percent.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from minisys.load_balancing import model as balancer
from minisys.scaling import model, theory
from minisys.scaling.theory import FAST, ONE_QUEUE, OWN_QUEUES, SHAPES
from minisys.testbed import queueing
from minisys.testbed.laws import Gamma
from minisys.testbed.trace import band
from minisys.testbed.workload import Bimodal, Poisson, stream, workload


def within(runs, statistic, exact, width):
    """Whether *exact* lies in the 99 % interval of *statistic* over *runs*, which reaches at most *width* of it."""
    low, _, high = band(runs, statistic)
    assert (high - low) / 2 < width * exact, (low, high)
    assert low <= exact <= high, (low, exact, high)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_equals_the_balancers_model_request_by_request(shape):
    offered = workload(2000, arrivals=Poisson(30.0), work=Bimodal(0.05, 0.5, 0.1), seed=3)
    how = model.arranged(shape, 4)
    assert_frame_equal(
        model.simulate(shape, offered, 4).frame, balancer.simulate("random", offered, **how).frame, check_exact=True
    )


def test_one_machine_is_the_same_in_every_shape():
    offered = model.requests(0.8, 1, 3000, seed=5, cv=2.0)
    frames = [model.simulate(shape, offered, 1).check().frame for shape in SHAPES]
    for frame in frames[1:]:
        assert_frame_equal(frames[0], frame, check_exact=True)


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("shape", SHAPES)
def test_mean_and_tail_are_those_of_the_formula(shape, load):
    runs = [
        model.settled(model.simulate(shape, model.requests(load, 6, 150_000, seed), 6), 0.1) for seed in range(10)
    ]  # fmt: skip
    exact = theory.response(shape, load * 6, 1.0, 6).response_s
    within(runs, lambda run: float(run.latency_s.mean()), exact, 0.03)
    within(runs, lambda run: run.percentile(99), theory.percentile(shape, load * 6, 1.0, 6, 99), 0.06)


@pytest.mark.parametrize("cv", [0.0, 0.5, 2.0])
def test_uneven_work_waits_as_pollaczek_khinchine_and_kingman_say(cv):
    runs = [
        model.settled(model.simulate(FAST, model.requests(0.7, 1, 150_000, seed, cv=cv), 1), 0.1) for seed in range(10)
    ]  # fmt: skip
    within(runs, lambda run: float(run.latency_s.mean()), 1 + theory.kingman(0.7, 1.0, cv), 0.05)


@pytest.mark.parametrize(("cv", "arrival_cv", "servers"), [(0.5, 0.5, 1), (2.0, 0.5, 1), (0.5, 2.0, 1), (2.0, 1.0, 8)])
def test_kingman_and_allen_cunneen_are_good_approximations_in_heavy_traffic(cv, arrival_cv, servers):
    waits = []
    for seed in range(5):
        gaps = Gamma(1.0, arrival_cv).sample(200_000, stream(seed, "gaps"))
        offered = replace(model.requests(0.9, servers, 200_000, seed, cv=cv), arrival_s=np.cumsum(gaps) / 0.9 / servers)
        run = model.settled(model.simulate(ONE_QUEUE, offered, servers), 0.1).frame
        waits.append(float((run["started_s"] - run["sent_s"]).mean()))
    expected = theory.allen_cunneen(0.9 * servers, 1.0, servers, cv, arrival_cv)
    assert np.mean(waits) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_simulated_knee_is_that_of_the_formula(shape):
    rates = model.knee(shape, 0.05, 8, 0.6, n=120_000)["rate_per_s"].tolist()
    exact = theory.knee(shape, 0.05, 8, 0.6)
    low, mean, high = band(rates, float)
    assert low <= exact <= high and high - low < 0.15 * mean


def test_even_work_moves_the_knee_up_and_an_objective_out_of_reach_has_none():
    even = model.knee(ONE_QUEUE, 0.05, 4, 0.2, cv=0.0, seeds=[1])["rate_per_s"][0]
    uneven = model.knee(ONE_QUEUE, 0.05, 4, 0.2, cv=1.0, seeds=[1])["rate_per_s"][0]
    assert even > 60 and uneven == 0.0  # 99 % of exponential work takes up to 0.23 s, without any queue


def test_a_short_run_begins_with_a_full_house_and_then_has_the_rate():
    run = model.short_run(280.0, 0.025, 8, seed=1, for_s=3.0)
    crowd = int((run.arrival_s == 0.0).sum())
    assert crowd == round(queueing.mmc(280.0, 0.025, 8).in_system) and len(run) == crowd + 840
    assert run.arrival_s[-1] == pytest.approx(3.0, rel=0.15)
    assert len(model.after_the_crowd(model.simulate(ONE_QUEUE, run, 8))) == 840


def test_short_runs_from_a_full_house_are_as_busy_as_the_long_run():
    runs = [
        model.after_the_crowd(model.simulate(ONE_QUEUE, model.short_run(288.0, 0.025, 8, seed, 3.0), 8))
        for seed in range(60)
    ]
    mean = np.mean([run.latency_s.mean() for run in runs])
    assert mean == pytest.approx(queueing.mmc(288.0, 0.025, 8).response_s, rel=0.15)
    empty = model.short_run(
        2000.0, 0.025, 8, seed=1, for_s=0.5
    )  # far beyond the capacity there is a start all the same
    assert len(empty) > 1000


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.floats(0.001, 0.02), st.floats(0.0, 0.005), st.floats(0.0, 0.002))
def test_workers_in_rounds_follow_the_law_from_their_parts_exactly(workers, own_s, locked_s, tell_s):
    found = model.contend(workers, own_s=own_s, locked_s=locked_s, tell_s=tell_s, for_s=1.0)
    round_s = own_s + workers * (locked_s + (workers - 1) * tell_s)
    if round_s < 0.5:
        whole = int(1.0 / round_s) * round_s  # the last round is cut off; so may be a worker's share of it
        law = theory.usl(workers, *theory.usl_of_parts(own_s, locked_s, tell_s))
        assert found == pytest.approx(law, rel=1.0 / (whole / round_s) + 1e-9)


def test_in_the_long_run_rounds_are_the_law_to_four_digits():
    parts = {"own_s": 0.006, "locked_s": 0.0006, "tell_s": 0.0002}
    for n in (1, 2, 5, 12):
        law = theory.usl(n, *theory.usl_of_parts(*parts.values()))
        assert model.contend(n, **parts, for_s=100.0) == pytest.approx(law, rel=2e-3)


def test_who_comes_apart_does_better_and_without_a_lock_nobody_waits():
    parts = {"own_s": 0.006, "locked_s": 0.001, "spread": 0.2}
    rounds, apart = (model.contend(6, **parts, together=together) for together in (True, False))
    free = model.contend(6, **parts, lock=False, together=False)
    assert rounds < 0.8 * apart and apart < free == pytest.approx(6 / 0.007, rel=0.01)


def test_one_seed_one_answer_in_another_process_with_another_hash_seed():
    code = (
        "from minisys.scaling import model\n"
        "run = model.simulate('a queue each', model.requests(0.8, 4, 2000, 7, cv=1.5), 4)\n"
        "n = model.contend(5, own_s=0.01, locked_s=0.001, tell_s=0.0001, spread=0.5, seed=3)\n"
        "print(run.latency_s.sum().hex(), n.hex())"
    )
    begun = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                         env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"})
        for seed in ("1", "2")
    ]  # fmt: skip
    said = {process.communicate(timeout=60)[0] for process in begun}
    assert len(said) == 1 and all(process.returncode == 0 for process in begun)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: model.arranged("a heap", 2), "'a heap'"),
        (lambda: model.arranged(OWN_QUEUES, 0), "got 0"),
        (lambda: model.requests(0.5, 2, 0, seed=1), "at least 1 request, got 0"),
        (lambda: model.contend(0, own_s=1, locked_s=1), "got 0"),
        (lambda: model.contend(2, own_s=1, locked_s=1, spread=2), "2, 2"),
        (lambda: model.contend(2, own_s=0, locked_s=0), "and work"),
        (lambda: theory.usl_of_parts(0.0, 0.0, 0.1), "something to do"),
        (lambda: theory.usl_of_parts(1.0, -1.0, 0.1), "-1.0"),
    ],
)  # fmt: skip
def test_a_bad_argument_is_refused_with_the_value(make, says):
    with pytest.raises(ValueError, match=says):
        make()
