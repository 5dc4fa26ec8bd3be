"""Users of a sharded store: the official cluster client behind the harness of chapter 06.

The harness has clients that keep their own books, plays a fault, reads everything back and judges. What it needs is a
way to a store for each client; here it is redis-py's RedisCluster, which follows MOVED and ASK by itself. So what users
see of a move or a takeover is what they see with the client that they have in production.

Promised: an error that the client gives up on is *indefinite* for a write, never "failed": it may have sent it more
than once. Not done here: counting or playing faults (replication.harness, experiments.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from minisys.replication.clients import Refused


def redis_cluster(ports: Sequence[int], *, meets_newcomers: bool = False, **options: Any) -> Any:
    """The official client, redis-py's RedisCluster, which is told of the nodes on *ports* and finds the others.

    meets_newcomers: repair the one thing in it that breaks while a cluster grows (see `_repaired`). *options* as
    RedisCluster has them. Raises ImportError with a hint if redis-py is not there.
    """
    try:
        from redis.cluster import ClusterNode, RedisCluster
    except ImportError:
        raise ImportError("the official client is not installed: make lab installs it (redis-py)") from None
    kind = _repaired() if meets_newcomers else RedisCluster
    patience = {"socket_timeout": 2.0, "socket_connect_timeout": 1.0}
    return kind(startup_nodes=[ClusterNode("127.0.0.1", port) for port in ports], **(patience | options))


@cache
def _repaired() -> type:
    """RedisCluster that follows ASK to a node which it has not seen yet.

    A new shard owns no slot, so CLUSTER SLOTS does not name it; the first that a client hears of it is ASK, and
    redis-py 8.1 then fails with AttributeError. Source: github.com/redis/redis-py/issues/2432.
    """
    from redis.cluster import PRIMARY, ClusterNode, RedisCluster

    class MeetsNewcomers(RedisCluster):
        def get_node(self, host: Any = None, port: Any = None, node_name: Any = None) -> Any:
            found = super().get_node(host, port, node_name)
            if found is None and node_name is not None:
                there = node_name.rsplit(":", 1)
                with self.nodes_manager._lock:
                    fresh = ClusterNode(there[0], int(there[1]), PRIMARY)
                    found = self.nodes_manager.nodes_cache.setdefault(node_name, fresh)
            return found

    return MeetsNewcomers


class ClusterStore:
    """One user's way to a sharded store; *connect_to* gives a client with get, set and close (redis-py's).

    prefix: before each key, so that a second run on the same cluster does not meet the values of the first.
    """

    def __init__(self, connect_to: Callable[[], Any], prefix: str = "") -> None:
        self.connect_to, self.prefix = connect_to, prefix
        self.client: Any = None

    def connect(self) -> None:
        """Draw a map of the cluster. Raises ConnectionError if no node answers."""
        self.client = self._say(self.connect_to)

    def write(self, key: str, value: str) -> None:
        self._say(self.client.set, self.prefix + key, value)

    def read(self, key: str) -> str | None:
        value = self._say(self.client.get, self.prefix + key)
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
        except (RedisError, AttributeError) as problem:  # AttributeError: see _repaired
            raise ConnectionError(repr(problem)) from None
