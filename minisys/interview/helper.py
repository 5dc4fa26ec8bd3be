"""Where in an answer a point may have been made: suggestions for the writer, never a grade.

After twenty lines of prose one does not find one's own sentence about fencing any more. The helper points at the
sentence that most likely makes each point; the writer quotes it, or not, or quotes another.

A sentence is suggested if it has one of the point's *words* (starts of words, given in the bank, or what thesaurus.py
knows for them), or if it shares enough of the point's rare words: the share of the point's weight, by inverse document
frequency over the bank's rubrics (Manning, Raghavan and Schütze 2008, chapter 6). What is denied ("we do not need a
majority") is not said, a list of catchwords is no sentence (spoken.py), and nor is a red flag or the question itself.
Promised: a pure function of question and text, in a time that grows with the text's length; at most the first 20,000
characters are looked at. Not promised: that it understands.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from minisys.interview.quotes import is_quote
from minisys.interview.schema import Open, Point
from minisys.interview.spoken import NEGATOR, affirmed, is_list
from minisys.interview.thesaurus import canonical

MOST_CHARACTERS = 20_000
ENOUGH = 0.34  # of a point's weight that a sentence must share
SEVERAL, CROWDED = 3, 0.6  # points that a sentence makes with so large a share of its letters: catchwords
SHORTEST = 4  # words of a sentence that says something
FLAGGED = 0.75  # of a red flag's weight: then it is that, and no point


def suggest(question: Open, text: str) -> dict[int, str]:
    """For the points of *question* that *text* seems to make, by their place: the sentence that seems to make it."""
    parts, found = spoken(question, text), {}
    for place, point in enumerate(question.rubric):
        best = max(parts, key=lambda sentence: likeness(point, sentence), default="")
        if best and likeness(point, best) >= ENOUGH:
            found[place] = best
    return found


def depth(question: Open, text: str) -> tuple[int, ...]:
    """For each point, from 0 to 4, how fully *text* seems to make it: 2 for a first sign, 1 for each further."""
    parts, found = spoken(question, text), []
    for point in question.rubric:
        signs = sum(any(_signs(part, word) for part in parts) for word in point.words)
        signs = signs or int(any(likeness(point, part) >= ENOUGH for part in parts))
        found.append(min(4, signs + 1) if signs else 0)
    return tuple(found)


def spoken(question: Open, text: str) -> list[str]:
    """The sentences of *text* that say something: no red flag, no echo of the question, no list of catchwords."""
    parts = list(dict.fromkeys(sentences(text)))
    short = [part for part in parts if len(part.split()) < SHORTEST]
    if len(short) > max(2, len(parts) / 2):  # one short sentence is style, a column of them is catchwords
        parts = [part for part in parts if part not in short]
    return [part for part in parts if not _is_idle(question, part)]


def _is_idle(question: Open, sentence: str) -> bool:
    if is_quote(sentence, [question.prompt], 1) or is_list(sentence):
        return True
    if crowded(question, sentence):
        return True
    flagged = any(_share(_flag(flag), canonical(sentence)) >= FLAGGED for flag in question.red_flags)
    return flagged and not NEGATOR.search(sentence)  # "I would not shard" names a flag and avoids it


def crowded(question: Open, sentence: str) -> bool:
    """Whether *sentence* is little more than the signs of several points in a row."""
    said, covered, points = sentence.casefold(), set[int](), 0
    for point in question.rubric:
        spans = [found.span() for word in point.words for found in _pattern(word.casefold()).finditer(said)]
        points += bool(spans)
        covered |= {place for begin, end in spans for place in range(begin, end)}
    return points >= SEVERAL and len(covered) > CROWDED * len(said)


def sentences(text: str) -> list[str]:
    """The sentences of the beginning of *text*; a semicolon, an empty line or a bullet ends one, too."""
    parts = re.split(r"(?<=[.!?;])\s+|\n\s*(?:[-*•]|\d+[.)]|\n)\s*", text[:MOST_CHARACTERS])
    return [part.strip() for part in parts if part.strip()]


def likeness(point: Point, sentence: str) -> float:
    """How likely *sentence* makes *point*, from 0 to 1; 1 if it has one of the point's words."""
    if signed(point, sentence):
        return 1.0
    said = sentence if NEGATOR.search(point.point) else affirmed(sentence)
    return _share(_weights(point), canonical(said))


def signed(point: Point, sentence: str) -> bool:
    """Whether *sentence* has one of the point's words and does not deny it."""
    return any(_signs(sentence, word) for word in point.words)


def stems(text: str) -> list[str]:
    """The words of *text* in small letters, without their commonest endings."""
    words = re.findall(r"[a-zäöüß0-9]{3,}", text.casefold())
    return [re.sub(r"(?<=\w{3})(?:ings?|ed|es|e|s|ly)$", "", word) for word in words]


def _share(wanted: dict[str, float], text: str) -> float:
    """The share of the weight in *wanted* whose words are in *text*."""
    return sum(wanted[word] for word in wanted.keys() & set(stems(text))) / max(1e-9, sum(wanted.values()))


@lru_cache(maxsize=8192)
def _signs(sentence: str, word: str) -> bool:
    """Whether *sentence* says *word*, or another word for it, and does not deny it."""
    said = sentence if NEGATOR.search(word) else affirmed(sentence)
    return _has(said.casefold(), word.casefold()) or _has(canonical(said), canonical(word))


def _has(sentence: str, start: str) -> bool:
    """Whether *sentence* has words that begin like those of *start*, one after the other."""
    return _pattern(start).search(sentence) is not None


@lru_cache(maxsize=4096)
def _pattern(start: str) -> re.Pattern[str]:
    return re.compile(r"\b" + r"\w*\W+".join(map(re.escape, start.split())))


@lru_cache(maxsize=2048)
def _weights(point: Point) -> dict[str, float]:
    """The weight of each of the point's words: the rarer in the bank's rubrics, the heavier."""
    return _weighed(stems(canonical(point.point)))


@lru_cache(maxsize=2048)
def _flag(flag: str) -> dict[str, float]:
    return _weighed(stems(canonical(flag)))


def _weighed(words: Iterable[str]) -> dict[str, float]:
    count, seen = _rubrics()
    return {word: math.log((1 + count) / (1 + seen[word])) + 1e-9 for word in set(words)}


@lru_cache(maxsize=1)
def _rubrics() -> tuple[int, Counter[str]]:
    """How many points the bank has, and in how many of them each word is."""
    from minisys.interview import library  # the bank is read by the time that somebody answers

    points = [point for item in library.items() if isinstance(item.question, Open) for point in item.question.rubric]
    texts = (canonical(f"{point.point} {point.explanation}") for point in points)
    return len(points), Counter(word for text in texts for word in set(stems(text)))
