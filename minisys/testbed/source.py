"""The lines that decide, shown in the notebook as they stand in the package: never pasted, so never out of date."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from IPython.display import Code

KEEP_LINES = "<style>.ms-source pre { white-space: pre; overflow-x: auto; word-break: normal; }</style>"


class Source(Code):
    """Code whose long lines scroll: broken in the middle of a word they would not be Python any more."""

    def _repr_html_(self) -> str:
        return f'{KEEP_LINES}<div class="ms-source">{super()._repr_html_()}</div>'


def source(*things: Callable[..., object] | type) -> Source:
    """The source of functions or classes, one below the other, coloured."""
    return Source("\n\n".join(inspect.getsource(each).rstrip() for each in things), language="python")
