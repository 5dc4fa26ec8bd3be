"""What every test run shares, the notebooks' too (hence this place, above both folders).

You run the tests and the next morning your own points are gone, or a forgotten backend still holds a port. So: each run
gets a data folder of its own, and a run that leaves a process behind fails and says which.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator

import psutil
import pytest

MARK = "MINISYS_TEST_RUN"  # in the environment of everything a run starts: it finds orphans whose parent is gone too
_home = tempfile.mkdtemp(prefix="minisys-home-")
_run = f"{os.environ.get(MARK, '')}/{uuid.uuid4().hex}"
os.environ["MINISYS_HOME"] = _home
os.environ["IPYTHONDIR"] = os.path.join(_home, "ipython")
os.environ[MARK] = _run


def left_over(run: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """Command lines of the processes that *run* started and that still live, less those with a word of *allowed*."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or not process.environ().get(MARK, "").startswith(run):
                continue
            line = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and not any(word in line for word in allowed):
                found.append(f"{process.pid}: {line}")
        except (psutil.Error, OSError):  # gone meanwhile, or not ours to read
            continue
    return found


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_over() -> Iterator[None]:
    """Fails the run's last test if a process is still there; the runner's outer check looks at ports and files."""
    yield
    loky = sys.modules.get("joblib.externals.loky")
    if loky is not None:
        loky.get_reusable_executor().shutdown(wait=True)
    # A guard and joblib's tracker live as long as this process does: tools/leftovers.py sees whether they went.
    found = left_over(_run, allowed=("guard", "resource_tracker", "multiprocessing.forkserver"))
    assert not found, "processes left over by the tests:\n" + "\n".join(found)


def pytest_sessionfinish() -> None:
    shutil.rmtree(_home, ignore_errors=True)
