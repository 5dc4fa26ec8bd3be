"""The judgements around the choice: health, ejection, slow start, retry budget, stickiness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.load_balancing.health import IDEMPOTENT, Health, OutlierEjection, RetryBudget, Sticky, slow_start


def test_one_no_does_not_throw_a_backend_out_and_one_yes_does_not_bring_it_back():
    health = Health(rise=2, fall=3)
    assert [health.seen(ok) for ok in (False, False, True, False, False, False)] == [None] * 5 + ["down"]
    assert [health.seen(ok) for ok in (True, False, True, True, True)] == [None, None, None, "up", None]


@given(st.integers(1, 4), st.integers(1, 4), st.lists(st.booleans(), max_size=40))
def test_health_changes_exactly_after_rise_or_fall_answers_in_a_row(rise, fall, answers):
    health, seen = Health(rise, fall), []
    for ok in answers:
        was, change = health.up, health.seen(ok)
        seen.append(ok)
        needed = fall if was else rise
        if change is not None:
            assert change == ("up" if health.up else "down") and health.up is not was
            assert seen[-needed:] == [not was] * needed
            seen = []
        else:
            assert health.up is was


def test_a_backend_that_fails_five_in_a_row_is_put_aside_twice_as_long_the_second_time():
    ejection = OutlierEjection(consecutive=5, base_s=30, max_share=0.5)
    assert [ejection.seen("a", False, 4, 1.0) for _ in range(5)] == [None] * 4 + [31.0]
    assert ejection.is_out("a", 30.9) and not ejection.is_out("a", 31.0)
    assert [ejection.seen("a", False, 4, 40.0) for _ in range(5)] == [None] * 4 + [100.0]


def test_a_success_in_between_starts_the_count_afresh():
    ejection = OutlierEjection(consecutive=2)
    assert [ejection.seen("a", ok, 2, 0.0) for ok in (False, True, False)] == [None] * 3
    assert not ejection.is_out("a", 0.0)


def test_when_all_fail_only_a_share_is_put_aside_but_always_one():
    half = OutlierEjection(consecutive=1, max_share=0.5)
    assert [half.seen(name, False, 4, 0.0) is not None for name in "abcd"] == [True, True, False, False]
    tenth = OutlierEjection(consecutive=1, max_share=0.1)
    assert [tenth.seen(name, False, 3, 0.0) is not None for name in "abc"] == [True, False, False]


def test_the_retry_budget_allows_its_share_and_no_more():
    budget = RetryBudget(ratio=0.2, min_per_s=0.0)
    for _ in range(100):
        budget.request(5.0)
    assert sum(budget.may_retry(5.0) for _ in range(50)) == 20


def test_a_quiet_service_may_still_retry():
    budget = RetryBudget(ratio=0.0, min_per_s=1.0, window_s=10.0)
    assert sum(budget.may_retry(0.0) for _ in range(50)) == 10
    assert not budget.may_retry(0.1)
    assert sum(budget.may_retry(100.0) for _ in range(50)) == 9  # what was spent has almost faded


def test_slow_start_grows_from_a_tenth_to_the_full_weight():
    assert [slow_start(4.0, age, 10.0) for age in (0, 0.5, 5, 10, 99)] == pytest.approx([0.4, 0.4, 2, 4, 4])
    assert slow_start(4.0, 0.0, 0.0) == 4.0


def test_a_sticky_session_keeps_its_backend_while_that_is_up():
    sticky = Sticky()
    assert sticky.backend("b", {"a", "b"}) == "b"
    assert sticky.backend("b", {"a"}) is None
    assert sticky.backend(None, {"a"}) is None
    assert sticky.backend("../etc/passwd", {"a"}) is None


def test_post_and_patch_are_not_idempotent():
    assert "GET" in IDEMPOTENT and not IDEMPOTENT & {"POST", "PATCH", "CONNECT"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Health(rise=0), lambda: Health(fall=-1), lambda: OutlierEjection(consecutive=0),
        lambda: OutlierEjection(base_s=0), lambda: OutlierEjection(max_share=2), lambda: RetryBudget(ratio=-0.1),
        lambda: RetryBudget(min_per_s=-1), lambda: RetryBudget(window_s=0),
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match="got "):
        make()
