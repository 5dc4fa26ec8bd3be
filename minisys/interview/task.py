"""Design questions: the answer is an architecture as text, and it is graded by running it.

"Add a cache and a replica" earns a nod at a whiteboard. Whether the p99 then keeps its promise, and whether a zone may
go down, nobody at the whiteboard knows. Here the answer runs against the question's objectives, and each of them says
what was got.

Promised: the traffic and the work that requests make are the question's, also if the answer says otherwise; objectives
likewise. A part that is needed stays needed: "ask the database now and then, and go on without it" would keep every
promise, so what may be left out is what the reference leaves out. Points are the share of the objectives kept. Not
done: judging whether it is elegant.
"""

from __future__ import annotations

from dataclasses import fields, replace
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from minisys.interview.asked import Asked, Strict, Text
from minisys.interview.verdict import Verdict
from minisys.testbed.units import UnclearError

MOST_CHARACTERS = 20_000
GIVEN = (  # what a part's work and its surroundings are; how many there are, and how they ask each other, is free
    "region", "rate", "writes", "keys", "skew", "takes", "law", "cv", "write", "hits", "lag", "mtbf", "mttr",
    "available", "personal", "boot", "capacity",
)  # fmt: skip
HITS = 0.95  # the best cache that is believed where the question shows none
SEED, REQUESTS = 1, 2_500  # enough for a p99, and soon enough for somebody who waits for the verdict


class Wanted(Strict):
    """What is promised, as in a design's text: "300 ms", "99.9 %", "$2,000"; left out is not asked."""

    p50: str | None = None
    p99: str | None = None
    p999: str | None = None
    availability: str | None = None
    rpo: str | None = None
    rto: str | None = None
    survive: str | None = None
    cost: str | None = None
    regions: int | None = None
    residency: str | None = None
    times: float | None = None


class Task(Asked):
    """*starter* is the design text that the reader changes; *objectives* decide; *reference* is one that keeps them.

    *hints*: said for an objective that was missed, by its name.
    """

    type: Literal["design"]
    starter: Annotated[Text, Field(max_length=MOST_CHARACTERS)]
    objectives: Wanted
    reference: Annotated[Text, Field(max_length=MOST_CHARACTERS)]
    misses: dict[str, Text] = {}

    @field_validator("objectives")
    @classmethod
    def _asks_something(cls, wanted: Wanted) -> Wanted:
        if not asked(wanted):
            raise ValueError("at least one must be given")
        return wanted


def asked(wanted: Wanted) -> dict[str, Any]:
    """The objectives that are asked, as they were written."""
    return {name: value for name, value in wanted.model_dump().items() if value is not None}


def view(question: Task) -> dict[str, Any]:
    """What a page needs: {"starter": text to edit, "objectives": [(name, wanted)]}; no options.

    The answer is the edited text. `UnclearError` carries the line and what to write, and costs nothing.
    """
    wanted = [(name, str(value)) for name, value in asked(question.objectives).items()]
    return {"starter": question.starter, "objectives": wanted, "options": []}


def judged(question: Task, answer: Any) -> Verdict:
    """Run the design in *answer* and compare. Raises UnclearError if it cannot be read, or is about another system."""
    found = import_module("minisys.design.judge").judge(_design(question, answer), seed=SEED, requests=REQUESTS)
    notes, kept = [], 0
    for row in found.rows:
        kept += row.kept
        more = "" if row.kept else question.misses.get(str(row.objective), "")
        what = f"{row.objective}: wanted {row.wanted}, got {row.told}"
        notes.append(("good" if row.kept else "bad", what, f"{row.evidence}. {more}".strip()))
    said = "All objectives kept." if kept == len(notes) else f"{kept} of {len(notes)} objectives kept."
    points = kept / len(notes) if notes else 0.0
    return Verdict(points, said, question.reference, question.explanation, tuple(notes))


