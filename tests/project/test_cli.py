"""The command `minisys`: a menu that appears at once, and commands that do what they say."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from minisys import lab_server
from minisys.cli import app

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]


def test_the_menu_names_every_command_with_one_line():
    shown = CliRunner().invoke(app, ["--help"]).output
    for name in COMMANDS:
        assert f" {name} " in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    done = CliRunner().invoke(app, [name, "--help"])
    assert done.exit_code == 0
    assert name in done.output


def test_the_menu_loads_no_room():
    program = "import sys, minisys.cli; print({'pandas', 'numpy', 'altair', 'jupyter_client'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_lab_passes_its_options_on_and_its_exit_code_back(monkeypatch):
    seen = {}
    monkeypatch.setattr(lab_server, "run", lambda **options: seen.update(options) or 3)
    done = CliRunner().invoke(app, ["lab", "labs/03_load_balancing.ipynb", "--port", "9999", "--no-browser"])
    assert (done.exit_code, seen) == (3, {"page": "labs/03_load_balancing.ipynb", "port": 9999, "browser": False})


def test_quiz_passes_its_filters_on_and_leaves_open_what_is_not_given(monkeypatch):
    from minisys.interview import terminal

    seen = []
    monkeypatch.setattr(terminal, "run", lambda *chapter, **options: seen.append((*chapter, options)))
    CliRunner().invoke(app, ["quiz", "--family", "data", "--level", "senior", "--kind", "drill", "--count", "3"])
    CliRunner().invoke(app, ["quiz", "03", "--seed", "7"])
    assert seen == [
        (None, {"count": 3, "family": "data", "level": "senior", "kind": "drill", "seed": None}),
        ("03", {"count": 8, "family": None, "level": None, "kind": None, "seed": 7}),
    ]


def test_a_port_that_cannot_be_is_refused():
    done = CliRunner().invoke(app, ["lab", "--port", "70000"])
    assert done.exit_code == 2
    assert "65535" in done.output
