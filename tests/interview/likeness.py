"""How alike two questions are: the cosine of their word counts, rare words counting more (TF-IDF), on word stems.

Two questions that ask the same thing in another order share their rare words; two that merely speak of databases share
common ones. Source: Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval, chapter 6.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from minisys.interview.schema import Choice, Matching, Open, Ordering, Question, Reading


def text(question: Question) -> str:
    """What is asked for and what is offered, without the feedback."""
    parts = [question.prompt, question.prompt]  # it weighs most
    if isinstance(question, Choice):
        parts += [option.text for option in question.options]
    elif isinstance(question, Ordering):
        parts += question.items
    elif isinstance(question, Matching):
        parts += [*question.choices, *(pair.item for pair in question.pairs)]
    elif isinstance(question, Reading):
        parts += [cause.text for cause in question.causes]
    elif isinstance(question, Open):
        parts += [point.point for point in question.rubric]
    return " ".join(parts)


def alike(texts: Sequence[str]) -> np.ndarray:
    """The matrix of likeness between 0 and 1."""
    counts = [Counter(_words(each)) for each in texts]
    words = sorted(set().union(*counts))
    matrix = np.array([[count[word] for word in words] for count in counts], dtype=float)
    weight = np.log(1 + matrix) * np.log(len(texts) / (matrix > 0).sum(axis=0))
    weight /= np.linalg.norm(weight, axis=1, keepdims=True)
    return weight @ weight.T


def _words(each: str) -> list[str]:
    """Lower-case words without their commonest endings; parameters in braces count by their name."""
    return [re.sub(r"(?<=\w{3})(?:ings?|ed|es|s|ly)$", "", word) for word in re.findall(r"[a-z_]{2,}", each.lower())]
