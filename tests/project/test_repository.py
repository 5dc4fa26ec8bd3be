"""The repository as a whole: names no registry, keeps its budgets."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOSTS = re.compile("|".join(["pypi[.]org", "python[h]osted", "registry[.]npm", "deb[.]debian"]))

REASONS: dict[str, str] = {}  # file: why it may be longer


def files(*endings: str) -> list[Path]:
    """The project's own files: tracked ones and new ones, without what git ignores."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / name for name in names if name.endswith(endings) and (ROOT / name).is_file()]


def test_no_file_names_a_package_registry():
    texts = {path: path.read_text("utf-8", errors="replace") for path in files("")}
    assert texts
    assert [str(path) for path, text in texts.items() if HOSTS.search(text)] == []


def test_a_module_opens_with_what_it_is_for():
    assert [path.name for path in files(".py") if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []


def test_a_file_grows_past_its_budget_only_with_a_reason():
    lines = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in files(".py")}
    budget = {name: 350 if name.startswith("tests/") else 250 for name in lines}  # tests are tables
    assert {name: count for name, count in lines.items() if count > budget[name] and name not in REASONS} == {}
