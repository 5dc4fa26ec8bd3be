"""The Universal Scalability Law fitted to measurements: what they say about the next machine, and what they cannot.

Seven points, and a plan to buy twenty more machines. A curve through the points is easily drawn; how far to the right
of them may it be believed? The fit comes with every other curve that the points allow just as well.

Promised: least squares with contention and coherency never below zero, 95 % intervals that respect this bound, a band
for any number of workers. Not promised: that the law holds beyond the data, or that a coefficient names its cause: a
system whose workers do not come all at once scales better than the law and bends later (contention.py shows it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares, nnls
from scipy.special import stdtr, stdtrit

from minisys.scaling import theory

GRID = 161  # coefficients tried on each axis of the region: the ends are known to about 1 %
NOTHING = 1e-6  # a coefficient that changes no throughput by more than this share is 0, not 1e-32


@dataclass(frozen=True)
class Fit:
    """A fitted law: *alpha* (contention), *beta* (coherency), *gamma* (throughput of one worker) and its data.

    *n*, *x*: the measured numbers of workers and throughputs. *error*: the residual standard error, in units of x.
    *with_beta* is False for Amdahl's law.
    """

    n: np.ndarray
    x: np.ndarray
    alpha: float
    beta: float
    gamma: float
    with_beta: bool = True

    def predict(self, n: Any) -> Any:
        """Throughput at *n* workers, a number or an array."""
        return self.gamma * curve(n, self.alpha, self.beta)

    @property
    def residuals(self) -> np.ndarray:
        """Measured minus fitted, at each measured n."""
        return np.asarray(self.x - self.predict(self.n))

    @property
    def spare(self) -> int:
        """Measurements beyond the coefficients: the degrees of freedom."""
        return len(self.n) - 2 - self.with_beta

    @property
    def squares(self) -> float:
        """The sum of the squared residuals."""
        return float(self.residuals @ self.residuals)

    @property
    def error(self) -> float:
        """The residual standard error; NaN without a spare measurement."""
        return math.sqrt(self.squares / self.spare) if self.spare else math.nan

    @property
    def peak(self) -> float:
        """The number of workers with the highest throughput; infinite if beta is 0."""
        return theory.usl_peak(self.alpha, self.beta)

    @property
    def maximum(self) -> float:
        """The highest throughput that the fitted law can reach."""
        return theory.usl_maximum(self.alpha, self.beta, self.gamma)

    @property
    def limit(self) -> float:
        """Amdahl's limit gamma / alpha: what it would be without coherency."""
        return theory.amdahl_limit(self.alpha, self.gamma)

    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95 % interval of each coefficient, (low, high). Raises ValueError without a spare measurement."""
        alpha, beta, low, high = self.region
        ends = {"alpha": (alpha.min(), alpha.max()), "beta": (beta.min(), beta.max()), "gamma": (low.min(), high.max())}
        return {name: (float(a), float(b)) for name, (a, b) in ends.items()}

    def band(self, n: Any) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and highest throughput at *n* workers of all the curves that the data allow (95 %).

        It says where the law lies, not where the next single measurement will. Raises ValueError as `intervals` does.
        """
        alpha, beta, low, high = self.region
        curves = [curve(each, alpha, beta) for each in np.atleast_1d(n)]
        return np.array([(c * low).min() for c in curves]), np.array([(c * high).max() for c in curves])

    @cached_property
    def region(self) -> tuple[np.ndarray, ...]:
        """Every (alpha, beta) that the data allow, with its lowest and highest gamma: the likelihood region.

        A curve is allowed if its sum of squares exceeds the best one by at most t^2 error^2, with Student's t at 95 %.
        Source: Bates and Watts 1988, Nonlinear Regression Analysis, section 6.1.
        """
        if not self.spare:
            raise ValueError(f"{len(self.n)} measurements for as many coefficients leave nothing to judge the fit by")
        most = self.squares + (stdtrit(self.spare, 0.975) * self.error) ** 2
        reach = 8 * self._standard_errors()
        box = [(max(0.0, at - by), at + by) for at, by in zip((self.alpha, self.beta), reach, strict=True)]
        for _ in range(2):  # the second time with all the grid inside the region
            alpha, beta, low, high = self._allowed(box, most)
            steps = [(end - begin) / (GRID - 1) for begin, end in box]
            box = [(max(0.0, v.min() - s), v.max() + s) for v, s in zip((alpha, beta), steps, strict=True)]
        return self._allowed(box, most)

    def _allowed(self, box: list[tuple[float, float]], most: float) -> tuple[np.ndarray, ...]:
        """The grid points of *box*, and the fit itself, whose sum of squares is at most *most*."""
        axes = [np.linspace(low, min(high, top), GRID) for (low, high), top in zip(box, (1.0, np.inf), strict=True)]
        axes = axes if self.with_beta else [axes[0], np.zeros(1)]
        grid = [each.ravel() for each in np.meshgrid(*axes)]
        alpha, beta = (np.append(each, at) for each, at in zip(grid, (self.alpha, self.beta), strict=True))
        h = [curve(n, alpha, beta) for n in self.n]
        hh, hx = sum(c * c for c in h), sum(c * x for c, x in zip(h, self.x, strict=True))
        slack = most - (self.x @ self.x - hx * hx / hh)  # what the best gamma leaves
        kept = slack >= -1e-12 * (self.x @ self.x)  # rounding, where the fit is exact
        half = np.sqrt(np.maximum(slack[kept], 0.0) / hh[kept])
        best = (hx / hh)[kept]
        return alpha[kept], beta[kept], best - half, best + half

    def _standard_errors(self) -> np.ndarray:
        """Of alpha and beta, by linearisation: a first idea of the region's size."""
        h = curve(self.n, self.alpha, self.beta)
        slope = -self.gamma * h**2 / self.n
        jacobian = np.column_stack([slope * (self.n - 1), slope * self.n * (self.n - 1), h])
        jacobian = jacobian if self.with_beta else jacobian[:, [0, 2]]
        found = self.error * np.sqrt(np.diag(np.linalg.pinv(jacobian.T @ jacobian, hermitian=True)))
        return np.array([found[0], found[1] if self.with_beta else 0.0])


