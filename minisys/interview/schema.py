"""What a question is: the form of the bank's YAML files, checked before anybody is asked.

A quiz with a typo in its key teaches the wrong thing to everybody, silently. So each question says why each wrong
option is wrong, a number names the code that computes it, and what contradicts itself is refused at reading.

Promised: ValueError (pydantic's) for everything that judge.py could trip over. Not promised: that a question is good.
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from minisys.interview.calculations import CALCULATIONS
from minisys.interview.units import check_unit

Level = Literal["junior", "mid", "senior", "staff"]
LEVELS: tuple[Level, ...] = ("junior", "mid", "senior", "staff")
Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """Unknown fields are mistakes, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Option(Strict):
    """One option: its text, whether it is right, and why (shown after the answer)."""

    text: Text
    right: bool
    why: Text


class Asked(Strict):
    """What every question has. *goal*: what the reader can do who gets it right; *explanation*: shown afterwards."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)+$")]
    level: Level
    goal: Text
    prompt: Text
    explanation: Text
    hint: str = ""
    source: str = ""


class Choice(Asked):
    """One choice (exactly one option is right) or several (at least one is, and each counts)."""

    type: Literal["one", "several"]
    options: Annotated[tuple[Option, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _has_a_key(self) -> Choice:
        right = sum(option.right for option in self.options)
        if self.type == "one" and right != 1:
            raise ValueError(f"options: exactly one must be right, {right} are")
        if not right:
            raise ValueError("options: none is right")
        if len({option.text for option in self.options}) < len(self.options):
            raise ValueError("options: two have the same text")
        return self


class Slip(Strict):
    """A wrong way to compute the number, and what to say to somebody who went it."""

    calculation: str
    why: Text


class Number(Asked):
    """A number with a *unit*. *parameters* are drawn by seed and fill the prompt, *calculation* computes the key."""

    type: Literal["number"]
    unit: str
    tolerance: Annotated[float, Field(gt=0, le=0.5)] = 0.02
    parameters: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = {}
    calculation: str
    slips: tuple[Slip, ...] = ()

    @model_validator(mode="after")
    def _can_be_computed(self) -> Number:
        check_unit(self.unit)
        unknown = {name for _, name, _, _ in string.Formatter().parse(self.prompt) if name} - set(self.parameters)
        if unknown:
            raise ValueError(f"prompt: {{{unknown.pop()}}} is not among the parameters {sorted(self.parameters)}")
        for name in (self.calculation, *(slip.calculation for slip in self.slips)):
            if name not in CALCULATIONS:
                raise ValueError(f"calculation: there is no {name!r} in interview/calculations")
            for values in self.combinations():
                if not math.isfinite(self.compute(name, values)):
                    raise ValueError(f"calculation: {name} is not finite for {values}")
        return self

    def combinations(self) -> Iterator[dict[str, float]]:
        """Every choice of parameters."""
        for values in itertools.product(*self.parameters.values()):
            yield dict(zip(self.parameters, values, strict=True))

    def compute(self, name: str, values: dict[str, float]) -> float:
        """What calculation *name* gives for *values*. Raises ValueError if it does not take them."""
        try:
            return float(CALCULATIONS[name](**values))
        except TypeError as problem:
            raise ValueError(f"calculation: {name} does not take {sorted(values)}: {problem}") from None


class Ordering(Asked):
    """Things to put in order; *items* are in the right one. *why* says what decides it."""

    type: Literal["ordering"]
    items: Annotated[tuple[Text, ...], Field(min_length=3)]
    why: Text

    @model_validator(mode="after")
    def _differs(self) -> Ordering:
        if len(set(self.items)) < len(self.items):
            raise ValueError("items: two have the same text")
        return self


class Point(Strict):
    """One point of a rubric: what a good answer says, and why it matters."""

    point: Text
    explanation: Text


class Open(Asked):
    """An answer in words. The reader scores it by *rubric*, with a quoted line for each point; *models* by level."""

    type: Literal["open"]
    rubric: Annotated[tuple[Point, ...], Field(min_length=3)]
    red_flags: tuple[Text, ...] = ()
    models: Annotated[dict[Level, Text], Field(min_length=2)]


Question = Annotated[Choice | Number | Ordering | Open, Field(discriminator="type")]


class Chapter(Strict):
    """One file of the bank."""

    chapter: Annotated[str, Field(pattern=r"^\d\d$")]
    title: Text
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]
