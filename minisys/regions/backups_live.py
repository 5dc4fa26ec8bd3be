"""Backups of a real PostgreSQL: a base copy, the log since then, and the proof that both together give the data back.

The backups had run every night for two years, and the mail said "success". On the day they were needed, one file was
cut short and one segment of the log was missing. PostgreSQL says nothing about the second: without a target to reach it
replays up to the gap, opens, and looks healthy. So here nothing counts as restored until its ledger has been added up
and compared with an *audit* that was taken while the original was alive.

    archive_command      every second, each finished segment of the log goes to the other region's folder
    pg_basebackup        the whole database, with a manifest of checksums
    pg_verifybackup      every file of the base copy against the manifest; it does not look at the archive
    restore              base copy + archived log, to the end or to a moment before a mistake
    Audit                number of orders and MD5 over all of them, up to one moment

Not here: incremental base copies (pg_combinebackup), encryption, retention. Source: PostgreSQL manual, chapter 25.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from minisys.regions.live import DELAY_S, Region, until
from minisys.replication import postgres, postgres_setup
from minisys.replication.postgres_store import query
from minisys.testbed.nodes import NodeFailed
from minisys.testbed.wheels import ProductMissing

DAMAGES = ("flipped byte", "file cut short", "missing segment")
COUNTED = "count(*) || ' ' || coalesce(md5(string_agg(number || ':' || cents, ',' order by number)), '')"


@dataclass(frozen=True)
class Audit:
    """What the ledger held at one *moment*: *orders* of them, and the *checksum* over their numbers and amounts."""

    moment: str
    orders: int
    checksum: str


@dataclass(frozen=True)
class Backup:
    """A *base* copy and the *archive* of the log, both folders in the region that is to survive."""

    base: Path
    archive: Path

    def copied(self, folder: Path) -> Backup:
        """The same in *folder*, for whoever wants to damage it: new names of the same files, damage() replaces them."""
        base = shutil.copytree(self.base, folder / "base", copy_function=os.link)
        return Backup(Path(base), Path(shutil.copytree(self.archive, folder / "archive", copy_function=os.link)))


@dataclass(frozen=True)
class Restored:
    """What a restore drill found: *problem* in one sentence ("" if all is there), and the *orders* that came back."""

    problem: str
    orders: int = 0

    @property
    def verified(self) -> bool:
        """Whether this backup would have saved the shop."""
        return not self.problem


def archiving(archive: Path, delay_s: float = DELAY_S) -> tuple[str, str, str]:
    """The options with which a primary sends its log to *archive* in the other region, at least once a second.

    A segment has its name only when it is whole: a region that burns in the middle of a copy leaves a .part.
    """
    command = f"sleep {delay_s} && cp %p {archive}/%f.part && mv {archive}/%f.part {archive}/%f"
    return "archive_mode=on", "archive_timeout=1", f"archive_command={command}"


def audit(port: int) -> Audit:
    """Add up the ledger on *port*. Orders are locked out for that long, so the moment has a clear before and after."""
    import psycopg

    with psycopg.connect(f"host=127.0.0.1 port={port} user=postgres") as connection:
        connection.execute("lock table orders in share mode")
        row = connection.execute(f"select clock_timestamp()::text, {COUNTED} from orders").fetchone()
    assert row is not None
    orders, checksum = row[1].split(" ")
    return Audit(row[0], int(orders), checksum)


def holds(port: int, wanted: Audit) -> bool:
    """Whether the ledger on *port* has, up to the audit's moment, exactly what was there then."""
    found = query(port, f"select {COUNTED} from orders where at <= '{wanted.moment}'")
    return found == f"{wanted.orders} {wanted.checksum}"


def take(region: Region, keeper: Region) -> Backup:
    """A base copy of *region*'s database in *keeper*'s folder, verified; its archive is there already.

    Raises ProductMissing with pg_verifybackup's last words if the copy is not what was sent.
    """
    backup = Backup(keeper.folder / "base", keeper.folder / "archive")
    postgres_setup.base_backup(region.both.programs, backup.base, region.port)
    region.both.programs.run("pg_verifybackup", backup.base)
    return backup


def archived(region: Region, archive: Path) -> None:
    """Close the segment of the log that is being written, and wait until it has arrived in *archive*."""
    name = query(region.port, "select pg_walfile_name(pg_switch_wal() - 1)")  # if nothing was written: the one before
    until(lambda: (archive / str(name)).exists(), f"segment {name} is not archived")


def restore(backup: Backup, region: Region, *target: str) -> None:
    """A running primary in the empty *region* from *backup*: all of the log, or up to a *target*.

    *target*: options like "recovery_target_xid=745". Raises NodeFailed with PostgreSQL's words if it gets not there.
    """
    data = Path(shutil.copytree(backup.base, region.folder / "data"))
    (data / "standby.signal").unlink(missing_ok=True)
    (data / "recovery.signal").touch()
    region.both.own(data)
    fetch = f"restore_command=cp {backup.archive}/%f %p"
    region.start("archive_mode=off", fetch, "primary_conninfo=", "recovery_target_action=promote", *target)
    until(lambda: query(region.port, "select pg_is_in_recovery()") == "f", "the restored database is not open")


def restore_drill(backup: Backup, region: Region, wanted: Audit) -> Restored:
    """Verify the files, restore them into the empty *region*, compare the ledger with the audit; then tidy up."""
    try:
        region.both.programs.run("pg_verifybackup", backup.base)
    except ProductMissing as problem:
        return Restored(f"base copy: {str(problem).rsplit('error: ', 1)[-1]}")
    try:
        restore(backup, region)
        orders = int(query(region.port, f"select count(*) from orders where at <= '{wanted.moment}'") or 0)
        if holds(region.port, wanted):
            return Restored("", orders)
        return Restored(f"it opened, with {orders} of the {wanted.orders} orders of the audit", orders)
    except NodeFailed as problem:
        return Restored(f"it did not open: {_last(str(problem))}")
    finally:
        if region.database is not None:
            postgres.kill(region.database)
            region.database = None
        shutil.rmtree(region.folder / "data", ignore_errors=True)


def damage(backup: Backup, kind: str) -> None:
    """Damage *backup* as disks and scripts do: one of DAMAGES. Raises ValueError for another."""
    if kind not in DAMAGES:
        raise ValueError(f"damage must be one of {', '.join(DAMAGES)}, got {kind!r}")
    if kind == "missing segment":
        segments = sorted(path for path in backup.archive.iterdir() if len(path.name) == 24)
        segments[-2].unlink()  # the last but one: there is log behind the gap, and nobody will read it
        return
    largest = max(backup.base.glob("base/*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.unlink()
    largest.write_bytes(content if kind == "flipped byte" else content[: len(content) // 2])


def _last(said: str) -> str:
    """The line of a log that says why: the first FATAL, or the last line."""
    lines = said.splitlines() or [""]
    return next((line.split("FATAL: ")[-1].strip() for line in lines if "FATAL: " in line), lines[-1])
