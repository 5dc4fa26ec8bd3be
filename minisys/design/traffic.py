"""Who comes when: a shape that multiplies the rate of every group of clients over time.

A design says how many users ask on an ordinary evening. What breaks it is the other evenings: the advertisement at
eight, the other continent waking up, ten times as many because somebody famous wrote about it.

Promised: Poisson arrivals with exactly that rate; the same seed gives the same stream of users under every shape, only
denser or thinner, so that two shapes can be compared. Not here: what a request costs (the design says it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

GRID = 2_000  # steps in which a rate that changes is held; between them it is constant


@dataclass(frozen=True)
class Traffic:
    """Corners (seconds, factor) of a line that multiplies the clients' rates, by region where they differ.

    shape: {"": ((0, 1),)} for all clients, or a region's name for those there. Before the first corner and after the
    last the factor stays as it is there. Raises ValueError for a corner out of order or a factor below 0.
    """

    name: str = "steady"
    shape: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=lambda: {"": ((0.0, 1.0),)})

    def __post_init__(self) -> None:
        for region, corners in self.shape.items():
            times = [time for time, _ in corners]
            if not corners or times != sorted(times) or min(factor for _, factor in corners) < 0:
                raise ValueError(f"traffic {self.name!r}, {region or 'all'}: needs corners in order, factors >= 0")

    def __hash__(self) -> int:
        return hash((self.name, *sorted(self.shape.items())))

    @classmethod
    def steady(cls) -> Traffic:
        """The clients' own rates, all the time."""
        return cls()

    @classmethod
    def day(cls, peak: float = 1.6, period_s: float = 86_400.0) -> Traffic:
        """Night and day: from 2 - *peak* times the mean rate at 0 to *peak* times in the middle of *period_s* seconds.

        Raises ValueError unless 1 <= peak <= 2.
        """
        if not 1 <= peak <= 2 or not period_s > 0:
            raise ValueError(f"need 1 <= peak <= 2 and a period above 0 seconds, got {peak} and {period_s}")
        times = np.linspace(0.0, period_s, 97)
        corners = zip(times.tolist(), (1 - (peak - 1) * np.cos(2 * np.pi * times / period_s)).tolist(), strict=True)
        return cls("day", {"": tuple(corners)})

    @classmethod
    def flash_sale(cls, times: float = 10.0, at_s: float = 10.0, ramp_s: float = 2.0, hold_s: float = 20.0) -> Traffic:
        """*times* the rate: up within *ramp_s* seconds from *at_s* on, for *hold_s*, and down again."""
        corners = (
            (at_s, 1.0),
            (at_s + ramp_s, times),
            (at_s + ramp_s + hold_s, times),
            (at_s + 2 * ramp_s + hold_s, 1.0),
        )
        return cls("flash sale", {"": corners})

    @classmethod
    def region_shift(
        cls, origin: str, to: str, share: float = 1.0, at_s: float = 20.0, over_s: float = 10.0, bonus: float = 1.0
    ) -> Traffic:
        """A *share* of the users of region *origin* goes, from *at_s* within *over_s* seconds; *to* grows by *bonus*.

        bonus: what comes there, as a multiple of that region's own rate (1: it doubles when all have come).
        """
        end = at_s + over_s
        away, more = ((at_s, 1.0), (end, 1.0 - share)), ((at_s, 1.0), (end, 1.0 + share * bonus))
        return cls("region shift", {origin: away, to: more})

    def times(self, factor: float) -> Traffic:
        """The same shape, *factor* times as much of it. Raises ValueError unless factor > 0."""
        if not factor > 0:
            raise ValueError(f"the factor must be above 0, got {factor}")
        scaled = {region: tuple((at, f * factor) for at, f in corners) for region, corners in self.shape.items()}
        scaled.setdefault("", ((0.0, factor),))
        return replace(self, name=f"{self.name} x {factor:g}", shape=scaled)

    def factor(self, time_s: np.ndarray | float, region: str = "") -> np.ndarray:
        """By how much the rate of the clients in *region* is multiplied at *time_s* seconds."""
        corners = self.shape.get(region) or self.shape.get("") or ((0.0, 1.0),)
        return np.asarray(np.interp(time_s, [at for at, _ in corners], [f for _, f in corners]))

    def arrivals(self, rate: float, region: str, for_s: float, rng: np.random.Generator) -> np.ndarray:
        """Moments in the first *for_s* seconds of a Poisson process with *rate* x factor per second.

        Unit exponential gaps, stretched by the inverse of the summed rate (Cinlar 1975, time change).
        """
        edges = np.linspace(0.0, for_s, GRID + 1)
        factors = self.factor((edges[1:] + edges[:-1]) / 2, region)
        total = np.r_[0.0, np.cumsum(rate * np.maximum(factors, 1e-12) * (for_s / GRID))]
        n = int(total[-1] + 6 * np.sqrt(total[-1]) + 10)
        units = np.cumsum(rng.standard_exponential(n))
        while units[-1] < total[-1]:  # pragma: no cover (once in a billion runs)
            units = np.r_[units, units[-1] + np.cumsum(rng.standard_exponential(n))]
        units = units[units < total[-1]]
        return np.interp(units, total, edges)
