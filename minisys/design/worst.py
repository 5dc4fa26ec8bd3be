"""The worst that can happen: one fault, two at once, and the largest crowd that is still served.

Each zone and each copy alone is survived; and when one goes while the other is being repaired? There are more pairs
than anybody tries by hand.

Promised: single faults are all run; pairs are tried among those that hurt most, and pairs that the structure says
stop the service (minimal cut sets of two), a bounded number that is stated; the largest jump is found by bisection, so
"survived" and "not survived" are runs on both sides of it. Not promised: that no untried pair is worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.availability import cut_sets
from minisys.design.evidence import AT_S, STEADY, Proof, Range, Suspect, bad_shares, ours
from minisys.design.flat import copy_name
from minisys.design.parts import Design, External
from minisys.design.places import copies_of

TOP = 4  # single faults among which all pairs are tried
SURVIVED = 0.01  # share of requests that may be bad in a survived jump


@dataclass(frozen=True)
class Worst:
    """The worst *single* and the worst *pair* of faults, each with the run that shows it; *tried* plans in all."""

    single: Proof
    pair: Proof | None
    tried: int


@dataclass(frozen=True)
class Jump:
    """The largest multiple of today's traffic that is survived, and the smallest that was not."""

    survived: float
    broken: float
    runs: int


def single_faults(design: Design) -> Iterator[Fault]:
    """One copy of each part, each zone, and each external service: what may be gone at any time."""
    used = {copy.zone for part in ours(design) for copy in copies_of(design, part)}
    for part in ours(design):
        if copies_of(design, part):
            yield Fault("kill", copy_name(part, 0), AT_S)
    for external in design.of(External):
        yield Fault("errors", external.name, AT_S, ratio=1.0)
    if len(used) > 1:
        yield from (Fault("zone loss", zone, AT_S) for zone in sorted(used))


def worst_faults(design: Design, *, seed: int = 0, requests: int = 4_000, engine: str = "fast") -> Worst:
    """The worst single fault and the worst pair by damage. Raises ValueError for a design with nothing to break."""
    place = Range(design, seed=seed, requests=requests, engine=engine)
    singles = [_proved(place, [fault]) for fault in single_faults(place.design)]
    if not singles:
        raise ValueError(f"{design.name} has nothing that can break: no copy, no zone, no external service")
    singles.sort(key=lambda proof: -proof.damage.total)
    fatal = [proof for proof in singles if proof.damage.total > 0.99]
    found = [fault for proof in singles if proof not in fatal for fault in proof.suspect.plan][:TOP]
    pairs = [list(pair) for pair in combinations(found, 2)]
    pairs += [_kills(cut) for cut in cut_sets(place.design) if len(cut) == 2][:TOP]
    proved = [_proved(place, pair) for pair in pairs if len({(f.kind, f.target) for f in pair}) == 2]
    pair = max(proved, key=lambda proof: proof.damage.total, default=None)
    return Worst(singles[0], pair, len(singles) + len(proved))


def _kills(cut: frozenset[str]) -> list[Fault]:
    """A cut set as faults: a zone or a region is lost, copies are killed."""
    faults = []
    for name in sorted(cut):
        kind, _, rest = name.partition(" ")
        if kind in ("zone", "region"):
            faults.append(Fault(f"{kind} loss", rest, AT_S))
        elif " in " not in name:
            faults.append(Fault("kill", name, AT_S))
    return faults


def _proved(place: Range, faults: list[Fault]) -> Proof:
    names = " and ".join(f"{fault.target} ({fault.kind})" for fault in faults)
    return place.prove(Suspect("worst", names, FaultPlan(faults)))


def largest_jump(
    design: Design, *, seed: int = 0, most: float = 1000.0, steps: int = 7, requests: int = 4_000, engine: str = "fast"
) -> Jump:
    """The largest multiple of the traffic at which at most SURVIVED of the requests fail or are late, by bisection.

    *steps* halvings between a survived and a broken multiple: with 7, to 1 %. inf if *most* is survived,
    0 if today's traffic is not.
    """
    place = Range(design, seed=seed, requests=requests, engine=engine)

    def bad(times: float) -> bool:
        for_s = min(place.for_s("load"), max(2.0, 4 * requests / max(1e-9, place.rate * times)))
        seen = place.run(STEADY.times(times), FaultPlan(), for_s)
        failed, late = bad_shares(seen, 0.0, place.late_s)
        return failed + late > SURVIVED + 0.01  # a hundredth is late in the usual run, too, where p99 is what is wanted

    if bad(1.0):
        return Jump(0.0, 1.0, place.runs)
    low, high = 1.0, 2.0
    while high <= most and not bad(high):
        low, high = high, 2 * high
    if high > most:
        return Jump(math.inf, math.inf, place.runs)
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if bad(middle) else (middle, high)
    return Jump(low, high, place.runs)
