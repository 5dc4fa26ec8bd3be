"""How replicas talk to each other: one connection each way, messages in frames, and a stranger is shown the door.

A replica of the test cluster was started with the port of the shop's cluster. If they got on, the shop would vote for a
leader that has never seen an order. So the first frame says which cluster the sender belongs to and who it is, every
frame carries checksums, and whoever gets one of these wrong is told so and cut off.

Promised: messages to one peer arrive whole and in their order, or not at all; what cannot be sent now is dropped, for
the protocols above send again. A peer that is slow or gone costs at most QUEUE_BYTES of memory. Not done: encryption;
to know that a peer is who it says it is (these are loopback nodes of one owner).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from minisys.replication.log import HEAD, frame, read_frame

QUEUE_BYTES = 4 * 2**20
FRAME_BYTES = 64 * 2**20
RETRY_S = 0.1
GREETING_S = 5.0


class Stranger(Exception):
    """What a peer said cannot be right; the text is the reason."""


class Peers:
    """The other replicas of *cluster*, as *name* sees them: *ports* has the port of each on 127.0.0.1.

    address: this replica's port for clients, which the others hand on. *receive* gets each message (JSON values).
    addresses: the others' ports for clients, as far as they said. refused: strangers turned away so far, and
    last_refused why.
    """

    def __init__(self, cluster: str, name: str, ports: Mapping[str, int], receive: Callable[[Any], None]) -> None:
        self.cluster, self.name, self.ports, self.receive = cluster, name, dict(ports), receive
        self.address = 0
        self.addresses: dict[str, int] = {}
        self.refused, self.last_refused = 0, ""
        self.writers: dict[str, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task] = set()

    async def listen(self, port: int = 0) -> int:
        """Accept peers on *port* (0: any free one); the port."""
        self._sockets = await asyncio.start_server(self._accept, "127.0.0.1", port)
        return int(self._sockets.sockets[0].getsockname()[1])

    def connect(self, address: int) -> None:
        """Keep a connection to each peer from now on; clients reach us at port *address*."""
        self.address = address
        for peer in self.ports:
            self._start(self._keep(peer))

    def send(self, peer: str, messages: Iterable[Any]) -> None:
        """Send *messages* to *peer* in one frame, or drop them if it is away or does not read."""
        writer = self.writers.get(peer)
        if writer is None or writer.is_closing():  # uvloop raises if one writes to it before _keep has heard
            return
        if writer.transport.get_write_buffer_size() < QUEUE_BYTES:
            writer.write(frame(json.dumps(message).encode() for message in messages))

    async def close(self) -> None:
        """Let go of everybody."""
        self._sockets.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Awaitable[None], after: Callable[[], object] = lambda: None) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: after())  # also if it was cancelled before its first step

    async def _keep(self, peer: str) -> None:
        """Dial *peer*, again and again; read only to hear that it closes, or what it has against us."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[peer])
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                writer.write(frame([self._greeting(peer)]))
                self.writers[peer] = writer
                if complaint := await reader.read(4096):
                    print(f"{self.name}: {peer} says: {complaint.decode(errors='replace').strip()}", flush=True)
            except OSError:
                pass
            finally:
                self.writers.pop(peer, None)
                writer.close()
            await asyncio.sleep(RETRY_S)

    def _greeting(self, peer: str) -> bytes:
        hello = {"cluster": self.cluster, "from": self.name, "to": peer, "address": self.address}
        return json.dumps(hello).encode()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start(self._listen_to(reader, writer), writer.close)

    async def _listen_to(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            sender = self._greeted(await asyncio.wait_for(_next(reader), GREETING_S))
            while True:
                for message in await _next(reader):
                    if not isinstance(message, dict) or message.get("sender") != sender:
                        raise Stranger(f"{sender} sent something that is no message of its own: {str(message)[:80]!r}")
                    self.receive(message)
        except (asyncio.IncompleteReadError, OSError):  # the peer has gone, or was silent too long (TimeoutError)
            pass
        except (Stranger, ValueError) as problem:  # ValueError: what receive says to a malformed message
            self.refused, self.last_refused = self.refused + 1, str(problem)
            print(f"{self.name}: closed a peer's connection: {problem}", flush=True)
            writer.write(f"{problem}\n".encode())

    def _greeted(self, hello: list[Any]) -> str:
        """Who it is that connected. Raises Stranger."""
        told = hello[0] if len(hello) == 1 and isinstance(hello[0], dict) else {}
        if told.get("cluster") != self.cluster:
            raise Stranger(f"this is cluster {self.cluster!r}, you are of cluster {told.get('cluster')!r}")
        if told.get("to") != self.name or told.get("from") not in self.ports:
            raise Stranger(f"this is {self.name}, its peers are {', '.join(self.ports)}; got {str(told)[:120]}")
        if type(told.get("address")) is int:
            self.addresses[told["from"]] = told["address"]
        return str(told["from"])


async def _next(reader: asyncio.StreamReader) -> list[Any]:
    """The messages of the next frame. Raises Stranger if it is none."""
    head = await reader.readexactly(HEAD.size)
    length = int.from_bytes(head[:4])
    if "header" in (read_frame(head, 0)[0] or "") or length > FRAME_BYTES:
        raise Stranger(f"not a frame of a replica: {head!r}")
    problem, records, _ = read_frame(head + await reader.readexactly(length), 0)
    if problem is not None:
        raise Stranger(problem)
    try:
        return [json.loads(record) for record in records]
    except ValueError:
        raise Stranger(f"not JSON: {records[0][:80]!r}") from None
