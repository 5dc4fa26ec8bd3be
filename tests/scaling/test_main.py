"""The command line of the room: answers in words, mistakes in one line."""

from __future__ import annotations

import sys

import pytest

from minisys.scaling import __main__ as command
from minisys.scaling.data import SPECSDM91


def ask(monkeypatch, capsys, *words) -> str:
    monkeypatch.setattr(sys, "argv", ["minisys.scaling", *words])
    command.main()
    return capsys.readouterr().out


def test_it_fits_a_file_and_says_how_far_to_trust_it(monkeypatch, capsys, tmp_path):
    SPECSDM91.frame.to_csv(tmp_path / "x.csv", index=False)
    said = ask(monkeypatch, capsys, "fit", str(tmp_path / "x.csv"))
    assert "0.0277 (" in said and "beta is worth a coefficient here: yes" in said
    assert "with 432 workers: 1201 (95 %: " in said


def test_it_finds_the_knee_and_counts_servers(monkeypatch, capsys):
    said = ask(monkeypatch, capsys, "knee", "--service-s", "0.025", "--servers", "8", "--slo-s", "0.25")
    assert "one queue: 299.6 requests a second" in said
    assert "111 servers (90 % busy); by the rule 111" in ask(monkeypatch, capsys, "staff", "--load", "100")


@pytest.mark.live
def test_it_tries_a_lock(monkeypatch, capsys):
    from minisys.scaling import live

    measured = live.throughput
    monkeypatch.setattr(live, "throughput", lambda **how: measured((1, 2, 3, 4), for_s=0.2, **how))
    said = ask(monkeypatch, capsys, "lock", "--no-coherency")
    assert "USL" in said and "lost" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fit", "nowhere.csv"], "nowhere.csv"),
        (["knee", "--service-s", "0.025", "--servers", "8", "--slo-s", "0.05"], "out of reach"),
        (["staff", "--load", "-1"], "got -1"),
        (["lock", "--kind", "sleeping"], "invalid choice: 'sleeping'"),
        ([], "required: question"),
    ],
)
def test_a_mistake_is_one_clear_line(monkeypatch, capsys, words, says):
    with pytest.raises(SystemExit) as ended:
        ask(monkeypatch, capsys, *words)
    assert ended.value.code == 2 and says in capsys.readouterr().err


def test_a_file_without_the_columns_is_a_clear_line_too(monkeypatch, capsys, tmp_path):
    (tmp_path / "x.csv").write_text("workers,speed\n1,2\n")
    with pytest.raises(SystemExit):
        ask(monkeypatch, capsys, "fit", str(tmp_path / "x.csv"))
    assert "columns n and throughput; it has workers, speed" in capsys.readouterr().err


def test_help_names_every_question(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        ask(monkeypatch, capsys, "--help")
    said = capsys.readouterr().out
    assert ended.value.code == 0 and all(word in said for word in ("fit", "knee", "staff", "lock", "contention"))
