"""Sliders above a chart that follows them at once: the reader asks "and at 95 % load?" with an arrow key.

Somebody drags a slider through thirty values. Thirty simulations would run one after the other and the chart would
still be moving after the hand has stopped. Here one thread works on the newest values only; what is older is dropped,
before it runs or before it is drawn. An error is shown in the page, with the chart before it greyed out.

Promised: the kernel stays free, no network, a text that says the result in words, a picture in the saved notebook.
Not promised: that a function which takes longer than 0.1 s feels immediate.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets
import vl_convert
from altair.utils.schemapi import debug_mode

from minisys.testbed import picture, style
from minisys.testbed.newest import Newest
from minisys.testbed.scripts import program

Control = Any  # a widget, (low, high, step, start) or a list of words
WIDE = {"description_width": "170px"}  # labels of one width: the sliders stand in line
HALF = {"width": "376px"}


def slider(low: float, high: float, step: float, start: float, label: str = "", unit: str = "") -> ipywidgets.Widget:
    """A slider from *low* to *high* in steps of *step*; whole numbers if all four are. *unit* is written in the label.

    Raises ValueError unless low <= start <= high and step is positive.
    """
    if not (low <= start <= high and step > 0):
        raise ValueError(f"a slider needs low <= start <= high and a step above 0, not {low}, {start}, {high}, {step}")
    whole = all(isinstance(value, int) for value in (low, high, step, start))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    digits = {} if whole else {"readout_format": f".{max(0, len(f'{step:.10f}'.rstrip('0').split('.')[1]))}f"}
    said = f"{label} ({unit})" if unit else label
    return kind(
        value=start,
        min=low,
        max=high,
        step=step,
        description=said,
        style=WIDE,
        layout=HALF,
        continuous_update=True,
        **digits,
    )


def choice(options: Sequence[Any], start: Any = None, label: str = "") -> ipywidgets.Widget:
    """A drop-down list of *options*; the first is chosen unless *start* is given."""
    return ipywidgets.Dropdown(
        options=list(options), value=options[0] if start is None else start, description=label, style=WIDE, layout=HALF
    )


class Scene(anywidget.AnyWidget):
    """The chart under the controls: what Python knows of it. `explorer.js` draws it."""

    _esm = program(Path(__file__).with_name("explorer.js"))
    _css = style.css()
    structure = traitlets.Unicode().tag(sync=True)
    rows = traitlets.Dict().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    still = traitlets.Unicode().tag(sync=True)
    stamp = traitlets.Int().tag(sync=True)


class Explorer(ipywidgets.VBox):
    """Controls, chart and caption of one function; `explorer()` makes it.

    `values` are the controls' values now, `ms` the milliseconds of the last 200 results: "function" (until the chart is
    built) and "seen" (key press to changed chart, as the page measured it); `error` is the last error's text or "".
    """

    def __init__(self, function: Callable[..., Any], title: str, controls: Mapping[str, Control]) -> None:
        self.function = function
        self.controls = {name: _control(name, given) for name, given in controls.items()}
        self.scene = Scene()
        self.ms: dict[str, deque[float]] = {"function": deque(maxlen=200), "seen": deque(maxlen=200)}
        self.newest = Newest(self._work, self._show)
        self._still: tuple[bytes, int, int] | None = None
        self._structure_ok = False
        heading = ipywidgets.HTML(f'<div class="ms-title" role="heading" aria-level="4">{_escape(title)}</div>')
        box = ipywidgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap", "max_width": "780px"})
        super().__init__([heading, box, self.scene])
        self.add_class("ms-explorer")
        self._begin()
        self.scene.on_msg(self._asked)
        for control in self.controls.values():
            control.observe(lambda _: self.newest.ask(self.values), "value")

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values by name."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def error(self) -> str:
        """The text of the error that is shown, or "" when there is none."""
        return self.scene.error

    def _begin(self) -> None:
        """The first chart is made before the cell ends, so that the notebook stores a picture of it."""
        try:
            made, caption = self._work(self.values)
        except Exception as problem:
            self._show(problem, 0.0)
            return
        self._still = picture.png(made)
        self.scene.still = "data:image/png;base64," + base64.b64encode(self._still[0]).decode()
        self._show((made, caption), 0.0)

    def _work(self, values: dict[str, Any]) -> tuple[dict[str, Any], str]:
        with debug_mode(not self._structure_ok):  # the first chart is checked in every part, the next are like it
            result = self.function(**values)
            chart, caption = result if isinstance(result, tuple) else (result, "")
            made = picture.spec(chart, validate=not self._structure_ok)
        self._structure_ok = True
        return made, caption or str(made["description"])

    def _show(self, result: Any, ms: float) -> None:
        scene = self.scene
        with scene.hold_sync():
            if isinstance(result, Exception):
                scene.error = f"{type(result).__name__}: {result} (with {_said(self.values)})"
            else:
                made, caption = result
                bare = {key: value for key, value in made.items() if key not in ("datasets", "description")}
                scene.structure, scene.rows = json.dumps(bare), made["datasets"]
                scene.alt, scene.caption, scene.error = str(made["description"]), caption, ""
                self.ms["function"].append(ms)
            scene.stamp += 1

    def _asked(self, _: Any, message: dict[str, Any], __: Any) -> None:
        if message.get("ask") == "vega":
            self.scene.send({"kind": "vega"}, buffers=[vega_bundle()])
        elif "ms" in message:
            self.ms["seen"].append(float(message["ms"]))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        shown = super()._repr_mimebundle_(**kwargs)
        shown["text/plain"] = f"{self.scene.alt} (move the controls after running this cell)"
        if not self._still:
            return shown
        data, width, height = self._still
        how = {"image/png": {"width": width, "height": height, "alt": self.scene.alt}}
        return shown | {"image/png": base64.b64encode(data).decode()}, how


def explorer(function: Callable[..., Any], *, title: str, **controls: Control) -> Explorer:
    """Controls above a chart that is drawn again whenever one of them moves.

    *function* takes one keyword for each control and returns a chart or (chart, caption). A control is made by
    `slider` or `choice`, or given short: (low, high, step, start) or a list of options.
    Raises ValueError for anything else.
    """
    if not controls:
        raise ValueError(
            "an explorer needs at least one control; to show a chart that does not move, call the function"
        )
    return Explorer(function, title, controls)


@cache
def vega_bundle() -> bytes:
    """Vega, Vega-Lite and Vega-Embed as one JavaScript module, from the installed vl-convert (0.9 MB)."""
    return vl_convert.javascript_bundle("export {vegaEmbed};", vl_version=picture.VEGA_LITE).encode()


def _control(name: str, given: Control) -> ipywidgets.Widget:
    """The control called *name*; a label is made of the name unless there is one."""
    if isinstance(given, ipywidgets.Widget):
        made = given
    elif isinstance(given, tuple) and len(given) == 4 and all(isinstance(v, int | float) for v in given):
        made = slider(*given)
    elif isinstance(given, list | tuple) and given and not all(isinstance(v, int | float) for v in given):
        made = choice(given)
    else:
        raise ValueError(
            f"control {name}={given!r}: use slider(…), choice(…), (low, high, step, start) or a list of words"
        )
    made.description = made.description or name.replace("_", " ")
    return made


def _said(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in values.items()
    )


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
