"""A plan says what breaks: it survives its file, refuses what makes no sense, and comes in the order of time."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.chaos.kinds import KINDS, Value
from minisys.chaos.plan import Fault, FaultPlan


def value(of: Value) -> st.SearchStrategy:
    if of.choices:
        return st.sampled_from(of.choices)
    return st.floats(of.low, min(of.high, 1e9)).map(float)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(list(KINDS)))
    values = {name: draw(value(of)) for name, of in KINDS[kind].items()}
    lasts = draw(st.one_of(st.just(math.inf), st.floats(0.01, 5)))
    return Fault(kind, draw(st.sampled_from("abcd")), draw(st.floats(0, 30)), lasts, **values)


@st.composite
def plans(draw: st.DrawFn) -> FaultPlan:
    kept: list[Fault] = []
    for fault in draw(st.lists(faults(), max_size=8)):
        same = [one for one in kept if (one.kind, one.target) == (fault.kind, fault.target)]
        if all(one.end_s <= fault.at_s or fault.end_s <= one.at_s for one in same):
            kept.append(fault)
    return FaultPlan(kept, draw(st.integers(0, 2**32)))


@settings(max_examples=40, deadline=None)
@given(plans())
def test_text_and_back_gives_an_equal_plan(plan: FaultPlan) -> None:
    assert FaultPlan.from_yaml(plan.to_yaml()) == plan
    assert FaultPlan.from_yaml(plan.to_json()) == plan
    assert hash(FaultPlan.from_yaml(plan.to_json())) == hash(plan)


@settings(max_examples=40, deadline=None)
@given(plans())
def test_events_come_in_order_and_each_end_has_its_beginning(plan: FaultPlan) -> None:
    events = plan.events()
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)
    begun = []
    for event in events:
        if event.what == "begin":
            begun.append(event.fault)
        else:
            begun.remove(event.fault)
    assert all(math.isinf(fault.for_s) for fault in begun)
    assert sum(event.what == "begin" for event in events) == len(plan)


def test_at_one_moment_what_ends_comes_first() -> None:
    plan = FaultPlan([Fault("pause", "b", 3, 2), Fault("pause", "b", 1, 2)])
    assert [(at_s, what) for at_s, what, _ in plan.events()] == [(1, "begin"), (3, "end"), (3, "begin"), (5, "end")]
    assert plan.end_s == 5
    assert plan.targets == ("b",)


def test_a_fault_keeps_its_values_and_fills_in_the_others() -> None:
    fault = Fault("loss", "a-b", at_s=1, for_s=2, ratio=0.5)
    assert (fault["ratio"], fault["stall_s"], fault["direction"]) == (0.5, 0.2, "both")
    assert fault.changed(for_s=1, ratio=0.1) == Fault("loss", "a-b", 1, 1, ratio=0.1)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"kind": "explode", "target": "a"}, "there is no fault 'explode'; known: kill, pause"),
        ({"kind": "latency", "target": "a"}, "fault 'latency' on 'a': a 'latency' fault needs delay_s"),
        ({"kind": "latency", "target": "a", "delay_s": -1}, "delay_s must be from 0 to 3600, got -1"),
        ({"kind": "latency", "target": "a", "delay_s": math.nan}, "delay_s must be from 0 to 3600, got nan"),
        ({"kind": "latency", "target": "a", "delay_s": "2"}, "delay_s must be a number, got '2'"),
        ({"kind": "latency", "target": "a", "delay_s": True}, "delay_s must be a number, got True"),
        ({"kind": "latency", "target": "a", "delay_s": 1, "direction": "up"}, "one of forward, backward, both, got"),
        ({"kind": "pause", "target": "a", "delay_s": 1}, "a 'pause' fault has no 'delay_s'; it takes no values"),
        ({"kind": "pause", "target": " "}, "a fault needs a target"),
        ({"kind": "pause", "target": "a", "at_s": -1}, "at_s must be seconds from the start, 0 or more, got -1"),
        ({"kind": "pause", "target": "a", "at_s": "x"}, "at_s must be seconds from the start, 0 or more, got 'x'"),
        ({"kind": "pause", "target": "a", "for_s": 0}, "for_s must be above 0 seconds (leave it out: to the end), got"),
        ({"target": "a"}, "a fault needs kind; got {'target': 'a'}"),
        ({1: 2, "kind": "pause", "target": "a"}, "a fault's names are words, got 1"),
        ("pause", "a fault is a mapping with kind, target"),
    ],
)
def test_a_bad_fault_is_refused_with_a_way_out(fault: object, problem: str) -> None:
    with pytest.raises(ValueError, match=f"(?s)fault 2: .*{re.escape(problem)}"):
        FaultPlan.from_dict({"faults": [{"kind": "kill", "target": "a"}, fault]})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1", "this is no YAML"),
        ("3", "a plan is a mapping with a list `faults`"),
        ("faults: []\nname: x", "a plan has `faults` and `seed`, no 'name'"),
        ("faults: []\nseed: x", "the seed must be a whole number, got 'x'"),
    ],
)
def test_a_bad_plan_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FaultPlan.from_yaml(text)


def test_faults_of_one_kind_may_not_overlap_on_one_target() -> None:
    with pytest.raises(ValueError, match="two 'pause' faults overlap on 'a': one from 1 s to 4 s, one from 3 s; end"):
        FaultPlan([Fault("pause", "a", 3), Fault("pause", "a", 1, 3)])
    FaultPlan([Fault("pause", "a", 3), Fault("pause", "b", 1, 3), Fault("kill", "a", 1, 3)])
