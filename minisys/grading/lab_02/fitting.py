"""Lab 02, task 4: the Universal Scalability Law fitted by the learner's own function.

Two people fit the same seven points and get two different peaks: one fitted the throughput, the other a straight line
through its reciprocal. The checks know that and other ways to go wrong, fit these ways too, and say which one it was.
Published data, data without noise from coefficients that the learner has not seen, and noisy data are all fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import permutations
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from minisys.grading.checks import Check, Wrong
from minisys.scaling import draw, live, usl
from minisys.scaling.data import RAYTRACER, SPECSDM91
from minisys.testbed.workload import stream

FitUsl = Callable[[np.ndarray, np.ndarray], tuple[float, float, float]]
CLOSE = 0.005
NAMES = ("alpha", "beta", "gamma")
SETS = 12  # unseen data sets of each kind


def columns(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """n and throughput of *frame* as arrays of their own, which the learner may change."""
    return frame["n"].to_numpy(copy=True), frame["throughput"].to_numpy(copy=True)


def fitted(fit_usl: FitUsl, n: np.ndarray, x: np.ndarray, given: str) -> np.ndarray:
    """The learner's three coefficients; raises Wrong unless they are three finite numbers, none below zero."""
    answer = fit_usl(n.copy(), x.copy())
    try:
        found = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        found = np.array([])
    if found.shape != (3,) or not np.isfinite(found).all():
        raise Wrong(repr(answer), given=given, expected="three numbers: alpha, beta, gamma")
    if (found < -1e-9).any():
        look = "contention and coherency cost time, they cannot give it back: set bounds of 0"
        raise Wrong(_said(found), given=given, expected="nothing below 0", look=look)
    return found


def _said(found: np.ndarray) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(NAMES, found, strict=True))


def _near(found: np.ndarray, right: np.ndarray) -> bool:
    """Every coefficient within CLOSE; one that is 0 within a hundred thousandth."""
    return bool((np.abs(found - right) <= np.maximum(CLOSE * np.abs(right), 1e-5 * (right == 0))).all())


