"""Scaling measured: rankings with wide margins from short runs, and the pictures of a measurement kept from one."""

from __future__ import annotations

import pandas as pd
import pytest

from minisys.scaling import curves, knees, measured, theory, usl
from minisys.testbed import picture

# one run of usl_measured("waiting") and of "computing" on two cores, times rounded to 0.01 ms
WAITING = pd.DataFrame({
    "n": [1, 2, 3, 4, 6, 8, 10, 12],
    "throughput": [147.4, 256.9, 344.7, 396.0, 441.3, 437.9, 422.8, 395.4],
    "operations": [148, 258, 348, 400, 450, 448, 430, 408],
    "lost": [0] * 8,
    "own_s": [0.00615, 0.00613, 0.0061, 0.0061, 0.00608, 0.00608, 0.00608, 0.00607],
    "waited_s": [0.0, 0.00041, 0.00085, 0.0015, 0.00303, 0.00521, 0.00779, 0.01093],
    "held_s": [0.00061, 0.0006, 0.00059, 0.00059, 0.00059, 0.00058, 0.00058, 0.00058],
    "told_s": [0.0, 0.00016, 0.00026, 0.0004, 0.00066, 0.00091, 0.00117, 0.0014],
    "idle_s": [0.00001, 0.00048, 0.00095, 0.0016, 0.00325, 0.0055, 0.00806, 0.0114],
})  # fmt: skip
COMPUTING = WAITING.assign(throughput=[148.6, 256.3, 219.3, 232.7, 210.1, 205.8, 195.1, 183.9])
KNEE = pd.DataFrame({
    "load": list(knees.LOADS), "rate_per_s": [160.0, 288.0, 384.0],
    "p99_s": [0.128, 0.14, 0.759], "simulated": [0.126, 0.136, 0.675],
})  # fmt: skip


def words(chart) -> str:
    return str(picture.spec(chart))


def test_three_worlds_of_the_lock_with_the_readers_prediction():
    said = words(measured.usl_worlds(WAITING, prediction=6))
    assert all(word in said for word in ("predicted", "simulated", "measured", "your prediction: 6", "peak: "))
    assert "your prediction" not in words(measured.usl_worlds(WAITING))


def test_the_law_is_put_together_from_runs_of_up_to_four_workers():
    own_s, locked_s, tell_s = measured.parts(WAITING)
    assert (own_s, locked_s) == (0.00615, 0.00061)
    assert tell_s == pytest.approx((0.00016 + 0.00013 + 0.0004 / 3) / 3)
    law = theory.usl_of_parts(own_s, locked_s, tell_s)
    assert theory.usl(12, *law) == pytest.approx(395, rel=0.1)  # as measured with twelve


def test_the_time_of_an_operation_adds_up_to_what_it_took():
    made = picture.spec(measured.where_time_goes(WAITING))
    rows = [row for part in made["datasets"].values() for row in part]
    twelve = sum(row["ms"] for row in rows if row["n"] == 12)
    assert twelve == pytest.approx(1000 * 12 / 395.4, rel=0.02) and {row["kind"] for row in rows} == set(
        measured.PARTS.values()
    )


def test_lines_that_compare_exactly():
    assert measured.past_the_cores(WAITING, COMPUTING) == (
        "waiting: beyond 2 times the throughput of one worker: yes\n"
        "computing: beyond 2 times the throughput of one worker: no"
    )
    assert measured.objective_kept(KNEE) == (
        "objective kept at half the capacity: yes\nobjective kept at 1.2 times the capacity: no"
    )


def test_the_other_pictures_are_drawn():
    assert "straight line" in words(measured.kinds(WAITING, COMPUTING))
    apart = WAITING.assign(throughput=1.5 * WAITING["throughput"])
    assert "law from the parts" in words(measured.together_or_apart(WAITING, apart))
    assert "measured 0.759 at 384" in picture.spec(knees.worlds(KNEE))["description"]
    assert measured.same_requests(KNEE).frame["p99 measured (ms)"].tolist()[-1] == "759"
    assert curves.worth_it(WAITING) == "beta is worth a coefficient here: yes"


@pytest.mark.live
def test_the_lock_is_alpha_and_the_copies_are_beta():
    laws = {}
    for lock, coherency in ((True, True), (True, False), (False, False)):
        seen = measured.live.throughput((1, 2, 4, 8), for_s=0.35, cores=measured.CORES, lock=lock, coherency=coherency)
        laws[lock, coherency] = usl.fit(seen["n"], seen["throughput"])
    assert laws[True, False].alpha > laws[False, False].alpha + 0.03
    assert laws[True, True].beta > laws[True, False].beta + 0.004


@pytest.mark.live
def test_lock_and_copies_cost_speed_and_save_updates():
    full = measured.live.throughput((1, 8), for_s=0.35, cores=measured.CORES)
    frame = measured.switched(full, for_s=0.35).frame.set_index(["lock", "coherency"])
    assert frame.loc[("on", "on"), "updates lost"] == "0 %" != frame.loc[("off", "off"), "updates lost"]
    times = frame["times one worker"].astype(float)
    assert times[("on", "on")] < times[("on", "off")] < times[("off", "off")]


@pytest.mark.live
def test_two_processors_end_computing_and_not_waiting():
    nothing_shared = {"lock": False, "coherency": False, "for_s": 0.4, "cores": measured.CORES}
    waiting, computing = (
        measured.live.throughput((1, 8), kind=kind, **nothing_shared) for kind in ("waiting", "computing")
    )
    # only the ranking: beside other programs one worker alone is slow, and then even eight who compute gain on it
    assert waiting["throughput"].iloc[1] > 1.5 * computing["throughput"].iloc[1]


@pytest.mark.live
def test_a_backend_past_its_capacity_is_slower_than_one_at_half(monkeypatch):
    monkeypatch.setattr(knees, "FOR_S", 0.5)
    monkeypatch.setattr(knees, "LOADS", (0.5, 1.2))
    seen = measured.knee_measured()
    assert seen["load"].tolist() == [0.5, 1.2] and seen["p99_s"].iloc[0] < seen["p99_s"].iloc[1]
    assert (seen["simulated"] > 0).all() and seen["rate_per_s"].tolist() == [160.0, 384.0]
