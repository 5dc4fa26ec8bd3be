"""What the cache's tests share: a session without a socket, and servers to compare."""

from __future__ import annotations

from types import SimpleNamespace

import hiredis

from minisys.caching.keyspace import Keyspace
from minisys.caching.session import ClientSession
from minisys.testbed.resp import Limits
from minisys.testbed.resp_server import Patience


class Talk:
    """One client's session on *keys*, with a clock of its own: `talk("SET", "a", 1)` is the decoded answer."""

    def __init__(self, keys: Keyspace | None = None, limits: Limits | None = None) -> None:
        service = SimpleNamespace(
            keys=Keyspace() if keys is None else keys,
            limits=limits or Limits(),
            patience=Patience(),
            commands=0,
            sessions=lambda: [],
        )
        connection = SimpleNamespace(number=1)
        self.keys = service.keys
        self.session = ClientSession(service, connection)  # type: ignore[arg-type]
        self.now = 1000.0
        self.session.now = lambda: self.now  # type: ignore[method-assign, misc]

    def __call__(self, *words):
        request = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        reader = hiredis.Reader()
        reader.feed(self.session.execute(request))
        reply = reader.gets()
        return str(reply) if isinstance(reply, hiredis.ReplyError) else reply
