"""A design, drawn: as our own picture (SVG, PNG), or as Mermaid, which JupyterLab, GitHub and many wikis draw.

`picture` puts our own drawing into a cell, not Mermaid: it shows every copy in its zone, keeps its places when a number
changes (Mermaid moves boxes about, so that two pictures cannot be compared), and is there in a stored notebook, on
GitHub and in print. `mermaid` is for taking along: paste it into a README.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import vl_convert

from minisys.design import words
from minisys.design.draw_svg import svg
from minisys.design.layout import arrows, home
from minisys.design.parts import Clients, Design, External, Part
from minisys.testbed.picture import smaller

__all__ = ["Diagram", "Picture", "mermaid", "picture", "png", "svg"]

SHAPES = dict(  # Mermaid's brackets around a box
    clients=("([", "])"), dns=("{{", "}}"), edge=("{{", "}}"), balancer=("[/", "\\]"), service=("[", "]"),
    cache=("(", ")"), database=("[(", ")]"), queue=("[[", "]]"), workers=("[", "]"), external=(">", "]"),
)  # fmt: skip
WIDEST = 820  # pixels of a notebook's column


class Diagram(str):
    """Mermaid's text; JupyterLab draws it."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/markdown": f"```mermaid\n{self}\n```", "text/plain": str(self)}


class Picture:
    """A design's picture in a cell: SVG where it may be shown, PNG elsewhere, and in words. `svg` is its text."""

    def __init__(self, design: Design, run: Any = None) -> None:
        self.svg, self.words = svg(design, run), words.of_design(design, run)

    def __repr__(self) -> str:
        return self.words

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        data, width, height = as_png(self.svg, 2.0)
        shown = {"image/png": base64.b64encode(data).decode(), "text/plain": self.words}
        fit = min(1.0, WIDEST / width)
        how = {"width": round(width * fit), "height": round(height * fit), "alt": self.words}
        return shown, {"image/png": how}


def picture(design: Design, run: Any = None) -> Picture:
    """The design in a notebook's cell; with a *run* (design.run), what each part and arrow did in it."""
    return Picture(design, run)


def png(design: Design, run: Any = None, *, scale: float = 2.0) -> bytes:
    """The picture as a PNG, *scale* pixels to a point, drawn without a browser or network."""
    return as_png(svg(design, run), scale)[0]


def mermaid(design: Design, run: Any = None) -> Diagram:
    """The design as a Mermaid flowchart: regions and zones as boxes, shapes by kind, figures after a *run*."""
    ids = {part.name: f"p{i}" for i, part in enumerate(design.parts)}
    lines = ["flowchart TD", f"  accTitle: {_label(design.name)}"]
    inside: dict[tuple[str, str], list[Part]] = {}
    for part in design.parts:
        inside.setdefault(_place(design, part), []).append(part)
    lines += [f"  {_node(part, ids, run)}" for part in inside.pop(("", ""), [])]
    for number, region in enumerate(design.regions):
        lines += _region(region, number, inside, ids, run)
    return Diagram("\n".join([*lines, *_links(design, ids, run)]))


def as_png(drawn: str, scale: float) -> tuple[bytes, int, int]:
    """PNG of an SVG, and its width and height in points."""
    data = smaller(vl_convert.svg_to_png(drawn, scale=scale))
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))  # the PNG's own header
    return data, round(width / scale), round(height / scale)


def _place(design: Design, part: Part) -> tuple[str, str]:
    """The region and the zone a part stands in alone; "" where there are several."""
    region = home(design, part)
    zones = design.zones_of(part)
    alone = region and not isinstance(part, Clients | External) and (len(zones) == 1 or part.copies == 1)
    return region, zones[0] if alone else ""


def _region(
    region: str, number: int, inside: dict[tuple[str, str], list[Part]], ids: dict[str, str], run: Any
) -> Iterator[str]:
    groups = {zone: parts for (place, zone), parts in inside.items() if place == region}
    if not groups:
        return
    yield f'  subgraph r{number}["{_label(region)}"]'
    yield from (f"    {_node(part, ids, run)}" for part in groups.pop("", []))
    for i, (zone, parts) in enumerate(sorted(groups.items())):
        yield f'    subgraph r{number}z{i}["{_label(zone)}"]'
        yield from (f"      {_node(part, ids, run)}" for part in parts)
        yield "    end"
    yield "  end"


def _node(part: Part, ids: dict[str, str], run: Any) -> str:
    left, right = SHAPES[part.kind]
    line, busy = words.after_part(part, run) if run is not None else (words.of_part(part), None)
    copies = f" × {part.copies}" if part.copies > 1 else ""
    said = [f"<b>{_label(part.name)}{copies}</b>", _label(line), f"{busy:.0%} busy" if busy is not None else ""]
    return f'{ids[part.name]}{left}"{"<br>".join(text for text in said if text)}"{right}'


def _links(design: Design, ids: dict[str, str], run: Any) -> Iterator[str]:
    for origin, to in arrows(design):
        calls = words.calls_on(design, origin, to)
        said = words.after_arrow(origin, to, run)[0] if run is not None else words.of_arrow(calls)
        line = "-->" if calls and all(call.waits for call in calls) else "-.->"
        text = f'|"{_label(said)}"|' if said else ""
        yield f"  {ids[origin]} {line}{text} {ids[to]}"


def _label(text: str) -> str:
    """Safe between Mermaid's quotes: what it or HTML would read becomes a numbered entity, as Mermaid wants it."""
    return re.sub(r"[^\w ,.:×≤–✗%/+-]", lambda found: f"#{ord(found[0])};", text)
