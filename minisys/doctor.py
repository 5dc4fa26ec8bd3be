"""Looks at this machine and says what would stand in the course's way, and how to mend it.

The slider stays grey, a port is refused, NGINX is "missing": each has a dozen causes and one is on your machine.
`minisys doctor` looks for the known ones and ends every finding with the thing to do. It changes nothing, sends nothing
and looks only at this machine. A finding marked ✗ keeps chapters from running; one marked ! costs only some of them.
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from minisys.lockfile import chosen
from minisys.testbed.browser import chromium

if TYPE_CHECKING:
    from minisys.testbed.tables import Table

ROOT = Path(__file__).resolve().parents[1]
OK, NOTE, BAD = "✓", "!", "✗"
OLDEST = (3, 11)


class Finding(NamedTuple):
    """One line of the report: *mark* (OK, NOTE, BAD), *what* was looked at, what was *seen*, how to *mend* it."""

    mark: str
    what: str
    seen: str
    mend: str = ""


def run() -> int:
    """Print the report; 1 if something essential is missing, else 0."""
    from rich.console import Console
    from rich.table import Table

    findings = look()
    table = Table(box=None, show_header=False, pad_edge=False)
    colours = {OK: "green", NOTE: "yellow", BAD: "red"}
    for mark, what, seen, mend in findings:
        table.add_row(f"[{colours[mark]}]{mark}[/]", what, seen + (f"\n[bold]→ {mend}[/]" if mend else ""))
    console = Console()
    console.print(table)
    bad = [finding for finding in findings if finding.mark == BAD]
    console.print(f"\n{len(bad)} to mend before the course runs." if bad else "\nThe course runs on this machine.")
    return int(bool(bad))


def report() -> Table:
    """The same report as a table for a notebook."""
    import pandas as pd

    from minisys.testbed.tables import table

    findings = look()
    words = {OK: "ready", NOTE: "note", BAD: "to mend"}
    rows = [(f"{mark} {words[mark]}", what, seen, mend) for mark, what, seen, mend in findings]
    bad = sum(finding.mark == BAD for finding in findings)
    caption = f"{bad} to mend before the course runs" if bad else "The course runs on this machine"
    return table(pd.DataFrame(rows, columns=["state", "what", "seen", "how to mend it"]), caption=caption)


def look() -> list[Finding]:
    """All findings, in the order of the report. A check that fails itself becomes a finding, too."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings += check()
        except Exception as error:  # the doctor must finish his round
            seen = f"{type(error).__name__}: {error}"
            findings.append(Finding(BAD, check.__name__.strip("_"), seen, "please report this"))
    return findings


def _python() -> Iterator[Finding]:
    seen = f"{sys.version.split()[0]} in {sys.prefix}"
    if tuple(sys.version_info) < OLDEST:
        yield Finding(BAD, "Python", seen, "install Python 3.11 or newer, then: make clean lab")
    else:
        yield Finding(OK, "Python", seen)


def _packages() -> Iterator[Finding]:
    from packaging.markers import Marker

    lock, pyproject = (ROOT / name for name in ("requirements.lock", "pyproject.toml"))
    if not lock.exists():
        yield Finding(NOTE, "packages", f"no requirements.lock in {ROOT}", "run the course from its own folder")
        return
    wrong, wanted = [], 0
    for package in chosen(lock.read_text("utf-8"), pyproject.read_text("utf-8"), frozenset()):
        if package.marker and not Marker(package.marker).evaluate():
            continue
        wanted += 1
        installed = _installed(package.name)
        if installed != package.version:
            wrong.append(f"{package.name} {installed or 'missing'} (locked: {package.version})")
    if wrong:
        yield Finding(BAD, "packages", "; ".join(wrong[:5]) + (" …" if len(wrong) > 5 else ""), "make clean lab")
    else:
        yield Finding(OK, "packages", f"{wanted}, each as locked")


def _widgets() -> Iterator[Finding]:
    """Sliders appear only if the page's half of each widget library is where JupyterLab looks, from the same wheel."""
    missing = []
    for package in ("anywidget", "jupyterlab-widgets"):
        files = metadata.files(package) if _installed(package) else None
        page = [Path(str(f.locate())) for f in files or [] if "labextensions" in f.parts and f.name == "package.json"]
        if not page or not all(file.exists() for file in page):
            missing.append(package)
    if missing:
        yield Finding(BAD, "widgets", f"JupyterLab's half is missing of {', '.join(missing)}", "make clean lab")
    else:
        yield Finding(OK, "widgets", "sliders, playback and questions will render in JupyterLab")


def _loopback() -> Iterator[Finding]:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError as error:
        yield Finding(BAD, "ports", f"127.0.0.1 refuses: {error}", "allow local connections in your firewall")
        return
    yield Finding(OK, "ports", f"127.0.0.1 accepts connections (tried at {port})")


def _machine() -> Iterator[Finding]:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2:
        yield Finding(NOTE, "cores", "1", "live experiments will lag behind the simulation: close other programs")
    else:
        yield Finding(OK, "cores", str(cores))
    free_gb = psutil.virtual_memory().available / 1e9
    if free_gb < 2:
        yield Finding(NOTE, "memory", f"{free_gb:.1f} GB available", "close other programs: a chapter takes 1 to 2 GB")
    else:
        yield Finding(OK, "memory", f"{free_gb:.1f} GB available")


def _files() -> Iterator[Finding]:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < 1024:
        yield Finding(NOTE, "open files", f"limit {soft}", "ulimit -n 4096 in this terminal, then make lab")
    else:
        yield Finding(OK, "open files", "no limit" if soft < 0 or soft > 10**9 else f"limit {soft}")


def _data_folder() -> Iterator[Finding]:
    from minisys.testbed.home import data_folder

    folder = data_folder()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        yield Finding(BAD, "your data", f"{folder}: {error.strerror}", "own it, or name another in MINISYS_HOME")
        return
    yield Finding(OK, "your data", f"{folder} ({shutil.disk_usage(folder).free / 1e9:.0f} GB free)")


def _servers() -> Iterator[Finding]:
    """The products beside our own servers; without them chapters run and say so."""
    rooms = [importlib.import_module(f"minisys.{room}.real") for room in ("load_balancing", "scaling")]
    for name, told in (pair for room in rooms for pair in room.available().items()):
        there = told[:1].isdigit()
        mend = "make lab, without REAL=0; README says which systems have it"
        yield Finding(OK, name, told) if there else Finding(NOTE, name, told, mend)


def _browser() -> Iterator[Finding]:
    found = chromium()
    if found:
        yield Finding(OK, "Chromium", f"{found} (only the browser tests need it)")
    else:
        mend = "Debian, Ubuntu: apt install chromium; elsewhere: set CHROMIUM to its path"
        yield Finding(NOTE, "Chromium", "not found; only the browser tests need it", mend)


CHECKS: list[Callable[[], Iterator[Finding]]] = [
    _python, _packages, _widgets, _loopback, _machine, _files, _data_folder, _servers, _browser,
]  # fmt: skip


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
