"""A design as SVG: boxes with their copies, each in its zone; arrows with what they carry; frames around regions.

A fault takes a zone, and with it some copies of many parts. So every copy is a small square inside the box of its zone,
and one sees who is left. Colours are those of the course, on white paper, as a stored picture cannot follow a theme.

Promised: a title and a description for those who do not see it, every name escaped, nothing that a browser would fetch.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from minisys.design import labels, words
from minisys.design.glyphs import GLYPHS
from minisys.design.layout import BOX, HEIGHT, Layout, Point, Spot, curves, layout
from minisys.design.parts import Cache, Clients, Database, Design, Dns, Edge, External, Part, Queue
from minisys.testbed.style import FONT, PALETTE

INK, MUTED, LINE, BLUE, BAD = (PALETTE[name] for name in ("ink", "muted", "line", "blue", "vermillion"))
PAPER = "#FAFBFC"
FILLS = {"clients": "#F5F7FA", "database": "#E8F1F8", "queue": "#E6F5EF", "workers": "#E6F5EF", "cache": "#FDF4E0"}
FILLS |= {"edge": "#FDF4E0", "external": "#F7EDF3"}
BUSY = ((0.95, "vermillion"), (0.8, "orange"), (0.0, "blue"))  # from this utilisation on, in this colour
SQUARE, STEP, MOST = 6, 7.5, 6  # pixels; more copies in a zone than that are a number


def svg(design: Design, run: Any = None, *, at: Layout | None = None) -> str:
    """The picture as an SVG document; with a *run* (design.run) its figures instead of the design's.

    at: another layout than `layout(design)`.
    """
    at = at or layout(design)
    said = words.of_design(design, run)
    titles = {name: f"{name}, {dark}" if (dark := _dark(name, run)) else name for name in at.frames}
    top = [_frame(name, *frame, dark=titles[name] != name) for name, frame in at.frames.items()]
    named = [_title(titles[name], *frame[:2], dark=titles[name] != name) for name, frame in at.frames.items()]
    lines = [_arrow(design, pair, points, run) for pair, points in at.ways.items()]
    corners = [(titles[name], *frame[:2]) for name, frame in at.frames.items()]
    texts = labels.placed([(said, points, bad) for said, points, bad, _ in lines], at, corners)
    boxes = [_box(design, part, at.boxes[part.name], run) for part in design.parts]
    title = f"<title>{escape(design.name)}</title><desc>{escape(said)}</desc>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {at.width:g} {at.height:g}" width="{at.width:g}" '
        f'height="{at.height:g}" role="img" aria-label={quoteattr(said)} font-family={quoteattr(FONT)} '
        f'font-size="11" fill="{INK}">{title}{_MARKERS}<rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join([*top, *(line for *_, line in lines), *named, *boxes, *(_label(*text) for text in texts)])}</svg>"
    )


def _head(name: str, colour: str) -> str:
    shape = f'<path d="M0 0 10 5 0 10z" fill="{colour}"/>'
    how = 'viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"'
    return f'<marker id="ms-{name}" {how}>{shape}</marker>'


_MARKERS = f"<defs>{_head('arrow', MUTED)}{_head('bad', BAD)}</defs>"


def _dark(region: str, run: Any) -> str:
    """From when to when the run's plan loses *region*, in words; "" if never."""
    lost = [one for one in run.plan if one.kind == "region loss" and one.target == region] if run is not None else []
    return ", ".join(f"dark from {one.at_s:g} s to {min(one.at_s + one.for_s, run.for_s):g} s" for one in lost)


def _frame(name: str, x: float, y: float, width: float, height: float, *, dark: bool = False) -> str:
    size = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="12"'
    look = f'fill="{LINE if dark else PAPER}" stroke="#B8BFCC" stroke-dasharray="5 4"'
    return f"<g data-region={quoteattr(name)}><rect {size} {look}/></g>"


def _title(said: str, x: float, y: float, *, dark: bool) -> str:
    """A frame's name, its letters edged with the frame's colour: an arrow passes behind them."""
    edge = f'<g stroke="{LINE if dark else PAPER}" stroke-width="5" stroke-linejoin="round" paint-order="stroke">'
    return edge + _text(said, x + 12, y + 17, weight=600, colour=BAD if dark else MUTED) + "</g>"


def _arrow(design: Design, pair: tuple[str, str], points: list[Point], run: Any) -> tuple[str, list[Point], bool, str]:
    """An arrow: its words, its points, whether anything failed on it, and its line."""
    calls = words.calls_on(design, *pair)
    said, bad = words.after_arrow(*pair, run) if run is not None else (words.of_arrow(calls), False)
    colour, head = (BAD, "bad") if bad else (MUTED, "arrow")
    dash = ' stroke-dasharray="5 4"' if not calls or not all(call.waits for call in calls) else ""
    look = f'fill="none" stroke="{colour}" stroke-width="1.4"{dash} marker-end="url(#ms-{head})"'
    line = f'<path d="{path(points)}" {look}/>'
    return said, points, bad, line


def path(points: list[Point]) -> str:
    """A curve through *points* that leaves and arrives upright."""
    said = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for _, one, two, last in curves(points):
        said += f"C{one[0]:.1f} {one[1]:.1f} {two[0]:.1f} {two[1]:.1f} {last[0]:.1f} {last[1]:.1f}"
    return said


