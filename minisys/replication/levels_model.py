"""Five promises about the same copies: what each level of consistency allows a reader in another region to see.

A game keeps its scores in Virginia and reads them in Sydney. "Eventual" is cheap and shows a player his own score
jumping back; "strong" never does and asks Virginia every time. Azure Cosmos DB sells five levels between the two, by
name and with a price. Here each is two decisions of policies.py and one of order; the checkers say what it forbids.

Promised: the guarantees as documented, on one writer region and *REPLICAS* readers' copies with a delay between them.
Not promised: Microsoft's implementation (four replicas a partition, quorums in each region) or its latencies; what a
level allows is shown here, not how it is kept there.

Source: Azure Cosmos DB, "Consistency levels", documentation of August 2025; Terry, "Replicated data consistency
explained through baseball", CACM 2013.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from random import Random

import pandas as pd

from minisys.replication.check import linearizable, monotonic_reads, read_your_writes
from minisys.replication.history import History
from minisys.replication.levels_nodes import REPLICAS, Level, Player, Primary, Replica, Seen
from minisys.replication.network import Link, Loop, Network
from minisys.replication.policies import after_own_writes, any_replica, bounded_staleness, leader_only
from minisys.testbed.laws import Deterministic, Exponential, Gamma

MOST_VERSIONS, MOST_S = 5, 0.25  # the bound of "bounded staleness" here
FAR = Link(Gamma(0.04, cv=1.5))  # from the primary to a copy: 40 ms, often much more
OVERSEAS = Link(Deterministic(0.04))  # a reader to the primary
BOUND = f"at most {MOST_VERSIONS} versions behind what was {MOST_S:g} s ago"

LEVELS = {
    "strong": Level(leader_only),
    "bounded staleness": Level(bounded_staleness(MOST_VERSIONS, MOST_S)),
    "session": Level(after_own_writes),
    "consistent prefix": Level(any_replica),
    "eventual": Level(any_replica, ordered=False),
}


@dataclass(frozen=True)
class Played:
    """What came of one run: the history of key x, what each read saw of both keys, the reads' latencies, and how far
    the primary was when.
    """

    history: History
    looks: tuple[Seen, ...]
    waited_s: tuple[float, ...]
    past: tuple[tuple[float, int], ...]

    @property
    def prefix(self) -> bool:
        """Whether every read saw the writes up to some place in their order, and nothing behind it."""
        return all(abs(look.x[0] - look.y[0]) == 1 for look in self.looks if look.position)

    @property
    def bounded(self) -> bool:
        """Whether no read was further behind than the bound."""
        times = [at_s for at_s, _ in self.past]
        places = (bisect.bisect_right(times, max(look.at_s - MOST_S, 0.0)) - 1 for look in self.looks)
        then = (self.past[place][1] for place in places)
        have = (min(look.x[0], look.y[0]) + 1 for look in self.looks)  # one of the two keys is a write behind
        return all(at >= least - MOST_VERSIONS for at, least in zip(have, then, strict=True))

    def promises(self) -> dict[str, bool]:
        """Which promises this run kept."""
        return {
            "linearizable": linearizable(self.history).holds,
            "read your writes": read_your_writes(self.history).holds,
            "monotonic reads": monotonic_reads(self.history).holds,
            "a prefix of the writes": self.prefix,
            BOUND: self.bounded,
        }


def play(level: str, *, seed: int = 0, duration_s: float = 3.0, players: int = 3) -> Played:
    """*players* sessions read from the copies for *duration_s* seconds under *level*. Raises ValueError if unknown."""
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
    loop, history, looks = Loop(), History(), list[Seen]()
    network = Network(loop, seed=seed, link=Link(Exponential(0.001)))
    for name in REPLICAS:
        network.links["primary", name] = FAR
        network.join(name, Replica(name, network, LEVELS[level]))
    primary = Primary(network)
    numbers, sessions = count(1), list[Player]()
    for process in range(players):
        one = Player(process, network, LEVELS[level], history, looks, Random(f"{seed}/{process}"), numbers)
        network.links[one.name, "primary"] = network.links["primary", one.name] = OVERSEAS
        one.start()
        sessions.append(one)
    loop.run(duration_s)
    network.check()
    for one in sessions:
        one.leave_open()
    return Played(
        history, tuple(looks), tuple(waited for one in sessions for waited in one.waited_s), tuple(primary.past)
    )


def broken(levels: Iterable[str] = tuple(LEVELS), seeds: Iterable[int] = range(10)) -> pd.DataFrame:
    """Rows (level, promise, value): the share in percent of the runs with *seeds* that broke the promise; and a row
    "mean read (ms)" for each level.
    """
    rows, chosen = [], list(seeds)
    for level in levels:
        runs = [play(level, seed=seed) for seed in chosen]
        kept = pd.DataFrame([run.promises() for run in runs])
        rows += [(level, promise, 100.0 * (1 - kept[promise].mean())) for promise in kept]
        waited = [waited for run in runs for waited in run.waited_s]
        rows.append((level, "mean read (ms)", 1e3 * sum(waited) / len(waited)))
    return pd.DataFrame(rows, columns=["level", "promise", "value"])
