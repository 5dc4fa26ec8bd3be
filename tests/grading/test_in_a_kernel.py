"""In a real Jupyter kernel: an endless loop is stopped, its line is named, and the kernel goes on."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ENDLESS = """from minisys.grading.checks import check

def smooth_order():
    order = ""
    while len(order) != 7:
        order = order + ""
    return order"""


@pytest.fixture
def ran(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    cells = [ENDLESS, 'check("03", 2, smooth_order)', 'check("03", 2, lambda: "abacaba").passed']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [cell.outputs[-1]["data"] for cell in notebook.cells[1:]]


def test_an_endless_loop_in_a_notebook_is_stopped_and_named(ran):
    text = ran[0]["text/plain"]
    assert "passed 0 of 2 checks, 1 failed, 1 not run" in text
    assert "stopped after 5 s, in smooth_order, line " in text
    assert "while len(order) != 7:" in text or 'order = order + ""' in text
    assert "<style>" in ran[0]["text/html"]
    assert ran[1]["text/plain"] == "2"
