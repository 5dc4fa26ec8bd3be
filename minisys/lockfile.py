"""Reads requirements.lock: which of its packages does this installation need?

A newcomer who wants to read a chapter should not wait for a type checker, and one who says `REAL=0` wants no server
from a third party. One lock holds everything, so that all combinations are tested together; this module picks the part
asked for by following the lock's own "via" comments from pyproject.toml. It resolves nothing and changes no version.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple


class Package(NamedTuple):
    """One entry of the lock: its *name*, its *text* with the hashes, and the names of those that need it."""

    name: str
    text: str
    needed_by: frozenset[str]

    @property
    def version(self) -> str:
        """The pinned version, "2.4.6"."""
        return self.text.split("==", 1)[1].split()[0]

    @property
    def marker(self) -> str:
        """Where it is installed, "sys_platform == 'linux'"; empty for everywhere."""
        return self.text.splitlines()[0].partition(" ; ")[2].rstrip("\\ ")


def packages(lock: str) -> list[Package]:
    """The entries of *lock*, the file's text. Raises ValueError if an entry has no hash."""
    found = []
    for text in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        match = re.match(r"[A-Za-z0-9._-]+(?===)", text)
        if not match:
            continue
        if "--hash=sha256:" not in text:
            raise ValueError(f"requirements.lock: {match.group()} has no hash; run make lock")
        comments = re.findall(r"^ +#(?: +via)? *(\S*)", text, flags=re.MULTILINE)
        found.append(Package(_normal(match.group()), text, frozenset(_normal(name) for name in comments if name)))
    return found


def chosen(lock: str, pyproject: str, extras: frozenset[str]) -> list[Package]:
    """The entries that minisys with *extras* needs; *lock* and *pyproject* are the files' texts.

    A package that several versions are locked of (one for each range of Python) comes once for each: their markers
    decide at installation.
    """
    project = tomllib.loads(pyproject)["project"]
    wanted = list(project["dependencies"])
    for extra in sorted(extras):
        wanted += project["optional-dependencies"][extra]
    names = {_normal(re.match(r"[A-Za-z0-9._-]+", requirement).group()) for requirement in wanted}  # type: ignore[union-attr]
    everything = packages(lock)
    while True:
        more = {package.name for package in everything if package.needed_by & names} - names
        if not more:
            return [package for package in everything if package.name in names]
        names |= more


def _normal(name: str) -> str:
    """ "Types_PyYAML" and "types-pyyaml" are one package."""
    return re.sub(r"[-_.]+", "-", name).lower()
