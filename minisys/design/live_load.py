"""Locust's users for the live shop, and what they saw: how many were served, after how many attempts, and receipts.

    seen = shop.load(for_s=20, per_s=50)
    seen.availability, seen.at_once, seen.table()

Promised: Locust runs in a process of its own; a receipt counts from the moment its user had it; one seed sends the same
users at the same moments. Not promised: that they are served in the same order.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from minisys.testbed import nodes

if TYPE_CHECKING:
    import pandas as pd

FILE = Path(__file__).with_name("live_shoppers.py")
GRACE_S = 40.0  # the last users' patience, and some more
Row = tuple[int, bool, float, float, int, int, str, int, int]


@dataclass
class Receipts:
    """What all users of a shop were told so far: *rows* of (order, item, unit)."""

    files: list[Path] = field(default_factory=list)
    done: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        """Of those who are done, and of those who are still buying."""
        return [*self.done, *(row[6:] for path in list(self.files) for row in read(path) if row[6])]

    def keep(self, path: Path) -> None:
        """Its users are done and the file goes."""
        self.done += [row[6:] for row in read(path) if row[6]]
        self.files.remove(path)


def read(path: Path) -> list[Row]:
    """The whole rows of a file that may still be written: number, buys, from, to (s), attempts, status, receipt."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")[:-1]
    return [
        (int(n), buys == "1", float(a), float(b), int(k), int(code), order, int(item or 0), int(unit or 0))
        for n, buys, a, b, k, code, order, item, unit in csv.reader(lines)
    ]


@dataclass(frozen=True)
class Shopping:
    """What the users of one load saw; *rows*, one a user, as `read` has them."""

    rows: Sequence[Row]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def served(self) -> int:
        """Users who got an answer in the end."""
        return sum(row[5] != 0 and row[5] in (200, 201, 409) for row in self.rows)

    @property
    def availability(self) -> float:
        """Share of the users who got an answer in the end; NaN without users."""
        return self.served / len(self.rows) if self.rows else float("nan")

    @property
    def at_once(self) -> float:
        """Share of the users whose first request was answered well: what they would see without asking again."""
        served = [row for row in self.rows if row[4] == 1 and row[5] in (200, 201, 409)]
        return len(served) / len(self.rows) if self.rows else float("nan")

    @property
    def orders(self) -> list[tuple[str, int, int]]:
        """The receipts: (order, item, unit)."""
        return [row[6:] for row in self.rows if row[6]]

    def latency_s(self, q: float) -> float:
        """The *q* quantile (0 to 1) of the time until the answer, all attempts included, of those who were served."""
        took = [row[3] - row[2] for row in self.rows if row[5] in (200, 201, 409)]
        return float(np.quantile(took, q)) if took else float("nan")

    def table(self) -> pd.DataFrame:
        """The figures, one row for those who looked, one for those who bought."""
        import pandas as pd

        parts = {"look": [r for r in self.rows if not r[1]], "buy": [r for r in self.rows if r[1]]}
        rows = []
        for name, part in parts.items():
            if part:
                s, most = Shopping(part), max(r[4] for r in part)
                first = f"{100 * s.at_once:.3g} %"
                rows.append((name, len(s), s.served, first, s.latency_s(0.5), s.latency_s(0.99), most))
        columns = ["users", "came", "served", "at the first try", "p50 (s)", "p99 (s)", "most attempts"]
        return pd.DataFrame(rows, columns=columns).round(3)


def shoppers(
    urls: Sequence[str], for_s: float, per_s: float, *, buys: float = 0.3, seed: int = 0, items: int = 20,
    receipts: Receipts | None = None, begun: threading.Event | None = None, stop: threading.Event | None = None,
) -> Shopping:  # fmt: skip
    """Send users to the shop at *urls*, see LiveDesign.load; *begun* is set when the first comes, *stop* ends it.

    Raises ValueError for numbers that make no sense, RuntimeError if Locust dies.
    """
    if not (for_s > 0 and per_s > 0 and 0 <= buys <= 1):
        raise ValueError(f"need for_s > 0, per_s > 0 and buys from 0 to 1, got {for_s}, {per_s} and {buys}")
    receipts, stop = receipts or Receipts(), stop or threading.Event()
    with tempfile.TemporaryDirectory(prefix="shoppers-", dir=nodes._folder()) as place:
        folder = Path(place)
        job = {"urls": list(urls), "for_s": for_s, "per_s": per_s, "buys": buys, "seed": seed, "items": items}
        (folder / "job.json").write_text(json.dumps(job | {"run": uuid.uuid4().hex[:8]}))
        receipts.files.append(folder / "rows.csv")
        try:
            _run(folder, for_s, begun, stop)
        finally:
            receipts.keep(folder / "rows.csv")
        return Shopping(read(folder / "rows.csv"))


def _run(folder: Path, for_s: float, begun: threading.Event | None, stop: threading.Event) -> None:
    """Locust, until its users are done."""
    words = [sys.executable, "-m", "locust", "-f", str(FILE), "Street", "--headless", "-u", "1", "-r", "1"]
    words += ["--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0", "--job", str(folder)]
    node = nodes.start(words, name="shoppers", within_s=30.0)
    if begun is not None:
        begun.set()
    try:
        deadline_s = time.monotonic() + for_s + GRACE_S
        while not (folder / "done").exists() and not stop.wait(0.05):
            if not node.running or time.monotonic() > deadline_s:
                raise RuntimeError(f"Locust ended early or never; its log says:\n{node.tail()}")
    finally:
        node.kill()
