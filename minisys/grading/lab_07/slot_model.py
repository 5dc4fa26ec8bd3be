"""Lab 07, tasks 4 and 5: a cluster so small that every moment of a slot's journey can be tried.

Three nodes and one slot, without time and without sockets: a step of the operator and a question of a user come one
after another, in every order that there is. The rules are those of the Redis cluster specification, and each node goes
by what *it* has been told: node c never hears of the move.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

SLOT, START = 7, {"k1": "1", "k2": "2", "k3": "3"}
REDIRECTIONS = 16
AT_ONCE = 2  # GETKEYSINSLOT names no more here: three keys are to be as many as thousands
Answer = tuple[str, Any]
"""("ok", value), ("MOVED", node), ("ASK", node), ("TRYAGAIN", None) or ("error", text)."""


class Refused(Exception):
    """A node does not carry out an operator's command; the text says why."""


class Astray(Exception):
    """A user's question was sent from node to node without end; the text says how."""


@dataclass
class Node:
    """One node: the slot's *keys* that it holds, whom it takes for the *owner*, and what is on the way."""

    name: str
    owner: str
    keys: dict[str, str] = field(default_factory=dict)
    migrating: str | None = None
    importing: str | None = None


class Cluster:
    """Nodes a, b and c; the slot is a's and holds three keys. sent: how many questions were sent so far."""

    def __init__(self) -> None:
        self.nodes = {name: Node(name, "a") for name in ("a", "b", "c")}
        self.nodes["a"].keys = dict(START)
        self.sent = 0
        self.signed = False  # somebody has been told MIGRATING
        self.try_again = 0  # so often the next questions are put off

    def operate(self, shard: str, words: tuple) -> Any:
        """Carry out one command of the operator. Raises Refused."""
        if shard not in self.nodes:
            raise Refused(f"there is no shard {shard!r}, only a, b and c")
        node, command = self.nodes[shard], [str(word).upper() for word in words[:2]]
        if command == ["CLUSTER", "SETSLOT"] and len(words) in (4, 5):
            return self._setslot(node, str(words[3]).upper(), words[4] if len(words) == 5 else None)
        if command == ["CLUSTER", "GETKEYSINSLOT"] and len(words) == 4:
            return list(node.keys)[: min(int(words[3]), AT_ONCE)]
        if command[0] == "MIGRATE" and len(words) >= 2 and words[1] in self.nodes:
            there = self.nodes[words[1]]
            for key in [key for key in words[2:] if key in node.keys]:
                there.keys[key] = node.keys.pop(key)
            return "OK"
        if command[0] in ("GET", "SET", "DEL"):  # by hand, as if no slot were on the way
            return self._do(node, (command[0], *words[1:]))
        raise Refused(f"unknown command or wrong number of words: {' '.join(map(str, words))}")

    def ask(self, name: str, words: tuple, asking: bool = False) -> Answer:
        """A user's question to node *name*; *asking*: with ASKING in front."""
        self.sent += 1
        node = self.nodes[name]
        missing = [key for key in _keys(words) if key not in node.keys]
        if node.owner != name and not (asking and node.importing):
            return "MOVED", node.owner
        if self.try_again:
            self.try_again -= 1
            return "TRYAGAIN", None
        if node.owner == name and node.migrating and missing:
            return ("ASK", node.migrating) if len(missing) == len(_keys(words)) else ("TRYAGAIN", None)
        if words[0] not in ("GET", "SET", "DEL", "MGET"):
            return "error", f"ERR unknown command {words[0]!r}"
        return "ok", self._do(node, words)

    def _setslot(self, node: Node, what: str, other: str | None) -> str:
        if what == "STABLE":
            node.migrating = node.importing = None
        elif other not in self.nodes:
            raise Refused(f"I don't know about node {other!r}")
        elif what == "MIGRATING":
            if node.owner != node.name:
                raise Refused("I'm not the owner of hash slot 7")
            node.migrating, self.signed = other, True
        elif what == "IMPORTING":
            if node.owner == node.name:
                raise Refused("I'm already the owner of hash slot 7")
            node.importing = other
        elif what == "NODE":
            if node.owner == node.name != other and node.keys:
                raise Refused("Can't assign hashslot 7 to a different node while I still hold keys for it")
            node.owner, node.migrating, node.importing = str(other), None, None
        else:
            raise Refused(f"SETSLOT knows IMPORTING, MIGRATING, NODE and STABLE, not {what}")
        return "OK"

    @staticmethod
    def _do(node: Node, words: tuple) -> Any:
        name, *given = words
        if name == "SET":
            node.keys[given[0]] = given[1]
            return "OK"
        if name == "DEL":
            return int(node.keys.pop(given[0], None) is not None)
        values = [node.keys.get(key) for key in given]
        return values if name == "MGET" else values[0]


def _keys(words: tuple) -> tuple:
    return words[1:2] if words[0] in ("GET", "SET", "DEL") else words[1:]


def user(cluster: Cluster, words: tuple, first: str = "a") -> Any:
    """What a good client gets that begins at node *first*. Raises Astray after 16 redirections."""
    node, asking, trail = first, False, [first]
    for _ in range(REDIRECTIONS):
        said, value = cluster.ask(node, words, asking)
        if said == "ok":
            return value
        asking = said == "ASK"
        if said in ("MOVED", "ASK"):
            node = value
            trail.append(f"{said} {value}")
    raise Astray(", ".join(trail[:5]) + ", …")


Steps = Generator[tuple[str, tuple], Any, None]


def journey(
    cluster: Cluster, steps: Steps, meanwhile: Mapping[int, Callable[[], None]], stop_after: int | None = None
) -> list[str]:
    """Follow *steps* on *cluster*; before step i (and after the last) call meanwhile[i]. What was done, as texts.

    stop_after: the operator's program dies after so many steps. Raises Refused, and what *meanwhile* raises.
    """
    done: list[str] = []
    answer: Any = None
    while True:
        if len(done) in meanwhile:
            meanwhile[len(done)]()
        if stop_after is not None and len(done) == stop_after:
            return done
        try:
            shard, words = steps.send(answer)
        except StopIteration:
            return done
        done.append(f"{shard}: {' '.join(map(str, words))}")
        answer = cluster.operate(shard, words)
