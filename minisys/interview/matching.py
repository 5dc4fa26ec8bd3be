"""Matching: which cure belongs to which failure, which product to which idea.

Five products in one list and five sentences in the other: whoever has only heard the names can rule out two and guess
the rest. So there are sentences that belong to nothing, and each wrong pair says what either half really goes with.

Promised: every wrong pair has feedback; the items are shown in the file's order, the choices in one drawn by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from minisys.interview.asked import Asked, Strict, Text
from minisys.interview.verdict import Verdict, is_place
from minisys.testbed.units import UnclearError


class Pair(Strict):
    """*item* belongs to *choice*, and *why*, which is shown to those who matched either half with another."""

    item: Text
    choice: Text
    why: Text


class Other(Strict):
    """A *choice* that belongs to no item, and *why* it does not."""

    choice: Text
    why: Text


class Matching(Asked):
    """*pairs* to find; *others* are choices that are left over."""

    type: Literal["matching"]
    pairs: Annotated[tuple[Pair, ...], Field(min_length=3, max_length=12)]
    others: Annotated[tuple[Other, ...], Field(max_length=6)] = ()

    @model_validator(mode="after")
    def _differs(self) -> Matching:
        if len({pair.item for pair in self.pairs}) < len(self.pairs):
            raise ValueError("pairs: two have the same item")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("pairs: two have the same choice")
        return self

    @property
    def choices(self) -> tuple[str, ...]:
        """All choices: first those of the pairs, in their order, then the others."""
        return (*(pair.choice for pair in self.pairs), *(other.choice for other in self.others))


def view(question: Matching, order: Sequence[int]) -> dict[str, Any]:
    """What a page needs: {"items": texts, "options": texts in the order drawn}.

    The answer is a list with, for each item in turn, the position of the option that it is matched with. The key is not
    in here: an item's place says nothing about its option's.
    """
    return {"items": [pair.item for pair in question.pairs], "options": [question.choices[i] for i in order]}


def judged(question: Matching, order: Sequence[int], answer: Any) -> Verdict:
    """Points: the share of the items that are matched rightly. Raises UnclearError unless every item is matched."""
    count = len(question.pairs)
    whole = isinstance(answer, Sequence) and not isinstance(answer, str) and len(answer) == count
    if not whole or not all(is_place(i, len(order)) for i in answer):
        raise UnclearError(f"match every one of the {count} items with an option")
    chosen = [order[i] for i in answer]
    notes = tuple(_note(question, place, at) for place, at in enumerate(chosen))
    well = sum(place == at for place, at in enumerate(chosen))
    said = "Right." if well == count else f"{well} of {count} matched rightly."
    right = "; ".join(f"{pair.item} → {pair.choice}" for pair in question.pairs)
    return Verdict(well / count, said, right, question.explanation, notes)


def _note(question: Matching, place: int, at: int) -> tuple[str, str, str]:
    """What is said about the item at *place*, which was matched with choice *at*."""
    pair, what = question.pairs[place], f"{question.pairs[place].item} → {question.choices[at]}"
    if place == at:
        return "good", what, pair.why
    if at < len(question.pairs):
        other = question.pairs[at]
        return "bad", what, f"That belongs to “{other.item}”: {other.why} Here it is “{pair.choice}”: {pair.why}"
    return "bad", what, f"That belongs to none of them: {question.others[at - len(question.pairs)].why} {pair.why}"
