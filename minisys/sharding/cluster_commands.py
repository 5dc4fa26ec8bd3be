"""CLUSTER …, ASKING, READONLY: what cluster clients ask a node; and what a primary sends to its replica.

A client draws its map of the cluster from CLUSTER SLOTS and corrects it by MOVED. Promised: the formats and errors of
Redis 7, checked with redis-py's RedisCluster. Not here: moving slots (handover.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from minisys.sharding.command_table import NOWHERE, Refused, command
from minisys.sharding.commands import whole
from minisys.sharding.feed import Follower
from minisys.sharding.handover import setslot, slot_of
from minisys.sharding.node import ShardNode
from minisys.sharding.slots import SLOTS, key_slot
from minisys.sharding.topology import Member, Shard
from minisys.testbed.resp import OK, Request, array, bulk, integer

if TYPE_CHECKING:
    from minisys.sharding.command_table import Answer
    from minisys.sharding.session import ClientSession

HOST = b"127.0.0.1"


@command("asking", 1, "fast", keys=NOWHERE)
def asking(session: ClientSession, request: Request) -> bytes:
    session.asking = True
    return OK


@command("readonly", 1, "fast", keys=NOWHERE)
def readonly(session: ClientSession, request: Request) -> bytes:
    session.reading = True
    return OK


@command("readwrite", 1, "fast", keys=NOWHERE)
def readwrite(session: ClientSession, request: Request) -> bytes:
    session.reading = False
    return OK


@command("cluster", -2, "stale", keys=NOWHERE)
def cluster(session: ClientSession, request: Request) -> Answer:
    name, words = request[1].upper(), request[2:]
    run = _PARTS.get((name, len(words)))
    if run is None:
        raise Refused(f"ERR unknown subcommand or wrong number of arguments for '{name[:64].decode(errors='replace')}'")
    return run(session, *words)


def _slots(session: ClientSession) -> bytes:
    topology, out = session.node.topology, []
    for first, last, name in topology.runs():
        shard = topology.shard(name)
        if shard.primary is not None:
            nodes = [each for each in (shard.primary, shard.replica) if each is not None]
            places = [array([bulk(HOST), integer(each.port), bulk(each.node.encode()), array([])]) for each in nodes]
            out.append(array([integer(first), integer(last), *places]))
    return array(out)


def _shards(session: ClientSession) -> bytes:
    topology, wire, out = session.node.topology, session.wire, []
    for shard in topology.shards:
        slots = [integer(end) for first, last, name in topology.runs() if name == shard.name for end in (first, last)]
        nodes = [
            wire.mapping((bulk(key), value) for key, value in _about(role, each).items())
            for role, each in shard.members()
        ]
        out.append(wire.mapping([(bulk(b"slots"), array(slots)), (bulk(b"nodes"), array(nodes))]))
    return array(out)


def _about(role: str, member: Member) -> dict[bytes, bytes]:
    return {
        b"id": bulk(member.node.encode()), b"port": integer(member.port), b"ip": bulk(HOST), b"endpoint": bulk(HOST),
        b"role": bulk(b"master" if role == "primary" else b"replica"), b"replication-offset": integer(0),
        b"health": bulk(b"loading" if role == "joining" else b"online"),
    }  # fmt: skip


def _nodes(session: ClientSession) -> bytes:
    return bulk("".join(_node_lines(session.node)).encode())


def _node_lines(node: ShardNode) -> Iterable[str]:
    epoch = node.topology.epoch
    for shard in node.topology.shards:
        for role, member in shard.members():
            flags = ("myself," if member.node == node.id else "") + ("master" if role == "primary" else "slave")
            of = "-" if role == "primary" or shard.primary is None else shard.primary.node
            line = f"{member.node} 127.0.0.1:{member.port}@{member.port} {flags} {of} 0 0 {epoch} connected"
            yield line + (_held(node, shard) if role == "primary" else "") + "\n"


def _held(node: ShardNode, shard: Shard) -> str:
    """The slots of *shard*, and at ourselves those on the way, as CLUSTER NODES has them."""
    runs = [(first, last) for first, last, name in node.topology.runs() if name == shard.name]
    words = [f" {first}" if first == last else f" {first}-{last}" for first, last in runs]
    if node.shard is shard and node.role == "primary":
        leader = node.topology.leader
        for slot, name in node.store.migrating.items():
            words += [f" [{slot}->-{there.node}]" for there in [leader(name)] if there is not None]
        for slot, name in node.store.importing.items():
            words += [f" [{slot}-<-{there.node}]" for there in [leader(name)] if there is not None]
    return "".join(words)


def _info(session: ClientSession) -> bytes:
    topology = session.node.topology
    served = sum(shard is not None and shard.primary is not None for shard in map(topology.owner, range(SLOTS)))
    about = {
        "cluster_state": "ok" if served == SLOTS else "fail",
        "cluster_slots_assigned": SLOTS - topology.owners.count(""),
        "cluster_slots_ok": served, "cluster_known_nodes": sum(len(list(each.members())) for each in topology.shards),
        "cluster_size": len({name for name in topology.owners if name}), "cluster_current_epoch": topology.epoch,
    }  # fmt: skip
    return bulk("".join(f"{key}:{value}\r\n" for key, value in about.items()).encode())


def _count(session: ClientSession, text: bytes) -> bytes:
    return integer(session.node.store.count(slot_of(text)))


def _keys(session: ClientSession, text: bytes, most: bytes) -> bytes:
    if whole(most) < 0:
        raise Refused("ERR Invalid number of keys")
    return array([bulk(key) for key in session.node.store.keys(slot_of(text), whole(most))])


_PARTS: dict[tuple[bytes, int], Callable[..., Answer]] = {
    (b"SLOTS", 0): _slots, (b"SHARDS", 0): _shards, (b"NODES", 0): _nodes, (b"INFO", 0): _info,
    (b"MYID", 0): lambda session: bulk(session.node.id.encode()),
    (b"KEYSLOT", 1): lambda session, key: integer(key_slot(key)),
    (b"COUNTKEYSINSLOT", 1): _count, (b"GETKEYSINSLOT", 2): _keys,
    (b"SETSLOT", 2): setslot, (b"SETSLOT", 3): setslot,
}  # fmt: skip


@command("follow", 2, "admin", keys=NOWHERE)
def follow(session: ClientSession, request: Request) -> bytes:
    node, leader = session.node, request[1].decode("latin-1")
    if node.role not in ("replica", "joining") or node.shard is None or node.shard.primary is None:
        raise Refused("ERR this node follows nobody")
    if node.shard.primary.node != leader:
        raise Refused(f"ERR this node follows {node.shard.primary.node}")
    session.follower = node.follower = Follower(node, leader)
    return OK


def _followed(session: ClientSession) -> Follower:
    if session.follower is None or session.follower is not session.node.follower:
        raise Refused("ERR this node does not follow you any more")
    return session.follower


@command("load", -2, "admin", keys=NOWHERE)
def load(session: ClientSession, request: Request) -> bytes:
    return integer(_followed(session).load(request[1:]))


@command("loaded", 2, "admin", keys=NOWHERE)
def loaded(session: ClientSession, request: Request) -> bytes:
    return integer(_followed(session).loaded(whole(request[1])))


@command("apply", -3, "admin", keys=NOWHERE)
def apply(session: ClientSession, request: Request) -> bytes:
    try:
        return integer(_followed(session).apply(whole(request[1]), request[2:]))
    except ValueError as problem:
        raise Refused(f"ERR {problem}") from None
