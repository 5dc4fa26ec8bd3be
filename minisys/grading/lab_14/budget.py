"""Lab 14, task 5: the bill, and that nothing of before was saved away."""

from __future__ import annotations

from minisys.design.cost import monthly
from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_14 import bank, peak, zones
from minisys.grading.lab_14.business import BUDGET, Text, design_of, respects
from minisys.grading.lab_14.peak import WARM_S


def cheap(text: Text) -> str:
    """A month at the course's prices."""
    bill = monthly(design_of(text))
    if bill.total > BUDGET:
        dearest = ", ".join(f"{row.part} {row.dollars:,.0f}" for row in bill.by_part().head(3).itertuples())
        # two dollar signs in one line would be read as a formula by the page
        said = f"{bill.total:,.0f} dollars a month, most of it for {dearest}"
        raise Wrong(said, expected=f"{BUDGET:,.0f} dollars at most",
                    look="monthly(read(text)) shows each item; what is idle even when a zone is lost?")  # fmt: skip
    return f"${bill.total:,.0f} a month"


def still_busy(text: Text) -> str:
    """Task 2 again."""
    return f"{peak.fast(text)}; {peak.concert(text)}"


def still_standing(text: Text) -> str:
    """Task 3 again."""
    zones.copies(text)
    zones.safe(text)
    return zones.served(text)


def still_calm(text: Text) -> str:
    """Task 4 again."""
    for scene in (bank.HANGS, bank.REFUSES):
        bank.unmoved(scene, text)
    bank.empty(text)
    bank.patient(text)
    return bank.charged(text)


WITHIN = (
    Check("it can be read, and the facts are as given", respects),
    Check(f"at most ${BUDGET:,.0f} a month", cheap),
    Check("the busiest hour is still held", still_busy, limit_s=WARM_S, after_others=True),
    Check("any copy and any zone may still go", still_standing, limit_s=WARM_S, after_others=True),
    Check("the bank and the cache still hurt nobody", still_calm, limit_s=WARM_S, after_others=True),
)
