"""A shop in two regions through two minutes, one thing happening to it: the design room's run."""

from __future__ import annotations

import random

import numpy as np

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.run import run
from minisys.design.text import read
from minisys.design.traffic import Traffic
from minisys.interview.readings import SCENARIOS, Played

FOR_S, STEP_S = 120.0, 6.0
SHOP = """
design: shop
regions: {{eu: [eu-a, eu-b], us: [us-a, us-b]}}
parts:
  europe: {{kind: clients, region: eu, rate: {eu}/s, writes: 10 %, calls: [{{to: name, timeout: 2 s}}]}}
  america: {{kind: clients, region: us, rate: {us}/s, writes: 10 %, calls: [{{to: name, timeout: 2 s}}]}}
  name: {{kind: dns, route: nearest, ttl: 20 s, check: 10 s, calls: [app-eu, app-us]}}
  app-eu: {{kind: service, takes: 10 ms, workers: 8, copies: 4, zones: [eu-a, eu-b], calls: [{{to: cache}},
    {{to: db, on: misses, timeout: 1 s}}, {{to: db, on: writes, timeout: 1 s}}]}}
  app-us: {{kind: service, takes: 10 ms, workers: 8, copies: 4, zones: [us-a, us-b], calls: [{{to: cache}},
    {{to: db, on: misses, timeout: 1 s}}, {{to: db, on: writes, timeout: 1 s}}]}}
  cache: {{kind: cache, hits: 90 %, warm_up: 40 s, takes: 0.2 ms, workers: 4, copies: 4}}
  db: {{kind: database, takes: 20 ms, workers: 6, copies: 3, zones: [eu-a, eu-b, us-a], replication: semi-sync,
    failover: 15 s}}
"""


def play(cause: str, seed: int) -> Played:
    """Six seconds a row: users by region together, answers, failures, and the p99 of what was answered."""
    dice = random.Random(f"{cause}/{seed}")
    eu, us = dice.randrange(40, 56, 5), dice.randrange(20, 31, 5)
    at_s, zone = float(dice.randrange(36, 49, 6)), "eu-a"
    factor, ratio, delay_s = dice.uniform(2.2, 2.6), dice.uniform(0.25, 0.4), dice.uniform(0.4, 0.6)
    faults = {
        "zone loss": [Fault("zone loss", zone, at_s)], "region loss": [Fault("region loss", "eu", at_s)],
        "bad deploy": [Fault("bad deploy", "app-eu", at_s, 48.0, ratio=ratio)],
        "slow answers": [Fault("slow answers", "app-us", at_s, 48.0, delay_s=delay_s)],
    }.get(cause, [])  # fmt: skip
    traffic = Traffic.flash_sale(factor, at_s, 3.0, 36.0) if cause == "flash sale" else Traffic.steady()
    found = run(read(SHOP.format(eu=eu, us=us)), traffic, FaultPlan(faults), for_s=FOR_S, seed=seed)
    caption = (
        f"A shop in two regions: about {eu} users/s in Europe, where the database's primary is, and {us} in America. "
        f"A row is {STEP_S:.0f} s, by the moment of asking."
    )
    return Played(caption, SCENARIOS["shop"].columns, _rows(found), f"It began in second {at_s:.0f}.")


def _rows(found) -> tuple[tuple[str | float, ...], ...]:  # type: ignore[no-untyped-def]
    frame = found.trace.frame
    step = (frame["sent_s"] // STEP_S).astype(int)
    rows: list[tuple[str | float, ...]] = []
    for i in range(int(FOR_S / STEP_S)):
        part = frame[step == i]
        ok = part["outcome"] == "ok"
        latency = (part["finished_s"] - part["sent_s"])[ok]
        p99 = 1000 * float(np.percentile(latency, 99)) if len(latency) else 0.0
        each = [round(float(n) / STEP_S, 1) for n in (len(part), ok.sum(), (~ok).sum())]
        rows.append((f"{i * STEP_S:.0f}", *each, round(p99)))
    return tuple(rows)
