"""Tries a case: does its reference keep its promises, and is each damaged version caught for the right reason?

A reference that was never run is a drawing, and an attack that never missed anything was never asked. Here the
reference is judged; a damaged version is judged and attacked, and what was spoilt must come out.

Promised: the same seed tries the same requests. Not here: whether anything else is wrong with the design.
"""

from __future__ import annotations

from dataclasses import dataclass

from minisys.design.attack import attack
from minisys.design.cases import Case, Damaged
from minisys.design.judge import judge

NAMED = 2  # so far up in the attack's list the planted weakness must be


@dataclass(frozen=True)
class Trial:
    """What came of one version of a case: the objectives it *missed*, and what the attack *named* first and second.

    *spoilt* is None for the reference, which is not attacked.
    """

    case: str
    spoilt: Damaged | None
    missed: tuple[str, ...]
    named: tuple[tuple[str, str], ...]

    @property
    def wrong(self) -> str:
        """What is not as it should be, in a sentence; "" if all is."""
        if self.spoilt is None:
            return f"{self.case}: the reference misses {', '.join(self.missed)}" if self.missed else ""
        label, planted = f"{self.case}, {self.spoilt.label!r}", (self.spoilt.weakness, self.spoilt.component)
        if self.spoilt.objective not in self.missed:
            return f"{label}: {self.spoilt.objective} is kept; missed: {', '.join(self.missed) or 'nothing'}"
        if planted not in self.named:
            return f"{label}: the attack names {self.named or 'nothing'}, not {planted}"
        return ""


def trial(case: Case, spoilt: Damaged | None = None, *, seed: int = 0, requests: int = 4_000) -> Trial:
    """Judge the reference, or judge and attack a damaged version, with about so many *requests* in each run."""
    design = case.design(spoilt)
    missed = judge(design, seed=seed, requests=requests).missed
    found = attack(design, seed=seed)[:NAMED] if spoilt else []
    return Trial(case.name, spoilt, missed, tuple((one.weakness, one.component) for one in found))
