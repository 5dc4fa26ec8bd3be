"""Runs every test of the course, step by step, and says at the end where the time went: `make test`.

A red line in the middle of a long log is easily missed, and a suite that stops at the first failure shows one fault a
day. So each step runs whatever the ones before it did, the table at the end names those that failed and the slowest
first, and the last line counts all tests. At the end nothing may be left over: no process, no temporary file, no
change in the project's folder. With the word
`check` it runs lint, types and imports only. It installs nothing but Chromium and redis-tools.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from leftovers import Leftovers

from minisys.testbed import browser

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest", "-q", "--no-header", "--durations=5", "--durations-min=2"]
LIMIT_S = 1200


@dataclass(frozen=True)
class Step:
    """One thing to run: its *name* in the table, its *command*; *quiet* if only a failure's output matters."""

    name: str
    command: Sequence[str]
    quiet: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a step: how many tests passed, failed and were skipped; the step itself counts if it has none."""

    name: str
    seconds: float
    passed: int
    failed: int
    skipped: int = 0
    note: str = ""


TYPES = Step("types (mypy)", ["nice", "-n19", PYTHON, "-m", "mypy", "--no-error-summary"], quiet=True)
CHECKS = [  # the last one compiles once what three workers would else compile at the same moment
    Step("lint (ruff)", [PYTHON, "-m", "ruff", "check", "--quiet", "."], quiet=True),
    Step("imports (import-linter)", [PYTHON, "-c", "from importlinter import cli; cli.lint_imports_command()"], True),
    Step("labs match their solutions", [PYTHON, "-m", "minisys.grading.make_labs", "--check"], quiet=True),
    Step("designs compiled (numba)", [PYTHON, "-c", "from minisys.design import fast; fast.warm_up().join()"], True),
]
ELSEWHERE = ["--ignore=tests/notebooks", "--ignore=tests/browser"]
NBVAL = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=180", "--nbval-sanitize-with=tools/nbval.cfg"]
TESTS = [  # three at a time on two cores, as many tests wait for servers; notebooks measure, and get a core each
    Step("unit and property tests", [*PYTEST, "-n3", "--dist=worksteal", "tests", *ELSEWHERE]),
    Step("notebooks (nbval)", [*PYTEST, "-n2", "--dist=loadfile", *NBVAL, "tests/notebooks", "notebooks", "solutions"]),
]
BROWSER = Step("browser (Chromium)", [*PYTEST, "-rP", "-n2", "--dist=loadscope", "tests/browser"])  # P: sliders' times


def main(words: Sequence[str]) -> int:
    """Run the steps; *words* ["check"] for lint, types and imports only. Returns the exit code."""
    with ThreadPoolExecutor(1) as aside:  # mypy works on what the others leave of the cores: they wait a lot
        types = aside.submit(run, TYPES)
        results = [run(step) for step in CHECKS]
        if list(words) != ["check"]:
            _install()
            with Leftovers(ROOT) as leftovers:
                results += [run(step) for step in TESTS] + [_browser()]
                results.append(types.result())
            results.append(_left_over(leftovers))
        else:
            results.append(types.result())
    return report(results)


def run(step: Step) -> Result:
    """Run one step and count its tests; a step that runs no test, or overruns its limit, has failed."""
    if not step.quiet:
        print(f"\n== {step.name}", flush=True)
    started = time.monotonic()
    lines: list[str] = []
    process = subprocess.Popen(
        step.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.append(line)
            if not step.quiet:
                print(line, end="", flush=True)
        status = process.wait(LIMIT_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    if step.quiet and status:
        print(f"\n== {step.name}\n{''.join(lines)}", flush=True)
    return _counted(step, status, time.monotonic() - started, "".join(lines[-1:]))


def _counted(step: Step, status: int, seconds: float, last: str) -> Result:
    """The result of *step*: from pytest's closing line if it is one, else one passed or one failed."""
    found = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped|xfailed)", last)}
    if "pytest" not in step.command:
        return Result(step.name, seconds, passed=int(status == 0), failed=int(status != 0))
    failed = found.get("failed", 0) + found.get("error", 0)
    note = {0: "", 1: "", 5: "ran no test"}.get(status, f"pytest ended with {status}")
    failed = max(failed, int(status != 0))
    return Result(step.name, seconds, found.get("passed", 0), failed, found.get("skipped", 0), note)


def _install() -> None:
    """Debian's packages that some tests need and a machine may lack: installed where that is allowed."""
    lacking = [] if browser.chromium() else ["chromium"]
    lacking += [] if shutil.which("redis-benchmark") else ["redis-tools"]
    if lacking and shutil.which("apt-get") and _root() is not None:
        print(f"\n== installing {' and '.join(lacking)} from Debian's packages", flush=True)
        for words in (["update"], ["install", "--yes", "--no-install-recommends", *lacking]):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([*(_root() or []), "apt-get", "-qq", *words], stdout=subprocess.DEVNULL, env=environment)


def _browser() -> Result:
    """The browser step, if Chromium is there: demanded in CI, else left out aloud."""
    started = time.monotonic()
    if browser.chromium():
        return run(BROWSER)
    in_ci = os.environ.get("CI") == "true"
    note = "no Chromium here: install it to run these (Debian: apt install chromium)"
    print(f"\n== {BROWSER.name}: {note}", flush=True)
    return Result(BROWSER.name, time.monotonic() - started, 0, failed=int(in_ci), skipped=int(not in_ci), note=note)


def _root() -> list[str] | None:
    """What goes before a command that needs root: nothing as root, sudo in CI if it asks no password; else None."""
    if os.geteuid() == 0:
        return []
    if os.environ.get("CI") == "true" and shutil.which("sudo"):
        return ["sudo", "-n"] if subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0 else None
    return None


def _left_over(leftovers: Leftovers) -> Result:
    for line in leftovers.found:
        print(f"left over: {line}", flush=True)
    return Result("nothing left over", leftovers.seconds, int(not leftovers.found), int(bool(leftovers.found)))


def report(results: Sequence[Result]) -> int:
    """Print the table, slowest first, and the closing line; returns the exit code."""
    print("\n   seconds  passed  failed  skipped  step")
    for r in sorted(results, key=lambda result: -result.seconds):
        name = ("FAILED " if r.failed else "") + r.name + (f" ({r.note})" if r.note else "")
        print(f"{r.seconds:>10.1f}{r.passed:>8}{r.failed:>8}{r.skipped:>9}  {name}")
    passed, failed, skipped = (sum(getattr(r, part) for r in results) for part in ("passed", "failed", "skipped"))
    print(f"{sum(r.seconds for r in results):>10.1f}  in all (types were checked beside the others)\n")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
