"""A design as a short text, and back: what one writes by hand in an interview, and what a machine checks.

    design: shop
    regions: {eu: [eu-a, eu-b]}
    parts:
      users: {kind: clients, region: eu, rate: 5k/s, writes: 10 %, calls: [app]}
      app: {kind: service, takes: 20 ms, workers: 8, copies: 4, calls: [{to: db, timeout: 200 ms, attempts: 2}]}
      db: {kind: database, takes: 2 ms, workers: 16, copies: 2, replication: semi-sync}
    objectives: {p99: 300 ms, availability: 99.99 %, cost: $5,000/month}

Promised: `read(write(design)) == design` for every design; what is wrong is refused with line, column, the value and
what to write instead, and with nothing else, whatever the text is. Not promised: that comments survive `write`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import Field, fields
from typing import Any

from minisys.design.checks import MAX_PARTS, check, closest
from minisys.design.parts import KINDS, Autoscaler, Call, Design, Objectives, Part
from minisys.design.quantities import required, settled, written
from minisys.design.yaml_tree import DesignError, Node, tree

__all__ = ["DesignError", "check", "read", "write"]

WORDS = re.compile(r"[A-Za-z][\w.+-]*( [\w.+-]+)*", re.ASCII)  # what YAML reads as it stands, between braces too
WIDTH = 112
BREAK = "\0"  # where a line may be broken, while it is being written
LISTS = ("calls", "zones")
PRODUCTS = {  # people write the product, and a part is what it does
    **dict.fromkeys(("redis", "valkey", "memcached"), "cache"), **dict.fromkeys(("kafka", "rabbitmq", "sqs"), "queue"),
    **dict.fromkeys(("postgres", "postgresql", "mysql", "mongodb", "cassandra", "dynamodb"), "database"),
    **dict.fromkeys(("nginx", "haproxy", "envoy"), "balancer"), "cdn": "edge",
}  # fmt: skip
ALIASES = {"p99.9": "p999", "tries": "attempts", "replicas": "copies"}  # as they are drawn, and often called


def read(text: str) -> Design:
    """The design that *text* describes, in the form above. Raises DesignError (a ValueError) for anything else."""
    root = tree(text)
    given = _mapping(root, "a design", ("design", "regions", "parts", "objectives"))
    for name in ("design", "parts"):
        if name not in given:
            raise DesignError(f"`{name}:` is missing; a design has `design: name` and `parts:`", path=(name,)).at(root)
    parts = given["parts"][1]
    if not isinstance(parts.content, dict):
        raise _error(parts, "`parts:` is a mapping, one part a line, like `app: {kind: service, takes: 20 ms}`")
    if len(parts.content) > MAX_PARTS:
        raise _error(parts, f"{len(parts.content):,} parts; at most {MAX_PARTS} are run")
    made = [_part(str(name.content), name, body) for name, body in parts.content.values()]
    values: dict[str, Any] = {"parts": made}
    if "regions" in given:
        values["regions"] = _regions(given["regions"][1])
    if "objectives" in given:
        values["objectives"] = _made(Objectives, given["objectives"][1], {}, "objectives")
    design = Design(_text(given["design"][1], "the design's name"), **values)
    try:
        check(design)
    except DesignError as problem:
        raise problem.at(root.child(problem.path)) from None
    return design


def write(design: Design) -> str:
    """The text of *design*: one part a line, only what differs from the defaults, figures as people write them."""
    lines = [f"design: {_plain(design.name)}"]
    if design.regions != Design("").regions:
        lines.append("regions:")
        lines += [f"  {_plain(name)}: [{', '.join(map(_plain, zones))}]" for name, zones in design.regions.items()]
    lines.append("parts:")
    for part in design.parts:
        lines += _filled(f"  {_plain(part.name)}: {{", [f"kind: {part.kind}", *_fields(part, skip=("name",))])
    if wanted := _fields(design.objectives):
        lines += _filled("objectives: {", wanted)
    return "\n".join(lines) + "\n"


def _part(name: str, at: Node, body: Node) -> Part:
    """One part; its body is a mapping with `kind`, or the kind alone."""
    if isinstance(body.content, str) and body.content:
        return _made(_kind(body), Node({}, body.line, body.column), {"name": name}, name)
    if not isinstance(body.content, dict) or "kind" not in body.content:
        raise _error(at, f"part {name!r} has no kind; write {name}: {{kind: service, …}} ({', '.join(KINDS)})")
    rest = {key: pair for key, pair in body.content.items() if key != "kind"}
    return _made(_kind(body.content["kind"][1]), Node(rest, body.line, body.column), {"name": name}, name)


def _kind(node: Node) -> type[Part]:
    said = _text(node, "a kind")
    if said not in KINDS:
        product = PRODUCTS.get(said.lower())
        meant = f"; {said[:60]} is a product, write kind: {product}" if product else closest(said, KINDS, cutoff=0.7)
        listed = "" if meant.startswith("; there are") else f" (kinds: {', '.join(KINDS)})"
        raise _error(node, f"there is no kind {said!r}{meant}{listed}")
    return KINDS[said]


def _made(kind: type, body: Node, values: dict[str, Any], who: str) -> Any:
    """An object of the dataclass *kind* from a mapping's fields, each located when it is wrong."""
    known = {one.name: one for one in fields(kind) if one.name not in values}
    told = f"{getattr(kind, 'kind', kind.__name__.lower())} {who}" if who != "objectives" else who
    spelt: dict[str, str] = {}
    for key, (name, node) in _mapping(body, told, known, ALIASES).items():
        field_name = ALIASES.get(key, key)
        if field_name in spelt:
            raise _error(name, f"{told}: {spelt[field_name]!r} and {key!r} are the same figure; write one of them", key)
        spelt[field_name] = key
        values[field_name] = _value(known[field_name], node, f"{who}: {name.content}")
    if missing := [one.name for one in known.values() if required(one) and one.name not in values]:
        raise _error(body, f"{told}: `{missing[0]}` is missing")
    try:
        return kind(**values)
    except ValueError as problem:
        raise _error(body, str(problem)) from None


