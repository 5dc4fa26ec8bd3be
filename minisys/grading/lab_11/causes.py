"""Lab 11, task 5: which service to blame, in traces of a shop whose fault is known to the one who made them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minisys.grading.checks import Check, Wrong
from minisys.observability import shop_traces, traces
from minisys.observability.shop_traces import DECOYS, FAULTS, Cause
from minisys.observability.traces import Span

Find = Callable[[Sequence[Sequence[Span]], Sequence[Sequence[Span]]], Any]
UNSEEN = range(900, 903)


def asked(cause: Find, case: shop_traces.Case) -> Cause:
    """The learner's (service, name). Raises Wrong if it is none of the case's spans."""
    told = cause(case.before, case.after)
    known = {(span.service, span.name) for spans in case.after for span in spans}
    if not isinstance(told, tuple) or told not in known:
        look = "is there a `return`?" if told is None else "return (span.service, span.name)"
        raise Wrong(repr(told)[:80], expected="a (service, name) of the spans", look=look)
    return told


def right_about(cause: Find, fault: str, seeds: Sequence[int], count: int = 40) -> None:
    """Raises Wrong, with what misled, unless the learner finds *fault* for all *seeds*."""
    for seed in seeds:
        case = shop_traces.draw(fault, count=count, seed=seed)
        came = asked(cause, case)
        if came != case.cause:
            given = f"seed {seed}: {count} traces before, {count} after something went wrong"
            raise Wrong(" ".join(came), given=given, expected="another one", look=_why_not(came, case))


def _why_not(came: Cause, case: shop_traces.Case) -> str:
    if came in DECOYS.values() or came == ("recommend", "rank"):
        return "slower or not, nobody waited for it: look at the critical path only"
    root = traces.root_of(case.after[0])
    if came == (root.service, root.name):
        return "the root is always the longest: it contains all the others"
    if came == ("bank", "POST /charge"):
        return "it is the slowest, and was before: what has changed?"
    below = {span.span for spans in case.after for span in spans if (span.service, span.name) == came}
    if any(span.parent in below and (span.service, span.name) == case.cause for spans in case.after for span in spans):
        return "it waits for another one: count its own work only, not what it asked others for"
    return "compare what each adds to the critical path, after less before, on average over the traces"


def one_fault(cause: Find) -> str:
    """A slow query."""
    right_about(cause, "slow query", [1])
    return "a slow query"


def every_fault(cause: Find) -> str:
    """All kinds of faults."""
    for fault in FAULTS:
        right_about(cause, fault, UNSEEN)
    return f"{len(FAULTS)} kinds of faults, {len(UNSEEN)} cases each"


def few_traces(cause: Find) -> str:
    """Eight traces are enough where the fault is large."""
    for fault in ("slow partner", "slow query"):
        right_about(cause, fault, UNSEEN, count=8)
    return "with eight traces as well"


def unequal(cause: Find) -> str:
    """Twice as many traces before as after: means count, not sums."""
    case = shop_traces.draw("slow partner", count=40, seed=7)
    told = cause(case.before, case.after[:4])
    if told != case.cause:
        look = "sums grow with the number of traces: compare means"
        raise Wrong(repr(told), given="40 traces before, 4 after", expected="the slow one", look=look)
    return "40 before, 4 after"


CAUSES = (
    Check("a slow query", one_fault),
    Check("six kinds of faults that you have not seen", every_fault, 20.0),
    Check("with eight traces", few_traces),
    Check("with fewer traces after than before", unequal),
)
