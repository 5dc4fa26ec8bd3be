"""Labs are generated: same bytes every time, regions gone, mistakes located."""

from __future__ import annotations

import json

import pytest

from minisys.grading import make_labs
from minisys.grading.make_labs import lab_of, make

SOLUTION = '''def double(x: int) -> int:
    """Twice x."""
    start = x
    ### BEGIN SOLUTION
    secret = 2
    return start * secret
    ### END SOLUTION'''


def cell(kind, source, id_, tags=(), **more):
    ran = {"outputs": [{"output_type": "stream", "name": "stdout", "text": ["8"]}], "execution_count": 3}
    metadata = {"tags": list(tags), "execution": {"iopub.execute_input": "2026"}}
    return {"cell_type": kind, "id": id_, "metadata": metadata, "source": source.splitlines(True)} | (
        (ran if kind == "code" else {}) | more
    )


def notebook(*cells):
    metadata = {"kernelspec": {"name": "x"}, "language_info": {"name": "python", "version": "3.11.2"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def source():
    return notebook(
        cell("markdown", "The worked solution.", "s0", ["solution"]),
        cell("markdown", "# Lab 07 · Toy", "t0"),
        cell("markdown", '## Task 2 · Double "it"\nText.', "t1"),
        cell("code", SOLUTION, "c1"),
        cell("code", "double(4)", "c2"),
    )


def test_a_region_becomes_one_not_implemented_error(source):
    lab = json.loads(lab_of(source, "07_toy"))
    code = lab["cells"][2]
    assert "".join(code["source"]) == (
        'def double(x: int) -> int:\n    """Twice x."""\n    start = x\n'
        '    raise NotImplementedError("lab 07, task 2: Double \\"it\\"")'
    )
    assert code["outputs"] == [] and code["execution_count"] is None and code["id"] == "c1"
    assert [each["id"] for each in lab["cells"]] == ["t0", "t1", "c1", "c2"]


def test_nothing_of_the_solution_is_left(source):
    text = lab_of(source, "07_toy")
    for trace_of_it in ("secret", "SOLUTION", "worked", '"8"', "2026", "3.11.2"):
        assert trace_of_it not in text


def test_the_same_solution_gives_the_same_bytes(source):
    shuffled = json.dumps(json.loads(source), sort_keys=True, indent=4)
    assert lab_of(source, "07_toy") == lab_of(shuffled, "07_toy")
    assert lab_of(source, "07_toy").endswith("}\n")


@pytest.mark.parametrize(
    "code, complaint",
    [
        ("### BEGIN SOLUTION\nx = 1", "`### BEGIN SOLUTION` without `### END SOLUTION`"),
        ("x = 1\n### END SOLUTION", "`### END SOLUTION` without `### BEGIN SOLUTION`"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "a region inside a region"),
        ("for x in 1:\n### BEGIN SOLUTION\n### END SOLUTION", "would not compile"),
    ],
)
def test_a_broken_region_is_named_with_its_cell(code, complaint):
    broken = notebook(cell("markdown", "## Task 1 · Toy", "t"), cell("code", code, "c9"))
    with pytest.raises(ValueError, match=f"07_toy, cell c9: .*{complaint}"):
        lab_of(broken, "07_toy")


def test_a_region_needs_a_task_heading():
    with pytest.raises(ValueError, match="no `## Task n` heading above"):
        lab_of(notebook(cell("code", SOLUTION, "c")), "07_toy")


def test_make_writes_what_differs_and_check_only_looks(source, tmp_path):
    solutions, labs = tmp_path / "solutions", tmp_path / "labs"
    solutions.mkdir()
    (solutions / "07_toy.ipynb").write_text(source, "utf-8")
    assert "is not what" in make(solutions, labs, check=True)[0]
    assert not labs.exists()
    assert "was not what" in make(solutions, labs)[0]
    assert make(solutions, labs) == make(solutions, labs, check=True) == []
    (labs / "07_toy.ipynb").write_text("edited by hand")
    (labs / "08_orphan.ipynb").write_text("{}")
    assert len(make(solutions, labs, check=True)) == 2
    assert make(solutions, labs)[1].endswith("has no solution of the same name; delete it")


def test_the_command_fails_only_with_check(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_labs, "ROOT", tmp_path)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "07_toy.ipynb").write_text(source, "utf-8")
    assert make_labs.main(["--check"]) == 1
    assert "run: python -m minisys.grading.make_labs" in capsys.readouterr().err
    assert make_labs.main([]) == 0
    assert make_labs.main(["--check"]) == 0
    assert "every lab is what its solution gives" in capsys.readouterr().out
