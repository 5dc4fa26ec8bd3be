"""The shapes and the workers as processes: the model's trace on the virtual clock, and what users saw on the real."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from minisys.scaling import live, model
from minisys.scaling.theory import ONE_QUEUE, SHAPES
from minisys.testbed import nodes
from minisys.testbed.nodes import NodeFailed
from minisys.testbed.workload import Exponential, Poisson, workload

MODULE = "minisys.scaling.contention"


def workers_alive() -> list[psutil.Process]:
    """The processes of the contention experiment that still run."""
    return [
        process for process in psutil.Process().children(recursive=True)
        if MODULE in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE
    ]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_live_equals_the_model_on_the_virtual_clock(shape):
    offered = workload(300, arrivals=Poisson(60.0), work=Exponential(0.05), seed=4)
    found, expected = live.run(shape, offered, 4).frame, model.simulate(shape, offered, 4).frame
    for column in ("started_s", "finished_s"):
        np.testing.assert_allclose(found[column], expected[column], atol=1e-6, rtol=0)
    assert found["server"].astype(str).tolist() == expected["server"].astype(str).tolist()


@pytest.mark.live
def test_nobody_is_turned_away_on_the_real_clock():
    offered = workload(120, arrivals=Poisson(100.0), work=Exponential(0.02), seed=5)
    trace = live.run(ONE_QUEUE, offered, 3, clock="real")  # the other two differ by an option of the same backend
    assert trace.count("ok") == len(offered)


@pytest.mark.live
@pytest.mark.parametrize("together", [True, False], ids=["in rounds", "each on its own"])
def test_with_lock_and_coherency_no_update_is_lost(together):
    seen = live.contend(5, for_s=0.4, own_s=0.002, together=together)
    assert seen["lost"] == 0 and seen["differ"] == 0 and seen["operations"] >= 5
    assert seen["throughput"] == pytest.approx(seen["operations"] / seen["took_s"])
    assert seen["told_s"] > 0 and not workers_alive()


@pytest.mark.live
def test_without_the_lock_updates_are_lost_and_without_coherency_each_counts_alone():
    no_lock = live.contend(4, for_s=0.3, own_s=0.002, lock=False)
    assert no_lock["lost"] > 0 and no_lock["waited_s"] == pytest.approx(0, abs=1e-4)
    alone = live.contend(4, for_s=0.3, own_s=0.002, coherency=False)
    assert alone["lost"] == 0.75 * alone["operations"]  # in rounds each does, and knows of, a quarter
    assert alone["told_s"] == pytest.approx(0, abs=1e-4)


@pytest.mark.live
def test_computing_workers_lose_nothing_either():
    seen = live.contend(3, kind="computing", for_s=0.3, own_s=0.002, cores=1)
    assert seen["lost"] == 0 and seen["differ"] == 0 and seen["operations"] % 3 == 0


@pytest.mark.live
def test_killing_the_experiment_ends_every_worker():
    def started(node):
        return len(psutil.Process(node.pid).children()) == 4

    node = nodes.start(MODULE, "--workers", "4", "--for-s", "60", ready=started)
    assert len(workers_alive()) == 5
    node.kill()
    deadline = time.monotonic() + 10
    while workers_alive():
        assert time.monotonic() < deadline, workers_alive()
        time.sleep(0.02)


@pytest.mark.live
def test_a_worker_that_dies_ends_the_experiment_instead_of_hanging_it(tmp_path):
    command = [sys.executable, "-m", MODULE, "--workers", "3", "--for-s", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        while len(children := psutil.Process(parent.pid).children()) < 3:
            time.sleep(0.02)
        time.sleep(0.3)
        children[1].kill()
        _, said = parent.communicate(timeout=30)
    assert parent.returncode != 0 and "ended early" in said
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"workers": 0}, "need 1 to 32 workers"),
        ({"workers": 99}, "need 1 to 32 workers"),
        ({"workers": 2, "own_s": -1.0}, "times of 0 or more"),
        ({"workers": 2, "for_s": 0.0}, "for-s above 0"),
        ({"workers": 2, "kind": "sleeping"}, "invalid choice: 'sleeping'"),
    ],
)
def test_a_bad_argument_comes_back_with_its_value(how, says):
    with pytest.raises(NodeFailed, match=says):
        live.contend(**how)


def test_an_unknown_shape_or_clock_is_refused_before_anything_starts():
    offered = workload(3, arrivals=Poisson(1.0), work=Exponential(0.01), seed=1)
    with pytest.raises(ValueError, match="'a heap'"):
        live.run("a heap", offered, 2, clock="real")
    with pytest.raises(ValueError, match="clock must be"):
        live.run(SHAPES[0], offered, 2, clock="wall")
