"""A network that delays, loses, doubles and reorders messages, and cuts, pauses and kills nodes, all from one seed.

Two of five servers go quiet. Dead, slow, or behind a cable that carries only one direction? From outside the three look
alike, and every protocol in this room has to live with that. Here each of them is one call, and a schedule of such
calls drawn from a seed happens again, message by message, whenever the seed is given again.

Promised: one seed, one run; every copy of a message is delivered, lost, cut off, met by a dead node, or still on its
way (`Network.check`); a node that is paused does nothing and later finds everything that waited for it; a node that
died never hears what was meant for its former life. A cut stops what is sent from then on, not what is on its way.
Not done: bandwidth, queues in switches, corrupted messages (live.py meets those).

The loop is a heap of calls and not SimPy: nothing here is a process that waits, and a thousand runs with some ten
thousand messages each have to fit into minutes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import numpy as np

from minisys.testbed.laws import Deterministic, Exponential, Work
from minisys.testbed.workload import stream


class Loop:
    """Virtual time: *now* in seconds since the start, and the calls that are still to be made."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._order = count()

    def at(self, when_s: float, call: Callable[..., Any], *given: Any) -> None:
        """Make the call at *when_s*; what is due at the same moment comes in the order in which it was asked for."""
        if not when_s >= self.now:
            raise ValueError(f"when_s must not be before now ({self.now}), got {when_s}")
        heapq.heappush(self._due, (when_s, next(self._order), call, given))

    def after(self, delay_s: float, call: Callable[..., Any], *given: Any) -> None:
        """Make the call *delay_s* seconds from now."""
        self.at(self.now + delay_s, call, *given)

    def run(self, until_s: float) -> None:
        """Make every call that is due up to *until_s*, then set the clock to it."""
        while self._due and self._due[0][0] <= until_s:
            self.now, _, call, given = heapq.heappop(self._due)
            call(*given)
        self.now = max(self.now, until_s)


@dataclass(frozen=True)
class Link:
    """How messages travel between two nodes: a law for the *delay* in seconds, chances of *loss* and *duplicate*.

    Each copy draws its own delay, so a law that varies also reorders. Raises ValueError unless both chances lie in
    [0, 1).
    """

    delay: Work = Exponential(0.005)
    loss: float = 0.0
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate"):
            if not 0 <= (chance := getattr(self, name)) < 1:
                raise ValueError(f"Link: {name} must be at least 0 and below 1, got {chance!r}")


class Node(Protocol):
    """Whatever can be reached by name."""

    def receive(self, sender: str, message: Any) -> None:
        """A message has come."""


@dataclass(slots=True)
class _Place:
    """A name on the network and what happens to be there now."""

    node: Node | None
    life: int = 0  # counts restarts; what was meant for a former life is dropped
    paused: bool = False
    offset_s: float = 0.0
    rate: float = 1.0
    backlog: list[tuple[int, Callable[..., Any], tuple[Any, ...]]] = field(default_factory=list)


