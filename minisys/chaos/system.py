"""A small live system to break: a balancer, the backends behind it, the cables between them, and somebody's service.

An experiment needs something that runs, that is small enough to understand, and that nobody minds losing. This one
starts in a second or two, every part of it has a name that a fault plan can use, and it is gone with its block.

    with System(["a", "b"]) as system:
        play(plan, system.injector, RealClock())
        print(system.success_ratio())

Targets: the processes "balancer", "prices" and each backend; the links "balancer-a", …; the dependency "prices".
Promised: what an injector broke is whole again when the block ends. Not here: load; the probes ask one after another.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from minisys.chaos import dependency
from minisys.chaos.dependency import Dependencies
from minisys.chaos.inject import ByKind, Injector
from minisys.chaos.kinds import DEPENDENCY, NETWORK, PROCESS
from minisys.chaos.links import Links
from minisys.chaos.processes import Processes
from minisys.testbed import fault_control, nodes
from minisys.testbed.nodes import Node, NodeFailed, ask

BACKEND = "minisys.testbed.backend"
PATIENCE = ("--check-every", "0.1", "--check-timeout", "0.1", "--rise", "1", "--fall", "2")


@dataclass(frozen=True)
class Answer:
    """What one request came to: *ok*, after *took_s* seconds, with *body*."""

    ok: bool
    took_s: float
    body: str = ""


class System:
    """*backends* by name behind a balancer; *prices*: also a service of somebody else's, behind a proxy of faults.

    timeout_s: how long the balancer waits for a backend; retries: how many others it tries then. Starts with the
    `with` block. Raises ValueError if there is no backend.
    """

    def __init__(
        self,
        backends: Sequence[str] = ("a", "b"),
        prices: bool = False,
        timeout_s: float = 0.3,
        retries: int = 1,
    ) -> None:
        if not backends:
            raise ValueError("a system needs at least one backend")
        self.names, self.prices = list(backends), prices
        self.options = ["--policy", "round robin", "--timeout", f"{timeout_s:g}", "--retries", str(retries), *PATIENCE]
        self.nodes: dict[str, Node] = {}

    def __enter__(self) -> System:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: ExitStack) -> None:
        named = [*self.names, *(["prices"] if self.prices else [])]
        with ThreadPoolExecutor(len(named)) as hands:
            self.network = stack.enter_context(fault_control.network())
            for name, node in zip(named, hands.map(_backend, named), strict=True):
                self.nodes[name] = stack.enter_context(node)
        self.links = {name: self.network.link(f"balancer-{name}", self.nodes[name].port) for name in self.names}
        at = [word for name in self.names for word in ("--backend", f"{name}=127.0.0.1:{self.links[name]}")]
        balancer = nodes.start("minisys.load_balancing", *at, *self.options, name="balancer")
        self.nodes["balancer"] = stack.enter_context(balancer)
        services = {}
        if self.prices:
            services["prices"] = stack.enter_context(dependency.start(self.nodes["prices"].port))
        self.urls = {"shop": balancer.url} | {name: node.url for name, node in services.items()}
        self.injector: Injector = ByKind(
            dict.fromkeys(PROCESS, Processes(self.nodes, self._restart))
            | dict.fromkeys(NETWORK, Links(self.network))
            | dict.fromkeys(DEPENDENCY, Dependencies(services))
        )
        self.success_ratio(requests=5)  # the first requests are slow: connections, code that is read for the first time

    def _restart(self, name: str) -> Node:
        """A backend that was killed comes back on another port; its cable leads there."""
        if name not in self.names:
            raise ValueError(f"only backends are started again ({', '.join(self.names)}), not {name!r}")
        node = self._stack.enter_context(_backend(name))
        self.network.link(f"balancer-{name}", node.port)
        return node

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def answers(self, of: str = "shop", requests: int = 40, timeout_s: float = 2.0) -> list[Answer]:
        """What *requests* requests to "shop" or "prices" come to, one after another.

        Raises ValueError for a number below 1 or an unknown name.
        """
        if of not in self.urls or requests < 1:
            raise ValueError(f"need one of {', '.join(self.urls)} and requests >= 1; got {of!r} and {requests}")
        return [_ask(f"{self.urls[of]}/item/{number}", timeout_s) for number in range(requests)]

    def success_ratio(self, of: str = "shop", requests: int = 40, timeout_s: float = 2.0) -> float:
        """The part of the requests that were answered well and in time."""
        answers = self.answers(of, requests, timeout_s)
        return sum(answer.ok for answer in answers) / len(answers)

    def answered_by(self, of: str = "shop", requests: int = 40, timeout_s: float = 2.0) -> dict[str, int]:
        """How many of the requests each backend answered; "": none did."""
        names = [
            answer.body.partition(" from ")[2].partition(",")[0] for answer in self.answers(of, requests, timeout_s)
        ]
        return dict(sorted(Counter(names).items()))

    def latency_s(self, quantile: float = 0.95, of: str = "shop", requests: int = 40, timeout_s: float = 2.0) -> float:
        """That quantile of the seconds that requests took; one without an answer took *timeout_s*."""
        took = sorted(a.took_s if a.ok else timeout_s for a in self.answers(of, requests, timeout_s))
        return took[min(len(took) - 1, math.ceil(quantile * len(took)) - 1)]

    def true_ratio(self, of: str = "prices", requests: int = 40, timeout_s: float = 2.0) -> float:
        """The part of the good answers that say what was asked for, by the number in them."""
        good = [(n, a.body) for n, a in enumerate(self.answers(of, requests, timeout_s)) if a.ok]
        return sum(body.startswith(f"/item/{number} ") for number, body in good) / max(1, len(good))


def _backend(name: str) -> Node:
    return nodes.start(BACKEND, "--name", name, "--workers", "8", name=name)


def _ask(url: str, timeout_s: float) -> Answer:
    began = time.monotonic()
    try:
        body = ask("GET", url, timeout_s=timeout_s)
    except NodeFailed:
        return Answer(False, time.monotonic() - began)
    return Answer(True, time.monotonic() - began, body)
