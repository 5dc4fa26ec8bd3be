"""A backup never restored is no backup: one good copy and three damaged ones, each tried before it is needed.

    restore_drills()        good, a flipped byte, a file cut short, a missing segment of the log

Of the three damages pg_verifybackup sees two: one by its checksum, one by its size. The third opens, answers every
question and looks healthy: only an audit that was taken while the original was alive tells that orders are missing. Not
here: how often to try (theory.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from minisys.regions import backups_live
from minisys.regions.backups_live import Audit, Backup, Restored
from minisys.regions.live import Region, TwoRegions, two_regions
from minisys.replication.postgres_store import query

if TYPE_CHECKING:
    from minisys.testbed.tables import Table

GOOD = "none"


@contextmanager
def backed_up(orders: int = 300) -> Iterator[tuple[TwoRegions, Backup, Audit]]:
    """A region with a backup, *orders* orders since then in three segments of the log, and an audit of all of them."""
    with two_regions() as two:
        archive = two.b.folder / "archive"
        two.own(archive)
        two.a.begin(*backups_live.archiving(archive, 0.0))
        backup = backups_live.take(two.a, two.b)
        for part in range(3):
            numbers = f"generate_series({part * orders // 3 + 1}, {(part + 1) * orders // 3})"
            query(two.a.port, f"insert into orders (number, cents) select n, 100 + n from {numbers} n")
            backups_live.archived(two.a, archive)
        wanted = backups_live.audit(two.a.port)
        backups_live.archived(two.a, archive)
        yield two, backup, wanted


def try_out(two: TwoRegions, backup: Backup, wanted: Audit, damage: str) -> Restored:
    """A restore drill on a copy of *backup* with *damage* (GOOD: none)."""
    with tempfile.TemporaryDirectory(prefix="drill-", dir=two.folder) as name:
        copy = backup.copied(Path(name))
        if damage != GOOD:
            backups_live.damage(copy, damage)
        two.own(Path(name))
        return backups_live.restore_drill(copy, Region("drill", two), wanted)


def restore_drills(damages: Sequence[str] = (GOOD, *backups_live.DAMAGES), orders: int = 300) -> Table:
    """One backup of *orders* orders, tried with each of *damages*, as a table.

    Raises ProductMissing if PostgreSQL cannot run here.
    """
    import pandas as pd

    from minisys.testbed import tables

    with backed_up(orders) as (two, backup, wanted):
        found = [(damage, try_out(two, backup, wanted, damage)) for damage in damages]
    rows = [(damage, one.orders, "yes" if one.verified else "no", one.problem) for damage, one in found]
    columns = ["damage", f"orders back, of {wanted.orders}", "verified", "what the drill said"]
    return tables.table(pd.DataFrame(rows, columns=columns), caption="Restore drills, before the backup is needed")
