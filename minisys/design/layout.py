"""Where the boxes of a design go on paper: rows in the order of the calls, a frame a region, arrows around boxes.

Users stand on top; whoever is called stands below its caller. What stands in one region alone is inside that region's
frame, and what spans several is beside or above them. An arrow over several rows gets a place of its own in each row,
so that it does not run through a box (Sugiyama, Tagawa and Toda 1981, without their last refinements).

Promised: no two boxes overlap, and the same design is always laid out the same way. Not promised: the fewest crossings.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from minisys.design.parts import Clients, Design, Dns, Edge, External, Part, Workers

BOX, WAY = 184.0, 26.0  # widths of a box and of an arrow that passes by, in pixels
HEIGHT, GAP, SPACE, MARGIN, FRAME = 66.0, 54.0, 26.0, 18.0, 26.0
Point = tuple[float, float]


@dataclass
class Spot:
    """A place in a row: of a part, or of an arrow that passes (name ""). x, y: its middle's x and its top."""

    name: str
    row: int
    group: str
    x: float = 0.0
    y: float = 0.0
    above: list[Spot] = field(default_factory=list)
    below: list[Spot] = field(default_factory=list)

    @property
    def width(self) -> float:
        return BOX if self.name else WAY


@dataclass(frozen=True)
class Layout:
    """boxes: each part's spot; ways: points of each arrow (from, to); frames: of each region x, y, width, height."""

    boxes: dict[str, Spot]
    ways: dict[tuple[str, str], list[Point]]
    frames: dict[str, tuple[float, float, float, float]]
    width: float
    height: float


def arrows(design: Design) -> list[tuple[str, str]]:
    """Who leads to whom, each once: callers to those they call, a queue to its workers."""
    found = [(part.name, call.to) for part in design.parts for call in part.calls]
    found += [(part.source, part.name) for part in design.of(Workers)]
    known = {part.name for part in design.parts}
    return [pair for pair in dict.fromkeys(found) if set(pair) <= known]


def home(design: Design, part: Part) -> str:
    """The region that a part stands in; "" if in several, or not in a data centre of ours."""
    if isinstance(part, Clients | Dns | Edge | External) and not part.zones:
        return ""
    regions = {design.region_of(zone) for zone in design.zones_of(part)}
    return regions.pop() if len(regions) == 1 else ""


def layout(design: Design) -> Layout:
    """Lay *design* out. A design that `check` refuses (calls in a circle) may have arrows that point up."""
    rows = _rows(design)
    boxes = {part.name: Spot(part.name, rows[part.name], home(design, part)) for part in design.parts}
    chains = {pair: _chain(boxes, *pair) for pair in arrows(design)}
    spots = list(
        {
            id(spot): spot for chain in [[box] for box in boxes.values()] + list(chains.values()) for spot in chain
        }.values()
    )
    for chain in chains.values():
        for above, below in pairwise(chain):
            above.below.append(below)
            below.above.append(above)
    _beside(spots, list(design.regions))
    width = _across(spots, [*design.regions, "beside"])
    framed = any(spot.group in design.regions for spot in spots if spot.row == 0)
    for spot in spots:
        spot.y = MARGIN + spot.row * (HEIGHT + GAP) + (FRAME if framed else 0)
    ways = {pair: _points(chain) for pair, chain in chains.items()}
    frames = _frames(spots, list(design.regions))
    return Layout(boxes, ways, frames, width, max(spot.y for spot in spots) + HEIGHT + MARGIN + FRAME / 2)


def _rows(design: Design) -> dict[str, int]:
    """How many arrows lead to each part, at most."""
    rows = {part.name: 0 for part in design.parts}
    for _ in design.parts:  # at most so often; a circle would otherwise go on for ever
        before = dict(rows)
        for origin, to in arrows(design):
            rows[to] = min(len(rows), max(rows[to], rows[origin] + 1))
        if rows == before:
            break
    return rows


def _chain(boxes: dict[str, Spot], origin: str, to: str) -> list[Spot]:
    """From a box to another over a spot in each row between."""
    first, last = boxes[origin], boxes[to]
    group = last.group if last.group == first.group or last.group else first.group
    return [first, *(Spot("", row, group) for row in range(first.row + 1, last.row)), last]


def _beside(spots: list[Spot], regions: list[str]) -> None:
    """What stands in no region goes beside the frames, in rows that a frame takes."""
    taken = [spot.row for spot in spots if spot.group in regions and spot.name]
    for spot in spots:
        if spot.group == "" and taken and min(taken) <= spot.row <= max(taken):
            spot.group = "beside"


