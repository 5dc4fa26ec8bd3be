"""A router in front of a cluster, for clients that know nothing of clusters: one address, and no MOVED to be seen.

A shop of 2015 speaks to one Redis and will not be rewritten. The router looks to it like one: it finds the shard of
each key, follows MOVED and ASK, splits MGET over shards, and waits out a takeover. The price is one more hop for each
request, a part more that can die, and that the difference between one shard and two is hidden, not gone: an MSET over
two shards may be done by half.

    python -m minisys.sharding router --seed <port of a node>

Promised: one client's commands are carried out in their order; a command whose answer got lost is sent again only if
doing it twice is doing it once. Not done: MULTI, scripts, keys of several shards in commands other than MGET, MSET, DEL
and EXISTS. It also routes to Valkey and Redis clusters.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from typing import Any

import hiredis

from minisys.sharding import commands  # noqa: F401 (it fills the table)
from minisys.sharding.command_table import COMMANDS, NOWHERE, Command, Refused
from minisys.sharding.link import Link, open_link
from minisys.sharding.slots import SLOTS, key_slot
from minisys.testbed import resp
from minisys.testbed.resp import Request
from minisys.testbed.resp_server import Connection, Hangup, Patience, Server

PATIENCE_S = 5.0  # for one command, takeovers included
ANSWER_S = 1.0  # for one node's answer
AGAIN_S = 0.05
REDIRECTED = re.compile(r"(MOVED|ASK) \d+ .*:(\d+)")
LOCAL = {"ping", "echo", "select", "quit", "hello", "client", "command"}
SPLIT = {"mget": 1, "del": 1, "exists": 1, "mset": 2}  # words that belong together
UNANSWERED = 10_000


class Router:
    """Knows where each slot is, from the nodes on the ports *seeds*, and keeps one connection to each node."""

    role = "primary"  # what a client that asks is told

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = list(seeds)
        self.table: list[int | None] = [None] * SLOTS
        self.links: dict[int, Link] = {}
        self.refreshing: asyncio.Task | None = None

    async def ask(self, slot: int, request: Request, repeatable: bool) -> Any:
        """The answer of whoever has *slot*. Raises Refused if nobody answers, or it cannot be known what was done."""
        loop = asyncio.get_running_loop()
        end_s, asking, said = loop.time() + PATIENCE_S, False, "nobody has it"
        port: int | None = None
        while loop.time() < end_s:
            port = port or self.table[slot]
            if port is None:
                await self.refresh()
                port = self.table[slot]
            try:
                reply = await self._once(port, request, asking)
            except _Unsent as problem:
                said, port = str(problem), None
                await self._elsewhere()
                continue
            except OSError as problem:
                if not repeatable:
                    raise Refused(f"ERR the answer got lost ({problem!r}): nobody knows whether it was done") from None
                said, port = repr(problem), None
                await self._elsewhere()
                continue
            if not isinstance(reply, hiredis.ReplyError):
                return reply
            said, asking = str(reply), False
            if redirected := REDIRECTED.match(said):
                port, asking = int(redirected[2]), redirected[1] == "ASK"
                self.table[slot] = self.table[slot] if asking else port
            elif said.startswith(("TRYAGAIN", "CLUSTERDOWN")):
                port = None
                await self._elsewhere()
            else:
                return reply
        raise Refused(f"CLUSTERDOWN slot {slot} did not answer within {PATIENCE_S:g} s: {said}")

    async def refresh(self) -> None:
        """Ask the nodes one by one until one says who has which slot; all who wait ask once."""
        if self.refreshing is None or self.refreshing.done():
            self.refreshing = asyncio.create_task(self._refresh())
        await asyncio.shield(self.refreshing)

    async def _elsewhere(self) -> None:
        await asyncio.sleep(AGAIN_S)
        await self.refresh()

    async def _refresh(self) -> None:
        for port in dict.fromkeys([*self.links, *self.seeds]):
            try:
                runs = await self._once(port, [b"CLUSTER", b"SLOTS"], False)
            except (OSError, _Unsent):
                continue
            if isinstance(runs, list) and runs:
                for first, last, primary, *_ in runs:
                    self.table[first : last + 1] = [primary[1]] * (last + 1 - first)
                self.seeds = list(dict.fromkeys([*(node[1] for run in runs for node in run[2:]), *self.seeds]))[:100]
                return

    async def _once(self, port: int | None, request: Request, asking: bool) -> Any:
        """One node's answer. Raises _Unsent if it did not get the question, OSError if no answer came."""
        if port is None:
            raise _Unsent("no node of the cluster answers")
        link = self.links.get(port)
        if link is None or link.lost:
            self.links.pop(port, None)
            try:
                link = self.links[port] = await open_link(port, ANSWER_S)
            except OSError as problem:
                raise _Unsent(f"port {port}: {problem!r}") from None
        futures = link.ask_all([[b"ASKING"], request] if asking else [request])
        try:
            return await asyncio.wait_for(futures[-1], ANSWER_S)
        except TimeoutError:
            link.close()
            raise


