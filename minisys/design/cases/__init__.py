"""The classic questions of design interviews, each with a reference that runs and three ways to spoil it.

"Design a ticket sale." Everybody has drawn one, and nobody has ever seen theirs sell a ticket. A case has prompts for
each phase of the interview, what a good answer holds at each level, and a reference design with objectives that it
keeps when it is run. Its damaged versions differ from it in one decision, and each breaks a promise for a known reason.

Promised: the file of a case is plain data; a case that lacks something, or changes a part that is not there, is refused
with its file's name. Not promised: that the reference is the only good answer; it is one that holds.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from minisys.design.attack import WEAKNESSES
from minisys.design.cases.change import Change
from minisys.design.parts import Design
from minisys.design.text import read

FOLDER = Path(__file__).parent
PHASES = ("scope", "estimate", "interface", "high level", "deep dive", "failures", "wrap-up")
LEVELS = ("mid", "senior", "staff")
Text = Annotated[str, Field(min_length=1)]


class Loader(yaml.SafeLoader):
    """Plain YAML in which *on* and *yes* are words, as in the text of a design."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, match) for tag, match in rules if tag != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Strict(BaseModel):
    """Unknown fields are mistakes, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Damaged(Strict):
    """The reference with one decision spoilt: *set* gives new values by their path, like {"parts.db.copies": 1}.

    The attack should name *weakness* at *component*; the verdict should say that *objective* is not kept.
    """

    label: Text
    set: dict[str, Any]
    weakness: Text
    component: Text
    objective: Text


class Case(Strict):
    """One classic question. *prompts* by phase; *slice*: which part of the estimate's traffic the reference serves;
    *change*: the requirement that changes in the middle of the interview, and is run.

    levels: what three of four points look like; follow_ups: what an interviewer asks on; reference: the design's text
    as data, with its objectives.
    """

    name: Text
    title: Text
    family: Literal["scale", "consistency", "balancing", "data", "resilience"]
    brief: Text
    prompts: dict[Text, Text]
    slice: Text
    change: Change
    levels: dict[Text, Text]
    follow_ups: Annotated[tuple[Text, ...], Field(min_length=3)]
    reference: dict[str, Any]
    damaged: Annotated[tuple[Damaged, ...], Field(min_length=3)]

    def text(self, spoilt: Damaged | None = None) -> str:
        """The reference design as text, or one of its damaged versions."""
        tree = self.reference if spoilt is None else changed(self.reference, spoilt.set)
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)

    def design(self, spoilt: Damaged | None = None) -> Design:
        """The reference design, or one of its damaged versions."""
        return read(self.text(spoilt))

    def after(self) -> Design:
        """The reference with the traffic and the objectives of the case's change."""
        return self.change.applied(self.design())


def changed(tree: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of *tree* with each of *values* at its path; None takes the entry away.

    Raises ValueError for a path through something that is not there.
    """
    new = copy.deepcopy(dict(tree))
    for path, value in values.items():
        *way, last = path.split(".")
        place: Any = new
        for step in way:
            if not isinstance(place, dict) or step not in place:
                raise ValueError(f"{path!r}: there is no {step!r}")
            place = place[step]
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return new


@cache
def case(name: str) -> Case:
    """The case called *name*. Raises ValueError if there is none, or its file has a mistake."""
    path = FOLDER / f"{name}.yaml"
    if name not in names():
        raise ValueError(f"no case {name!r}; there are {', '.join(names())}")
    try:
        found = Case.model_validate({"name": name, **yaml.load(path.read_text("utf-8"), Loader)})
    except (ValidationError, yaml.YAMLError, TypeError) as problem:
        raise ValueError(f"{path.name}: {problem}") from None
    for field, wanted, given in (("prompts", PHASES, found.prompts), ("levels", LEVELS, found.levels)):
        if tuple(given) != wanted:
            raise ValueError(f"{path.name}: {field} must be {', '.join(wanted)}, in this order, got {', '.join(given)}")
    for spoilt in found.damaged:
        if spoilt.weakness not in WEAKNESSES:
            raise ValueError(f"{path.name}: {spoilt.label!r}: no weakness {spoilt.weakness!r} is known to the attack")
    return found


def names() -> tuple[str, ...]:
    """The names of all cases, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def cases() -> tuple[Case, ...]:
    """All cases, in the order of their names."""
    return tuple(case(name) for name in names())
