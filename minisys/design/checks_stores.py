"""Whether what keeps something makes sense: databases and their copies, queues and their workers, caches.

Rules of checks.py: each yields what is wrong, and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minisys.design.parts import Cache, Database, Design, Part, Queue, Workers, values
from minisys.design.yaml_tree import DesignError

LEAST_COPIES = {"async": 2, "semi-sync": 2, "all": 2, "raft": 3}
Problems = Iterator[DesignError]


def stores(design: Design) -> Problems:
    """Workers have a queue; replication has copies to write to."""
    queues = {queue.name: queue for queue in design.of(Queue)}
    for part in design.of(Workers):
        if part.source not in queues:
            hint = f"; queues: {', '.join(queues)}" if queues else "; there is none, add one: {kind: queue}"
            said = f"workers {part.name} take from {part.source!r}, which is no queue{hint}"
            yield DesignError(said, path=at(part, "source"), value=part.source)
    for part in design.of(Database):
        least = LEAST_COPIES.get(part.replication, 1)
        if part.copies < least:
            said = f"{part.name}: replication {part.replication} needs {least} copies, got {part.copies}"
            yield DesignError(f"{said}; write copies: {least}", path=at(part, "replication"), value=part.copies)
        if part.replication == "none" and part.copies > 1:
            said = f"{part.name} has {part.copies} copies, and nobody copies its data"
            said += "; write replication: async, semi-sync or raft"
            yield DesignError(said, path=at(part, "copies"), value=part.copies)


def memories(design: Design) -> Problems:
    """A cache has a share of hits or a capacity; what keys need is not told of one that has none."""
    for part in design.of(Cache):
        told = [name for name in ("eviction", "ttl") if name in values(part)]
        if part.capacity is None and told:
            said = f"{part.name} has {told[0]} and no capacity; write capacity: 10000, or only hits: 90 %"
            yield DesignError(said, path=at(part, told[0]), value=getattr(part, told[0]))
        if part.capacity is not None and "hits" in values(part):
            said = f"{part.name} has hits and a capacity: the hits follow from the keys; take one of them out"
            yield DesignError(said, path=at(part, "hits"), value=part.hits)
        if part.ttl == 0:
            said = f"{part.name} keeps things for 0 s; write ttl: 60 s, or none for as long as there is room"
            yield DesignError(said, path=at(part, "ttl"), value=part.ttl)
    for part in design.of(Workers):
        if part.poison + part.crashes > 1:
            said = f"{part.name}: poison and crashes are shares of the same messages; together they are at most 100 %"
            yield DesignError(said, path=at(part, "crashes"), value=part.crashes)


def at(part: Part, *rest: Any) -> tuple[Any, ...]:
    """The path to a part, or to something in it."""
    return ("parts", part.name, *rest)
