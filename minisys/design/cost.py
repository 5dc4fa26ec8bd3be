"""What does this design cost a month? The sentence that ends many drawings on a whiteboard.

Ten more copies are one stroke of the pen, and $600. A second region doubles the machines, and every replicated write is
paid by the gigabyte. Here each part is priced from a dated table that the reader edits, with the flows of the design.

    monthly(design).total            monthly(design, replace(PRICES, vcpu=10.0)).frame

Promised: machines, disks, backups, traffic to users, between zones and regions, requests of external services; a part
costs nothing that is not in the table. Not here: discounts by volume, support, people, carbon.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from minisys.design.flow import Flows, flows
from minisys.design.parts import Call, Clients, Database, Design, Dns, Edge, External, Part, Queue, Service, Workers
from minisys.design.places import copies_of
from minisys.design.prices import PRICES, Prices
from minisys.testbed.tables import Table, table

MONTH_S = 365 / 12 * 86400


@dataclass(frozen=True)
class Bill:
    """A month of a design: *frame* has a row for each part and what it pays for (part, what, amount, unit, dollars)."""

    name: str
    frame: pd.DataFrame
    dated: str

    @property
    def total(self) -> float:
        """Dollars a month."""
        return float(self.frame["dollars"].sum())

    def by_part(self) -> pd.DataFrame:
        """Dollars by part, the dearest first (part, dollars, share)."""
        sums = self.frame.groupby("part", sort=False)["dollars"].sum().sort_values(ascending=False, kind="stable")
        return sums.reset_index().assign(share=lambda f: f["dollars"] / max(1e-12, self.total))

    def table(self) -> Table:
        """The bill as a table: a row a part, the largest item named."""
        dearest = self.frame.sort_values("dollars", ascending=False, kind="stable").groupby("part", sort=False).first()
        rows = [
            (row["part"], dearest.loc[row["part"], "what"], f"${row['dollars']:,.0f}", f"{100 * row['share']:.0f} %")
            for row in self.by_part().head(50).to_dict("records")
        ]
        frame = pd.DataFrame(rows, columns=["part", "most of it for", "a month", "share"])
        return table(frame, caption=f"{self.name}: ${self.total:,.0f} a month, at prices of {self.dated}")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.table()._repr_mimebundle_()


def monthly(design: Design, prices: Prices = PRICES) -> Bill:
    """The cost of a month of *design* with its steady traffic. Raises ValueError for a machine without a price."""
    now = flows(design)
    rows = [(part.name, *item) for part in design.parts for item in _items(design, part, now, prices) if item[-1] > 0]
    frame = pd.DataFrame(rows, columns=["part", "what", "amount", "unit", "dollars"])
    return Bill(design.name, frame.astype({"amount": float, "dollars": float}), prices.dated)


def running(design: Design, part: Part, now: Flows | None = None) -> float:
    """Copies that are paid for: all shards' copies; an autoscaled part has what its target needs, in its bounds."""
    now = now or flows(design)
    scaler = part.autoscaler if isinstance(part, Service | Workers) else None
    if scaler is not None:
        needed = min(now.busy(part) / (part.workers * scaler.target), scaler.high)  # endless if it waits for ever
        return max(scaler.low, math.ceil(needed - 1e-9))
    return part.copies * (part.shards if isinstance(part, Database) else 1)


def _items(design: Design, part: Part, now: Flows, prices: Prices) -> Iterator[Item]:
    """What a part pays for: what, how much, in which unit, dollars."""
    yield from _traffic(design, part, now, prices)
    if isinstance(part, External):
        for what, rate, price in (("reads", now.reads(part.name), prices.million_reads),
                                  ("writes", now.writes(part.name), prices.million_writes)):  # fmt: skip
            millions = rate * MONTH_S / 1e6
            yield what, millions, "million", millions * price
    if isinstance(part, Clients | Dns | Edge | External):
        return  # an edge is billed by what it sends
    machine, copies = prices.of(part), running(design, part, now)
    yield "machines", copies, "machines", copies * (machine.vcpu * prices.vcpu + machine.ram_gb * prices.ram_gb)
    disk = machine.ssd_gb or (100.0 if isinstance(part, Database) or (isinstance(part, Queue) and part.durable) else 0)
    yield "disks", copies * disk, "GB", copies * disk * prices.ssd_gb
    if isinstance(part, Database) and part.backup is not None:
        kept = 2 * part.shards * disk  # the last full backup and the one before, until the new one is verified
        yield "backups", kept, "GB", kept * prices.blob_gb


Item = tuple[str, float, str, float]


def _sent(what: str, gb: float, price: float) -> Item:
    return what, gb, "GB", gb * price


def _traffic(design: Design, part: Part, now: Flows, prices: Prices) -> Iterator[Item]:
    """Gigabytes that leave the part: to users (paid by who answers them), and with each call to another place."""
    for place, call in enumerate(() if isinstance(part, Dns) else part.calls):
        target = design[call.to]
        sent = now.arrows.get((part.name, place), 0.0) * MONTH_S / 1e6  # kilobytes become gigabytes
        if isinstance(part, Clients):
            reached = [design[c.to] for c in target.calls] if isinstance(target, Dns) else [target]
            edge = any(isinstance(other, Edge) for other in reached)
            what, price = ("traffic from the edge", prices.cdn_gb) if edge else ("traffic to users", prices.egress_gb)
            yield _sent(what, sent * prices.kb_per_answer, price)
        elif not isinstance(target, External):
            zones, regions = _apart(design, part, call)
            yield _sent("calls between zones", sent * prices.kb_per_call * zones, prices.zones_gb)
            yield _sent("calls between regions", sent * prices.kb_per_call * regions, prices.regions_gb)
    if isinstance(part, Database) and part.replication != "none":
        places = copies_of(design, part)
        written = now.writes(part.name) * prices.kb_per_write * MONTH_S / 1e6
        far = sum(copy.region != places[0].region for copy in places)
        near = sum(copy.zone != places[0].zone for copy in places) - far
        yield _sent("replication between zones", written * near, prices.zones_gb)
        yield _sent("replication between regions", written * far, prices.regions_gb)


def _apart(design: Design, part: Part, call: Call) -> tuple[float, float]:
    """The shares of a part's calls that leave the zone (but not the region), and the region; callers stay near."""
    here, there = copies_of(design, part), copies_of(design, design[call.to])
    if not here or not there or isinstance(part, Edge):
        return 0.0, 0.0
    zones = regions = 0.0
    for copy in here:
        near = [other for other in there if other.region == copy.region] or there
        regions += (near[0].region != copy.region) / len(here)
        zones += sum(o.zone != copy.zone and o.region == copy.region for o in near) / len(near) / len(here)
    return zones, regions