def _design(question: Task, answer: Any) -> Any:
    """The design in *answer*, with the question's objectives, traffic and work."""
    if not isinstance(answer, str) or not answer.strip():
        raise UnclearError("write the design as text; the starter shows how")
    if len(answer) > MOST_CHARACTERS:
        raise UnclearError(f"a design of {len(answer):,} characters is too long; write at most {MOST_CHARACTERS:,}")
    read = import_module("minisys.design.text").read  # the design room loads slowly, and few questions need it
    try:
        drawn = read(answer)
    except ValueError as problem:
        raise UnclearError(str(problem)) from None
    starter = read(_with_objectives(question))
    _is_the_same_system(starter, drawn)
    _does_the_same_work(starter, read(question.reference), drawn)
    return replace(drawn, objectives=starter.objectives)


def _with_objectives(question: Task) -> str:
    """The starter's text with the question's objectives below it, if it has none of its own."""
    lines = [f"  {name}: {value}" for name, value in asked(question.objectives).items()]
    return "\n".join([question.starter.rstrip(), "objectives:", *lines, ""])


def _is_the_same_system(starter: Any, drawn: Any) -> None:
    """Raises UnclearError where the answer changes what is given: who comes, and what a request needs of each part."""
    there = {part.name: part for part in drawn.parts}
    reached = {call.to for part in drawn.parts for call in part.calls} | {
        str(getattr(part, "source", "")) for part in drawn.parts
    }
    for part in starter.parts:
        mine = there.get(part.name)
        if mine is None or (mine.kind != "clients" and mine.kind != "workers" and part.name not in reached):
            raise UnclearError(f"{part.name!r} is part of the question and must still be used; put it back")
        names = {field.name for field in fields(part)} & {field.name for field in fields(mine)} & set(GIVEN)
        for name in sorted(names):
            if getattr(part, name) != getattr(mine, name):
                given, got = getattr(part, name), getattr(mine, name)
                raise UnclearError(f"{part.name}: {name} is given as {given}, you wrote {got}; leave it as it was")


def _does_the_same_work(starter: Any, reference: Any, drawn: Any) -> None:
    """Raises UnclearError where a part of the question is asked less: seldom, not for all requests, or as a favour."""
    most = max([float(getattr(part, "hits", 0.0)) for part in (*starter.parts, *reference.parts)] or [0.0]) or HITS
    for part in drawn.parts:
        if part.kind in ("cache", "edge") and part.hits > most + 1e-9:
            raise UnclearError(
                f"{part.name}: hits of {100 * part.hits:g} % are not believed here; at most {100 * most:g} %"
            )
    for part in starter.parts:
        if part.kind in ("clients", "cache", "edge", "dns", "workers"):
            continue
        given, allowed, mine = (_asked(design, part.name) for design in (starter, reference, drawn))
        if not given or not mine:
            continue
        for name, word in (("share", "a smaller share"), ("times", "fewer times")):
            if min(getattr(c, name) for _, c in mine) < min(getattr(c, name) for _, c in (*given, *allowed)):
                raise UnclearError(f"{part.name} is asked {word} than the question says; leave `{name}` as it was")
        if missed := _kinds(given) - _kinds(mine) - (_kinds(given) - _kinds(allowed)):
            raise UnclearError(
                f"{part.name} is no longer asked on {' and '.join(sorted(missed))}; the question needs it there"
            )
        for name, easy in (("optional", True), ("waits", False)):
            if easy in {getattr(c, name) for _, c in mine} - {getattr(c, name) for _, c in (*given, *allowed)}:
                raise UnclearError(f"{part.name} is needed for the answer here; take `{name}` away")


def _asked(design: Any, name: str) -> list[tuple[Any, Any]]:
    """Every (part, call) that leads to the part *name*."""
    return [(part, call) for part in design.parts for call in part.calls if call.to == name]


def _kinds(calls: list[tuple[Any, Any]]) -> set[str]:
    """Which requests make these calls: behind a cache, misses are the reads; workers take what comes."""
    what = {"all": {"reads", "writes"}, "reads": {"reads"}, "misses": {"reads"}, "writes": {"writes"}}
    found = [{"reads", "writes"} if part.kind == "workers" else what[call.on] for part, call in calls]
    return set().union(*found)
