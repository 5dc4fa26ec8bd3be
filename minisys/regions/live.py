"""Two regions on one machine: in each a database, an application and a folder; between them a wire with its delay.

A region burns: the machines are gone, their disks too, and whatever was on the wire. Here a region is a group of
processes and a folder, so that it can burn on a laptop: SIGKILL to all of it, its folder deleted, its links reset.

    with two_regions() as two:
        two.a.begin()                      # a new primary, and the shop's application
        two.b.follow(two.a)                # its standby in the other region, half a round trip away
        two.lose(two.a)

Promised: all between the regions that is streamed or asked goes through the fault proxy, delayed in each direction once
a standby streams; when the block ends, no process, no file and no shared memory is left. Not so: first copies of a
database (pg_basebackup) come without the delay, which the proxy's window of 256 kB would turn into a narrow wire.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from minisys.regions.shop import TABLE
from minisys.replication import postgres, postgres_setup
from minisys.replication.postgres_store import query
from minisys.testbed import nodes, wheels
from minisys.testbed.fault_control import Network, network
from minisys.testbed.nodes import Node, NodeFailed
from minisys.testbed.wheels import ProductMissing

DELAY_S = 0.04  # one way, so 80 ms there and back: Virginia to Ireland as providers publish it
SMALL_WAL = "--wal-segsize=1"  # segments of 1 MB instead of 16: they are archived whole, once a second


class Region:
    """One region: *folder* is its disk, *database* and *app* its processes (None: there is none)."""

    def __init__(self, name: str, both: TwoRegions) -> None:
        self.name, self.both = name, both
        self.folder = both.folder / name
        self.database: Node | None = None
        self.app: Node | None = None
        both.own(self.folder)

    @property
    def port(self) -> int:
        """The database's port. Raises NodeFailed if there is none."""
        if self.database is None:
            raise NodeFailed(f"region {self.name} has no database now")
        return self.database.port

    def begin(self, *options: str) -> None:
        """A new database with an empty table of orders, as primary; *options* like "archive_mode=on"."""
        self._new_cluster(self.folder / "data")
        self.start("wal_keep_size=64MB", *options)
        query(self.port, TABLE)

    def _new_cluster(self, data: Path) -> None:
        """initdb takes a second; this process keeps what the first one made, and copies it."""
        kept = nodes._folder() / "cluster"
        if kept.exists():
            shutil.copytree(kept, data)
            self.both.own(data)
            return
        postgres_setup.initdb(self.both.programs, data, SMALL_WAL)
        copy = Path(shutil.copytree(data, Path(tempfile.mkdtemp(dir=kept.parent)) / "cluster"))
        with suppress(OSError):  # another thread was faster
            copy.rename(kept)
        shutil.rmtree(copy.parent)

    def start(self, *options: str) -> None:
        """Start the database in this region's folder."""
        stop, data = self.both.stack.callback, self.folder / "data"
        # Nobody pulls the plug of this machine: a lost disk is a deleted one, and a kernel keeps what it was given.
        self.database = postgres.started(self.both.programs, data, stop, "fsync=off", *options)

    def copy(self, other: Region) -> None:
        """A base copy of *other*'s database in this folder."""
        postgres_setup.base_backup(self.both.programs, self.folder / "data", other.port)

    def follow(self, other: Region, *, synchronous: bool = False) -> None:
        """Start the copy that is here as *other*'s standby, and wait until it streams."""
        (self.folder / "data" / "standby.signal").touch()
        self.both.own(self.folder / "data" / "standby.signal")
        source = self.both.link(self, other)
        conninfo = f"host=127.0.0.1 port={source} user=postgres application_name=standby"
        self.start(
            f"primary_conninfo={conninfo}", "synchronous_standby_names=", "synchronous_commit=local",
            "wal_retrieve_retry_interval=100ms", "wal_keep_size=64MB",
        )  # fmt: skip
        state = "sync" if synchronous else "async"
        streams = f"select count(*) from pg_stat_replication where state = 'streaming' and sync_state = '{state}'"
        until(lambda: query(other.port, streams) == "1", f"{self.name} does not stream from {other.name}")
        self.both.slow(self, other)

    def promote(self) -> None:
        """The standby here becomes a primary."""
        query(self.port, "select pg_promote(true, 10)")

    def open(self, *ports: int) -> None:
        """Start the application, on the databases at *ports* (default: this region's own)."""
        where = [str(port) for port in ports or (self.port,)]
        self.app = nodes.start("minisys.regions.shop", *where, name=f"shop-{self.name}")
        self.both.stack.callback(self.app.kill)

    def shut_down(self) -> None:
        """An orderly end: the application first, then the database, which sends its standby all that it has."""
        if self.app is not None:
            self.app.stop()
            self.app = None
        if self.database is not None:
            os.kill(self.database.pid, signal.SIGINT)  # "fast": no new work, what is in hand is rolled back
            until(lambda: self.database is None or not self.database.running, f"{self.name} does not shut down")
            postgres.kill(self.database)
            self.database = None


