"""Who keeps what users write: do the writes reach anything that still has them tomorrow?

An application server that answers "ok" and has no database behind it is quick, cheap and never loses a primary. Nothing
is lost in its runs, because nothing was ever kept. So before the losses are counted, the arrows are followed.

Promised: only arrows are read, nothing is run. A database keeps, and so does somebody else's service; a queue does if
its workers pass on to one that keeps. A cache keeps nothing. Not here: how many of the writes take the arrow (its
share), how long they are kept, or whether somebody else's service keeps its word.
"""

from __future__ import annotations

from minisys.design.parts import Cache, Clients, Database, Design, External, Part, Queue
from minisys.design.places import consumers

WRITES = ("all", "writes")
READS = ("all", "reads")


def unkept(design: Design) -> str:
    """What of the clients' requests nobody keeps, as a sentence; "" if all is kept, or if nobody writes."""
    for clients in design.of(Clients):
        if clients.writes > 0 and clients.rate > 0:
            if not _keeps(design, clients, WRITES):
                return f"writes of {clients.name} reach no part that keeps them: lead them to a database"
            if clients.writes < 1 and (cache := _asked(design, clients)) and not _keeps(design, clients, READS):
                return f"{cache} answers reads of what nobody keeps: lead its misses to a database"
    return ""


def _keeps(design: Design, part: Part, on: tuple[str, ...]) -> bool:
    """Whether requests at *part* reach a keeper over arrows taken *on* one of these. Designs have no circles."""
    if isinstance(part, Database | External):
        return True
    if isinstance(part, Queue):
        return any(_keeps(design, one, WRITES) for one in consumers(design, part))
    for call in part.calls:
        target = design[call.to]
        if call.on in on and call.share > 0:
            if _keeps(design, target, on):
                return True
            if isinstance(target, Cache):  # what it was asked for and has not, a write too, is a miss
                on = (*on, "misses")
    return False


def _asked(design: Design, part: Part) -> str:
    """The first cache that reads at *part* come to; "" if there is none."""
    if isinstance(part, Cache):
        return part.name
    below = (_asked(design, design[call.to]) for call in part.calls if call.on in (*READS, "misses"))
    return next((name for name in below if name), "")
