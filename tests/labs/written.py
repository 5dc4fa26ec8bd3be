"""What a lab's notebook defines, and which answers each task hands to `check`: read from the notebook itself."""

from __future__ import annotations

import ast
import json
import linecache
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEFINES = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
ANSWERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
LABS = sorted(path.name[:2] for path in (ROOT / "solutions").glob("*.ipynb"))


def whole(folder: str, lab: str) -> list[dict]:
    """The cells of *lab* ("04") in *folder* ("solutions" or "labs") as they are stored."""
    (path,) = (ROOT / folder).glob(f"{lab}_*.ipynb")
    return json.loads(path.read_text("utf-8"))["cells"]


def cells(folder: str, lab: str) -> Iterator[tuple[str, str]]:
    """Its code cells: each one's id and its source."""
    for cell in whole(folder, lab):
        if cell["cell_type"] == "code":
            yield cell["id"], "".join(cell["source"])


def definitions(folder: str, lab: str) -> dict:
    """Names as they stand after the notebook's set-up and all functions and classes; nothing is checked or drawn."""
    names: dict = {}
    for number, text in cells(folder, lab):
        tree, file = ast.parse(text), f"<{folder} {number}>"
        if number.endswith("setup") or any(isinstance(statement, ANSWERS) for statement in tree.body):
            tree.body = [statement for statement in tree.body if isinstance(statement, DEFINES)]
            linecache.cache[file] = (len(text), None, text.splitlines(True), file)  # as IPython does
            exec(compile(tree, file, "exec"), names)
    return names


@cache
def tasks(lab: str) -> dict[int, tuple[str, ...]]:
    """Task number to the names of the answers that the solution hands to `check`."""
    calls = (
        node for _, text in cells("solutions", lab) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)
    )
    found = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"]
    return {ast.literal_eval(call.args[1]): tuple(ast.unparse(name) for name in call.args[2:]) for call in found}
