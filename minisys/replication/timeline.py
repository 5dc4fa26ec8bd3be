"""A history drawn as a timeline: one row a client, one bar an operation, from the call to the answer.

"Client 2 read 7, and then client 1 read the 6 from before." Said in words it takes three readings; drawn, one look. The
picture is the one of Herlihy and Wing's paper, and of every argument about consistency since.

Promised: bars that overlap were open at the same time, bars that do not were not; a bar without an end was never
answered. By default the axis shows the order of calls and answers and not their distance, since what matters is who
was first, and a bar of 3 ms beside one of 3 s could not be read; *to_scale* shows seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from minisys.replication.check import Verdict
from minisys.replication.history import Operation
from minisys.testbed import marks, picture, style  # noqa: F401 (importing picture makes it Altair's renderer)

ROW = 56  # pixels
KINDS = {"write": "blue", "read": "orange", "cas": "green", "incr": "purple", "delete": "muted"}
MOST = 40


def timeline(
    what: Verdict | Iterable[Operation], *, events: Mapping[float, str] | None = None, title: str = "",
    names: Mapping[int, str] | Sequence[str] = (), to_scale: bool = False, description: str = "",
) -> alt.LayerChart:  # fmt: skip
    """The operations of a history, or of a verdict's violation with the anomaly as the title.

    *events*: second: word, drawn as vertical rules. *names*: of the processes, instead of "client 3". *to_scale*:
    seconds on the axis. Raises ValueError for no operation or more than 40.
    """
    operations = sorted(what.operations if isinstance(what, Verdict) else what, key=lambda o: o.invoked_s)
    if not 1 <= len(operations) <= MOST:
        raise ValueError(f"a timeline shows 1 to {MOST} operations, not {len(operations)}; draw a verdict, or a part")
    if isinstance(what, Verdict):
        title = title or f"Not {what.level}: {what.anomaly}"
    known = dict(names) if isinstance(names, Mapping) else dict(enumerate(names))
    place, end = _scale(operations, events or {}, to_scale)
    frame = pd.DataFrame([_row(o, place, end, known) for o in operations])
    rules = marks.Events({place(at): word for at, word in (events or {}).items()}, "start", end)
    rows = sorted(set(frame["client"]), key=lambda name: (len(name), name))
    layers = [_bars(frame, rows, end, to_scale, rules.offset), *_texts(frame, rows)]
    layers += rules.layers({"x": alt.X("start:Q")})
    said = description or f"{title or 'Timeline'}. " + " ".join(f"{o}." for o in operations)
    return alt.layer(*layers).properties(title=title, description=said, height=ROW * len(rows))


def _scale(operations: list[Operation], events: Mapping[float, str], to_scale: bool) -> tuple[Any, float]:
    """Where a moment is on the axis, and where the axis ends."""
    moments = {t for o in operations for t in (o.invoked_s, o.responded_s) if t < math.inf} | set(events)
    first, last = min(moments), max(moments)
    if to_scale:
        return (lambda at: at - first), (last - first) * 1.05 or 1.0
    rank = {at: float(i) for i, at in enumerate(sorted(moments))}
    return rank.__getitem__, float(len(moments))


def _row(operation: Operation, place: Any, end: float, names: Mapping[int, str]) -> dict[str, Any]:
    open_ = operation.responded_s == math.inf
    return {
        "client": names.get(operation.process, f"client {operation.process}"),
        "process": operation.process,
        "kind": operation.kind,
        "start": place(operation.invoked_s),
        "end": end if open_ else place(operation.responded_s),
        "says": says(operation),
        "answer": {"ok": "answered", "failed": "refused", "indefinite": "never answered"}[operation.outcome],
        "ms": "" if open_ else f"{1e3 * (operation.responded_s - operation.invoked_s):.1f} ms",
        "opacity": {"ok": 0.95, "failed": 0.25, "indefinite": 0.45}[operation.outcome],
    }


def says(operation: Operation) -> str:
    """The words on *operation*'s bar, such as "read → 7"; "?" if it was never answered."""
    key = "" if operation.key == "x" else f"{operation.key} "
    mark = {"ok": "", "failed": " ✗", "indefinite": " ?"}[operation.outcome]
    nothing = "nothing" if operation.result is None else operation.result
    if operation.kind == "read":
        return f"read {key}→ {nothing}{mark}" if operation.outcome == "ok" else f"read {key}{mark}"
    if operation.kind == "write":
        return f"write {key}{operation.value}{mark}"
    if operation.kind == "cas":
        done = "" if operation.outcome != "ok" else " ✓" if operation.result else " refused"
        return f"cas {key}{operation.value[0]} to {operation.value[1]}{done}{mark}"
    if operation.kind == "incr":
        return f"incr {key}{operation.value}" + (f" → {nothing}" if operation.outcome == "ok" else mark)
    return f"delete {key}{mark}"


def _bars(frame: pd.DataFrame, rows: list[str], end: float, to_scale: bool, offset: int) -> alt.Chart:
    kinds = [kind for kind in KINDS if kind in set(frame["kind"])]
    scale = alt.Scale(domain=kinds, range=[style.PALETTE[KINDS[kind]] for kind in kinds])
    axis = alt.Axis(tickCount=8) if to_scale else alt.Axis(labels=False, ticks=False, grid=False)
    x_title = "time (s)" if to_scale else "order of calls and answers (not to scale)"
    return (
        alt.Chart(frame)
        .mark_bar(height=20, cornerRadius=3)
        .encode(
            x=alt.X("start:Q", title=x_title, axis=axis, scale=alt.Scale(domain=[0, end], nice=False, padding=6)),
            x2=alt.X2("end:Q"),
            y=alt.Y("client:N", title="", sort=rows, scale=alt.Scale(domain=rows)),
            color=alt.Color("kind:N", title="", scale=scale, legend=alt.Legend(offset=offset, symbolType="square")),
            opacity=alt.Opacity("opacity:Q", scale=None, legend=None),
            tooltip=["client", "says", "answer", "ms"],
        )
    )


def _texts(frame: pd.DataFrame, rows: list[str]) -> list[alt.Chart]:
    """What each operation says, above its bar; every second one of a row below it, for room."""
    place = frame.groupby("client").cumcount() % 2
    made = []
    for below in (0, 1):
        part = frame[place == below]
        if len(part):
            text = alt.Chart(part).mark_text(align="left", dy=18 if below else -18, fontSize=12, fontWeight=500)
            made.append(
                text.encode(
                    x=alt.X("start:Q"),
                    y=alt.Y("client:N", sort=rows),
                    text=alt.Text("says:N"),
                    color=alt.ColorValue(style.PALETTE["ink"]),
                )
            )
    return made
