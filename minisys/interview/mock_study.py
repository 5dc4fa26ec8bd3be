"""What to study first after a mock interview: two things, with the chapter for each.

Twelve remarks are none. First comes a dimension that ended the interview by itself; then the weakness of your own
design that did most damage and is still in it, since that is where the next interviewer will press; then the dimension
that cost most points. Promised: always two, no two alike,
each with its reason from this interview.
"""

from __future__ import annotations

from typing import NamedTuple

from minisys.interview import library
from minisys.interview.mock import Mock
from minisys.interview.rubric import DECISIVE, DIMENSIONS

CURES = {  # weaknesses of the attack, and the chapter that cures them
    "single point of failure": "01", "no replica": "06", "correlated zones": "13", "one region": "13",
    "missing timeout": "10", "retry amplification": "10", "hard dependency": "10", "unbounded queue": "08",
    "no headroom": "09", "bottleneck": "02", "state in the tier": "02", "lost writes": "06", "cold cache": "04",
    "slow failover": "03",
}  # fmt: skip
CHAPTERS = {  # dimensions of the rubric, and where they are practised
    "scoping": "15", "estimation": "02", "interface and data": "07", "high-level design": "14", "deep dive": "06",
    "failure and recovery": "12", "trade-offs": "03", "communication": "00",
}  # fmt: skip


class Advice(NamedTuple):
    """One thing to study: *what*, *why* in a sentence, its *chapter* and the chapter's notebook file."""

    what: str
    why: str
    chapter: str
    notebook: str


def study(mock: Mock) -> tuple[Advice, Advice]:
    """The two things to study first, for an interview that was scored."""
    ended = [name for name in DECISIVE if mock.card[name][0] <= 1]
    found = [_dimension(mock, name, "this alone ends it: ") for name in ended]
    weak = [
        _advice(
            f"{finding['weakness']} ({finding['component']})",
            f"it is still in your design and did damage {finding['damage']:.2g}: {finding['sentence']}",
            CURES.get(finding["weakness"], "12"),
        )
        for finding in sorted(
            mock.findings_left(), key=lambda each: (not each.get("promised", True), -each.get("damage", 0.0))
        )
        if finding.get("weakness")
    ][:1]
    found += [advice for advice in weak if advice.chapter not in [one.chapter for one in found]]
    lost = sorted(DIMENSIONS, key=lambda name: -DIMENSIONS[name].weight * (4 - mock.card[name][0]))
    for name in lost:
        if CHAPTERS[name] not in [advice.chapter for advice in found]:
            found.append(_dimension(mock, name))
    return found[0], found[1]


def _dimension(mock: Mock, name: str, before: str = "") -> Advice:
    score, evidence = mock.card[name]
    return _advice(name, f"{before}a {score} of 4 there; your evidence: “{evidence}”", CHAPTERS[name])


def _advice(what: str, why: str, chapter: str) -> Advice:
    there = chapter if chapter in library.chapters() else "15"  # a chapter that is not written yet
    return Advice(what, why, there, library.notebook(there))
