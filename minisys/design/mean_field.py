"""A hundred million users on a laptop: a proportional slice of a design that is too large to simulate whole.

Of 4,000 equal application servers behind one balancer, forty with a hundredth of the traffic see the same queues. That
is the law of large numbers for interacting queues: as copies grow, one copy's law depends on the load of each only, and
the error shrinks with the number of copies in the slice (Mitzenmacher 1996; Kurtz 1970 for the limit).

Promised: `slice_of` divides rates, copies, shards, limits and queues by one number and says what did not divide;
`errors` shows slice against whole where both can be run. Not promised: anything for parts that a slice leaves with few
copies or workers, for hot keys, or for what a single failure does to a whole fleet: `Slice.warnings` names each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from minisys.design.parts import Clients, Database, Design, Edge, External, Part, Queue, Service, Workers

FEW = 16  # workers left in a part's slice: below, its queues are visibly longer than the whole's (`errors`)


@dataclass(frozen=True)
class Slice:
    """*design* is a *k*-th of the whole; *warnings* say where its figures must not be trusted. k = 1 is the whole."""

    design: Design
    k: int
    warnings: tuple[str, ...] = ()


def slice_of(design: Design, k: int) -> Slice:
    """A *k*-th of every rate, copy, shard and limit of *design*. Raises ValueError unless k is a whole number above 0.

    Copies are divided first (databases: shards), then workers. What does not divide is rounded, and named.
    """
    if k < 1 or k != int(k):
        raise ValueError(f"a slice is one k-th with a whole k of 1 or more, got {k!r}")
    if k == 1:
        return Slice(design, 1)
    parts, warnings = [], []
    for part in design.parts:
        small, told = _cut(part, int(k))
        parts.append(small)
        warnings += [f"{part.name}: {each}" for each in told]
    return Slice(replace(design, parts=tuple(parts)), int(k), tuple(warnings))


def enough_of(design: Design, most_per_s: float) -> Slice:
    """The smallest slice whose users send at most *most_per_s* requests a second, without leaving few copies if it can.

    k is the largest number that divides every part's capacity evenly, up to what is needed; else what is needed.
    """
    needed = math.ceil(sum(part.rate for part in design.of(Clients)) / most_per_s)
    if needed <= 1:
        return Slice(design, 1)
    even = [k for k in range(needed, min(10 * needed, 100_000)) if not slice_of(design, k).warnings]
    return slice_of(design, even[0] if even else needed)


def _cut(part: Part, k: int) -> tuple[Part, list[str]]:
    """A part's k-th, and what is wrong with it."""
    if isinstance(part, Clients):
        return replace(part, rate=part.rate / k), ["hot keys are spread over a k-th"] if part.skew > 1 else []
    if isinstance(part, External):
        return replace(part, limit=None if part.limit is None else part.limit / k), []
    if isinstance(part, Database):
        return _database(part, k)
    told: list[str] = []
    copies = max(1, round(part.copies / k))
    workers = max(1, round(part.workers * part.copies / k / copies))
    shrunk = workers / part.workers
    new: dict[str, object] = {"copies": copies, "workers": workers}
    if part.queue is not None and workers != part.workers:
        new["queue"] = max(1, round(part.queue * shrunk))
    if isinstance(part, Queue) and part.limit is not None:
        new["limit"] = max(1, round(part.limit * part.copies / k / copies))
    scaler = part.autoscaler if isinstance(part, Service | Workers) else None
    if scaler is not None:
        low, high = max(1, round(scaler.low / k)), max(1, round(scaler.high / k))
        new["autoscaler"] = replace(scaler, low=low, high=max(low, high))
    wrong = copies * workers * k / (part.copies * part.workers) - 1
    if abs(wrong) > 0.01 and part.takes > 0:
        told.append(f"has {100 * wrong:+.0f} % of its capacity in the slice ({copies} x {workers} workers)")
    if copies * workers < min(FEW, part.copies * part.workers) and part.takes > 0 and not isinstance(part, Edge):
        told.append(f"has {copies * workers} workers left: its queues are not the whole's")
    if copies == 1 < part.copies:
        told.append("has one copy left: a failure is the whole fleet's")
    return replace(part, **new), told  # type: ignore[arg-type]


def _database(part: Database, k: int) -> tuple[Part, list[str]]:
    """Whole shards if they divide; else one shard with fewer workers."""
    if part.shards >= k:
        shards = max(1, round(part.shards / k))
        wrong = shards * k / part.shards - 1
        told = [f"has {100 * wrong:+.0f} % of its shards"] if abs(wrong) > 0.01 else []
        return replace(part, shards=shards), told + (["a hot shard is one of few"] if shards < FEW else [])
    workers = max(1, round(part.workers * part.shards / k))
    wrong = workers * k / (part.workers * part.shards) - 1
    told = [f"has {workers} workers left: its queues are not the whole's"] if workers < FEW else []
    told += [f"has {100 * wrong:+.0f} % of its capacity"] if abs(wrong) > 0.01 else []
    return replace(part, shards=1, workers=workers), told


def errors(
    design: Design, ks: Sequence[int] = (1, 2, 4, 8), *, for_s: float = 10.0, seeds: Sequence[int] = range(3)
) -> pd.DataFrame:
    """Slices beside the whole: k, requests, p50_ms, p99_ms, how many warnings, and the errors in per cent.

    Means over *seeds*; slices run k times as long, so that each sees as many requests. k = 1, the whole, must be among
    *ks*. Raises ValueError if not.
    """
    from minisys.design.run import run

    if 1 not in ks:
        raise ValueError(f"errors are shown against the whole: put 1 among the ks, got {list(ks)}")
    rows = []
    for k in ks:
        part_of = slice_of(design, k)
        runs = [run(part_of.design, for_s=for_s * k, seed=seed) for seed in seeds]
        p99 = [each.latency_s(99) for each in runs]
        p50 = [each.latency_s(50) for each in runs]
        rows.append({
            "k": k, "requests": sum(len(each.trace) for each in runs), "p50_ms": 1000 * sum(p50) / len(p50),
            "p99_ms": 1000 * sum(p99) / len(p99), "warnings": len(part_of.warnings),
        })  # fmt: skip
    frame = pd.DataFrame(rows)
    whole = frame[frame.k == 1].iloc[0]
    for name in ("p50_ms", "p99_ms"):
        frame[f"error of {name[:3]} (%)"] = 100 * (frame[name] / whole[name] - 1)
    return frame