class Network:
    """Nodes under names, and messages between them.

    *loop* is their common time; *seed* decides delays, losses and copies; *link* holds for every pair that has none of
    its own (`links[sender, to]`).
    """

    def __init__(self, loop: Loop, *, seed: int = 0, link: Link | None = None) -> None:
        self.loop, self.link = loop, link or Link()
        self.links: dict[tuple[str, str], Link] = {}
        self.counts: Counter[str] = Counter()  # copies by fate: sent, copied, delivered, lost, cut, dead
        self._places: dict[str, _Place] = {}
        self._cut: set[tuple[str, str]] = set()
        self._burnt: dict[str, float] = {}  # what these sent up to then and has not arrived is lost
        self._rng = stream(seed, "network")
        self._luck = _drawn(lambda: self._rng.random(1_000))
        self._delays: dict[Work, Callable[[], float]] = {}

    def join(self, name: str, node: Node) -> None:
        """Put *node* on the network under *name*; the same name again is a restart, with a new life."""
        place = self._places.setdefault(name, _Place(None))
        place.node, place.life, place.paused = node, place.life + 1, False
        place.backlog.clear()

    def crash(self, name: str, *, wire: bool = False) -> None:
        """The node is gone, its timers, what waits for it and, with *wire*, what it sent and has not arrived."""
        place = self._place(name)
        self._burnt[name] = self.loop.now if wire else -1.0
        place.node, place.life, place.paused = None, place.life + 1, False
        self.counts["dead"] += sum(call == self._hand_over for _, call, _ in place.backlog)
        place.backlog.clear()

    def up(self, name: str) -> bool:
        """Is a node there, and not paused?"""
        place = self._place(name)
        return place.node is not None and not place.paused

    def pause(self, name: str) -> None:
        """The node stops as if by SIGSTOP or a long garbage collection: messages and timers wait for it."""
        self._place(name).paused = True

    def resume(self, name: str) -> None:
        """The node goes on and finds everything at once that came or fell due meanwhile, oldest first."""
        place = self._place(name)
        place.paused, waited = False, place.backlog[:]
        place.backlog.clear()
        for life, call, given in waited:
            self._in_life(name, life, call, given)

    def skew(self, name: str, *, offset_s: float = 0.0, rate: float = 1.0) -> None:
        """From now on the node's clock shows offset_s + rate x true seconds. Raises ValueError unless rate > 0."""
        if not rate > 0:
            raise ValueError(f"rate must be above 0, got {rate}")
        place = self._place(name)
        place.offset_s, place.rate = offset_s, rate

    def clock(self, name: str) -> float:
        """What the node's own clock shows, seconds."""
        place = self._place(name)
        return place.offset_s + place.rate * self.loop.now

    def timer(self, name: str, delay_s: float, call: Callable[..., Any], *given: Any) -> None:
        """Wake the node after *delay_s* seconds of its own clock, unless it dies before."""
        place = self._place(name)
        self.loop.after(max(delay_s, 0.0) / place.rate, self._in_life, name, place.life, call, given)

    def cut(self, sender: str, to: str) -> None:
        """Nothing that *sender* sends reaches *to*; the other direction is left as it is."""
        self._cut.add((self._known(sender), self._known(to)))

    def partition(self, *groups: Iterable[str]) -> None:
        """Nodes of different groups cannot reach each other; names in no group, and earlier cuts, stay as they are."""
        sides = [set(group) for group in groups]
        for one in sides:
            for other in sides:
                self._cut |= {(a, b) for a in one for b in other if one is not other and a != b}

    def heal(self) -> None:
        """Every cut is mended."""
        self._cut.clear()

    def send(self, sender: str, to: str, message: Any) -> None:
        """Send one message; it may come late, twice, after a later one, or never."""
        self._known(to)
        link = self.links.get((sender, to), self.link)
        self.counts["sent"] += 1
        copies = 2 if link.duplicate and self._luck() < link.duplicate else 1
        self.counts["copied"] += copies - 1
        for _ in range(copies):
            if (sender, to) in self._cut:
                self.counts["cut"] += 1
            elif link.loss and self._luck() < link.loss:
                self.counts["lost"] += 1
            else:
                self.loop.after(self._delay(link.delay), self._arrive, sender, to, message, self.loop.now)

    def check(self, on_their_way: int | None = None) -> None:
        """Every copy has exactly one fate. Raises RuntimeError if the books do not balance.

        *on_their_way*: how many copies may still travel or wait; without it any number from 0.
        """
        of = self.counts
        left = of["sent"] + of["copied"] - of["delivered"] - of["lost"] - of["cut"] - of["dead"]
        if left < 0 or (on_their_way is not None and left != on_their_way):
            raise RuntimeError(f"messages do not add up: {dict(of)}, {left} on their way, expected {on_their_way}")

    def _arrive(self, sender: str, to: str, message: Any, sent_s: float) -> None:
        place = self._places[to]
        if sent_s <= self._burnt.get(sender, -1.0):
            self.counts["lost"] += 1
        elif place.node is None:
            self.counts["dead"] += 1
        elif place.paused:
            place.backlog.append((place.life, self._hand_over, (sender, to, message)))
        else:
            self._hand_over(sender, to, message)

    def _hand_over(self, sender: str, to: str, message: Any) -> None:
        node = self._places[to].node
        assert node is not None
        self.counts["delivered"] += 1
        node.receive(sender, message)

    def _in_life(self, name: str, life: int, call: Callable[..., Any], given: tuple[Any, ...]) -> None:
        place = self._places[name]
        if place.life != life:
            self.counts["dead"] += call == self._hand_over
        elif place.paused:
            place.backlog.append((life, call, given))
        else:
            call(*given)

    def _delay(self, law: Work) -> float:
        if isinstance(law, Deterministic):
            return float(law.mean_s)
        if law not in self._delays:
            self._delays[law] = _drawn(lambda: law.sample(1_000, self._rng))
        return self._delays[law]()

    def _known(self, name: str) -> str:
        self._place(name)
        return name

    def _place(self, name: str) -> _Place:
        if name not in self._places:
            raise KeyError(f"no node {name!r} on this network; there are {', '.join(sorted(self._places)) or 'none'}")
        return self._places[name]


def _drawn(block: Callable[[], np.ndarray]) -> Callable[[], float]:
    """One number after the other from blocks: drawing them singly would take most of a run's time."""

    def forever() -> Iterable[float]:
        while True:
            yield from block().tolist()

    return iter(forever()).__next__
