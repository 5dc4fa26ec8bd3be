"""Lab 14, task 4: the bank hangs, the bank says no, the cache is empty; riders hardly notice, and all pay."""

from __future__ import annotations

from functools import partial

from minisys.chaos.plan import Fault
from minisys.design.attack import attack
from minisys.design.evidence import AT_S
from minisys.design.sentences import CURES
from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_14.business import P99_S, Text, design_of, respects
from minisys.grading.lab_14.cures import GONE, cure, full, unpaid_why, why
from minisys.grading.lab_14.peak import WARM_S
from minisys.grading.lab_14.scene import Scene, bad, caches, trouble, unpaid, well

HANGS = Scene(41, (Fault("slow answers", "bank", AT_S, 20.0, delay_s=30.0),), 40.0)
REFUSES = Scene(42, (Fault("errors", "bank", AT_S, 15.0, ratio=1.0),), 40.0)
READS, WRITES, FREE_RIDES, FEW, DAMAGE = 0.98, 0.97, 0.005, 0.03, 0.05
WAITING = ("missing timeout", "retry amplification", "unbounded queue", "cold cache", "hard dependency")


def unmoved(scene: Scene, text: Text) -> str:
    """While the bank is away, maps are shown and bicycles unlocked."""
    design = design_of(text)
    seen = scene.play(design)
    for what, write, wanted in (("looks at the map", False, READS), ("unlocks and returns", True, WRITES)):
        came = well(seen, write)
        if came < wanted:
            raise Wrong(f"{100 * came:.0f} % of the {what} are answered within {1000 * P99_S:g} ms", given=str(scene),
                        expected=f"{100 * wanted:g} %", look=why(design, scene.faults[0]))  # fmt: skip
    return f"{100 * well(seen, False):.0f} % of the looks, {100 * well(seen, True):.0f} % of the unlocks"


def charged(text: Text) -> str:
    """When the bank is back, everybody is charged: the two books agree."""
    design, done = design_of(text), 0
    for scene in (HANGS, REFUSES):
        free, rides = unpaid(scene.play(design))
        done += rides
        if free > FREE_RIDES * rides:
            look = full(design) or unpaid_why(design)
            raise Wrong(f"{free:,} of {rides:,} confirmed writes were never charged", given=str(scene),
                        expected=f"all but {1000 * FREE_RIDES:g} in 1,000", look=look)  # fmt: skip
    return f"{done:,} writes, all charged in the end"


def empty(text: Text) -> str:
    """Each cache is empty, and then gone."""
    design = design_of(text)
    names = caches(design)
    for name in names:
        for fault in trouble(design, name, AT_S):
            scene = Scene(43, (fault,))
            share = bad(scene.play(design), AT_S)
            if share > FEW:
                look = CURES["cold cache"] if fault.kind == "cache flush" else GONE
                raise Wrong(f"{100 * share:.0f} % of the clicks fail or are late", given=str(scene),
                            expected=f"{100 * FEW:g} % or fewer", look=look)  # fmt: skip
    return f"{', '.join(names)}: emptied, and gone" if names else "there is no cache that could be empty"


def patient(text: Text) -> str:
    """What the attack finds about waiting, retries and dependencies."""
    design = design_of(text)
    for found in attack(design, seed=44, requests=4_000):
        if found.weakness in WAITING and found.promised and found.damage > DAMAGE:
            said = f"{found.weakness} at {found.component}: {found.sentence}"
            wanted = f"no damage above {DAMAGE:g}; this is {found.damage:.2f}"
            raise Wrong(said, given="attack(design_of(text), seed=44, requests=4_000)", expected=wanted,
                        look=cure(design, found))  # fmt: skip
    return "no missing timeout, no storm of retries, no line without end"


BANK = (
    Check("it can be read, and the facts are as given", respects),
    Check("the bank hangs for 20 s: riders go on", partial(unmoved, HANGS), limit_s=WARM_S),
    Check("the bank says no for 15 s: riders go on", partial(unmoved, REFUSES), limit_s=WARM_S),
    Check("and everybody is charged in the end", charged, limit_s=WARM_S),
    Check("the cache is empty, the cache is gone", empty, limit_s=WARM_S),
    Check("nobody waits for ever, nobody asks too often", patient, limit_s=WARM_S, after_others=True),
)
