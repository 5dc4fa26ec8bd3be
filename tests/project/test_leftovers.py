"""The look at what is left over: it sees an orphan, a file, a changed project; and blames nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import util
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def leftovers(monkeypatch):
    spec = util.spec_from_file_location("minisys_leftovers", ROOT / "tools" / "leftovers.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    monkeypatch.setattr(tempfile, "tempdir", None)  # Python remembers the temporary folder; forget it, before and after
    return module


def test_nothing_left_is_nothing_found(leftovers, tmp_path):
    with leftovers.Leftovers(tmp_path) as left:
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert left.found == []


def test_an_orphan_is_found_by_its_mark_with_its_port_and_ended(leftovers, tmp_path):
    child = f"import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=1); {SLEEP}"
    program = (
        f"import sys; from subprocess import *; p = Popen([sys.executable, '-c', {child!r}], stdout=PIPE, "
        "stderr=DEVNULL, start_new_session=True); print(p.pid, p.stdout.readline().decode())"
    )
    with leftovers.Leftovers(tmp_path) as left:
        pid, port = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.split()
    (line,) = left.found
    assert line.startswith(f"process {pid} at ports [{port}]")
    assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE


def test_a_process_of_somebody_else_is_not_touched(leftovers, tmp_path):
    other = subprocess.Popen([sys.executable, "-c", SLEEP])
    with leftovers.Leftovers(tmp_path) as left:
        pass
    assert left.found == []
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_temporary_file_is_found_and_removed(leftovers, tmp_path):
    with leftovers.Leftovers(tmp_path) as left:
        Path(os.environ["TMPDIR"], "forgotten.txt").touch()
    (line,) = left.found
    assert line.startswith("temporary file ")
    assert not Path(line.split()[-1]).exists()


def test_a_file_made_in_the_project_is_found(leftovers, tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    with leftovers.Leftovers(tmp_path) as left:
        (tmp_path / "stray.csv").touch()
    assert left.found == ["changed in the project: ?? stray.csv"]
