"""PostgreSQL with a standby: what `synchronous_commit` is worth on the morning the primary dies.

PostgreSQL answers COMMIT when the level you chose is reached: written nowhere yet (off), on the primary's disk (local),
on the standby's disk too (on), or visible there too (remote_apply). Only then the client says "sold".

    with pair("local", lag_s=0.05) as system: ...          # the harness does the rest

PostgreSQL does not fail over by itself. A watcher here asks the primary for a sign of life every 0.1 s and calls
pg_promote() after three misses, as Patroni, repmgr or a managed service would, only sooner (Patroni waits 30 s).

About lag, honestly: on one machine the standby is some 0.1 ms behind, and SIGKILL kills processes, not what they have
handed to the kernel. A machine that dies takes its send queue with it. So with *lag_s* the standby reads through the
fault proxy, which holds all the primary says for that long, and its death loses what is held.

Promised: works for root (PostgreSQL refuses that: it then runs as user nobody, in a user namespace if there may be one)
and for others, adds no user, leaves no process, no file and no shared memory. Not promised: TLS, passwords (loopback
only, any local user may connect). Checked with PostgreSQL 18.6. Sources: PostgreSQL manual, 19.5.1, 26.2.8, 26.3.
"""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from minisys.replication import postgres_setup as setup
from minisys.replication.postgres_store import PostgresStore, query
from minisys.testbed import nodes, wheels
from minisys.testbed.fault_control import Network, network
from minisys.testbed.nodes import Node
from minisys.testbed.wheels import ProductMissing

__all__ = ["MODES", "Pair", "ProductMissing", "pair"]
MODES = ("off", "local", "remote_write", "on", "remote_apply")
ASYNCHRONOUS = ("off", "local")
LINK, SSL_REQUEST = "standby-primary", struct.pack("!ii", 8, 80_877_103)
MISSES, EVERY_S = 3, 0.1


class Pair:
    """A primary, a standby, and a watcher that promotes the standby; `pair()` makes it.

    *port* is where clients find the primary, as a virtual address or DNS would tell them; promotion moves it.
    """

    name = "PostgreSQL"

    def __init__(self, mode: str, primary: Node, standby: Node, link: Network | None) -> None:
        self.mode, self.primary, self.standby, self._link = mode, primary, standby, link
        self.port, self.promoted = primary.port, threading.Event()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def store(self) -> PostgresStore:
        """A client's way to the primary, whoever that is when it connects."""
        return PostgresStore(lambda: self.port)

    def kill_primary(self) -> None:
        """SIGKILL all of the primary's processes; what the laggy link still holds goes with them."""
        kill(self.primary, then=self._lose_what_is_on_its_way)

    def _lose_what_is_on_its_way(self) -> None:
        if self._link is not None:
            self._link.reset(LINK)

    def pause_primary(self) -> None:
        """SIGSTOP the primary's processes. The watcher kills it before it promotes (fencing), or there would be two."""
        for process in family(self.primary):
            nodes._tell_guard(f"+{process.pid}")  # stopped, it would not notice that its postmaster is gone
        pause(self.primary)

    def promote(self) -> None:
        """Fence the primary, promote the standby and send clients there."""
        self.kill_primary()
        query(self.standby.port, "select pg_promote(true, 10)")
        self.port = self.standby.port
        self.promoted.set()

    def _watch(self) -> None:
        misses = 0
        while not self._over.wait(EVERY_S) and misses < MISSES:
            misses = 0 if alive(self.primary.port) else misses + 1
        if misses >= MISSES:
            self.promote()


