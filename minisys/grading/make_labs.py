"""Labs are generated from their worked solutions, so that the two cannot drift apart.

A teacher corrects a task's text in the solution, forgets the lab, and half the class answers the old question. Here
only `solutions/NN_topic.ipynb` is written by hand; `python -m minisys.grading.make_labs` writes `labs/NN_topic.ipynb`:
each region between `### BEGIN SOLUTION` and `### END SOLUTION` (nbgrader's and otter's convention) becomes one
`raise NotImplementedError("lab 03, task 2: …")`, cells tagged `solution` are left out, outputs are cleared, everything
else stays byte for byte. The same input gives the same bytes. `--check` writes nothing and fails if a lab differs.
It does not run the notebooks; the tests do.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
Cell = dict[str, Any]


def lab_of(source: str, name: str) -> str:
    """The lab notebook, as text, made from the solution notebook *source*; *name* ("03_topic") is used in messages.

    Raises ValueError, naming the cell, if a region is not closed, has no task heading above it or does not compile.
    """
    notebook = json.loads(source)
    title, cells = "", []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if "solution" in cell["metadata"].get("tags", []):
            continue
        if cell["cell_type"] == "markdown":
            heading = re.search(r"^## (Task \d+\b.*)$", text, re.MULTILINE)
            title = heading.group(1) if heading else title
            cells.append(_clean(cell, text))
        else:
            cells.append(_clean(cell, _stub(text, title, f"{name}, cell {cell['id']}", name[:2])))
    lab = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(lab, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _clean(cell: Cell, text: str) -> Cell:
    """The cell with *text* and without what a run leaves behind."""
    metadata = {key: value for key, value in cell["metadata"].items() if key != "execution"}
    clean = {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": metadata, "source": text.splitlines(True)}
    return clean | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {})


def _stub(text: str, title: str, where: str, lab: str) -> str:
    """The cell with each solution region replaced by one NotImplementedError at the region's indent."""
    kept, inside = [], False
    for line in text.splitlines():
        if BEGIN in line:
            if inside or not title:
                raise ValueError(f"{where}: {'a region inside a region' if inside else 'no `## Task n` heading above'}")
            task = re.sub(r"^Task (\d+)\W*", r"task \1: ", title)
            message = json.dumps(f"lab {lab}, {task}", ensure_ascii=False)
            kept.append(f"{line[: line.index(BEGIN)]}raise NotImplementedError({message})")
            inside = True
        elif END in line:
            if not inside:
                raise ValueError(f"{where}: `{END}` without `{BEGIN}`")
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise ValueError(f"{where}: `{BEGIN}` without `{END}`")
    stub = "\n".join(kept)
    if kept != text.splitlines():
        _compiles(stub, where)
    return stub


def _compiles(stub: str, where: str) -> None:
    try:
        ast.parse(stub)
    except SyntaxError as problem:
        raise ValueError(f"{where}: the lab's cell would not compile, line {problem.lineno}: {problem.msg}") from None


def make(solutions: Path, labs: Path, *, check: bool = False) -> list[str]:
    """Write each lab that differs (or, with *check*, only look); returns one line for each that differed."""
    wanted = {path.name: lab_of(path.read_text("utf-8"), path.stem) for path in sorted(solutions.glob("*.ipynb"))}
    lines = []
    for name, text in wanted.items():
        lab = labs / name
        if not lab.exists() or lab.read_bytes() != text.encode():
            lines.append(f"{lab}: {'is not' if check else 'was not'} what {solutions / name} gives")
            if not check:
                labs.mkdir(parents=True, exist_ok=True)
                lab.write_bytes(text.encode())
    orphans = sorted(path for path in labs.glob("*.ipynb") if path.name not in wanted)
    return lines + [f"{path}: has no solution of the same name; delete it" for path in orphans]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns 1 with --check when a lab differs."""
    about = "Write labs/ from solutions/; only what differs is written."
    parser = argparse.ArgumentParser(prog="python -m minisys.grading.make_labs", description=about)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a lab differs")
    given = parser.parse_args(arguments)
    lines = make(ROOT / "solutions", ROOT / "labs", check=given.check)
    print("\n".join(lines) or "every lab is what its solution gives")
    if lines and given.check:
        print("run: python -m minisys.grading.make_labs", file=sys.stderr)
    return int(bool(lines) and given.check)


if __name__ == "__main__":
    sys.exit(main())
