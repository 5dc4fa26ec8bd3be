"""Lab 02, task 5: what a system does with more workers than were measured, judged on points that were held back.

A fit that goes through every point it was shown has shown nothing. So the learner's function gets some of the points
and is asked for the others; beside it stand Amdahl's law and a straight line through the same points. Some of the data
are published, some are drawn from a law that nobody has seen. The peak is asked too: beyond it each worker costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from minisys.grading.checks import Check, Wrong
from minisys.grading.lab_02.fitting import columns, unseen
from minisys.scaling import draw, usl
from minisys.scaling.data import CISCO, RAYTRACER, SPECSDM91

Predict = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
BestN = Callable[[np.ndarray, np.ndarray], float]
UNSEEN = 6


class HeldBack(NamedTuple):
    """One data set: what it is, the points that are shown (n, x), and those that are held back."""

    name: str
    n: np.ndarray
    x: np.ndarray
    n_new: np.ndarray
    x_new: np.ndarray


def data_sets() -> Iterator[HeldBack]:
    """Two published measurements and UNSEEN drawn ones; the upper end of each is held back."""
    n, x = columns(CISCO.frame)
    yield HeldBack("Cisco benchmark, 12 of 32 clients shown", n[:12], x[:12], n[12:], x[12:])
    n, x = columns(SPECSDM91.frame)
    yield HeldBack("SPEC SDM91, 6 of 7 points shown", n[:6], x[:6], n[6:], x[6:])
    for seed in range(200, 200 + UNSEEN):
        n, x, _ = unseen(seed, 0.01)
        yield HeldBack(f"unseen data, seed {seed}, 8 of {len(n)} points shown", n[:8], x[:8], n[8:], x[8:])


def straight_line(n: np.ndarray, x: np.ndarray, n_new: np.ndarray) -> np.ndarray:
    """The line of least squares."""
    return np.asarray(np.polyval(np.polyfit(n, x, 1), n_new))


def amdahl(n: np.ndarray, x: np.ndarray, n_new: np.ndarray) -> np.ndarray:
    """Amdahl's law by least squares."""
    return np.asarray(usl.fit(n, x, with_beta=False).predict(n_new))


def the_law(n: np.ndarray, x: np.ndarray, n_new: np.ndarray) -> np.ndarray:
    """The package's own USL."""
    return np.asarray(usl.fit(n, x).predict(n_new))


RIVALS = {"a straight line": straight_line, "Amdahl's law": amdahl}


def predicted(predict: Predict, held: HeldBack) -> np.ndarray:
    """The learner's predictions; raises Wrong unless there is a finite one for each point that was held back."""
    answer = predict(held.n.copy(), held.x.copy(), held.n_new.copy())
    try:
        found = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        found = np.array([])
    if found.shape != held.n_new.shape or not np.isfinite(found).all():
        raise Wrong(repr(answer)[:200], given=held.name, expected=f"{len(held.n_new)} throughputs, one for each n_new")
    return found


def error(found: np.ndarray, held: HeldBack) -> float:
    """The mean error of a prediction, as a share of what was measured."""
    return float(np.mean(np.abs(found - held.x_new) / held.x_new))


def beats_the_rivals(predict: Predict, best_n: BestN) -> str:
    """On each data set the mean error on the points held back is below those of both rivals."""
    largest = 0.0
    for held in data_sets():
        found = predicted(predict, held)
        mine = error(found, held)
        for rival, law in RIVALS.items():
            theirs = law(held.n, held.x, held.n_new)
            if mine >= error(theirs, held):
                expected = f"less than the {error(theirs, held):.1%} of {rival}"
                raise Wrong(f"{mine:.1%} off", given=held.name, expected=expected, look=_look(found, held))
        largest = max(largest, mine)
    return f"{2 + UNSEEN} data sets, points held back: at most {largest:.1%} off, less than both rivals on each"


def _look(found: np.ndarray, held: HeldBack) -> str:
    """Which law the prediction follows, if it is a known one."""
    known = {
        "that is the straight line itself": straight_line(held.n, held.x, held.n_new),
        "that is Amdahl's law: with beta 0 the curve can only rise": amdahl(held.n, held.x, held.n_new),
        "that is the throughput of one worker times n": held.x[0] / held.n[0] * held.n_new,
        "that is the last measurement again; fit a law and evaluate it at n_new": np.full(len(found), held.x[-1]),
        "that is a polynomial: it passes the points and then goes where it likes":
            np.polyval(np.polyfit(held.n, held.x, 2), held.n_new),
        "that is a speed-up; multiply by gamma": the_law(held.n, held.x, held.n_new) / held.x[0],
    }  # fmt: skip
    for name, values in known.items():
        if np.allclose(found, values, rtol=0.002):
            return name
    if (found > held.x.max() * 3).any() or (found < 0).any():
        return "no law of scaling goes there; fit the USL to the points shown and evaluate it at n_new"
    return "fit the USL to all the points shown, by least squares on the throughput, then evaluate it at n_new"


