"""A service as processes: it fails when the calendar says so, tells who is ill, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import psutil
import pytest

from minisys.availability import live, outages
from minisys.availability.graph import Service, any_of
from minisys.testbed.nodes import NodeFailed, ask
from minisys.testbed.workload import Deterministic, Poisson, workload


def checkout() -> Service:
    return Service().add("checkout", needs=["cart", any_of("pay 1", "pay 2")]).add("cart").add("pay 1").add("pay 2")


def test_users_see_the_calendar():
    offered = workload(300, arrivals=Poisson(150.0), work=Deterministic(0.001), seed=1)
    plan = {"cart": np.array([[0.5, 1.0]]), "pay 1": np.array([[0.0, 9.0]])}
    seen, expected = live.run(checkout(), offered, plan), outages.simulate(checkout(), offered, plan)
    at = offered.arrival_s
    sure = (np.abs(at - 0.5) > 0.1) & (np.abs(at - 1.0) > 0.1) & (at > 0.1)  # away from the moments of change
    assert 100 < sure.sum() and expected.count("failed") > 20
    assert (seen.frame["outcome"].astype(str)[sure] == expected.frame["outcome"].astype(str)[sure]).all()
    assert not [p for p in psutil.Process().children(recursive=True) if "minisys.availability" in " ".join(p.cmdline())]


def test_it_says_which_component_has_too_few():
    with live.running(checkout()) as nodes:
        nodes["cart"].kill()
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(nodes["checkout"].url, timeout=5)
        assert answer.value.code == 503 and b"checkout: fewer than 1 of 1 answer" in answer.value.read()
        answer.value.close()


def test_one_of_two_is_enough():
    with live.running(checkout()) as nodes:
        nodes["pay 2"].kill()
        with urllib.request.urlopen(nodes["checkout"].url, timeout=5) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("body", [b"no json", b"[1, 2]", b'[["a", 1]]'])
def test_a_bad_calendar_is_refused_and_the_component_stays_up(body):
    with live.running(Service().add("cart")) as nodes:
        with pytest.raises(NodeFailed, match="down from, up again"):
            ask("POST", f"http://127.0.0.1:{nodes['cart'].admin_port}/outages", body)
        with urllib.request.urlopen(nodes["cart"].url, timeout=5) as answer:
            assert answer.status == 200


def test_needs_that_cannot_be_met_are_refused_by_the_command_line():
    command = [sys.executable, "-m", "minisys.availability", "--needs", "3:http://127.0.0.1:1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "needs 3 of 1 components" in done.stderr
