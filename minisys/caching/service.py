"""The cache server in one process: keys, clients, expiry and what it has counted; `start` opens its port.

Values that nobody asks for again would stay until their memory is needed, deadline or not. So ten times a second the
server looks at some of the keys that have one, as Redis does. Promised: everything runs in one thread, so a command is
done whole, and on the testbed's virtual clock the server behaves as on the real one, deadlines apart (they are dates).
"""

from __future__ import annotations

import asyncio
import random
import time

import psutil

from minisys.caching.admin import about_server
from minisys.caching.keyspace import Keyspace
from minisys.caching.session import ClientSession
from minisys.testbed import resp
from minisys.testbed.resp_server import Patience, Server

EXPIRE_EVERY_S = 0.1
EXPIRE_AT_MOST_S = 0.01  # then the clients have their turn


class Service:
    """A running cache. keys: what it holds; limits, patience: what its clients may do; commands: how many it did."""

    def __init__(self, keys: Keyspace, limits: resp.Limits, patience: Patience) -> None:
        self.keys, self.limits, self.patience = keys, limits, patience
        self.server = Server(lambda connection: ClientSession(self, connection), limits, patience)
        self.commands = 0
        self.rng = random.Random(0)
        self.since_s = time.monotonic()
        self._expiring: asyncio.Task | None = None

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self.server.port

    def sessions(self) -> list[ClientSession]:
        """Of all clients connected."""
        return [each.session for each in self.server.connections.values() if isinstance(each.session, ClientSession)]

    async def close(self) -> None:
        """Let everybody go."""
        if self._expiring is not None:
            self._expiring.cancel()
            await asyncio.gather(self._expiring, return_exceptions=True)
        await self.server.close()

    def reset(self) -> None:
        """Count from 0 again."""
        self.keys.counts = type(self.keys.counts)()
        self.commands = self.server.turned_away = 0

    def report(self) -> dict[str, dict[str, object]]:
        """What INFO says, section by section."""
        keys, counts, server = self.keys, self.keys.counts, self.server
        return {
            "Server": about_server(self.port, time.monotonic() - self.since_s),
            "Clients": {"connected_clients": len(server.connections), "maxclients": self.patience.clients},
            "Memory": {
                "used_memory": keys.used, "used_memory_rss": psutil.Process().memory_info().rss,
                "maxmemory": keys.maxmemory, "maxmemory_policy": keys.policy_name,
            },
            "Stats": {
                "total_connections_received": server.accepted, "rejected_connections": server.turned_away,
                "total_commands_processed": self.commands, "expired_keys": counts.expired,
                "evicted_keys": counts.evictions, "keyspace_hits": counts.hits, "keyspace_misses": counts.misses,
            },
            "Keyspace": {"db0": f"keys={len(keys)},expires={len(keys.mortal)},avg_ttl=0"} if len(keys) else {},
        }  # fmt: skip

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_S)
            end = time.monotonic() + EXPIRE_AT_MOST_S
            while self.keys.expire(time.time(), self.rng, rounds=50) > 50 and time.monotonic() < end:
                pass


async def start(
    policy: str = "noeviction",
    maxmemory: int = 0,
    *,
    port: int = 0,
    limits: resp.Limits = resp.Limits(),  # noqa: B008 (frozen)
    patience: Patience | None = None,
) -> Service:
    """A cache that accepts clients on 127.0.0.1:*port* (0: any free one).

    Raises ValueError for an unknown policy or negative maxmemory, OSError if the port is taken.
    """
    service = Service(Keyspace(policy, maxmemory), limits, patience or Patience())
    await service.server.listen(port)
    service._expiring = asyncio.get_running_loop().create_task(service._expire())
    return service
