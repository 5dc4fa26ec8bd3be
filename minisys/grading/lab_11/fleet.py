"""Lab 11, task 2: one percentile for many servers, one of which restarted while nobody looked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from minisys.grading.checks import Check, Wrong
from minisys.observability.histograms import Classic
from minisys.testbed.workload import stream

Looks = Mapping[str, Mapping[float, Sequence[int]]]
Fleet = Callable[[Looks, float], float]
EDGES = (0.05, 0.1, 0.25, 0.5, 1.0)
Q = 0.95


def looked(made: Mapping[str, Classic], before: int = 0) -> dict[str, dict[float, list[int]]]:
    """Two looks at every server's cumulative buckets; before the first look each had counted *before* fast ones."""
    looks: dict[str, dict[float, list[int]]] = {}
    for name, each in made.items():
        total, rows = 0, {}
        for edge, count in zip((*each.edges, math.inf), each.counts, strict=True):
            total += count
            rows[edge] = [before, before + total]
        looks[name] = rows
    return looks


def servers(seed: int, small: int = 40) -> dict[str, Classic]:
    """Three busy fast servers and a slow one that few use."""
    rng = stream(seed, "fleet")
    sizes = {"a": 900, "b": 1_000, "c": 800, "d": small}
    return {
        name: Classic.of(rng.lognormal(-1.0 if name == "d" else -3.0, 0.5, size), EDGES) for name, size in sizes.items()
    }


def truth(made: Mapping[str, Classic]) -> float:
    """The quantile of all together, from the sum of the buckets."""
    parts = list(made.values())
    return sum(parts[1:], parts[0]).quantile(Q)


def asked(fleet: Fleet, looks: Looks) -> float:
    """The learner's number. Raises Wrong if it is none."""
    came = fleet({name: {edge: list(pair) for edge, pair in rows.items()} for name, rows in looks.items()}, Q)
    if isinstance(came, bool) or not isinstance(came, int | float):
        raise Wrong(repr(came), given="the looks at four servers", expected="seconds", look="is there a `return`?")
    return float(came)


def one(fleet: Fleet) -> str:
    """One server alone: the percentile of its buckets."""
    made = {"a": servers(0)["a"]}
    came, expected = asked(fleet, looked(made)), truth(made)
    if not math.isclose(came, expected, rel_tol=1e-6):
        look = "for one server it is task 1: quantile(q, [(edge, how many came between the two looks), …])"
        raise Wrong(
            f"{came:g}",
            given=f"q {Q:g}, one server, {_requests(made)}, counts from 0",
            expected=f"{expected:g}",
            look=look,
        )
    return f"{came:.3f} s"


def merged(fleet: Fleet) -> str:
    """Add up first, then ask for the percentile."""
    for seed in range(5):
        made = servers(seed)
        came, expected = asked(fleet, looked(made)), truth(made)
        if not math.isclose(came, expected, rel_tol=1e-6):
            look = _slip(made, came) or "add the counts of all servers, edge by edge, then ask once"
            each = ", ".join(f"{name} {alone.quantile(Q):.3f} s" for name, alone in made.items())
            raise Wrong(f"{came:.4f}", given=f"q {Q:g}, {_requests(made)}; p95 of each alone: {each}",
                        expected=f"{expected:.4f}", look=look)  # fmt: skip
    return "buckets add up, percentiles do not"


def _requests(made: Mapping[str, Classic]) -> str:
    """How many requests each server had."""
    return "requests " + ", ".join(f"{name} {sum(alone.counts)}" for name, alone in made.items())


def _slip(made: Mapping[str, Classic], came: float) -> str:
    """What *came* is, if it was made of the servers' own percentiles (of the right increases); else nothing."""
    each = {name: alone.quantile(Q) for name, alone in made.items()}
    sizes = {name: sum(alone.counts) for name, alone in made.items()}
    weighted = sum(each[name] * sizes[name] for name in made) / sum(sizes.values())
    slips = {
        fmean(each.values()): "the mean of four percentiles is no percentile of anybody",
        weighted: "weighted by traffic it is still a mean of percentiles: add up the buckets",
        max(each.values()): "that is the worst server's; few of all users were there",
        sorted(each.values())[1]: "a median of percentiles is no percentile either",
    }
    return next((text for slip, text in slips.items() if math.isclose(came, slip, rel_tol=1e-6)), "")


def between(fleet: Fleet) -> str:
    """Only what came between the two looks."""
    made = servers(7)
    came, expected = asked(fleet, looked(made, before=5_000)), truth(made)
    if not math.isclose(came, expected, rel_tol=1e-6):
        look = "counters count since the start of the process: take the increase from the first look to the last"
        raise Wrong(f"{came:.4f}", given=f"q {Q:g}, {_requests(made)}; each had counted 5,000 before",
                    expected=f"{expected:.4f}", look=_slip(made, came) or look)  # fmt: skip
    return "the increase counts"


def restarted(fleet: Fleet) -> str:
    """A server that began again at 0 between the looks."""
    made = servers(8, small=300)
    looks = looked(made)
    after = {edge: pair[1] for edge, pair in looks["d"].items()}
    looks["d"] = {edge: [700, 710, after[edge]] for edge in after}
    back = made["d"]
    made["d"] = Classic(EDGES, (back.counts[0] + 10, *back.counts[1:]))  # 10 fast ones before it restarted
    came, expected = asked(fleet, looks), truth(made)
    if not math.isclose(came, expected, rel_tol=1e-6):
        look = "a count that is smaller than the look before began again at 0: what it says now is what came since"
        if math.isnan(came):
            look = "a negative increase spoils all of it; " + look
        look = _slip(made, came) or look
        given = f"q {Q:g}, {_requests(made)}; d's counts at three looks: 700, 710, then it restarted at 0"
        raise Wrong(f"{came:.4f}", given=given, expected=f"{expected:.4f}", look=look)
    return "a restart costs no percentile"


FLEET = (
    Check("one server", one),
    Check("four servers, one of them slow", merged),
    Check("only what came between the looks", between),
    Check("a server that restarted", restarted),
)
