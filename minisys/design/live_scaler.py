"""The autoscaler of the live shop: chapter 08's controller, with several balancers to tell.

    python -m minisys.design.live_scaler --balancer http://127.0.0.1:8101 --control-file /tmp/x/control --maximum 6

Two balancers share the load, so each knows half of it: what is in flight is added up, and a server is in only when
all balancers that answer know it. Machines are ordered from the control process (live_api.py), which has a cloud's API.

Promised: decisions are the controller's; when it dies, the next one goes on from what is there. Not done: anything
while no balancer answers.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minisys.autoscaling.__main__ import rule
from minisys.autoscaling.controller import Controller, run
from minisys.autoscaling.machines import Machine
from minisys.autoscaling.world import LiveWorld, Metrics
from minisys.testbed.nodes import NodeFailed


class Several(LiveWorld):
    """The balancers at *admin_urls* as one, and the cloud at *cloud_url*."""

    def __init__(self, admin_urls: Sequence[str], cloud_url: str) -> None:
        super().__init__(admin_urls[0], cloud_url)
        self.each = [LiveWorld(url, cloud_url) for url in admin_urls]

    def metrics(self) -> Metrics:
        """What is in flight anywhere, and all answers. Raises NodeFailed unless all balancers answer."""
        found, total = [world.metrics() for world in self.each], Counter[str]()
        for one in found:
            total.update(one.in_flight)
        return Metrics({name: float(n) for name, n in total.items()}, sum(one.answers for one in found))

    def backends(self) -> dict[str, str]:
        """The state of each server; "" where one balancer does not know it yet, so that it is told."""
        states = [world.backends() for world in self.each]
        names = dict.fromkeys(name for one in states for name in one)
        return {name: worst([one.get(name, "") for one in states]) for name in names}

    def add(self, machine: Machine) -> None:
        """All balancers send it requests."""
        self._all(lambda world: world.add(machine))

    def drain(self, name: str) -> None:
        """No balancer sends it anything new."""
        self._all(lambda world: world.drain(name))

    def forget(self, name: str) -> None:
        """No balancer need know it any more."""
        self._all(lambda world: world.forget(name))

    def _all(self, tell: Callable[[LiveWorld], Any]) -> None:
        """Tell each; who has heard it before, or is dead and will be told everything at its start, may say no."""
        problems = []
        for world in self.each:
            try:
                tell(world)
            except NodeFailed as problem:
                problems.append(problem)
        if len(problems) == len(self.each):
            raise problems[0]


def worst(states: Sequence[str]) -> str:
    """What several balancers say of one server, as one word."""
    return next((word for word in ("", "draining", "down", "ejected") if word in states), "up")


def main() -> None:
    """Entry point."""
    made = argparse.ArgumentParser(prog="python -m minisys.design.live_scaler", description=(__doc__ or "")[:80])
    made.add_argument("--balancer", action="append", required=True, help="a balancer's admin address; repeat it")
    made.add_argument("--control-file", type=Path, required=True, help="the file with the control process's address")
    made.add_argument("--rule", default="hpa", help="as in python -m minisys.autoscaling")
    made.add_argument("--target", type=float, default=0.6, help="how busy servers shall be (default: 0.6)")
    for name, value in (("minimum", 1), ("maximum", 10), ("workers", 2)):
        made.add_argument(f"--{name}", type=int, default=value, help=f"default: {value}")
    made.add_argument("--period", type=float, default=0.5, help="seconds between two looks (default: 0.5)")
    told = made.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    world = Several(told.balancer, told.control_file.read_text().strip() + "/cloud")
    controller = Controller(
        rule(told.rule, **({"target": told.target} if told.rule == "hpa" else {})), world, minimum=told.minimum,
        maximum=told.maximum, workers=told.workers, period_s=told.period,
        say=lambda text: print("SAY", text, flush=True),
    )  # fmt: skip
    print("READY 0", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        run(controller, stop)


if __name__ == "__main__":
    main()
