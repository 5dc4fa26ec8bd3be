"""Lab 14: why a fault hurt this design, as far as its structure tells, and which chapter cures it."""

from __future__ import annotations

from minisys.chaos.plan import Fault
from minisys.design.flat import copy_name
from minisys.design.flow import flows
from minisys.design.parts import Database, Design, Dns, Edge, External, Part, Workers
from minisys.design.places import copies_of
from minisys.design.sentences import CURES

UNSEEN = "follow a click through your arrows in those seconds: what does it meet, and who waits for whom?"


def why(design: Design, fault: Fault) -> str:
    """A sentence about the part that *fault* hits hardest, and its cure."""
    if fault.target == "bank":
        return CURES["hard dependency" if fault.kind == "errors" else "missing timeout"]
    if fault.kind == "cache flush":
        return CURES["cold cache"]
    said = (_of(design, part, fault.target) for part in design.parts)
    return next((text for text in said if text), UNSEEN)


def _of(design: Design, part: Part, target: str) -> str:
    """What is wrong with *part* when *target* (a copy or a zone) is gone; "" if nothing is seen."""
    copies = copies_of(design, part)
    left = [one for one in copies if target not in (one.zone, copy_name(part, one.number), part.name)]
    if len(left) == len(copies) or isinstance(part, Edge | Dns | External | Workers):
        return ""
    if not left:
        lack = "no replica" if isinstance(part, Database) else "single point of failure"
        return f"{part.name} stands nowhere else. {CURES[lack if len(copies) == 1 else 'correlated zones']}"
    if isinstance(part, Database):
        return _database(part, len(left), len(copies))
    then = flows(design).busy(part) / (part.workers * len(left))
    if part.takes > 0 and then > 0.9:
        return f"{part.name} would have to be busy to {100 * then:.0f} %. {CURES['no headroom']}"
    return ""


def _database(part: Database, left: int, copies: int) -> str:
    if part.failover is None:
        return f"{part.name}: a person has to promote another copy. {CURES['slow failover']}"
    if part.replication == "raft" and 2 * left <= copies:
        return f"{part.name} has no majority left. {CURES['correlated zones']}"
    if part.replication == "async":
        return f"{part.name} said ok before another copy had it. {CURES['lost writes']}"
    return ""
