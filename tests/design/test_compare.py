"""Two designs on common random numbers, the worst faults, slices, sweeps and sliders."""

from dataclasses import replace

import numpy as np
import pytest

from minisys.design.compare import MEASURES, compare, interval, sweep_of, verdicts
from minisys.design.explore import altered, picture, what_if
from minisys.design.headroom import headroom
from minisys.design.mean_field import enough_of, errors, slice_of
from minisys.design.parts import Call, Clients, Database, Design, External, Service
from minisys.design.run import run
from minisys.design.traffic import Traffic
from minisys.design.worst import largest_jump, worst_faults
from tests.design.shops import solid, with_part

BIG = Design("big", regions={"eu": ("eu-a", "eu-b")}, parts=[
    Clients("users", region="eu", rate=1600, calls=[Call("app")]),
    Service("app", takes=0.04, workers=4, copies=32, queue=100, calls=[Call("db")]),
    Database("db", takes=0.004, workers=4, shards=64),
])  # fmt: skip


def test_common_random_numbers_make_a_small_difference_certain() -> None:
    slower = with_part(solid(), "app", takes=0.0165)
    both = compare(solid(), replace(slower, name="slower"), for_s=20)
    p50 = both["p50_ms"]
    assert p50.real and 0.5 < p50.difference < 3 and p50.low < p50.difference < p50.high
    alone = np.array([1000 * run(slower, for_s=20, seed=seed + 50).latency_s(50) for seed in range(5)])
    _, low, high = interval(alone - both.runs[both.runs.design == "a"].p50_ms.to_numpy())
    assert high - low > 1.5 * (p50.high - p50.low)  # other users each: a wider interval
    assert "5 seeds in common" in repr(both)
    with pytest.raises(ValueError, match="at least five seeds, got 2"):
        compare(solid(), slower, seeds=range(2))


def test_a_design_does_not_differ_from_itself() -> None:
    same = compare(solid(), solid(), for_s=5).frame
    assert not same.real.any() and (same.difference == 0).all()


def test_verdicts_stand_side_by_side() -> None:
    frame = verdicts({"A": solid(), "B": with_part(solid(), "lb", copies=1)}, requests=500)
    assert list(frame["objective"])[-2:] == ["a month", "all kept"] and list(frame.iloc[-1])[1:] == ["yes", "no"]
    assert frame.set_index("objective").loc["rto", "B"].startswith("no: ")


def test_the_worst_pair_is_worse_than_the_worst_fault() -> None:
    worst = worst_faults(solid(), requests=400)
    assert worst.single.suspect.component == "eu-a (zone loss)" or "zone loss" in worst.single.suspect.component
    assert worst.pair is not None and worst.pair.damage.total > worst.single.damage.total and worst.tried < 40


def test_the_largest_jump_lies_below_what_the_flows_say() -> None:
    jump = largest_jump(solid(), requests=600)
    assert 0.7 * headroom(solid()).at_times < jump.survived < jump.broken < 1.15 * headroom(solid()).at_times
    assert largest_jump(with_part(solid(), "app", takes=0.2), requests=400).survived == 0


@pytest.mark.parametrize("times", [0.9, 1.15])
def test_just_below_its_headroom_a_design_keeps_up_and_above_it_does_not(times: float) -> None:
    made = Design("d", parts=[
        Clients("users", rate=100, calls=[Call("app")]),
        Service("app", takes=0.01, workers=2, calls=[Call("pay", share=0.5)]), External("pay", limit=80),
    ])  # fmt: skip
    room = headroom(made)
    assert room.breaks_first == "pay" and room.at_times == pytest.approx(1.6)
    seen = run(made, Traffic.steady().times(room.at_times * times), for_s=60)
    assert (seen.availability > 0.99) == (times < 1)


def test_slices_agree_with_the_whole_until_too_little_is_left() -> None:
    frame = errors(BIG, (1, 2), for_s=2, seeds=range(2)).set_index("k")
    assert abs(frame.loc[2, "error of p50 (%)"]) < 5 and abs(frame.loc[2, "error of p99 (%)"]) < 8
    assert slice_of(BIG, 2).warnings == () and slice_of(BIG, 1).design == BIG
    assert any("workers left" in told for told in slice_of(BIG, 16).warnings)
    assert enough_of(BIG, 200).k == 8 and enough_of(BIG, 5000).k == 1
    with pytest.raises(ValueError, match="whole k of 1 or more, got 0"):
        slice_of(BIG, 0)
    with pytest.raises(ValueError, match="put 1 among the ks"):
        errors(BIG, (2, 4))


def test_a_hundred_million_users_are_judged_as_a_slice() -> None:
    from minisys.design.judge import judge
    from minisys.design.parts import Objectives

    wide = Design("wide", objectives=Objectives(p99=0.5), parts=[
        Clients("users", rate=1_000_000, calls=[Call("app")]), Service("app", takes=0.01, workers=10, copies=2000),
    ])  # fmt: skip
    verdict = judge(wide, requests=2000)
    assert verdict.passed and "one 250th of the design" in verdict["p99"].evidence


def test_numbers_are_altered_by_name() -> None:
    made = altered(solid(), {"app.copies": 5.0, "app>db.timeout": 0.7, "users.rate": 10.0})
    assert made["app"].copies == 5 and {c.timeout for c in made["app"].calls if c.to == "db"} == {0.7}
    for wrong, said in (("web.copies", "names no part"), ("app.size", "no 'size' to change"), ("app>lb.share", "call")):
        with pytest.raises(ValueError, match=said):
            altered(solid(), {wrong: 1})


def test_the_explorer_draws_and_says_what_breaks_first() -> None:
    explorer = what_if(solid(), app__copies=(1, 6, 1, 3), app_to_db__timeout=(0.1, 1.0, 0.1, 0.3))
    assert explorer.error == "" and "breaks first" in explorer.scene.caption and "p99" in explorer.scene.caption
    assert "month" in picture(solid(), simulated=False)[1] and "p99" not in picture(solid(), simulated=False)[1]


def test_a_sweep_has_a_row_for_each_number_and_seed() -> None:
    frame = sweep_of(solid(), {"app.copies": [1, 3]}, for_s=5, seeds=range(2), jobs=1)
    assert list(frame["app.copies"]) == [1, 1, 3, 3] and set(MEASURES) <= set(frame.columns)
