"""Whether a design makes sense as a whole: nobody calls a ghost, no request runs in a circle, no queue without an end.

The box "cache" was renamed to "redis", and one arrow still says "cache". A whiteboard does not mind.

Promised: `check` refuses what could not run, names the place, and says what to write. It does not judge: a design
without a timeout, with everything in one zone, passes here and is left to the attack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from minisys.caching.policies import POLICIES as EVICTIONS
from minisys.design.checks_stores import Problems, at, memories, stores
from minisys.design.parts import (
    Balancer,
    Cache,
    Clients,
    Design,
    Dns,
    External,
    Part,
    Queue,
    Workers,
)
from minisys.design.yaml_tree import DesignError
from minisys.load_balancing.policies import NAMES as POLICIES

MAX_PARTS, MAX_COPIES, MAX_CALLS = 200, 2_000, 50
NAME = re.compile(r"[^\W_]([\w .+-]{0,38}[\w+-])?")
CHOICES = {
    "law": ("exponential", "constant", "lognormal"),
    "on": ("all", "reads", "writes", "misses"),
    "route": ("nearest", "first", "anycast"),
    "replication": ("none", "async", "semi-sync", "all", "raft"),
    "survive": ("copy", "zone", "region"),
    "policy": POLICIES,
    "eviction": tuple(EVICTIONS),
}
SCALERS = ("hpa", "target tracking")


def check(design: Design) -> None:
    """Raises DesignError with the first thing that is wrong, and where: `path` leads to it."""
    for rule in RULES:
        for problem in rule(design):
            raise problem


def _names(design: Design) -> Problems:
    """Names are short words, and one name is one thing: faults and pictures address things by name."""
    if not design.name.strip() or len(design.name) > 80 or not design.name.isprintable():
        yield DesignError(
            "a design needs a name of at most 80 characters that can be printed", path=("design",), value=design.name
        )
    places: list[tuple[tuple[Any, ...], str]] = [(("regions", region), region) for region in design.regions]
    places += [
        (("regions", region, i), zone) for region, zones in design.regions.items() for i, zone in enumerate(zones)
    ]
    seen: set[str] = set()
    for path, name in [*places, *((("parts", part.name), part.name) for part in design.parts)]:
        if not NAME.fullmatch(name):
            hint = "a name is at most 40 letters, digits, spaces or . + -, and begins with a letter or digit"
            yield DesignError(f"{name[:60]!r} is no name; {hint}", path=path, value=name)
        if name in seen:
            yield DesignError(f"two things are called {name!r}; give each its own name", path=path, value=name)
        seen.add(name)


def _size(design: Design) -> Problems:
    """Bounds, so that a text of one line cannot ask for a million processes."""
    if len(design.parts) > MAX_PARTS:
        yield DesignError(f"{len(design.parts)} parts; at most {MAX_PARTS} are run", path=("parts",))
    total = 0
    for part in design.parts:
        if len(part.calls) > MAX_CALLS:
            yield DesignError(f"{part.name} has {len(part.calls)} calls; at most {MAX_CALLS}", path=at(part, "calls"))
        if isinstance(part, Clients | External):
            continue  # nobody's machines
        scaler = getattr(part, "autoscaler", None)
        total += max(part.copies, scaler.high if scaler else 0) * getattr(part, "shards", 1)
        if total > MAX_COPIES:
            said = f"with {part.name} there are {total:,} copies; at most {MAX_COPIES:,} are run: make a smaller slice"
            yield DesignError(said, path=("parts", part.name, "copies"), value=total)


def _places(design: Design) -> Problems:
    """Zones and regions that are named exist."""
    if not design.regions:
        yield DesignError("a design needs a region; write regions: {eu: [eu-a, eu-b]}", path=("regions",))
    for region, zones in design.regions.items():
        if not zones:
            said = f"region {region!r} has no zone; write {region}: [{region}-a, {region}-b]"
            yield DesignError(said, path=("regions", region), value=region)
    known = [zone for several in design.regions.values() for zone in several]
    for part in design.parts:
        for i, zone in enumerate(part.zones):
            if zone not in known:
                yield _unknown("zone", zone, known, (*at(part, "zones"), i))
    for part in design.of(Clients):
        if not part.region and len(design.regions) > 1:
            said = f"{part.name} are in no region; write region: {next(iter(design.regions))}"
            yield DesignError(said, path=at(part, "region"))
        if part.region and part.region not in design.regions:
            yield _unknown("region", part.region, design.regions, at(part, "region"))
    if (home := design.objectives.residency) and home not in design.regions:
        yield _unknown("region", home, design.regions, ("objectives", "residency"))


def _words(design: Design) -> Problems:
    """Words that stand for a choice are ones that there are."""
    things: list[tuple[tuple[Any, ...], Any]] = [(at(part), part) for part in design.parts]
    things += [((*at(part, "calls"), i), call) for part in design.parts for i, call in enumerate(part.calls)]
    for path, thing in [*things, (("objectives",), design.objectives)]:
        for name, known in CHOICES.items():
            if (said := getattr(thing, name, None)) is not None and said not in known:
                yield _unknown(name, said, known, (*path, name))
        scaler = getattr(thing, "autoscaler", None)
        if scaler is None:
            continue
        if scaler.policy not in SCALERS:
            yield _unknown("autoscaler", scaler.policy, SCALERS, (*path, "autoscaler", "policy"))
        if scaler.low > scaler.high:
            said = f"an autoscaler from {scaler.low} to {scaler.high} copies; low is at most high"
            yield DesignError(said, path=(*path, "autoscaler", "low"), value=scaler.low)


def _arrows(design: Design) -> Problems:
    """Every arrow leads from something that asks to something that answers."""
    parts = {part.name: part for part in design.parts}
    if not any(design.of(Clients)):
        said = "nobody uses it: no clients; write users: {kind: clients, rate: 100/s, calls: [app]}"
        yield DesignError(said, path=("parts",))
    for part in design.parts:
        yield from _calls_of(part)
        for i, call in enumerate(part.calls):
            path = (*at(part, "calls"), i, "to")
            if call.to not in parts:
                yield _unknown("part", call.to, parts, path)
            elif isinstance(parts[call.to], Clients | Workers):
                hint = "clients ask, they are not asked" if isinstance(parts[call.to], Clients) else "call their queue"
                yield DesignError(f"{part.name} calls {call.to}: {hint}", path=path, value=call.to)
            before = (parts.get(other.to) for other in part.calls[:i])
            if call.on == "misses" and not any(isinstance(other, Cache) for other in before):
                said = f"{part.name} calls {call.to} on misses, but no cache before it; call the cache first"
                yield DesignError(said, path=(*path[:-1], "on"), value="misses")


def _calls_of(part: Part) -> Problems:
    """How many arrows may leave a part of that kind."""
    if isinstance(part, Clients | Dns) and not part.calls:
        yield DesignError(f"{part.name} call nothing; write calls: [app]", path=at(part))
    if isinstance(part, Balancer) and len(part.calls) != 1:
        said = (
            f"balancer {part.name} has {len(part.calls)} calls; it passes requests on to one part, write calls: [app]"
        )
        yield DesignError(said, path=at(part, "calls"))
    if isinstance(part, Queue | External) and part.calls:
        hint = (
            f"workers take from it: {{kind: workers, source: {part.name}}}"
            if isinstance(part, Queue)
            else "take the calls out"
        )
        yield DesignError(f"{part.kind} {part.name} calls nobody; {hint}", path=at(part, "calls"))


def _circles(design: Design) -> Problems:
    """No request comes back to where it was: it would wait for itself, or never end."""
    targets = {part.name: [call.to for call in part.calls] for part in design.parts}
    for part in design.of(Workers):
        targets[part.source].append(part.name)
    done: set[str] = set()
    for start in targets:
        path: list[str] = []
        open_: list[Iterator[str]] = [iter([start])]
        while open_:
            name = next(open_[-1], None)
            if name is None:
                open_.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                circle = " → ".join([*path[path.index(name) :], name])
                said = f"calls run in a circle: {circle}; a request would never end, take one of the arrows out"
                yield DesignError(said, path=("parts", path[-1], "calls"), value=name)
            elif name not in done:
                path.append(name)
                open_.append(iter(targets[name]))


RULES: tuple[Callable[[Design], Problems], ...] = (
    _names,
    _size,
    _places,
    _words,
    _arrows,
    stores,
    memories,
    _circles,
)


def _unknown(what: str, said: str, known: Iterable[str], path: tuple[Any, ...]) -> DesignError:
    return DesignError(f"there is no {what} {str(said)[:60]!r}{closest(str(said), known)}", path=path, value=said)


def closest(said: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """ "; did you mean 'app'?" or the names there are."""
    names = list(known)
    close = get_close_matches(said[:60], names, n=1, cutoff=cutoff)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names[:30])}"
