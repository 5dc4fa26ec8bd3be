"""The monkey keeps its hours and its blast radius, leaves alone who opted out, and writes down what it does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
import simpy

from minisys.chaos.drawing import Choice, random_plan
from minisys.chaos.inject import DryRun, SimClock, Undo, play
from minisys.chaos.monkey import DAY_S, HOUR_S, Audited, BlastRadius, Hours, Monkey, TooMuch
from minisys.chaos.plan import Fault, FaultPlan

GROUPS = {"app": ["a", "b", "c"], "cache": ["x", "y"]}
MENU = [
    Choice("kill", ["a", "b", "c"], (60, 3600)),
    Choice("pause", ["a", "x", "y"], (600, 7200)),
    Choice("slow cpu", ["x"], (60, 60), {"share": (0.1, 0.5)}),
]


def at_once(faults: Iterable[Fault], group: list[str]) -> int:
    """The most members of *group* that are broken at one time."""
    broken, most = [], 0
    for event in FaultPlan(faults).events():
        if event.fault.target in group:
            broken.append(event.fault.target) if event.what == "begin" else broken.remove(event.fault.target)
            most = max(most, len(set(broken)))
    return most


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("radius", [1, 2])
def test_it_keeps_its_hours_its_radius_and_away_from_who_opted_out(seed: int, radius: int) -> None:
    monkey = Monkey(GROUPS, MENU, per_day=4, blast_radius=radius, opt_out={"b"})
    plan = monkey.plan(days=28, seed=seed)
    assert len(plan) > 40
    for fault in plan:
        day, second = divmod(fault.at_s, DAY_S)
        assert int(day) % 7 < 5
        assert 9 * HOUR_S <= second < second + fault.for_s <= 15 * HOUR_S + 1e-3
    assert "b" not in plan.targets
    assert at_once(plan, GROUPS["app"]) == radius
    assert at_once(plan, GROUPS["cache"]) <= radius
    assert plan == monkey.plan(days=28, seed=seed) != monkey.plan(days=28, seed=seed + 100)
    assert FaultPlan.from_yaml(plan.to_yaml()) == plan


def test_it_comes_as_often_as_it_was_told() -> None:
    monkey = Monkey({"app": ["a"]}, [Choice("kill", ["a"], (1, 1))], per_day=2)
    counts = [len(monkey.plan(days=70, seed=seed)) for seed in range(20)]  # 50 working days each
    assert sum(counts) / 20 == pytest.approx(100, abs=4 * (100 / 20) ** 0.5)


def test_the_radius_is_kept_when_breaking_too() -> None:
    dry = DryRun()
    limited = BlastRadius(dry, GROUPS, opt_out={"c"})
    undo = limited.begin(Fault("kill", "a"))
    limited.begin(Fault("slow cpu", "a"))
    limited.begin(Fault("kill", "x"))
    with pytest.raises(TooMuch, match="'kill' on 'b' would make 2 of its group broken at a time \\(a, b\\); the blast"):
        limited.begin(Fault("kill", "b"))
    with pytest.raises(TooMuch, match="'c' has opted out"):
        limited.begin(Fault("kill", "c"))
    undo()
    assert [fault.target for fault in dry.begun] == ["a", "a", "x"]


def test_a_dry_run_breaks_nothing_and_its_record_says_what_it_would_have(tmp_path: Path) -> None:
    monkey, dry, env = Monkey(GROUPS, MENU), DryRun(), simpy.Environment()
    plan = monkey.plan(days=5, seed=1)
    audited = Audited(BlastRadius(dry, GROUPS), tmp_path / "audit.jsonl", lambda: env.now)
    log = play(plan, audited, SimClock(env))
    env.run()
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["what"], Fault.from_dict(line["fault"])) for line in lines] == [
        (e.what, e.fault) for e in log.entries
    ]
    assert [line["at_s"] for line in lines] == pytest.approx([entry.at_s for entry in log.entries])
    assert all(line["dry"] for line in lines)
    assert tuple(dry.begun) == plan.faults


def test_the_record_has_what_went_wrong(tmp_path: Path) -> None:
    class Broken:
        def begin(self, fault: Fault) -> Undo:
            raise OSError("out of reach")

    with pytest.raises(OSError, match="out of reach"):
        Audited(Broken(), tmp_path / "audit.jsonl").begin(Fault("kill", "a"))
    first, second = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert (first["what"], first["problem"], first["dry"]) == ("begin", "", False)
    assert second["problem"] == "OSError: out of reach"


def test_random_plans_have_their_number_within_their_time() -> None:
    plans = [random_plan(MENU, 12, 40_000, seed) for seed in range(10)]
    assert all(len(plan) == 12 and max(fault.at_s for fault in plan) <= 40_000 for plan in plans)
    assert len(set(plans)) == 10
    assert plans[3] == random_plan(MENU, 12, 40_000, 3)
    with pytest.raises(ValueError, match="30 faults do not fit into 10 s without overlapping"):
        random_plan(MENU, 30, 10, 0)


def test_bad_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing on the menu can happen to 'z'"):
        Monkey({"app": ["z"]}, MENU)
    with pytest.raises(ValueError, match="need per_day > 0 and blast_radius >= 1, got 1 and 0"):
        Monkey(GROUPS, MENU, per_day=1, blast_radius=0)
    with pytest.raises(ValueError, match="days from 0 to 6"):
        Hours(days=(7,))
    with pytest.raises(ValueError, match="share must be from 0.01 to 0.99, got 2"):
        Choice("slow cpu", ["a"], values={"share": (0.1, 2)})
    with pytest.raises(ValueError, match="need a target"):
        Choice("kill", [])
