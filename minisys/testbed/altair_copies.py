"""Altair's copies of a chart, without a visit to everything that was never set.

A slider moves and the chart is built anew. `alt.layer` makes three deep copies of each layer, one inside the other if
layers hold layers; each visits the hundred properties that a mark, an axis or a scale could have, set or not. That was
half of the milliseconds between key and picture. `picture` gives Altair's objects the copier of this module as their
`__deepcopy__`, the hook that Altair asks for before it copies.

Promised: a copy shares nothing that can be changed with the original, frames of data apart, as in Altair itself. Not
promised: a chart's constructor is not run again for a copy; what it would check was checked when the original was made.
"""

from __future__ import annotations

from typing import Any

import altair as alt

PLAIN = frozenset({type(alt.Undefined), type(None), bool, int, float, str})


def copied(value: Any, memo: Any = None) -> Any:
    """A deep copy of an Altair object, list or dict; anything else (a frame, a number) is returned as it is."""
    if isinstance(value, alt.SchemaBase):
        made = object.__new__(type(value))
        object.__setattr__(made, "_args", tuple(copied(arg) for arg in value._args))
        object.__setattr__(made, "_kwds", _each(value._kwds))
        return made
    if isinstance(value, dict):
        return _each(value)
    return [copied(item) for item in value] if isinstance(value, list) else value


def _each(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value if type(value) in PLAIN else copied(value) for name, value in given.items()}
