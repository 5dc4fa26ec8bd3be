"""One client's conversation with a node: whose key is it, may it be answered now, and in which order do answers leave.

Somebody asks a node of the cluster for a key. Four things may be: it is ours; it is another shard's (MOVED: and will
stay there); it is on the way to another shard and has left already (ASK: there, this once); it is in the air just now.
In the last case the question waits some milliseconds, for either answer could be wrong.

Promised: answers leave in the order of the questions, each after the replica has what it rests on. Not done here: what
a command does (commands.py, cluster_commands.py).
Source: Redis cluster specification, "Redirection and resharding".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from minisys.sharding.command_table import COMMANDS, Answer, Command, InTransit, Refused
from minisys.sharding.feed import Follower
from minisys.sharding.node import ShardNode, address
from minisys.sharding.slots import key_slot
from minisys.testbed import resp
from minisys.testbed.resp import Request

if TYPE_CHECKING:
    from minisys.testbed.resp_server import Connection

UNANSWERED = 10_000  # of one client; beyond that it is not read from


class ClientSession:
    """What *node* knows of one client. wire: Resp2 or Resp3; asking, reading: after ASKING and READONLY.

    queue: answers that wait, each with the number of the change they rest on; backlog: questions not looked at yet.
    """

    def __init__(self, node: ShardNode, connection: Connection) -> None:
        self.node, self.connection = node, connection
        self.wire: type[resp.Resp2] = resp.Resp2
        self.name = b""
        self.asking = self.reading = self.busy = False
        self.follower: Follower | None = None
        self.queue: deque[list] = deque()
        self.backlog: deque[Request] = deque()

    def execute(self, request: Request) -> bytes:
        """The encoded answer to *request* if it can leave now, else nothing: it will leave later."""
        if self.backlog or self.busy:
            self._postpone(request)
            return b""
        try:
            return self._in_order(self._run(request))
        except InTransit:
            self.node.held[self] = None
            self._postpone(request)
            return b""

    def close(self) -> None:
        """The client is gone; what it asked and was not looked at is not done."""
        self.queue.clear()
        self.backlog.clear()
        self.node.waiting.pop(self, None)
        self.node.held.pop(self, None)

    def abandon(self) -> None:
        """Hang up without an answer: nobody here knows any more whether it was done."""
        self.close()
        self.connection.transport.abort()

    def release(self) -> None:
        """Send what may leave by now."""
        queue, acked, out = self.queue, self.node.acked, []
        while queue and queue[0][1] is not None and queue[0][0] <= acked:
            out.append(queue.popleft()[1])
        self._write(b"".join(out))
        if not queue:
            self.node.waiting.pop(self, None)
        self._breathe()

    def resume(self) -> None:
        """Go on with what was held back."""
        while self.backlog and not self.busy:
            try:
                answer = self._run(self.backlog[0])
            except InTransit:
                self.node.held[self] = None
                return
            self.backlog.popleft()
            self._write(self._in_order(answer))
        self._breathe()

    def _write(self, answers: bytes) -> None:
        if answers and not self.connection.transport.is_closing():
            self.connection.transport.write(answers)

    def _postpone(self, request: Request) -> None:
        self.backlog.append(request)
        if len(self.backlog) + len(self.queue) > UNANSWERED:
            self.connection.transport.pause_reading()

    def _breathe(self) -> None:
        if len(self.backlog) + len(self.queue) <= UNANSWERED // 2 and not self.connection.transport.is_closing():
            if self.connection.stuck_s is None:
                self.connection.transport.resume_reading()

    def _run(self, request: Request) -> Answer:
        """Carry out *request*. Raises InTransit if it must be asked again later."""
        node, asking = self.node, self.asking
        node.commands += 1
        found = COMMANDS.get(request[0].lower())
        if found is None:
            return resp.error(f"ERR unknown command '{request[0][:64].decode(errors='replace')}'")
        if not found.takes(len(request)):
            return resp.error(f"ERR wrong number of arguments for '{found.name}' command")
        self.asking = False
        try:
            if keys := found.keys_of(request):
                self._check(found, keys, asking)
            answer = found.run(self, request)
        except Refused as problem:
            return resp.error(str(problem))
        except InTransit:
            self.asking = asking
            raise
        self.busy = found.alone and isinstance(answer, asyncio.Future)
        return answer

    def _in_order(self, answer: Answer) -> bytes:
        """*answer* if it may leave now; otherwise it takes its place in the queue."""
        node = self.node
        if isinstance(answer, asyncio.Future):
            place: list = [0, None]
            answer.add_done_callback(lambda done: self._came(place, done))
        elif not self.queue and node.acked >= node.seq:
            return answer
        else:
            place = [node.seq, answer]
        self.queue.append(place)
        node.waiting[self] = None
        if len(self.queue) > UNANSWERED:
            self.connection.transport.pause_reading()
        return b""

    def _came(self, place: list, done: asyncio.Future[bytes]) -> None:
        self.busy = False
        try:
            place[:] = [self.node.seq, done.result()]
        except Refused as problem:
            place[:] = [self.node.seq, resp.error(str(problem))]
        except (Exception, asyncio.CancelledError) as problem:  # whatever it was, the client waits for an answer
            place[:] = [self.node.seq, resp.error(f"ERR {problem}")]
        if self.queue:
            self.release()
            self.resume()

    def _check(self, found: Command, keys: Sequence[bytes], asking: bool) -> None:
        """Raise Refused with the redirection or error that *keys* deserve here; return if they may be served."""
        node, slot = self.node, key_slot(keys[0])
        if len(keys) > 1 and any(key_slot(key) != slot for key in keys):
            raise Refused("CROSSSLOT Keys in request don't hash to the same slot")
        owner, shard, store = node.topology.owner(slot), node.shard, node.store
        writes = "write" in found.flags
        if owner is None or owner.primary is None:
            raise Refused("CLUSTERDOWN Hash slot not served")
        if node.role != "primary" or shard is None:
            if node.role == "replica" and owner is shard and self.reading and not writes:
                return  # as it may have been some time ago
            raise Refused(f"MOVED {slot} {address(owner.primary)}")
        if owner is not shard and not (asking and slot in store.importing):
            raise Refused(f"MOVED {slot} {address(owner.primary)}")
        if not node.in_transit.isdisjoint(keys):
            raise InTransit
        if not node.confirm():
            raise Refused("CLUSTERDOWN This node cannot be sure to be the primary, the coordinator is silent")
        now_ms = node.now_ms
        for key in keys:
            if store.expired(key, now_ms):
                node.log(b"DEL", key)
        self._check_moving(slot, keys, owner is shard)
        if writes and "denyoom" in found.flags and store.used_bytes > node.maxmemory:
            raise Refused("OOM command not allowed when used memory > 'maxmemory'.")
        if writes and node.feeding is not None and node.feeding.full:
            raise Refused("CLUSTERDOWN too many changes wait for the replica")

    def _check_moving(self, slot: int, keys: Sequence[bytes], ours: bool) -> None:
        """Raise Refused if *slot* is on the way and some of *keys* are at its other end."""
        store, node = self.node.store, self.node
        if ours and slot not in store.migrating:
            return
        missing = sum(key not in store.values for key in keys)
        if ours and missing:
            if missing < len(keys):
                raise Refused("TRYAGAIN Multiple keys request during rehashing of slot")
            there = node.topology.leader(store.migrating[slot])
            if there is None:
                raise Refused(f"CLUSTERDOWN slot {slot} is on its way to shard {store.migrating[slot]}, which is gone")
            raise Refused(f"ASK {slot} {address(there)}")
        if not ours and missing and len(keys) > 1:
            raise Refused("TRYAGAIN Multiple keys request during rehashing of slot")
