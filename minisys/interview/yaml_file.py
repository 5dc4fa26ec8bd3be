"""A file of questions as a tree of nodes with their lines, or an error that says where: also for hostile files.

Questions are passed on: a colleague's file, one from a forum. Ten lines of anchors can ask for gigabytes, and a million
brackets for the whole stack. So a file is looked at event by event first, which takes no more memory than the file.

Promised: ValueError with name and line for whatever is not a plain, shallow YAML file of at most MOST_BYTES, in a time
that grows with its size; no object is made and nothing is run. Not here: what the questions must hold (schema.py).
"""

from __future__ import annotations

from pathlib import Path

import yaml

MOST_BYTES, DEEPEST = 500_000, 12


def tree(path: Path) -> yaml.Node:
    """The file's tree. Raises ValueError if it is too large, too deep, no YAML, empty, or has anchors or aliases."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path.name}: {size:,} bytes; a file of questions has at most {MOST_BYTES:,}")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as problem:
        line = path.read_bytes()[: problem.start].count(b"\n") + 1
        raise ValueError(f"{path.name}, line {line}: not UTF-8: {problem.reason}") from None
    try:
        _plain(path.name, text)
        found = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as problem:
        mark, at = getattr(problem, "problem_mark", None), getattr(problem, "position", 0)
        line = mark.line + 1 if mark else text[:at].count("\n") + 1
        said = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        raise ValueError(f"{path.name}, line {line}: not YAML: {said}") from None
    if found is None:
        raise ValueError(f"{path.name}: the file is empty")
    return found


def _plain(name: str, text: str) -> None:
    """Raises ValueError at the first alias, anchor, or bracket too many."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError(f"{name}, line {line}: no anchors and aliases (& and *); write the text out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"{name}, line {line}: nested more than {DEEPEST} deep; a question is not")
