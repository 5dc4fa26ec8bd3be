"""Opening the course: on this machine only, with its own settings, and nothing left after Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from minisys import lab_server

ROOT = Path(__file__).resolve().parents[2]


def test_everything_jupyter_writes_lies_in_the_learners_folder(tmp_path):
    places = lab_server.environment(tmp_path)
    written = [name for name in places if name.startswith(("JUPYTER", "IPYTHON")) and name.endswith("DIR")]
    assert len(written) == 6
    assert all(Path(places[name]).is_relative_to(tmp_path) for name in written)


def test_the_server_listens_on_this_machine_only():
    assert "--ServerApp.ip=127.0.0.1" in lab_server.command(port=8888)


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_is_allowed_only_where_one_is_root(monkeypatch, user, allowed):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--allow-root" in lab_server.command(port=8888)) is allowed


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"BROWSER": "w3m"}, True),
        ({"DISPLAY": ":0", "NO_BROWSER": "1"}, False),
        ({"DISPLAY": ":0", "CI": "true"}, False),
    ],
)
def test_a_browser_is_opened_where_there_is_a_screen(monkeypatch, environ, wanted):
    monkeypatch.setattr(sys, "platform", "linux")
    assert lab_server.browser_wanted(environ) is wanted


def test_the_first_layout_is_laid_once_and_then_left_to_the_reader(tmp_path):
    lab_server._first_layout(tmp_path)
    (file,) = tmp_path.glob("*.jupyterlab-workspace")
    assert json.loads(file.read_text())["data"]["layout-restorer:data"]["left"]["current"] == "@jupyterlab/toc:plugin"
    file.write_text("mine")
    lab_server._first_layout(tmp_path)
    assert file.read_text() == "mine"


@pytest.mark.live
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_busy_port_moves_on_and_after_ctrl_c_neither_server_nor_kernel_is_left(tmp_path, how):
    environ = {**os.environ, "MINISYS_HOME": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        command = [sys.executable, "-m", "minisys", "lab", "--no-browser", "--port", str(port)]
        with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as course:
            try:
                url = next(word for line in course.stdout for word in line.split() if word.startswith("http"))
                taken, token = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/lab/tree/\S+\?token=(\w+)", url).groups()
                assert int(taken) != port
                _start_kernel(f"http://127.0.0.1:{taken}", token)
                family = _with_kernel(course.pid)
                assert any("ipykernel" in _command(process) for process in family)
            finally:
                course.send_signal(how)
            assert course.wait(60) == 0
    assert [process for process in family if _alive(process)] == []


def _with_kernel(pid: int) -> list[psutil.Process]:
    """All that *pid* started, once a kernel is among them: Jupyter lists one before its process has begun."""
    until = time.monotonic() + 20
    while True:
        family = psutil.Process(pid).children(recursive=True)
        if time.monotonic() > until or any("ipykernel" in _command(process) for process in family):
            return family
        time.sleep(0.05)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def _alive(process: psutil.Process) -> bool:
    """Not gone, and not merely waiting for the system to write it off."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _start_kernel(address: str, token: str) -> None:
    def ask(path: str, data: bytes | None = None) -> list[dict[str, str]]:
        request = urllib.request.Request(f"{address}{path}", data=data, headers={"Authorization": f"token {token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    ask("/api/kernels", data=b'{"name": "python3"}')
    until = time.monotonic() + 20
    while not ask("/api/kernels") and time.monotonic() < until:
        time.sleep(0.1)
