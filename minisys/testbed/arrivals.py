"""When requests come: each law is a small frozen dataclass with one verb, ``sample(n, rng)``, that gives *n* moments.

Monday's traffic is a day curve, Friday's a flash sale, and the trace of last night is neither. The fields of a law are
the numbers you would measure.

Promised: moments in seconds from the start, never decreasing; parameters are checked when the law is made, and the
message carries the bad value. Not promised: that your traffic follows any of these; replay a recorded trace
(Workload.from_csv) where you have one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minisys.testbed.laws import Generator, Positive


def _thinned(n: int, rng: Generator, rate: Callable[[np.ndarray], np.ndarray], peak_per_s: float) -> np.ndarray:
    """*n* arrivals of a Poisson process whose rate changes: draw at the peak rate, keep each with chance rate/peak.

    Source: Lewis and Shedler 1979.
    """
    kept: list[np.ndarray] = []
    now, found = 0.0, 0
    while found < n:
        times = now + np.cumsum(rng.exponential(1 / peak_per_s, size=2 * (n - found) + 64))
        good = times[rng.random(len(times)) * peak_per_s < rate(times)]
        kept.append(good)
        now, found = float(times[-1]), found + len(good)
    return np.concatenate(kept)[:n]


@dataclass(frozen=True)
class Poisson(Positive):
    """Many users who know nothing of each other: exponential gaps, *rate_per_s* requests a second."""

    rate_per_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return np.cumsum(rng.exponential(1 / self.rate_per_s, n))


@dataclass(frozen=True)
class Constant(Positive):
    """A metronome: one request every 1/*rate_per_s* seconds, the first after one gap."""

    rate_per_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return np.arange(1, n + 1) / self.rate_per_s


@dataclass(frozen=True)
class DayCurve(Positive):
    """Night and day: a sine round *mean_per_s*, *peak_to_mean* times as much at noon, one turn in *period_s* seconds.

    Starts at night. Raises ValueError unless 1 <= peak_to_mean <= 2.
    """

    mean_per_s: float
    peak_to_mean: float = 1.6
    period_s: float = 86_400.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.peak_to_mean <= 2:
            raise ValueError(f"DayCurve: peak_to_mean must lie between 1 and 2, got {self.peak_to_mean!r}")

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        swing = self.peak_to_mean - 1
        rate = lambda t: self.mean_per_s * (1 - swing * np.cos(2 * np.pi * t / self.period_s))  # noqa: E731
        return _thinned(n, rng, rate, self.mean_per_s * self.peak_to_mean)


@dataclass(frozen=True)
class FlashSale(Positive):
    """Quiet at *base_per_s*, from *at_s* up to *peak_per_s* within *ramp_s* seconds, for *hold_s*, and down again."""

    MAY_BE_ZERO = ("at_s",)
    base_per_s: float
    peak_per_s: float
    at_s: float
    ramp_s: float = 5.0
    hold_s: float = 60.0

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        corners = np.cumsum([self.at_s, self.ramp_s, self.hold_s, self.ramp_s])
        rates = [self.base_per_s, self.peak_per_s, self.peak_per_s, self.base_per_s]
        return _thinned(n, rng, lambda t: np.interp(t, corners, rates), max(self.base_per_s, self.peak_per_s))


@dataclass(frozen=True)
class Ramp(Positive):
    """From *from_per_s* to *to_per_s* requests a second in a straight line over *over_s* seconds, then steady."""

    from_per_s: float
    to_per_s: float
    over_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        rates = [self.from_per_s, self.to_per_s]
        return _thinned(n, rng, lambda t: np.interp(t, [0, self.over_s], rates), max(rates))


@dataclass(frozen=True)
class Bursts(Positive):
    """Calm and storm in turn (a Markov-modulated Poisson process): exponential stays of mean *calm_s* and *burst_s*.

    *calm_per_s* and *burst_per_s* are the rates in each state.
    """

    calm_per_s: float
    burst_per_s: float
    calm_s: float
    burst_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        parts: list[np.ndarray] = []
        now, found, calm = 0.0, 0, True
        while found < n:
            rate, stay = (self.calm_per_s, self.calm_s) if calm else (self.burst_per_s, self.burst_s)
            length = float(rng.exponential(stay))
            part = now + np.sort(rng.random(rng.poisson(rate * length))) * length
            parts.append(part)
            now, found, calm = now + length, found + len(part), not calm
        return np.concatenate(parts)[:n]


Arrivals = Poisson | Constant | DayCurve | FlashSale | Ramp | Bursts
