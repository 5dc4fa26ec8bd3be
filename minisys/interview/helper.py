"""Where in an answer a point may have been made: suggestions for the writer, never a grade.

After twenty lines of prose one does not find one's own sentence about fencing any more. The helper points at the
sentence that most likely makes each point; the writer quotes it, or not, or quotes another.

A sentence is suggested if it has one of the point's *words* (starts of words, given in the bank), or if it shares
enough of the point's rare words: the share of the point's weight, by inverse document frequency over the bank's rubrics
(Manning, Raghavan and Schütze 2008, chapter 6). Promised: a pure function of question and text, in a time that grows
with the text's length; at most the first 20,000 characters are looked at. Not promised: that it understands a "not".
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

from minisys.interview.schema import Open, Point

MOST_CHARACTERS = 20_000
ENOUGH = 0.34  # of a point's weight that a sentence must share


def suggest(question: Open, text: str) -> dict[int, str]:
    """For the points of *question* that *text* seems to make, by their place: the sentence that seems to make it."""
    parts, found = sentences(text), {}
    for place, point in enumerate(question.rubric):
        best = max(parts, key=lambda sentence: likeness(point, sentence), default="")
        if best and likeness(point, best) >= ENOUGH:
            found[place] = best
    return found


def depth(question: Open, text: str) -> tuple[int, ...]:
    """For each point, from 0 to 4, how fully *text* seems to make it: 2 for a first sign, 1 for each further."""
    parts, found = sentences(text), []
    for point in question.rubric:
        signs = sum(any(_has(part.casefold(), word.casefold()) for part in parts) for word in point.words)
        signs = signs or int(any(likeness(point, part) >= ENOUGH for part in parts))
        found.append(min(4, signs + 1) if signs else 0)
    return tuple(found)


def sentences(text: str) -> list[str]:
    """The sentences of the beginning of *text*; a semicolon ends one, too."""
    return [part.strip() for part in re.split(r"(?<=[.!?;])\s+", text[:MOST_CHARACTERS]) if part.strip()]


def likeness(point: Point, sentence: str) -> float:
    """How likely *sentence* makes *point*, from 0 to 1; 1 if it has one of the point's words."""
    if any(_has(sentence.casefold(), start.casefold()) for start in point.words):
        return 1.0
    wanted = _weights(point)
    return sum(wanted[word] for word in wanted.keys() & set(stems(sentence))) / sum(wanted.values())


def stems(text: str) -> list[str]:
    """The words of *text* in small letters, without their commonest endings."""
    words = re.findall(r"[a-zäöüß0-9]{3,}", text.casefold())
    return [re.sub(r"(?<=\w{3})(?:ings?|ed|es|s|ly)$", "", word) for word in words]


def _has(sentence: str, start: str) -> bool:
    """Whether *sentence* has words that begin like those of *start*, one after the other."""
    return re.search(r"\b" + r"\w*\W+".join(map(re.escape, start.split())), sentence) is not None


@lru_cache(maxsize=2048)
def _weights(point: Point) -> dict[str, float]:
    """The weight of each of the point's words: the rarer in the bank's rubrics, the heavier."""
    count, seen = _rubrics()
    return {word: math.log((1 + count) / (1 + seen[word])) + 1e-9 for word in set(stems(point.point))}


@lru_cache(maxsize=1)
def _rubrics() -> tuple[int, Counter[str]]:
    """How many points the bank has, and in how many of them each word is."""
    from minisys.interview import library  # the bank is read by the time that somebody answers

    points = [point for item in library.items() if isinstance(item.question, Open) for point in item.question.rubric]
    return len(points), Counter(word for point in points for word in set(stems(f"{point.point} {point.explanation}")))
