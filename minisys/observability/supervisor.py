"""The supervisor's decisions: what it sees of every target, and what it does about it, by the runbooks.

A watchdog that restarted whatever was slow took down a whole fleet in four minutes: the database was slow, so everybody
was, so everybody was restarted, and came back with empty caches. Deciding not to act is most of this program.

    for act in Supervisor(book).decide(looks, now_s): world.do(act)

Promised: no I/O and no clock (time is an argument), so a test of an hour takes a millisecond and the live supervisor
decides by the same lines; never more targets under repair at once than the limits allow; never more repairs of one
target in a window than they allow, then a page, once, and hands off until `resume` or until it was well for a whole
window. If more than half of the targets show the same symptom while alive, the cause is elsewhere: one page, no repair.
Not done: two supervisors at a time; who watches this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from minisys.observability.runbooks import Runbooks

EVERYTHING = "everything"  # the target of a page about a cause that lies elsewhere


@dataclass(frozen=True)
class Seen:
    """One look at the target called *name*: its process is *alive*, it *answers* in time, is *slow* or *failing*.

    The name is that of the place, which stays when another machine takes it: its history must not be lost with it.
    """

    name: str
    alive: bool = True
    answers: bool = True
    slow: bool = False
    failing: bool = False

    @cached_property
    def symptom(self) -> str:
        """The worst thing seen: "dead", "silent", "failing", "slow", or "" if all is well."""
        if not self.alive:
            return "dead"
        if not self.answers:
            return "silent"
        return "failing" if self.failing else "slow" if self.slow else ""


@dataclass(frozen=True)
class Act:
    """Do *action* (one of runbooks.ACTIONS) to *target* at *at_s* because of *symptom*; *why* is for the human."""

    at_s: float
    action: str
    target: str
    symptom: str
    why: str


@dataclass
class _Case:
    """What is known of one target: its symptom, at how many looks in a row, and what was done about it."""

    symptom: str = ""
    looks: int = 0
    well_since_s: float | None = None
    runbook: str = ""  # the symptom whose steps are being taken
    next_step: int = 0
    repairs: list[float] = field(default_factory=list)  # when, within the window
    quiet_until_s: float = 0.0
    out: str = ""  # "drain" or "fail over": it gets nothing
    paged: bool = False


class Supervisor:
    """Decides by *book*. Feed it a look at every target, again and again; a target not seen is forgotten."""

    def __init__(self, book: Runbooks) -> None:
        self.book, self.limits = book, book.limits
        self.cases: dict[str, _Case] = {}
        self.elsewhere = ""  # the symptom that most targets show, once it was reported

    def decide(self, seen: Sequence[Seen], now_s: float) -> list[Act]:
        """What to do now, given a look at each target at *now_s*: steps of the runbooks, and "return" for a drained
        target that was well for the wait.
        """
        self.cases = {each.name: self.cases.get(each.name, _Case()) for each in seen}
        for each in seen:
            self._note(self.cases[each.name], each.symptom, now_s)
        shared = self._shared(seen)
        acts = self._elsewhere(shared, seen, now_s)
        for each in sorted(seen, key=lambda each: each.alive):  # the dead first: to repair them costs nobody anything
            if each.symptom != shared or not shared:
                act = self._about(each, len(seen), now_s)
                acts += [act] if act else []
        return acts

    def resume(self, name: str) -> None:
        """A human has looked after target *name*: the runbooks hold for it again, from their first step."""
        self.cases[name] = _Case()

    def under_repair(self, now_s: float) -> int:
        """How many targets are being repaired or out of service at *now_s*."""
        return sum(bool(case.out or (case.repairs and now_s < case.quiet_until_s)) for case in self.cases.values())

    def _note(self, case: _Case, symptom: str, now_s: float) -> None:
        """Count looks in a row; a target that stayed well for the whole window begins anew."""
        case.looks = case.looks + 1 if symptom and symptom == case.symptom else int(bool(symptom))
        case.symptom = symptom
        case.repairs = [at_s for at_s in case.repairs if now_s - at_s < self.limits.within_s]
        if symptom:
            case.well_since_s = None
            return
        case.well_since_s = now_s if case.well_since_s is None else case.well_since_s
        if now_s - case.well_since_s >= self.limits.within_s:
            case.next_step, case.paged = 0, False

    def _shared(self, seen: Sequence[Seen]) -> str:
        """The symptom, if any, that more than half of the targets show although they are alive."""
        for symptom in ("silent", "failing", "slow"):
            ill = sum(each.symptom == symptom for each in seen)
            if self.book.for_symptom(symptom) and len(seen) > 1 and 2 * ill > len(seen):
                return symptom
        return ""

    def _elsewhere(self, shared: str, seen: Sequence[Seen], now_s: float) -> list[Act]:
        """The page about a *shared* symptom, the first time that it was seen often enough."""
        book = self.book.for_symptom(shared) if shared else None
        ill = [each.name for each in seen if each.symptom == shared]
        if book is None or all(self.cases[name].looks < book.after for name in ill):
            self.elsewhere = self.elsewhere if shared else ""
            return []
        if self.elsewhere == shared:
            return []
        self.elsewhere = shared
        why = f"{len(ill)} of {len(seen)} are {shared}: the cause lies elsewhere, nothing is repaired"
        return [Act(now_s, "page", EVERYTHING, shared, why)]

    def _about(self, seen: Seen, of: int, now_s: float) -> Act | None:
        """The next step for one target, if one is due and allowed."""
        case = self.cases[seen.name]
        if now_s < case.quiet_until_s or case.paged:
            return None
        if not seen.symptom:
            return self._back(seen.name, case, now_s)
        book = self.book.for_symptom(seen.symptom)
        if book is None or case.looks < book.after:
            return None
        if case.runbook != seen.symptom:
            case.runbook, case.next_step = seen.symptom, 0
        if len(case.repairs) >= self.limits.steps:
            return self._page(seen, now_s, f"{len(case.repairs)} repairs in {self.limits.within_s:g} s did not help")
        step = book.steps[case.next_step] if case.next_step < len(book.steps) else "page"
        if step == "page":
            return self._page(seen, now_s, f"the runbook for {seen.symptom} ends here")
        if not case.out and self.under_repair(now_s) >= self.limits.targets(of):
            return None  # its turn comes
        return self._repair(step, seen, case, now_s)

    def _repair(self, step: str, seen: Seen, case: _Case, now_s: float) -> Act:
        why = f"{seen.symptom} at {case.looks} looks; repair {len(case.repairs) + 1} in {self.limits.within_s:g} s"
        case.repairs.append(now_s)
        case.next_step, case.looks = case.next_step + 1, 0
        case.quiet_until_s = now_s + self.limits.wait_after_s(len(case.repairs))
        case.out = step if step in ("drain", "fail over") else ""
        return Act(now_s, step, seen.name, seen.symptom, why)

    def _back(self, name: str, case: _Case, now_s: float) -> Act | None:
        """A drained target that is well again gets requests again; to fail back is for humans."""
        well_s = now_s - (now_s if case.well_since_s is None else case.well_since_s)
        if case.out != "drain" or well_s < self.limits.wait_s:
            return None
        case.out = ""
        return Act(now_s, "return", name, "", f"well for {well_s:g} s")

    def _page(self, seen: Seen, now_s: float, why: str) -> Act:
        self.cases[seen.name].paged = True
        return Act(now_s, "page", seen.name, seen.symptom, why)
