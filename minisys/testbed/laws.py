"""The laws that requests follow: when they come, how much work they are, what they ask for.

Monday's traffic is a day curve, Friday's a flash sale, and the trace of last night is neither. Each law is a small
frozen dataclass with one verb, ``sample(n, rng)``; its fields are the numbers you would measure.

Promised: parameters are checked when the law is made, and the message carries the bad value. Not promised: that your
traffic follows any of these; replay a recorded trace (Workload.from_csv) where you have one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

Generator = np.random.Generator


class _Positive:
    """Every numeric field must be a finite number above 0, unless the class names it in MAY_BE_ZERO."""

    MAY_BE_ZERO: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            low = 0 if field.name in self.MAY_BE_ZERO else math.ulp(0.0)
            if not low <= value < math.inf:
                least = "0 or more" if low == 0 else "above 0"
                raise ValueError(f"{type(self).__name__}: {field.name} must be {least}, got {value!r}")


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
class Poisson(_Positive):
    """Many users who know nothing of each other: exponential gaps, *rate_per_s* requests a second."""

    rate_per_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return np.cumsum(rng.exponential(1 / self.rate_per_s, n))


@dataclass(frozen=True)
class Constant(_Positive):
    """A metronome: one request every 1/*rate_per_s* seconds, the first after one gap."""

    rate_per_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return np.arange(1, n + 1) / self.rate_per_s


@dataclass(frozen=True)
class DayCurve(_Positive):
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
class FlashSale(_Positive):
    """Quiet at *base_per_s*, then from *at_s* up to *peak_per_s* within *ramp_s* seconds, for *hold_s*, and down again."""

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
class Ramp(_Positive):
    """From *from_per_s* to *to_per_s* requests a second in a straight line over *over_s* seconds, then steady."""

    from_per_s: float
    to_per_s: float
    over_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        rates = [self.from_per_s, self.to_per_s]
        return _thinned(n, rng, lambda t: np.interp(t, [0, self.over_s], rates), max(rates))


@dataclass(frozen=True)
class Bursts(_Positive):
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


@dataclass(frozen=True)
class Exponential(_Positive):
    """Work with no memory, *mean_s* seconds on average; its standard deviation is as large."""

    mean_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return rng.exponential(self.mean_s, n)


@dataclass(frozen=True)
class Deterministic(_Positive):
    """Every request is the same *mean_s* seconds of work."""

    mean_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return np.full(n, float(self.mean_s))


@dataclass(frozen=True)
class Lognormal(_Positive):
    """Mostly short, sometimes long: *mean_s* seconds with coefficient of variation *cv*."""

    mean_s: float
    cv: float = 1.0

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        variance = math.log1p(self.cv**2)
        return rng.lognormal(math.log(self.mean_s) - variance / 2, math.sqrt(variance), n)


@dataclass(frozen=True)
class Pareto(_Positive):
    """A heavy tail: the chance of more than x falls as x to the power of -*alpha*; mean *mean_s* seconds.

    Raises ValueError unless alpha > 1: at 1 and below there is no mean.
    """

    mean_s: float
    alpha: float = 2.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha <= 1:
            raise ValueError(f"Pareto: alpha must be above 1, got {self.alpha!r}: there would be no mean")

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        shortest = self.mean_s * (self.alpha - 1) / self.alpha
        return shortest * (1 + rng.pareto(self.alpha, n))


@dataclass(frozen=True)
class Bimodal(_Positive):
    """Two kinds of request: *short_s* seconds, or *long_s* for a share *long_share* (0 to 1) of them."""

    MAY_BE_ZERO = ("long_share",)
    short_s: float
    long_s: float
    long_share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _share("Bimodal", "long_share", self.long_share)

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return np.where(rng.random(n) < self.long_share, self.long_s, self.short_s)


@dataclass(frozen=True)
class Uniform(_Positive):
    """*count* keys, each asked for as often."""

    count: int

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return rng.integers(self.count, size=n)


@dataclass(frozen=True)
class Zipf(_Positive):
    """*count* keys; the k-th most popular is asked for in proportion to 1/k to the power of *exponent*."""

    count: int
    exponent: float = 1.0

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        chance = np.cumsum(np.arange(1, self.count + 1) ** -float(self.exponent))
        return np.searchsorted(chance, rng.random(n) * chance[-1], side="right")


@dataclass(frozen=True)
class HotSet(_Positive):
    """*count* keys of which the first *hot* get a share *hot_share* (0 to 1) of all requests.

    Raises ValueError unless hot < count.
    """

    MAY_BE_ZERO = ("hot_share",)
    count: int
    hot: int
    hot_share: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        _share("HotSet", "hot_share", self.hot_share)
        if not self.hot < self.count:
            raise ValueError(f"HotSet: hot must be below count, got hot={self.hot}, count={self.count}")

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        cold = rng.integers(self.hot, self.count, size=n)
        return np.where(rng.random(n) < self.hot_share, rng.integers(self.hot, size=n), cold)


def _share(law: str, name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{law}: {name} must lie between 0 and 1, got {value!r}")


Arrivals = Poisson | Constant | DayCurve | FlashSale | Ramp | Bursts
Work = Exponential | Deterministic | Lognormal | Pareto | Bimodal
Keys = Uniform | Zipf | HotSet
