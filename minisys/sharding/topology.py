"""Who has which slots, who leads each shard and who follows: one numbered, immutable picture of the cluster.

Two clerks with two different lists of who is responsible are worse than no list. So there is one list; every change
makes a new one with the next number (its epoch), and whoever holds an older number knows that he is behind.

Promised: each method gives a new picture or the same one if there is nothing to change; a shard that has data never
gets a primary that lacks some of it. Not done here: deciding that a node is dead (coordinator.py), telling the nodes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from minisys.sharding.slots import SLOTS, spread

Place = tuple["Shard", str]
"""A shard, and what the node is there: "primary", "replica" or "joining"."""


@dataclass(frozen=True, slots=True)
class Member:
    """A process: its *node* id (40 hexadecimal digits, new at each start) and its *port* on 127.0.0.1."""

    node: str
    port: int


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the data: its *primary* answers, its *replica* has all that was acknowledged.

    *joining* is becoming a replica: it does not have everything yet and must not be promoted. None: nobody is that.
    """

    name: str
    primary: Member | None = None
    replica: Member | None = None
    joining: Member | None = None

    def members(self) -> Iterator[tuple[str, Member]]:
        """What each of its nodes is there, and the node."""
        for role in ("primary", "replica", "joining"):
            if (member := getattr(self, role)) is not None:
                yield role, member


@dataclass(frozen=True)
class Topology:
    """Number *epoch* of the cluster's pictures: its *shards*, and for each of the 16,384 slots the owner's name."""

    epoch: int
    shards: tuple[Shard, ...]
    owners: tuple[str, ...]

    @classmethod
    def new(cls, shards: int) -> Topology:
        """*shards* empty shards, called a, b, c …, that share the slots evenly.

        Raises ValueError unless there are 1 to 26.
        """
        if not 1 <= shards <= 26:
            raise ValueError(f"a cluster here has 1 to 26 shards, got {shards}")
        names = [chr(ord("a") + number) for number in range(shards)]
        return cls(1, tuple(Shard(name) for name in names), tuple(spread(names)))

    def shard(self, name: str) -> Shard:
        """The shard called *name*. Raises KeyError."""
        for shard in self.shards:
            if shard.name == name:
                return shard
        raise KeyError(f"no shard {name!r}; there are {', '.join(shard.name for shard in self.shards)}")

    def leader(self, name: str) -> Member | None:
        """The primary of the shard called *name*; None if there is no such shard, or nobody leads it."""
        shard = self._by_name.get(name)
        return shard.primary if shard is not None else None

    def owner(self, slot: int) -> Shard | None:
        """The shard that has *slot*; None if nobody has it."""
        return self._by_name.get(self.owners[slot])

    @property
    def _by_name(self) -> dict[str, Shard]:
        found: dict[str, Shard] | None = self.__dict__.get("_shards")
        if found is None:
            found = self.__dict__["_shards"] = {shard.name: shard for shard in self.shards}
        return found

    def place(self, node: str) -> Place | None:
        """Where *node* is, and what it is there; None if it has no place."""
        for shard in self.shards:
            for role, member in shard.members():
                if member.node == node:
                    return shard, role
        return None

    def runs(self) -> list[tuple[int, int, str]]:
        """The slots as (first, last, owner), in order; slots without an owner are left out."""
        found, first = [], 0
        for owner, run in groupby(self.owners):
            length = sum(1 for _ in run)
            if owner:
                found.append((first, first + length - 1, owner))
            first += length
        return found

    def taken_in(self, member: Member) -> Topology:
        """*member* leads the first shard that never had a primary, else joins the first that lacks a replica."""
        if self.place(member.node) is not None:
            return self
        for shard in self.shards:
            if shard.primary is None:
                return self._with(shard, primary=member)
        for shard in self.shards:
            if shard.replica is None and shard.joining is None:
                return self._with(shard, joining=member)
        return self  # nobody needs it: a spare

    def caught_up(self, node: str) -> Topology:
        """*node*, which was joining, has everything from now on."""
        place = self.place(node)
        if place is None or place[1] != "joining":
            return self
        return self._with(place[0], replica=place[0].joining, joining=None)

    def without(self, node: str, alive: Callable[[str], bool] = lambda node: True) -> Topology:
        """*node* is dead. Its replica leads if it is *alive*; without one the shard waits for its primary's return.

        (The data is nowhere else. An empty primary would answer "not found" to questions that have an answer.)
        """
        place = self.place(node)
        if place is None:
            return self
        shard, role = place
        if role != "primary":
            return self._with(shard, **{role: None})
        if shard.replica is None or not alive(shard.replica.node):
            return self
        return self._with(shard, primary=shard.replica, replica=None)

    def assigned(self, slots: Sequence[int], name: str) -> Topology:
        """The shard *name* owns *slots*. Raises KeyError for an unknown shard, ValueError for a bad slot."""
        self.shard(name)
        for slot in slots:
            if not 0 <= slot < SLOTS:
                raise ValueError(f"slots are 0 to {SLOTS - 1}, got {slot}")
        if all(self.owners[slot] == name for slot in slots):
            return self
        owners = list(self.owners)
        for slot in slots:
            owners[slot] = name
        return replace(self, epoch=self.epoch + 1, owners=tuple(owners))

    def with_shard(self) -> Topology:
        """One more shard, without slots, under the first free letter. Raises ValueError after z."""
        used = {shard.name for shard in self.shards}
        free = [letter for letter in map(chr, range(ord("a"), ord("z") + 1)) if letter not in used]
        if not free:
            raise ValueError("a cluster here has 26 shards at most")
        return replace(self, epoch=self.epoch + 1, shards=(*self.shards, Shard(free[0])))

    def without_shard(self, name: str) -> Topology:
        """The shard *name* is gone. Raises KeyError if there is none, ValueError if it still owns slots."""
        shard, held = self.shard(name), self.owners.count(name)
        if held:
            raise ValueError(f"shard {name!r} still owns {held} slots: move them first")
        return replace(self, epoch=self.epoch + 1, shards=tuple(each for each in self.shards if each is not shard))

    def encoded(self) -> bytes:
        """As JSON, slots as runs."""
        shards = [
            {"name": each.name} | {role: [member.node, member.port] for role, member in each.members()}
            for each in self.shards
        ]
        return json.dumps({"epoch": self.epoch, "shards": shards, "slots": self.runs()}).encode()

    @classmethod
    def decoded(cls, text: bytes) -> Topology:
        """From JSON. Raises ValueError if it is none of ours."""
        try:
            told = json.loads(text)
            shards = tuple(
                Shard(each.pop("name"), **{role: Member(*member) for role, member in each.items()})
                for each in told["shards"]
            )
            owners = [""] * SLOTS
            for first, last, name in told["slots"]:
                owners[first : last + 1] = [name] * (last + 1 - first)
            return cls(int(told["epoch"]), shards, tuple(owners))
        except (KeyError, TypeError, ValueError) as problem:
            raise ValueError(f"this is no topology ({problem!r}): {text[:200]!r}") from None

    def _with(self, shard: Shard, **changes: Member | None) -> Topology:
        """The next picture, in which *shard* is changed."""
        changed = replace(shard, **changes)  # type: ignore[arg-type]
        shards = tuple(changed if each is shard else each for each in self.shards)
        return replace(self, epoch=self.epoch + 1, shards=shards)
