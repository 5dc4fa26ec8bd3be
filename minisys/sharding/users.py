"""Users of a sharded store: the official cluster client behind the harness of chapter 06.

The harness has clients that keep their own books, plays a fault, reads everything back and judges. What it needs is a
way to a store for each client; here it is redis-py's RedisCluster, which follows MOVED and ASK by itself. So what users
see of a move or a takeover is what they see with the client that they have in production.

Promised: an error that the client gives up on is *indefinite* for a write, never "failed": it may have sent it more
than once. Not done here: counting or playing faults (replication.harness, experiments.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minisys.replication.clients import Refused


class ClusterStore:
    """One user's way to a sharded store; *connect_to* gives a client with get, set and close (redis-py's)."""

    def __init__(self, connect_to: Callable[[], Any]) -> None:
        self.connect_to = connect_to
        self.client: Any = None

    def connect(self) -> None:
        """Draw a map of the cluster. Raises ConnectionError if no node answers."""
        self.client = self._say(self.connect_to)

    def write(self, key: str, value: str) -> None:
        self._say(self.client.set, key, value)

    def read(self, key: str) -> str | None:
        value = self._say(self.client.get, key)
        return None if value is None else value.decode()

    def close(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None

    @staticmethod
    def _say(do: Callable[..., Any], *words: object) -> Any:
        from redis.exceptions import RedisError, ResponseError

        try:
            return do(*words)
        except ResponseError as problem:
            if type(problem) is ResponseError:  # not CLUSTERDOWN and its like, after which anything may be
                raise Refused(str(problem)) from None
            raise ConnectionError(repr(problem)) from None
        except RedisError as problem:
            raise ConnectionError(repr(problem)) from None
