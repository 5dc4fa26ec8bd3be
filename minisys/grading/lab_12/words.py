"""Lab 12: what an experiment measured, and against which limit, in words.

"It did not hold: 3.5170068027210886" leaves a learner to guess what was counted; "calls_per_order 3.52, at most 1.5"
does not.
"""

from __future__ import annotations

import math

from minisys.chaos import shop
from minisys.chaos.experiment import Journal

COUNTED = {
    "success": "{:.0%} of the orders taken",
    "calls_per_order": "{:.3g} price calls for each order",
    "lost": "{:.0f} confirmed orders lost",
}


def limit(claim: shop.Claim) -> str:
    """The bound of *claim*: "at least 0.9"."""
    if math.isfinite(claim.at_least):
        return f"at least {claim.at_least:g}"
    return f"at most {claim.at_most:g}"


def counted(claim: shop.Claim, value: float) -> str:
    """What *value* of the measure of *claim* is: "30 confirmed orders lost"."""
    return COUNTED[claim.measure].format(value)


def outcome(journal: Journal) -> str:
    """How an experiment ended: "the claim failed after the faults: calls_per_order 3.52, at most 1.5"."""
    if journal.status not in ("completed", "deviated"):
        return journal.why
    claim = shop.CLAIMS[journal.hypothesis]
    bad = [one for one in journal.observations if not one.held]
    last = bad[0] if bad else journal.observations[-1]
    said = f"the claim failed {last.when} the faults" if bad else "the claim stood"
    return f"{said}: {claim.measure} {last.value:.3g}, {limit(claim)}"
