"""The laws that requests follow: how much work they are, and what they ask for; arrivals.py says when they come.

Two services take 50 ms on average: one always 50, the other mostly 10 and sometimes a second. Their queues have little
in common. Each law is a small
frozen dataclass with one verb, ``sample(n, rng)``; its fields are the numbers you would measure.

Promised: parameters are checked when the law is made, and the message carries the bad value. Not promised: that your
traffic follows any of these; replay a recorded trace (Workload.from_csv) where you have one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

Generator = np.random.Generator


class Positive:
    """Every numeric field must be a finite number above 0, unless the class names it in MAY_BE_ZERO."""

    MAY_BE_ZERO: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            low = 0 if field.name in self.MAY_BE_ZERO else math.ulp(0.0)
            if not low <= value < math.inf:
                least = "0 or more" if low == 0 else "above 0"
                raise ValueError(f"{type(self).__name__}: {field.name} must be {least}, got {value!r}")


@dataclass(frozen=True)
class Exponential(Positive):
    """Work with no memory, *mean_s* seconds on average; its standard deviation is as large."""

    mean_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return rng.exponential(self.mean_s, n)


@dataclass(frozen=True)
class Deterministic(Positive):
    """Every request is the same *mean_s* seconds of work."""

    mean_s: float

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return np.full(n, float(self.mean_s))


@dataclass(frozen=True)
class Gamma(Positive):
    """Any spread in one family: *mean_s* seconds with coefficient of variation *cv*; 1 is Exponential, 0 Deterministic.

    For a slider that moves the spread alone: the law changes without a jump on the way.
    """

    MAY_BE_ZERO = ("cv",)
    mean_s: float
    cv: float = 1.0

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return self.mean_s * (rng.standard_gamma(self.cv**-2, n) * self.cv**2 if self.cv else np.ones(n))


@dataclass(frozen=True)
class Lognormal(Positive):
    """Mostly short, sometimes long: *mean_s* seconds with coefficient of variation *cv*."""

    mean_s: float
    cv: float = 1.0

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        variance = math.log1p(self.cv**2)
        return rng.lognormal(math.log(self.mean_s) - variance / 2, math.sqrt(variance), n)


@dataclass(frozen=True)
class Pareto(Positive):
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
class Bimodal(Positive):
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
class Uniform(Positive):
    """*count* keys, each asked for as often."""

    count: int

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        return rng.integers(self.count, size=n)


@dataclass(frozen=True)
class Zipf(Positive):
    """*count* keys; the k-th most popular is asked for in proportion to 1/k to the power of *exponent*."""

    count: int
    exponent: float = 1.0

    def sample(self, n: int, rng: Generator) -> np.ndarray:
        chance = np.cumsum(np.arange(1, self.count + 1) ** -float(self.exponent))
        return np.searchsorted(chance, rng.random(n) * chance[-1], side="right")


@dataclass(frozen=True)
class HotSet(Positive):
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


Work = Exponential | Deterministic | Gamma | Lognormal | Pareto | Bimodal
Keys = Uniform | Zipf | HotSet
