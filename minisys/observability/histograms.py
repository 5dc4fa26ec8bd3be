"""Latencies in buckets: what can be added up over servers and minutes, and how wrong a percentile read from it may be.

A hundred servers cannot send every latency. Each counts how many fell into which bucket; buckets with the same edges
add up, and from the sum a percentile can be estimated, to within its bucket. Wide buckets, wide error: the bucket from
1 to 10 s turns "1.1 s" into "5.5 s".

Promised: `Classic` estimates as Prometheus' histogram_quantile() does; `Exponential` has the buckets of OpenTelemetry
and of Prometheus' native histograms; both say between which bounds the true quantile lies. Not done: negative values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PROMETHEUS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)  # prometheus_client
OPENTELEMETRY_BUCKETS = 160  # the default size of an exponential histogram


@dataclass(frozen=True)
class Classic:
    """Counts of values up to each of *edges* (seconds), and of what is above the last one (one more entry).

    Raises ValueError unless the edges rise and there is one count more than edges.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if list(self.edges) != sorted(set(self.edges)) or len(self.counts) != len(self.edges) + 1:
            raise ValueError(
                f"need rising edges and one count more than edges, got {self.edges} with {len(self.counts)} counts"
            )

    @classmethod
    def of(cls, values: np.ndarray, edges: Sequence[float] = PROMETHEUS) -> Classic:
        """The histogram of *values*; a value on an edge belongs below it (Prometheus' ``le``)."""
        places = np.searchsorted(np.asarray(edges), values, side="left")
        return cls(tuple(edges), tuple(int(n) for n in np.bincount(places, minlength=len(edges) + 1)))

    def __add__(self, other: Classic) -> Classic:
        """Both together. Raises ValueError for other edges: such histograms cannot be added."""
        if self.edges != other.edges:
            raise ValueError(f"histograms with different edges do not add up: {self.edges} and {other.edges}")
        return Classic(self.edges, tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    def bounds(self, q: float) -> tuple[float, float]:
        """The edges between which the q-quantile lies; infinite above the last. Raises ValueError without values."""
        place, _ = _place(self.counts, q)
        return (0.0, *self.edges)[place], (*self.edges, math.inf)[place]

    def quantile(self, q: float) -> float:
        """Prometheus' estimate: as if values lay evenly in their bucket; above the last edge, that edge."""
        place, share = _place(self.counts, q)
        if place == len(self.edges):
            return self.edges[-1]
        low, high = self.bounds(q)
        return low + (high - low) * share


@dataclass(frozen=True)
class Exponential:
    """Bucket i counts values above base**i up to base**(i+1), with base = 2 ** 2 ** -scale; *zeros* counts zeros.

    At scale 3 neighbours differ by 9 %, at scale 5 by 2.2 %. *first* is the index of the first of *counts*.
    OpenTelemetry metrics data model, exponential histogram.
    """

    scale: int
    first: int
    counts: tuple[int, ...]
    zeros: int = 0

    @property
    def base(self) -> float:
        """The ratio of a bucket's edges."""
        return float(2**2**-self.scale)

    @property
    def error(self) -> float:
        """The largest relative error of an estimate: the geometric middle is this far from the edges."""
        return math.sqrt(self.base) - 1

    @classmethod
    def of(cls, values: np.ndarray, scale: int = 20, buckets: int = OPENTELEMETRY_BUCKETS) -> Exponential:
        """The histogram of *values* (seconds, none negative) at *scale*, or the finest that needs at most *buckets*.

        Raises ValueError for a negative value or without a bucket.
        """
        values = np.asarray(values, float)
        if buckets < 1 or (values < 0).any():
            raise ValueError(f"need buckets >= 1 and no negative value, got {buckets} and {values.min(initial=0)}")
        some = values[values > 0]
        index = np.ceil(np.log2(some) * 2.0**scale).astype(np.int64) - 1
        return cls(*_fitted(index, scale, buckets), zeros=len(values) - len(some))

    def coarser(self, steps: int = 1) -> Exponential:
        """The same values at a scale *steps* lower: neighbours become one bucket, nothing has to be measured again."""
        return Exponential(*_fitted(self._index >> steps, self.scale - steps, len(self.counts)), zeros=self.zeros)

    def __add__(self, other: Exponential) -> Exponential:
        """Both together, at a scale that both can be brought to, in 160 buckets: such histograms always add up."""
        scale = min(self.scale, other.scale)
        both = np.concatenate([each._index >> (each.scale - scale) for each in (self, other)])
        return Exponential(*_fitted(both, scale, OPENTELEMETRY_BUCKETS), zeros=self.zeros + other.zeros)

    @property
    def _index(self) -> np.ndarray:
        """The bucket of every value."""
        return np.repeat(np.arange(len(self.counts)) + self.first, self.counts)

    def bounds(self, q: float) -> tuple[float, float]:
        """The edges between which the q-quantile lies. Raises ValueError without values."""
        place, _ = _place((self.zeros, *self.counts), q)
        if place == 0:
            return 0.0, 0.0
        low = self.first + place - 1
        return float(2 ** (low * 2.0**-self.scale)), float(2 ** ((low + 1) * 2.0**-self.scale))

    def quantile(self, q: float) -> float:
        """The geometric middle of the bucket: never more than `error` away from the true one."""
        low, high = self.bounds(q)
        return math.sqrt(low * high)


def _fitted(index: np.ndarray, scale: int, buckets: int) -> tuple[int, int, tuple[int, ...]]:
    """(scale, first, counts) of values in buckets *index*, after halving the resolution until *buckets* suffice."""
    if not len(index):
        return scale, 0, ()
    while index.max() - index.min() >= buckets:
        index, scale = index >> 1, scale - 1
    return scale, int(index.min()), tuple(int(n) for n in np.bincount(index - index.min()))


def _place(counts: Sequence[int], q: float) -> tuple[int, float]:
    """The entry of *counts* in which the q-quantile lies, and how far in it, from 0 to 1."""
    total = sum(counts)
    if not 0 <= q <= 1 or not total:
        raise ValueError(f"need 0 <= q <= 1 and at least one value, got q = {q} of {total} values")
    rank, below = q * total, 0
    for place, count in enumerate(counts):
        if count and below + count >= rank:
            return place, (rank - below) / count
        below += count
    raise AssertionError("the counts add up to their sum")
