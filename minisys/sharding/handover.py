"""Handing a slot over: CLUSTER SETSLOT and MIGRATE.

An operator moves a slot in five steps: IMPORTING at its new owner, MIGRATING at the old one, MIGRATE its keys, SETSLOT
NODE at the new owner, then at the old one. Users go on meanwhile: a key that has not left is answered here, one that
has left is asked for there, and who asks for one in the air waits for it.

Promised: a key is deleted here only after it is safe there, on both nodes of that shard; whoever dies in between, each
key is where clients look for it. Different from Redis, on purpose: the coordinator decides SETSLOT NODE; STABLE is
refused while keys of the slot are here that came from elsewhere; only strings travel, as plain values.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import hiredis

from minisys.sharding.command_table import NOWHERE, Refused, command
from minisys.sharding.commands import SYNTAX, whole
from minisys.sharding.link import open_link
from minisys.sharding.node import ShardNode
from minisys.sharding.slots import SLOTS
from minisys.testbed.resp import OK, Request

if TYPE_CHECKING:
    from minisys.sharding.command_table import Answer
    from minisys.sharding.session import ClientSession


def slot_of(text: bytes) -> int:
    """A slot number. Raises Refused."""
    slot = whole(text)
    if not 0 <= slot < SLOTS:
        raise Refused("ERR Invalid or out of range slot")
    return slot


def setslot(session: ClientSession, text: bytes, what: bytes, node: bytes = b"") -> Answer:
    here, slot, what = session.node, slot_of(text), what.upper()
    if here.role != "primary" or here.shard is None or not here.confirm():
        raise Refused("ERR You can use SETSLOT only with masters.")
    ours = here.topology.owners[slot] == here.shard.name
    if what == b"STABLE" and not node:
        if not ours and here.store.count(slot):
            raise Refused(f"ERR slot {slot} has {here.store.count(slot)} keys here: move them back first")
        here.log(b"STABLE", text)
        return OK
    place = here.topology.place(node.decode("latin-1"))
    if place is None or place[1] != "primary":
        raise Refused(f"ERR I don't know about node {node[:64].decode(errors='replace')}, or it is no primary")
    shard = place[0]
    if what == b"NODE":
        if ours and shard is not here.shard and here.store.count(slot):
            raise Refused(f"ERR Can't assign hashslot {slot} to a different node while I still hold keys for it.")
        return OK if here.topology.owners[slot] == shard.name else _ok(here.assign(slot, shard.name))
    if what == b"MIGRATING" and not ours:
        raise Refused(f"ERR I'm not the owner of hash slot {slot}")
    if what == b"IMPORTING" and ours:
        raise Refused(f"ERR I'm already the owner of hash slot {slot}")
    if what not in (b"MIGRATING", b"IMPORTING") or shard is here.shard:
        raise Refused("ERR Invalid CLUSTER SETSLOT action or number of arguments")
    here.log(what, text, shard.name.encode())
    return OK


def _ok(future: asyncio.Future[None]) -> asyncio.Future[bytes]:
    async def wait() -> bytes:
        await future
        return OK

    return asyncio.ensure_future(wait())


@command("migrate", -6, "write", keys=NOWHERE, alone=True)
def migrate(session: ClientSession, request: Request) -> Answer:
    """MIGRATE host port key|"" 0 timeout-ms [REPLACE] [KEYS key …]: to the node there, under ASKING."""
    node, words = session.node, [word.upper() for word in request[6:]]
    keys = request[6 + words.index(b"KEYS") + 1 :] if b"KEYS" in words else [request[3]]
    if not set(words[: words.index(b"KEYS")] if b"KEYS" in words else words) <= {b"REPLACE", b"COPY"}:
        raise Refused(SYNTAX)
    if node.role != "primary" or not node.confirm():
        raise Refused("CLUSTERDOWN only a shard's primary can send keys away")
    if not node.in_transit.isdisjoint(keys):
        raise Refused("TRYAGAIN some of these keys are on their way already")
    keys = [key for key in keys if node.store.there(key, node.now_ms)]
    if not keys:
        return b"+NOKEY\r\n"
    return asyncio.ensure_future(_send(node, whole(request[2]), keys, b"REPLACE" in words, whole(request[5]) / 1000))


async def _send(node: ShardNode, port: int, keys: list[bytes], replace: bool, timeout_s: float) -> bytes:
    """Send *keys* to the node on *port*, hold back who asks for them meanwhile, and delete them when they are there."""
    node.in_transit.update(keys)
    link = None
    try:
        link = await open_link(port, timeout_s or 1.0)
        store = node.store
        commands: list[tuple] = []
        for key in keys:
            words = (b"RESTORE", key, store.deadline_ms.get(key, 0), store.values[key], b"ABSTTL")
            commands += [(b"ASKING",), words + (b"REPLACE",) * replace]
        async with asyncio.timeout(timeout_s or 1.0):
            replies = await asyncio.gather(*link.ask_all(commands))
        said = [reply for reply in replies if isinstance(reply, hiredis.ReplyError)]
        if said:
            raise Refused(f"Target instance replied with error: {said[0]}")
        if node.role != "primary" or store is not node.store:
            raise Refused("this node leads its shard no more")
        node.log(b"DEL", *keys)
        return OK
    except OSError as problem:
        raise Refused(f"IOERR error or timeout with the target instance: {problem!r}") from None
    finally:
        node.in_transit.difference_update(keys)
        if link is not None:
            link.close()
        held, node.held = list(node.held), {}
        for each in held:
            each.resume()