def finds_the_peak(predict: Predict, best_n: BestN) -> str:
    """The number of workers with the highest throughput, from the law and not from the points; infinite without one."""
    n, alpha, beta, gamma = np.arange(1.0, 7.0), 0.3, 0.01, 50.0
    steep = (n, gamma * usl.curve(n, alpha, beta), "6 exact points made with alpha 0.3, beta 0.01")
    for at, x, given in (
        steep,
        (*columns(SPECSDM91.frame), SPECSDM91.what),
        (*columns(RAYTRACER.frame), RAYTRACER.what),
    ):
        law, answer = usl.fit(at, x), best_n(at.copy(), x.copy())
        if answer is None or isinstance(answer, str) or math.isnan(number := float(answer)):
            raise Wrong(repr(answer), given=given, expected="a number of workers, or infinity")
        if math.isinf(law.peak) and number < 1e4:
            look = "with beta 0 no worker harms another and there is no peak: answer np.inf"
            raise Wrong(f"{number:.4g}", given=f"{given}; fitted beta 0", expected="infinity", look=look)
        if math.isfinite(law.peak) and not abs(number - law.peak) <= max(0.51, 0.01 * law.peak):
            expected = f"{law.peak:.1f}"
            raise Wrong(f"{number:.4g}", given=given, expected=expected, look=_peak_slip(number, law, x))
    return "96.5 simulated users for SPEC SDM91; for the ray tracer none worth the name, as its beta is (nearly) 0"


def _peak_slip(answer: float, law: usl.Fit, x: np.ndarray) -> str:
    """The mistake that leads to *answer*, if it is a known one."""
    alpha, beta = law.alpha, law.beta
    known = {
        "sqrt((1 - alpha) / beta): the 1 - alpha is missing": math.sqrt(1 / beta),
        "that is 1 / alpha, where linear scaling would meet Amdahl's limit": 1 / alpha,
        "the square root is missing": (1 - alpha) / beta,
        "that is the best of the points you measured; the law's peak may lie between or beyond them":
            float(law.n[np.argmax(x)]),
        "that is the highest throughput, not the number of workers": law.maximum,
    }  # fmt: skip
    for name, value in known.items():
        if abs(answer - value) <= 0.01 * value:
            return name
    return "where the derivative of the law is 0: sqrt((1 - alpha) / beta)"


def your_line(predict: Predict, shown: int = 12) -> alt.LayerChart:
    """The Cisco benchmark: points *shown* and held back, the rivals and, once it is written, the learner's curve.

    Raises ValueError unless 3 to 30 of the 32 points are shown.
    """
    if not 3 <= shown <= 30:
        raise ValueError(f"shown must be 3 to 30 of the 32 points, got {shown}")
    n, x = columns(CISCO.frame)
    held = HeldBack(CISCO.name, n[:shown], x[:shown], n[shown:], x[shown:])
    at = np.linspace(1.0, 32.0, 63)
    laws: dict[str, Predict] = {"Amdahl's law": amdahl, "straight line": straight_line, "yours": predict}
    lines, off = [], []
    for name, law in laws.items():
        with suppress(NotImplementedError):
            off.append(f"{name} {error(np.asarray(law(held.n, held.x, held.n_new)), held):.0%}")
            lines.append(pd.DataFrame({"n": at, "x": law(held.n, held.x, at), "kind": name}))
    points = [pd.DataFrame({"n": n, "x": x, "kind": kind}) for n, x, kind in (
        (held.n, held.x, "shown"), (held.n_new, held.x_new, "held back"))]  # fmt: skip
    title = f"{shown} points shown, {len(n) - shown} held back"
    said = f"{title}: throughput of 1 to 32 clients. Mean error on those held back: {', '.join(off)}."
    return draw.layers(
        points=pd.concat(points), lines=pd.concat(lines), x="n", y="x", title=title, description=said,
        under=CISCO.source, x_title=CISCO.n, y_title=CISCO.throughput, zero=True,
    )  # fmt: skip


PREDICT = (
    Check("on points held back it errs less than a straight line and than Amdahl", beats_the_rivals, 30.0),
    Check("it names the peak", finds_the_peak, 20.0),
)
