"""The compiled kernel: equal to model request by request, and to itself without Numba; safe with your own policy."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from minisys.load_balancing import fast, model
from minisys.load_balancing.policies import NAMES, Policy, policy
from minisys.sharding.policies import hash64
from minisys.testbed import queueing
from minisys.testbed.workload import Constant, Deterministic, Exponential, Poisson, Workload, Zipf, workload

RANDOM = {"arrivals": Poisson(36.0), "work": Exponential(0.1)}  # four backends at 0.9
TIES = {"arrivals": Constant(8.0), "work": Deterministic(0.375)}  # eighths of a second: departures meet arrivals


def requests(n: int = 3000, seed: int = 1, **laws) -> Workload:
    return workload(n, keys=Zipf(200, 1.0), seed=seed, **(laws or RANDOM))


def plain(monkeypatch) -> None:
    """As if Numba were not installed."""
    monkeypatch.setattr(fast, "_compile", lambda choose: None)


def assert_same(one, other) -> None:
    """Equal to the last bit, column by column."""
    assert_frame_equal(one.frame, other.frame, check_exact=True)


@pytest.mark.parametrize("laws", [RANDOM, TIES], ids=["random", "simultaneous"])
@pytest.mark.parametrize("name", NAMES)
def test_fast_equals_model_request_by_request(name, laws):
    shape = {"backends": 4, "speed": [1.0, 1.0, 2.0, 0.5], "weights": [1, 2, 3, 1]}
    assert_same(fast.simulate(name, requests(**laws), **shape), model.simulate(name, requests(**laws), **shape))


@pytest.mark.parametrize("laws", [RANDOM, TIES], ids=["random", "simultaneous"])
@pytest.mark.parametrize("name", ["round robin", "least connections", "peak ewma", "ring"])
def test_fast_equals_model_with_several_workers_and_a_finite_queue(name, laws):
    shape = {"backends": 2, "workers": 2, "queue": 3}
    one = fast.simulate(name, requests(**laws), **shape)
    assert_same(one, model.simulate(name, requests(**laws), **shape))
    assert one.count("ok") + one.count("refused") == len(one)
    if laws is RANDOM:
        assert one.count("refused") > 0


@pytest.mark.parametrize("laws", [RANDOM, TIES], ids=["random", "simultaneous"])
@pytest.mark.parametrize("name", NAMES)
def test_without_numba_the_same_kernel_gives_the_same_trace(name, laws, monkeypatch):
    shape = {"backends": 4, "workers": 2, "queue": 5, "weights": [1, 2, 3, 1]}
    compiled = fast.simulate(name, requests(**laws), **shape)
    plain(monkeypatch)
    assert_same(compiled, fast.simulate(name, requests(**laws), **shape))


def test_it_works_where_numba_cannot_be_imported():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from minisys.load_balancing import fast\n"
        "from minisys.testbed.workload import Exponential, Poisson, workload\n"
        "fast.warm_up().join()\n"
        "run = fast.simulate('ring', workload(500, arrivals=Poisson(20.0), work=Exponential(0.1), seed=1))\n"
        "print(run.latency_s.sum().hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = fast.simulate("ring", workload(500, arrivals=Poisson(20.0), work=Exponential(0.1), seed=1))
    assert done.stdout.strip() == here.latency_s.sum().hex()


def test_the_first_requests_can_be_checked_by_hand():
    columns = {name: np.array(values, dtype=float) for name, values in {
        "arrival_s": [0.0, 1.0, 1.0, 2.0, 3.0], "work_s": [2.0, 4.0, 1.0, 1.0, 1.0], "luck": [0.0] * 5,
    }.items()}  # fmt: skip
    given = Workload(**columns, key=np.zeros(5, dtype=np.int64), size=np.zeros(5, dtype=np.int64))
    frame = fast.simulate("least connections", given, backends=2).frame
    # request 2 finds one in flight on each: first of the two, behind request 0; request 3 comes just after 0 left
    assert frame.started_s.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert frame.finished_s.tolist() == [2.0, 5.0, 3.0, 4.0, 5.0]
    assert frame.server.tolist() == ["a", "b", "a", "a", "a"]


def test_a_departure_at_the_same_moment_comes_before_the_arrival():
    run = fast.simulate(
        "round robin", requests(50, arrivals=Constant(1.0), work=Deterministic(1.0)), backends=1, queue=0
    )
    assert run.count("refused") == 0 and run.latency_s.tolist() == pytest.approx([1.0] * 50)


def test_a_faster_backend_does_the_work_in_less_time():
    run = fast.simulate(
        "round robin", requests(100, arrivals=Constant(1.0), work=Deterministic(0.5)), backends=2, speed=[1, 4]
    )
    served = (run.frame.finished_s - run.frame.started_s).groupby(run.frame.server, observed=True).mean()
    assert served.to_dict() == pytest.approx({"a": 0.5, "b": 0.125})


def test_the_same_key_goes_to_the_same_backend_and_the_hash_is_that_of_its_uri():
    run = fast.simulate("uri hash", requests(), backends=4).frame
    for key, server in run.groupby("key").server.agg(set).items():
        assert server == {"abcd"[hash64(f"/item/{key}") % 4]}


def test_weights_are_respected():
    run = fast.simulate("weighted round robin", requests(700), backends=3, weights=[5, 1, 1], workers=50)
    assert Counter(run.frame.server) == {"a": 500, "b": 100, "c": 100}


def test_a_policy_written_by_the_reader_is_compiled_too():
    def last(pool, key, luck, now):
        return pool.eligible[len(pool.eligible) - 1]

    assert set(fast.simulate(Policy("last", last), requests(100)).frame.server) == {"c"}
    assert fast._compile(last) is not None


def test_a_policy_that_numba_cannot_compile_runs_all_the_same():
    seen = []

    def collects(pool, key, luck, now):
        seen.append({"key": key})
        return sorted(pool.eligible, key=lambda i: pool.in_flight[i])[0]

    run = fast.simulate(Policy("collects", collects), requests(100))
    assert len(seen) == len(run) == 100 and fast._compile(collects) is None


@pytest.mark.parametrize("index", [3, -1, 10**9])
def test_a_policy_that_chooses_a_backend_that_is_not_there_gets_an_error_not_a_crash(index):
    with pytest.raises(ValueError, match="not there"):
        fast.simulate(Policy("wild", lambda pool, key, luck, now: index), requests(10))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"backends": 0}, "at least one"),
        ({"workers": 0}, "workers=0"),
        ({"queue": -1}, "queue=-1"),
        ({"weights": [1, -1, 1]}, "-1"),
        ({"speed": [1.0, 1.0]}, "3 numbers"),
        ({"speed": [1.0, 1.0, 0.0]}, "above 0"),
    ],
)
def test_bad_arguments_are_refused_with_the_value(bad, says):
    with pytest.raises(ValueError, match=says):
        fast.simulate("random", requests(10), **bad)


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="did you mean 'maglev'"):
        fast.simulate("magleff", requests(10))


def test_no_request_gives_an_empty_trace():
    assert len(fast.simulate("random", requests(10)[:0])) == 0


def test_one_exponential_server_agrees_with_the_formula():
    run = fast.simulate("random", workload(200_000, arrivals=Poisson(0.5), work=Exponential(1.0), seed=0), backends=1)
    assert run.latency_s[20_000:].mean() == pytest.approx(queueing.mm1(0.5, 1.0).response_s, rel=0.03)


def test_warm_up_compiles_in_the_background():
    thread = fast.warm_up(["random", "power of two"])
    thread.join()
    assert fast._compile(policy("power of two").choose) is fast._compile(policy("power of d", d=2).choose) is not None
