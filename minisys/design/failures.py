"""A year of failures in a few minutes: each copy and zone breaks and is repaired at random, as often as it says.

`availability.exact` says 99.87 %. Does a design that is run through a thousand failures serve that share? This draws
the failures; the run counts (with times between failures made shorter, or it would take a year).

Promised: up and down times are exponential with the means of the design, independent, one seed one plan; in the long
run the share served agrees with `exact` as far as balancers notice quickly. Not here: bad days, on which all comes
together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.availability import CLOUD, Ground
from minisys.design.evidence import ours
from minisys.design.flat import copy_name
from minisys.design.parts import Design, Dns, Edge
from minisys.design.places import copies_of


def failures(
    design: Design, for_s: float, *, seed: int = 0, ground: Ground = CLOUD, zone_mttr_s: float = 600.0
) -> FaultPlan:
    """A plan with every copy's kills by its mtbf and mttr, and every zone's loss by the *ground*'s share.

    zone_mttr_s: mean seconds that a zone is lost. Raises ValueError if for_s is not above 0.
    """
    if not for_s > 0:
        raise ValueError(f"a plan of failures needs a length above 0 seconds, got {for_s}")
    rng = np.random.default_rng(seed)
    faults: list[Fault] = []
    for part in ours(design):
        for i in range(0 if isinstance(part, Dns | Edge) else part.copies):
            faults += _renewed("kill", copy_name(part, i), part.mtbf, part.mttr, for_s, rng)
    used = {copy.zone for part in ours(design) for copy in copies_of(design, part)}
    if ground.zone < 1:
        for zone in sorted(used):
            up_s = zone_mttr_s * ground.zone / (1 - ground.zone)
            faults += _renewed("zone loss", zone, up_s, zone_mttr_s, for_s, rng)
    return FaultPlan(faults, seed)


def hastened(design: Design, times: float) -> Design:
    """*design* with failures and repairs so many *times* as frequent and as short: the same availability, sooner."""
    parts = (replace(part, mtbf=part.mtbf / times, mttr=part.mttr / times) for part in design.parts)
    return replace(design, parts=tuple(parts))


def _renewed(
    kind: str, target: str, up_s: float, down_s: float, for_s: float, rng: np.random.Generator
) -> Iterator[Fault]:
    """Faults of an alternating renewal process that begins up with the share that is up."""
    now = 0.0 if rng.random() < down_s / (up_s + down_s) else float(rng.exponential(up_s))
    while now < for_s:
        lasts = float(rng.exponential(down_s)) + 1e-6
        yield Fault(kind, target, now, lasts)
        now += lasts + float(rng.exponential(up_s))
