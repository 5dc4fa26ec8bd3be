"""Our own replicas behind the harness: the same load and the same judge as for PostgreSQL, Valkey and NATS.

Whoever writes the store should not write its exam. The adapter is all that is special: who is asked for the primary,
and which of its errors mean that nothing happened.

Promised: READONLY, ABORTED, CLUSTERDOWN and REDIRECT are a certain no, TIMEOUT and MISCONF are not (replica.py).
With *lag_s* what the first primary says to its replicas takes that much longer, and dies with it if it is killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import hiredis

from minisys.replication.clients import Refused
from minisys.replication.live import ASK_S, Cluster, cluster
from minisys.testbed.resp_client import RespSocket

MODES = ("async", "semi-sync", "all", "raft")
PATIENCE_S = 1.0
NOBODY_KNOWS = ("TIMEOUT", "MISCONF")


class OurStore:
    """A Store (clients.py) of the replicas at *addresses* (name to port): it asks all of them who leads."""

    def __init__(self, addresses: Mapping[str, int]) -> None:
        self._addresses = addresses
        self._primary: RespSocket | None = None

    def connect(self) -> None:
        """Connect to the replica that leads with the highest term. Raises ConnectionError if none does."""
        self.close()
        leaders = [(term, port) for port in self._addresses.values() if (term := term_of(port)) is not None]
        if not leaders:
            raise ConnectionError("no replica leads")
        self._primary = RespSocket(max(leaders)[1], PATIENCE_S)

    def write(self, key: str, value: str) -> None:
        """SET."""
        self._ask("SET", key, value)

    def read(self, key: str) -> str | None:
        """GET."""
        found = self._ask("GET", key)
        return None if found is None else str(found.decode())

    def close(self) -> None:
        """Hang up."""
        if self._primary is not None:
            self._primary.close()
            self._primary = None

    def _ask(self, *words: str) -> Any:
        if self._primary is None:
            raise ConnectionError("not connected")
        try:
            return self._primary.ask(*words)
        except hiredis.ReplyError as no:
            if str(no).startswith(NOBODY_KNOWS):
                raise TimeoutError(str(no)) from None
            raise Refused(str(no)) from None


class Ours:
    """A running `Cluster` as a System of the harness; `replicas()` makes it."""

    name = "minisys"

    def __init__(self, mode: str, cluster: Cluster) -> None:
        self.mode, self.cluster = mode, cluster

    def store(self) -> OurStore:
        """A client's way to it."""
        return OurStore(self.cluster.addresses)

    def kill_primary(self) -> None:
        """SIGKILL whoever leads; what its links still hold goes with it."""
        self.cluster.kill(self.cluster.primary())

    def pause_primary(self) -> None:
        """SIGSTOP whoever leads."""
        self.cluster.pause(self.cluster.primary())

    def cut_primary(self) -> None:
        """Whoever leads no longer hears the other replicas, nor they it. Clients reach all of them as before."""
        primary = self.cluster.primary()
        self.cluster.partition(primary, [name for name in self.cluster.names if name != primary])

    def mend(self) -> None:
        """All links are good again, the paused go on, the dead are started with their logs."""
        self.cluster.heal()
        for name, node in self.cluster.nodes.items():
            if node.running:
                self.cluster.resume(name)
            else:
                self.cluster.restart(name)


def term_of(port: int) -> int | None:
    """The term in which the replica on *port* leads; None if it does not, or does not answer."""
    try:
        with RespSocket(port, ASK_S) as asked:
            told = dict(line.split(":", 1) for line in asked.ask("INFO").decode().splitlines() if ":" in line)
    except (OSError, hiredis.HiredisError):
        return None
    return int(told["term"]) if told["role"] == "master" else None


@contextmanager
def replicas(mode: str = "raft", *, size: int = 3, lag_s: float = 0.0, **options: Any) -> Iterator[Ours]:
    """*size* replicas in *mode* (one of MODES) with a primary, for a ``with`` block; *options* as in live.cluster.

    Raises ValueError for a bad argument.
    """
    if mode not in MODES or not lag_s >= 0:
        raise ValueError(f"mode must be one of {', '.join(MODES)} and lag_s >= 0, got {mode!r} and {lag_s}")
    with cluster(mode, size=size, **options) as made:
        primary = made.primary()
        for peer in made.names:
            if peer != primary and lag_s > 0:
                made.network.set(f"{primary}-{peer}", "forward", delay_s=lag_s)
        yield Ours(mode, made)
