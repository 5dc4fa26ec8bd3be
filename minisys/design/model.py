"""A design in virtual time: requests walk through its parts, wait, are retried, and meet what the plan breaks.

Nobody can say by looking whether a shop with two zones survives the loss of one at noon. Each part is simple: a waiting
line, workers, calls. Together they are not: a retry here is load there. So they are put together and run.

    every call: choose a copy, the way there, the line, the work, its own calls, the way back, or the caller's timeout

Promised: the rooms' own decisions (load_balancing.policies, resilience.retries, sharding.policies), no request lost or
counted twice, and what fast.py says, request by request. Callbacks in SimPy's calendar, not processes: see testbed
server. Not modelled: memory, bandwidth, a copy that is half dead.
"""

from __future__ import annotations

import math

from minisys.design.flat import QUEUE, Flat
from minisys.design.model_messages import drain, lengthen, lined
from minisys.design.model_places import begin, finish, reach, release, turn, user
from minisys.design.model_state import World
from minisys.design.model_work import account, crowd, stayed
from minisys.design.requests import Requests
from minisys.design.tally import Tally
from minisys.design.timeline import Timeline


class Model:
    """The engine that anybody can read. *advance* it, look at it, change its number of copies."""

    def __init__(self, flat: Flat, line: Timeline, requests: Requests, tally: Tally) -> None:
        self.world = World(flat, line, requests, tally)
        self.world.reach, self.world.begin, self.world.finish, self.world.release = reach, begin, finish, release
        self.flat, self.tally = flat, tally
        for epoch, start in enumerate(line.start_s):
            if math.isfinite(start):
                self.world.later(float(start), turn, epoch, first=True)
        if len(requests):
            self.world.later(float(requests.arrival_s[0]), user, 0)

    def advance(self, until_s: float) -> None:
        """Let everything happen that happens before *until_s* seconds."""
        if until_s > self.world.env.now:
            self.world.env.run(until_s)

    def busy_s(self, copy: int) -> float:
        """Seconds of work done by a copy so far, over all its workers."""
        account(self.world, self.world.sites[copy])
        return float(self.tally.copies["busy_s"][copy])

    def arrived(self, copies: range) -> int:
        """How many requests have come to these copies."""
        return int(self.tally.copies["arrived"][copies].sum())

    def waiting(self, part: int) -> int:
        """How many wait at a part now; for a queue, its messages."""
        if self.flat.parts["kind"][part] == QUEUE:
            return len(self.world.messages[part])
        return sum(len(self.world.sites[copy].waiting) for copy in self.flat.copies_of(part))

    def is_down(self, copy: int) -> bool:
        """Whether the plan has it down now."""
        return self.world.now_broken("down", copy) != 0

    def open(self, copy: int, ready_s: float) -> None:
        """The copy takes requests from *ready_s* seconds on."""
        world = self.world
        world.ready[copy], world.leaves[copy] = ready_s, math.inf
        world.known.clear()
        queue = world.part["source"][world.part_of[copy]]
        if queue >= 0:
            world.later(ready_s, drain, queue)

    def close(self, copy: int, now_s: float) -> None:
        """The copy takes no more requests."""
        self.world.leaves[copy] = now_s
        self.world.known.clear()

    def inside(self) -> list[int]:
        """How many visits are at each copy now, unfinished; and the tally's accounts are closed."""
        self.tally.until_s = self.world.env.now
        for site in self.world.sites:
            crowd(self.world, site)
            for visit in site.inside:
                stayed(self.world, visit)
        for queue, kept in self.world.messages.items():
            lengthen(self.world, queue)
            for message in kept:
                lined(self.world, queue, message)
        return [len(site.inside) for site in self.world.sites]
