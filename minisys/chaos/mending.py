"""Puts back what an experiment broke, when the experiment itself is dead.

The experiment had paused the database when its laptop's kernel was killed. No `finally` ran; the database would stand
still until somebody came to look. So each experimenter starts this process first and holds a pipe to it. Before it
breaks something it writes down how to put that back; when the pipe breaks, whatever is still written here is done.

Lines on standard input: ``+ JSON`` writes a debt down, ``- JSON`` says that it is settled. A debt is a list, one of
MENDERS with its arguments. Promised: the last broken is the first mended, one mending that fails does not keep the
others, and each is tried for some seconds. Nothing but the standard library, so that it starts at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Debt = list[Any]


def send(pid: int, number: int) -> None:
    """A signal to process *pid*, and to its group if it leads one; nothing if it is gone."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def go_on(pid: int) -> None:
    """A paused process continues."""
    send(pid, signal.SIGCONT)


def ask(method: str, url: str, body: str) -> None:
    """Tell a control port; a node that is gone has nothing to mend."""
    from urllib.request import Request, urlopen  # takes longer to import than all the rest

    try:
        with urlopen(Request(url, data=body.encode(), method=method), timeout=5):
            pass
    except ConnectionRefusedError:
        pass
    except OSError as problem:
        if not isinstance(getattr(problem, "reason", None), ConnectionRefusedError):
            raise


def write(path: str, text: str) -> None:
    """A small file gets its old content, in one step; nothing if its folder is gone."""
    file = Path(path)
    if file.parent.is_dir():
        new = file.with_name(f".{file.name}.new")
        new.write_text(text)
        new.replace(file)


def limit(pid: int, name: str, soft: int, hard: int) -> None:
    """A process gets its old resource limit back (Linux); nothing if it is gone."""
    import resource  # not on Windows

    try:
        resource.prlimit(pid, getattr(resource, name), (soft, hard))
    except ProcessLookupError:
        pass


MENDERS: dict[str, Callable[..., None]] = {"go on": go_on, "ask": ask, "write": write, "limit": limit}


def mend(debt: Debt) -> None:
    """Settle one debt. Raises what goes wrong."""
    MENDERS[debt[0]](*debt[1:])


def main() -> None:
    """Keep the book until the pipe breaks, then settle what is open."""
    book: list[Debt] = []
    for line in sys.stdin:
        debt = json.loads(line[2:])
        if line.startswith("+"):
            book.append(debt)
        elif debt in book:
            book.reverse()  # forget the youngest of equal ones
            book.remove(debt)
            book.reverse()
    for debt in reversed(book):
        for _ in range(5):
            try:
                mend(debt)
                break
            except Exception as problem:
                print(f"cannot {debt}: {problem}", file=sys.stderr, flush=True)
                time.sleep(0.5)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    main()
