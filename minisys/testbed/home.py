"""Where a learner's own things live: points, answers, predictions.

You close the laptop halfway through chapter 03, update the course and come back: your points are still there, because
they never were inside the course's folder. This module names the one folder that outlives it: `$MINISYS_HOME` when set,
otherwise the operating system's place for a program's data. It writes no files; each room writes its own.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """The folder of the learner's own data, created when that is possible.

    `$MINISYS_HOME` wins (an empty one counts as unset, `~` is expanded, a relative one starts at the current folder).
    A folder that cannot be created is returned all the same: whoever writes into it says so, in words that fit what
    was to be written.
    """
    named = os.environ.get("MINISYS_HOME", "").strip()
    folder = Path(named).expanduser() if named else Path(platformdirs.user_data_dir("minisys", appauthor=False))
    folder = folder.absolute()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
