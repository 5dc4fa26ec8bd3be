"""Faults that heal even if whoever caused them is killed: each is written down elsewhere before it is caused.

    undo = owe(["go on", pid], pause)          # written down, then pause() is called
    undo()                                     # mends it, and strikes it out

Promised: SIGKILL of this process, at any moment, leaves nothing of a fault that began through owe(): the process of
mending.py, which holds the other end of a pipe, mends it. What cannot be mended from outside is not: a process that was
killed stays dead, as only its owner knows how to start it. The other process is there while something is broken.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from minisys.chaos.inject import Undo
from minisys.chaos.mending import Debt, mend

_mender: list[subprocess.Popen] = []
_open: list[Debt] = []
_one_at_a_time = threading.RLock()


def owe(debt: Debt, act: Callable[[], object], settle: Callable[[], object] | None = None) -> Undo:
    """Write *debt* down, then *act*; the answer settles it: with *settle* (default: as the debt says), once.

    If *act* raises, the debt is settled at once and the error comes out.
    """
    with _one_at_a_time:
        _write(f"+ {json.dumps(debt)}")
        _open.append(debt)
    try:
        act()
    except BaseException:
        _settle(debt, lambda: mend(debt))
        raise
    settled = threading.Event()

    def undo() -> None:
        if not settled.is_set():  # an equal debt may be open: another pause of the same process
            _settle(debt, settle or (lambda: mend(debt)))
            settled.set()

    return undo


def debts() -> list[Debt]:
    """What is broken by this process now, oldest first."""
    return list(_open)


def _settle(debt: Debt, settle: Callable[[], object]) -> None:
    settle()
    with _one_at_a_time:
        _open.remove(debt)
        _write(f"- {json.dumps(debt)}")
        if not _open:
            _dismiss()


def _write(line: str) -> None:
    with _one_at_a_time:
        if not _mender or _mender[0].poll() is not None:
            argv = [sys.executable, "-I", "-S", str(Path(__file__).with_name("mending.py"))]
            _mender[:] = [subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True, text=True)]
            for debt in _open:
                _write(f"+ {json.dumps(debt)}")
        pipe = _mender[0].stdin
        assert pipe is not None
        pipe.write(line + "\n")
        pipe.flush()


def _dismiss() -> None:
    """Close the pipe: the mender settles what is still open, if anything, and ends."""
    for mender in _mender:
        if mender.stdin is not None:
            mender.stdin.close()
        mender.wait(30)
    _mender.clear()


@atexit.register
def _at_exit() -> None:
    _dismiss()
    _open.clear()