def _value(one: Field[Any], node: Node, where: str) -> Any:
    """The value of a field: arrows, an autoscaler, names, or what one word or figure means."""
    wanted = str(one.type)
    if wanted == "tuple[Call, ...]":
        return tuple(_call(each, where) for each in _items(node))
    if wanted.startswith("Autoscaler") and isinstance(node.content, dict):
        return _made(Autoscaler, node, {}, where)
    if wanted == "tuple[str, ...]":
        return tuple(_text(each, f"{where}: a name") for each in _items(node))
    said = _text(node, where)
    try:
        return settled(one, said)
    except ValueError as problem:
        raise _error(node, f"{where}: {problem}", said) from None


def _call(node: Node, where: str) -> Call:
    if isinstance(node.content, str):
        return Call(_text(node, where))
    return _made(Call, node, {}, where)


def _items(node: Node) -> list[Node]:
    """A list's items; one word or mapping is a list of one, nothing is an empty one."""
    if isinstance(node.content, list):
        if len(node.content) > MAX_PARTS:
            raise _error(node, f"a list of {len(node.content):,}; a design has at most {MAX_PARTS} parts")
        return node.content
    return [] if node.content == "" else [node]


def _regions(node: Node) -> dict[str, tuple[str, ...]]:
    """Regions and their zones; a number n instead of names gives n zones: `eu: 2` is eu-a and eu-b."""
    made: dict[str, tuple[str, ...]] = {}
    for name, (_, zones) in _mapping(node, "`regions:`", None).items():
        if isinstance(zones.content, str) and re.fullmatch(r"[1-9]|1\d|2[0-6]", zones.content):
            made[name] = tuple(f"{name}-{chr(97 + i)}" for i in range(int(zones.content)))
        else:
            made[name] = tuple(_text(each, "a zone's name") for each in _items(zones))
    return made


def _mapping(
    node: Node, who: str, known: Iterable[str] | None, aliases: Mapping[str, str] = {}
) -> dict[str, tuple[Node, Node]]:
    """A mapping's names and values. Raises DesignError for a name that is not *known* (None: any)."""
    if node.content == "":
        return {}
    if not isinstance(node.content, dict):
        raise _error(node, f"{who} is a mapping of names to values; got {_shown(node)}")
    for name, (at, _) in node.content.items():
        if known is not None and aliases.get(name, name) not in known:
            queue = name == "limit" and "queue" in known  # of somebody else's service and of a queue it is a limit
            meant = "; how many may wait at a copy is `queue`, write queue: 100" if queue else closest(name, known)
            raise _error(at, f"{who} has no {name!r}{meant}", name)
    return node.content


def _text(node: Node, who: str) -> str:
    if not isinstance(node.content, str):
        raise _error(node, f"{who} is one word or figure; got {_shown(node)}")
    return node.content


def _shown(node: Node) -> str:
    return {list: "a list", dict: "a mapping"}.get(type(node.content), repr(node.content)[:60])


def _error(node: Node, message: str, value: Any = None) -> DesignError:
    said = value if value is not None else node.content if isinstance(node.content, str) else None
    return DesignError(message, line=node.line, column=node.column, value=said)


def _fields(thing: Any, skip: tuple[str, ...] = ()) -> list[str]:
    """ "takes: 20 ms" for each field that is not at its default; arrows last, as they are long."""
    own = [one for one in fields(thing) if one.name not in skip and getattr(thing, one.name) != one.default]
    found = [(one.name, _written(one, getattr(thing, one.name))) for one in own if getattr(thing, one.name) != ()]
    return [f"{name}: {text}" for name, text in sorted(found, key=lambda pair: pair[0] == "calls")]


def _written(one: Field[Any], value: Any) -> str:
    """A field's value as YAML between braces."""
    if isinstance(value, tuple):
        between = f",{BREAK}" if isinstance(value[0], Call) else ", "
        return f"[{between.join(_arrow(each) if isinstance(each, Call) else _plain(each) for each in value)}]"
    if isinstance(value, Autoscaler):
        return f"{{{', '.join(_fields(value))}}}"
    if isinstance(value, str):
        return _plain(value)
    if value is None or isinstance(value, bool):
        return "none" if value is None else str(value).lower()
    return written(one, value)


def _arrow(call: Call) -> str:
    said = _fields(call)
    return _plain(call.to) if len(said) == 1 else f"{{{', '.join(said)}}}"


def _plain(text: str) -> str:
    """A word as YAML: as it is, or between double quotes."""
    return text if WORDS.fullmatch(text) else json.dumps(text)


def _filled(begin: str, items: list[str]) -> list[str]:
    """ "name: {a, b, c}" over as many lines as it needs."""
    lines, now = [], begin
    pieces = [f"{piece} " for piece in f",{BREAK}".join(items).split(BREAK)]
    pieces[-1] = pieces[-1].rstrip() + "}"
    for piece in pieces:
        if len(now) + len(piece) > WIDTH + 1 and now.strip():
            lines.append(now.rstrip())
            now = " " * 6
        now += piece
    return [*lines, now]
