"""The way back: the old region returns as a standby, catches up, and takes over again without losing an order.

Failing over is done in fear, failing back in daylight, and most accidents happen on the second. The old region's disk
is no good: it may hold orders that the survivor has never seen, and it believes that it leads. So it starts from a copy
of the survivor, follows it, and the switch is a planned one:

    1. copy and follow                customers notice nothing
    2. shut the survivor down         in order: it sends its standby all it has before it ends (this is the fence, too)
    3. check that all has arrived     the survivor's last checkpoint against what the standby has received
    4. promote, point the name back   here customers wait some tenths of a second, or for the name's TTL
    5. the survivor follows again     it ended in order, so its files are a past of the new primary: no copy

Promised: nobody leads before step 3 holds. Not here: pg_rewind, for an old primary whose disk survived.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from minisys.regions.customers import Name
from minisys.regions.live import Region, TwoRegions, until
from minisys.replication.postgres_store import query


def fail_back(two: TwoRegions, name: Name, step: Callable[[str], None]) -> None:
    """Region a, empty, becomes the standby of b and then leads again; *step* is told what is done."""
    two.own(two.a.folder)
    two.a.copy(two.b)
    two.a.follow(two.b)
    two.a.open()
    step("region a is back, follows b, its application runs")
    two.b.shut_down()
    sent = last_checkpoint(two.b)
    has = f"select pg_last_wal_replay_lsn() > '{sent}'::pg_lsn"
    until(lambda: query(two.a.port, has) == "t", f"region a has not received all up to {sent}")
    step("region b shut down in order, a has all of it")
    two.a.promote()
    assert two.a.app is not None
    name.point(two.a.app.port)
    step("region a promoted, name points to it")
    two.b.follow(two.a)
    step("region b follows a again")


def last_checkpoint(region: Region) -> str:
    """Where in the log the checkpoint begins that *region*'s database wrote when it was shut down."""
    argv = region.both.programs.argv("pg_controldata", "-D", region.folder / "data")
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10, cwd="/").stdout
    rows = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    return rows["Latest checkpoint location"].strip()
