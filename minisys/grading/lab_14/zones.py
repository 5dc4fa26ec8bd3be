"""Lab 14, task 3: each copy dies once, each zone is lost once."""

from __future__ import annotations

from collections.abc import Iterator

from minisys.chaos.plan import Fault
from minisys.design.evidence import AT_S, ours
from minisys.design.flat import copy_name
from minisys.design.parts import Design, Dns, Edge, Queue
from minisys.design.run import Run
from minisys.design.sentences import CURES
from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_14.business import RTO_S, Text, design_of, respects
from minisys.grading.lab_14.cures import why
from minisys.grading.lab_14.peak import WARM_S
from minisys.grading.lab_14.scene import Scene, bad, zones_used

FEW, SEED = 0.03, 31
LASTS_S = AT_S + RTO_S + 10.0


def losses(design: Design, seed: int = SEED) -> Iterator[Scene]:
    """Every zone that is used, lost for good."""
    yield from (Scene(seed, (Fault("zone loss", zone, AT_S),), LASTS_S) for zone in zones_used(design))


def deaths(design: Design, seed: int = SEED) -> Iterator[Scene]:
    """The first copy of every part."""
    for part in ours(design):
        if not isinstance(part, Dns | Edge):
            yield Scene(seed, (Fault("kill", copy_name(part, 0), AT_S),), LASTS_S)


def restarts(design: Design) -> Iterator[Scene]:
    """Every queue starts again while messages wait in it, for the bank hangs."""
    hangs = Fault("slow answers", "bank", AT_S, 20.0, delay_s=30.0)
    for queue in design.of(Queue):
        yield Scene(SEED, (hangs, Fault("kill", queue.name, AT_S + 10.0, 2.0)), LASTS_S)


def back(design: Design, scene: Scene) -> Run:
    """The run of *scene*, in which riders are served again within the RTO. Raises Wrong if they are not."""
    seen, fault = scene.play(design), scene.faults[0]
    left = bad(seen, fault.at_s + RTO_S)
    if left > FEW:
        said = f"{fault.target} is gone; {RTO_S:g} s later {100 * left:.0f} % of the clicks fail or are late"
        raise Wrong(said, given=str(scene), expected=f"{100 * FEW:g} % or fewer", look=why(design, fault))
    return seen


def kept(design: Design, scene: Scene) -> None:
    """Nothing that riders were told is done is gone. Raises Wrong otherwise."""
    seen = scene.play(design)
    if seen.lost_writes:
        said = f"{seen.lost_writes:,} confirmed writes are gone ({seen.rpo_s:.3g} s of them)"
        raise Wrong(said, given=str(scene), expected="none", look=CURES["lost writes"])


def copies(text: Text) -> str:
    """Each part loses a copy."""
    design = design_of(text)
    scenes = list(deaths(design))
    for scene in scenes:
        back(design, scene)
    return f"{len(scenes)} deaths"


def served(text: Text) -> str:
    """Each zone is lost; riders are served again in time."""
    design = design_of(text)
    longest = max((back(design, scene).rto_s for scene in losses(design)), default=0.0)
    return f"{len(zones_used(design))} zones, back after {longest:.0f} s at the latest"


def safe(text: Text) -> str:
    """No copy, no zone and no restart of a queue takes confirmed writes with it."""
    design = design_of(text)
    scenes = [*losses(design), *deaths(design), *restarts(design)]
    for scene in scenes:
        kept(design, scene)
    return f"{len(scenes)} losses, no confirmed write gone"


ZONES = (
    Check("it can be read, and the facts are as given", respects),
    Check("a copy of each part dies: riders are served again within 20 s", copies, limit_s=WARM_S),
    Check("a zone is lost: riders are served again within 20 s", served, limit_s=WARM_S),
    Check("no confirmed unlock is lost", safe, limit_s=WARM_S),
)