def _across(spots: list[Spot], groups: list[str]) -> float:
    """Set every x: groups beside each other; in a row by the middle of what stands above. Returns the whole width."""
    lines: dict[tuple[str, int], list[Spot]] = defaultdict(list)
    for spot in spots:
        lines[spot.group, spot.row].append(spot)
    spans, left = {}, MARGIN
    for group in groups:
        wide = max((_width(line) for (name, _), line in lines.items() if name == group), default=0.0)
        if wide:
            spans[group] = (left, left + wide + 2 * SPACE)
            left += wide + 3 * SPACE
    total = max([left - SPACE + MARGIN, *(_width(line) + 2 * MARGIN for line in lines.values())])
    for group, row in lines:
        _spread(lines[group, row], *spans.get(group, (MARGIN, total - MARGIN)))
    for way in ("above", "below", "above", "below", "above"):
        for group, row in sorted(lines, key=lambda key: key[1], reverse=way == "below"):
            line = lines[group, row]
            wanted = {id(spot): _middle(getattr(spot, way) or [spot]) for spot in line}
            line.sort(key=lambda spot: wanted[id(spot)])
            _settle(line, wanted, *spans.get(group, (MARGIN, total - MARGIN)))
    return total


def _width(line: list[Spot]) -> float:
    return sum(spot.width for spot in line) + SPACE * (len(line) - 1)


def _middle(spots: list[Spot]) -> float:
    return sum(spot.x for spot in spots) / len(spots)


def _spread(line: list[Spot], left: float, right: float) -> None:
    """Side by side in the middle of what there is."""
    at = (left + right - _width(line)) / 2
    for spot in line:
        spot.x = at + spot.width / 2
        at += spot.width + SPACE


def _settle(line: list[Spot], wanted: dict[int, float], left: float, right: float) -> None:
    """Each as near to where it wants to be as its neighbours and the frame allow, in their order."""
    at = left
    for spot in line:
        spot.x = max(at + spot.width / 2, wanted[id(spot)])
        at = spot.x + spot.width / 2 + SPACE
    at = right
    for spot in reversed(line):
        spot.x = min(spot.x, at - spot.width / 2)
        at = spot.x - spot.width / 2 - SPACE


def _points(chain: list[Spot]) -> list[Point]:
    """From the bottom of the first box to the top of the last; ends are spread, so that arrows do not share them."""
    first, last = chain[0], chain[-1]
    points = [(_port(first, first.below, chain[1]), first.y + HEIGHT)]
    for spot in chain[1:-1]:
        points += [(spot.x, spot.y), (spot.x, spot.y + HEIGHT)]
    return [*points, (_port(last, last.above, chain[-2]), last.y)]


def curves(points: list[Point]) -> list[tuple[Point, Point, Point, Point]]:
    """A way as cubic curves that leave and arrive upright."""
    bends = [(a, b, (b[1] - a[1]) * 0.45) for a, b in pairwise(points)]
    return [(a, (a[0], a[1] + bend), (b[0], b[1] - bend), b) for a, b, bend in bends]


def along(points: list[Point], steps: int = 16) -> list[Point]:
    """A way as a row of points close to each other."""
    made = [points[0]]
    for a, b, c, d in curves(points):
        for i in range(1, steps + 1):
            t = i / steps
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            x, y = (sum(w * p[k] for w, p in zip(weights, (a, b, c, d), strict=True)) for k in (0, 1))
            made.append((x, y))
    return made


def _port(spot: Spot, others: list[Spot], other: Spot) -> float:
    """Where on its edge the arrow to *other* begins: in the order of where the arrows go."""
    order = sorted(others, key=lambda each: each.x)
    step = min(38.0, (BOX - 40) / max(1, len(order) - 1))
    place = next(i for i, each in enumerate(order) if each is other)
    return spot.x + step * (place - (len(order) - 1) / 2)


def _frames(spots: list[Spot], regions: list[str]) -> dict[str, tuple[float, float, float, float]]:
    """A rectangle around what stands in each region."""
    made = {}
    for region in regions:
        inside = [spot for spot in spots if spot.group == region and spot.name]
        if inside:
            ways = [spot for spot in spots if spot.group == region]
            left = min(spot.x - spot.width / 2 for spot in ways) - SPACE / 2
            right = max(spot.x + spot.width / 2 for spot in ways) + SPACE / 2
            top, bottom = min(spot.y for spot in inside) - FRAME, max(spot.y for spot in inside) + HEIGHT + FRAME / 2
            made[region] = (left, top, right - left, bottom - top)
    return made
