"""What stands on a picture of a design: figures of parts and arrows, before a run and after, and the whole in words."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from minisys.design.layout import arrows
from minisys.design.parts import Cache, Call, Clients, Database, Design, Dns, External, Part, Workers
from minisys.testbed import units
from minisys.testbed.marks import number


def time(seconds: float) -> str:
    """ "20 ms", "1.5 s", "2 min"; three digits."""
    if not math.isfinite(seconds):
        return "–"
    for size, name in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= (2 * size if size > 1 else size) or (name == "µs"):
            return f"{number(float(f'{seconds / size:.3g}'))} {name}"
    return "0 s"


def rate(per_s: float) -> str:
    """ "5k/s", "12/s"; three digits."""
    for size, name in ((1e6, "M"), (1e3, "k")):
        if per_s >= size:
            return f"{number(float(f'{per_s / size:.3g}'))}{name}/s"
    return f"{number(float(f'{per_s:.3g}'))}/s"


def count(things: int) -> str:
    """ "12", "4.1k"; three digits."""
    return f"{things}" if things < 1000 else rate(things).removesuffix("/s")


def share(value: float) -> str:
    """ "80 %", "99.99 %"."""
    return units.written(100 * value, "") + " %"


def of_part(part: Part) -> str:
    """The line below its name: what decides how it behaves."""
    if isinstance(part, Clients):
        return f"{rate(part.rate)}, {share(part.writes)} writes"
    said: list[str] = [part.kind if part.kind != part.name else ""]
    if part.takes:
        said.append(f"{part.workers} × {time(part.takes)}" if part.workers > 1 else time(part.takes))
    if isinstance(part, Cache):
        said.append(f"{share(part.hits)} hits" if part.capacity is None else f"{count(part.capacity)} {part.eviction}")
    if isinstance(part, Database) and part.replication != "none":
        said.append(part.replication)
    if isinstance(part, Database) and part.shards > 1:
        said.append(f"{part.shards} shards")
    if isinstance(part, Dns):
        said.append("anycast" if part.route == "anycast" else f"{part.route}, TTL {time(part.ttl)}")
    scaler = getattr(part, "autoscaler", None)
    if scaler is not None:
        said.append(f"{scaler.low}–{scaler.high} copies")
    return ", ".join(word for word in said if word)


def of_arrow(calls: list[Call]) -> str:
    """What the caller does: which requests, how long it waits, how often it asks."""
    if len(calls) != 1:
        return " + ".join(call.on for call in calls[:3]) if calls else "takes messages"
    call = calls[0]
    said = [call.on] if call.on != "all" else []
    said += [share(call.share)] if call.share < 1 else []
    said += [f"× {call.times}"] if call.times > 1 else []
    said += [f"≤ {time(call.timeout)}"] if call.timeout is not None else []
    said += [f"{call.attempts} tries"] if call.attempts > 1 else []
    said += ["may fail"] if call.optional else []
    return ", ".join(said)


def after_part(part: Part, run: Any) -> tuple[str, float | None]:
    """Its line after a run, and how busy it was (a share; None if that has no meaning)."""
    row = _row(run.parts, part=part.name)
    if row is None:
        return of_part(part), None
    bad = int(row["refused"]) + int(row["failed"])
    said = [rate(row["arrived"] / run.for_s)]
    if isinstance(part, External):  # its own clock would not count what the way to it costs on a bad day
        said += [f"mean {time(mean)}" for mean in [_asked_s(part, run)] if math.isfinite(mean)]
    else:
        said += [f"p99 {time(row['p99_s'])}"] if row["served"] and row["p99_s"] >= 1e-6 else []
    said += [f"{count(bad)} failed"] if bad else []
    busy = float(row["utilisation"])
    return ", ".join(said), busy if part.takes and math.isfinite(busy) else None


def _asked_s(part: Part, run: Any) -> float:
    """The mean seconds that callers waited for *part*; NaN if nobody got an answer."""
    rows = run.arrows[run.arrows["to"] == part.name]
    well = (rows["calls"] - rows["failed"]).clip(lower=0)
    return float((rows["mean_s"].fillna(0) * well).sum() / well.sum()) if well.sum() else math.nan


def after_arrow(origin: str, to: str, run: Any) -> tuple[str, bool]:
    """An arrow's figures after a run, and whether anything failed on it."""
    frame = run.arrows
    rows = frame[(frame["from"] == origin) & (frame["to"] == to)]
    calls = int(rows["calls"].sum())
    if not calls:
        return "", False
    failed = int(rows["failed"].sum())
    well = (rows["calls"] - rows["failed"]).clip(lower=0)
    mean = float((rows["mean_s"].fillna(0) * well).sum() / max(1, int(well.sum())))
    said = rate(calls / run.for_s) + (f", {time(mean)}" if int(well.sum()) else "")
    return said + (f", {share(float(f'{failed / calls:.2g}'))} failed" if failed else ""), failed > 0


def of_design(design: Design, run: Any = None) -> str:
    """The whole picture in some sentences, for those who do not see it."""
    kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(part.kind for part in design.parts).items())
    places = "; ".join(f"{region} with {', '.join(zones)}" for region, zones in design.regions.items())
    ways = ", ".join(f"{origin} to {to}" for origin, to in arrows(design))
    said = f"Architecture {design.name}: {len(design.parts)} parts ({kinds}) in {places}. Arrows: {ways or 'none'}."
    if run is not None:
        well = share(float(f"{run.availability:.6g}"))
        said += f" After a run of {time(run.for_s)}: {well} of the requests answered, busiest part {run.bottleneck()}."
    return said


def calls_on(design: Design, origin: str, to: str) -> list[Call]:
    """The calls that an arrow stands for; none from a queue to its workers."""
    return [call for call in design[origin].calls if call.to == to and not isinstance(design[to], Workers)]


def _row(frame: Any, **wanted: str) -> Any:
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return frame.iloc[0] if len(frame) else None
