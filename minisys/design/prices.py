"""What things cost, with the date and the place where that was read: a table to be edited.

Somebody else's cloud, a contract with a discount, machines in the cellar: your prices differ. Change one figure with
`replace(PRICES, vcpu=10.0)`, and every bill that is given the new table follows.

Promised: each price has its unit, its date and its source. Not here: what a design needs of each (cost).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from minisys.design.parts import Cache, Database, Part
from minisys.testbed.tables import Table, table


class Machine(NamedTuple):
    """What one copy is billed as: virtual CPUs, gigabytes of memory, gigabytes of disk."""

    vcpu: float
    ram_gb: float
    ssd_gb: float = 0.0


MACHINES = MappingProxyType({
    "small": Machine(1, 2), "medium": Machine(2, 8), "large": Machine(4, 16), "xlarge": Machine(8, 32),
    "memory": Machine(4, 32), "memory xlarge": Machine(8, 64), "storage": Machine(4, 16, 500),
    "storage xlarge": Machine(16, 128, 2000), "huge": Machine(64, 256),
})  # fmt: skip


@dataclass(frozen=True)
class Prices:
    """Dollars a month, or for each gigabyte or million requests; *dated* says when they were read.

    kb_per_answer, kb_per_call, kb_per_write: how large an answer to a user, a call between parts and a replicated write
    are: our assumption, to be replaced by yours. machines: what the names in a part's `machine` mean.
    """

    dated: str = "2026-03-09"
    vcpu: float = 15.0
    ram_gb: float = 2.0
    ssd_gb: float = 0.20
    blob_gb: float = 0.02
    egress_gb: float = 0.10
    zones_gb: float = 0.01
    regions_gb: float = 0.02
    cdn_gb: float = 0.05
    million_reads: float = 0.40
    million_writes: float = 5.0
    kb_per_answer: float = 5.0
    kb_per_call: float = 2.0
    kb_per_write: float = 1.0
    machines: Mapping[str, Machine] = field(default_factory=lambda: MACHINES)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in ("dated", "machines") and not 0 <= value < math.inf:
                raise ValueError(f"the price {each.name} must be 0 or more, got {value!r}")

    def table(self) -> Table:
        """The prices, each with its unit and where it is from."""
        rows = [(said, f"${getattr(self, name):g} {unit}", where) for name, said, unit, where in SOURCES]
        rows += [(name.replace("_", " "), f"{getattr(self, name):g} kB", "our assumption: put in yours")
                 for name in ("kb_per_answer", "kb_per_call", "kb_per_write")]  # fmt: skip
        frame = pd.DataFrame(rows, columns=["price of", "dollars", "source"])
        return table(frame, caption=f"Prices, read {self.dated}")

    def of(self, part: Part) -> Machine:
        """The machine of one copy. Without a name: a vCPU and 4 GB for each worker (8 GB in a cache), at most 64.

        Raises ValueError for a name that is not in the table.
        """
        if part.machine:
            if part.machine not in self.machines:
                known = ", ".join(self.machines)
                raise ValueError(f"{part.name}: no machine {part.machine!r} in the price table; known: {known}")
            return self.machines[part.machine]
        vcpu = min(64, part.workers)
        return Machine(vcpu, vcpu * (8 if isinstance(part, Cache) else 4), 100 if isinstance(part, Database) else 0)


NAPKIN = "sirupsen/napkin-math, GCP list prices"
SOURCES = [
    ("vcpu", "a virtual CPU", "a month", NAPKIN), ("ram_gb", "memory", "per GB and month", NAPKIN),
    ("ssd_gb", "disk (SSD, in a zone)", "per GB and month", NAPKIN), ("blob_gb", "blobs", "per GB and month", NAPKIN),
    ("egress_gb", "traffic to users", "per GB", NAPKIN), ("zones_gb", "traffic between zones", "per GB", NAPKIN),
    ("regions_gb", "traffic between regions", "per GB", "AWS list price, us-east-1, 2026-06"),
    ("cdn_gb", "traffic from the edge", "per GB", NAPKIN),
    ("million_reads", "reads of an external service", "per million", "Amazon S3, as in napkin-math"),
    ("million_writes", "writes of an external service", "per million", "Amazon S3, as in napkin-math"),
]  # fmt: skip
PRICES = Prices()
