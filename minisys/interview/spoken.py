"""What a sentence affirms: "we do not need a majority" has the word, and says the opposite.

Somebody who dismisses fencing mentions it, too, and whoever lists eight catchwords has said nothing about any of them.
Promised: a pure function of the sentence; what is denied is the rest of its clause after a "no", "not", "without",
"skip", or the whole clause before "is overkill". Not done: irony, a denial in the sentence before.
"""

from __future__ import annotations

import re
from functools import lru_cache

NEGATOR = re.compile(
    r"\b(?:no|not|never|without|cannot|can't|nobody|nothing|none|neither|nor|hardly|skip\w*|ignor\w*|omit\w*|forget"
    r"|leave out|leaving out|do away with|get rid of|instead of|rather than)\b|n[’']t\b",
    re.IGNORECASE,
)
DOUBLE = re.compile(  # no denials, though they begin like one
    r"\b(?:not|no|never|cannot|can[’']?t)\b(?=\s+(?:only|just|merely|later|more than|longer than|least))"
    r"|\b(?:nothing but|no doubt|not until|why not)\b"
    r"|\b(?:cannot|can[’']t|can not|never|not|nobody|no \w+)\b[^,;:]{0,30}?\bwithout\b"
    r"|\b(?:(?:must|may|should|can|shall|will) )?(?:not|never|don[’']t) (?:forget|skip|ignore|omit)\w*",
    re.IGNORECASE,
)
VAIN = "(?:needed|necessary|required|worth|important|useful)"
DISMISSED = re.compile(
    r"\b(?:is|are|was|be|seems?|looks?|sounds?|[’']s) (?:\w+ )?(?:overkill|unnecessary|needless|pointless|useless"
    rf"|superfluous|irrelevant|exaggerated|too much|a waste|not (?:\w+ )?{VAIN})"
    rf"|\b(?:isn|aren|wasn)[’']t (?:\w+ )?{VAIN}"
    r"|\b(?:do|does|would|will)(?:n[’']t| not) (?:matter|help|pay|be needed)"
    r"|\bcan be (?:skipped|left out|ignored|omitted)"
    r"|\bneeds? (?:no|nothing)\b|\bno (?:need|use|reason|point)\b|\b(?:is|are) (?:harmless|fine)\b"
    r"|\b(?:is|are)(?:n[’']t| not| no) (?:an? )?(?:problem|issue|concern|risk)"
    r"|\b(?:overkill|not needed|not necessary|not required|unnecessary)\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"[,;:()–]|\s-\s|\b(?:but|because|so that|so|unless|until|since|which|while|therefore|hence|if|when|before)\b",
    re.IGNORECASE,
)
SMALL = frozenset(
    "a an the is are was were be been it its they them their we our i you your he she that this these those there of to"
    " in on at by for with from into as than then if when because so must may can will would should has have had do"
    " does each every one not no only before after until while which who what how where all any both other another up"
    " out over under between".split()
)
FEW = 0.18  # share of small words below which it is a list
NEAR = 5  # words that "no" and "without" reach
ITEMS = 5  # short items between commas that make a list


@lru_cache(maxsize=8192)
def affirmed(sentence: str) -> str:
    """*sentence* without what it denies, as far as that can be seen."""
    bare = DOUBLE.sub(lambda found: "x" * len(found[0]), sentence)
    kept, start = [], 0
    for mark in [*CLAUSE.finditer(bare), None]:
        end = mark.start() if mark else len(sentence)
        kept.append(_without(sentence[start:end], bare[start:end]))
        if mark:
            kept.append(mark[0])
            start = mark.end()
    return "".join(kept)


def _without(clause: str, bare: str) -> str:
    """A clause without what follows a denial in it; nothing of it if it is dismissed as a whole. *bare*: see DOUBLE."""
    if DISMISSED.search(bare):
        return " "
    denied = NEGATOR.search(bare)
    if denied is None:
        return clause
    rest = re.findall(r"\S+\s*", clause[denied.end() :])
    reach = NEAR if denied[0].lower() in ("no", "without") else len(rest)  # these deny a thing, the others a doing
    return f"{clause[: denied.start()]} {''.join(rest[reach:])}"


@lru_cache(maxsize=8192)
def is_list(sentence: str) -> bool:
    """Whether *sentence* is catchwords in a row: hardly a small word among many, or the same few over and over."""
    words = re.findall(r"[\w'’-]+", sentence.casefold())
    if len(words) < 2:
        return True
    small = sum(word in SMALL for word in words)
    items = [part.split() for part in re.split(r"[,;/|+&]|\band\b|\bor\b", sentence.casefold())]
    short = sum(0 < len(part) <= 3 and not SMALL & set(part) for part in items)
    repeated = len(words) >= 12 and len(set(words)) < 0.6 * len(words)
    bare = len(words) >= 6 and small < FEW * len(words) and (short >= 3 or len(items) == 1)
    return repeated or bare or short >= 2 * ITEMS
