"""The lines that decide, shown in the notebook as they stand in the package: never pasted, so never out of date."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from IPython.display import Code


def source(*things: Callable[..., object] | type) -> Code:
    """The source of functions or classes, one below the other, coloured."""
    return Code("\n\n".join(inspect.getsource(each).rstrip() for each in things), language="python")
