"""Flash sales with real processes: nobody notices that machines come and go, nor that the controller dies."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest

from minisys.autoscaling import experiments, live, traffic
from minisys.autoscaling.__main__ import rule
from minisys.autoscaling.experiments import Sale
from minisys.autoscaling.live import Shop
from minisys.autoscaling.policies import Seen
from minisys.testbed.nodes import NodeFailed
from minisys.testbed.workload import Workload


class ThreeForASale:
    """A policy of a learner's own, which no other process knows: three machines with the first request, and one again
    when all three have served for half a second.
    """

    def __init__(self) -> None:
        self.wanted, self.full_s = 1, math.inf

    def desired(self, seen: Seen, now: float) -> int:
        if self.full_s == math.inf and seen.rate_per_s > 0:
            self.wanted = 3
        if sum(each.ready for each in seen.instances) == 3:
            self.full_s = min(self.full_s, now)
        if now >= self.full_s + 0.5:
            self.wanted = 1
        return self.wanted


def crowd(per_s: float, hold_s: float, length_s: float) -> Workload:
    """A sale that is there at once, for *hold_s* seconds; 8 requests a second after it."""
    return traffic.requests(traffic.flash_sale(8.0, per_s, 0.1, 0.1, hold_s), 2, length_s, experiments.SERVICE_S)


def check(sale: Sale, least: int, most: int) -> None:
    """What every sale must show: no user saw a failure, the machines came and went."""
    assert len(sale.trace) > 100
    assert sale.failed == 0
    assert least < sale.most <= most
    assert sale.settled
    assert sale.looks[-1].wanted == least


def test_a_sale_under_a_policy_of_your_own_in_which_a_boot_fails() -> None:
    fail = [(0.0, lambda shop: shop.fail_boots(1))]
    options = {"boot_s": 0.4, "maximum": 6, "backoff_s": 0.3}
    sale = experiments.flash_sale(ThreeForASale(), crowd(28.0, 9.0, 4.0), at=fail, progress=False, **options)
    check(sale, 1, 3)
    (line,) = sale.lines
    assert "did not boot" in line and "workers" in line  # the machine's own last line
    assert sale.trace.frame["server"].nunique() > 1
    assert {"time_s", "ready", "wanted", "backlog", "rate_per_s"} <= set(sale.frame().columns)


def test_a_sale_in_which_the_controller_is_killed_twice() -> None:
    pids: list[int] = []

    def twice(shop: Shop) -> None:
        live.wait(lambda: len(shop.machines()) > 2, "machines are ordered", 10.0)
        again(shop)
        live.wait(lambda: shop.looks[-1].wanted < shop.looks[-1].current, "machines are told to go", 10.0)
        again(shop)

    def again(shop: Shop) -> None:
        pids.extend(each.pid for each in shop.machines() if each.pid)
        shop.kill_controller()
        shop.start_controller()

    options = {"first": 2, "minimum": 2, "maximum": 4, "boot_s": 0.4, "down_window_s": 0.5}
    sale = experiments.flash_sale("hpa", crowd(55.0, 2.0, 4.6), at=[(0.05, twice)], progress=False, **options)
    check(sale, 2, 4)
    assert sale.left_early >= 1  # while requests still came
    assert pids and not any(os.path.exists(f"/proc/{pid}") for pid in pids)  # nothing is left running


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"policy": "magic"}, "there are hpa, proportional"),
        ({"policy": "hpa", "goal": 0.5}, "goal"),
        ({"policy": "hpa", "target": 2.0}, "target must be"),
        ({"policy": ThreeForASale(), "target": 0.5}, "its numbers already"),
        ({"first": 9}, "minimum <= first <= maximum"),
        ({"boot_s": -1.0}, "boot_s >= 0"),
    ],
)
def test_bad_arguments_start_nothing(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        live.shop(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("module", ["minisys.autoscaling.__main__", "minisys.autoscaling.machines"])
def test_the_processes_stay_light(module: str) -> None:
    code = f"import {module}, sys; print([name for name in ('numpy', 'pandas') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_mistake_on_the_command_line_is_one_line() -> None:
    words = ["--balancer", "http://127.0.0.1:1", "--cloud", "http://127.0.0.1:1", "--option", "target=7"]
    done = subprocess.run([sys.executable, "-m", "minisys.autoscaling", *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "target must be a utilisation" in done.stderr.splitlines()[-1]


def test_an_unknown_rule_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="target tracking"):
        rule("best")


def test_the_clouds_limits() -> None:
    with live.nodes.start(live.CLOUD, "--boot", "0", "--quota", "1", name="cloud") as cloud:
        live.nodes.ask("POST", f"{cloud.url}/machines")
        for method, path, text in (
            ("POST", "machines", "quota is 1"), ("DELETE", "machines/x", "there is no"), ("POST", "faults", "must be"),
        ):  # fmt: skip
            with pytest.raises(NodeFailed, match=text):
                live.nodes.ask(method, f"{cloud.url}/{path}", b"{}")
        live.nodes.ask("DELETE", f"{cloud.url}/machines/m1")
