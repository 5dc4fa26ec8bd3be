"""A disaster drill: customers order, a region burns, a runbook brings the shop back, and receipts are counted.

"We can lose a region" is a sentence in a contract until somebody loses one. This drill does, with PostgreSQL:

    backup-restore   the other region keeps a base copy and the archived log; no process runs there
    pilot light      a standby follows there; the application is not running
    warm standby     a standby follows, and the application runs (it says no: its database takes no writes)
    active-active    customers use both regions; the one primary waits for the other (remote_apply)

    run("warm standby").table()

Each line of the runbook is a step with its time. Both numbers come from what customers saw: RPO is how old the oldest
confirmed order was that is gone, RTO runs from the first order that failed to the first that was taken again.

Not promised: that your region takes as long. Starting machines, loading terabytes and finding the person who decides
take minutes and hours; what stays is the order of the steps, and which of them a level saves. PostgreSQL has one
primary, so *active-active* here is two active applications with one writer; two writers would need a choice between
conflicting orders. Checked with PostgreSQL 18.6.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from minisys.regions import backups_live
from minisys.regions.customers import Customers, Name, Order
from minisys.regions.failback import fail_back
from minisys.regions.live import DELAY_S, TwoRegions, two_regions
from minisys.replication.postgres_store import query
from minisys.testbed import nodes, wheels
from minisys.testbed.nodes import NodeFailed

if TYPE_CHECKING:
    from minisys.testbed.tables import Table

LEVELS = ("backup-restore", "pilot light", "warm standby", "active-active")
MISSES, EVERY_S = 3, 0.1


@dataclass(frozen=True)
class Drill:
    """What a drill showed.

    acknowledged: orders that customers have a receipt for. lost: how many of these are in no ledger afterwards.
    failed: orders that were refused or never answered. rpo_s, rto_s: seconds, see above. restored: orders in the
    ledger that was recovered. verified: whether the audit from before the disaster adds up in it. steps: the runbook,
    (seconds since the loss, what). returned: with failback, whether the old region leads again; lost_later: how many
    of the lost orders were confirmed after the loss was noticed, by whoever led then.
    """

    level: str
    seed: int
    acknowledged: int
    lost: int
    failed: int
    rpo_s: float
    rto_s: float
    restored: int
    verified: bool
    steps: tuple[tuple[float, str], ...]
    returned: bool = False
    lost_later: int = 0

    def row(self) -> dict[str, object]:
        """One line of a table."""
        return {
            "level": self.level, "acknowledged": self.acknowledged, "lost": self.lost, "failed": self.failed,
            "RPO (ms)": round(1000 * self.rpo_s), "RTO (s)": self.rto_s,
            "audit": "adds up" if self.verified else "does not add up",
        }  # fmt: skip

    def table(self) -> Table:
        """The drill as a table of one row."""
        return table([self])

    def runbook(self) -> Table:
        """The steps with their times."""
        import pandas as pd

        from minisys.testbed import tables

        frame = pd.DataFrame(self.steps, columns=["seconds after the loss", "step"])
        return tables.table(frame, caption=f"What was done, {self.level}")


@dataclass
class Course:
    """A drill while it goes on: the two regions, the name, the customers, and the steps so far."""

    two: TwoRegions
    level: str
    name: Name = field(default_factory=Name)
    backup: backups_live.Backup | None = None
    lost_s: float = 0.0
    steps: list[tuple[float, str]] = field(default_factory=list)

    def step(self, what: str) -> None:
        """Note that *what* is done now."""
        self.steps.append((time.monotonic() - self.lost_s, what))


def available() -> bool:
    """Whether a drill can be run here; if not, one line says what is missing."""
    missing = wheels.missing("postgresql")
    if not missing and not wheels.importable("psycopg"):
        missing = "the client psycopg is not installed: make lab installs it"
    if missing:
        print(missing)
    return not missing


def run(
    level: str, *, seed: int = 0, for_s: float = 1.5, rate_per_s: float = 100.0, delay_s: float = DELAY_S,
    failback: bool = False,
) -> Drill:  # fmt: skip
    """One drill: orders for *for_s* seconds and a moment drawn by *seed*, the loss of region a, recovery in region b.

    level: one of LEVELS. rate_per_s: orders a second. delay_s: seconds between the regions, one way. failback:
    afterwards region a comes back and leads again.
    Raises ValueError for a bad argument, ProductMissing in one sentence if PostgreSQL cannot run here.
    """
    if level not in LEVELS or not for_s > 0:
        raise ValueError(f"level must be one of {', '.join(LEVELS)} and for_s > 0, got {level!r} and {for_s}")
    with two_regions(delay_s) as two:
        course = Course(two, level)
        prepare(course)
        with Customers(course.name, rate_per_s) as customers:
            time.sleep(for_s)
            wanted = backups_live.audit(two.a.port)
            phase_s = 0.2
            if course.backup is not None:
                backups_live.archived(two.a, course.backup.archive)
                phase_s = 1.0  # from now on the archive is up to a second behind
            time.sleep(0.2 + phase_s * random.Random(seed).random())
            course.lost_s = two.lose(two.a)
            course.steps.append((0.0, "region a is lost: processes, wire, disk"))
            recover(course)
            served_again(customers, course)
            if failback:
                fail_back(two, course.name, course.step)
                served_again(customers, course)
        home = two.a if failback else two.b
        return _found(course, seed, customers.receipts, home.port, wanted, failback)


def prepare(course: Course) -> None:
    """Both regions as the level has them, and the name that points to whoever serves."""
    two, level = course.two, course.level
    if level == "backup-restore":
        archive = two.b.folder / "archive"
        two.own(archive)
        two.a.begin(*backups_live.archiving(archive, two.delay_s))
        course.backup = backups_live.take(two.a, two.b)
    else:
        both = level == "active-active"
        waits = ("synchronous_commit=remote_apply", "synchronous_standby_names=standby") if both else ()
        two.a.begin(*waits)
        two.b.copy(two.a)
        two.b.follow(two.a, synchronous=both)
    two.a.open()
    assert two.a.app is not None
    course.name.point(two.a.app.port)
    if level == "warm standby":
        two.b.open()
    if level == "active-active":
        two.b.open(two.link(two.b, two.a), two.b.port)  # to the writer, whoever that is
        assert two.b.app is not None
        course.name.point(two.a.app.port, two.b.app.port)


def recover(course: Course) -> None:
    """The runbook: notice, bring the data up, bring the application up, point the name there."""
    two = course.two
    notice(course)
    if course.backup is not None:
        backups_live.restore(course.backup, two.b)
        course.step("base copy and archived log restored, database open")
    else:
        two.b.promote()
        course.step("standby promoted")
    if two.b.app is None:
        two.b.open()
        course.step("application started")
    assert two.b.app is not None
    course.name.point(two.b.app.port)
    course.step("name points to region b")


def notice(course: Course) -> None:
    """Ask the lost region's application until it has missed MISSES times in a row."""
    misses, url = 0, f"http://127.0.0.1:{course.name.ports[0]}/health"
    while misses < MISSES:
        time.sleep(EVERY_S)
        try:
            nodes.ask("GET", url, timeout_s=0.3)
            misses = 0
        except NodeFailed:
            misses += 1
    course.step(f"noticed: {MISSES} health checks missed")


