"""What the interviewer can do with a design text that you cannot do in your head: draw it, run it, attack it.

A person across the table says "that looks fine". The machine says that p99 is 900 ms, and that everything is gone for
ten minutes when the one database dies, with the plan and the seed that show it.

Promised: your traffic and what a request costs are the case's, also if your text says otherwise, and a line says so;
so are the objectives. The same text and seed give the same lines in every process. Not done: reading minds; what your
text does not say is not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from minisys.design.parts import Cache, Call, Clients, Database, Design, Part, Service

if TYPE_CHECKING:  # loads the simulation, which a page without a design does not need
    from minisys.design.cases.change import Change

LONGEST = 20_000  # characters of a design text
ATTACKED = 4_000  # requests of users in each run of the attack: somebody waits for it
CHEAPEST = 0.5  # of the case's work a request: below that your text is not believed


class Case(Protocol):
    """What an interview needs of a case; `minisys.design.cases` has them."""

    name: str
    title: str
    brief: str
    prompts: Mapping[str, str]
    change: Change
    slice: str
    follow_ups: tuple[str, ...]

    def design(self) -> Design:
        """The reference design, with its objectives."""

    def after(self) -> Design:
        """The same with the traffic and the objectives of the change."""


@dataclass(frozen=True)
class Seen:
    """A design that was run: *design* as it was run, *rows* (objective, wanted, got, kept, evidence), and *notes*."""

    design: Design
    rows: tuple[tuple[str, str, str, bool, str], ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every objective is kept."""
        return all(row[3] for row in self.rows)

    def measured(self) -> tuple[str, ...]:
        """One line for each objective, and the notes: what may be quoted as evidence."""
        said = (
            f"{what}: wanted {wanted}, got {got}: {'kept' if kept else 'missed'}"
            for what, wanted, got, kept, _ in self.rows
        )
        return (*said, *self.notes)


def starter(case: Case) -> str:
    """A text to begin with: the case's clients, one server and one database, with the case's work a request."""
    from minisys.design.text import write

    there = case.design()
    server = next(iter(there.of(Service)), Service("app", takes=0.01))
    base = next(iter(there.of(Database)), Database("db", takes=0.002))
    clients = [replace(each, calls=(Call("app"),)) for each in there.of(Clients)]
    app = Service("app", takes=server.takes, workers=server.workers, calls=(Call("db"),))
    db = Database("db", takes=base.takes, write=base.write, workers=base.workers)
    return write(Design(there.name, (*clients, app, db), there.regions))


def wanted(case: Case, changed: bool = False) -> list[str]:
    """What the case promises, a line each: "p99: 150 ms". Known before anything is run. *changed*: after the change."""
    from minisys.design.text import write

    there = case.after() if changed else case.design()
    said = write(there).partition("\nobjectives: {")[2].strip().rstrip("}")
    lines = re.split(r",\s+(?=[a-z]\w*:)", said) if said else []
    lines = [re.sub(r"(?<=\$)\d{4,}", lambda found: f"{int(found[0]):,}", line) for line in lines]
    return [*lines, case.change.fault.told()] if changed and case.change.fault else lines


def read(case: Case, text: str, changed: bool) -> tuple[Design, tuple[str, ...]]:
    """The design in *text* with what the case gives, and a line for each thing that was put right.

    *changed*: with the traffic and objectives of the case's change. Raises ValueError with the line and what to write.
    """
    from minisys.design import text as reading

    if not text.strip() or len(text) > LONGEST:
        raise ValueError(f"write the design as text, in at most {LONGEST:,} characters; the starter shows how")
    mine, there = reading.read(text), case.after() if changed else case.design()
    if not any(mine.of(Clients)):
        raise ValueError("there are no clients in it; put the case's clients back, as the starter has them")
    notes, parts = [], list(mine.parts)
    for i, part in enumerate(parts):
        given = _given(part, mine, there)
        for name, value in given.items():
            if name == "rate" and changed and case.change.traffic != 1:
                notes.append(f"{part.name}: run with {value:,.4g}/s, the new forecast, whatever the text says")
            else:
                notes.append(f"{part.name}: {name} is {value:.4g} in this case, not {getattr(part, name):.4g}")
        parts[i] = replace(part, **given)
        notes += [*_unused(part), *_spares_nothing(part, mine)]
    return replace(mine, parts=tuple(parts), objectives=there.objectives), tuple(notes)


