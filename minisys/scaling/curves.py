"""The pictures of the Universal Scalability Law: a fit and what it leaves over, and coefficients to move by hand.

A vendor shows six points and a straight line through them. Here the same points get a law with a reason, the band of
all the curves that they allow, and the rest that the law does not explain, so that everybody sees where the line ends.

Promised: least squares and 95 % bands (usl.py), on published data or on yours. Not promised: that the future follows.
"""

from __future__ import annotations

import math

import altair as alt
import numpy as np
import pandas as pd

from minisys.scaling import draw, model, theory, usl
from minisys.scaling.data import PUBLISHED, Published
from minisys.testbed import charts
from minisys.testbed.explorer import Explorer, choice, explorer, slider
from minisys.testbed.marks import number
from minisys.testbed.tables import Table, table

Measured = Published | pd.DataFrame  # a frame needs the columns n and throughput


def bad_day(own_s: float = 0.006, locked_s: float = 0.0006, tell_s: float = 0.0002) -> alt.LayerChart:
    """Throughput promised by a straight line through one and two workers, and what came (one lock, simulated)."""
    counts = (1, 2, 3, 4, 6, 8, 10, 12)
    found = [
        (n, model.contend(n, own_s=own_s, locked_s=locked_s, tell_s=tell_s, spread=0.05, for_s=4.0, seed=1))
        for n in counts
    ]
    came = pd.DataFrame(found, columns=["n", "throughput"])
    one, two = came["throughput"][:2]
    promised = pd.DataFrame({"n": [1.0, 12.0], "throughput": [one, one + 11 * (two - one)]})
    return charts.lines(
        pd.concat([promised.assign(kind="what the plan promised"), came.assign(kind="what came")]), x="n",
        y="throughput", by="kind", title="A checkout that was scaled out", x_title="workers",
        y_title="orders a second",
    )  # fmt: skip


def fitted(measured: Measured, beyond: float = 1.5) -> alt.LayerChart:
    """*measured* throughput with the fitted law, its 95 % band, Amdahl's law and a straight line, *beyond* the data."""
    frame, n_title, x_title, title, under = _said(measured)
    law = usl.fit(frame["n"], frame["throughput"])
    n, top = np.linspace(1, beyond * law.n.max(), 80), 1.25 * float(law.x.max())
    low, high = law.band(n)
    peak = f"peak: {number(law.maximum)} at {number(law.peak)}"
    return draw.layers(
        points=frame.assign(kind="measured"),
        lines=_lines(law, n, top),
        band=pd.DataFrame({"n": n, "low": low, "high": np.minimum(high, top), "kind": "USL"}),
        rules=[("x", law.peak, peak)] if law.peak <= n[-1] else [],
        zero=True,
        x="n",
        y="throughput",
        title=title,
        under=under,
        x_title=n_title,
        y_title=x_title,
        description=f"{title}. USL: {_in_words(law)}",
    )


def _lines(law: usl.Fit, n: np.ndarray, top: float) -> pd.DataFrame:
    """The fitted *law*, Amdahl's law for the same data, and the straight line of one worker, which ends at *top*."""
    plain, straight = usl.fit(law.n, law.x, with_beta=False), n[law.gamma * n <= top]
    lines = {
        "USL": (n, law.predict(n)),
        "Amdahl": (n, plain.predict(n)),
        "straight line": (straight, law.gamma * straight),
    }
    return pd.concat([pd.DataFrame({"n": at, "throughput": y, "kind": kind}) for kind, (at, y) in lines.items()])


def residuals(measured: Measured) -> alt.LayerChart:
    """What the fitted laws leave over at each measured point: scatter round zero, or a wave that no law explains."""
    frame, n_title, x_title, title, _ = _said(measured)
    made = []
    for name, with_beta in (("USL", True), ("Amdahl", False)):
        law = usl.fit(frame["n"], frame["throughput"], with_beta=with_beta)
        made.append(pd.DataFrame({"n": law.n, "left": law.residuals, "kind": name}))
    return draw.layers(
        points=pd.concat(made),
        rules=[("y", 0.0, "")],
        x="n",
        y="left",
        title="What the laws leave over",
        under=title,
        x_title=n_title,
        y_title=f"measured minus fitted ({x_title})",
    )


