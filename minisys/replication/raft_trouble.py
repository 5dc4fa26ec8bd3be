"""What goes wrong in a run of the model: crashes, cuts, pauses, operators, drawn from the run's seed.

Half of all faults strike at random and half when somebody has just voted. A consensus protocol is at its weakest in the
milliseconds around an election, and random faults seldom meet them.

Promised: the same seed gives the same faults as long as the servers do the same. Not done: mending at the end
(`Cluster.mend`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minisys.replication.raft_model import Cluster


class Trouble:
    """The faults of one run: something every so often until *until_s*, drawn from the cluster's seed.

    Each run knows only some kinds of fault: with all of them at once none gets far before the next undoes it (swarm
    testing; Groce et al., ISSTA 2012).
    """

    def __init__(self, cluster: Cluster, until_s: float) -> None:
        self.cluster, self.rng, self.until_s = cluster, cluster.rng, until_s
        self.told: list[str] = []
        self.mean_gap_s = self.rng.choice((0.1, 0.2, 0.4))
        kinds = (
            (self._crash_one, 3), (self._crash_leader, 4), (self._isolate, 2), (self._strand, 4), (self._split, 2),
            (self._deaf, 2), (self._pause, 3), (self._blink, 4), (self._members, 3), (self._panic, 1),
        )  # fmt: skip
        some = self.rng.sample(kinds, self.rng.randint(1, len(kinds)))
        self.kinds = (*some, (self._restart, 5), (self._heal, 5))
        self.ready = False  # to strike when somebody next votes
        self.haunts, self.coups = self.rng.choice(((0.0, 0.0), (0.3, 0.0), (0.0, 0.8)))  # chances at a vote, at a start
        cluster.seen.began = self._began
        cluster.seen.voted = self._voted
        self._later()

    def _later(self) -> None:
        gap_s = self.rng.expovariate(1 / self.mean_gap_s)
        if self.cluster.loop.now + gap_s < self.until_s:
            self.cluster.loop.after(gap_s, self._one_and_later if self.rng.random() < 0.5 else self._lie_in_wait)

    def _lie_in_wait(self) -> None:
        """The windows that matter are milliseconds wide: every other fault waits for an election."""
        self.ready = True
        self.cluster.loop.after(self.rng.expovariate(1 / self.mean_gap_s), self._no_longer)

    def _voted(self) -> None:
        if self.ready:
            self.ready = False
            self.cluster.loop.after(self.rng.expovariate(1 / 0.01), self._one_and_later)
        elif self.haunts and self.rng.random() < self.haunts:
            self.cluster.loop.after(self.rng.expovariate(1 / 0.01), self._one)

    def _began(self) -> None:
        """Figure 8: each new leader is left alone with what it has just written, and the one before is back."""
        if self.coups and self.rng.random() < self.coups:
            self.cluster.loop.after(self.rng.expovariate(1 / 0.02), self._coup)

    def _coup(self) -> None:
        if self.cluster.loop.now < self.until_s:
            self.cluster.mend()
            self._tell(self.rng.choice((self._isolate, self._strand, self._crash_leader))())

    def _no_longer(self) -> None:
        if self.ready:
            self.ready = False
            self._one_and_later()

    def _one_and_later(self) -> None:
        self._one()
        self._later()

    def _one(self) -> None:
        if self.cluster.loop.now > self.until_s:
            return
        what = self.rng.choices([kind for kind, _ in self.kinds], [weight for _, weight in self.kinds])[0]()
        self._tell(what)

    def _tell(self, what: str) -> None:
        if what:
            self.told.append(f"{self.cluster.loop.now:.3f} s: {what}")

    def _victim(self) -> str:
        return self.rng.choice(sorted(self.cluster.disks))

    def _crash_one(self) -> str:
        name = self._victim()
        self.cluster.crash(name)
        return f"{name} crashes"

    def _crash_leader(self) -> str:
        name = self.cluster.leader()
        if name is not None:
            self.cluster.crash(name)
        return f"the leader {name} crashes" if name else ""

    def _restart(self) -> str:
        dead = [name for name in self.cluster.disks if name not in self.cluster.servers]
        for name in dead:
            self.cluster.start(name)
        return f"{', '.join(dead)} restart" if dead else ""

    def _blink(self) -> str:
        some = self.rng.sample(sorted(self.cluster.disks), self.rng.choice((1, 2, 4, len(self.cluster.disks))))
        for name in some:
            self.cluster.crash(name)
            self.cluster.start(name)
        return f"power cut of a moment: {', '.join(some)} restart"

    def _isolate(self) -> str:
        return self._cut_off([self.cluster.leader() or self._victim()])

    def _strand(self) -> str:
        name = self.cluster.leader() or self._victim()
        friends = [other for other in self._members_of(name) if other != name]
        return self._cut_off([name, *self.rng.sample(friends, min(1, len(friends)))])

    def _members_of(self, name: str) -> tuple[str, ...]:
        return self.cluster.servers[name].raft.members if name in self.cluster.servers else tuple(self.cluster.disks)

    def _split(self) -> str:
        return self._cut_off(self.rng.sample(sorted(self.cluster.disks), 3))

    def _cut_off(self, some: list[str]) -> str:
        rest = [name for name in self.cluster.disks if name not in some]
        self.cluster.network.partition(some, rest)
        return f"{', '.join(some)} and {', '.join(rest)} are cut off from each other"

    def _deaf(self) -> str:
        name = self.cluster.leader() or self._victim()
        for other in self.cluster.disks:
            if other != name:
                self.cluster.network.cut(other, name)
        return f"{name} can speak and hears nothing"

    def _heal(self) -> str:
        self.cluster.network.heal()
        return "all cuts are mended"

    def _pause(self) -> str:
        name = self.cluster.leader() or self._victim()
        if not self.cluster.network.up(name):
            return ""
        self.cluster.network.pause(name)
        self.cluster.loop.after(self.rng.uniform(0.1, 1.5), self._resume, name)
        return f"{name} stops for a while"

    def _resume(self, name: str) -> None:
        if name in self.cluster.servers and not self.cluster.network.up(name):
            self.cluster.network.resume(name)

    def _members(self) -> str:
        """A server more, or a server less."""
        name = self.cluster.leader()
        if name is None:
            return ""
        now = set(self.cluster.servers[name].raft.members)
        other = self._victim()
        return self._ask_for(name, now - {other} if other in now and len(now) > 3 else now | {other})

    def _panic(self) -> str:
        """The network splits, and an operator makes those that the leader still reaches the only members."""
        name = self.cluster.leader()
        if name is None:
            return ""
        side = {name, *self.rng.sample([other for other in self.cluster.disks if other != name], 2)}
        return self._cut_off(sorted(side)) + "; " + self._ask_for(name, side)

    def _ask_for(self, name: str, members: set[str]) -> str:
        self.cluster.servers[name].change(sorted(members))
        return f"{name} is asked to make {', '.join(sorted(members))} the members"
