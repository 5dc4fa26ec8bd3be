"""The picture of a reading question: one small chart for each column, below each other over the same rows, as SVG.

On a pager's page the curves stand one above the other, so that the eye finds what moved first. Lines where the rows are
moments, bars where they are things (a backend, a shard). Promised: the figures of the table and nothing else, each
chart from zero to its largest value; on white, so that it can be printed and put on a card. Not done: interaction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from minisys.testbed.style import FONT, PALETTE

WIDTH, HEIGHT, LEFT, GAP = 640, 62, 96, 26  # pixels: the whole, one chart, room for its scale, between two
MOMENT = re.compile(r"^[\d.:]+$")


def svg(columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> str:
    """*rows* as small charts, one for each of *columns* but the first, which labels the rows. Needs two rows."""
    moments = all(MOMENT.match(str(row[0])) for row in rows) and columns[0] != "workers"
    draw = _line if moments else _bars
    parts, top = [], 20
    for at, name in enumerate(columns[1:], 1):
        values = [float(row[at]) for row in rows]
        largest = max(*values, 0.0)
        most = largest or 1.0
        parts.append(_text(LEFT, top - 6, name, "start", 600))
        parts += [_text(LEFT - 8, top + 10, _top(largest), "end"), _text(LEFT - 8, top + HEIGHT, "0", "end")]
        parts.append(f'<path d="M{LEFT} {top}V{top + HEIGHT}H{WIDTH - 8}" fill="none" stroke="{PALETTE["line"]}"/>')
        parts.append(draw([value / most for value in values], top))
        top += HEIGHT + GAP
    parts += _labels([str(row[0]) for row in rows], columns[0], top - GAP + 15, moments)
    title = f"<title>{escape(caption)}</title>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 6}" width="{WIDTH}" height="{top + 6}" '
        f'role="img" font-family="{escape(FONT)}" font-size="12">{title}'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _top(largest: float) -> str:
    """The largest value as people write it: 541,000 and not 5.41e+05; nothing where all is zero."""
    return "" if not largest else f"{largest:,.0f}" if largest >= 1000 else f"{largest:,.4g}"


def _places(count: int) -> list[float]:
    """The middle of each row on the horizontal axis."""
    room = WIDTH - 8 - LEFT
    return [LEFT + room * (i + 0.5) / count for i in range(count)]


def _line(shares: Sequence[float], top: float) -> str:
    points = " ".join(
        f"{x:.1f},{top + HEIGHT * (1 - share):.1f}" for x, share in zip(_places(len(shares)), shares, strict=True)
    )
    return f'<polyline points="{points}" fill="none" stroke="{PALETTE["blue"]}" stroke-width="2"/>'


def _bars(shares: Sequence[float], top: float) -> str:
    wide = 0.6 * (WIDTH - 8 - LEFT) / len(shares)
    return "".join(
        f'<rect x="{x - wide / 2:.1f}" y="{top + HEIGHT * (1 - share):.1f}" width="{wide:.1f}" '
        f'height="{HEIGHT * share:.1f}" fill="{PALETTE["blue"]}"/>'
        for x, share in zip(_places(len(shares)), shares, strict=True)
    )


def _labels(names: Sequence[str], what: str, y: float, moments: bool) -> list[str]:
    """The rows' names below the last chart: all of them, or every fourth moment."""
    step = 4 if moments and len(names) > 10 else 1
    told = [_text(x, y, names[i], "middle") for i, x in enumerate(_places(len(names))) if i % step == 0]
    return [_text(LEFT - 8, y, what, "end"), *told]


def _text(x: float, y: float, text: str, anchor: str, weight: int = 400) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{PALETTE["ink"]}">'
        f"{escape(text)}</text>"
    )
