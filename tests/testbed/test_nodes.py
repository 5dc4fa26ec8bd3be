"""Real processes: ready when start() returns, and gone whatever happens to us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from minisys.testbed import nodes
from minisys.testbed.nodes import Node, NodeFailed, ask, start

pytestmark = pytest.mark.live
OWNER = """
import sys, time
from minisys.testbed import nodes
a = nodes.start("minisys.testbed.backend", "--name", "a")
b = nodes.start("minisys.testbed.backend", "--name", "b")
b.pause()
print(a.pid, b.pid, a.log.parent, flush=True)
if sys.argv[1] == "raise":
    raise RuntimeError("the cell failed")
if sys.argv[1] == "leave":
    sys.exit(0)
time.sleep(60)
"""


@pytest.fixture
def backend() -> Iterator[Node]:
    with start("minisys.testbed.backend", "--name", "a", "--workers", "2", name="a") as node:
        yield node


def gone(pid: int, within_s: float = 10.0) -> bool:
    """Whether process *pid* ends within the time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_a_node_answers_as_soon_as_it_is_started_and_listens_on_loopback_only(backend: Node) -> None:
    with urlopen(f"{backend.url}/health") as answer:
        assert answer.status == 200
    listening = [c for c in psutil.Process(backend.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert {c.laddr.ip for c in listening} == {"127.0.0.1"}
    assert {c.laddr.port for c in listening} == {backend.port, backend.admin_port}


def test_kill_pause_and_resume_do_what_they_say(backend: Node) -> None:
    backend.pause()
    assert psutil.Process(backend.pid).status() == psutil.STATUS_STOPPED
    backend.resume()
    assert psutil.Process(backend.pid).status() != psutil.STATUS_STOPPED
    pid = backend.pid
    backend.kill()
    assert not backend.running and gone(pid)


def test_a_paused_node_can_be_stopped() -> None:
    node = start("minisys.testbed.backend", name="paused")
    node.pause()
    node.stop()
    assert gone(node.pid)


def test_slow_tells_the_node_and_a_bad_factor_is_refused(backend: Node) -> None:
    backend.slow(3)
    with pytest.raises(NodeFailed, match="factor"):
        backend.slow(-1)
    with pytest.raises(NodeFailed, match="404"):
        ask("GET", f"http://127.0.0.1:{backend.admin_port}/nothing")


def test_a_node_that_dies_at_once_says_why() -> None:
    with pytest.raises(NodeFailed, match="workers >= 1"):
        start("minisys.testbed.backend", "--workers", "0")


def test_a_node_that_never_gets_ready_is_killed_and_named() -> None:
    with pytest.raises(NodeFailed, match="not ready within 0.3 s"):
        mute = "print('hello', flush=True); import time; time.sleep(60)"
        start([sys.executable, "-c", mute], name="mute", within_s=0.3)
    assert not [node for node in nodes._running if node.name == "mute"]


@pytest.mark.parametrize("end", ["kill", "interrupt", "raise", "leave"])
def test_no_orphan_is_left_however_the_owner_ends(end: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, end],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert owner.stdout is not None
    a, b, folder = owner.stdout.readline().split()
    if end in ("kill", "interrupt"):  # the others are on their way out already
        assert psutil.pid_exists(int(a)) and psutil.pid_exists(int(b))
        os.killpg(owner.pid, signal.SIGKILL if end == "kill" else signal.SIGINT)
    owner.wait(15)
    owner.stdout.close()
    assert gone(int(a)) and gone(int(b))
    deadline = time.monotonic() + 5
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(folder).exists()


def test_an_interrupt_of_the_notebook_does_not_reach_the_nodes(backend: Node) -> None:
    assert os.getsid(backend.pid) != os.getsid(0)


def test_a_node_needs_less_than_80_megabytes(backend: Node) -> None:
    assert backend.memory_mb < 80
