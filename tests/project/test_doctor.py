"""The doctor: finds nothing on a sound machine, and each ill it knows on a sick one."""

from __future__ import annotations

import socket

import pytest

from minisys import doctor
from minisys.testbed import browser


def test_this_machine_has_everything_essential():
    assert [finding for finding in doctor.look() if finding.mark == doctor.BAD] == []
    assert doctor.run() == 0


def test_every_finding_that_is_not_ok_says_how_to_mend_it():
    assert all(bool(finding.mend) is (finding.mark != doctor.OK) for finding in doctor.look())


def test_a_package_of_another_version_is_found(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda name: "0.1" if name == "numpy" else "")
    (finding,) = doctor._packages()
    assert finding.mark == doctor.BAD
    assert "missing (locked: " in finding.seen


def test_a_missing_half_of_a_widget_library_is_found(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "files", lambda name: [])
    (finding,) = doctor._widgets()
    assert (finding.mark, finding.mend) == (doctor.BAD, "make clean lab")
    assert "anywidget" in finding.seen


def test_a_refused_port_is_found(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "create_server", refuse)
    (finding,) = doctor._loopback()
    assert finding.mark == doctor.BAD
    assert "not permitted" in finding.seen


def test_a_data_folder_that_cannot_be_written_is_found(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path / "file" / "below"))
    (finding,) = doctor._data_folder()
    assert finding.mark == doctor.BAD


def test_a_python_that_is_too_old_is_found(monkeypatch):
    monkeypatch.setattr(doctor, "OLDEST", (9, 0))
    (finding,) = doctor._python()
    assert finding.mark == doctor.BAD


def test_a_check_that_fails_itself_is_a_finding_and_the_round_goes_on(monkeypatch, capsys):
    def _broken():
        raise KeyError("speed")

    monkeypatch.setattr(doctor, "CHECKS", [_broken, doctor._python])
    assert [finding.what for finding in doctor.look()] == ["broken", "Python"]
    assert doctor.run() == 1
    assert "1 to mend" in capsys.readouterr().out


@pytest.mark.parametrize("named", ["/no/such/browser", ""])
def test_a_named_chromium_must_exist_and_none_named_means_the_usual_ones(monkeypatch, named):
    monkeypatch.setenv("CHROMIUM", named)
    monkeypatch.setattr(browser, "CHROMIUM", ("sh",))
    monkeypatch.setattr(browser, "CHROMIUM_MAC", "/nowhere")
    assert bool(browser.chromium()) is (named == "")
