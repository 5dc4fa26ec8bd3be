"""Notices what a test run leaves behind: processes, the ports they hold, temporary files, changes in the project.

A backend that outlives its test makes the next day's run fail for a reason nobody can see. Everything started inside
the `with` inherits a mark in its environment and a temporary folder of its own, so an orphan is found even when its
parent is gone, and nothing of other programs on the machine is blamed. It ends the processes it finds, and tells.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "MINISYS_TEST_RUN"  # conftest.py adds to it, so that each pytest process knows its own
PATIENCE_S = 5.0


class Leftovers:
    """`with Leftovers(root) as left: …`; afterwards `left.found` has one line for each thing left over.

    *root* is the project's folder; `left.seconds` is how long the look took.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.seconds = root, 0.0
        self.found: list[str] = []
        self._saved = {name: os.environ.get(name) for name in (MARK, "TMPDIR")}

    def __enter__(self) -> Leftovers:
        self._mark = uuid.uuid4().hex
        base = "/tmp" if os.access("/tmp", os.W_OK) else None  # short: a Unix socket's path must stay below 108 bytes
        self._folder = Path(tempfile.mkdtemp(prefix="mst-", dir=base))
        os.environ.update({MARK: self._mark, "TMPDIR": str(self._folder)})
        self._before = self._project()
        return self

    def __exit__(self, *_: object) -> None:
        started = time.monotonic()
        for name, value in self._saved.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self.found = [*self._end_processes(), *self._files()]
        self.found += [f"changed in the project: {line}" for line in sorted(self._project() - self._before)]
        shutil.rmtree(self._folder, ignore_errors=True)
        self.seconds = time.monotonic() - started

    def _end_processes(self) -> list[str]:
        until = time.monotonic() + PATIENCE_S  # a guard needs a moment to see that its owner has gone
        while (alive := self._processes()) and time.monotonic() < until:
            time.sleep(0.1)
        lines = []
        for process in alive:
            with suppress(psutil.Error):
                ports = [c.laddr.port for c in process.net_connections() if c.status == psutil.CONN_LISTEN]
                held = f" at ports {ports}" if ports else ""
                lines.append(f"process {process.pid}{held}: {' '.join(process.cmdline())}")
                process.kill()
        return lines

    def _processes(self) -> list[psutil.Process]:
        ours = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                marked = process.environ().get(MARK, "").startswith(self._mark)
                if marked and process.status() != psutil.STATUS_ZOMBIE:
                    ours.append(process)
        return ours

    def _files(self) -> list[str]:
        """Temporary files; pytest's own base folder is its own affair."""
        found = sorted(path for path in self._folder.iterdir() if not path.name.startswith("pytest"))
        return [f"temporary file {path}" for path in found]

    def _project(self) -> set[str]:
        """What git says is new or changed, empty without git."""
        command = ["git", "-C", str(self.root), "status", "--porcelain", "--untracked-files=all"]
        with suppress(OSError):
            return set(subprocess.run(command, capture_output=True, text=True).stdout.splitlines())
        return set()
