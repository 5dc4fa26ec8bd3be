"""The smallest plan still breaks the system, and without any one of its faults it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.chaos.drawing import Choice, random_plan
from minisys.chaos.minimise import ddmin, minimise
from minisys.chaos.plan import Fault, FaultPlan

TWENTY = tuple(Fault("pause", f"n{i:02}", i, 8) for i in range(20))
Judge = Callable[[FaultPlan], bool]


@st.composite
def systems(draw: st.DrawFn) -> tuple[FaultPlan, Judge]:
    """A plan, and a system that breaks if all faults of one of some sets are there, or so many of any."""
    count = draw(st.integers(1, 20))
    faults = TWENTY[:count]
    sets = draw(st.lists(st.sets(st.sampled_from(faults), min_size=1, max_size=5), min_size=1, max_size=3))
    many = draw(st.integers(2, 40))

    def breaks(plan: FaultPlan) -> bool:
        there = set(plan)
        return any(needed <= there for needed in sets) or len(there) >= many

    return FaultPlan(faults, seed=3), breaks


@settings(max_examples=80, deadline=None)
@given(systems())
def test_what_is_left_breaks_and_nothing_of_it_can_go(system: tuple[FaultPlan, Judge]) -> None:
    plan, breaks = system
    found = minimise(plan, breaks, shorten=False)
    assert breaks(found.plan)
    assert found.plan.seed == plan.seed
    assert set(found.plan) <= set(plan)
    for fault in found.plan:
        assert not breaks(found.plan.with_faults(set(found.plan) - {fault}))
    assert found.runs <= len(plan) ** 2 + 3 * len(plan) + 2  # the bound of the paper


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from(TWENTY), min_size=1, max_size=4))
def test_where_one_set_is_guilty_it_is_found(guilty: set[Fault]) -> None:
    played = []

    def breaks(plan: FaultPlan) -> bool:
        played.append(plan)
        return guilty <= set(plan)

    found = minimise(FaultPlan(TWENTY), breaks, shorten=False)
    assert set(found.plan) == guilty
    assert len(played) == len(set(played)) == found.runs  # none twice
    assert found.steps[0].broke and found.steps[0].faults == 20


def test_faults_get_shorter_while_it_still_breaks() -> None:
    plan = FaultPlan([Fault("pause", "a", 1, 8), Fault("pause", "b", 2, 8), Fault("kill", "c", 0, 8)])

    def breaks(plan: FaultPlan) -> bool:
        lasts = {fault.target: fault.for_s for fault in plan}
        return lasts.get("a", 0) >= 3 and lasts.get("b", 0) > 0

    found = minimise(plan, breaks)
    assert [(fault.target, fault.for_s) for fault in found.plan] == [("a", 4.0), ("b", 0.125)]
    assert minimise(plan, breaks, shortest_s=5).plan == FaultPlan([fault for fault in plan if fault.target != "c"])


def test_a_random_bad_day_is_reduced_to_what_overlapped() -> None:
    """A system that only falls if both its copies are away at the same time."""

    def breaks(plan: FaultPlan) -> bool:
        away: list[str] = []
        for event in plan.events():
            away.append(event.fault.target) if event.what == "begin" else away.remove(event.fault.target)
            if {"a", "b"} <= set(away):
                return True
        return False

    menu = [Choice("pause", ["a", "b", "c", "d"], (1, 8)), Choice("kill", ["a", "b", "c", "d"], (1, 8))]
    plans = [random_plan(menu, 12, 60, seed) for seed in range(30)]
    broke = [plan for plan in plans if breaks(plan)]
    assert len(broke) > 3
    for plan in broke:
        assert minimise(plan, breaks).plan.targets == ("a", "b")
        assert len(minimise(plan, breaks).plan) == 2


def test_there_must_be_something_to_make_smaller() -> None:
    with pytest.raises(ValueError, match="this plan of 20 faults does not break the system"):
        minimise(FaultPlan(TWENTY), lambda plan: False)
    with pytest.raises(ValueError, match="the system breaks without any fault"):
        minimise(FaultPlan(TWENTY), lambda plan: True)
    assert ddmin(TWENTY[:1], lambda faults: True) == TWENTY[:1]