def reference(n: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The package's own fit."""
    law = usl.fit(n, x)
    return np.array([law.alpha, law.beta, law.gamma])


def _least(n: np.ndarray, x: np.ndarray, law: Callable[..., Any], start: list[float]) -> np.ndarray:
    return np.asarray(
        least_squares(lambda p: law(*p) - x, start, x_scale=np.maximum(start, 1e-6), bounds=(0, np.inf)).x
    )


def parabola(n: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Coefficients from the parabola through n / x, which is linear in n - 1 and n (n - 1) but weighs small x most."""
    terms = np.column_stack([np.ones_like(n), n - 1, n * (n - 1)])
    one, per, pair = np.linalg.lstsq(terms, n / x, rcond=None)[0]
    return np.array([per / one, pair / one, 1 / one])


def by_mistake(n: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """What comes out of known mistakes, each with its name."""
    right = reference(n, x)
    alpha, beta, gamma = start = right.tolist()
    fixed = _least(n, x, lambda a, b: x[0] * usl.curve(n, a, b), [alpha, beta])
    square = _least(n, x, lambda a, b, g: g * n / (1 + a * (n - 1) + b * n * n), start)
    rival = _least(n, x, lambda a, b, g: g * n / (1 + a * n + b * n * (n - 1)), start)
    plain = usl.fit(n, x, with_beta=False)
    return {
        "that is the fit of n / x, a parabola; where x is small its reciprocal shouts. Fit x itself":
            parabola(n, x),
        "you took the first measurement for gamma; it has its error like the others, so fit gamma too":
            np.array([*fixed, x[0]]),
        "that is Amdahl's law: beta is missing": np.array([plain.alpha, 0.0, plain.gamma]),
        "the last term is beta n (n - 1), not beta n n": square,
        "the middle term is alpha (n - 1): one worker alone waits for nobody": rival,
        "you fitted the speed-up x / x[0]; gamma must be in the units of x": np.array([alpha, beta, gamma / x[0]]),
    }  # fmt: skip


def _look(found: np.ndarray, n: np.ndarray, x: np.ndarray) -> str:
    """The name of the mistake that gives *found*, if it is a known one."""
    if any(_near(found[list(order)], reference(n, x)) for order in permutations(range(3))):
        return "right coefficients in another order: return alpha, beta, gamma"
    for name, coefficients in by_mistake(n, x).items():
        if _near(found, coefficients):
            return name
    return "least squares on x over all three at once; start near it, with gamma about x[0] / n[0] and a small beta"


def same_as(fit_usl: FitUsl, n: np.ndarray, x: np.ndarray, given: str) -> None:
    """Raises Wrong unless the learner's coefficients are those of least squares, within CLOSE."""
    found, right = fitted(fit_usl, n, x, given), reference(n, x)
    if not _near(found, right):
        raise Wrong(_said(found), given=given, expected=_said(right), look=_look(found, n, x))


def fits_what_is_published(fit_usl: FitUsl) -> str:
    """SPEC SDM91: the coefficients that the R package usl gives, 0.0277, 0.000104 and 90.0."""
    same_as(fit_usl, *columns(SPECSDM91.frame), f"{SPECSDM91.what}, {len(SPECSDM91.points)} points")
    return f"{SPECSDM91.name}, {len(SPECSDM91.points)} points: " + _said(reference(*columns(SPECSDM91.frame)))


def unseen(seed: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Workers, throughputs and the coefficients behind them, drawn anew for each *seed*; *noise* is a share."""
    rng = stream(seed, "law")
    alpha, beta, gamma = rng.uniform(0.01, 0.2), 10 ** rng.uniform(-4.5, -2.5), 10 ** rng.uniform(0.0, 4.0)
    n = np.unique(np.geomspace(1, 1.6 * np.sqrt((1 - alpha) / beta), 10).round())
    x = gamma * usl.curve(n, alpha, beta) * (1 + noise * rng.standard_normal(len(n)))
    return n, x, np.array([alpha, beta, gamma])


def finds_unseen_coefficients(fit_usl: FitUsl) -> str:
    """Data without noise: the coefficients that they were made with come back."""
    for seed in range(SETS):
        n, x, made_with = unseen(seed, 0.0)
        given = f"{len(n)} exact points with up to {n[-1]:g} workers, made with {_said(made_with)}"
        found = fitted(fit_usl, n, x, given)
        if not _near(found, made_with):
            raise Wrong(
                _said(found), given=given, expected="the coefficients it was made with", look=_look(found, n, x)
            )
    return f"{SETS} data sets without noise: the coefficients they were made with, within {CLOSE:.1%}"


def fits_noisy_data_as_well_as_can_be(fit_usl: FitUsl) -> str:
    """Noisy data: the sum of squares that is left is the least there can be."""
    cases = [(*unseen(100 + seed, 0.03)[:2], f"noisy data, seed {seed}") for seed in range(SETS)]
    cases.append((*columns(RAYTRACER.frame), f"{RAYTRACER.what}, where beta is 0"))
    for n, x, given in cases:
        found, right = fitted(fit_usl, n, x, given), reference(n, x)
        left, least = (float(((c[2] * usl.curve(n, c[0], c[1]) - x) ** 2).sum()) for c in (found, right))
        if left > 1.01 * least:
            came_out = f"{_said(found)}: squares {left:.4g}"
            raise Wrong(came_out, given=given, expected=f"squares of {least:.4g}", look=_look(found, n, x))
    return f"{SETS} noisy data sets and one without a peak: no other curve is nearer"


def on_this_machine(fit_usl: FitUsl) -> alt.LayerChart:
    """Real workers at a real lock, one to eight of them, and the learner's law through them, once it is written."""
    frame = live.throughput((1, 2, 3, 4, 6, 8), for_s=0.4)[["n", "throughput"]].astype(float)
    at, lines = np.linspace(1, 12, 60), pd.DataFrame({"n": [], "throughput": [], "kind": []})
    with suppress(NotImplementedError):
        alpha, beta, gamma = fit_usl(*columns(frame))
        lines = pd.DataFrame({"n": at, "throughput": gamma * usl.curve(at, alpha, beta), "kind": "your law"})
    return draw.layers(
        points=frame.assign(kind="measured"), lines=lines if len(lines) else None, x="n", y="throughput",
        title="Workers at one lock, on your machine", x_title="workers", y_title="operations a second", zero=True,
    )  # fmt: skip


FIT = (
    Check("it fits published data as the literature does", fits_what_is_published, 20.0),
    Check("it finds coefficients that you have not seen", finds_unseen_coefficients, 30.0),
    Check("with noise, no other curve is nearer, and nothing falls below 0", fits_noisy_data_as_well_as_can_be, 30.0),
)
