"""RabbitMQ, a product, as the same kind of queue, where this machine has it from its Linux distribution.

    with rabbitmq() as node, Orders(node.port) as orders:
        orders.send("order 7")
        for message in orders.receive(): orders.delete(message)

It pushes: a consumer subscribes and gets up to *most_unacknowledged* messages ahead (its prefetch). There is no
visibility timeout: what is not acknowledged comes back when the connection of its consumer ends (or after 30 minutes,
consumer_timeout). A server that is killed may deliver once more what was acknowledged just before.

There is no wheel for it: `apt install rabbitmq-server` brings it with Erlang, and a service of its own, which is not
touched here.

Promised: loopback only, its files in a temporary folder, nothing outlives the block. A send returns when the broker
says that the message is on disk. The protocol is STOMP, which RabbitMQ's own plugin speaks and a page of Python too.
Checked with RabbitMQ 3.10.8. Source: rabbitmq.com, STOMP plugin, consumer acknowledgements; STOMP 1.2.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from minisys.testbed import nodes
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

__all__ = ["Message", "Orders", "ProductMissing", "found", "rabbitmq"]
GIVE_UP_S, START_S = 10.0, 60.0
PROTOCOL = "listeners.tcp = none\nstomp.listeners.tcp.1 = 127.0.0.1:{port}\n"


class Message(NamedTuple):
    """One delivery: its text, whether it was delivered before, and what to acknowledge it by."""

    text: str
    again: bool
    receipt: str


def found() -> Path:
    """RabbitMQ's own start script. Raises ProductMissing in one sentence without it."""
    wrapper = shutil.which("rabbitmq-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")  # not in a user's PATH
    if wrapper is None or shutil.which("epmd") is None:
        raise ProductMissing("rabbitmq is not installed: apt install rabbitmq-server brings it; there is no wheel")
    # Debian's wrapper becomes another user and writes below /var; the script it calls does neither.
    own = sorted(Path(wrapper).parent.parent.glob("lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))
    return own[-1] if own else Path(wrapper)


@contextmanager
def rabbitmq(*, folder: Path | None = None) -> Iterator[Node]:
    """A RabbitMQ server for a ``with`` block; *folder* keeps its messages when it is started again.

    Raises ProductMissing in one sentence without it.
    """
    script = found()
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", dir=nodes._folder()) as own:
        names, port, between = nodes.free_port(), nodes.free_port(), nodes.free_port()
        Path(own, "plugins").write_text("[rabbitmq_stomp].\n")
        Path(own, "rabbit.conf").write_text(PROTOCOL.format(port=port))
        settings = _settings(Path(own), folder or Path(own), names, between)
        with _serving(["epmd", "-address", "127.0.0.1", "-port", str(names)], "epmd", names):
            with _serving(["env", *settings, "sh", str(script)], "rabbitmq", port) as node:
                yield node


def _settings(own: Path, folder: Path, names: int, between: int) -> list[str]:
    """Its environment: every file in *own* or *folder*, every port on loopback, Erlang's name server at *names*."""
    return [
        f"HOME={own}", f"ERL_EPMD_PORT={names}", "ERL_EPMD_ADDRESS=127.0.0.1", f"RABBITMQ_DIST_PORT={between}",
        "RABBITMQ_NODENAME=orders@localhost", f"RABBITMQ_MNESIA_BASE={folder}/mnesia", f"RABBITMQ_LOG_BASE={own}/log",
        "RABBITMQ_LOGS=-", f"RABBITMQ_ENABLED_PLUGINS_FILE={own}/plugins", f"RABBITMQ_CONFIG_FILE={own}/rabbit.conf",
        "RABBITMQ_CONF_ENV_FILE=/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
    ]  # fmt: skip


@contextmanager
def _serving(argv: list[str], name: str, port: int) -> Iterator[Node]:
    def ready(node: Node) -> bool:
        node.port = port
        return nodes.accepts(node)

    node = nodes.start(argv, name=name, ready=ready, within_s=START_S)
    try:
        yield node
    finally:
        node.kill()


class Orders:
    """The durable queue "orders" of the server at *port*, over one connection: `with Orders(port) as orders`.

    *most_unacknowledged*: so many messages it may have at a time. Raises ValueError if that is below 1.
    """

    def __init__(self, port: int, *, most_unacknowledged: int = 10) -> None:
        if most_unacknowledged < 1:
            raise ValueError(f"a consumer has at least one message at a time, got {most_unacknowledged}")
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP_S)
        self._unread, self._count, self._most = b"", 0, most_unacknowledged
        self._subscribed, self._waiting = False, list[Message]()
        self._write("CONNECT", **{"accept-version": "1.2", "host": "/", "login": "guest", "passcode": "guest"})
        self._until("CONNECTED")

    def send(self, text: str) -> None:
        """Send, and wait until the broker has it on disk."""
        self._confirmed("SEND", text, destination="/queue/orders", persistent="true")

    def receive(self, most: int = 10, wait_s: float = 1.0) -> list[Message]:
        """Up to *most* messages, fewer after *wait_s* seconds."""
        if not self._subscribed:
            self._subscribed = True
            self._confirmed(
                "SUBSCRIBE", id="0", destination="/queue/orders", ack="client-individual",
                **{"prefetch-count": str(self._most)},
            )  # fmt: skip
        deadline_s = time.monotonic() + wait_s
        while len(self._waiting) < most and (left_s := deadline_s - time.monotonic()) > 0:
            self._read(left_s)
        got, self._waiting = self._waiting[:most], self._waiting[most:]
        return got

    def delete(self, message: Message) -> None:
        """Acknowledge, and wait until the broker has it."""
        self._confirmed("ACK", id=message.receipt)

    def __enter__(self) -> Orders:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()  # without a goodbye: it must not matter

    def _confirmed(self, command: str, body: str = "", **headers: str) -> None:
        self._count += 1
        self._write(command, body, receipt=str(self._count), **headers)
        self._until("RECEIPT")

    def _write(self, command: str, body: str = "", /, **headers: str) -> None:
        lines = [command, *(f"{name}:{value}" for name, value in headers.items())]
        self._socket.sendall(("\n".join(lines) + "\n\n" + body + "\0").encode())

    def _until(self, command: str) -> None:
        """Read up to *command*, keeping the messages before it. Raises ConnectionError for a refusal or silence."""
        while (found := self._read(GIVE_UP_S)) != command:
            if found is None:
                raise ConnectionError(f"rabbitmq said no {command} within {GIVE_UP_S:g} s")

    def _read(self, wait_s: float) -> str | None:
        """The command of the next frame, None after *wait_s*; a message is put by, an error raised."""
        self._socket.settimeout(wait_s)
        try:
            while b"\0" not in self._unread:
                came = self._socket.recv(65536)
                if not came:
                    raise ConnectionError("rabbitmq closed the connection")
                self._unread += came
        except TimeoutError:
            return None
        frame, _, self._unread = self._unread.partition(b"\0")
        head, _, body = frame.decode().lstrip("\n").partition("\n\n")
        command, *lines = head.split("\n")
        headers = dict(line.split(":", 1) for line in lines)
        if command == "ERROR":
            raise ConnectionError(f"rabbitmq refused: {headers.get('message', '')} {body}".strip())
        if command == "MESSAGE":
            self._waiting.append(Message(body, headers.get("redelivered") == "true", headers["ack"]))
        return command
