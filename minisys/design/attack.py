"""Attacks on a design: what would hurt its users most, with a run that anybody can repeat, and a cure.

In the interview somebody points at a box and asks "and when that dies?". Here every box and arrow is asked: structure
and flow equations name suspects (weak_places, weak_calls), a simulation convicts them, and they are put in order by
one measure of damage (evidence).

    for finding in attack(design): print(finding.sentence, finding.cure)
    attack(design)[0].replay(design).availability

Promised: no finding without a run; what the objectives promise to survive comes first, what goes beyond (a lost region
when zones are promised) after it, marked. A component is what the fault hits: for a missing timeout, retries or a hard
dependency the callee. Not promised: that a design without findings is a good one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from minisys.chaos.plan import FaultPlan
from minisys.design.evidence import Proof, Range, Suspect
from minisys.design.mean_field import slice_of
from minisys.design.parts import Design
from minisys.design.run import Run, run
from minisys.design.sentences import CURES, sentence
from minisys.design.traffic import Traffic
from minisys.design.weak_calls import CALLS
from minisys.design.weak_places import PLACES
from minisys.testbed.tables import Table, table

WEAKNESSES = tuple(CURES)


@dataclass(frozen=True)
class Finding:
    """One proven weakness at *component*: *damage* to users (evidence.Damage.total), a *sentence*, a *cure*.

    plan, traffic, seed, for_s (and k, if a k-th of the design was run) play it again: `replay`. promised: the
    objectives say that this is survived.
    """

    weakness: str
    component: str
    damage: float
    sentence: str
    plan: FaultPlan
    traffic: Traffic
    seed: int
    cure: str
    for_s: float
    k: int = 1
    promised: bool = True

    def replay(self, design: Design, engine: str = "fast") -> Run:
        """The run that proved it, on this or on an improved *design*."""
        part_of = slice_of(design, self.k).design
        return run(part_of, self.traffic, self.plan, for_s=self.for_s, seed=self.seed, engine=engine)


def attack(design: Design, *, seed: int = 0, requests: int = 8_000, engine: str = "fast") -> list[Finding]:
    """The weaknesses of *design* that a run proves, worst first; those beyond what is promised at the end.

    requests: of users in each run. A design of 12 parts takes about 30 runs. Raises ValueError for a design that cannot
    run.
    """
    place = Range(design, seed=seed, requests=requests, engine=engine)
    proofs = [
        proof for suspect in suspects(place.design) if (proof := place.prove(suspect)).damage.total > suspect.least
    ]
    found = [_finding(proof, seed) for proof in _worst_of_each(proofs)]
    return sorted(found, key=lambda f: (not f.promised, -round(f.damage, 3), WEAKNESSES.index(f.weakness), f.component))


def suspects(design: Design) -> Iterator[Suspect]:
    """What the structure of *design* suggests, before any run."""
    for look in (*PLACES, *CALLS):
        yield from look(design)


def findings_table(findings: list[Finding], most: int = 12) -> Table:
    """Findings as a table: weakness and place, damage (evidence.Damage.total), sentence, cure."""
    rows = [
        {
            "weakness": f"{f.weakness}, {f.component}", "damage": f"{f.damage:.3f}",
            "what happens": f.sentence + ("" if f.promised else " (beyond the promise)"), "cure": f.cure,
        }
        for f in findings[:most]
    ]  # fmt: skip
    columns = ["weakness", "damage", "what happens", "cure"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"{len(findings)} findings, worst first")


def _finding(proof: Proof, seed: int) -> Finding:
    suspect = proof.suspect
    return Finding(
        suspect.weakness, suspect.component, proof.damage.total, sentence(proof), suspect.plan, proof.traffic, seed,
        CURES[suspect.weakness], proof.attacked.for_s, proof.k, suspect.promised,
    )  # fmt: skip


def _worst_of_each(proofs: list[Proof]) -> list[Proof]:
    """One proof for each weakness at each component."""
    best: dict[tuple[str, str], Proof] = {}
    for proof in proofs:
        key = proof.suspect.weakness, proof.suspect.component
        if key not in best or proof.damage.total > best[key].damage.total:
            best[key] = proof
    return list(best.values())
