"""What chapter 15 shows: the figures that estimates start from, the 45 minutes, and drills worked through.

Nobody learns latencies by heart from prose. Beside each other, classic and recent, they show which habits are out of
date; and an estimate that was done once slowly, line by line, is done fast the next time.

Promised: every figure comes from `constants.yaml`, every working from the code that grades it.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from minisys.interview import constants, library
from minisys.interview.rubric import PLAN
from minisys.interview.schema import Number
from minisys.interview.steps import filled, lines
from minisys.testbed import charts, style
from minisys.testbed.tables import Table, table
from minisys.testbed.units import registry, written


def times() -> Table:
    """How long things take: the classic figure, the recent one, and how the recent one is known."""
    rows = [
        (one.what, _written(one.classic, one.unit), _written(one.recent, one.unit), _known(one))
        for one in constants.figures().values()
        if not one.monthly
    ]
    columns = ["what", "classic", "recent", "recent one is"]
    said = f"Classic: {constants.source('classic')}. Recent: {constants.source('recent')}"
    return table(pd.DataFrame(rows, columns=columns), caption=said)


def prices() -> Table:
    """What things cost, in dollars a month where it is a thing that one keeps."""
    rows = [(one.what, f"{one.recent:.2f}") for one in constants.figures().values() if one.monthly]
    frame = pd.DataFrame(rows, columns=["what, for a month or once", "US dollars"])
    return table(
        frame, caption=f"{constants.source('recent')}, rounded over the large clouds; look again before you quote"
    )


def then_and_now() -> alt.LayerChart:
    """The times for which there are both a classic and a recent figure, on one logarithmic axis."""
    both = [one for one in constants.figures().values() if one.classic is not None and one.recent is not None]
    rows = [
        {"what": one.what, "when": when, "time": registry().Quantity(value, one.unit).to("microsecond").magnitude}
        for one in both
        for when, value in (("classic", one.classic), ("recent", one.recent))
    ]
    title = "What a read or a round trip takes, then and now"
    pairs = [(one.what, _written(one.classic, one.unit), _written(one.recent, one.unit)) for one in both]
    said = "; ".join(f"{what} {classic}, now {recent}" for what, classic, recent in pairs)
    return charts.dots(
        pd.DataFrame(rows), x="time", y="what", by="when", log_x=True, sort=False, title=title,
        x_title="time (µs, logarithmic)", description=f"{title}. {said}.", written=_short_time,
    ).properties(width=540)  # fmt: skip


def plan() -> alt.LayerChart:
    """The 45 minutes of a design round, phase by phase."""
    frame = pd.DataFrame(PLAN, columns=["phase", "minutes", "says"])
    frame = frame.assign(end=frame["minutes"].cumsum()).assign(begin=lambda made: made["end"] - made["minutes"])
    order = alt.Y("phase:N", sort=list(frame["phase"]), title=None, axis=alt.Axis(labelLimit=200, grid=False))
    base = alt.Chart(frame).encode(y=order)
    bars = base.mark_bar(color=style.PALETTE["blue"], cornerRadius=3, height=18).encode(
        x=alt.X("begin:Q", title="minutes from the start", axis=alt.Axis(values=[0, *frame["end"]], grid=True)),
        x2="end:Q",
    )
    said = base.mark_text(align="left", dx=8, color=style.PALETTE["ink"]).encode(x="end:Q", text="says:N")
    parts = "; ".join(f"{row.phase} {row.minutes} minutes" for row in frame.itertuples())
    chart = alt.layer(bars, said, title="45 minutes", description=f"45 minutes: {parts}.")
    return chart.properties(width=390, height=alt.Step(32))


def worked(drill: str, **values: float) -> Table:
    """The drill called *drill* with numbers of your own, line by line.

    Raises ValueError for an unknown drill, or unless *values* are exactly its parameters.
    """
    question = _drill(drill, values)
    frame = pd.DataFrame(lines(question, values), columns=["what", "how", "gives"])
    return table(frame, caption=filled(question.prompt, values))


def answer(drill: str, **values: float) -> float:
    """What `worked` ends with, as a number in the drill's unit. Raises ValueError as worked() does."""
    question = _drill(drill, values)
    return question.compute(question.calculation, values)


def _drill(name: str, values: dict[str, float]) -> Number:
    drills = {item.question.id: item.question for item in library.items() if library.KINDS["drill"](item.question)}
    question = drills.get(name)
    if not isinstance(question, Number):
        raise ValueError(f"there is no drill {name!r}; drills: {', '.join(drills)}")
    if set(values) != set(question.parameters):
        raise ValueError(f"{name} needs {', '.join(question.parameters)}, got {', '.join(values) or 'nothing'}")
    return question


def _short_time(microseconds: float) -> str:
    """100,000 is "100 ms", 0.1 is "100 ns"."""
    size, unit = next(
        one for one in ((1e3, "ms"), (1.0, "µs"), (1e-3, "ns")) if microseconds >= one[0] or one[1] == "ns"
    )
    return f"{microseconds / size:.3g} {unit}"


def _written(value: float | None, unit: str) -> str:
    return "–" if value is None else written(value, unit)


def _known(one: constants.Constant) -> str:
    return "–" if one.recent is None else "measured" if one.measured else "a rounded rule"