def served_again(customers: Customers, course: Course) -> None:
    """Wait until an order that was sent from now on is confirmed, and a little longer."""
    now = time.monotonic()
    while not customers.served_since(now):
        if time.monotonic() > now + 15:
            raise NodeFailed(f"nobody is served 15 s after: {course.steps[-1][1]}")
        time.sleep(0.01)
    course.step("customers are served")
    time.sleep(0.3)


def _found(
    course: Course, seed: int, receipts: list[Order], port: int, wanted: backups_live.Audit, returned: bool
) -> Drill:
    """Compare the receipts with the ledger on *port*."""
    ledger = {int(number) for number in (query(port, "select string_agg(number::text, ' ') from orders") or "").split()}
    kept = [one for one in receipts if one.ok]
    gone = [one for one in kept if one.number not in ledger]
    return Drill(
        level=course.level, seed=seed, acknowledged=len(kept), lost=len(gone), failed=len(receipts) - len(kept),
        rpo_s=max([0.0, *(course.lost_s - one.told_s for one in gone)]),  # some were told while the region was dying
        rto_s=unserved_s(receipts, course.lost_s), restored=len(ledger), verified=backups_live.holds(port, wanted),
        steps=tuple(course.steps), returned=returned and query(port, "select pg_is_in_recovery()") == "f",
        lost_later=sum(one.told_s > course.lost_s + course.steps[1][0] for one in gone),
    )  # fmt: skip


def unserved_s(receipts: Iterable[Order], lost_s: float) -> float:
    """Seconds from the first order that failed because of the loss to the first that was sent later and confirmed."""
    told = sorted(receipts, key=lambda one: one.told_s)
    failed = min((one.sent_s for one in told if not one.ok and one.told_s >= lost_s), default=None)
    if failed is None:
        return 0.0
    return next((one.told_s - failed for one in told if one.ok and one.sent_s > max(failed, lost_s)), float("inf"))


def table(drills: Iterable[Drill]) -> Table:
    """Several drills, one row each."""
    import pandas as pd

    from minisys.testbed import tables

    frame = pd.DataFrame([drill.row() for drill in drills])
    return tables.table(frame, caption="Drills with PostgreSQL on this machine")
