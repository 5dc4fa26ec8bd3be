"""A node whose clock is wrong and whose disk is bad: runs a module of ours with both made breakable.

Nobody may fill the laptop's disk or set its clock for an experiment. But a program asks for both through a handful of
functions, and those can be made to lie: to this one process, and only while a small file says so.

    python -m minisys.chaos.wrapped STATE minisys.replication --name a …     # STATE: a file, see State

Promised: time.time() is ahead by offset_s and runs at *rate*; os.write, os.pwrite and os.fsync of regular files take
disk_delay_s longer, and fail with ENOSPC ("full") or EROFS ("read-only"), as does opening one for writing. A file that
is not there, or empty, changes nothing. Not promised: datetime.now(), and whatever writes in C, such as SQLite or a
file object opened before: for those there is machines.FileLimit. time.monotonic() stays true, as on a real machine.
"""

from __future__ import annotations

import builtins
import errno
import json
import os
import runpy
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_time, _open, _sleep = time.time, os.open, time.sleep
PROBLEMS = {"full": errno.ENOSPC, "read-only": errno.EROFS}


@dataclass(frozen=True)
class State:
    """What is wrong: the clock shows true + offset_s + (rate - 1) × (true - since_s); disk is "ok" or in PROBLEMS."""

    offset_s: float = 0.0
    rate: float = 1.0
    since_s: float = 0.0
    disk: str = "ok"
    disk_delay_s: float = 0.0

    def now_s(self, true_s: float) -> float:
        """What the clock shows when it is *true_s*."""
        return true_s + self.offset_s + (self.rate - 1) * (true_s - self.since_s)

    def to_json(self) -> str:
        """The content of the file."""
        return json.dumps(asdict(self))


class Watched:
    """The state in the file *path*, read again when the file has changed."""

    def __init__(self, path: str | Path) -> None:
        self.path, self.seen, self.known = str(path), (0, 0), State()

    @property
    def state(self) -> State:
        """What is wrong now."""
        try:
            found = os.stat(self.path)
        except OSError:
            return State()
        if (seen := (found.st_mtime_ns, found.st_ino)) != self.seen:
            text = Path(self.path).read_text()
            self.seen, self.known = seen, State(**json.loads(text)) if text else State()
        return self.known


def install(watched: Watched) -> None:
    """Make this process's clock and disk breakable. There is no way back."""
    time.time = lambda: watched.state.now_s(_time())
    for name in ("write", "pwrite", "fsync"):
        setattr(os, name, _slowed(getattr(os, name), watched, name != "fsync"))
    os.open = _guarded_os(watched)
    builtins.open = _guarded(builtins.open, watched)


def _slowed(original: Callable[..., Any], watched: Watched, needs_room: bool) -> Callable[..., Any]:
    def call(file: int, *rest: Any) -> Any:
        state = watched.state
        if (state.disk != "ok" or state.disk_delay_s) and stat.S_ISREG(os.fstat(file).st_mode):
            _sleep(state.disk_delay_s)
            if needs_room and state.disk in PROBLEMS:
                raise OSError(PROBLEMS[state.disk], os.strerror(PROBLEMS[state.disk]))
        return original(file, *rest)

    return call


def _guarded_os(watched: Watched) -> Callable[..., int]:
    def call(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and watched.state.disk == "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return _open(path, flags, *rest, **options)

    return call


def _guarded(original: Callable[..., Any], watched: Watched) -> Callable[..., Any]:
    def call(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if set(mode) & set("wax+") and not isinstance(file, int) and watched.state.disk in PROBLEMS:
            number = PROBLEMS[watched.state.disk]
            raise OSError(number, os.strerror(number), str(file))
        return original(file, mode, *rest, **options)

    return call


def main() -> None:
    """Break what the file says, and be the module."""
    if len(sys.argv) < 3:
        sys.exit("usage: python -m minisys.chaos.wrapped STATE MODULE [ARGUMENTS]")
    state, module = sys.argv[1:3]
    install(Watched(state))
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
