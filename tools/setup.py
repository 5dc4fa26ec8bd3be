"""Makes `.venv`, from nothing but Python 3.11 or newer: what `make lab` and `make test` call first.

You clone the course on a school's laptop, with an old pip and a slow line. One command must end in a working course or
in one line that says what is missing. It installs exactly what requirements.lock pins, by hash; a second call sees a
stamp and returns at once. It writes into `.venv` and the installers' usual caches, never into your own Python. It
knows only the standard library, because nothing else is there yet.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from minisys.lockfile import Package, chosen  # noqa: E402

VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "minisys-setup.json"
NEEDED_GB = 1.6
ENVIRONMENT = {**os.environ, "PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
NETWORK = re.compile(
    r"dns error|name resolution|NewConnection|ConnectTimeout|connection (refused|reset)|timed out|could not connect|"
    r"network is unreachable|error sending request|from versions: none",
    re.IGNORECASE,
)


class MissingError(Exception):
    """Set-up cannot go on; the text says what is missing and what to do."""


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Set up .venv from requirements.lock.")
    parser.add_argument("--dev", action="store_true", help="what the tests need as well")
    parser.add_argument("--no-real", action="store_true", help="leave the server wheels out")
    options = parser.parse_args()
    try:
        set_up(dev=options.dev, real=not options.no_real)
    except MissingError as problem:
        print(f"minisys: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"minisys: cannot set up {VENV}: {error.strerror} ({error.filename})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("minisys: stopped; the next call goes on from here", file=sys.stderr)
        return 130
    return 0


def set_up(*, dev: bool, real: bool) -> None:
    """Bring `.venv` to the state asked for; at once if it is there already.

    *dev* adds what the tests need, *real* the server wheels. Raises MissingError if this machine lacks something.
    """
    stamp: dict[str, Any] = {"of": "", "dev": False, "real": real}
    if STAMP.exists():
        stamp = json.loads(STAMP.read_text("utf-8"))
    if stamp["of"] == _fingerprint() and stamp["dev"] >= dev and stamp["real"] == real and _works(PYTHON):
        return
    dev = dev or stamp["dev"]  # make lab after make test keeps what the tests need
    started = time.monotonic()
    _say(f"setting up {VENV} with Python {sys.version.split()[0]} (downloads some hundred MB, once)")
    if not _works(PYTHON):
        _make_venv()
    STAMP.unlink(missing_ok=True)
    _install(_wanted(dev, real), _installer())
    if not real:
        _remove({p.name for p in _wanted(True, True)} - {p.name for p in _wanted(True, False)})
    _put_project_in()
    STAMP.write_text(json.dumps({"of": _fingerprint(), "dev": dev, "real": real}), "utf-8")
    _say(f"ready after {time.monotonic() - started:.0f} s")


def _wanted(dev: bool, real: bool) -> list[Package]:
    extras = frozenset(["dev"] * dev + ["real"] * real)
    return chosen((ROOT / "requirements.lock").read_text("utf-8"), (ROOT / "pyproject.toml").read_text("utf-8"), extras)


def _fingerprint() -> str:
    """Changes when `.venv` must be looked at again: another lock, other rules, the folder moved."""
    sources = [ROOT / "requirements.lock", ROOT / "pyproject.toml", Path(__file__), ROOT / "minisys" / "lockfile.py"]
    return hashlib.sha256(b"\0".join([str(ROOT).encode(), *(file.read_bytes() for file in sources)])).hexdigest()


def _make_venv() -> None:
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < NEEDED_GB:
        raise MissingError(f"{free_gb:.1f} GB are free in {ROOT}, the course needs {NEEDED_GB}: make room, call again")
    if not os.access(ROOT, os.W_OK):
        raise MissingError(f"{ROOT} is not yours to write to: clone the course into a folder of your own")
    # Without pip: Debian's Python lacks ensurepip unless python3-venv is there, but it can always do this much.
    status, text = _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)], show=False)
    if status:
        raise MissingError(f"{sys.executable} cannot make a virtual environment: {_last(text)}")


def _installer() -> list[str]:
    """The start of a command that installs into `.venv`: uv, fetched through pip; pip itself where uv does not work."""
    # Compiled once here: where Python may not write bytecode later, each server process would compile its imports anew.
    uv = [str(PYTHON), "-m", "uv", "pip", "install", "--compile-bytecode", "--python", str(PYTHON)]
    if not _home_is_mine():
        uv += ["--no-cache"]
    if _works([*uv[:3], "--version"]):
        return uv
    pip = _pip()
    if not pip:
        if shutil.which("uv"):
            return ["uv", *uv[3:]]
        raise MissingError(f"{sys.executable} has no pip: install it (Debian, Ubuntu: apt install python3-venv)")
    if "index-url" in _run([*pip, "config", "list"], show=False)[1].replace("extra-index-url", ""):
        return [*pip, "install"]  # a mirror of your own, which uv would not know of
    _install([package for package in _wanted(False, False) if package.name == "uv"], [*pip, "install"])
    return uv if _works([*uv[:3], "--version"]) else [*pip, "install"]


def _pip() -> list[str]:
    """A pip that installs into `.venv`: its own, else that of the Python this runs on; empty if there is none."""
    own, outer = [str(PYTHON), "-m", "pip"], [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if _works([*own, "--version"]) or _works([str(PYTHON), "-m", "ensurepip"]):
        return own
    return outer if _works([*outer, "--version"]) else []


def _install(wanted: Sequence[Package], installer: list[str]) -> None:
    """Install *wanted* by hash, wheels only (no compiler needed). Raises MissingError with what stood in the way."""
    with tempfile.TemporaryDirectory(prefix="minisys-setup-") as folder:
        listed = Path(folder, "requirements.txt")
        listed.write_text("".join(package.text for package in wanted), "utf-8")
        arguments = ["--only-binary", ":all:", "--require-hashes", "-r", str(listed)]
        status, text = _run([*installer, *arguments], show=len(wanted) > 1)
        if status and "peer certificate" in text and "uv" in installer:  # a company's own certificate authority
            _say("the registry's certificate is not one that uv brings along; trying those of this system")
            ENVIRONMENT["UV_SYSTEM_CERTS"] = "1"
            status, text = _run([*installer, *arguments], show=True)
        if status and "uv" in installer and not _reason(text) and _pip():
            _say("uv could not do it; trying pip, which is slower")
            status, text = _run([*_pip(), "install", *arguments], show=True)
    if status:
        raise MissingError(_reason(text) or f"the packages could not be installed: {_last(text)}")


def _remove(names: set[str]) -> None:
    """Take *names* out of `.venv` again, whichever of them are there."""
    program = "import sys\nfrom importlib import metadata as m\nimport shutil\n" \
              "for n in sys.argv[1:]:\n try: d = m.distribution(n)\n except m.PackageNotFoundError: continue\n" \
              " for f in d.files or []: d.locate_file(f).unlink(missing_ok=True)\n" \
              " shutil.rmtree(d._path, ignore_errors=True)"  # fmt: skip
    _run([str(PYTHON), "-c", program, *sorted(names)], show=False)


def _put_project_in() -> None:
    """`import minisys` and the command `minisys`, from this folder as it is: an edited file counts at once."""
    status, text = _run([str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], show=False)
    Path(text.strip(), "minisys.pth").write_text(f"{ROOT}\n", "utf-8")
    script = PYTHON.with_name("minisys")
    script.write_text(f"#!{PYTHON}\nfrom minisys.cli import main\n\nmain()\n", "utf-8")
    script.chmod(0o755)


def _run(command: Sequence[str], *, show: bool) -> tuple[int, str]:
    """Exit status and output of *command*; with *show* the lines are passed on as they come."""
    process = subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")  # fmt: skip
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if show and not line.startswith((" + ", " - ", " ~ ", "Requirement already")):
            print("  ", line.rstrip(), file=sys.stderr, flush=True)
    return process.wait(), "".join(lines)


def _works(command: Path | Sequence[str]) -> bool:
    """Whether *command* (or a Python, by its path) runs at all."""
    words = [str(command), "-c", ""] if isinstance(command, Path) else list(command)
    try:
        return subprocess.run(words, env=ENVIRONMENT, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _reason(text: str) -> str:
    """What an installer's output says is missing on this machine; empty if it is something else."""
    if "No space left" in text:
        return f"the disk is full: the course needs {NEEDED_GB} GB in {ROOT}"
    if "peer certificate" in text:
        return "the package registry's certificate is not trusted here: set SSL_CERT_FILE to your authority's file"
    if NETWORK.search(text):
        return "the package registry cannot be reached: the first set-up needs the network; check it, then call again"
    return ""


def _home_is_mine() -> bool:
    home = Path.home()
    return home.is_dir() and os.access(home, os.W_OK) or "UV_CACHE_DIR" in os.environ


def _last(text: str) -> str:
    """The lines of *text* that tell most."""
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-4:]) or "it said nothing"


def _say(text: str) -> None:
    print(f"minisys: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