def _box(design: Design, part: Part, spot: Spot, run: Any) -> str:
    """A part: its sign, name, figures, and its copies in their zones."""
    x, y = spot.x - BOX / 2, spot.y
    line, busy = words.after_part(part, run) if run is not None else (words.of_part(part), None)
    sign = f'<g transform="translate({x + 9:g} {y + 7:g})" fill="{INK}" stroke="{INK}">{GLYPHS[part.kind]}</g>'
    name = _text(_short(part.name, 21), x + 32, y + 20, size=13, weight=600)
    body = _text(_short(line, 31), x + 10, y + 37, colour=BAD if line.endswith(" failed") else MUTED)
    return (
        f"<g data-part={quoteattr(part.name)}><title>{escape(f'{part.name}: {part.kind}; {line}')}</title>"
        f"{_outline(part, x, y)}{sign}{name}{body}{_busy(busy, x, y)}{_copies(design, part, x, y)}</g>"
    )


def _outline(part: Part, x: float, y: float) -> str:
    """A round end for users, a barrel for data, a double edge for what somebody else runs."""
    look = f'fill="{FILLS.get(part.kind, "#fff")}" stroke="{INK}" stroke-width="1.2"'
    if isinstance(part, Database):
        right, low = x + BOX, y + HEIGHT - 5
        lid = f"M{x:g} {y + 5:g}C{x:g} {y - 3:g} {right:g} {y - 3:g} {right:g} {y + 5:g}"
        return f'<path d="{lid}V{low:g}C{right:g} {low + 8:g} {x:g} {low + 8:g} {x:g} {low:g}z" {look}/>'
    round_ = {Clients: 24, Dns: 24, Queue: 2}.get(type(part), 14 if isinstance(part, Cache) else 6)
    dash = ' stroke-dasharray="2 3"' if isinstance(part, External) else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{BOX:g}" height="{HEIGHT:g}" rx="{round_}" {look}{dash}/>'


def _busy(share: float | None, x: float, y: float) -> str:
    """How busy it was: a bar in the upper right corner, with its number."""
    if share is None:
        return ""
    colour = PALETTE[next(name for least, name in BUSY if share >= least)]
    wide, left = 34.0, x + BOX - 44
    back = f'<rect x="{left:g}" y="{y + 7:g}" width="{wide:g}" height="5" rx="2.5" fill="{LINE}"/>'
    bar = f'<rect x="{left:g}" y="{y + 7:g}" width="{wide * share:.1f}" height="5" rx="2.5" fill="{colour}"/>'
    return back + bar + _text(f"{share:.0%}", left + wide, y + 22, size=10, anchor="end", weight=600)


def _copies(design: Design, part: Part, x: float, y: float) -> str:
    """A small box for each zone with a square for each copy; regions instead, or numbers, where there are too many."""
    if isinstance(part, Clients):
        return _text(f"in {part.region}", x + 10, y + 55, colour=MUTED) if part.region else ""
    if isinstance(part, External):
        return _text("somebody else's", x + 10, y + 55, colour=MUTED)
    if isinstance(part, Dns | Edge) and not part.zones:
        return _text("in every region", x + 10, y + 55, colour=MUTED)
    zones = design.zones_of(part)
    where = Counter(zones[i % len(zones)] for i in range(part.copies))
    regions = Counter(design.region_of(zones[i % len(zones)]) for i in range(part.copies))
    for counts in (where, regions):
        drawn, left = "", x + 8
        for zone, count in counts.items():
            chip, wide = _chip(part.name, zone, count, left, y + 44)
            drawn, left = drawn + chip, left + wide + 5
        if left - 5 <= x + BOX - 2:
            return drawn
    return _text(f"{part.copies} copies in {len(where)} zones", x + 10, y + 55, colour=MUTED)


def _chip(part: str, zone: str, count: int, x: float, y: float) -> tuple[str, float]:
    """A zone's box, and how wide it is."""
    many = count > MOST
    words_wide = 5.2 * len(zone) + 8
    wide = words_wide + (5.6 * len(f"× {count}") if many else STEP * count) + 3
    squares = "".join(
        f'<rect x="{x + words_wide + i * STEP:g}" y="{y + 4:g}" width="{SQUARE}" height="{SQUARE}" rx="1.5" '
        f'fill="{BLUE}"/>'
        for i in range(0 if many else count)
    )
    inside = _text(f"× {count}", x + words_wide - 2, y + 11.5, size=10, weight=600) if many else squares
    frame = f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="15" rx="4" fill="#fff" stroke="#B8BFCC"/>'
    name = f"<g data-zone={quoteattr(zone)} data-of={quoteattr(part)}>{frame}"
    return name + _text(zone, x + 4, y + 11.5, size=10, colour=MUTED) + inside + "</g>", wide


def _label(text: str, x: float, y: float, bad: bool) -> str:
    """Words on an arrow, on a bit of paper."""
    wide, colour = labels.width(text), BAD if bad else INK
    size = f'x="{x - wide / 2:.1f}" y="{y - 11:.1f}" width="{wide:.1f}" height="15" rx="3"'
    paper = f'<rect {size} fill="#fff" opacity=".88"/>'
    return paper + _text(text, x, y, anchor="middle", colour=colour)


def _text(
    text: str, x: float, y: float, *, size: float = 11, weight: int = 400, colour: str = INK, anchor: str = "start"
) -> str:
    look = f'font-size="{size:g}" fill="{colour}"'
    look += f' font-weight="{weight}"' if weight != 400 else ""
    look += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(text)}</text>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
