"""A blocking client for everything that speaks the Redis protocol: one socket, one command, one answer.

You want to know what the server said, not what a pool, a retry and a cluster map made of it. An experiment that counts
lost writes must see every broken connection, so nothing is repeated here and nothing is hidden.

Promised: a command is sent once; an answer that does not come in time is an OSError. Not done here: pools, retries,
clusters (redis-py has them, and chapter 07 drives it).
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Self

import hiredis

PATIENCE_S = 10.0


class Socket:
    """A blocking connection to 127.0.0.1:*port* that ends with its `with` block; *patience_s* seconds for each wait."""

    def __init__(self, port: int, patience_s: float = PATIENCE_S) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=patience_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def receive(self) -> bytes:
        """The next bytes. Raises ConnectionError if there are none any more, TimeoutError if they take too long."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the server has closed the connection")
        return data


class RespSocket(Socket):
    """A connection that speaks the Redis protocol."""

    def __init__(self, port: int, patience_s: float = PATIENCE_S) -> None:
        super().__init__(port, patience_s)
        self.reader = hiredis.Reader()

    def ask(self, *words: str | bytes | int | float) -> Any:
        """The answer to one command. Raises hiredis.ReplyError with the server's words if it is an error."""
        self.socket.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]
        while (reply := self.reader.gets()) is False:
            self.reader.feed(self.receive())
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def send(self, commands: Sequence[Sequence[str | bytes | int | float]]) -> None:
        """Send *commands* without waiting; `replies` reads what they were answered."""
        self.socket.sendall(b"".join(hiredis.pack_command(tuple(each)) for each in commands))  # type: ignore[arg-type]

    def replies(self, count: int) -> list[Any]:
        """The next *count* answers; an error is one of them, not raised."""
        found: list[Any] = []
        while len(found) < count:
            if (reply := self.reader.gets()) is False:
                self.reader.feed(self.receive())
            else:
                found.append(reply)
        return found
