"""How long after a write a read may still miss it: probabilistically bounded staleness, drawn from measured delays.

Cassandra at LinkedIn, three copies, reads and writes to one: on flash disks a write is everywhere after 2 ms, on
spinning disks after 50, and at Yammer after a second and a half. The quorum is the same; only the tails differ. The
answer to "may we read from one replica?" is a number in milliseconds, not yes or no.

Promised: the WARS model as published: a write goes to all N replicas (W), each answers (A), W answers are enough; a
read goes to all (R), each answers (S), R answers are enough; a read is old if none of those had the write when the
question reached it. Not modelled: read repair, failures, hinted copies; they make it better, worse, and worse.

Source: Bailis et al., "Probabilistically Bounded Staleness for Practical Partial Quorums", VLDB 2012, with its fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minisys.replication.policies import Quorum
from minisys.testbed.workload import stream


@dataclass(frozen=True)
class Leg:
    """One way of a message: for a share *body* of them Pareto from *least_s* on with index *alpha*, for the rest an
    exponential tail of mean *tail_s*. Seconds.
    """

    body: float
    least_s: float
    alpha: float
    tail_s: float

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        body = self.least_s * (1 - rng.random(shape)) ** (-1 / self.alpha)
        return np.where(rng.random(shape) < self.body, body, rng.exponential(self.tail_s, shape))


@dataclass(frozen=True)
class Legs:
    """The delays of a store: *write* (W) to a replica, and *answer* for the other three ways (A, R, S)."""

    write: Leg
    answer: Leg


_SSD = Leg(0.9122, 0.235e-3, 10.0, 1e-3 / 1.66)
FITS = {
    "LNKD-SSD": Legs(_SSD, _SSD),
    "LNKD-DISK": Legs(Leg(0.38, 1.05e-3, 1.51, 1e-3 / 0.183), _SSD),
    "YMMR": Legs(Leg(0.939, 3e-3, 3.35, 1e-3 / 0.0028), Leg(0.982, 1.5e-3, 3.8, 1e-3 / 0.0217)),
}


@dataclass(frozen=True, eq=False)
class Staleness:
    """What the draws say. *write_s*, *read_s*: latencies of each draw; *fresh_s*: how long after the write was done a
    read had to start to see it (0: it would have seen it at once). Seconds, one number a draw.
    """

    write_s: np.ndarray
    read_s: np.ndarray
    fresh_s: np.ndarray

    def consistent(self, after_s: float) -> float:
        """The share of reads that see the write when they start *after_s* seconds after it was done."""
        return float((self.fresh_s <= after_s).mean())

    def visible_s(self, share: float = 0.999) -> float:
        """After how many seconds a *share* of the reads see the write (t-visibility)."""
        return float(np.quantile(self.fresh_s, share))

    def curve(self, times_s: np.ndarray) -> np.ndarray:
        """`consistent` at each of *times_s*."""
        return np.searchsorted(np.sort(self.fresh_s), times_s, side="right") / len(self.fresh_s)


def wars(quorum: Quorum, legs: Legs, *, draws: int = 100_000, seed: int = 0) -> Staleness:
    """*draws* independent writes, each followed by a read, under *quorum* and the delays of *legs*.

    Raises ValueError for no draws. The 99.9th percentile of LNKD-DISK or YMMR needs some 100,000 draws to settle
    within 5 %.
    """
    if draws < 1:
        raise ValueError(f"draws must be 1 or more, got {draws}")
    rng, shape = stream(seed, "wars"), (draws, quorum.n)
    written = legs.write.sample(shape, rng)
    done = np.partition(written + legs.answer.sample(shape, rng), quorum.w - 1, axis=1)[:, quorum.w - 1]
    asked = legs.answer.sample(shape, rng)
    heard = asked + legs.answer.sample(shape, rng)
    last = np.partition(heard, quorum.r - 1, axis=1)[:, quorum.r - 1]
    # a replica shows the write to a read that starts x after `done` if x >= written - done - asked
    needs = np.where(heard <= last[:, None], written - done[:, None] - asked, np.inf).min(axis=1)
    return Staleness(done, last, np.maximum(needs, 0.0))