@contextmanager
def pair(mode: str = "local", *, lag_s: float = 0.0) -> Iterator[Pair]:
    """A primary and its standby for the time of a ``with`` block; some 2 seconds to start.

    mode: the level of synchronous_commit, one of MODES. lag_s: the standby hears the primary that much later.
    Raises ProductMissing in one sentence if PostgreSQL cannot run here, ValueError for a bad argument.
    """
    if mode not in MODES or not lag_s >= 0:
        raise ValueError(f"mode must be one of {', '.join(MODES)} and lag_s >= 0, got {mode!r} and {lag_s}")
    if not wheels.importable("psycopg"):
        raise ProductMissing("the client psycopg is not installed: make lab installs it")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minisys-postgres-")))
        nodes._tell_guard(f"dir {folder}")
        programs = setup.programs(folder)
        setup.initdb(programs, folder / "primary")
        stop = stack.callback
        primary = started(programs, folder / "primary", stop, *_primary_options(mode))
        query(primary.port, "create table kv (key text primary key, value text not null)")
        link, source = None, primary.port
        if lag_s > 0:
            link = stack.enter_context(network())
            source = link.link(LINK, primary.port)
            link.set(LINK, "backward", delay_s=lag_s)
        setup.base_backup(programs, folder / "standby", primary.port)
        standby = started(programs, folder / "standby", stop, *_standby_options(source))
        _wait_for_stream(primary.port, mode)
        system = Pair(mode, primary, standby, link)
        system._watcher.start()
        stack.callback(system._watcher.join)
        stack.callback(system._over.set)
        yield system


def kill(node: Node, then: Callable[[], object] = lambda: None) -> None:
    """SIGKILL the postmaster and its children, which have process groups of their own; do *then*; tidy up."""
    processes = family(node)
    node.kill()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    then()
    while any(_runs(process) for process in processes):
        time.sleep(0.001)
    for process in processes:
        nodes._tell_guard(f"-{process.pid}")
    setup.free_shared_memory(node.argv)


def pause(node: Node) -> None:
    """SIGSTOP the postmaster and its children; a short-lived child may end before it is stopped."""
    for process in family(node):
        with suppress(psutil.NoSuchProcess):
            process.suspend()


def resume(node: Node) -> None:
    """Let them go on."""
    for process in family(node):
        with suppress(psutil.NoSuchProcess):
            process.resume()


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(node: Node) -> list[psutil.Process]:
    """The postmaster and its children; none if it is gone."""
    try:
        postmaster = psutil.Process(node.pid)
        return [postmaster, *postmaster.children(recursive=True)] if node.running else []
    except psutil.NoSuchProcess:
        return []


def alive(port: int, patience_s: float = 0.3) -> bool:
    """Whether a PostgreSQL answers on *port*: the first question of its protocol (may we use TLS?) needs no login."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as asked:
            asked.sendall(SSL_REQUEST)
            return asked.recv(1) in (b"N", b"S")
    except OSError:
        return False


def _primary_options(mode: str) -> list[str]:
    waits_for = "" if mode in ASYNCHRONOUS else "standby"
    return [f"synchronous_commit={mode}", f"synchronous_standby_names={waits_for}", "wal_keep_size=64MB"]


def _standby_options(source: int) -> list[str]:
    # Alone after the promotion, it waits for nobody: whoever must not lose two machines in a row needs a third one.
    conninfo = f"host=127.0.0.1 port={source} user=postgres application_name=standby"
    return [f"primary_conninfo={conninfo}", "synchronous_standby_names=", "wal_retrieve_retry_interval=100ms"]


def started(programs: setup.Programs, data: Path, stop: Callable[..., object], *options: str) -> Node:
    """A server with *data* and *options* that answers; *stop* is told how to end it. Raises NodeFailed."""
    port = nodes.free_port()

    def ready(node: Node) -> bool:
        node.port = port
        try:
            return query(port, "select 1") == "1"
        except OSError:
            return False

    node = nodes.start(setup.argv(programs, data, port, options), name=f"postgres-{data.name}", ready=ready)
    stop(kill, node)
    return node


def _wait_for_stream(port: int, mode: str) -> None:
    """Until the primary streams to the standby, and, if it waits for it, knows that."""
    state = "async" if mode in ASYNCHRONOUS else "sync"
    wanted = f"select count(*) from pg_stat_replication where state = 'streaming' and sync_state = '{state}'"
    deadline = time.monotonic() + 15
    while query(port, wanted) != "1":
        if time.monotonic() > deadline:
            raise nodes.NodeFailed(f"the standby does not stream from the primary on port {port}")
        time.sleep(0.01)