def _unused(part: Part) -> list[str]:
    """A line for a part with more zones than copies: the others stand empty, and nothing else would say so."""
    if not len(part.zones) > part.copies:
        return []
    copies = f"{part.copies} cop{'y' if part.copies == 1 else 'ies'}"
    used = ", ".join(part.zones[: part.copies])
    return [f"{part.name}: {len(part.zones)} zones, {copies}: only {used} is used; write copies: {len(part.zones)}"]


def _spares_nothing(part: Part, mine: Design) -> list[str]:
    """A line for a database that is asked after a cache, whatever the cache has said."""
    kinds = {each.name: each for each in mine.parts}
    caches = [i for i, call in enumerate(part.calls) if isinstance(kinds.get(call.to), Cache)]
    after = part.calls[caches[0] + 1 :] if caches else ()
    asked = [call.to for call in after if call.on in ("all", "reads") and isinstance(kinds.get(call.to), Database)]
    how = f"write {{to: {asked[0]}, on: misses}} and {{to: {asked[0]}, on: writes}}" if asked else ""
    return [f"{part.name}: {asked[0]} is asked on hits too, the cache spares it nothing; {how}"] if asked else []


def _given(part: Part, mine: Design, there: Design) -> dict[str, Any]:
    """The fields of *part* that the case decides and that its writer changed."""
    if isinstance(part, Clients):
        total, asked = sum(each.rate for each in there.of(Clients)), sum(each.rate for each in mine.of(Clients))
        theirs = list(there.of(Clients))
        same = next((each for each in theirs if each.name == part.name), theirs[0])
        wanted = {"rate": part.rate / max(asked, 1e-9) * total, "writes": same.writes}
        return {name: value for name, value in wanted.items() if abs(value - getattr(part, name)) > 0.01 * value}
    alike = [each.takes for each in there.parts if each.kind == part.kind and each.takes > 0]
    least = CHEAPEST * min(alike) if alike else 0.0
    return {"takes": min(alike)} if part.takes < least else {}


def look(case: Case, text: str, seed: int, changed: bool = False) -> Seen:
    """Run the design in *text* against the objectives; *changed*: under the case's change. Raises as read() does."""
    design, notes = read(case, text, changed)
    return Seen(design, _rows(_judged(case, design, seed, changed)), notes)


def reference(case: Case, seed: int, changed: bool = False) -> Seen:
    """The case's own design, judged in the same way."""
    design = case.after() if changed else case.design()
    return Seen(design, _rows(_judged(case, design, seed, changed)))


def _judged(case: Case, design: Design, seed: int, changed: bool) -> Any:
    from minisys.design.judge import judge

    return case.change.judge(design, seed=seed) if changed else judge(design, seed=seed)


def _rows(verdict: Any) -> tuple[tuple[str, str, str, bool, str], ...]:
    return tuple((row.objective, row.wanted, row.told, bool(row.kept), row.evidence) for row in verdict.rows)


def weaknesses(case: Case, text: str, seed: int, changed: bool = False) -> tuple[dict[str, Any], ...]:
    """What attack() finds in the design, the worst first, as values that JSON can hold."""
    from minisys.design.attack import attack

    design, _ = read(case, text, changed)
    found = (_told(finding) for finding in attack(design, seed=seed, requests=ATTACKED))
    if not changed or case.change.traffic == 1:
        return tuple(found)
    now = f"the new forecast of {sum(each.rate for each in design.of(Clients)):,.4g}/s"
    return tuple(one | {"sentence": one["sentence"].replace("today's traffic", now)} for one in found)


def after(case: Case, text: str, seed: int, finding: Mapping[str, Any], changed: bool = False) -> dict[str, Any]:
    """The same weakness in a mended design: its damage now, and whether it is *cured* (gone, or less than a third)."""
    now = [each for each in weaknesses(case, text, seed, changed) if each["weakness"] == finding["weakness"]]
    same = [each["damage"] for each in now if each["component"] == finding["component"]]
    damage = max(same, default=0.0)
    return {"damage": damage, "cured": damage < finding["damage"] / 3}


def _told(finding: Any) -> dict[str, Any]:
    plan = "; ".join(_lines(finding.plan)) or "no fault, only traffic"
    return {
        "weakness": finding.weakness, "component": str(finding.component), "damage": float(finding.damage),
        "sentence": finding.sentence, "plan": plan, "seed": int(finding.seed), "cure": str(finding.cure),
        "promised": bool(finding.promised),
    }  # fmt: skip


def _lines(plan: Any) -> Iterator[str]:
    """One line for each fault of a plan."""
    for fault in plan:
        yield f"{fault.kind} of {fault.target} {fault.at_s:g} s after the start"


def picture(design: Design) -> str:
    """The design as SVG."""
    from minisys.design.draw import svg

    return svg(design)
