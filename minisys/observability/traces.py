"""Read traces: who waited for whom, and which part of the wait would have to shrink for the user to wait less.

The slowest service of a trace need not be to blame: it may have run beside a slower one, or only waited for another.
The critical path is the chain of work that the answer had to wait for, and nothing else is worth making faster.

    path = critical_path(spans); waterfall(spans, title="A slow checkout")

Promised: the pieces of the critical path follow each other without gap or overlap and add up to the root's duration.
A span that ended after its parent was not waited for. Not promised: anything where the clocks of two machines differ
(here all share one); nor can times alone tell that nobody needed an answer that happened to come early. Method: as
CRISP (Zhang et al., USENIX ATC 2022).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import pandas as pd

from minisys.testbed import picture, style

__all__ = [
    "Piece",
    "Span",
    "blame",
    "by_trace",
    "critical_path",
    "described",
    "frame",
    "picture",
    "read",
    "root_of",
    "waterfall",
]  # fmt: skip  (picture: charts look and are stored as everywhere)


@dataclass(frozen=True)
class Span:
    """One service's part of one request. *trace*, *span*, *parent* ("" for the root): ids. *start_s*, *end_s*: when.

    Raises ValueError if it ends before it begins.
    """

    trace: str
    span: str
    parent: str
    service: str
    name: str
    start_s: float
    end_s: float
    ok: bool = True

    def __post_init__(self) -> None:
        if not self.start_s <= self.end_s:
            raise ValueError(f"span {self.span!r} ends ({self.end_s} s) before it begins ({self.start_s} s)")

    @property
    def duration_s(self) -> float:
        """How long it took, with all it waited for."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Piece:
    """A piece of the critical path: from *start_s* to *end_s* the answer waited for *span*'s own work."""

    span: Span
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """How long the piece is."""
        return self.end_s - self.start_s


def read(paths: Iterable[Path]) -> dict[str, list[Span]]:
    """The traces in files of `tracing.LineExporter`: trace id to its spans, in the order in which they began."""
    spans = []
    for path in paths:
        for text in path.read_text(encoding="utf-8").split("\n")[:-1]:
            row = json.loads(text)
            start_s, end_s = row.pop("start_ns") / 1e9, row.pop("end_ns") / 1e9
            spans.append(Span(**row, start_s=start_s, end_s=end_s))
    return by_trace(spans)


def by_trace(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """Trace id to its spans, in the order in which they began."""
    found: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start_s):
        found[span.trace].append(span)
    return dict(found)


def root_of(spans: Sequence[Span]) -> Span:
    """The span that has no parent among *spans* (it may have been asked by somebody who is not traced).

    Raises ValueError unless there is exactly one: otherwise a part of the trace is missing, or there are two.
    """
    known = {span.span for span in spans}
    roots = [span for span in spans if span.parent not in known]
    if len(roots) != 1:
        names = ", ".join(f"{span.service} {span.name}" for span in roots) or "none"
        raise ValueError(f"a whole trace has one root, this one has {len(roots)}: {names}; is a service not traced?")
    return roots[0]


def critical_path(spans: Sequence[Span]) -> list[Piece]:
    """What the answer waited for, in order of time. Raises ValueError if *spans* are not one whole trace."""
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent].append(span)

    def walk(span: Span) -> list[Piece]:
        """Backwards from the end: who ended last before here was waited for; go on from where that one began."""
        pieces, here_s = [], span.end_s
        for child in sorted(children[span.span], key=lambda child: (child.end_s, child.start_s), reverse=True):
            if child.end_s <= here_s and child.start_s >= span.start_s:
                pieces += [Piece(span, child.end_s, here_s), *reversed(walk(child))]
                here_s = child.start_s
        pieces.append(Piece(span, span.start_s, here_s))
        return [piece for piece in reversed(pieces) if piece.duration_s > 0]

    return walk(root_of(spans))


