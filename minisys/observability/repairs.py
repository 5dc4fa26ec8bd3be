"""The supervisor's eyes and hands: it looks at live backends with a request like a user's, and restarts what is ill.

A health page said "ok" for an hour while no user got an answer: the page did not do what users do. So the look here is
a small request that goes the users' way, and "alive" is what the operating system says of the process.

    world = World(shop, page=print); watch(Supervisor(book), world, stop, acts=acts)

Promised: all places are asked at the same time; what could not be done is a line in `lines` and is seen again at the
next look; a place keeps its name when another process takes it. Not done: decisions (supervisor.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from minisys.load_balancing.live import Cluster
from minisys.observability.supervisor import Act, Seen, Supervisor
from minisys.testbed.nodes import Node, NodeFailed

PERIOD_S, PATIENCE_S = 0.1, 0.4
CANARY_S, SLOW_S = 0.01, 0.2  # work of the supervisor's own request, and what is too long for it


class World:
    """The places of a running *shop* as the supervisor sees and changes them; *page* gets what is for a human.

    A place keeps its name when another process takes it. spare: the name of a standby for "fail over", if there is one.
    """

    def __init__(self, shop: Cluster, page: Callable[[Act], None] = lambda act: None, spare: str = "") -> None:
        self.shop, self.page, self.spare = shop, page, spare
        self.at = {name: name for name in sorted(shop.nodes) if name != spare}  # place to process
        self.lines: list[str] = []  # what could not be done
        self._made = 0
        self._hands = ThreadPoolExecutor(8, thread_name_prefix="supervisor")

    def node(self, place: str) -> Node:
        """The process at *place*."""
        return self.shop.backend(self.at[place])

    def look(self) -> list[Seen]:
        """Ask all places at the same time, with a request like a user's: at most PATIENCE_S seconds."""
        return list(self._hands.map(self._seen, self.at))

    def _seen(self, place: str) -> Seen:
        node, began_s = self.node(place), time.monotonic()
        if not node.running:
            return Seen(place, alive=False)
        canary = Request(f"{node.url}/item/0", headers={"X-Work-S": repr(CANARY_S)})
        try:
            urlopen(canary, timeout=PATIENCE_S).close()
        except HTTPError as problem:  # it answers, but not well
            problem.close()
            return Seen(place, failing=True)
        except OSError:
            return Seen(place, alive=node.running, answers=False)
        return Seen(place, slow=time.monotonic() - began_s > SLOW_S)

    def do(self, act: Act) -> None:
        """Carry out *act*. What fails is a line; the next look shows that nothing is better."""
        try:
            if act.action == "page":
                self.page(act)
            elif act.action == "restart":
                self.node(act.target).kill()
                self.shop.restart(self.at[act.target])
            elif act.action in ("replace", "fail over"):
                self._replace(act.target, act.action == "fail over")
            else:
                (self.shop.add if act.action == "return" else self.shop.drain)(self.at[act.target])
        except (NodeFailed, ValueError) as problem:
            self.lines.append(f"{act.action} {act.target}: {problem}")

    def _replace(self, place: str, standby: bool) -> None:
        """Another process, new or the standby, in; the old one out and ended, whatever state it is in."""
        if standby and not self.spare:
            raise ValueError("there is no standby to fail over to")
        self._made += 1
        old, new = self.at[place], self.spare if standby else f"{place}{self._made}"
        self.spare = "" if standby else self.spare
        self.shop.add(new)
        self.at[place] = new
        self.shop.kill(old)
        self._hands.submit(self.shop.remove, old)

    def close(self) -> None:
        """Finish what is in hand."""
        self._hands.shutdown()


def watch(
    supervisor: Supervisor, world: World, stop: threading.Event, *, acts: list[Act], period_s: float = PERIOD_S
) -> None:
    """Let *supervisor* look at *world* and repair it every *period_s* seconds until *stop*; what it does is appended to
    *acts* before it is done.
    """
    while not stop.wait(period_s):
        for act in supervisor.decide(world.look(), time.monotonic()):
            acts.append(act)
            world.do(act)
