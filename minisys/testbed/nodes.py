"""Real processes to run, pause and kill: servers on 127.0.0.1 that never outlive the notebook.

"Works on my machine" is a poor test of what happens when a machine dies. A node is a process of its own; it can be
killed in the middle of a request (SIGKILL), frozen (SIGSTOP) and made slow, and nothing in it gets a chance to tidy up.

Promised: a node is ready when start() returns, listens on loopback only, writes its output to a log in a temporary
folder, and is gone when its `with` block, this process or the kernel ends, even if the kernel is killed (guard.py).
A notebook's interrupt does not reach it. Not promised: isolation; all nodes share this machine's processors.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from urllib.request import Request, urlopen

import psutil


class NodeFailed(RuntimeError):
    """A process did not become ready, or died when it should not have; the message ends with its last lines."""


class Node:
    """One running process; `start()` makes it.

    port and admin_port (None if it has none) are on 127.0.0.1; log is the file with its output.
    """

    def __init__(self, argv: Sequence[str], name: str, restart: Callable[[], Node] | None = None) -> None:
        self.argv, self.name = list(argv), name
        self.log = _folder() / f"{name}-{time.monotonic_ns()}.log"
        self.port = 0
        self.admin_port: int | None = None
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join([_root(), os.environ.get("PYTHONPATH", "")])},
            )  # fmt: skip
        _tell_guard(f"+{self.pid}")
        _running.append(self)

    @property
    def pid(self) -> int:
        """The process id, also that of its process group."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it listens, for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    @property
    def memory_mb(self) -> float:
        """Resident memory in megabytes."""
        return psutil.Process(self.pid).memory_info().rss / 1e6

    def tail(self, lines: int = 20) -> str:
        """The last *lines* of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """SIGKILL: it dies at once, and its sockets with it."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._forget()

    def pause(self) -> None:
        """SIGSTOP: it stays connected and says nothing any more."""
        self._signal(signal.SIGSTOP)
        while self.running and psutil.Process(self.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)  # the signal takes a moment to arrive

    def resume(self) -> None:
        """SIGCONT: it goes on where it was."""
        self._signal(signal.SIGCONT)
        while self.running and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED:
            time.sleep(0.001)

    def slow(self, factor: float) -> None:
        """Its work takes *factor* times as long from now on (1: normal). Raises NodeFailed if it cannot be told."""
        if self.admin_port is None:
            raise NodeFailed(f"{self.name} has no admin port, so nobody can tell it to be slow")
        ask("POST", f"http://127.0.0.1:{self.admin_port}/control/slow?factor={factor:g}")

    def stop(self, patience_s: float = 5.0) -> None:
        """SIGTERM, so that it finishes what it has; SIGKILL after *patience_s* seconds."""
        if self.running:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self._process.wait()
        self._forget()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def _forget(self) -> None:
        if self in _running:
            _running.remove(self)
            _tell_guard(f"-{self.pid}")


def start(
    module: str | Sequence[str],
    *args: str,
    name: str | None = None,
    ready: Callable[[Node], bool] | None = None,
    within_s: float = 15.0,
) -> Node:
    """Start a process and wait until it is ready.

    module: a Python module to run with ``-m`` and *args*, or a whole command line. Ready means that it printed a line
    ``READY port [admin-port]``, or that *ready(node)* is true (for products). Raises NodeFailed, with the end of its
    log, if it dies or is not ready *within_s* seconds.
    """
    argv = [sys.executable, "-m", module, *args] if isinstance(module, str) else [*module, *args]
    node = Node(argv, name or (module if isinstance(module, str) else Path(module[0]).name).rsplit(".", 1)[-1])
    deadline = time.monotonic() + within_s
    try:
        while not (ready or _said_ready)(node):
            if not node.running:
                raise NodeFailed(f"{node.name} ended with code {node._process.returncode}:\n{node.tail()}")
            if time.monotonic() > deadline:
                raise NodeFailed(f"{node.name} was not ready within {within_s:g} s:\n{node.tail()}")
            time.sleep(0.01)
    except BaseException:
        node.kill()
        raise
    return node


def ask(method: str, url: str, body: bytes | None = None, timeout_s: float = 5.0) -> str:
    """The answer of a node's control or admin port. Raises NodeFailed if it says no or is not there."""
    try:
        with urlopen(Request(url, data=body, method=method), timeout=timeout_s) as answer:
            return str(answer.read().decode())
    except OSError as problem:
        said = problem.read().decode(errors="replace") if hasattr(problem, "read") else ""
        raise NodeFailed(f"{method} {url}: {problem} {said}".rstrip()) from None


def accepts(node: Node) -> bool:
    """Whether somebody accepts connections on the node's port: `ready` for products that do not say READY."""
    try:
        socket.create_connection(("127.0.0.1", node.port), timeout=0.2).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that was free a moment ago, for products that cannot choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stop_all() -> None:
    """Kill every node that is still running and remove the logs."""
    for node in list(_running):
        node.kill()
    if _state.get("folder"):
        shutil.rmtree(_state.pop("folder"), ignore_errors=True)


_running: list[Node] = []
_state: dict[str, str] = {}
_guards: list[subprocess.Popen] = []
_one_at_a_time = threading.RLock()  # nodes are started from several threads; there must be one guard, one folder


def _said_ready(node: Node) -> bool:
    for line in node.log.read_text(errors="replace").split("\n")[:-1]:  # whole lines only
        words = line.split()
        if words[:1] == ["READY"]:
            ports = [int(word) for word in words[1:]]
            node.port, node.admin_port = ports[0], ports[1] if len(ports) > 1 else None
            return True
    return False


def _root() -> str:
    return str(Path(__file__).resolve().parents[2])


def _folder() -> Path:
    """The folder of this process's logs, which the guard removes if we cannot."""
    with _one_at_a_time:
        if "folder" not in _state:
            _state["folder"] = tempfile.mkdtemp(prefix="minisys-nodes-")
            _tell_guard(f"dir {_state['folder']}")
        return Path(_state["folder"])


def _tell_guard(line: str) -> None:
    with _one_at_a_time:
        if not _guards or _guards[0].poll() is not None:
            argv = [sys.executable, str(Path(__file__).with_name("guard.py"))]
            _guards[:] = [subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True, text=True)]
            for node in _running:
                _tell_guard(f"+{node.pid}")
        pipe = _guards[0].stdin
        assert pipe is not None
        pipe.write(line + "\n")
        pipe.flush()


@atexit.register
def _at_exit() -> None:
    stop_all()
    for guard in _guards:
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait(5)
    _guards.clear()
