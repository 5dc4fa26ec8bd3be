"""A chart as it leaves the kernel: one output that Lab, GitHub and a printed page can all show.

You push a notebook, a colleague opens it on GitHub and sees "<VegaLite 5 object>" where the finding was. Here every
chart goes out as Vega-Lite (JupyterLab draws it, offline), as PNG (everything else shows it) and as its description
(text). Importing this module makes that Altair's renderer.

Promised: at most 2,000 rows, numbers rounded to 4 significant digits, the same data gives the same JSON in every
process, a title and a description always, and no address that anything would fetch. It chooses no marks: see `charts`.
"""

from __future__ import annotations

import base64
import json
import math
import re
import threading
import zlib
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

from minisys.testbed import altair_copies, style

MIME = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"  # an identifier, never fetched
VEGA_LITE = "5.20"  # vl-convert's compiler for the PNG; JupyterLab 4.6 draws with its own 5.6
MAX_ROWS = 2_000
DIGITS = 4
_spec_now = threading.local()


def rounded(values: pd.Series, digits: int = DIGITS) -> pd.Series:
    """A float column rounded to *digits* significant digits; any other column as it is."""
    if not pd.api.types.is_float_dtype(values):
        return values
    return pd.Series(_rounded(values.to_numpy(dtype=float), digits), values.index, name=values.name)


def rows(data: Any) -> dict[str, Any]:
    """Altair's data transformer: a frame as rounded rows inside the chart.

    Raises ValueError above 2,000 rows, because a notebook that stores raw requests grows to megabytes.
    """
    if not isinstance(data, pd.DataFrame):
        return data if isinstance(data, dict) else data.to_dict()
    if len(data) > MAX_ROWS:
        raise ValueError(
            f"a chart of {len(data)} rows is too big; aggregate to at most {MAX_ROWS} (percentiles, seconds)"
        )
    known = getattr(_spec_now, "known", None)
    if known is None:
        return {"values": _records(data)}
    if id(data) not in known:
        values = _records(data)
        same = (name for _, name, other in known.values() if other == values)
        name = next(same, f"data-{len(known):032x}")
        known[id(data)] = (data, name, values)  # the frame too, or another could get its id
    return {"name": known[id(data)][1]}


def spec(chart: Any, *, validate: bool = True) -> dict[str, Any]:
    """The Vega-Lite of *chart*, an Altair chart or a dict, with names that are the same in every process.

    *validate* False skips the check against Vega-Lite's schema, which takes half of the time.
    Raises ValueError without title or description, or if a data set has more than 2,000 rows.
    """
    _spec_now.known = {}  # the layers of one chart ask for the same rows, each again
    try:
        raw = dict(chart) if isinstance(chart, Mapping) else chart.to_dict(validate=validate)
        datasets = {name: values for _, name, values in _spec_now.known.values()} | raw.pop("datasets", {})
    finally:
        del _spec_now.known
    text = json.dumps(raw)
    for number, name in enumerate(dict.fromkeys(re.findall(r'"name": "(data-[0-9a-f]{32})"', text))):
        text = text.replace(name, f"rows_{number}")
        datasets = {f"rows_{number}" if known == name else known: values for known, values in datasets.items()}
    made: dict[str, Any] = json.loads(text) | {"$schema": SCHEMA}
    if datasets:
        made["datasets"] = datasets
    for key in ("title", "description"):
        if not made.get(key):
            raise ValueError(f"a chart needs a {key}; add it with chart.properties({key}='…')")
    for name, values in datasets.items():
        if len(values) > MAX_ROWS:
            raise ValueError(f"data set {name} has {len(values)} rows; aggregate to at most {MAX_ROWS}")
    return made


def png(made: Mapping[str, Any], scale: float = 2.0) -> tuple[bytes, int, int]:
    """The picture of a spec, drawn without a browser or network: bytes, width and height in CSS pixels."""
    data = smaller(vl_convert.vegalite_to_png(dict(made), vl_version=VEGA_LITE, scale=scale))
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))  # the PNG's own header
    return data, round(width / scale), round(height / scale)


def smaller(data: bytes) -> bytes:
    """The same picture in a third of the bytes: no alpha (paper is opaque), no row filter, zlib's best level.

    Expects what vl-convert writes: 8 bits, RGBA, every row with filter 1 (differences to the left; PNG standard, 9.2);
    anything else comes back unchanged.
    """
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    chunks, at = [], 8
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunks.append((kind, data[at + 8 : at + 8 + size]))
        at += 12 + size
    body = np.frombuffer(zlib.decompress(b"".join(c for kind, c in chunks if kind == b"IDAT")), "u1")
    if data[24:26] != b"\x08\x06" or not (rows := body.reshape(height, -1))[:, 0].max() == rows[:, 0].min() == 1:
        return data
    colours = np.cumsum(rows[:, 1:].reshape(height, width, 4), axis=1, dtype="u1")[:, :, :3].reshape(height, -1)
    plain = zlib.compress(np.insert(colours, 0, 0, axis=1).tobytes(), 9)
    head = data[16:25] + b"\x02" + data[26:29]
    parts = ((b"IHDR", head), (b"IDAT", plain), (b"IEND", b""))
    return data[:8] + b"".join(
        len(c).to_bytes(4, "big") + kind + c + zlib.crc32(kind + c).to_bytes(4, "big") for kind, c in parts
    )


def bundle(made: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A spec as Jupyter's output: what to show and how, by media type."""
    picture, width, height = png(made)
    alt_text = str(made["description"])
    shown = {MIME: dict(made), "image/png": base64.b64encode(picture).decode(), "text/plain": alt_text}
    how = {
        MIME: {"embed_options": {"actions": False, "renderer": "svg"}},
        "image/png": {"width": width, "height": height, "alt": alt_text},
    }
    return shown, how


def _rounded(x: np.ndarray, digits: int = DIGITS) -> list[float]:
    size = np.where(np.isfinite(x) & (x != 0), np.abs(x), 1.0)
    power = (digits - 1 - np.floor(np.log10(size))).astype(int)
    return [round(value, places) for value, places in zip(x.tolist(), power.tolist(), strict=True)]


def _records(data: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows of a small frame, column by column: pandas' own way takes milliseconds for ten rows."""
    columns = []
    for _, values in data.items():
        if pd.api.types.is_float_dtype(values):
            columns.append([v if math.isfinite(v) else None for v in _rounded(values.to_numpy(dtype=float))])
        else:
            plain = zip(values.to_numpy(dtype=object), values.isna().tolist(), strict=True)
            columns.append([None if missing else _plain(value) for value, missing in plain])
    return [dict(zip(data.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    """NumPy's scalars as Python's; what JSON cannot hold (infinity) as None."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


@alt.theme.register("minisys", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    return alt.theme.ThemeConfig({"config": style.config()})  # type: ignore[typeddict-item]


alt.SchemaBase.__deepcopy__ = altair_copies.copied  # type: ignore[attr-defined]
alt.data_transformers.register("minisys", rows)
alt.data_transformers.enable("minisys", consolidate_datasets=True)
alt.renderers.register("minisys", lambda made, **_: bundle(spec(made)))
alt.renderers.enable("minisys")
