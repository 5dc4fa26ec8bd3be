"""Every kind of chart: valid, small, described, the same in every process, and nothing fetched from anywhere."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest

from minisys.testbed import charts, marks, picture, style
from minisys.testbed.trace import Trace

ROOT = Path(__file__).resolve().parents[2]


def some_trace(seed: int = 0, n: int = 600) -> Trace:
    """*n* requests over about 6 s to a, b and c; b answers nothing between 2 and 4 s, and 5 requests fail."""
    rng = np.random.default_rng(seed)
    sent = np.sort(rng.uniform(0, 6, n))
    started = sent + rng.exponential(0.02, n)
    server = rng.integers(0, 3, n)
    server[(server == 1) & (sent > 2) & (sent < 4)] = 0
    outcome = np.zeros(n, int)
    outcome[[10, 20, 30]] = 2
    outcome[[40, 50]] = 1
    started[outcome == 1] = np.nan
    finished = np.where(np.isnan(started), sent, started) + rng.exponential(0.05, n)
    return Trace.from_columns(sent, started, finished, server, list("abc"), outcome, np.ones(n), np.zeros(n))


def worlds() -> dict[str, pd.DataFrame]:
    """A formula, five runs of it with noise, and two measurements."""
    rho, rng = np.array([0.5, 0.7, 0.9]), np.random.default_rng(3)
    runs = [(r, 1 / (1 - r) * rng.normal(1, 0.02)) for r in rho for _ in range(5)]
    names = ["load", "latency_s"]
    return {
        "predicted": pd.DataFrame({"load": rho, "latency_s": 1 / (1 - rho)}),
        "simulated": pd.DataFrame(runs, columns=names),
        "measured": pd.DataFrame([(0.7, 3.6), (0.9, 11.0)], columns=names),
    }


def by_policy() -> pd.DataFrame:
    """p99 of three policies with five seeds each."""
    rng = np.random.default_rng(5)
    p99 = {"random": 3.0, "least connections": 1.1, "power of two": 1.2}
    rows = [(name, p99[name] * rng.normal(1, 0.02), seed) for name in p99 for seed in range(5)]
    return pd.DataFrame(rows, columns=["policy", "p99_s", "seed"])


def one_of_each() -> dict[str, alt.LayerChart]:
    """A chart of every kind."""
    runs = {"random": [some_trace(seed) for seed in range(3)], "round robin": some_trace(9)}
    marked = {2.0: "kill b", 4.0: "restart b"}
    grid = pd.DataFrame(
        [(d, load, d * load) for d in (1, 2) for load in (0.5, 0.9)], columns=["choices", "load", "p99_s"]
    )
    named = {"x": "load", "y": "latency_s", "title": "Latency by load"}
    return {
        "three worlds": charts.three_worlds(**worlds(), **named, prediction=(0.9, 4.0)),
        "lines": charts.lines(worlds()["simulated"].assign(policy="random"), by="policy", **named),
        "percentiles": charts.percentile_curve(runs, title="The tail", prediction=0.3),
        "distribution": charts.distribution(runs, title="Spread"),
        "by server": charts.by_server(some_trace(), step_s=0.5, events=marked),
        "over time": charts.over_time(runs, title="p99", events=marked),
        "queues": charts.queue_lengths(some_trace(), events=marked),
        "dots": charts.dots(by_policy(), x="p99_s", y="policy", title="p99 by policy"),
        "heat": charts.heat(grid, x="load", y="choices", value="p99_s", title="p99"),
    }


@pytest.fixture(scope="module")
def specs() -> dict[str, dict]:
    return {name: picture.spec(chart) for name, chart in one_of_each().items()}


KINDS = ["three worlds", "lines", "percentiles", "distribution", "by server", "over time", "queues", "dots", "heat"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_is_valid_small_titled_and_described(specs, kind):
    spec = specs[kind]
    alt.LayerChart.from_dict(spec)  # raises SchemaValidationError
    assert spec["title"]
    assert len(spec["description"]) > 40
    assert re.search(r"\d", spec["description"]), "an alternative text states the finding, with its numbers"
    assert all(0 < len(rows) <= picture.MAX_ROWS for rows in spec["datasets"].values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_axis_says_what_it_shows(specs, kind):
    encodings = [layer["encoding"] for layer in _layers(specs[kind])]
    titles = {axis: {e[axis].get("title") for e in encodings if axis in e and "field" in e[axis]} for axis in "xy"}
    assert titles["x"] and None not in titles["x"] and all(titles["x"])
    if kind != "dots":  # the names of policies need no title
        assert titles["y"] and all(titles["y"])


@pytest.mark.parametrize("kind", ["three worlds", "lines", "percentiles", "distribution", "over time", "queues"])
def test_colour_never_stands_alone(specs, kind):
    channels = {channel for layer in _layers(specs[kind]) for channel in layer["encoding"]}
    assert "color" in channels
    assert channels & {"shape", "strokeDash"}


def test_no_address_is_fetched_and_names_do_not_depend_on_the_process(specs):
    text = json.dumps(specs)
    assert set(re.findall(r"https?://[^\"]+", text)) == {picture.SCHEMA}
    assert not re.search(r"view_\d+|param_\d+|data-[0-9a-f]{8}", text)


def test_two_processes_with_different_hash_seeds_make_the_same_charts(specs):
    code = (
        "import json, runpy; from minisys.testbed import picture\n"
        f"made = runpy.run_path({str(Path(__file__))!r})['one_of_each']()\n"
        "print(json.dumps({name: picture.spec(chart) for name, chart in made.items()}, sort_keys=True))"
    )
    env = os.environ | {"PYTHONHASHSEED": "123", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == json.dumps(specs, sort_keys=True)


def test_numbers_in_a_chart_have_four_significant_digits():
    frame = pd.DataFrame({"load": [1 / 3, 2 / 3], "latency_s": [1234.5678, 0.00012345678]})
    rows = picture.rows(frame)["values"]
    assert rows == [{"load": 0.3333, "latency_s": 1235.0}, {"load": 0.6667, "latency_s": 0.0001235}]


def test_missing_and_infinite_numbers_become_null():
    assert picture.rows(pd.DataFrame({"y": [np.nan, np.inf]}))["values"] == [{"y": None}, {"y": None}]


def test_too_many_rows_are_an_error_that_says_what_to_do():
    frame = pd.DataFrame({"load": np.arange(2001.0), "latency_s": 1.0, "policy": "random"})
    chart = charts.lines(frame, x="load", y="latency_s", by="policy", title="too big")
    with pytest.raises(ValueError, match="2001 rows is too big; aggregate to at most 2000"):
        chart.to_dict()


def test_a_chart_without_description_is_not_shown():
    chart = alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x:Q").properties(title="A title")
    with pytest.raises(ValueError, match="needs a description"):
        picture.spec(chart)


def test_the_output_is_vegalite_and_png_and_text_in_one_bundle():
    shown, how = one_of_each()["dots"]._repr_mimebundle_()
    assert set(shown) == {picture.MIME, "image/png", "text/plain"}
    assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")
    assert shown["text/plain"] == shown[picture.MIME]["description"] == how["image/png"]["alt"]
    assert how["image/png"]["width"] <= 830, "the content column of JupyterLab at 1280 pixels"
    assert how[picture.MIME]["embed_options"]["actions"] is False


def test_every_chart_fits_the_content_column(specs):
    widths = {kind: picture.png(spec, scale=1)[1] for kind, spec in specs.items()}
    assert {kind: width for kind, width in widths.items() if width > 830} == {}


def test_a_smaller_png_is_the_same_picture():
    import vl_convert

    spec = picture.spec(one_of_each()["heat"])
    data = vl_convert.vegalite_to_png(spec, vl_version=picture.VEGA_LITE, scale=1)
    less = picture.smaller(data)
    assert len(less) < 0.6 * len(data)
    assert less[16:24] == data[16:24]  # width and height
    assert picture.smaller(less) == less, "a picture of another form is left alone"


def test_runs_with_several_seeds_become_a_band_and_one_run_does_not():
    made = marks.banded(by_policy(), "policy", "p99_s")
    assert len(made) == 3 and (made["low"] < made["p99_s"]).all() and (made["p99_s"] < made["high"]).all()
    alone = marks.banded(by_policy().drop_duplicates("policy"), "policy", "p99_s")
    assert (alone["low"] == alone["high"]).all()


def test_the_band_is_students_t_at_99_percent():
    frame = pd.DataFrame({"x": [1, 1, 1, 1, 1], "y": [1.0, 2.0, 3.0, 4.0, 5.0]})
    row = marks.banded(frame, "x", "y").iloc[0]
    assert row["high"] - row["y"] == pytest.approx(4.604 * np.std([1, 2, 3, 4, 5], ddof=1) / np.sqrt(5), rel=1e-3)


def test_every_request_is_in_exactly_one_bar_or_mark():
    trace = some_trace()
    rows = [row for data in picture.spec(charts.by_server(trace, step_s=0.5))["datasets"].values() for row in data]
    bars = [row for row in rows if "bottom" in row and "ink" not in row]
    assert sum(row["count"] for row in bars) == trace.count("ok")
    failed = [row for row in rows if "outcome" in row]
    assert sum(row["count"] for row in failed) == len(trace) - trace.count("ok")
    assert not [row for row in bars if row["server"] == "b" and 2.5 <= row["time_s"] < 3.5]


def test_the_description_of_the_timeline_counts_answers_and_failures():
    words = charts.by_server(some_trace(), events={2.0: "kill b"}).description
    assert "Of 600 requests a answered" in words
    assert "3 failed, 2 refused" in words
    assert "At 2 s: kill b." in words


def test_the_description_of_three_worlds_gives_the_gap_between_theory_and_simulation():
    words = charts.three_worlds(**worlds(), x="load", y="latency_s", title="Latency").description
    assert "predicted 10 at 0.9" in words and "measured 11 at 0.9" in words
    assert "differ by at most" in words


def test_a_prediction_of_none_draws_nothing_and_a_number_draws_a_mark():
    def texts(prediction: float | None) -> str:
        chart = charts.three_worlds(**worlds(), x="load", y="latency_s", title="T", prediction=(0.9, prediction))
        return json.dumps(picture.spec(chart), ensure_ascii=False)

    assert "your prediction" not in texts(None)
    assert "your prediction: 4" in texts(4.0)


def test_the_queue_length_is_what_came_minus_what_left():
    trace = some_trace()
    rows = next(iter(picture.spec(charts.queue_lengths(trace, samples=50))["datasets"].values()))
    frame = trace.frame[trace.frame["server"] == "a"]
    for row in [row for row in rows if row["kind"] == "a"][5:45:10]:
        inside = (frame["sent_s"] <= row["time_s"]) & (frame["finished_s"] > row["time_s"])
        assert abs(row["requests"] - inside.sum()) <= 1  # the moment is rounded to four digits


def test_percentiles_beyond_what_the_sample_can_say_are_left_out():
    rows = [
        row
        for data in picture.spec(charts.percentile_curve({"a": some_trace()}, title="T"))["datasets"].values()
        for row in data
    ]
    assert max(row["tail"] for row in rows) < 2.0  # 595 answers: at most the 98th percentile has ten above it


def test_worlds_keep_their_look_and_others_get_one_each():
    assert style.looks(["simulated", "predicted"]) == [style.WORLDS["simulated"], style.WORLDS["predicted"]]
    looks = style.looks(["x", "failed", "y"])
    assert looks[1] is style.OUTCOMES["failed"]
    assert len({look.colour for look in looks}) == 3


def test_kept_names_look_the_same_in_every_chart(monkeypatch):
    monkeypatch.setattr(style, "_KEPT", {})
    style.keep(["random", "round robin"])
    assert style.looks(["round robin"]) == [style.SERIES[1]]
    assert style.looks(["round robin", "new"]) == [style.SERIES[1], style.SERIES[0]]
    with pytest.raises(ValueError, match="has a look already"):
        style.keep(["round robin"])


def test_nine_lines_are_too_many():
    with pytest.raises(ValueError, match="up to 8 things, not 9"):
        style.looks([str(i) for i in range(9)])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: charts.three_worlds(x="x", y="y", title="T"), "at least one of"),
        (
            lambda: charts.lines(by_policy(), x="load", y="p99_s", by="policy", title="T"),
            "no column 'load'; it has policy",
        ),
        (lambda: charts.by_server(some_trace(), step_s=0), "step_s must be above zero, not 0"),
        (lambda: charts.heat(by_policy(), x="policy", y="policy", value="p99_s", title="T"), "two rows"),
        (lambda: charts.table(by_policy(), caption=""), "needs a caption"),
    ],
)
def test_bad_input_says_what_is_wrong(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_table_writes_units_and_aligns_numbers():
    frame = pd.DataFrame({"policy": ["random"], "p99_s": [0.123456], "requests": [20000]})
    shown = charts.table(frame, caption="Tail")._repr_mimebundle_()
    assert '<th scope="col" class="ms-number">p99 (s)</th>' in shown["text/html"]
    assert '<td class="ms-number">0.123</td>' in shown["text/html"] and "20,000" in shown["text/plain"]


@pytest.mark.parametrize(
    ("column", "title"),
    [
        ("p99_s", "p99 (s)"),
        ("rate_per_s", "rate (per second)"),
        ("mean_latency_s", "mean latency (s)"),
        ("load", "load"),
    ],
)
def test_a_columns_name_carries_its_unit_to_the_axis(column, title):
    assert marks.titled(column) == title


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (0.12345, "0.123"), (0, "0"), (12.0, "12"), (1e-5, "1.00e-05")]
)
def test_numbers_are_written_with_three_digits(value, text):
    assert marks.number(value) == text


def test_the_style_sheet_has_a_dark_theme_and_loads_nothing():
    css = style.css()
    assert 'body[data-jp-theme-light="false"]' in css
    assert "url(" not in css and "@import" not in css and "http" not in css


def test_text_and_marks_stand_out_from_the_paper():
    for look in [*style.WORLDS.values(), *style.OUTCOMES.values()]:
        assert _contrast(look.edge, "#FFFFFF") >= 3  # WCAG 2.2, 1.4.11: graphics
    for colour in (style.PALETTE["ink"], style.PALETTE["muted"]):
        assert _contrast(colour, "#FFFFFF") >= 4.5
    for colour in style.SERVERS:
        assert _contrast(style.text_on(colour), colour) >= 3.9


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _layers(spec: dict) -> list[dict]:
    found = []
    for layer in spec.get("layer", []):
        found += _layers(layer) if "layer" in layer else [layer]
    return found


def test_an_axis_that_counts_things_has_no_ticks_between_them() -> None:
    frame = pd.DataFrame({"copies": [1, 2, 3], "share": [0.9, 0.99, 0.999]})
    layers = charts.three_worlds(predicted=frame, x="copies", y="share", title="Copies").to_dict()["layer"]
    assert layers[0]["encoding"]["x"]["axis"] == {"format": "d", "values": [1, 2, 3]}
    halves = frame.assign(copies=frame["copies"] / 2)
    layers = charts.three_worlds(predicted=halves, x="copies", y="share", title="Half").to_dict()["layer"]
    assert "values" not in layers[0]["encoding"]["x"]["axis"]
