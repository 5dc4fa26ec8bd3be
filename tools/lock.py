"""Writes requirements.lock from pyproject.toml: `make lock`, after a dependency has changed.

Two people installing a week apart must get the same packages, to the byte, whatever registry or mirror they use. So
the lock is universal (all systems, all Pythons from 3.11), has a hash for every file and names no address. Settings of
the machine it is made on are kept out. It does not install anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# Made by `make lock` from pyproject.toml: every package of every extra, for every system.\n"
COMMAND = [
    "pip", "compile", "pyproject.toml", "--no-config", "--universal", "--python-version", "3.11", "--all-extras",
    "--generate-hashes", "--fork-strategy", "fewest", "--no-emit-index-url", "--no-header", "--quiet",
]  # fmt: skip


def main() -> int:
    """Compile; extra words go to uv (`--upgrade-package numpy`). Versions already locked stay unless asked for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "requirements.lock")
        if (ROOT / "requirements.lock").exists():
            made.write_text((ROOT / "requirements.lock").read_text("utf-8"), "utf-8")
        command = [sys.executable, "-m", "uv", *COMMAND, "--output-file", str(made), *sys.argv[1:]]
        status = subprocess.run(command, cwd=ROOT, env=environment).returncode
        if status == 0:
            text = made.read_text("utf-8").replace("\r\n", "\n")
            (ROOT / "requirements.lock").write_text(HEADER + text.removeprefix(HEADER), "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