def laws(measured: Measured) -> Table:
    """Amdahl's law and the USL fitted to *measured*, with 95 % intervals, and whether beta is worth it (p)."""
    frame, _, _, title, _ = _said(measured)
    p = [math.nan, *usl.compared(frame["n"], frame["throughput"])["p"][1:]]
    rows = []
    for with_beta, name in ((False, "Amdahl"), (True, "USL")):
        law = usl.fit(frame["n"], frame["throughput"], with_beta=with_beta)
        said = {
            each: f"{number(getattr(law, each))} ({number(low)} to {number(high)})"
            for each, (low, high) in law.intervals().items()
        }
        rows.append((name, *(said | ({} if with_beta else {"beta": "0"})).values(), law.error, law.peak, p[with_beta]))
    columns = ["law", "alpha", "beta", "gamma", "error", "peak at", "p of beta"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"{title}; in brackets the 95 % interval")


def _in_words(law: usl.Fit) -> str:
    """The fitted coefficients, the peak and how far the measurements lie from the law."""
    peak = f"peak {number(law.maximum)} at {number(law.peak)}" if math.isfinite(law.peak) else "no peak"
    fit = f"alpha {number(law.alpha)}, beta {number(law.beta)}, gamma {number(law.gamma)}"
    return f"{fit}; {peak}; residual error {number(law.error)}."


def worth_it(measured: Measured) -> str:
    """One line: whether the data need a coherency term."""
    frame = measured.frame if isinstance(measured, Published) else measured
    p = float(usl.compared(frame["n"], frame["throughput"])["p"].iloc[1])
    return f"beta is worth a coefficient here: {'yes' if p < 0.05 else 'no'}"


def by_hand_explorer() -> Explorer:
    """Sliders for alpha and beta over published points: find the law by hand, and see what it promises beyond them."""
    return explorer(
        by_hand_at,
        title="Contention and coherency by hand",
        measured=choice(list(PUBLISHED), "SPEC SDM91", "measured"),
        alpha=slider(0.0, 0.15, 0.001, 0.05, "alpha"),
        beta=slider(0, 1000, 5, 50, "beta, millionths"),
    )


def by_hand_at(measured: str, alpha: float, beta: int) -> tuple[alt.LayerChart, str]:
    """The published points called *measured* with the law of *alpha* and *beta* millionths, and the best one; in words.

    Gamma is chosen as well as it can be for these coefficients.
    """
    frame, n_title, x_title, title, under = _said(PUBLISHED[measured])
    n, x = frame["n"].to_numpy(), frame["throughput"].to_numpy()
    best, h = _best(measured), usl.curve(n, alpha, beta / 1e6)
    yours = usl.Fit(n, x, alpha, beta / 1e6, float(h @ x / (h @ h)))
    at = np.linspace(1, 1.5 * n.max(), 60)
    lines = [pd.DataFrame({"n": at, "throughput": law.predict(at), "kind": kind})
             for kind, law in (("yours", yours), ("best fit", best))]  # fmt: skip
    said = f"Yours: {_in_words(yours)} The best fit's residual error is {number(best.error)}."
    chart = draw.layers(
        points=frame.assign(kind="measured"), lines=pd.concat(lines), x="n", y="throughput", title=title, under=under,
        x_title=n_title, y_title=x_title, description=f"{title}. {said}",
    )  # fmt: skip
    return chart, said


def _best(measured: str) -> usl.Fit:
    frame = PUBLISHED[measured].frame
    return usl.fit(frame["n"], frame["throughput"])


def of_parts(n_max: int, own_s: float, locked_s: float, tell_s: float) -> pd.DataFrame:
    """The law that follows from the parts of one operation, for 1 to *n_max* workers: columns n and throughput."""
    alpha, beta, gamma = theory.usl_of_parts(own_s, locked_s, tell_s)
    n = np.linspace(1, n_max, 60)
    return pd.DataFrame({"n": n, "throughput": gamma * usl.curve(n, alpha, beta)})


def _said(measured: Measured) -> tuple[pd.DataFrame, str, str, str, str]:
    """The frame of *measured*, the titles of its axes, its title and the line below."""
    if isinstance(measured, Published):
        return measured.frame, measured.n, measured.throughput, measured.what, measured.source
    missing = [name for name in ("n", "throughput") if name not in measured]
    if missing:
        raise ValueError(f"the frame needs the columns n and throughput; it has {', '.join(map(str, measured))}")
    return measured[["n", "throughput"]].astype(float), "workers", "operations a second", "Measured throughput", ""