def blame(spans: Sequence[Span]) -> dict[tuple[str, str], float]:
    """Seconds on the critical path by (service, name) of the span whose own work they are; most first."""
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for piece in critical_path(spans):
        seconds[piece.span.service, piece.span.name] += piece.duration_s
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def frame(spans: Sequence[Span]) -> pd.DataFrame:
    """One span a row, parents before children: label (indented), service, name, depth, start_ms, duration_ms,
    critical_ms (its own work on the critical path), ok. Milliseconds count from the root's beginning.
    """
    root = root_of(spans)
    mine: dict[str, float] = defaultdict(float)
    for piece in critical_path(spans):
        mine[piece.span.span] += piece.duration_s
    rows = [
        {"label": "  " * depth + f"{span.service}: {span.name}", "service": span.service, "name": span.name,
         "depth": depth, "start_ms": 1e3 * (span.start_s - root.start_s), "duration_ms": 1e3 * span.duration_s,
         "critical_ms": 1e3 * mine[span.span], "ok": span.ok}
        for depth, span in _family(root, spans)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _family(root: Span, spans: Sequence[Span], depth: int = 0) -> list[tuple[int, Span]]:
    """*root* and all below it, each with its depth."""
    below = [span for span in spans if span.parent == root.span and span is not root]
    return [(depth, root)] + [each for child in below for each in _family(child, spans, depth + 1)]


def waterfall(spans: Sequence[Span], *, title: str, width: int = 460, path: bool = True) -> alt.LayerChart:
    """The trace as bars along time, indented by who asked whom; the dashed line is when the answer was there.

    *path*: draw the critical path over them, in black.
    """
    rows = frame(spans)
    root = root_of(spans)
    rows["row"] = [f"{number:02d}" for number in range(len(rows))]
    rows["end_ms"] = rows["start_ms"] + rows["duration_ms"]
    labels = json.dumps([label.replace("  ", "\u2003") for label in rows["label"]])
    axis = alt.Axis(
        title=None, labelExpr=f"{labels}[toNumber(datum.value)]", labelAlign="left", ticks=False,
        labelPadding=7 * max(map(len, rows["label"])), labelLimit=280,
    )  # fmt: skip
    place = alt.Y("row:N", axis=axis)
    across = alt.X("start_ms:Q", title="time since the request came (ms)")
    tips = ["service", "name", alt.Tooltip("duration_ms:Q", format=".1f")]
    tips += [alt.Tooltip("critical_ms:Q", format=".1f")] if path else []
    bars = alt.Chart(rows).mark_bar(height=13, color=style.PALETTE["sky"])
    answered = alt.Chart(pd.DataFrame({"start_ms": [1e3 * root.duration_s]})).mark_rule(strokeDash=[4, 3])
    layers = [bars.encode(across, alt.X2("end_ms"), place, tooltip=tips), answered.encode(across)]
    if path:
        over = alt.Chart(_pieces(spans, rows)).mark_bar(height=4, color="black")
        layers.append(over.encode(across, alt.X2("end_ms"), place))
    said = f"dashed: answered after {1e3 * root.duration_s:.0f} ms" + ("; black: the critical path" if path else "")
    return alt.layer(*layers).properties(
        title={"text": title, "subtitle": said}, width=width, height=22 * len(rows), description=described(spans, path)
    )


def _pieces(spans: Sequence[Span], rows: pd.DataFrame) -> pd.DataFrame:
    """The critical path as bars: row (as in *rows*), start_ms, end_ms."""
    root, path = root_of(spans), critical_path(spans)
    places = {span.span: row for (_, span), row in zip(_family(root, spans), rows["row"], strict=True)}
    return pd.DataFrame({
        "row": [places[piece.span.span] for piece in path],
        "start_ms": [1e3 * (piece.start_s - root.start_s) for piece in path],
        "end_ms": [1e3 * (piece.end_s - root.start_s) for piece in path],
    })  # fmt: skip


def described(spans: Sequence[Span], path: bool = True) -> str:
    """The chart in words, for who cannot see it; with *path*, what the answer waited for most."""
    root = root_of(spans)
    whole = f"Waterfall of a trace: {len(spans)} spans, {1e3 * root.duration_s:.0f} ms in all."
    if not path:
        return whole
    most = list(blame(spans).items())[:3]
    parts = ", ".join(f"{service} {name} {1e3 * seconds:.0f} ms" for (service, name), seconds in most)
    return f"{whole} Most of the critical path: {parts}."
