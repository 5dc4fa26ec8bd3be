"""The machine below the live shop: it starts processes, knows whether they live, and starts them again when asked.

A supervisor decides that the cache must be started anew. Who does it? Something that is there before it and after it:
init, systemd, a cluster's kubelet. This is that, with a cloud's API on top: an autoscaler orders servers here.

Promised: a place keeps its ports and its files whatever process is in it; one start at a time for each place; who was
meant for a process that is gone already comes too late and changes nothing. It watches one thing by itself, the
supervisor. Not done: deciding (live_supervisor.py, live_scaler.py), several machines.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from minisys.design.live_commands import Addresses
from minisys.design.live_plan import Place, one
from minisys.design.parts import Service
from minisys.testbed import nodes
from minisys.testbed.nodes import Node, NodeFailed

UP, DOWN, STARTING = "up", "down", "starting"
READY_S, WATCH_S = 30.0, 0.2


@dataclass
class Copy:
    """A place and the process that is there now; restarts counts those after the first."""

    place: Place
    node: Node | None = None
    since_s: float = 0.0
    restarts: int = 0
    starting: bool = False
    gone: bool = False  # ended by the autoscaler, perhaps while it was being started
    turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> str:
        """ "up", "down" or "starting"."""
        if self.starting:
            return STARTING
        return UP if self.node is not None and self.node.running else DOWN


@dataclass
class Outage:
    """A copy that was killed at *at_s*, and when another process was ready in its place (None: not yet).

    moot: the autoscaler has ended it meanwhile.
    """

    label: str
    at_s: float
    back_s: float | None = None
    moot: bool = False


class Host:
    """The processes at *addresses*; events has what happened to them: (seconds since the start, text)."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses, self.design = addresses, addresses.design
        self.began_s, self.closing = time.monotonic(), threading.Event()
        self.events: deque[tuple[float, str]] = deque(maxlen=500)
        self.copies = {place.label: Copy(place) for place in addresses.places}
        self._outages: list[Outage] = []

    def tell(self, text: str) -> None:
        """A line for the log of events."""
        self.events.append((self.now_s, text))

    @property
    def outages(self) -> list[tuple[str, float, float | None]]:
        """Of each kill the copy, when, and when it was repaired (None: not yet), in seconds since the start."""
        return [(each.label, each.at_s, each.back_s) for each in self._outages if not each.moot]

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began_s

    def start(self, kinds: Sequence[str]) -> None:
        """All places of these *kinds*, together. Raises NodeFailed if one does not start."""
        with ThreadPoolExecutor(3) as starters:
            list(starters.map(self._start, [copy for copy in self.all() if copy.place.kind in kinds]))

    def watch(self) -> None:
        """From now on the supervisor is started again when it dies."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _start(self, copy: Copy) -> None:
        """A process for *copy*, ready."""
        apps = [each.place for each in self.all() if each.place.kind == "service" and each.place != copy.place]
        apps += [copy.place] * (copy.place.kind == "service")
        module, *words = self.addresses.words(copy.place, apps)
        copy.starting = True
        try:
            copy.node = nodes.start(module, *words, name=copy.place.name, within_s=READY_S)
            copy.since_s = time.monotonic()
        finally:
            copy.starting = False
        if self.closing.is_set() or copy.gone:
            copy.node.kill()

    def all(self) -> list[Copy]:
        """Every copy that there is now."""
        return list(self.copies.values())

    def matching(self, target: str) -> list[Copy]:
        """The copies that *target* means: a copy "app/1", a part "app", or a zone "eu-a". Raises ValueError."""
        found = [c for c in self.all() if target in (c.place.label, c.place.part, c.place.zone)]
        if not found or not target:
            parts = ", ".join(dict.fromkeys(copy.place.part for copy in self.all()))
            raise ValueError(f"nothing here is called {target!r}; there are {parts}, and copies as in app/1")
        return found

    def kill(self, target: str) -> list[str]:
        """SIGKILL a copy, all copies of a part, or all that stand in a zone; the labels of those that died of it."""
        died = []
        for copy in self.matching(target):
            if copy.node is not None and copy.node.running:
                self._outages.append(Outage(copy.place.label, self.now_s))
                copy.node.kill()
                self.tell(f"{copy.place.label} killed")
                died.append(copy.place.label)
        return died

    def repair(self, action: str, label: str, pid: int, why: str) -> None:
        """What the supervisor asks for: "restart" the process *pid* of a copy, or "page" a human, who reads it here."""
        copy = self.copies.get(label)
        if action != "restart" or copy is None:
            self.tell(f"{action}: {label}, {why}")
            return
        with copy.turn:
            if self.closing.is_set() or copy.gone or copy.starting or (copy.node is not None and copy.node.pid != pid):
                return  # somebody was faster
            self._again(copy)

    def _again(self, copy: Copy) -> None:
        """Another process in the place of *copy*."""
        if copy.node is not None:
            copy.node.kill()
        copy.restarts += 1
        self._start(copy)
        self.tell(f"{copy.place.label} is up again")
        for outage in self._open(copy):
            outage.back_s = self.now_s

    def _open(self, copy: Copy) -> list[Outage]:
        return [each for each in self._outages if each.label == copy.place.label and each.back_s is None]

    def _watch(self) -> None:
        """As init does: the supervisor is there."""
        (copy,) = (each for each in self.all() if each.place.kind == "supervisor")
        while not self.closing.wait(WATCH_S):
            if copy.state == DOWN:
                with contextlib.suppress(NodeFailed), copy.turn:
                    self._again(copy)

    def order(self) -> str:
        """For the autoscaler: one server more, which boots from now on; its name."""
        part = one(self.design, Service)
        number = 1 + max(copy.place.number for copy in self.all() if copy.place.kind == "service")
        zones = self.design.zones_of(part)
        place = Place(f"{part.name}/{number}", part.name, part.kind, zones[(number - 1) % len(zones)], number)
        self.addresses.add(place)
        self.addresses.places = [*self.addresses.places, place]
        copy = self.copies[place.label] = Copy(place, starting=True)
        self.tell(f"{place.label} ordered by the autoscaler")
        threading.Thread(target=self._boot, args=(copy,), name=f"boot {place.label}", daemon=True).start()
        return place.name

    def _boot(self, copy: Copy) -> None:
        scaler = one(self.design, Service).autoscaler
        with copy.turn:
            if not self.closing.wait(scaler.boot) and not copy.gone:
                with contextlib.suppress(NodeFailed):
                    self._start(copy)
            copy.starting = False

    def end(self, name: str) -> None:
        """For the autoscaler: a server is not needed any more. Raises KeyError if there is none."""
        copy = next((each for each in self.all() if each.place.name == name and each.place.kind == "service"), None)
        if copy is None:
            raise KeyError(f"there is no machine {name}")
        copy.gone = True
        del self.copies[copy.place.label]
        for outage in self._open(copy):
            outage.moot = True
        self.addresses.places = [place for place in self.addresses.places if place is not copy.place]
        self.tell(f"{copy.place.label} ended by the autoscaler")
        with copy.turn:
            if copy.node is not None:
                copy.node.stop()

    def row(self, copy: Copy) -> dict[str, Any]:
        """What the topology says of *copy*."""
        state, place = copy.state, copy.place
        how, port = self.addresses.probe(place)
        up_s = time.monotonic() - copy.since_s if state == UP else 0.0
        return {
            "copy": place.label, "part": place.part, "kind": place.kind, "zone": place.zone, "shard": place.shard,
            "state": state, "pid": copy.node.pid if copy.node else 0, "up_s": up_s, "restarts": copy.restarts,
            "probe": how, "probe_port": port,
        }  # fmt: skip

    def whole(self, within_s: float = 20.0) -> list[str]:
        """Wait until every copy is up; the labels of those that are not after *within_s* seconds."""
        deadline_s = time.monotonic() + within_s
        while (bad := [c.place.label for c in self.all() if c.state != UP]) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        return bad

    def close(self) -> None:
        """End every process."""
        self.closing.set()
        for copy in reversed(self.all()):
            with copy.turn:  # who is being started ends as soon as it is ready
                if copy.node is not None:
                    copy.node.kill()
