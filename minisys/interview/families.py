"""The five families of interview questions, the four levels, and how somebody stands in each.

"I am good at this, I have done forty questions." Thirty-five of them were about load balancing. Points by family and
level show the gap before an interviewer does.

Promised: the best points of each question count once, read from the progress file alone, so that the board need not
load the bank. Not done: answers that were kept before questions had families are not counted.
"""

from __future__ import annotations

from typing import Literal

from minisys.grading.progress import Entry, Points, Progress

Level = Literal["junior", "mid", "senior", "staff"]
LEVELS: tuple[Level, ...] = ("junior", "mid", "senior", "staff")
Family = Literal["scale", "consistency", "balancing", "data", "resilience"]
FAMILIES: dict[Family, str] = {
    "scale": "design for millions of users",
    "consistency": "consistency versus availability",
    "balancing": "load balancing and failover",
    "data": "sharding, replication and caching",
    "resilience": "disaster recovery and resilience",
}
HEAD = ("family", *LEVELS, "all")
Standing = dict[tuple[str, str], Points]


def best(progress: Progress) -> list[Entry]:
    """The best answer to each question that has a family, in the order in which the questions were first answered."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in progress.history("question"):
        what = (entry.chapter, entry.item)
        if "family" in entry.detail and (what not in found or entry.points > found[what].points):
            found[what] = entry
    return list(found.values())


def standing(progress: Progress) -> Standing:
    """Points got, and points to be had in what was answered, for each (family, level) with an answer."""
    found: Standing = {}
    for entry in best(progress):
        place = (str(entry.detail["family"]), str(entry.detail.get("level", "")))
        before = found.get(place, Points(0.0, 0.0))
        found[place] = Points(before.got + entry.points, before.out_of + entry.out_of)
    return found


def added(found: Standing, family: str, level: str | None = None) -> Points:
    """The points of one *family*, at one *level* or at all."""
    parts = [points for (name, at), points in found.items() if name == family and level in (None, at)]
    return Points(sum(part.got for part in parts), sum(part.out_of for part in parts))


def rows(found: Standing) -> list[tuple[str, ...]]:
    """One row of texts for each family, in the order of HEAD: "2.5 of 4", or a dash where nothing was answered."""
    return [
        (words, *(_said(added(found, family, level)) for level in LEVELS), _said(added(found, family)))
        for family, words in FAMILIES.items()
    ]


def _said(points: Points) -> str:
    return f"{round(points.got, 2):g} of {points.out_of:g}" if points.out_of else "–"
