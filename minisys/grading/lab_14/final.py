"""Lab 14, task 6: the objectives, the attack, and evenings drawn by seeds: other crowds, other faults."""

from __future__ import annotations

import random

from minisys.chaos.plan import Fault
from minisys.design.attack import attack
from minisys.design.evidence import ours
from minisys.design.flat import copy_name
from minisys.design.judge import judge
from minisys.design.parts import Design, Dns, Edge
from minisys.design.sentences import CURES
from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_14.business import AVAILABILITY, RTO_S, TIMES, Text, design_of, respects
from minisys.grading.lab_14.cures import cure, unpaid_why, why
from minisys.grading.lab_14.peak import USUAL, WARM_S
from minisys.grading.lab_14.scene import Scene, bad, caches, trouble, unpaid, zones_used

SEED, EVENINGS, FEW, FREE_RIDES, DAMAGE, REQUESTS = 61, tuple(range(507, 519)), 0.03, 0.01, 0.05, 4_000
PASTE = f"design_of(text), seed={SEED}, requests={REQUESTS:_}"
ORDINARY = "Clicks fail in an ordinary hour, with nothing broken: is a timeout shorter than the work (chapter 10)?"
WORDS = {"times": f"with {TIMES:g} times the traffic", "single_fault": "while the worst single fault lasts"}
CHAPTERS = {
    "p99": CURES["bottleneck"], "availability": CURES["single point of failure"], "rpo": CURES["lost writes"],
    "rto": CURES["slow failover"], "cost": "monthly(read(text)) shows each item (chapter 14).",
    "times": CURES["bottleneck"], "single_fault": CURES["correlated zones"],
}  # fmt: skip


def evening(design: Design, seed: int) -> Scene:
    """A crowd or a move of the riders, and a fault. The contract says 1.5 times or a zone, so not both at once."""
    draw = random.Random(f"evening {seed}")
    at_s, crowded = round(draw.uniform(4.0, 9.0), 1), draw.random() < 0.4
    kinds = [_bank(draw, at_s), _cache(design, at_s)]
    if not crowded:
        kinds += [[_death(draw, design, at_s)], [Fault("zone loss", zone, at_s) for zone in zones_used(design)]]
    fault = draw.choice(draw.choice([kind for kind in kinds if kind]))
    towns = draw.choice((("Frankfurt", "Madrid"), ("Madrid", "Frankfurt")))
    surge = ("times", TIMES), ("at_s", round(draw.uniform(5.0, 12.0), 1)), ("hold_s", 10.0)
    shift = ("origin", towns[0]), ("to", towns[1]), ("share", round(draw.uniform(0.3, 0.8), 2)), ("at_s", at_s)
    return Scene(seed, (fault,), 40.0, surge=surge if crowded else (), shift=() if crowded else shift)


def _bank(draw: random.Random, at_s: float) -> list[Fault]:
    return [
        Fault("slow answers", "bank", at_s, 15.0, delay_s=round(draw.uniform(5.0, 30.0), 1)),
        Fault("errors", "bank", at_s, 10.0, ratio=round(draw.uniform(0.5, 1.0), 2)),
    ]


def _cache(design: Design, at_s: float) -> list[Fault]:
    return [fault for name in caches(design) for fault in trouble(design, name, at_s)]


def _death(draw: random.Random, design: Design, at_s: float) -> Fault:
    part = draw.choice([part for part in ours(design) if not isinstance(part, Dns | Edge)])
    return Fault("kill", copy_name(part, draw.randrange(part.copies)), at_s)


def promised(text: Text) -> str:
    """Every objective is kept."""
    design = design_of(text)
    verdict = judge(design, seed=SEED, requests=REQUESTS)
    missed = [row for row in verdict.rows if not row.kept]
    if missed:
        said = "; ".join(f"{WORDS.get(row.objective, row.objective)}: {row.got} ({row.evidence})" for row in missed)
        wanted = "; ".join(f"{WORDS.get(row.objective, row.objective)}: {row.wanted}" for row in missed)
        looks = dict.fromkeys(_cure(design, row.objective) for row in missed)
        raise Wrong(said, given=f"judge({PASTE})", expected=wanted, look=" ".join(looks))
    return ", ".join(f"{WORDS.get(row.objective, row.objective)} {row.got}" for row in verdict.rows)


def _cure(design: Design, objective: str) -> str:
    if objective == "availability" and bad(USUAL[0].play(design)) > 1 - AVAILABILITY:
        return ORDINARY
    return CHAPTERS[objective]


def unharmed(text: Text) -> str:
    """The attack finds nothing that is worth a talk."""
    design = design_of(text)
    found = [one for one in attack(design, seed=SEED, requests=REQUESTS) if one.promised]
    if found and found[0].damage > DAMAGE:
        worst = found[0]
        said, wanted = f"{worst.weakness} at {worst.component}: {worst.sentence}", f"no damage above {DAMAGE:g}"
        look = cure(design, worst)
        raise Wrong(said, given=f"attack({PASTE})", expected=f"{wanted}; this is {worst.damage:.2f}", look=look)
    return f"{len(found)} finding{'s' * (len(found) != 1)}, none above {DAMAGE:g}"


def evenings(text: Text) -> str:
    """Evenings that the text has not seen: served, nothing lost."""
    design, worst = design_of(text), 0.0
    for seed in EVENINGS:
        scene = evening(design, seed)
        fault, seen = scene.faults[0], scene.play(design)
        share = bad(seen, fault.at_s + RTO_S if fault.kind in ("kill", "zone loss") else 0.0)
        worst = max(worst, share)
        if share > FEW:
            raise Wrong(f"{fault.kind} at {fault.target}: {100 * share:.0f} % of the clicks fail or are late",
                        given=str(scene), expected=f"{100 * FEW:g} % or fewer", look=why(design, fault))  # fmt: skip
        if seen.lost_writes:
            raise Wrong(f"{fault.kind} at {fault.target}: {seen.lost_writes:,} confirmed writes are gone",
                        given=str(scene), expected="none", look=CURES["lost writes"])  # fmt: skip
    counted = f"fail or are late (after a death or a lost zone: of those from {RTO_S:g} s later on)"
    return f"{len(EVENINGS)} evenings, at worst {100 * worst:.1f} % of the clicks {counted}"


def books(text: Text) -> str:
    """What riders were told, beside what the bank did, over all evenings."""
    design, done, free = design_of(text), 0, 0
    for seed in EVENINGS:
        scene = evening(design, seed)
        never, rides = unpaid(scene.play(design))
        done, free = done + rides, free + never
        if never > FREE_RIDES * rides:
            raise Wrong(f"{never:,} of {rides:,} confirmed writes were never charged", given=str(scene),
                        expected=f"all but {100 * FREE_RIDES:g} in 100", look=unpaid_why(design))  # fmt: skip
    return f"{done:,} confirmed writes, {free:,} not charged"


FINAL = (
    Check("it can be read, and the facts are as given", respects),
    Check("every objective is kept", promised, limit_s=WARM_S, after_others=True),
    Check("the attack finds nothing that was promised", unharmed, limit_s=WARM_S, after_others=True),
    Check("twelve evenings drawn by seeds", evenings, limit_s=WARM_S, after_others=True),
    Check("the books agree", books, limit_s=WARM_S, after_others=True),
)
