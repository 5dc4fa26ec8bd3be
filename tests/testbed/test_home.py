"""The learner's data folder."""

from __future__ import annotations

from pathlib import Path

from minisys.testbed import home


def test_the_environment_names_the_folder_and_it_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path / "a" / "b"))
    assert home.data_folder() == tmp_path / "a" / "b"
    assert home.data_folder().is_dir()


def test_an_empty_name_counts_as_unset(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISYS_HOME", " ")
    monkeypatch.setattr(home.platformdirs, "user_data_dir", lambda name, appauthor: str(tmp_path / name))
    assert home.data_folder() == tmp_path / "minisys"


def test_tilde_and_relative_names_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISYS_HOME", "mine")
    assert home.data_folder() == tmp_path / "mine"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MINISYS_HOME", "~/yours")
    assert home.data_folder() == tmp_path / "yours"


def test_a_folder_that_cannot_be_made_is_returned_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINISYS_HOME", str(tmp_path / "file" / "inside"))
    assert home.data_folder() == Path(tmp_path / "file" / "inside")
