"""Lab 14: why a fault hurt this design, as far as its structure tells, and which chapter cures it."""

from __future__ import annotations

from collections import Counter

from minisys.chaos.plan import Fault
from minisys.design.attack import Finding
from minisys.design.flat import copy_name
from minisys.design.flow import flows
from minisys.design.parts import Cache, Database, Design, Dns, Edge, External, Part, Queue, Workers
from minisys.design.places import Copy, consumers, copies_of
from minisys.design.sentences import CURES

AWAY_S = 60.0  # so long a queue should be able to wait for the bank, at least
GONE = "A cache should be `optional`, with a timeout (chapter 04)."
UNSEEN = "follow a click through your arrows in those seconds: what does it meet, and who waits for whom?"


def why(design: Design, fault: Fault) -> str:
    """A sentence about the part that *fault* hits hardest, and its cure."""
    if fault.target == "bank":
        return full(design) or CURES["hard dependency" if fault.kind == "errors" else "missing timeout"]
    if fault.kind == "cache flush":
        return CURES["cold cache"]
    if any(part.name == fault.target for part in design.of(Cache)) and fault.kind == "kill":
        return GONE
    said = (_of(design, part, fault.target) for part in design.parts)
    return next((text for text in said if text), UNSEEN)


def full(design: Design) -> str:
    """Whether a queue is full, or its workers too few, when the bank is away for a while; "" if not."""
    now = flows(design)
    for queue in design.of(Queue):
        rate = now.rate(queue.name)
        if queue.limit is not None and queue.limit < rate * AWAY_S:
            full_s = queue.limit / max(1e-9, rate)
            return (f"{queue.name} is full after {full_s:.0f} s of the bank's absence, and says no to riders. Task 1 "
                    "says how many charges wait after ten minutes (chapter 08).")  # fmt: skip
        takers = consumers(design, queue)
        pace = sum(part.copies * part.workers / max(1e-9, now.answer_s(part)) for part in takers)
        if takers and pace < 1.2 * rate:
            who = " and ".join(part.name for part in takers)
            return (f"{who} can do {pace:.0f} a second when all is well, and {rate:.0f} come: when is the line worked "
                    "off? More workers or copies (chapter 08).")  # fmt: skip
    return ""


def unpaid_why(design: Design) -> str:
    """Who gives up a charge, and what helps."""
    callers = [part for part in design.parts if any(call.to == "bank" for call in part.calls)]
    for part in callers:
        call = next(call for call in part.calls if call.to == "bank")
        if call.optional:
            return (f"{part.name}'s call to the bank is `optional`: if it fails, it is forgotten. Put charges into a "
                    "`queue`, and let `workers` call the bank (chapter 08).")  # fmt: skip
        if isinstance(part, Workers):
            return (f"{part.name} gives a message up before the bank is back: more `attempts` with a longer `backoff` "
                    f"on its call to the bank, and `attempts` on {part.name} itself (chapter 10).")  # fmt: skip
    return "Put charges into a `queue`, and let `workers` call the bank and try again (chapter 08)."


def cure(design: Design, found: Finding) -> str:
    """The cure of a finding; of a storm of retries also where it begins: the arrows that try more than once."""
    callee = found.component
    said = [
        f"{part.name} to {callee}{f' on {call.on}' if call.on != 'all' else ''}: attempts {call.attempts}"
        for part in design.parts
        for call in part.calls
        if call.to == callee and call.attempts > 1
    ]
    if found.weakness != "retry amplification" or not said:
        return found.cure
    return f"{'; '.join(said)}. The smaller {callee} is, the sooner it drowns in them. {found.cure}"


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
    return _crowded(design, part, [one for one in copies if one not in left])


def _crowded(design: Design, part: Part, gone: list[Copy]) -> str:
    """Callers ask the copies of their own region first: is there one in which too few are left?"""
    lost = Counter(one.region for one in gone)
    busy = flows(design).utilisation(part, lost)
    if busy <= 0.9:
        return ""
    where = " and ".join(lost)
    return f"what is left of {part.name} in {where} would be busy to {100 * busy:.0f} %. {CURES['no headroom']}"


def _database(part: Database, left: int, copies: int) -> str:
    if part.failover is None:
        return f"{part.name}: a person has to promote another copy. {CURES['slow failover']}"
    if part.replication == "raft" and 2 * left <= copies:
        return f"{part.name} has no majority left. {CURES['correlated zones']}"
    if part.replication == "async":
        return f"{part.name} said ok before another copy had it. {CURES['lost writes']}"
    return ""
