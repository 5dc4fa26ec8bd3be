"""What the parts of the soak share: what a part found, who was left over, and a report that keeps the other parts.

The proxies were soaked on Monday, the carts on Friday, each for some minutes. Running one part again must not throw
away what the other has found, so SOAK.md is made of marked parts, each with its own date and machine.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.report import HERE, Section

MARK, RUN = "MINISYS_SOAK", uuid.uuid4().hex  # in the environment of everything started here
TITLE = "# Soak\n\nEach part was measured at the time and on the machine that it names.\n"
Say = Callable[[str], None]


@dataclass
class Findings:
    """What a part found: *sections* for the report; *broken*, one line for each promise that did not hold."""

    sections: list[Section]
    broken: list[str] = field(default_factory=list)


def left_over() -> list[str]:
    """Processes started here that still run, but for the guard, which ends with this process."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.environ().get(MARK) != RUN:
                continue
            line = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and "guard.py" not in line:
                found.append(f"{process.pid}: {line}")
        except (psutil.Error, OSError):  # gone meanwhile, or not ours to read
            continue
    return found


def with_part(report: str, part: str, body: str) -> str:
    """The text of *report* with the part called *part* replaced, or added at the end; all other parts stay."""
    begin, end = f"<!-- part {part} -->", f"<!-- end {part} -->"
    block = f"{begin}\n\n{body.strip()}\n\n{end}"
    old = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if old.search(report):
        return old.sub(lambda _: block, report)
    return f"{report.strip() or TITLE.strip()}\n\n{block}\n"


def write(part: str, machine: str, sections: Sequence[Section], again: str) -> Path:
    """Put *part* into benchmarks/SOAK.md; *machine* from report.machine(), taken before the work."""
    path = HERE / "SOAK.md"
    body = "\n".join([machine, "", *(section.markdown() for section in sections), f"Again: {again}"])
    path.write_text(with_part(path.read_text() if path.exists() else "", part, body))
    return path
