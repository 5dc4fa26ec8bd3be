"""Flash sales with real processes: nobody notices that machines come and go, nor that the controller dies."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from minisys.autoscaling import experiments, live
from minisys.autoscaling.__main__ import rule
from minisys.autoscaling.experiments import Sale
from minisys.autoscaling.live import Shop
from minisys.autoscaling.policies import Seen
from minisys.testbed.nodes import NodeFailed


class ThreeForASale:
    """A policy of a learner's own, which no other process knows: three machines for 3.5 s from the first request on."""

    def __init__(self) -> None:
        self.begun_s: float | None = None

    def desired(self, seen: Seen, now: float) -> int:
        if self.begun_s is None and seen.rate_per_s > 0:
            self.begun_s = now
        return 3 if self.begun_s is not None and now < self.begun_s + 3.5 else 1


def check(sale: Sale, most: int) -> None:
    """What every sale must show: no user saw a failure, the machines came and went."""
    assert len(sale.trace) > 100
    assert sale.failed == 0
    assert 2 <= sale.most <= most
    assert sale.settled
    assert sale.looks[-1].wanted == 1


def test_a_sale_under_a_policy_of_your_own() -> None:
    sale = experiments.flash_sale(
        ThreeForASale(), experiments.offered(6.5, peak_per_s=30.0, hold_s=9.0), boot_s=0.4, maximum=6, progress=False
    )
    check(sale, 3)
    assert sale.left_early == 2  # at the height of the sale
    assert sale.lines == []
    assert sale.trace.frame["server"].nunique() > 1
    assert {"time_s", "ready", "wanted", "backlog", "rate_per_s"} <= set(sale.frame().columns)


def test_a_sale_in_which_boots_fail_and_the_controller_is_killed_twice() -> None:
    pids: list[int] = []

    def again(shop: Shop) -> None:
        pids.extend(each.pid for each in shop.machines() if each.pid)
        shop.kill_controller()
        shop.start_controller()

    steps = [(0.0, lambda shop: shop.fail_boots(1)), (2.0, again), (4.2, again)]
    work = experiments.offered(8.5, peak_per_s=40.0, hold_s=2.0, seed=2)
    sale = experiments.flash_sale("hpa", work, boot_s=0.4, maximum=4, at=steps, progress=False)
    check(sale, 4)
    assert sum("did not boot" in line for line in sale.lines) == 1
    assert "workers" in next(line for line in sale.lines if "did not boot" in line)  # the machine's own last line
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
