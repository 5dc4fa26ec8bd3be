"""The Makefile: `make` alone is a menu, and the menu is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Makefile").read_text("utf-8")
TARGETS = re.findall(r"^## (\w+): ", TEXT, flags=re.MULTILINE)


def make(*words: str) -> str:
    done = subprocess.run(["make", "--no-print-directory", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_alone_prints_every_target_with_what_it_does():
    lines = [line for line in make().splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == TARGETS
    assert {"lab", "test", "check", "bench", "labs", "clean"} <= set(TARGETS)


def test_every_target_that_is_a_command_is_in_the_menu():
    written = re.findall(r"^([a-z]+):", TEXT, flags=re.MULTILINE)
    assert set(written) - {"menu"} == set(TARGETS)


@pytest.mark.parametrize(("words", "left_out"), [((), False), (("REAL=0",), True), (("REAL=1",), False)])
def test_real_0_leaves_the_servers_out(words, left_out):
    assert ("tools/setup.sh --no-real" in make("-n", "lab", *words)) is left_out


def test_ci_runs_the_readmes_test_command_and_nothing_else():
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "exec make test"]
