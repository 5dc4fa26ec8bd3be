"""A service as a picture, with its weak spots marked: Mermaid in the page, SVG to take along.

You are asked for the architecture in a review, and the drawing is from last year. Here the picture is made from what
is computed with, so it cannot be another system. A single point of failure has a thick frame and the word for it.

Promised: the same component, the same place and the same words every time; colour never stands alone. Not promised:
a beautiful layout beyond some thirty components.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import networkx as nx

from minisys.availability.graph import Needs, Service, availability, single_points
from minisys.testbed import style

FILL, LINE, WEAK = "#f4f6fb", "#8a93a5", "#a40000"
WIDE, HIGH, GAP_X, GAP_Y = 152, 54, 28, 48


@dataclass(frozen=True)
class Drawing:
    """What a notebook shows of a service; `svg` and `mermaid` are its texts."""

    svg: str
    mermaid: str
    words: str

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/vnd.mermaid": self.mermaid, "image/svg+xml": self.svg, "text/plain": self.words}

    def save(self, path: str | Path) -> Path:
        """Write the SVG to *path* and return the path."""
        Path(path).write_text(self.svg, "utf-8")
        return Path(path)


def draw(service: Service) -> Drawing:
    """The picture of *service*: users' side on top, what is needed below, single points of failure marked."""
    weak = set(single_points(service))
    return Drawing(_svg(service, weak), _mermaid(service, weak), _words(service, weak))


def percent(share: float) -> str:
    """A share as a percentage, with as many digits as its nines need: 0.9995 gives "99.95 %"."""
    return f"{100 * share:.6f}".rstrip("0").rstrip(".") + " %"


def _label(service: Service, name: str, weak: set[str]) -> list[str]:
    own = service.availability_of(name)
    some = [f"needs {k} of {len(of)}" for k, of in service.graph.nodes[name]["needs"] if k < len(of)]
    second = " · ".join(([percent(own)] if own < 1 else []) + some)
    return [name, *([second] if second else []), *(["⚠ single point"] if name in weak else [])]


def _words(service: Service, weak: set[str]) -> str:
    parts = "; ".join(
        f"{name} needs {' and '.join(_group(need) for need in service.graph.nodes[name]['needs'])}"
        for name in reversed(service.components())
        if service.graph.nodes[name]["needs"]
    )
    points = f"Single points of failure: {', '.join(sorted(weak))}." if weak else "No single point of failure."
    return f"{parts}. Users are served {percent(availability(service))} of the time. {points}"


def _group(need: Needs) -> str:
    named = ", ".join(need.of)
    return named if need.k == len(need.of) else f"{need.k} of ({named})"


def _mermaid(service: Service, weak: set[str]) -> str:
    names = list(reversed(service.components()))
    place = {name: f"n{i}" for i, name in enumerate(names)}
    lines = [
        f'%%{{init: {{"themeVariables": {{"lineColor": "{LINE}"}}}}}}%%',  # arrows that show in Lab's dark theme too
        "flowchart TB",
        f"accTitle: {escape(names[0])} and what it needs",
        f"accDescr: {escape(_words(service, weak))}",
    ]
    lines += [f'{place[name]}["{"<br/>".join(map(escape, _label(service, name, weak)))}"]' for name in names]
    for name in names:
        for k, of in service.graph.nodes[name]["needs"]:
            lines += [f"{place[name]} {'-->' if k == len(of) else '-.->'} {place[other]}" for other in of]
    lines += [f"classDef default fill:{FILL},stroke:{LINE},color:{style.PALETTE['ink']}"]
    lines += [f"classDef weak stroke:{WEAK},stroke-width:4px"]
    return "\n".join([*lines, *(f"class {place[name]} weak" for name in names if name in weak)])


def _places(service: Service) -> dict[str, tuple[float, float]]:
    """The middle of each box: a row for each distance from the entrance, wide rows in the order they were added."""
    names = [name for name in service.graph if name in set(service.components())]
    layer = {name: 0 for name in names}
    for name in nx.topological_sort(service.graph):
        for other in service.graph.successors(name) if name in layer else ():
            layer[other] = max(layer[other], layer[name] + 1)
    rows = [[name for name in names if layer[name] == row] for row in range(max(layer.values()) + 1)]
    width = max(map(len, rows)) * (WIDE + GAP_X)
    return {
        name: (width * (i + 0.5) / len(row), HIGH * 0.7 + y * (HIGH + GAP_Y))
        for y, row in enumerate(rows)
        for i, name in enumerate(row)
    }


def _svg(service: Service, weak: set[str]) -> str:
    at = _places(service)
    ink = style.PALETTE["ink"]
    wide, high = max(x for x, _ in at.values()) + WIDE / 2 + GAP_X, max(y for _, y in at.values()) + HIGH
    out = []
    for name, (x, y) in at.items():
        for k, of in service.graph.nodes[name]["needs"]:
            dash = "" if k == len(of) else ' stroke-dasharray="5 4"'
            for other in of:
                x2, y2 = at[other]
                points = f'x1="{x:.0f}" y1="{y + HIGH / 2:.0f}" x2="{x2:.0f}" y2="{y2 - HIGH / 2:.0f}"'
                out.append(f'<line {points} stroke="{LINE}" stroke-width="1.5"{dash}/>')
    for name, (x, y) in at.items():
        frame = f'stroke="{WEAK}" stroke-width="3.5"' if name in weak else f'stroke="{LINE}" stroke-width="1.2"'
        box = f'x="{x - WIDE / 2:.0f}" y="{y - HIGH / 2:.0f}" width="{WIDE}" height="{HIGH}" rx="8"'
        out.append(f'<rect {box} fill="{FILL}" {frame}/>')
        texts = _label(service, name, weak)
        for i, text in enumerate(texts):
            weight, size = ("600", 13) if i == 0 else ("400", 11)
            dy = y + 4 + 14 * (i - (len(texts) - 1) / 2)
            words = f'font-size="{size}" font-weight="{weight}">{escape(text)}'
            out.append(f'<text x="{x:.0f}" y="{dy:.0f}" text-anchor="middle" fill="{ink}" {words}</text>')
    head = f'xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" role="img"'
    body = f'<rect width="100%" height="100%" fill="#fff"/>{"".join(out)}'
    return f'<svg {head} font-family="Arial, sans-serif"><title>{escape(_words(service, weak))}</title>{body}</svg>'
