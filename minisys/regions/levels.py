"""Four ways to stand by in another region, from a box of tapes to a second shop: what each takes, loses and costs.

"We are safe, we have a backup in Oregon." How old is it, how long until it serves, and what does the other answer cost
a month? Four levels have names (AWS, "Disaster recovery options in the cloud", 2021); each is a few facts here: how
data travels, what stands there running, and the steps until users are served.

Promised: recovery as a sum of steps, each a number that you can measure in a drill; cost from PRICES, which carry their
date and can be replaced. Not promised: your provider's list price, discounts, people's wages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

HOUR, DAY, MONTH_DAYS = 3600.0, 86_400.0, 365.25 / 12

# Dollars a month in round figures; sirupsen/napkin-math, read in March 2026. The last one: Amazon EC2, data transfer
# from US East (N. Virginia) to another region.
PRICES = {"vcpu": 15.0, "ram_gb": 2.0, "ssd_gb": 0.20, "blob_gb": 0.02, "between_regions_gb": 0.02}


@dataclass(frozen=True)
class Copies:
    """How data gets to the other region: collected every *every_s* seconds (0: at once), there *transit_s* later.

    synchronous: a write is not done before it is there. Raises ValueError for negative times.
    """

    every_s: float = 0.0
    transit_s: float = 0.0
    synchronous: bool = False

    def __post_init__(self) -> None:
        if not (self.every_s >= 0 and self.transit_s >= 0):
            raise ValueError(f"copies need times of 0 or more seconds, got every_s={self.every_s}, {self.transit_s}")

    def there_s(self, written_s: float, phase_s: float = 0.0) -> float:
        """When a write of second *written_s* is in the other region; collections fall on phase + k x every."""
        if self.synchronous:
            return written_s
        if self.every_s == 0:
            return written_s + self.transit_s
        return math.ceil((written_s - phase_s) / self.every_s) * self.every_s + phase_s + self.transit_s


@dataclass(frozen=True)
class Shop:
    """What is to be saved: its application, its database, how much data, and how much of it changes.

    Processors and memory in all; sizes in GB; *writes_gb_per_day* is what replication carries.
    """

    app_vcpus: float = 64
    app_ram_gb: float = 128
    db_vcpus: float = 16
    db_ram_gb: float = 128
    data_gb: float = 500
    writes_gb_per_day: float = 40


@dataclass(frozen=True)
class Timing:
    """Seconds that the steps of a recovery take; a drill measures them.

    A health check every *check_every_s*, *fall* noes in a row; *decide_s*: until a person has decided. *boot_db_s*,
    *boot_app_s*: from asking for machines to running programs. *restore_gb_per_s*: from blob storage into a database.
    *scale_out_s*: until a small standby has grown to full size. *ttl_s*: of the name.
    """

    check_every_s: float = 30.0
    fall: int = 3
    decide_s: float = 600.0
    boot_db_s: float = 600.0
    boot_app_s: float = 300.0
    restore_gb_per_s: float = 0.4
    promote_s: float = 30.0
    scale_out_s: float = 240.0
    ttl_s: float = 60.0


@dataclass(frozen=True)
class Level:
    """One way to stand by. *copies*: how data travels. *app*: share of the application that runs there; *database*:
    whether a copy of it does. *automatic*: a rule decides (policies.promote), no person. *serving*: it takes users all
    the time. *kept*: how many full backups are kept there.
    """

    name: str
    copies: Copies
    database: bool
    app: float
    automatic: bool = False
    serving: bool = False
    kept: int = 2

    def steps(self, shop: Shop | None = None, timing: Timing | None = None) -> dict[str, float]:
        """Seconds of each step from the loss of the region until the last obedient user is led away, in order.

        Growing a small standby is no step here: it goes on beside the names (theory.all_served_s).
        """
        shop, timing = shop or Shop(), timing or Timing()
        made = {"notice": timing.check_every_s * timing.fall}
        if not self.automatic:
            made["decide"] = timing.decide_s
        if not self.database:
            made["boot"] = max(timing.boot_db_s, timing.boot_app_s)
            made["restore"] = shop.data_gb / timing.restore_gb_per_s
        elif not self.app:
            made["boot"] = timing.boot_app_s  # the copy is promoted meanwhile
        elif not self.serving:
            made["promote"] = timing.promote_s
        return {**made, "names": timing.ttl_s}

    def monthly(self, shop: Shop | None = None, prices: Mapping[str, float] = PRICES) -> dict[str, float]:
        """Dollars a month that the other region costs, by item."""
        shop = shop or Shop()
        app = shop.app_vcpus * prices["vcpu"] + shop.app_ram_gb * prices["ram_gb"]
        database = shop.db_vcpus * prices["vcpu"] + shop.db_ram_gb * prices["ram_gb"] + shop.data_gb * prices["ssd_gb"]
        moved_gb = MONTH_DAYS * shop.writes_gb_per_day
        return {
            "application": self.app * app,
            "database": self.database * database,
            "backups": (self.kept * shop.data_gb + moved_gb) * prices["blob_gb"],
            "transfer": moved_gb * prices["between_regions_gb"] * (2 if self.database else 1),  # log and backup
        }


BACKUP = Level("backup-restore", Copies(HOUR, 600.0), database=False, app=0.0)
PILOT_LIGHT = Level("pilot light", Copies(0.0, 1.0), database=True, app=0.0)
WARM = Level("warm standby", Copies(0.0, 1.0), database=True, app=0.25, automatic=True)
ACTIVE = Level("active-active", Copies(synchronous=True), database=True, app=1.0, automatic=True, serving=True)
LEVELS = {level.name: level for level in (BACKUP, PILOT_LIGHT, WARM, ACTIVE)}


def level(name: str) -> Level:
    """The level called *name*. Raises ValueError for any other word than those of LEVELS."""
    if name not in LEVELS:
        raise ValueError(f"unknown level {name!r}; known: {', '.join(LEVELS)}")
    return LEVELS[name]
