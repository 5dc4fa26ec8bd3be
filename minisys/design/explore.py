"""What if? Any number of a design on a slider, and what breaks first above it.

"And with four copies? And when the cache hits only half the time?" Each answer is a run of a few thousand requests or
the flow equations, so it is there before the hand has left the slider.

Promised: a slider's name says which number it moves ("app.copies", "cache.hits", "users.rate", "app>db.timeout");
the chart's figures are computed when it moves. Not here: intervals (compare), slow questions (compare.sweep_of).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import altair as alt
import pandas as pd

from minisys.design.cost import monthly
from minisys.design.headroom import Headroom, headroom
from minisys.design.parts import Design
from minisys.design.places import holds
from minisys.design.run import run
from minisys.design.traffic import Traffic
from minisys.design.words import time
from minisys.testbed import charts, style
from minisys.testbed.explorer import Explorer, explorer

SAID = "busy (% of what it can do; 100 is full)"
BUSY = [0.0, 100.0]  # per cent, the chart's axis
REQUESTS = 3_000  # of users in a run behind a slider: drawn in less than a tenth of a second


def altered(design: Design, values: Mapping[str, Any]) -> Design:
    """*design* with other numbers: {"app.copies": 4, "app>db.timeout": 0.2}.

    A name is part.field, or caller>callee.field for all calls of one part to another. Raises ValueError for a name
    that is neither, with those there are.
    """
    for name, value in values.items():
        place, _, field = name.rpartition(".")
        caller, arrow, callee = place.partition(">")
        part = next((part for part in design.parts if part.name == caller), None)
        if part is None:
            known = ", ".join(part.name for part in design.parts)
            raise ValueError(f"{name!r} names no part; write part.field or caller>callee.field, with one of {known}")
        if arrow:
            calls = tuple(_set(call, name, field, value) if call.to == callee else call for call in part.calls)
            if callee not in {call.to for call in part.calls}:
                raise ValueError(f"{name!r}: {caller} does not call {callee!r}")
            new: Any = replace(part, calls=calls)
        else:
            new = _set(part, name, field, value)
        design = replace(design, parts=tuple(new if part.name == caller else part for part in design.parts))
    return design


def _set(thing: Any, name: str, field: str, value: Any) -> Any:
    known = [f.name for f in fields(thing) if f.name not in ("name", "calls")]
    if field not in known:
        raise ValueError(f"{name!r}: there is no {field!r} to change; there are {', '.join(known)}")
    whole = isinstance(getattr(thing, field), int) and not isinstance(getattr(thing, field), bool)
    return replace(thing, **{field: int(value) if whole else value})


def what_if(design: Design, title: str = "", *, simulated: bool = True, **controls: Any) -> Explorer:
    """An explorer of *design*: how busy each part is, with p99, availability, cost and what breaks first in words.

    controls: names with "__" for "." and "_to_" for ">", as in app__copies=(1, 8, 1, 3) or app_to_db__timeout=(…);
    otherwise as in testbed.explorer. simulated: p99 and availability from a run of REQUESTS requests; False: means
    from the flow equations only, which is quicker.
    """
    names = {given: given.replace("_to_", ">").replace("__", ".") for given in controls}
    altered(design, {name: _start(controls[given]) for given, name in names.items()})

    def drawn(**values: Any) -> tuple[alt.LayerChart, str]:
        return picture(altered(design, {names[given]: value for given, value in values.items()}), simulated=simulated)

    for given, control in controls.items():
        if hasattr(control, "description") and not control.description:
            control.description = names[given]
    return explorer(drawn, title=title or f"{design.name}: what if?", **controls)


def picture(design: Design, *, simulated: bool = True, seed: int = 0) -> tuple[alt.LayerChart, str]:
    """The chart and the caption of an explorer."""
    room = headroom(design)
    frame = room.parts.assign(busy=(100 * room.parts["utilisation"]).clip(upper=100.0))
    chart = charts.dots(
        frame[["part", "busy"]], x="busy", y="part", title="How busy each part is", sort=False,
        x_title=SAID, y_title="part",
    )  # fmt: skip
    scale = alt.Scale(domain=BUSY, nice=False, padding=10)
    for layer in chart.layer:
        layer.encoding.x.scale = scale  # the same for every number of every slider: dots move
    full = alt.Chart(pd.DataFrame({"full": BUSY[1:]})).mark_rule(color=style.PALETTE["vermillion"], strokeDash=[4, 3])
    chart.layer = [full.encode(x=alt.X("full:Q", scale=scale, title=SAID)), *chart.layer]
    return chart, "; ".join(
        said for said in (_ran(design, seed) if simulated else "", _first(design, room), _bill(design)) if said
    ) + "."


def _first(design: Design, room: Headroom) -> str:
    """What breaks first; who is full only because it waits for that; and that a full part's line has no end."""
    if not room.breaks_first:
        return ""
    waits = [name for name in room.parts["part"][1:] if holds(design[name]) and _calls(design, name, room.breaks_first)]
    if room.at_times > 1:
        return f"{room.breaks_first} breaks first, at {room.at_times:.2g} times this traffic"
    used = float(room.parts["utilisation"][0])
    also = f" and {' and '.join(waits)} waits for it" if waits else ""
    return f"{room.breaks_first} is full{also}: the line grows by {used - 1:.2g} s every second, for ever"


def _calls(design: Design, caller: str, callee: str) -> bool:
    return any(call.to == callee for call in design[caller].calls)


def _ran(design: Design, seed: int) -> str:
    users = sum(part.rate for part in design.parts if hasattr(part, "rate"))
    for_s = max(1.0, REQUESTS / max(users, 1e-9))
    seen = run(design, Traffic.steady(), for_s=for_s, seed=seed)
    p50, p99 = seen.latency_s(50), seen.latency_s(99)
    said = f"p50 {time(p50)}, p99 {time(p99)}" if math.isfinite(p99) else "nothing is answered"
    return f"in the first {for_s:.2g} s {said}, {100 * seen.availability:.4g} % served"


def _bill(design: Design) -> str:
    return f"${monthly(design).total:,.0f} a month"


def _start(control: Any) -> Any:
    if isinstance(control, tuple) and len(control) == 4 and isinstance(control[0], int | float):
        return control[3]
    return control.value if hasattr(control, "value") else control[0]
