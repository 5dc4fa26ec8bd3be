"""DELETE without WHERE, or somebody who encrypts your rows: what a replica is worth then, and what a backup is worth.

A replica copies everything, faithfully and at once, also the mistake. Here a real DELETE runs on the primary while
customers order; its standby, 40 ms away, has the same hole before anybody can lift a hand. What helps is the log:

    1. find the transaction      pg_waldump reads the archived log; one transaction changed more rows than any other
    2. restore beside            base copy + log up to just before that transaction, in a third place
    3. bring the rows back       into the living primary, where customers have gone on ordering all the time

    operator_error().table()     kind="ransom": the amounts are scrambled instead

Promised: orders that were taken after the mistake stay. Not promised: what others have done with the wrong rows
meanwhile (mails that were sent, invoices) is not undone by any backup.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from minisys.regions import backups_live
from minisys.regions.backups_live import Audit, Backup
from minisys.regions.customers import Customers, Name
from minisys.regions.live import Region, TwoRegions, two_regions, until
from minisys.replication.postgres_store import query

if TYPE_CHECKING:
    from minisys.testbed.tables import Table

MISTAKES = {"delete": "delete from orders", "ransom": "update orders set cents = -cents"}
CHANGE = re.compile(r"tx: +(\d+),.*desc: (?:DELETE|UPDATE|HOT_UPDATE) ")
ROWS = "select number, cents, at from orders"
BRING_BACK = """insert into orders (number, cents, at) select number, cents, at from rescued
 on conflict (number) do update set cents = excluded.cents, at = excluded.at"""


@dataclass(frozen=True)
class Mistake:
    """What a mistake did, and what brought it back.

    orders: in the ledger at the audit, just before it. replica_s: seconds until the standby had the same hole;
    replica_kept: how many of those orders were still right there. restored: right in the database that was restored
    beside. verified: the ledger adds up again to the audit. taken, failed, lost: orders of customers in all this time,
    confirmed, not confirmed, and confirmed but gone at the end. recovered_s: seconds from the mistake to the end.
    """

    kind: str
    orders: int
    replica_s: float
    replica_kept: int
    restored: int
    verified: bool
    taken: int
    failed: int
    lost: int
    recovered_s: float

    def table(self) -> Table:
        """The mistake as a table: who had how many of the orders."""
        import pandas as pd

        from minisys.testbed import tables

        rows = [
            ("primary, just before the mistake", self.orders, 0.0),
            ("standby, when it had the mistake", self.replica_kept, self.replica_s),
            ("primary, after the restore", self.orders if self.verified else self.restored, self.recovered_s),
        ]
        frame = pd.DataFrame(rows, columns=["where", "orders that are right", "seconds after the mistake"])
        return tables.table(frame, caption=f"{MISTAKES[self.kind]}: what a replica and a backup are worth")


def operator_error(kind: str = "delete", *, for_s: float = 1.0, rate_per_s: float = 100.0) -> Mistake:
    """Customers order for *for_s* seconds, then the mistake of *kind* is made, and repaired while they go on.

    Raises ValueError for another kind than "delete" and "ransom", ProductMissing if PostgreSQL cannot run here.
    """
    if kind not in MISTAKES or not for_s > 0:
        raise ValueError(f"kind must be one of {', '.join(MISTAKES)} and for_s > 0, got {kind!r} and {for_s}")
    with two_regions() as two:
        backup = _prepare(two)
        assert two.a.app is not None
        with Customers(Name(two.a.app.port), rate_per_s) as customers:
            time.sleep(for_s)
            wanted, began = backups_live.audit(two.a.port), time.monotonic()
            query(two.a.port, MISTAKES[kind])
            hole = f"select count(*) from orders where at <= '{wanted.moment}' and cents > 0"
            until(lambda: query(two.b.port, hole) == "0", "the standby still has what the primary has lost")
            replica_s, kept = time.monotonic() - began, int(query(two.b.port, hole) or 0)
            restored = repair(two, backup, wanted)
            recovered_s = time.monotonic() - began
        ledger = set((query(two.a.port, "select string_agg(number::text, ' ') from orders") or "").split())
        confirmed = [one for one in customers.receipts if one.ok]
        return Mistake(
            kind, wanted.orders, replica_s, kept, restored, backups_live.holds(two.a.port, wanted), len(confirmed),
            len(customers.receipts) - len(confirmed), sum(str(one.number) not in ledger for one in confirmed),
            recovered_s,
        )  # fmt: skip


def repair(two: TwoRegions, backup: Backup, wanted: Audit) -> int:
    """Restore beside, up to just before the mistake, and bring the rows back; how many of the audit were there."""
    backups_live.archived(two.a, backup.archive)
    rescue = Region("rescue", two)
    culprit = largest_change(two, backup.archive)
    backups_live.restore(backup, rescue, f"recovery_target_xid={culprit}", "recovery_target_inclusive=off")
    bring_back(rescue.port, two.a.port)
    return int(query(rescue.port, f"select count(*) from orders where at <= '{wanted.moment}' and cents > 0") or 0)


def largest_change(two: TwoRegions, archive: Path) -> int:
    """The transaction in the archived log that deleted or updated the most rows."""
    segments = sorted(path.name for path in archive.iterdir() if len(path.name) == 24)
    argv = two.programs.argv("pg_waldump", "-p", archive, "--rmgr=Heap", segments[0], segments[-1])
    said = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30, cwd="/").stdout
    changes = Counter(int(found[1]) for line in said.splitlines() if (found := CHANGE.search(line)))
    return changes.most_common(1)[0][0]


def bring_back(source: int, target: int) -> None:
    """Copy all orders from the database on port *source* over those on port *target*, in one transaction."""
    import psycopg

    where = "host=127.0.0.1 port={} user=postgres"
    with psycopg.connect(where.format(source)) as rescued, psycopg.connect(where.format(target)) as living:
        living.execute("create temporary table rescued (like orders) on commit drop")
        with (
            rescued.cursor().copy(f"copy ({ROWS}) to stdout") as rows,
            living.cursor().copy("copy rescued from stdin") as into,
        ):
            for block in rows:
                into.write(block)
        living.execute(BRING_BACK)


def _prepare(two: TwoRegions) -> Backup:
    """Region a with its application, a standby in b, and b's base copy and archive."""
    archive = two.b.folder / "archive"
    two.own(archive)
    two.a.begin(*backups_live.archiving(archive, two.delay_s))
    two.b.copy(two.a)
    two.b.follow(two.a)
    backup = backups_live.take(two.a, two.b)
    two.a.open()
    return backup
