"""`minisys up` and `minisys down`: one at a time, a clean end, and nothing left after SIGKILL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from minisys.design import commands
from minisys.design.text import write
from tests.design.small_shop import SMALL

TINY = replace(
    SMALL, name="tiny",
    parts=tuple(replace(p, copies=1, **({"autoscaler": None} if p.name == "app" else {})) for p in SMALL.parts
                if p.name not in ("edge", "cache")),
)  # fmt: skip


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A design of eight processes in a file, and a data folder of its own."""
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path))
    users, app = TINY["users"], TINY["app"]
    calls = tuple(call for call in app.calls if call.to != "cache")
    kept = {
        "users": replace(users, calls=(replace(users.calls[0], to="balancer"),)),
        "app": replace(app, calls=tuple(replace(call, on="reads") if call.on == "misses" else call for call in calls)),
        "store": replace(TINY["store"], copies=3),
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(write(replace(TINY, parts=tuple(kept.get(p.name, p) for p in TINY.parts))))
    return path


def begin(file) -> subprocess.Popen:
    """`minisys up` in a process of its own, as soon as its shop is up."""
    words = [sys.executable, "-m", "minisys", "up", str(file)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            return process
    raise AssertionError(f"it ended with {process.wait()}")


def test_it_runs_once_and_leaves_nothing_when_it_is_killed(file):
    said: list[str] = []
    with begin(file) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 9
        assert commands.up(str(file), say=said.append) == 1
        assert said.pop().startswith(f"A shop is running already, process {process.pid}: http://127.0.0.1:")
        process.kill()
    assert not psutil.wait_procs(children, 5)[1]
    assert commands.note().exists()  # nobody could take it away
    assert commands.down(said.append) == 1 and said.pop() == "No shop is running." and not commands.note().exists()


@pytest.mark.parametrize(("obeys", "says"), [(True, "has ended."), (False, "it was killed, its processes with it.")])
def test_down_ends_what_runs_elsewhere(file, monkeypatch, obeys, says):
    monkeypatch.setattr(commands, "PATIENCE_S", 0.5)
    code = "import signal\nprint(1, flush=True)\nsignal.pause()"
    code = code if obeys else code.replace("print", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline()
        since = psutil.Process(other.pid).create_time()
        commands.note().write_text(json.dumps({"pid": other.pid, "since": since, "page": "http://x/"}))
        said: list[str] = []
        assert commands.down(said.append) == 0 and said[0].endswith(says)
    assert other.returncode is not None and not commands.note().exists()


def test_a_note_of_another_program_is_stale(file):
    own = psutil.Process()
    for text in ("", "[]", json.dumps({"pid": own.pid, "since": time.time() + 99, "page": "x"})):
        commands.note().write_text(text)
        assert commands.running() is None and not commands.note().exists()


def test_what_does_not_start_is_said_in_a_sentence(file):
    said: list[str] = []
    assert commands.up("castle", say=said.append) == 1
    assert said == [
        "The design 'castle' did not start: there is \"shop\", and files with a design; 'castle' is neither"
    ]
    assert not commands.note().exists()