def fit(n: Any, throughput: Any, *, with_beta: bool = True) -> Fit:
    """Fit the USL (or, with *with_beta* False, Amdahl's law) to *throughput* at *n* workers, by least squares.

    Several measurements of one n are welcome. Raises ValueError unless there are at least as many different n as
    coefficients, all n at least 1 and every throughput above 0.
    """
    n, x = np.asarray(n, dtype=float), np.asarray(throughput, dtype=float)
    wanted = 3 if with_beta else 2
    if n.shape != x.shape or n.ndim != 1 or len(np.unique(n)) < wanted:
        raise ValueError(f"a fit needs {wanted} different numbers of workers, a throughput for each; got {n} and {x}")
    if not (np.isfinite(n) & (n >= 1)).all() or not (np.isfinite(x) & (x > 0)).all():
        raise ValueError(f"every n must be 1 or more and every throughput above 0, got {n} and {x}")
    start = _start(n, x, with_beta)
    size = np.maximum(start, [1e-3, 1e-3 / n.max(), 1e-300])[: wanted - 1]

    def wrong(p: np.ndarray) -> np.ndarray:
        h = curve(n, *p) if with_beta else curve(n, p[0], 0.0)
        return np.asarray(h * (h @ x) / (h @ h) - x)  # with the best gamma for these

    bounds = ([0.0, 0.0][: wanted - 1], [1.0, np.inf][: wanted - 1])
    best = least_squares(wrong, start[: wanted - 1], bounds=bounds, x_scale=size, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    alpha, beta = (float(best.x[0]), float(best.x[1]) if with_beta else 0.0)
    alpha, beta = (alpha if alpha * n.max() > NOTHING else 0.0, beta if beta * n.max() ** 2 > NOTHING else 0.0)
    h = curve(n, alpha, beta)
    return Fit(n, x, alpha, beta, float(h @ x / (h @ h)), with_beta)


def curve(n: Any, alpha: Any, beta: Any) -> Any:
    """The law for a throughput of 1 from one worker; `theory.usl` for whole arrays."""
    return n / (1 + alpha * (n - 1) + beta * n * (n - 1))


def worth_it(with_beta: Fit, without: Fit) -> float:
    """The chance of a gain this large from *beta* if there were no coherency at all: small means that beta is real.

    The one-sided test of nested models, for errors of equal size at every n; below 0.05 is the usual bar. Raises
    ValueError without a spare measurement. Source: Bates and Watts 1988, section 3.10.
    """
    if not with_beta.spare:
        raise ValueError("there is no spare measurement to compare the two laws by")
    gain = max(without.squares - with_beta.squares, 0.0)
    left = with_beta.squares / with_beta.spare
    return float(stdtr(with_beta.spare, -math.sqrt(gain / left))) if left else (0.5 if not gain else 0.0)


def compared(n: Any, throughput: Any) -> pd.DataFrame:
    """Both laws fitted to the same data, a row each: law, alpha, beta, gamma, error, limit, peak and p (of beta)."""
    full, plain = fit(n, throughput), fit(n, throughput, with_beta=False)
    rows = [("Amdahl", plain, math.nan), ("USL", full, worth_it(full, plain))]
    columns = ["law", "alpha", "beta", "gamma", "error", "maximum", "peak", "p"]
    values = [(law, f.alpha, f.beta, f.gamma, f.error, f.maximum, f.peak, p) for law, f, p in rows]
    return pd.DataFrame(values, columns=columns)


def _start(n: np.ndarray, x: np.ndarray, with_beta: bool) -> np.ndarray:
    """A first guess (alpha, beta, gamma): n / x is a straight line in n - 1 and n (n - 1), weighted by its accuracy."""
    terms = np.column_stack([np.ones_like(n), n - 1, n * (n - 1) * with_beta])
    weight = x * x / n
    one, alpha, beta = nnls(terms * weight[:, None], n / x * weight)[0]
    one = one or float((n / x).min())
    return np.array([min(alpha / one, 1.0), beta / one, 1 / one])
