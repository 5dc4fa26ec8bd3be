"""Whether a live test left a process behind."""

from __future__ import annotations

import psutil


def nothing_left(within_s: float = 5.0) -> bool:
    """Whether all processes below this one, but for its guard, are gone *within_s* seconds from now."""
    left = [child for child in psutil.Process().children(recursive=True) if not _guard(child)]
    return not psutil.wait_procs(left, timeout=within_s)[1]


def _guard(process: psutil.Process) -> bool:
    try:
        return any(part.endswith("guard.py") for part in process.cmdline())
    except psutil.NoSuchProcess:  # gone, or a zombie
        return True
