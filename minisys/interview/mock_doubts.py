"""What to doubt in a scorecard: phases that hardly took place, prompts without an answer, high scores on few words.

"Hire", after five of thirty minutes: you scored yourself, and nobody objected. Promised: only what can be counted is
said, seconds and words, and no score is changed. Not done: whether an answer was right, or which of several questions
in one prompt it left out; a prompt with little said is quoted whole, so that you can see for yourself.
"""

from __future__ import annotations

from collections.abc import Iterator

from minisys.interview.mock import PHASES, Line, Mock
from minisys.interview.quotes import plain

LEAST = 0.2  # of its planned time that a phase should take
FEW, THIN = 12, 8  # words: of an answer to a prompt, of the evidence for a high score
HIGH = 3
LONGEST = 300  # characters of a prompt that are quoted


def doubts(mock: Mock) -> list[str]:
    """One line each; empty where nothing speaks against the card."""
    return [*_phases(mock), *_prompts(mock), *_scores(mock)]


def _phases(mock: Mock) -> Iterator[str]:
    short = [
        f"{name} {mock.spent_s[i] / 60:.1f} of {mock.planned_s(i) / 60:.1f} min"
        for i, name in enumerate(PHASES)
        if mock.spent_s[i] < LEAST * mock.planned_s(i)
    ]
    if short:
        yield f"Hardly took place (below {100 * LEAST:.0f} % of the plan): {'; '.join(short)}"


def _prompts(mock: Mock) -> Iterator[str]:
    for prompt, words, drew in _answered(mock.lines):
        if not drew and words < FEW:
            said = f"answered in {words} words" if words else "never answered"
            yield f"{prompt.phase}, {said}: “{_short(prompt.text)}”"


def _answered(lines: tuple[Line, ...]) -> Iterator[tuple[Line, int, bool]]:
    """Each prompt with the words that came before the next one, and whether a design was run."""
    asked = [i for i, line in enumerate(lines) if line.who == "interviewer"]
    for i, until in zip(asked, [*asked[1:], len(lines)], strict=True):
        said = lines[i + 1 : until]
        words = sum(len(plain(line.text).split()) for line in said if line.who == "candidate")
        yield lines[i], words, any(line.who == "machine" for line in said)


def _short(text: str) -> str:
    """The last paragraph: the questions; what stands before it is the brief."""
    last = text.strip().split("\n\n")[-1]
    return last if len(last) <= LONGEST else f"… {last[-LONGEST:]}"


def _scores(mock: Mock) -> Iterator[str]:
    thin = [
        f"{name} {score} (“{evidence}”)"
        for name, (score, evidence) in mock.card.items()
        if score >= HIGH and len(plain(evidence).split()) < THIN
    ]
    if thin:
        yield f"High scores on fewer than {THIN} words of evidence: {'; '.join(thin)}"
