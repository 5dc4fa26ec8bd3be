"""A shop that grows and shrinks for real: machines that boot, a balancer before them, and a controller.

All of them are processes of this machine, so each can be killed. The one that matters is the controller: what happens
to a shop whose controller is dead, and then another one starts?

    with shop("hpa", target=0.6) as here: here.kill_controller(); here.start_controller()

Promised: times are scaled down (a boot of one second for a boot of a minute or two), nothing else is: the policies are
the model's, the balancer is chapter 03's, requests go through sockets. Nothing outlives the `with` block or the kernel.
Users and sales: experiments.py.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from minisys.autoscaling.__main__ import rule
from minisys.autoscaling.controller import Controller, run
from minisys.autoscaling.machines import RUNNING, Machine
from minisys.autoscaling.policies import Look, Policy
from minisys.autoscaling.world import LiveWorld
from minisys.testbed import nodes

CONTROLLER, CLOUD, BALANCER = "minisys.autoscaling", "minisys.autoscaling.machines", "minisys.load_balancing"
WORKERS, PERIOD_S = 2, 0.5


class Shop:
    """Running machines behind a running balancer, and a controller; `shop()` starts it. Ends with its `with` block.

    url: for users; admin_url: the balancer's own port; cloud_url: the cloud's API.
    """

    def __init__(self, policy: str | Policy, first: int, boot_s: float, bounds: dict[str, Any], numbers: dict) -> None:
        self.policy, self.bounds, self.numbers = policy, bounds, numbers
        self.controllers: list[nodes.Node] = []
        self._looks: list[Look] = []
        self._lines: list[str] = []
        self._thread: tuple[threading.Thread, threading.Event] | None = None
        self._stack = ExitStack()
        try:
            cloud = nodes.start(CLOUD, "--boot", repr(boot_s), "--workers", str(WORKERS), name="cloud")
            self.cloud_url, self.cloud = cloud.url, self._stack.enter_context(cloud)
            self._start_balancer(first)
            self.start_controller()
        except BaseException:
            self.close()
            raise

    def _start_balancer(self, first: int) -> None:
        """Order the first machines, wait for them, and put the balancer before them."""
        for _ in range(first):
            nodes.ask("POST", f"{self.cloud_url}/machines")
        wait(lambda: all(each.state == RUNNING for each in self.machines()), "the first machines run", 15.0)
        options = ["--check-every", "0.5", "--check-timeout", "0.5", "--fall", "3"]
        options += [word for each in self.machines() for word in ("--backend", f"{each.name}={each.address}")]
        balancer = nodes.start(BALANCER, *options, name="balancer")
        self.balancer = self._stack.enter_context(balancer)
        self.url, self.admin_url = balancer.url, f"http://127.0.0.1:{balancer.admin_port}"

    def start_controller(self) -> None:
        """A controller: a process for a rule by name, a thread of this process for a policy of your own."""
        if not isinstance(self.policy, str):
            world, stop = LiveWorld(self.admin_url, self.cloud_url), threading.Event()
            made = Controller(copy.deepcopy(self.policy), world, workers=WORKERS, say=self._lines.append, **self.bounds)
            made.looks = self._looks
            thread = threading.Thread(target=run, args=(made, stop), name="controller")
            self._thread = thread, stop
            thread.start()
            return
        options = ["--balancer", self.admin_url, "--cloud", self.cloud_url, "--rule", self.policy]
        options += ["--workers", str(WORKERS), "--period", repr(self.bounds["period_s"])]
        options += ["--minimum", str(self.bounds["minimum"]), "--maximum", str(self.bounds["maximum"])]
        options += ["--backoff", repr(self.bounds["backoff_s"])]
        options += [word for name, value in self.numbers.items() for word in ("--option", f"{name}={value}")]
        self.controllers.append(nodes.start(CONTROLLER, *options, name="controller"))

    def kill_controller(self) -> None:
        """SIGKILL the controller; machines and balancer do not notice. Raises ValueError if it is a thread."""
        if not self.controllers:
            raise ValueError("a policy of your own runs in a thread, which nobody can kill; use a rule by its name")
        self.controllers[-1].kill()

    def fail_boots(self, count: int) -> None:
        """The next *count* machines do not boot."""
        nodes.ask("POST", f"{self.cloud_url}/faults", json.dumps({"boots": count}).encode())

    def machines(self) -> list[Machine]:
        """The machines that are rented now."""
        return [Machine(**row) for row in json.loads(nodes.ask("GET", f"{self.cloud_url}/machines"))]

    def backends(self) -> dict[str, str]:
        """The balancer's backends and their states."""
        return LiveWorld(self.admin_url, self.cloud_url).backends()

    def settle(self, count: int, within_s: float = 15.0) -> None:
        """Wait until exactly *count* machines are rented and all serve. Raises TimeoutError after *within_s*."""

        def settled() -> bool:
            names = {each.name for each in self.machines()}
            return len(names) == count and self.backends() == dict.fromkeys(names, "up")

        wait(settled, f"{count} machines serve", within_s)

    @property
    def looks(self) -> list[Look]:
        """What all its controllers saw and wanted."""
        rows = [json.loads(line[5:]) for line in self._said("LOOK")]
        return [*self._looks, *(Look(**row) for row in rows)]

    @property
    def lines(self) -> list[str]:
        """What all its controllers said, a line for each trouble."""
        return [*self._lines, *(line[4:] for line in self._said("SAY"))]

    def _said(self, word: str) -> list[str]:
        whole = [line for node in self.controllers for line in node.log.read_text().split("\n")[:-1]]
        return [line for line in whole if line.startswith(f"{word} ")]

    def close(self) -> None:
        """End the controller, then the balancer, then the machines."""
        if self._thread is not None:
            self._thread[1].set()
            self._thread[0].join()
        for controller in self.controllers:
            controller.kill()
        self._stack.close()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shop(
    policy: str | Policy = "hpa",
    *,
    first: int = 1,
    minimum: int = 1,
    maximum: int = 8,
    boot_s: float = 1.0,
    period_s: float = PERIOD_S,
    backoff_s: float = 1.0,
    **numbers: float,
) -> Shop:
    """*first* machines of two workers behind a balancer, and a controller that keeps *minimum* to *maximum* of them.

    *policy*: a rule by its name ("hpa", "proportional", "step", "target tracking"; *numbers* are its options), which
    runs as a process, or a policy object. After a boot that failed nothing is ordered for *backoff_s*.
    Raises ValueError before anything starts if an argument is bad.
    """
    if isinstance(policy, str):
        rule(policy, **numbers)
    elif numbers:
        raise ValueError(f"a policy object has its numbers already, got {numbers}")
    if not 1 <= minimum <= first <= maximum or not boot_s >= 0 or not min(period_s, backoff_s) > 0:
        raise ValueError(
            f"need 1 <= minimum <= first <= maximum, boot_s >= 0, period_s and backoff_s > 0; got {minimum}, {first}, "
            f"{maximum}, {boot_s}, {period_s}, {backoff_s}"
        )
    bounds = {"minimum": minimum, "maximum": maximum, "period_s": period_s, "backoff_s": backoff_s}
    return Shop(policy, first, boot_s, bounds, numbers)


def wait(until: Callable[[], bool], what: str, within_s: float) -> None:
    """Ask until *until* says yes. Raises TimeoutError, naming *what* did not happen, after *within_s* seconds."""
    deadline = time.monotonic() + within_s
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(0.05)