class _Unsent(Exception):
    """The node did not get the question."""


class RoutedSession:
    """One client of the *router*: its commands, one after another."""

    def __init__(self, router: Router, connection: Connection) -> None:
        self.node, self.connection = router, connection
        self.wire: type[resp.Resp2] = resp.Resp2
        self.name = b""
        self.backlog: deque[Request] = deque()
        self.task: asyncio.Task | None = None

    def execute(self, request: Request) -> bytes:
        """Nothing at once, unless the router itself knows the answer: it comes when the shards have spoken."""
        found = COMMANDS.get(request[0].lower())
        if not self.backlog and found is not None and found.name in LOCAL and found.takes(len(request)):
            return self._here(found, request)
        self.backlog.append(request)
        if len(self.backlog) > UNANSWERED:
            self.connection.transport.pause_reading()
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._work())
        return b""

    def close(self) -> None:
        """The client is gone."""
        self.backlog.clear()
        if self.task is not None:
            self.task.cancel()

    async def _work(self) -> None:
        transport = self.connection.transport
        while self.backlog and not transport.is_closing():
            try:
                reply = await self._answer(self.backlog[0])
            except Hangup as last:
                transport.write(last.reply)
                transport.close()
                return
            except Exception as problem:  # a shard that talks nonsense must not leave a client waiting
                reply = resp.error(f"ERR {problem!r}")
            if transport.is_closing():
                return
            transport.write(reply)
            self.backlog.popleft()
            if len(self.backlog) == UNANSWERED // 2:
                transport.resume_reading()

    def _here(self, found: Command, request: Request) -> bytes:
        try:
            answer = found.run(self, request)  # type: ignore[arg-type]  # it has what these few commands look at
            assert isinstance(answer, bytes)
            return answer
        except Refused as problem:
            return resp.error(str(problem))

    async def _answer(self, request: Request) -> bytes:
        found = COMMANDS.get(request[0].lower())
        if found is None or (found.keys == NOWHERE and found.name not in LOCAL):
            return resp.error(f"ERR unknown command '{request[0][:64].decode(errors='replace')}' at the router")
        if not found.takes(len(request)):
            return resp.error(f"ERR wrong number of arguments for '{found.name}' command")
        if found.name in LOCAL:
            return self._here(found, request)
        try:
            reply = await self._split(found, request)
        except Refused as problem:
            return resp.error(str(problem))
        return encoded(reply, self.wire, status="write" in found.flags)

    async def _split(self, found: Command, request: Request) -> Any:
        """The answer to *request*, put together if its keys are in several slots."""
        step, ask = SPLIT.get(found.name, 0), self.node.ask
        slots = {key_slot(key) for key in found.keys_of(request)}
        if len(slots) == 1 or not step or (len(request) - 1) % step:
            return await ask(slots.pop(), request, repeatable(found, request))
        pieces: dict[int, list[int]] = {}
        for at in range(1, len(request), step):
            pieces.setdefault(key_slot(request[at]), []).append(at)
        parts = [[request[0], *(word for at in ats for word in request[at : at + step])] for ats in pieces.values()]
        replies = await asyncio.gather(
            *(ask(slot, part, repeatable(found, part)) for slot, part in zip(pieces, parts, strict=True))
        )
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                return reply
        if found.name != "mget":
            return sum(replies) if found.name != "mset" else b"OK"
        values: dict[int, bytes | None] = {}
        for ats, reply in zip(pieces.values(), replies, strict=True):
            values |= zip(ats, reply, strict=True)
        return [values[at] for at in sorted(values)]


def repeatable(found: Command, request: Request) -> bool:
    """Whether doing *request* twice is doing it once, its answer included."""
    if "readonly" in found.flags or found.name == "mset":
        return True
    return found.name == "set" and not {word.upper() for word in request[3:]} & {b"NX", b"XX", b"GET"}


def encoded(reply: Any, wire: type[resp.Resp2], status: bool = False) -> bytes:
    """A shard's answer for a client of ours; *status*: OK is a status and no value."""
    if isinstance(reply, hiredis.ReplyError):
        return resp.error(str(reply))
    if reply is None:
        return wire.null
    if isinstance(reply, int):
        return resp.integer(reply)
    if isinstance(reply, list):
        return resp.array([encoded(each, wire) for each in reply])
    return resp.OK if status and reply == b"OK" else resp.bulk(reply)


async def serve(seeds: Sequence[int], port: int = 0) -> Server:
    """A router on 127.0.0.1:*port* (0: any free one) to the cluster of which *seeds* are nodes."""
    router = Router(seeds)
    server = Server(lambda connection: RoutedSession(router, connection), resp.Limits(), Patience())
    await server.listen(port)
    return server
