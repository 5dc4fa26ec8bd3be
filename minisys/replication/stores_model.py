"""Two ideas of large stores, each with the experiment that shows what it is for: Aurora's 4 of 6, Spanner's waiting.

A zone burns, and while it burns a disk in another zone fails; with a thousand disks one is always failing. Three copies
in three zones do not survive that for writing; six do, if four are enough. And a bank books in New York and then, after
a phone call, in London, where the clock is 5 ms slow: whose booking is the later one?

Promised: Aurora's copies are a quorum of quorum_register.py on the seeded network, and what can be read and written is
counted; Spanner's time stamps are drawn with clocks that are wrong by up to their stated uncertainty, and the checker
says whether what the second client wrote is overwritten by the first. Not modelled: Aurora's redo log and its single
writer, which needs no quorum for reads; Paxos, locks and snapshot reads in Spanner.

Sources: Verbitski et al., SIGMOD 2017; Corbett et al., OSDI 2012.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd

from minisys.replication import quorum_model
from minisys.replication.check import linearizable
from minisys.replication.history import History, Operation
from minisys.replication.network import Network
from minisys.replication.policies import Quorum
from minisys.replication.quorum_register import Register
from minisys.testbed.workload import stream

ZONES = ("z1", "z2", "z3")
LAYOUTS = {"3 copies, write 2, read 2": (1, Quorum(3, 2, 2)), "6 copies, write 4, read 3": (2, Quorum(6, 3, 4))}
LOSSES = {"nothing": (0, 0), "a zone": (1, 0), "a zone + 1": (1, 1), "a zone + 2": (1, 2)}
ZONE_DOWN_S, SECOND_DOWN_S, END_S = 1.0, 1.5, 3.0


def copies(per_zone: int) -> tuple[str, ...]:
    """The names of the copies: the first of each zone, then the second of each."""
    return tuple(f"{zone}.{copy}" for copy in range(1, per_zone + 1) for zone in ZONES)


def zone_loss(layout: str, loss: str, seed: int = 0) -> dict[str, float]:
    """Reads and writes answered in the last second, in percent of those sent, after *loss* (LOSSES) in *layout*.

    Writes are blind (stamped by the clock), so that they need no read. Raises KeyError for an unknown word.
    """
    per_zone, quorum = LAYOUTS[layout]
    zones_down, more_down = LOSSES[loss]
    names = copies(per_zone)
    first = [name for name in names if name.startswith("z1")] if zones_down else []
    others = [name for name in names if name not in first][:more_down]
    events = [(ZONE_DOWN_S, partial(_crash, name)) for name in first]
    events += [(SECOND_DOWN_S, partial(_crash, name)) for name in others]
    run = quorum_model.run(
        Register(quorum, by_clock=True), seed=seed, duration_s=END_S, events=events, nodes=names, clients=4
    )
    late = [o for o in run.history if SECOND_DOWN_S < o.invoked_s < END_S - quorum_model.GIVE_UP_S]
    return {
        kind: 100 * float(np.mean([o.outcome == "ok" for o in late if o.kind == kind])) for kind in ("read", "write")
    }


def _crash(name: str, network: Network) -> None:
    network.crash(name)


def zone_losses(seeds: Iterable[int] = range(3)) -> pd.DataFrame:
    """Rows (layout, lost, kind, answered_percent), one for each seed."""
    rows = [
        (layout, loss, kind, share)
        for layout in LAYOUTS
        for loss in LOSSES
        for seed in seeds
        for kind, share in zone_loss(layout, loss, seed).items()
    ]
    return pd.DataFrame(rows, columns=["layout", "lost", "kind", "answered_percent"])


def bookings(
    wait_s: float, *, uncertainty_s: float = 0.004, gap_s: float = 0.0, pairs: int = 500, seed: int = 0
) -> History:
    """*pairs* of writes, each on a key of its own: one client writes on server 1, and after its answer another on 2.

    Each server's clock is wrong by up to *uncertainty_s*; a write is stamped with the latest time it may be, and its
    answer held back by *wait_s*. *gap_s* seconds later the second client writes. Both copies keep the later stamp, and
    a third client reads it. Linearizable if wait_s is at least twice the uncertainty (Spanner's commit wait).
    """
    offsets = stream(seed, "clocks").uniform(-uncertainty_s, uncertainty_s, (pairs, 2))
    history, apart_s = History(), 10 * (uncertainty_s + wait_s + gap_s) + 1e-3
    for pair, (one, two) in enumerate(offsets):
        begin, key = pair * apart_s, f"account {pair}"
        done = begin + wait_s
        second = done + gap_s + 1e-9  # strictly after the first answer
        later = "London" if second + two > begin + one else "New York"
        history.add(Operation(0, "write", key, "New York", None, begin, done))
        history.add(Operation(1, "write", key, "London", None, second, second + wait_s))
        history.add(Operation(2, "read", key, None, later, second + wait_s + 1e-6, second + wait_s + 2e-6))
    return history


def reversed_share(wait_s: float, uncertainty_s: float = 0.004, gap_s: float = 0.0) -> float:
    """The chance that the second of two bookings is overwritten by the first, in theory.

    Two clocks, each wrong by a number spread evenly over plus and minus *uncertainty_s*: the chance that they differ
    by more than wait_s + gap_s the wrong way round is (2 u - w)^2 / 8 u^2, and 0 from w = 2 u on.
    """
    left = max(2 * uncertainty_s - wait_s - gap_s, 0.0)
    return left**2 / (8 * uncertainty_s**2)


def overwritten(history: History) -> float:
    """The share of the keys whose history the checker refuses."""
    verdicts = [linearizable(part).holds for _, part in history.by_key()]
    return 1.0 - float(np.mean(verdicts))
