"""An explorer works on the newest values, shows errors in the page, and stores a picture."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pandas as pd
import pytest

from minisys.testbed import charts
from minisys.testbed.explorer import choice, explorer, slider, vega_bundle
from minisys.testbed.newest import Newest


class Gate:
    """Work that waits until the test lets it go on, one piece at a time, so that no test depends on the clock."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.shown: list[Any] = []
        self.entered, self.open = threading.Semaphore(0), threading.Semaphore(0)

    def work(self, values: dict[str, Any]) -> Any:
        self.begun.append(values["x"])
        self.entered.release()
        assert self.open.acquire(timeout=10)
        if values["x"] == "bad":
            raise ValueError("no such thing")
        return values["x"]

    def show(self, result: Any, ms: float) -> None:
        self.shown.append(result)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    for _ in range(50):
        gate.open.release()


def test_while_one_runs_only_the_newest_of_the_waiting_is_kept(gate):
    newest = Newest(gate.work, gate.show)
    newest.ask({"x": 1})
    gate.entered.acquire(timeout=10)
    for x in (2, 3, 4, 5):
        newest.ask({"x": x})
    gate.open.release()
    gate.open.release()
    newest.wait()
    assert gate.begun == [1, 5]
    assert gate.shown == [5]
    assert newest.dropped == 4


def test_a_result_that_was_overtaken_is_not_shown(gate):
    newest = Newest(gate.work, gate.show)
    newest.ask({"x": "slow"})
    gate.entered.acquire(timeout=10)
    newest.ask({"x": "fast"})
    for _ in range(2):
        gate.open.release()
    newest.wait()
    assert gate.shown == ["fast"]


def test_an_error_is_handed_on_and_the_next_result_follows(gate):
    newest = Newest(gate.work, gate.show)
    for x in ("bad", "good"):
        gate.open.release()
        newest.ask({"x": x})
        newest.wait()
    assert isinstance(gate.shown[0], ValueError)
    assert gate.shown[1] == "good"


def test_an_overtaken_error_is_not_shown(gate):
    newest = Newest(gate.work, gate.show)
    newest.ask({"x": "bad"})
    gate.entered.acquire(timeout=10)
    newest.ask({"x": "good"})
    for _ in range(2):
        gate.open.release()
    newest.wait()
    assert gate.shown == ["good"]


def test_asking_does_not_wait_for_the_work(gate):
    newest = Newest(gate.work, gate.show)
    newest.ask({"x": 1})
    gate.entered.acquire(timeout=10)
    newest.ask({"x": 2})  # the work is still held by the gate
    assert gate.shown == []


def test_no_thread_is_left_when_there_is_nothing_to_do(gate):
    newest = Newest(gate.work, gate.show)
    gate.open.release()
    newest.ask({"x": 1})
    newest.wait()
    assert not [thread for thread in threading.enumerate() if thread.name == "explorer"]


def line(load: float = 0.5, policy: str = "random") -> Any:
    """A chart of one line, its caption, and an error at a load of 0.9."""
    if load == 0.9:
        raise ValueError("the queue never ends at 0.9")
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [load, 2 * load], "kind": policy})
    return charts.lines(frame, x="x", y="y", by="kind", title="A line"), f"load {load:g}, {policy}"


@pytest.fixture
def page():
    return explorer(line, title="Play", load=(0.1, 0.9, 0.1, 0.5), policy=["random", "round robin"])


def test_the_first_chart_is_there_when_the_cell_ends(page):
    assert page.scene.caption == "load 0.5, random"
    assert json.loads(page.scene.structure)["title"] == "A line"
    assert [row["y"] for rows in page.scene.rows.values() for row in rows] == [0.5, 1.0]


def test_moving_a_control_sends_new_rows_and_the_same_structure(page):
    before, stamp = page.scene.structure, page.scene.stamp
    page.controls["load"].value = 0.7
    page.newest.wait()
    assert page.scene.structure == before, "the page only exchanges the data"
    assert [row["y"] for rows in page.scene.rows.values() for row in rows] == [0.7, 1.4]
    assert page.scene.stamp > stamp and page.scene.caption == "load 0.7, random"
    assert page.values == {"load": 0.7, "policy": "random"} and len(page.ms["function"]) == 2


def test_an_error_is_shown_with_its_values_and_goes_away_again(page):
    rows = page.scene.rows
    page.controls["load"].value = 0.9
    page.newest.wait()
    assert page.error == "ValueError: the queue never ends at 0.9 (with load = 0.9, policy = random)"
    assert page.scene.rows == rows, "the chart before it stays"
    page.controls["load"].value = 0.4
    page.newest.wait()
    assert page.error == ""


def test_an_error_at_the_start_is_shown_too():
    page = explorer(line, title="Play", load=(0.1, 0.9, 0.1, 0.9))
    assert "never ends" in page.error
    assert "application/vnd.jupyter.widget-view+json" in page._repr_mimebundle_()


def test_the_saved_notebook_has_a_picture_of_the_first_state(page):
    shown, how = page._repr_mimebundle_()
    assert how["image/png"]["width"] <= 830 and how["image/png"]["alt"] == page.scene.alt
    assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")
    assert page.scene.still.startswith("data:image/png;base64,")
    assert "A line" in shown["text/plain"]


def test_the_chart_without_a_caption_is_described_by_its_alternative_text():
    page = explorer(lambda load: line(load)[0], title="Play", load=(0.1, 0.9, 0.1, 0.5))
    assert page.scene.caption == page.scene.alt != ""


def test_vega_comes_with_the_package_and_loads_nothing_else():
    code = vega_bundle().decode()
    assert "export{" in code.replace(" ", "")[-400:]
    assert "cdn." not in code and "unpkg" not in code and "esm.sh" not in code


def test_the_page_asks_for_vega_once_and_reports_its_times(page):
    sent: list[Any] = []
    page.scene.send = lambda content, buffers=None: sent.append((content, len(buffers or [])))  # type: ignore[method-assign]
    page._asked(None, {"ask": "vega"}, [])
    page._asked(None, {"ms": 31}, [])
    assert sent == [({"kind": "vega"}, 1)]
    assert list(page.ms["seen"]) == [31.0]


def test_a_slider_writes_its_unit_and_as_many_digits_as_its_step():
    made = slider(0.5, 0.98, 0.01, 0.85, label="load", unit="share of capacity")
    assert made.description == "load (share of capacity)" and made.readout_format == ".2f"
    assert type(slider(1, 9, 1, 3)).__name__ == "IntSlider"


def test_a_control_without_a_label_is_called_by_its_name(page):
    assert page.controls["load"].description == "load"
    assert choice(["a", "b"], start="b", label="policy").value == "b"


@pytest.mark.parametrize(
    ("controls", "says"),
    [
        ({}, "at least one control"),
        ({"load": 3}, "control load=3: use slider"),
        ({"load": (0.1, 0.9)}, "control load="),
        ({"load": (0.1, 0.9, 0.1, 5.0)}, "low <= start <= high"),
        ({"load": (0.1, 0.9, 0.0, 0.5)}, "a step above 0"),
    ],
)
def test_bad_controls_say_what_to_do(controls, says):
    with pytest.raises(ValueError, match=says):
        explorer(line, title="Play", **controls)
