"""Faults of the network, through the bench's fault proxy: on one link, in one direction, or between groups of nodes.

Two faults may be on one link at a time: it is slow, and then it is cut too. When the cut ends it is still slow. So the
faults of a link are kept here, and the proxy is told their sum: delays add up, the narrowest width holds, and of two
chances that something happens, either may.

Promised: what was begun ends alone; SIGKILL of this process heals every link that it had touched. Not here: links that
do not go through a fault proxy.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Protocol

from minisys.chaos.healing import owe
from minisys.chaos.inject import Undo
from minisys.chaos.kinds import NETWORK
from minisys.chaos.plan import Fault
from minisys.testbed.fault_control import Network
from minisys.testbed.fault_proxy import FaultProxy, Faults

FLIPPED = {"forward": "backward", "backward": "forward", "both": "both"}


class Proxy(Protocol):
    """What can give a link faults: fault_control.Network, or Here."""

    def set(self, name: str, direction: str = "both", **faults: Any) -> None: ...
    def reset(self, name: str) -> None: ...
    def half_open(self, name: str) -> None: ...
    def links(self) -> dict[str, Any]: ...


class Here:
    """A fault proxy in this very loop, as Network is one in a process of its own: for tests in virtual time."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy

    def set(self, name: str, direction: str = "both", **faults: Any) -> None:
        """Give the link faults."""
        self.proxy.links[name].set(direction, Faults(**faults))

    def reset(self, name: str) -> None:
        """Every connection breaks."""
        self.proxy.links[name].reset()

    def half_open(self, name: str) -> None:
        """The far ends are gone."""
        self.proxy.links[name].half_open()

    def links(self) -> dict[str, Any]:
        """The links by name."""
        return dict(self.proxy.links)


class Links:
    """Injector of network faults on the links of *proxy*. A link "a-b" is the way from node a to node b.

    A target is a link's name; for a partition also groups of nodes, as in "a b | c": every link between the groups.
    """

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.active: dict[str, list[tuple[str, Fault]]] = {}

    def begin(self, fault: Fault) -> Undo:
        """Hurt the link or links.

        Raises ValueError if there is none of that name, the kind is another injector's, or a link is half open or would
        be and has another fault: to change that one would end the half-open state.
        """
        if fault.kind not in NETWORK:
            raise ValueError(f"{fault.kind!r} is no fault of a network")
        ways = list(self._ways(fault))
        if fault.kind == "reset":
            for name, _ in ways:
                self.proxy.reset(name)
            return lambda: None
        with ExitStack() as begun:
            for name, direction in ways:
                begun.callback(self._on(name, direction, fault))
            return begun.pop_all().close

    def _ways(self, fault: Fault) -> Iterable[tuple[str, str]]:
        """The links that the fault touches, each with the direction in which it does."""
        there, direction = self.proxy.links(), fault.values.get("direction", "both")
        if fault.target in there:
            return [(fault.target, direction)]
        if fault.kind != "partition" or "|" not in fault.target:
            raise ValueError(f"there is no link {fault.target!r}; there are {', '.join(there) or 'none'}")
        groups = [part.split() for part in fault.target.split("|")]
        found = [(name, way) for name in there if (way := _between(name, groups, direction)) is not None]
        if not found:
            raise ValueError(f"no link runs between {fault.target!r}; there are {', '.join(there) or 'none'}")
        return found

    def _on(self, name: str, direction: str, fault: Fault) -> Undo:
        entry = (direction, fault)
        others = [other.kind for _, other in self.active.get(name, [])]
        if others and "half-open" in (fault.kind, *others):
            raise ValueError(f"link {name!r} has {', '.join(others)} already; half-open must be its only fault")

        def act() -> None:
            self.active.setdefault(name, []).append(entry)
            self.proxy.half_open(name) if fault.kind == "half-open" else self._tell(name)

        def settle() -> None:
            self.active[name].remove(entry)
            self._tell(name)

        if isinstance(self.proxy, Network):
            return owe(["ask", "PUT", f"{self.proxy.node.url}/links/{name}/both", "{}"], act, settle)
        act()
        return settle

    def _tell(self, name: str) -> None:
        for way in ("forward", "backward"):
            on = [fault for direction, fault in self.active[name] if direction in (way, "both")]
            self.proxy.set(name, way, **total(on))


def total(faults: Iterable[Fault]) -> dict[str, Any]:
    """What several *faults* of one direction come to, as fields of fault_pipe.Faults; one alone is just itself."""
    sums: dict[str, Any] = {}
    for fault in faults:
        if fault.kind in ("latency", "jitter"):
            sums["delay_s"] = sums.get("delay_s", 0.0) + fault["delay_s"]
        if fault.kind == "jitter":
            sums["jitter_s"] = sums.get("jitter_s", 0.0) + fault["jitter_s"]
        elif fault.kind == "bandwidth":
            sums["bytes_per_s"] = min(sums.get("bytes_per_s", fault["bytes_per_s"]), fault["bytes_per_s"])
        elif fault.kind == "loss":
            sums["loss"] = _either(sums.get("loss", 0.0), fault["ratio"])
            sums["stall_s"] = max(sums.get("stall_s", 0.0), fault["stall_s"])
        elif fault.kind == "corrupt":
            sums["corrupt"] = _either(sums.get("corrupt", 0.0), fault["ratio"])
        elif fault.kind in ("partition", "blackhole"):
            sums["cut" if fault.kind == "partition" else "drop"] = True
    return sums


def _either(one: float, other: float) -> float:
    return 1 - (1 - one) * (1 - other)


def _between(name: str, groups: list[list[str]], direction: str) -> str | None:
    """The direction in which the link *name* is cut, *direction* being "forward" from an earlier group to a later."""
    at = [next((i for i, group in enumerate(groups) if end in group), None) for end in name.split("-", 1)]
    if len(at) < 2 or at[0] is None or at[1] is None or at[0] == at[1]:
        return None
    return direction if at[0] < at[1] else FLIPPED[direction]
