"""Which machine may die? A service as a graph of components, with its exact availability and its weak spots.

The diagram shows two of everything, and still one Sunday the whole shop was down: both web servers asked the same name
server. A component works if it is up itself and if enough of what it needs works too; from that follow the share of
time in which users are served, the smallest sets of failures that stop it, and each single point of failure.

Promised: exact for components that fail independently (a shared cause is a component of its own that both need), by a
binary decision diagram: far beyond 25 components for ordinary designs; `sampled` for any size, with its interval.
Not promised: order and duration of failures; see `model`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import networkx as nx
import numpy as np


class Needs(NamedTuple):
    """*k* of the components *of* must work."""

    k: int
    of: tuple[str, ...]


class Estimate(NamedTuple):
    """A sampled share with its 99 % interval (Wilson 1927)."""

    low: float
    share: float
    high: float


class Service:
    """Components and what they need; the first one added is what users ask.

    `graph` is a networkx DiGraph: an edge leads from a component to each that it needs.
    """

    def __init__(self) -> None:
        self.graph = nx.DiGraph()

    def add(self, name: str, availability: float = 1.0, needs: Iterable[str | Needs] = ()) -> Service:
        """Add a component that is up a share *availability* of the time and *needs* others (all of the names given).

        `any_of("a", "b")` and `at_least(2, "a", "b", "c")` ask for some of several. What is needed must be added too,
        before or after. Returns the service. Raises ValueError for a name given twice, a bad availability or a circle.
        """
        if self.graph.nodes.get(name):
            raise ValueError(f"component {name!r} is there already")
        if not 0 <= availability <= 1:
            raise ValueError(f"{name}: availability must be a share from 0 to 1, got {availability}")
        groups = tuple(Needs(1, (need,)) if isinstance(need, str) else need for need in needs)
        self.graph.add_node(name, availability=float(availability), needs=groups)
        self.graph.add_edges_from((name, other) for group in groups for other in group.of)
        if not nx.is_directed_acyclic_graph(self.graph):
            raise ValueError(f"{name} needs itself, by way of {' → '.join(u for u, _ in nx.find_cycle(self.graph))}")
        return self

    @property
    def entrance(self) -> str:
        """The component that users ask. Raises ValueError if there is none, or if something needed was never added."""
        names = list(self.graph)
        missing = [name for name in names if "availability" not in self.graph.nodes[name]]
        if missing or not names:
            raise ValueError(f"component {missing[0]!r} is needed but was not added" if missing else "no component yet")
        return names[0]

    def components(self) -> list[str]:
        """The names of what users depend on: everything that can be reached from the entrance, needed ones first."""
        reached = nx.descendants(self.graph, self.entrance) | {self.entrance}
        return [name for name in reversed(list(nx.topological_sort(self.graph))) if name in reached]

    def availability_of(self, name: str) -> float:
        """The share of time in which the component itself is up."""
        return float(self.graph.nodes[name]["availability"])

    def works(self, up: Mapping[str, np.ndarray]) -> np.ndarray:
        """Whether users are served, for states *up* (arrays of booleans by component; one that is left out is up)."""
        working: dict[str, np.ndarray] = {}
        for name in self.components():
            met = np.asarray(up.get(name, True))
            for k, of in self.graph.nodes[name]["needs"]:
                met = met & (np.sum(np.broadcast_arrays(*(working[other] for other in of)), axis=0) >= k)
            working[name] = met
        return working[self.entrance]


def any_of(*names: str) -> Needs:
    """One of *names* is enough. Raises ValueError without a name."""
    return at_least(1, *names)


def at_least(k: int, *names: str) -> Needs:
    """*k* of *names* must work. Raises ValueError unless 1 <= k <= their number and no name comes twice."""
    if not 1 <= k <= len(names) or len(set(names)) < len(names):
        raise ValueError(f"need 1 <= k <= the number of different names, got k={k} of {', '.join(names)}")
    return Needs(k, names)


@dataclass(frozen=True, eq=False, slots=True)
class Ask:
    """A step of a decision diagram: is the component *name* up? What follows if not, and if so."""

    name: str
    down: Diagram
    up: Diagram


Diagram = bool | Ask


def diagram(service: Service) -> Diagram:
    """When users are served, as a reduced ordered binary decision diagram. Source: Bryant 1986."""
    known: dict[tuple[str, Diagram, Diagram], Ask] = {}  # each question once: that makes it a graph and not a tree
    order = {name: place for place, name in enumerate(reversed(service.components()))}

    @cache
    def both(f: Diagram, g: Diagram) -> Diagram:
        if isinstance(f, bool):
            return g if f else False
        if isinstance(g, bool):
            return f if g else False
        return split(both, f, g)

    @cache
    def either(f: Diagram, g: Diagram) -> Diagram:
        if isinstance(f, bool):
            return True if f else g
        if isinstance(g, bool):
            return True if g else f
        return split(either, f, g)

    def split(combine: Callable[[Any, Any], Diagram], f: Ask, g: Ask) -> Diagram:
        name = min(f.name, g.name, key=order.__getitem__)
        sides = [(h.down, h.up) if h.name == name else (h, h) for h in (f, g)]
        down, up = (combine(sides[0][way], sides[1][way]) for way in (0, 1))
        return ask(name, down, up)

    def ask(name: str, down: Diagram, up: Diagram) -> Diagram:
        return down if down is up else known.setdefault((name, down, up), Ask(name, down, up))

    def enough(k: int, of: tuple[Diagram, ...]) -> Diagram:
        """At least *k* of these, one after the other: with the next, k - 1 of the rest; or k of the rest."""
        counts: list[Diagram] = [True, *[False] * k]
        for each in of:
            counts = [True, *(either(counts[i], both(each, counts[i - 1])) for i in range(1, k + 1))]
        return counts[k]

    working: dict[str, Diagram] = {}
    for name in service.components():
        met: Diagram = True if service.availability_of(name) == 1 else ask(name, False, True)
        for k, of in service.graph.nodes[name]["needs"]:
            met = both(met, enough(k, tuple(working[other] for other in of)))
        working[name] = met
    return working[service.entrance]


def availability(service: Service) -> float:
    """The exact share of time in which users are served."""

    @cache
    def served(f: Diagram) -> float:
        if isinstance(f, bool):
            return float(f)
        a = service.availability_of(f.name)
        return a * served(f.up) + (1.0 - a) * served(f.down)

    return served(diagram(service))


def minimal_cut_sets(service: Service) -> list[frozenset[str]]:
    """The smallest sets of components whose common failure stops the service; short ones first.

    Source: Rauzy 1993, New algorithms for fault trees analysis.
    """

    @cache
    def cuts(f: Diagram) -> frozenset[frozenset[str]]:
        if isinstance(f, bool):
            return frozenset() if f else frozenset({frozenset()})
        without = cuts(f.up)
        further = {cut | {f.name} for cut in cuts(f.down) if not any(other <= cut for other in without)}
        return without | further

    return sorted(cuts(diagram(service)), key=lambda cut: (len(cut), sorted(cut)))


def single_points(service: Service) -> list[str]:
    """The components whose failure alone stops the service, by name."""
    return [next(iter(cut)) for cut in minimal_cut_sets(service) if len(cut) == 1]


def sampled(service: Service, n: int = 100_000, *, seed: int = 0) -> Estimate:
    """The share of time in which users are served, from *n* random states, with its 99 % interval.

    Raises ValueError if n is below 1.
    """
    if n < 1:
        raise ValueError(f"need at least one sample, got n={n}")
    rng = np.random.default_rng(seed)
    up = {name: rng.random(n) < service.availability_of(name) for name in service.components()}
    share, z2 = float(np.mean(np.broadcast_to(service.works(up), n))), 2.5758293035489**2
    middle, half = (share + z2 / (2 * n)) / (1 + z2 / n), np.sqrt(share * (1 - share) * z2 / n + (z2 / (2 * n)) ** 2)
    return Estimate(float(middle - half / (1 + z2 / n)), share, float(middle + half / (1 + z2 / n)))
