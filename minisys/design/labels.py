"""Where the words of arrows go: on their arrow, but not on each other and not on a box."""

from __future__ import annotations

from collections.abc import Sequence

from minisys.design.layout import BOX, HEIGHT, Layout, Point, along

HIGH = 15.0
TRIES = (
    0.5,
    0.56,
    0.44,
    0.62,
    0.38,
    0.68,
    0.32,
    0.74,
    0.26,
    0.8,
    0.2,
    0.85,
    0.15,
)  # places along the arrow, the best first
Rectangle = tuple[float, float, float, float]


def width(text: str) -> float:
    """How wide *text* is in pixels, about."""
    return 5.5 * len(text) + 6


def placed(
    wanted: list[tuple[str, list[Point], bool]], at: Layout, titles: Sequence[tuple[str, float, float]] = ()
) -> list[tuple[str, float, float, bool]]:
    """For each (words, way, bad) with words: the words, the x of their middle, their base line's y, bad.

    titles: of frames, (words, x, y of the frame's corner).
    """
    taken = [(box.x - BOX / 2, box.y, box.x + BOX / 2, box.y + HEIGHT) for box in at.boxes.values()]
    taken += [(x + 6, y + 2, x + 6 + width(text), y + 24) for text, x, y in titles]
    made = []
    for text, points, bad in sorted(wanted, key=lambda row: len(row[1])):
        if not text:
            continue
        way = along(points)
        spots = [way[round(try_ * (len(way) - 1))] for try_ in TRIES]
        cost = [sum(_overlap(_around(text, spot), other) for other in taken) for spot in spots]
        x, y = spots[cost.index(min(cost))]
        wide = width(text) / 2
        x = min(max(x, wide + 2), at.width - wide - 2)
        taken.append(_around(text, (x, y)))
        made.append((text, x, y + 4, bad))
    return made


def _around(text: str, spot: Point) -> Rectangle:
    wide = width(text) / 2
    return spot[0] - wide, spot[1] - HIGH / 2, spot[0] + wide, spot[1] + HIGH / 2


def _overlap(a: Rectangle, b: Rectangle) -> float:
    """The area that two rectangles share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
