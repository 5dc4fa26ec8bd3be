"""How a design round is judged: eight dimensions with weights, a score from 0 to 4 with evidence for each, a verdict.

"I felt good, and they said no." What felt good was the talking, which is five points of a hundred; the deep dive was
never reached. A scorecard with one line of evidence a score shows it, also to somebody who scores their own rehearsal.

Promised: the arithmetic, and no score without evidence. Not promised: that your interviewer uses this rubric. It merges
public ones (see SOURCES); weights and thresholds are theirs, the words are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from minisys.interview.quotes import is_quote, plain
from minisys.testbed.tables import Table, table

SOURCES = (
    "“System Design Interview Evaluation Rubric” (study-notes-dge.pages.dev), “How Interviewers Score” "
    "(tracker-7ex.pages.dev), systemoverflow.com, tryexponent.com and hellointerview.com"
)
SCORES = ("missing", "no hire", "no decision", "hire", "strong hire")  # what 0 to 4 mean
QUOTED = 12  # characters that an evidence line has at least
DECISIVE = ("deep dive", "trade-offs")  # a score of 1 or less here ends it


@dataclass(frozen=True)
class Dimension:
    """One thing that is judged: its *weight* of 100, and what a 3 looks like at each level."""

    weight: int
    mid: str
    senior: str
    staff: str


DIMENSIONS = {
    "scoping": Dimension(
        15, "asks for users, actions and limits before drawing", "cuts the scope aloud and says what is left out",
        "questions the requirement that costs more than it brings",
    ),
    "estimation": Dimension(
        10, "gets to requests a second and bytes", "lets a number decide between two designs",
        "adds the monthly cost, and what ten times the traffic changes",
    ),
    "interface and data": Dimension(
        10, "names the calls, and the records with their keys", "fits keys to queries; writes may be repeated",
        "says how both will change without downtime",
    ),
    "high-level design": Dimension(
        15, "draws one whole path from the user to the data and back", "gives each box a reason from a number",
        "offers a second design and says when it wins",
    ),
    "deep dive": Dimension(
        20, "explains one part so that it could be built", "knows its limits, its races and its hot spots",
        "goes unasked to the part that decides everything",
    ),
    "failure and recovery": Dimension(
        15, "says what happens when each box dies", "covers overload and half failures, with times",
        "says how it is noticed, practised and taken back",
    ),
    "trade-offs": Dimension(
        10, "names the price of each choice", "weighs it against an alternative, by the requirement",
        "says what would change the decision",
    ),
    "communication": Dimension(
        5, "can be followed", "leads, and asks whether to go on", "turns a disagreement into something to test",
    ),
}  # fmt: skip
PLAN = (  # phase, minutes, what happens in it
    ("scope", 5, "who, what, how much, what may be lost"),
    ("estimate", 5, "requests, bytes, the one number that decides"),
    ("interface and data", 5, "calls, records, keys"),
    ("design", 10, "one path from end to end, then the boxes around it"),
    ("deep dive and failures", 15, "the hardest part, and what happens when it breaks"),
    ("wrap up", 5, "what you left out, what comes next"),
)


def rubric() -> Table:
    """The dimensions, their weights, and what a 3 looks like at mid, senior and staff level."""
    rows = [(name, one.weight, one.mid, one.senior, one.staff) for name, one in DIMENSIONS.items()]
    columns = ["dimension", "weight", "a 3 at mid level", "senior adds", "staff adds"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"What is judged. Merged from {SOURCES}")


def verdict(scores: Mapping[str, int]) -> tuple[float, str]:
    """Points out of 100 and the verdict, for a score from 0 to 4 in each dimension.

    Strong hire: 85 points or more and no score below 3. Hire: 70 or more and none below 2. No hire: below 55, or 1 or
    less in the deep dive or the trade-offs. Otherwise no decision. Raises ValueError for a score that is missing,
    unknown or outside 0 to 4.
    """
    if set(scores) != set(DIMENSIONS):
        raise ValueError(f"score each of {', '.join(DIMENSIONS)}; got {', '.join(scores) or 'none'}")
    for name, score in scores.items():
        if score not in range(len(SCORES)):
            raise ValueError(f"{name}: a score is 0, 1, 2, 3 or 4, not {score!r}")
    points = sum(one.weight * scores[name] / 4 for name, one in DIMENSIONS.items())
    least = min(scores.values())
    if points < 55 or min(scores[name] for name in DECISIVE) <= 1:
        return points, "no hire"
    if points >= 85 and least >= 3:
        return points, "strong hire"
    return points, "hire" if points >= 70 and least >= 2 else "no decision"


def reason(scores: Mapping[str, int]) -> str:
    """What decided the verdict on *scores*, in a few words: the scores that ended it, or the points.

    Empty for a strong hire and a hire. Raises ValueError as verdict() does.
    """
    points, said = verdict(scores)
    if said in ("hire", "strong hire"):
        return ""
    ended = [f"{name} {scores[name]}" for name in DECISIVE if scores[name] <= 1]
    if said == "no hire":
        return ", ".join(ended) or "below 55 points"
    low = [f"{name} {score}" for name, score in scores.items() if score < 2]
    return ", ".join(low) if points >= 70 else "below 70 points"


def checked(card: Mapping[str, Any], said: Iterable[str]) -> dict[str, tuple[int, str]]:
    """A filled scorecard, (score, evidence) for each dimension, whose evidence was really *said*.

    From 2 on the evidence must be words that were said, case and punctuation aside; for 0 and 1 it says what lacked.
    Raises ValueError for a dimension left out, a score that is none, or evidence that is missing or invented.
    """
    spoken, found = tuple(said), {}
    for name in DIMENSIONS:
        row = card.get(name) if isinstance(card, Mapping) else None
        score, evidence = row if isinstance(row, list | tuple) and len(row) == 2 else (None, "")
        if not isinstance(score, int) or isinstance(score, bool) or score not in range(len(SCORES)):
            raise ValueError(f"{name}: choose a score from 0 to {len(SCORES) - 1}")
        text = str(evidence).strip()
        if len(plain(text)) < QUOTED:
            raise ValueError(f"{name}: no score without evidence; write at least {QUOTED} characters")
        if score >= 2 and not is_quote(text, spoken, QUOTED):
            raise ValueError(f"{name}: “{text[:60]}” was not said; copy words, or give 0 or 1 and say what was missing")
        found[name] = (score, text)
    return found


def scorecard(card: Mapping[str, tuple[int, str]]) -> Table:
    """A filled scorecard with points and verdict: for each dimension a score and the words that are its evidence.

    Raises ValueError as verdict() does, and for a score without evidence.
    """
    bare = [name for name, (_, evidence) in card.items() if not evidence.strip()]
    if bare:
        raise ValueError(f"{bare[0]}: no score without evidence; quote what was said or not said")
    points, said = verdict({name: score for name, (score, _) in card.items()})
    rows = [
        (name, one.weight, card[name][0], round(one.weight * card[name][0] / 4, 2), card[name][1])
        for name, one in DIMENSIONS.items()
    ]
    columns = ["dimension", "weight", "score", "points", "evidence"]
    return table(pd.DataFrame(rows, columns=columns), caption=f"{points:g} of 100 points: {said}")
