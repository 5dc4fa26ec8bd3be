"""Numbers side by side, where a chart would hide them: a small table in the course's look.

It shows a frame as it is, numbers with three significant digits and right-aligned, and reads the same in a terminal.
It does not page or sort; above 60 rows make a chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd

from minisys.testbed import style
from minisys.testbed.marks import number, titled

MAX_ROWS = 60


@dataclass(frozen=True, repr=False)
class Table:
    """A frame that Jupyter shows as an HTML table and a terminal as text; `table()` makes one."""

    frame: pd.DataFrame
    caption: str

    def __repr__(self) -> str:
        return f"{self.caption}\n{self.frame.to_string(index=False)}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        head = "".join(f'<th scope="col"{_right(self.frame[c])}>{escape(str(c))}</th>' for c in self.frame)
        body = "".join(f"<tr>{self._row(row)}</tr>" for row in self.frame.to_dict("records"))
        html = (
            f'<div class="ms-card"><table class="ms-table ms-fit"><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )
        return {"text/plain": repr(self), "text/html": f"<style>{style.css()}</style>{html}"}

    def _row(self, row: dict) -> str:
        first, *rest = self.frame.columns
        cells = "".join(f"<td{_right(self.frame[c])}>{escape(str(row[c]))}</td>" for c in rest)
        return f'<th scope="row"{_right(self.frame[first])}>{escape(str(row[first]))}</th>{cells}'


def table(frame: pd.DataFrame, *, caption: str) -> Table:
    """*frame* as a table with a *caption*; "p99_s" becomes "p99 (s)", floats get three significant digits.

    Raises ValueError above 60 rows or without a caption.
    """
    if len(frame) > MAX_ROWS:
        raise ValueError(
            f"a table of {len(frame)} rows is not read by anybody; make a chart or aggregate to {MAX_ROWS}"
        )
    if not caption:
        raise ValueError("a table needs a caption that says what it shows")
    made = pd.DataFrame({titled(str(name)): _written(column) for name, column in frame.items()})
    return Table(made, caption)


def _written(column: pd.Series) -> pd.Series:
    """Numbers with three significant digits, anything else as its text."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column.astype(str)
    return column.astype(object).map(lambda value: number(value) if isinstance(value, float) else f"{value:,}")


def _right(column: pd.Series) -> str:
    return ' class="ms-number"' if all(_is_number(text) for text in column) and len(column) else ""


def _is_number(text: str) -> bool:
    return text in ("none", "–") or text.replace(",", "").replace(".", "").replace("e-", "").lstrip("-").isdigit()
