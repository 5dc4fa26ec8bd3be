"""Replicas, links and clients in one process, on the virtual clock: a minute of outage in a tenth of a second."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import hiredis

from minisys.replication.__main__ import parser, replica, serve
from minisys.replication.log import Disk
from minisys.replication.peers import Peers
from minisys.replication.quorum_replica import QuorumReplica
from minisys.replication.replica import Replica
from minisys.testbed.clock import run_virtual
from minisys.testbed.fault_proxy import FaultProxy, Faults
from minisys.testbed.resp_server import Server


class Client:
    """A connection to a replica."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.parser = reader, writer, hiredis.Reader()

    async def ask(self, *words: Any) -> Any:
        """The answer, errors too (as hiredis.ReplyError). Raises ConnectionError if there is none."""
        self.writer.write(hiredis.pack_command(words))
        while (reply := self.parser.gets()) is False:
            if not (data := await self.reader.read(65_536)):
                raise ConnectionError("closed")
            self.parser.feed(data)
        return reply


class Stage:
    """*names* replicas with *options* of the command line; `play` makes it. Replica i draws from seed + i."""

    def __init__(self, folder: Path, names: str, options: Iterable[str], seed: int) -> None:
        self.folder, self.names, self.options, self.seed = folder, names, [*options], seed
        self.proxy = FaultProxy()
        self.nodes: dict[str, Any] = {}
        self.servers: dict[str, Server] = {}
        self.disks: dict[str, Disk] = {}
        self.clients: list[Client] = []

    async def open(self) -> None:
        for a, b in itertools.permutations(self.names, 2):
            await self.proxy.add(f"{a}-{b}", 1)
        for name in self.names:
            await self.start(name)

    async def start(self, name: str) -> Replica | QuorumReplica:
        seed = str(self.seed + self.names.index(name))
        options = parser().parse_args([*self.options, "--name", name, "--seed", seed])
        ports = {peer: self.proxy.links[f"{name}-{peer}"].port for peer in self.names if peer != name}
        peers = Peers("minisys", name, ports, lambda _: None)
        node = replica(options, peers, self.folder, threaded=False, disk=self.disks.get(name))
        self.servers[name], port = await serve(node, options)
        for peer in ports:
            self.proxy.links[f"{peer}-{name}"].target = port
        self.nodes[name] = node
        return node

    async def kill(self, name: str) -> None:
        """It is gone, with all that it had not said yet."""
        node = self.nodes.pop(name)
        for peer in self.names:
            if peer != name:
                self.proxy.links[f"{name}-{peer}"].reset()
        await node.close()
        await self.servers.pop(name).close()
        await node.peers.close()

    def set(self, a: str, b: str, faults: Faults) -> None:
        """The links from each of *a* to each of *b*, and back, have *faults*."""
        for one, other in itertools.product(a, b):
            if one != other:
                self.proxy.links[f"{one}-{other}"].set("both", faults)
                self.proxy.links[f"{other}-{one}"].set("both", faults)

    async def client(self, name: str) -> Client:
        made = Client(*await asyncio.open_connection("127.0.0.1", self.servers[name].port))
        self.clients.append(made)
        return made

    async def leader(self, within_s: float = 30.0, but: str = "") -> str:
        """Who leads in the highest term; a replica of *but* does not count. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                led = [(node.machine.state.term, name) for name, node in self.nodes.items() if node.leads]
                if (led := [one for one in led if one[1] not in but]) and self.nodes[max(led)[1]].applied:
                    return max(led)[1]
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        for client in self.clients:
            client.writer.close()
        for name in list(self.nodes):
            await self.kill(name)
        await self.proxy.close()
        await asyncio.sleep(1)


def play(
    folder: Path, scene: Callable[[Stage], Awaitable[Any]], *options: str, names: str = "abc", seed: int = 1
) -> Any:
    """The result of *scene* on a stage with so many replicas."""

    async def main() -> Any:
        stage = Stage(folder, names, options, seed)
        try:
            await stage.open()
            async with asyncio.timeout(600):
                return await scene(stage)
        finally:
            await stage.close()

    return run_virtual(main())
