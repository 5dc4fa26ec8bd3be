"""A shop grows from one machine to two continents: eleven texts, each built for a number that hurt in the one before.

Nobody draws eleven boxes on the first day. Each step answers one number that hurt, and its text is the design that the
next number hurts. The texts are in growth/, one file a step; `tried` puts a design to one of the trials.

    tried(step("zones"), "zone lost").availability          what_changed("zones", "patience")

Promised: every figure comes from a seeded run of the text that is shown. Not here: whether your shop needs a step: each
costs money, and each brings something that can break.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from minisys.chaos.plan import Fault, FaultPlan
from minisys.design.cost import monthly
from minisys.design.explore import altered
from minisys.design.flat import flatten
from minisys.design.network import Network
from minisys.design.parts import Autoscaler, Call, Clients, Database, Design, Part
from minisys.design.quantities import written
from minisys.design.run import Run, run
from minisys.design.text import read
from minisys.design.traffic import Traffic
from minisys.design.words import of_arrow, of_part, share, time
from minisys.testbed.tables import Table, table

FOLDER = Path(__file__).with_name("growth")
FILES = {path.stem[3:].replace("_", " "): path for path in sorted(FOLDER.glob("[0-9][0-9]_*.yaml"))}
STEPS = tuple(FILES)
SEED = 14


class Trial(NamedTuple):
    """What a design is put to: who comes, what breaks, for how many seconds; *words* say it."""

    words: str
    traffic: Traffic
    plan: FaultPlan
    for_s: float


TRIALS = {
    "quiet": Trial("a quiet hour, 160 users a second", Traffic.steady(), FaultPlan(), 12.0),
    "sale": Trial("five times the users for 8 seconds", Traffic.flash_sale(5, 3, 1, 8), FaultPlan(), 14.0),
    "slow bank": Trial(
        "the bank takes 4 s longer, for 6 seconds",
        Traffic.steady(),
        FaultPlan([Fault("slow answers", "payment", 4, 6, delay_s=4.0)]),
        14.0,
    ),
    "zone lost": Trial(
        "zone eu-a is dark for 10 seconds", Traffic.steady(), FaultPlan([Fault("zone loss", "eu-a", 4, 10)]), 20.0
    ),
    "great sale": Trial("forty times the users for 4 seconds", Traffic.flash_sale(40, 3, 1, 4), FaultPlan(), 9.0),
    "region lost": Trial(
        "Europe is dark for 10 seconds", Traffic.steady(), FaultPlan([Fault("region loss", "eu", 4, 10)]), 20.0
    ),
}


def text(name: str) -> str:
    """The text of the step *name*. Raises ValueError for another name than those of STEPS."""
    if name not in FILES:
        raise ValueError(f"there is no step {name!r}; there are {', '.join(STEPS)}")
    return FILES[name].read_text("utf-8")


@cache
def step(name: str) -> Design:
    """The design of the step *name*, read from its text. Raises ValueError for another name."""
    return read(text(name))


def scheduled(name: str, copies: int) -> Design:
    """The step *name* on a day that was announced: every autoscaler keeps at least so many *copies*."""
    values = {}
    for part in step(name).parts:
        if (scaler := getattr(part, "autoscaler", None)) is not None:
            values[f"{part.name}.copies"] = max(copies, part.copies)
            values[f"{part.name}.autoscaler"] = replace(scaler, low=max(copies, scaler.low))
    return altered(step(name), values)


@cache
def tried(design: Design | str, trial: str, seed: int = SEED) -> Run:
    """*design* (or a step's name) in one of TRIALS. Raises ValueError for another trial."""
    if trial not in TRIALS:
        raise ValueError(f"there is no trial {trial!r}; there are {', '.join(TRIALS)}")
    if isinstance(design, str):
        return tried(step(design), trial, seed)
    _, traffic, plan, for_s = TRIALS[trial]
    return run(design, traffic, plan, for_s=for_s, seed=seed)


def seen(name: str, trial: str) -> dict[str, Any]:
    """A step in a trial: what its users saw, its busiest part, its bill."""
    found = tried(name, trial)
    users = found.parts.set_index("part")
    far = [part.name for part in step(name).of(Clients)][-1]
    return {
        "step": name,
        "answered": share(float(f"{found.availability:.4g}")),
        "p50 in US": time(users.loc[far, "p50_s"]),
        "p99 of those": time(found.latency_s(99)),
        "busiest": _busiest(found),
        "dollars a month": f"{monthly(step(name)).total:,.0f}",
    }


def beside(before: str, after: str, trial: str) -> Table:
    """Two steps in one trial, one below the other: the number that hurt, and what became of it."""
    words = TRIALS[trial].words
    return table(pd.DataFrame([seen(before, trial), seen(after, trial)]), caption=f"{trial.capitalize()}: {words}")


def ladder(trials: Sequence[str] = tuple(TRIALS), steps: Sequence[str] = STEPS) -> Table:
    """The share of requests answered, and their p99, of every step in every trial."""
    rows = []
    for name in steps:
        runs = {trial: tried(name, trial) for trial in trials}
        cells = {
            trial: f"{share(float(f'{found.availability:.3g}'))}, {time(found.latency_s(99))}"
            for trial, found in runs.items()
        }
        rows.append({"step": name} | cells)
    return table(pd.DataFrame(rows), caption="Requests answered, and the p99 of those, by step and trial")


def timed_out(name: str, trial: str) -> Table:
    """The arrows of a step in a trial on which attempts ran out of time."""
    frame = tried(name, trial).arrows
    rows = frame.loc[frame["timed_out"] > 0, ["from", "to", "calls", "failed", "timed_out", "retries"]]
    return table(rows.reset_index(drop=True), caption=f"Attempts that ran out of time: {name}, {trial}")


def reads_and_orders(name: str, trial: str) -> Table:
    """What those saw who only looked, and what those saw who bought."""
    found = tried(name, trial)
    frame = found.trace.frame
    took = frame["finished_s"] - frame["sent_s"]
    rows = []
    for word, mine in (("reads", found.requests.write == 0), ("orders", found.requests.write == 1)):
        well = mine & (frame["outcome"] == "ok").to_numpy()
        times = [time(float(took[well].quantile(q))) for q in (0.5, 0.99)]
        answered = share(float(f"{100 * well.sum() / mine.sum():.4g}") / 100)
        rows.append({"who": word, "requests": int(mine.sum()), "answered": answered, "p50": times[0], "p99": times[1]})
    return table(pd.DataFrame(rows), caption=f"{trial.capitalize()}, {name}: who looks and who buys")


def far_writes(name: str, database: str, origin: str) -> Table:
    """For each shard of *database*: how long a write from region *origin* is under way, without any work or waiting.

    There and back to the shard's primary, and from there to as many other copies as its majority needs.
    """
    flat = flatten(step(name), Network())
    part = next(part for part in flat.design.of(Database) if part.name == database)
    home = list(flat.design.regions).index(origin) + sum(map(len, flat.design.regions.values()))
    rows = list(flat.copies_of(flat.names.index(database)))
    found = []
    for shard in range(part.shards):
        members = [flat.zone_of[row] for row in rows[shard * part.copies : (shard + 1) * part.copies]]
        there = 2 * flat.half_s[home, members[0]]
        more = sorted(2 * flat.half_s[members[0], other] for other in members[1:])[part.copies // 2 - 1]
        zone = [zone for zones in flat.design.regions.values() for zone in zones][members[0]]
        found.append({"shard": f"shard {shard + 1}", "primary in": zone, "there and back": time(there),
                      "its majority": time(more), "together": time(there + more)})  # fmt: skip
    return table(pd.DataFrame(found), caption=f"{name}: a write from {origin}, by shard, distances only")


def what_changed(before: str, after: str) -> Table:
    """What is different in the text of the step *after*: new and removed parts, and fields with their values."""
    old, new = ({part.name: part for part in step(name).parts} for name in (before, after))
    rows = [{"part": name, "was": "", "is": f"new: {_facts(part)}"} for name, part in new.items() if name not in old]
    for name, part in new.items():
        if name in old:
            pairs = [*_changes(old[name], part)]
            was, now = ("; ".join(filter(None, said)) for said in zip(*pairs, strict=True)) if pairs else ("", "")
            rows += [{"part": name, "was": was, "is": now}] if pairs else []
    rows += [{"part": name, "was": old[name].kind, "is": "gone"} for name in old if name not in new]
    return table(pd.DataFrame(rows), caption=f"From “{before}” to “{after}”")


def _changes(old: Part, new: Part) -> Iterator[tuple[str, str]]:
    """(was, is) of each field that differs, the arrows one by one."""
    for one in fields(new):
        a, b = getattr(old, one.name, None), getattr(new, one.name)
        if a == b or one.name == "calls":
            continue
        yield _fact(one, a), _fact(one, b)
    arrows = [{(call.to, call.on): call for call in part.calls} for part in (old, new)]
    same = [key for key in arrows[0] if key in arrows[1]]
    pairs = [(arrows[0][key], arrows[1][key]) for key in same]
    alone = [[call for key, call in one.items() if key not in same] for one in arrows]
    for a, b in [*pairs, *zip_longest(*alone)]:
        if a != b:
            yield _arrow(a), _arrow(b)


def _arrow(call: Call | None) -> str:
    return f"calls {call.to}: {of_arrow([call]) or 'every request'}" if call else ""


def _facts(part: Part) -> str:
    copies = f"{part.copies} copies" if part.copies > 1 else ""
    calls = dict.fromkeys(f"calls {call.to}" for call in part.calls)
    return ", ".join(word for word in (of_part(part), copies, *calls) if word)


def _fact(one: Any, value: Any) -> str:
    """A field with its value, as the text has it."""
    if isinstance(value, tuple):
        return f"{one.name}: {', '.join(value) or 'all'}"
    if isinstance(value, Autoscaler):
        return f"{one.name}: {value.low} to {value.high} copies"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{one.name}: {str(value).lower()}"
    return f"{one.name}: {written(one, value)}"


def _busiest(found: Run) -> str:
    frame = found.parts.set_index("part")
    name = found.bottleneck()
    return f"{name}, {float(frame['utilisation'][name]):.0%}" if name else ""
