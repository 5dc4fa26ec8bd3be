"""Every chapter and every solution was run to its end, and stored as it ran.

nbval compares a cell with what is stored; where nothing is stored it compares nothing and says "passed". So before its
verdict means anything, each code cell must have been run, in order, without an error; and what is stored must hold on
another machine: no path of the one it was made on, no live chart that nbval would compare.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "solutions").glob("*.ipynb")])
LOCAL_PATH = re.compile(r"/(?:root|home|work|tmp|Users)/[\w.-]+/")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    """Number and cell of each code cell that holds code and is not tagged to be skipped."""
    skipped = {"nbval-skip"}
    return [
        (number, cell)
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and cell.source.strip() and not skipped & set(cell.metadata.get("tags", []))
    ]


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_a_notebook_is_valid_and_asks_for_the_plain_python_kernel(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_every_code_cell_was_run_and_stored_in_order(notebook):
    counts = {number: cell.execution_count for number, cell in code_cells(notebook)}
    assert list(counts.values()) == list(range(1, len(counts) + 1)), f"cell: run as; run `make notebooks`: {counts}"


def test_no_stored_output_is_an_error_or_a_warning(notebook):
    bad = [
        f"cell {number}: {output.get('ename') or output.text}"
        for number, cell in code_cells(notebook)
        for output in cell.outputs
        if (output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []))
        or output.get("name") == "stderr"
    ]
    assert bad == []


def test_a_cell_with_a_widget_is_tagged_because_nbval_could_not_compare_it(notebook):
    widget = "application/vnd.jupyter.widget-view+json"
    untagged = [
        number
        for number, cell in code_cells(notebook)
        if any(widget in output.get("data", {}) for output in cell.outputs)
        and "nbval-ignore-output" not in cell.metadata.get("tags", [])
    ]
    assert untagged == []


def test_what_follows_a_prediction_is_not_told_by_the_stored_notebook(notebook):
    """A cell tagged as a spoiler holds a note instead of its result, which nbval must then not compare."""
    for number, cell in code_cells(notebook):
        if "spoiler" in cell.metadata.get("tags", []):
            assert "nbval-ignore-output" in cell.metadata.tags, number
            assert [list(output.data) for output in cell.outputs] == [["text/plain"]], number
            assert "committed to your prediction" in cell.outputs[0].data["text/plain"], number


def test_a_reveal_waits_for_the_reader_and_so_does_the_result_before_it(notebook):
    before = None
    for number, cell in code_cells(notebook):
        if ".reveal(" in cell.source:
            assert "Commit to an answer above" in str(cell.outputs), f"cell {number} tells the answer"
            asked = before is not None and "= predict(" in before.source
            assert asked or "spoiler" in before.metadata.get("tags", []), f"the result before cell {number} is stored"
        before = cell


def test_no_stored_output_names_a_folder_of_this_machine(notebook):
    found = [match for _, cell in code_cells(notebook) for match in LOCAL_PATH.findall(str(cell.outputs))]
    assert found == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_stays_small_enough_to_read_and_to_keep(path):
    assert path.stat().st_size < 3_000_000
