"""Runs chapters and solutions and stores their outputs: `make notebooks`, or with paths for some of them.

A reader who opens a chapter on a train, or on a page that only shows notebooks, should see its charts; and nbval needs
something to compare with. Each notebook runs from its own folder on a fresh kernel with a data folder of its own, so
nobody's points get into it. What differs from machine to machine (times, versions) is not stored. A cell with the tag
"spoiler" comes right after a prediction: it is run like the others, but stored with a note instead of its result, so
that nobody reads the answer before they have committed to their own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
CELL_LIMIT_S = 300
SPOILER = {
    "output_type": "display_data", "metadata": {},
    "data": {"text/plain": "Run this cell when you have committed to your prediction above."},
}  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Run the notebooks named, or all; returns 1 if one failed."""
    chosen = [Path(word).resolve() for word in words]
    chosen = chosen or sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "solutions").glob("*.ipynb")])
    failed = [path for path in chosen if not run(path)]
    return int(bool(failed))


def run(path: Path) -> bool:
    """Run one notebook and store it; on an error nothing is stored and False comes back."""
    started = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory(prefix="minisys-run-") as home:
        os.environ.update(MINISYS_HOME=home, IPYTHONDIR=f"{home}/ipython")
        client = NotebookClient(
            notebook, timeout=CELL_LIMIT_S, kernel_name="python3", record_timing=False, store_widget_state=False,
            resources={"metadata": {"path": str(path.parent)}},
        )  # fmt: skip
        try:
            client.execute()
        except CellExecutionError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return False
        _tidy(notebook, {str(ROOT): "~/minisys", home: "~/.local/share/minisys"})
    nbformat.write(notebook, path)
    print(f"{path.relative_to(ROOT)}: {time.monotonic() - started:.1f} s", flush=True)
    return True


def _tidy(notebook: nbformat.NotebookNode, places: Mapping[str, str]) -> None:
    """Keep what is the same on every machine; *places* are this machine's folders and what to write for them."""
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    })  # fmt: skip
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        text = json.dumps(cell.get("outputs", []))
        for here, everywhere in places.items():
            text = text.replace(here, everywhere)
        if cell.cell_type == "code":
            outputs = json.loads(text) if "spoiler" not in cell.metadata.get("tags", []) else [SPOILER]
            cell.outputs = [nbformat.from_dict(output) for output in outputs]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
