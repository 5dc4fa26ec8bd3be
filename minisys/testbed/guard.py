"""The last one out: kills what a kernel leaves behind when the kernel itself was killed.

A notebook started three servers, then its kernel ran out of memory and got SIGKILL. No `finally`, no `atexit`: the
servers would hold their ports until the next reboot. So the kernel starts this process first and holds a pipe to it.
When the pipe breaks, for whatever reason, everything registered is killed and temporary folders go.

Lines on standard input: ``+pid`` and ``-pid`` register and forget a process group, ``dir path`` names a folder to
remove. A paused process (SIGSTOP) is killed too. Nothing but the standard library, so that it starts at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys


def main() -> None:
    """Read lines until the end, then kill and tidy up."""
    groups: set[int] = set()
    folders: list[str] = []
    for line in sys.stdin:
        word = line.rstrip("\n")
        if word.startswith("+"):
            groups.add(int(word[1:]))
        elif word.startswith("-"):
            groups.discard(int(word[1:]))
        elif word.startswith("dir "):
            folders.append(word[4:])
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
