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

from pydantic import Field, model_validator

from minisys.interview.asked import Asked, Option, Strict, Text
from minisys.interview.calculations import CALCULATIONS, WORKINGS
from minisys.interview.constants import figures
from minisys.interview.families import LEVELS, Level
from minisys.interview.matching import Matching
from minisys.interview.reading import Reading
from minisys.interview.task import Task
from minisys.testbed.units import check_unit

MOST_COMBINATIONS, LARGEST, HEAVIEST = 500, 1e15, 100


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
    """A wrong way to the number: another *calculation*, or stopping at a *step*; *why* is for those who went it."""

    calculation: str = ""
    step: str = ""
    why: Text

    @model_validator(mode="after")
    def _is_one_way(self) -> Slip:
        if bool(self.calculation) == bool(self.step):
            raise ValueError("a slip is either a calculation or a step of the working")
        return self


class Step(Strict):
    """One line of the working: *name* in its function, *what* it is, *how* it comes about, in which *unit*.

    *how* is an arithmetic of parameters, earlier steps and constants in braces: "{users} users × {actions}".
    """

    name: str
    what: Text
    how: Text
    unit: str


class Number(Asked):
    """A number with a *unit*. *parameters* are drawn by seed and fill the prompt, *calculation* computes the key.

    With *steps*, the working that is shown afterwards, it is a drill; its calculation is then a working, too.
    """

    type: Literal["number"]
    unit: str
    tolerance: Annotated[float, Field(gt=0, le=0.5)] = 0.02
    parameters: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = {}
    calculation: str
    steps: tuple[Step, ...] = ()
    slips: tuple[Slip, ...] = ()

    @model_validator(mode="after")
    def _can_be_computed(self) -> Number:
        check_unit(self.unit)
        drawn = [value for values in self.parameters.values() for value in values]
        if math.prod(map(len, self.parameters.values())) > MOST_COMBINATIONS or any(abs(x) > LARGEST for x in drawn):
            raise ValueError(f"parameters: at most {MOST_COMBINATIONS} combinations of numbers up to {LARGEST:g}")
        unknown = _names(self.prompt) - set(self.parameters) - set(figures())
        if unknown:
            raise ValueError(f"prompt: {{{unknown.pop()}}} is not among the parameters {sorted(self.parameters)}")
        for name in (self.calculation, *(slip.calculation for slip in self.slips if slip.calculation)):
            if name not in CALCULATIONS:
                raise ValueError(f"calculation: there is no {name!r} in interview/calculations")
            for values in self.combinations():
                if not math.isfinite(self.compute(name, values)):
                    raise ValueError(f"calculation: {name} is not finite for {values}")
        return self

    @model_validator(mode="after")
    def _shows_its_working(self) -> Number:
        if not self.steps:
            return self
        if self.calculation not in WORKINGS:
            raise ValueError(f"steps: {self.calculation} is no working")
        names, there = [step.name for step in self.steps], list(self.working(next(self.combinations())))
        if names != there:
            raise ValueError(f"steps: {self.calculation} has the steps {there}, not {names}")
        if self.steps[-1].unit != self.unit:
            raise ValueError(f"steps: the last is in {self.steps[-1].unit!r}, the answer in {self.unit!r}")
        known = set(self.parameters) | set(figures())
        for step in self.steps:
            check_unit(step.unit)
            if unknown := _names(step.how) - known:
                raise ValueError(f"steps: {{{unknown.pop()}}} in {step.name} is not known there")
            known.add(step.name)
        return self

    @model_validator(mode="after")
    def _slips_stop_on_the_way(self) -> Number:
        before = [step.name for step in self.steps[:-1]]
        for slip in self.slips:
            if slip.step and slip.step not in before:
                raise ValueError(f"slips: {slip.step!r} is none of the steps before the last, {before}")
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
        except ArithmeticError as problem:
            raise ValueError(f"calculation: {name} fails for {values}: {problem}") from None

    def working(self, values: dict[str, float]) -> dict[str, float]:
        """The steps of a drill for *values*, by name; the last is the key."""
        return WORKINGS[self.calculation](**values)

    def slipped(self, slip: Slip, values: dict[str, float]) -> float:
        """What somebody gets who makes this *slip*."""
        return self.working(values)[slip.step] if slip.step else self.compute(slip.calculation, values)


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
    """One point of a rubric: what a good answer says, and why it matters. *words*: signs of it, for helper.py.

    *weight*: what it is worth beside the others.
    """

    point: Text
    explanation: Text
    words: tuple[Text, ...] = ()
    weight: Annotated[float, Field(gt=0, le=HEAVIEST, allow_inf_nan=False, strict=True)] = 1.0


class Open(Asked):
    """An answer in words. The reader scores it by *rubric*, with a quoted line for each point; *models* by level."""

    type: Literal["open"]
    rubric: Annotated[tuple[Point, ...], Field(min_length=3)]
    red_flags: tuple[Text, ...] = ()
    models: dict[Level, Text]

    @property
    def weighted(self) -> bool:
        """Whether its points have weights of their own."""
        return any("weight" in point.model_fields_set for point in self.rubric)

    def told(self, point: Point) -> str:
        """A point as it is shown: with its share of the whole, if the points have weights."""
        share = 100 * point.weight / sum(one.weight for one in self.rubric)
        return f"{point.point} ({share:.3g} %)" if self.weighted else point.point

    @model_validator(mode="after")
    def _weighs_all_or_none(self) -> Open:
        bare = [point.point for point in self.rubric if "weight" not in point.model_fields_set]
        if self.weighted and bare:
            raise ValueError(f"rubric: give every point a weight or none; {bare[0][:60]!r} has none")
        if len({point.point for point in self.rubric}) < len(self.rubric):
            raise ValueError("rubric: two points have the same text")
        return self

    @model_validator(mode="after")
    def _has_a_model_for_each_level(self) -> Open:
        if missing := [level for level in LEVELS if level not in self.models]:
            raise ValueError(f"models: there is none for {', '.join(missing)}; each of {', '.join(LEVELS)} needs one")
        return self


Question = Annotated[Choice | Number | Ordering | Matching | Reading | Task | Open, Field(discriminator="type")]


class Chapter(Strict):
    """One file of the bank."""

    chapter: Annotated[str, Field(pattern=r"^\d\d$")]
    title: Text
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]


def _names(text: str) -> set[str]:
    """What stands in braces in *text*. Raises ValueError for braces with more than a name in them."""
    found = set()
    for _, name, spec, conversion in string.Formatter().parse(text):
        if spec or conversion or (name is not None and not name.isidentifier()):
            raise ValueError(f"in braces stands a name and nothing else, not {name!r} with {conversion or spec!r}")
        if name:
            found.add(name)
    return found
