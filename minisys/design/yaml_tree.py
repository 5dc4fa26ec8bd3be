"""YAML as a tree of marked places: every name and value knows its line and column, and nothing in it can do harm.

A text from a stranger may repeat itself a billion times by aliases, nest ten thousand lists, or name Python objects.
A design needs names, values, lists and mappings, so nothing else is accepted, and every value is taken as the text it
is: `no` is a word and 1:30 is not 90 (which it is in YAML 1.1).

Promised: an error has a line and a column; time and memory grow with the length of the text alone, which is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

MAX_TEXT = 200_000  # characters
MAX_DEPTH = 12  # a design has seven: parts, part, calls, call, field
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # only its parser of events is used
REST = re.compile(r"\d[^:]*")


class DesignError(ValueError):
    """A design, or its text, that makes no sense: *line* and *column* from 1 (0: no text), *value* what was wrong.

    path: where it is in the design, as ("parts", "app", "calls", 0, "to"). The message says what to write instead.
    """

    def __init__(self, message: str, *, path: tuple[Any, ...] = (), line: int = 0, column: int = 0, value: Any = None):
        self.message, self.path, self.line, self.column, self.value = message, path, line, column, value
        super().__init__(f"line {line}, column {column}: {message}" if line else message)

    def at(self, node: Node) -> DesignError:
        """The same error at a place of the text, unless it has one."""
        if self.line:
            return self
        return DesignError(self.message, path=self.path, line=node.line, column=node.column, value=self.value)


@dataclass
class Node:
    """A place of the text. content: its text (a scalar), a list of nodes, or a dict of names to (name, value)."""

    content: str | list[Node] | dict[str, tuple[Node, Node]]
    line: int
    column: int
    start: int = 0
    end: int = 0
    plain: bool = False

    def child(self, path: tuple[Any, ...]) -> Node:
        """The place that *path* leads to, or the last one on the way that the text has."""
        if not path:
            return self
        step, rest = path[0], path[1:]
        if isinstance(self.content, dict) and step in self.content:
            name, value = self.content[step]
            return value.child(rest) if rest or (value.content and isinstance(value.content, str)) else name
        if isinstance(self.content, list) and isinstance(step, int) and step < len(self.content):
            return self.content[step].child(rest)
        return self


def tree(text: Any) -> Node:
    """The tree of *text*. Raises DesignError for what is no YAML, has aliases or tags, is too deep or too long."""
    if not isinstance(text, str):
        raise DesignError(f"a design is read from text, not from {type(text).__name__}", value=text)
    if len(text) > MAX_TEXT:
        raise DesignError(f"the text has {len(text):,} characters; a design has at most {MAX_TEXT:,}")
    try:
        events = _events(text)
        first = next(events, None)
        if first is None:
            raise DesignError("the text is empty; begin with `design: shop` and `parts:`", line=1, column=1, value="")
        made = _node(first, events, 0)
        if (more := next(events, None)) is not None:
            raise _wrong(more, "a second document begins here; one text is one design")
        return made
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
        said = getattr(problem, "problem", None) or getattr(problem, "reason", None) or "no YAML"
        if mark is not None:
            told = _told(str(said), [*text.split("\n"), ""][mark.line])
            raise DesignError(told, line=mark.line + 1, column=mark.column + 1) from None
        before = text[: max(0, int(getattr(problem, "position", 0)))]
        row, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise DesignError(f"a character that YAML does not allow ({said})", line=row, column=column) from None
    except UnicodeError:
        bad = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), 0)
        row = text[:bad].count("\n") + 1
        raise DesignError("half a character (a lone surrogate); delete it", line=row, column=1) from None


def _told(problem: str, line: str) -> str:
    """The parser's words, and what mostly caused them."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "not YAML: a tab begins the line; indent with spaces, not tabs"
    return f"not YAML: {problem}; look for a missing ], }}, quote or a space behind a colon, here or in the line before"


def _events(text: str) -> Iterator[Any]:
    """What the parser sees, without the frames of stream and document."""
    frames = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)
    return (event for event in yaml.parse(text, Loader=LOADER) if not isinstance(event, frames))


def _node(event: Any, events: Iterator[Any], depth: int) -> Node:
    """The node that begins with *event*."""
    if isinstance(event, yaml.AliasEvent):
        raise _wrong(event, f"an alias (*{event.anchor}) is not read here; write the value again")
    if event.anchor is not None:
        raise _wrong(event, f"an anchor (&{event.anchor}) is not read here; leave it out")
    if event.tag not in (None, "!"):
        raise _wrong(event, f"a tag ({event.tag}) is not read here; leave it out")
    if depth > MAX_DEPTH:
        raise _wrong(event, f"nested more than {MAX_DEPTH} deep; a design needs half of that")
    begin: Any = event.start_mark
    end: Any = event.end_mark
    line, column = begin.line + 1, begin.column + 1
    if isinstance(event, yaml.ScalarEvent):
        return Node(event.value, line, column, begin.index, end.index, event.implicit[0])
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, depth + 1))
        return Node(items, line, column)
    return Node(_mapping(events, depth), line, column)


def _mapping(events: Iterator[Any], depth: int) -> dict[str, tuple[Node, Node]]:
    """The names and values of a mapping. A name given twice is refused: the first would be lost without a word."""
    made: dict[str, tuple[Node, Node]] = {}
    last: Node | None = None
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        name = _node(event, events, depth + 1)
        value = _node(next(events), events, depth + 1)
        if not isinstance(name.content, str):
            raise DesignError("a name is a word, not a list or a mapping", line=name.line, column=name.column)
        if last is not None and _continues(last, name, value):
            last.content, last.end = f"{last.content},{name.content}", name.end
            continue
        if name.content in made:
            before = made[name.content][0].line
            raise DesignError(
                f"{name.content!r} is here a second time (first in line {before}); names differ",
                line=name.line, column=name.column, value=name.content,
            )  # fmt: skip
        made[name.content], last = (name, value), value
    return made


def _continues(last: Node, name: Node, value: Node) -> bool:
    """Whether *name* is the rest of a number: between braces YAML splits ``$5,000`` at its comma."""
    joined = isinstance(last.content, str) and last.content[-1:].isdigit() and name.start == last.end + 1
    return joined and name.plain and value.content == "" and REST.fullmatch(str(name.content)) is not None


def _wrong(event: Any, message: str) -> DesignError:
    mark = event.start_mark
    return DesignError(message, line=mark.line + 1, column=mark.column + 1)
