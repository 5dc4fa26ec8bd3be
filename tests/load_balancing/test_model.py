"""The balancer in virtual time: who saw what when something broke. No request is ever lost."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from minisys.load_balancing import model
from minisys.load_balancing.health import OutlierEjection, RetryBudget
from minisys.load_balancing.plan import HealthCheck, Step, check_plan
from minisys.load_balancing.policies import NAMES, Policy, luck_of_attempt, policy
from minisys.testbed.trace import OUTCOMES, Trace
from minisys.testbed.workload import Constant, Deterministic, Exponential, Poisson, Workload, workload

KILLED = (Step(2.0, "kill", "b"), Step(4.0, "restart", "b"))


def steady(n: int = 1200, rate_per_s: float = 200.0, seed: int = 3) -> Workload:
    """Six seconds at 200 a second, 0.05 s of work each: three backends with 8 workers are busy at 0.42."""
    return workload(n, arrivals=Poisson(rate_per_s), work=Exponential(0.05), seed=seed)


def run(plan=(), **given) -> Trace:
    name, requests = given.pop("policy", "least connections"), given.pop("requests", None) or steady()
    return model.simulate(name, requests, plan=plan, **{"workers": 8, **given}).check()


def by_hand(*rows: tuple[float, float]) -> Workload:
    """Requests of (arrival_s, work_s) without luck."""
    arrival, work = np.array(rows).T
    zero = np.zeros(len(rows), dtype=np.int64)
    return Workload(arrival, work, zero, zero, np.zeros(len(rows)))


def counts(trace: Trace) -> dict[str, int]:
    return {name: trace.count(name) for name in OUTCOMES if trace.count(name)}


@pytest.mark.parametrize("name", NAMES)
def test_killing_one_of_three_costs_no_user_a_request_if_there_is_one_retry(name):
    assert counts(run(KILLED, policy=name, workers=16)) == {"ok": 1200}


def test_without_a_retry_users_see_what_the_dead_backend_held_and_what_went_there_until_it_was_found_out():
    trace = run(KILLED, retries=0)
    lost = trace.frame[trace.frame.outcome == "failed"]
    assert 20 < len(lost) < 120 and lost.attempts.eq(1).all()
    assert lost.finished_s.min() == 2.0 and lost.finished_s.max() < 2.0 + 2 * 0.2 + 0.001
    assert lost.server.isna().all() and lost.started_s.isna().all()


def test_a_post_that_may_have_been_carried_out_is_not_repeated_but_one_that_was_not_delivered_is():
    frame = run(KILLED, method="POST", policy="random").frame
    lost = frame[frame.outcome == "failed"]
    assert len(lost) > 3 and lost.finished_s.eq(2.0).all() and lost.sent_s.max() < 2.0  # what b held when it died
    assert lost.attempts.eq(1).all() and frame.attempts[frame.sent_s > 2.0].max() == 2


def test_active_checks_find_the_dead_backend_and_put_it_back():
    frame = run(KILLED, health=HealthCheck(interval_s=0.2, rise=2, fall=2)).frame
    quiet = frame[(frame.sent_s > 2.4) & (frame.sent_s < 4.19)]
    assert set(quiet.server) == {"a", "c"} and quiet.attempts.eq(1).all()
    assert "b" in set(frame[frame.sent_s > 4.41].server)
    assert frame[(frame.sent_s > 2.0) & (frame.sent_s < 2.19)].attempts.max() == 2


def test_without_checks_every_request_that_goes_to_the_dead_backend_needs_two_attempts():
    frame = run((Step(2.0, "kill", "b"),), health=None, policy="random").frame
    late = frame[frame.sent_s > 2.0]
    assert late.attempts.eq(2).mean() == pytest.approx(1 / 3, abs=0.04) and late.outcome.eq("ok").all()


def test_passive_ejection_finds_it_too():
    ejection = OutlierEjection(consecutive=5, base_s=1.0, max_share=0.4)
    frame = run((Step(2.0, "kill", "b"),), health=None, policy="round robin", ejection=ejection).frame
    failed_first = frame[frame.attempts == 2]
    after = failed_first[failed_first.sent_s > 2.0]
    assert 5 <= len(after) < 20 and after.sent_s.max() > 3.0  # tried again after a second, and put aside for two


def test_a_retry_budget_of_nothing_allows_no_retry():
    trace = run(KILLED, budget=RetryBudget(ratio=0.0, min_per_s=0.0))
    assert trace.count("failed") > 20 and trace.frame.attempts.max() == 1


def test_a_paused_backend_holds_its_requests_until_the_time_limit_and_then_another_serves_them():
    trace = run((Step(2.0, "pause", "b"), Step(4.0, "resume", "b")), timeout_s=0.5)
    assert counts(trace) == {"ok": 1200}
    twice = trace.frame[trace.frame.attempts == 2]
    assert len(twice) > 5 and (twice.finished_s - twice.sent_s).min() > 0.5 and "b" not in set(twice.server)


def test_without_a_second_attempt_they_time_out():
    trace = run((Step(2.0, "pause", "b"), Step(4.0, "resume", "b")), timeout_s=0.5, retries=0)
    late = trace.frame[trace.frame.outcome == "timeout"]
    assert len(late) > 5 and (late.finished_s - late.sent_s).to_numpy() == pytest.approx(0.5)


def test_without_a_time_limit_they_wait_until_it_is_resumed():
    plan = (Step(1.0, "pause", "a"), Step(5.0, "resume", "a"))
    frame = run(plan, backends=1, requests=by_hand((0.5, 1.0), (2.0, 0.5)), health=None).frame
    assert frame.finished_s.tolist() == [5.0, 5.5] and frame.started_s.tolist() == [0.5, 5.0]


def test_if_it_is_never_resumed_they_are_unfinished_and_not_forgotten():
    trace = run((Step(1.0, "pause", "a"),), backends=1, requests=by_hand((0.5, 1.0), (2.0, 0.5)), health=None)
    assert counts(trace) == {"unfinished": 2}


def test_a_paused_backend_that_is_killed_loses_all_it_held():
    plan = (Step(1.0, "pause", "a"), Step(3.0, "kill", "a"))
    trace = run(plan, backends=1, requests=by_hand((0.5, 1.0), (2.0, 0.5)), health=None)
    assert counts(trace) == {"failed": 2} and trace.frame.finished_s.tolist() == [3.0, 3.0]


def test_an_attempt_given_up_does_not_spoil_the_record_of_the_next():
    trace = run(
        requests=by_hand((0.0, 5.0), (0.1, 5.0), (0.2, 0.1)), policy="round robin", backends=2, workers=1, timeout_s=1.0
    )
    assert trace.frame.outcome.tolist() == ["timeout", "timeout", "timeout"]
    fast_b = run(
        requests=by_hand((0.0, 9.0), (1.0, 0.5)), policy="round robin", backends=2, workers=1, timeout_s=2.0, retries=0
    )
    assert fast_b.frame.outcome.tolist() == ["timeout", "ok"] and fast_b.frame.server.tolist()[1] == "b"


def test_a_drained_backend_finishes_what_it_has_and_gets_nothing_new():
    trace = run((Step(2.0, "drain", "b"), Step(4.0, "add", "b")), retries=0)
    frame = trace.frame
    assert counts(trace) == {"ok": 1200}
    mine = frame[frame.server == "b"]
    assert not mine.sent_s.between(2.0, 3.999).any() and (mine.sent_s > 4.0).any()
    assert mine[mine.sent_s < 2.0].finished_s.max() > 2.0


def test_adding_draining_and_removing_under_load_fails_nobody():
    trace = run((Step(1.5, "add", "d"), Step(3.0, "drain", "a"), Step(4.5, "remove", "a")), retries=0, policy="ring")
    assert counts(trace) == {"ok": 1200} and trace.servers == ["a", "b", "c", "d"]
    assert not (trace.frame.server[trace.frame.sent_s < 1.5] == "d").any() and "d" in set(trace.frame.server)


@pytest.mark.parametrize("chosen", [policy("ring", bound=100.0), policy("maglev")], ids=lambda chosen: chosen.name)
def test_a_backend_added_later_takes_only_its_share_of_the_keys(chosen):
    before, after = run(policy=chosen).frame, run((Step(0.0, "add", "d"),), policy=chosen).frame
    moved = before.server.astype(str) != after.server.astype(str)
    assert 0.1 < moved.mean() < 0.4
    if chosen.name == "ring":  # Maglev moves a few more than it must
        assert set(after.server[moved]) == {"d"}


def test_a_change_of_weight_shows_in_the_next_round():
    frame = run((Step(3.0, "weight", "a", 2.0),), policy="weighted round robin").frame
    assert (frame.server[frame.sent_s < 3] == "a").mean() == pytest.approx(1 / 3, abs=0.01)
    assert (frame.server[frame.sent_s > 3] == "a").mean() == pytest.approx(1 / 2, abs=0.01)


def test_slow_start_lets_a_backend_in_gradually():
    shares = []
    for window in (0.0, 2.0):
        frame = run((Step(2.0, "add", "d"),), policy="weighted round robin", slow_start_s=window).frame
        shares.append((frame.server[frame.sent_s.between(2.0, 3.0)] == "d").mean())
    assert shares[0] == pytest.approx(0.25, abs=0.02) and shares[1] < 0.12


def test_a_slow_backend_takes_its_factor_as_long():
    requests = workload(40, arrivals=Constant(1.0), work=Deterministic(0.1), seed=0)
    frame = run((Step(20.5, "slow", "a", 3.0),), backends=1, requests=requests).frame
    assert (frame.finished_s - frame.sent_s).tolist() == pytest.approx([0.1] * 20 + [0.3] * 20)


def test_when_all_are_dead_the_user_hears_it_at_once():
    trace = run(tuple(Step(2.0, "kill", name) for name in "abc"))
    late = trace.frame[trace.frame.sent_s > 3.0]
    assert late.outcome.eq("failed").all() and late.attempts.eq(0).all() and (late.finished_s == late.sent_s).all()


def test_with_one_backend_there_is_no_other_to_retry_on():
    frame = run((Step(2.0, "kill", "a"),), backends=1, workers=50, retries=3, health=None).frame
    assert frame.attempts.max() == 1 and frame.outcome.eq("failed").any()


def test_a_refused_request_is_not_retried_and_names_who_refused():
    frame = run(workers=1, queue=0).frame
    refused = frame[frame.outcome == "refused"]
    assert len(refused) > 100 and refused.attempts.eq(1).all() and refused.server.notna().all()


def test_each_attempt_has_a_luck_of_its_own():
    seen = []

    def spy(pool, key, luck, now):
        seen.append((luck, tuple(pool.eligible)))
        return pool.eligible[0]

    plan = (Step(0.0, "kill", "a"), Step(0.0, "kill", "b"))
    run(plan, requests=by_hand((1.0, 0.1)), policy=Policy("spy", spy), retries=2, health=None)
    assert seen == [(0.0, (0, 1, 2)), (luck_of_attempt(0.0, 1), (1, 2)), (luck_of_attempt(0.0, 2), (2,))]


STEP = st.builds(
    Step,
    st.floats(0, 4).map(lambda t: round(t, 1)),
    st.sampled_from(["kill", "restart", "slow", "pause", "resume", "add", "drain", "remove", "weight"]),
    st.sampled_from("abcd"),
    st.sampled_from([0.5, 1.0, 3.0]),
)


@given(
    plan=st.lists(STEP, max_size=8),
    name=st.sampled_from([name for name in NAMES if name != "maglev"]),
    retries=st.integers(0, 2),
    timeout_s=st.sampled_from([None, 0.3]),
    queue=st.sampled_from([None, 2]),
    checked=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_under_any_plan_no_request_is_lost_or_counted_twice(plan, name, retries, timeout_s, queue, checked):
    try:
        check_plan(plan, "abc")
    except ValueError:
        assume(False)
    requests = workload(300, arrivals=Poisson(60.0), work=Exponential(0.05), seed=1)
    given_ = {"retries": retries, "timeout_s": timeout_s, "queue": queue, "workers": 2, "slow_start_s": 0.5}
    health = HealthCheck() if checked else None
    trace = run(plan, requests=requests, policy=name, health=health, ejection=OutlierEjection(3, 0.5, 0.4), **given_)
    assert len(trace) == 300 == sum(counts(trace).values())
    assert trace.frame.attempts.between(0, 1 + retries).all()
    if timeout_s is not None or not any(step.action == "pause" for step in plan):
        assert trace.count("unfinished") == 0


@pytest.mark.parametrize("plan", [(), KILLED])
def test_the_same_seed_gives_the_same_trace_twice(plan):
    assert_frame_equal(run(plan, policy="peak ewma").frame, run(plan, policy="peak ewma").frame, check_exact=True)


def test_the_same_seed_gives_the_same_trace_in_every_process():
    code = (
        "from minisys.load_balancing import model\n"
        "from minisys.load_balancing.plan import Step\n"
        "from minisys.testbed.workload import Exponential, Poisson, workload\n"
        "day = workload(500, arrivals=Poisson(200.0), work=Exponential(0.05), seed=1)\n"
        "print(model.simulate('ring', day, workers=8, plan=[Step(1.0, 'kill', 'b')]).frame.to_csv())"
    )
    runs = set()
    for seed in ("1", "2"):
        salted = os.environ | {"PYTHONHASHSEED": seed}
        runs.add(
            subprocess.run([sys.executable, "-c", code], env=salted, capture_output=True, text=True, check=True).stdout
        )
    assert len(runs) == 1 and runs.pop().count(",ok,") == 500


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"retries": -1}, "retries=-1"),
        ({"timeout_s": 0.0}, "timeout_s=0.0"),
        ({"plan": [Step(1.0, "kill", "z")]}, "'z' at that time"),
        ({"workers": 0}, "workers >= 1"),
        ({"backends": ["a", "a"]}, "'a' twice"),
        ({"weights": [1, -1, 1]}, "-1"),
        ({"speed": [1.0, 0.0, 1.0]}, "above 0"),
    ],
)
def test_bad_arguments_are_refused_with_the_value(bad, says):
    with pytest.raises(ValueError, match=says):
        model.simulate("random", steady(10), **bad)


@pytest.mark.parametrize("index", [3, -1])
def test_a_policy_that_chooses_a_backend_that_is_not_there_is_named(index):
    with pytest.raises(ValueError, match="'wild' chose backend"):
        model.simulate(Policy("wild", lambda pool, key, luck, now: index), steady(10))
