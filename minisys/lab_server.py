"""Opens the course in JupyterLab, and closes everything behind it.

You type `make lab` while another notebook server holds the port, your own Jupyter settings switch extensions on, and
later you press Ctrl-C in the middle of an experiment. The course still opens with its own settings, its own Python and
the table of contents at the side; it listens on this machine only; and after Ctrl-C neither server nor kernel is left.
What Jupyter wants to remember goes into the learner's data folder. It does not touch your own Jupyter's settings.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from contextlib import suppress
from pathlib import Path

import psutil

from minisys.testbed.home import data_folder

ROOT = Path(__file__).resolve().parents[1]
WELCOME = "notebooks/00_welcome.ipynb"
START_LIMIT_S, STOP_LIMIT_S = 60.0, 4.0


def environment(home: Path) -> dict[str, str]:
    """The environment of the server: every place Jupyter writes to lies in *home*, the learner's data folder."""
    place = home / "jupyter"
    ours = {
        "JUPYTER_CONFIG_PATH": ROOT / "jupyter",  # the course's settings: read, never written
        "JUPYTER_CONFIG_DIR": place / "config",
        "JUPYTER_DATA_DIR": place / "data",
        "JUPYTER_RUNTIME_DIR": place / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": place / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": place / "workspaces",
        "IPYTHONDIR": place / "ipython",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),  # minisys
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    quiet = {"JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_PLATFORM_DIRS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return {**os.environ, **quiet, **{name: str(path) for name, path in ours.items()}}


def command(*, port: int, root: Path = ROOT) -> list[str]:
    """The command that serves *root* at *port* or the next free one, on this machine only."""
    options = [
        "--no-browser",  # we open it ourselves, once the page answers
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=100",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.answer_yes=True",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
        "--KernelSpecManager.allowed_kernelspecs=python3",
        "--log-level=WARN",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    return [sys.executable, "-m", "jupyterlab", *options]


def run(*, page: str = WELCOME, port: int = 8888, browser: bool = True, root: Path = ROOT) -> int:
    """Serve the course until Ctrl-C; returns the exit code. *page* is a path below *root*, the course's folder."""
    home = data_folder()
    log = home / "jupyter" / "server.log"
    _first_layout(home / "jupyter" / "workspaces")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # SIGINT too: a shell's background job starts with it ignored
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _as_interrupt)
    with open(log, "wb") as lines:
        server = subprocess.Popen(
            command(port=port, root=root), env=environment(home), cwd=root, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=lines, stderr=lines,
        )  # fmt: skip
    try:
        url = _address(server, home / "jupyter" / "runtime", page)
        if url is None:
            print(_why_not(log), file=sys.stderr)
            return 1
        print(f"\n  The course is open at\n  {url}\n\n  Ctrl-C stops it. The server's log: {log}\n", flush=True)
        if browser and browser_wanted(os.environ):
            webbrowser.open(url)
        return server.wait()
    except KeyboardInterrupt:
        print("\n  stopped", flush=True)
        return 0
    finally:
        _stop(server)


def browser_wanted(environ: os._Environ[str] | dict[str, str]) -> bool:
    """Whether there is a screen to open a browser on: not with NO_BROWSER or CI set; BROWSER names one in any case."""
    if environ.get("NO_BROWSER") or environ.get("CI"):
        return False
    if environ.get("BROWSER") or sys.platform in ("darwin", "win32"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _first_layout(workspaces: Path) -> None:
    """On the first start only: the table of contents is open. Later the layout is whatever the reader left."""
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    if not any(workspaces.glob("*.jupyterlab-workspace")):
        layout = (ROOT / "jupyter" / "first_workspace.json").read_text("utf-8")
        WorkspacesManager(str(workspaces)).save("default", layout)


def _address(server: subprocess.Popen[bytes], runtime: Path, page: str) -> str | None:
    """The address of *page* with its token, once the server listens where it wrote that it will; None if it ended."""
    note = runtime / f"jpserver-{server.pid}.json"
    until = time.monotonic() + START_LIMIT_S
    while server.poll() is None and time.monotonic() < until:
        with suppress(OSError, ValueError):
            told = json.loads(note.read_text("utf-8"))
            socket.create_connection(("127.0.0.1", told["port"]), timeout=5).close()  # it writes first, then listens
            return f"http://127.0.0.1:{told['port']}/lab/tree/{page}?token={told['token']}"
        time.sleep(0.1)
    return None


def _why_not(log: Path) -> str:
    """Why the server did not start: the end of its own log."""
    last = log.read_text("utf-8", errors="replace").splitlines()[-15:]
    return "\n".join(["JupyterLab did not start. The end of its log:", *last, "`minisys doctor` may know why."])


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end (it ends its kernels); after the limit end it, its kernels and all they started."""
    with suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it behind
    family = []
    with suppress(psutil.Error):
        family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        server.terminate()
    _, alive = psutil.wait_procs(family, timeout=STOP_LIMIT_S)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=STOP_LIMIT_S)
