"""PostgreSQL's programs as a course may run them: for root too, in temporary folders, without a trace afterwards.

`initdb: error: cannot be run as root` ends most demonstrations in a container. No user is added for it here: in a user
namespace (unshare -U) processes are called nobody and keep their files; -i gives them shared memory of their own, which
goes with the last of them even if nobody is left to tidy up. Where namespaces are forbidden, root's processes become
the system's user nobody (setpriv), who needs programs that he can read, so they are copied if he cannot.

Promised: a set-up that cannot work is a ProductMissing with one sentence. Not done here: replication (postgres.py).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minisys.testbed import wheels
from minisys.testbed.wheels import ProductMissing

NOBODY = 65_534
NAMESPACE = ("unshare", "-U", "-i", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
BECOME = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
FAST = (
    "shared_buffers=32MB", "max_connections=40", "listen_addresses=127.0.0.1", "unix_socket_directories=",
    "dynamic_shared_memory_type=mmap", "autovacuum=off", "logging_collector=off",
)  # fmt: skip


@dataclass(frozen=True)
class Programs:
    """Where PostgreSQL's programs are, and the words before each that make it run as somebody who is not root."""

    folder: Path
    prefix: tuple[str, ...] = ()

    def argv(self, program: str, *words: str | Path) -> list[str]:
        """The command line of *program*."""
        return [*self.prefix, str(self.folder / program), *map(str, words)]

    def run(self, program: str, *words: str | Path, within_s: float = 60.0) -> None:
        """Run it to its end. Raises ProductMissing with the last thing that it said."""
        argv = self.argv(program, *words)
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=within_s, check=False, cwd="/")
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise ProductMissing(f"postgresql: {program} does not run here: {problem}") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
            raise ProductMissing(f"postgresql: {program} failed here: {said[-1]}")


def programs(folder: Path) -> Programs:
    """The programs, ready to run with data in *folder*. Raises ProductMissing if there is no way."""
    found = wheels.postgres()
    if _works(*NAMESPACE):
        return Programs(found, NAMESPACE)
    if not (hasattr(os, "geteuid") and os.geteuid() == 0):
        return Programs(found)
    os.chown(folder, NOBODY, NOBODY)
    if not _works(*BECOME, "test", "-w", str(folder)):
        raise ProductMissing("postgresql refuses to run as root, and neither unshare -U nor setpriv works here")
    if not _works(*BECOME, str(found / "postgres"), "--version"):  # a .venv below a folder that is root's own
        found = _copied(found, folder / "programs")
        if not _works(*BECOME, str(found / "postgres"), "--version"):
            raise ProductMissing(f"postgresql refuses to run as root, and user nobody cannot run {found}/postgres")
    return Programs(found, BECOME)


def initdb(programs: Programs, data: Path, *more: str) -> None:
    """A new, empty cluster in *data*; *more* words for initdb. Raises ProductMissing if it cannot be made."""
    words = ("-U", "postgres", "-A", "trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
    programs.run("initdb", "-D", data, *words, *more)


def base_backup(programs: Programs, data: Path, port: int) -> None:
    """A copy of the server on *port* in *data*, ready to follow it as a standby."""
    where = ("-h", "127.0.0.1", "-p", str(port), "-U", "postgres")
    programs.run("pg_basebackup", *where, "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync")


def argv(programs: Programs, data: Path, port: int, options: Iterable[str]) -> list[str]:
    """The command line of a server on *port* with *data* and *options*, each like "work_mem=4MB"."""
    settings = [word for option in (f"port={port}", *FAST, *options) for word in ("-c", option)]
    return programs.argv("postgres", "-D", data, *settings)


def free_shared_memory(argv: Sequence[str]) -> None:
    """Remove what the killed server of *argv* left: a segment of 56 bytes that says "somebody uses these data"."""
    if argv[0] == NAMESPACE[0]:
        return  # it went with its namespace, and its number may be another's outside
    data = Path(argv[argv.index("-D") + 1])
    try:
        words = (data / "postmaster.pid").read_text().split("\n")[6].split()  # its key and its number
        ctypes.CDLL(None).shmctl(int(words[1]), 0, None)  # IPC_RMID
    except (OSError, IndexError, ValueError, AttributeError, TypeError):
        pass  # it went down by itself and tidied up, or this system has none


def _copied(programs: Path, folder: Path) -> Path:
    """The wheel's programs with the libraries beside them, in *folder*: some 50 MB."""
    package = programs.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / package.name / programs.relative_to(package)


def _works(*words: str) -> bool:
    """Whether a command ends well; words alone are tried with `true`."""
    argv = [*words, "true"] if words in (NAMESPACE, BECOME) else [*words]
    try:
        return subprocess.run(argv, capture_output=True, timeout=10, check=False, cwd="/").returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