class TwoRegions:
    """Regions *a* and *b*, and the *network* between them, *delay_s* seconds one way; `two_regions()` makes it."""

    def __init__(
        self, programs: postgres_setup.Programs, net: Network, folder: Path, stack: ExitStack, delay_s: float
    ) -> None:
        self.programs, self.network, self.folder, self.stack, self.delay_s = programs, net, folder, stack, delay_s
        self.a, self.b = Region("a", self), Region("b", self)

    def own(self, path: Path) -> None:
        """Make the folder *path* if it is missing; it and all in it belong to whom the database runs as."""
        if not path.exists():
            path.mkdir(mode=0o700, parents=True)
        if self.programs.prefix == postgres_setup.BECOME:
            for one in [path, *path.rglob("*")]:
                os.chown(one, postgres_setup.NOBODY, postgres_setup.NOBODY)

    def link(self, near: Region, far: Region) -> int:
        """The port at which *near* reaches the database of *far*."""
        return self.network.link(f"{near.name}-{far.name}", far.port)

    def slow(self, near: Region, far: Region) -> None:
        """The link from *near* to *far* has its delay from now on."""
        self.network.set(f"{near.name}-{far.name}", "both", delay_s=self.delay_s)

    def lose(self, region: Region) -> float:
        """All of region *region* is gone at once: its processes, what they had on the wire, and its disk.

        Returns when its database died, on the monotonic clock.
        """
        died_s = [time.monotonic()]
        if region.database is not None:
            postgres.kill(region.database, then=lambda: died_s.append(self._lose_what_is_on_the_wire()))
        if region.app is not None:
            region.app.kill()
        region.app = region.database = None
        shutil.rmtree(region.folder, ignore_errors=True)
        return died_s[-1]

    def _lose_what_is_on_the_wire(self) -> float:
        now = time.monotonic()
        for name in self.network.links():
            self.network.reset(name)
        return now


@contextmanager
def two_regions(delay_s: float = DELAY_S) -> Iterator[TwoRegions]:
    """Two empty regions, *delay_s* apart, for the time of a ``with`` block.

    Raises ProductMissing in one sentence if they cannot be here, ValueError unless delay_s >= 0.
    """
    if not delay_s >= 0:
        raise ValueError(f"delay_s must be >= 0, got {delay_s}")
    if not wheels.importable("psycopg"):
        raise ProductMissing("the client psycopg is not installed: make lab installs it")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="minisys-regions-")))
        nodes._tell_guard(f"dir {folder}")
        programs = postgres_setup.programs(folder)
        net = stack.enter_context(network())
        yield TwoRegions(programs, net, folder, stack, delay_s)


def until(true: Callable[[], bool], otherwise: str, within_s: float = 15.0) -> None:
    """Wait until it is *true*. Raises NodeFailed with what is so *otherwise*."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise NodeFailed(f"{otherwise} after {within_s:g} s")
        time.sleep(0.01)
