"""The decisions of a queue, by tables and by properties."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.queues import policies
from minisys.queues.policies import Backoff, Idempotency

SECONDS = st.floats(0, 1e6)
TIMEOUTS = st.floats(0, policies.MAX_VISIBILITY_S)


@dataclass(frozen=True)
class Item:
    number: int
    group: str | None


@pytest.mark.parametrize(
    ("delivery", "crash_after", "times"),
    [
        ("at most once", (), 1), ("at most once", (0,), 1), ("at most once", (1,), 0), ("at most once", (2,), 1),
        ("at least once", (), 1), ("at least once", (0,), 1), ("at least once", (1,), 2),
        ("at least once", (1, 1, 1), 4), ("at least once", (0, 1, 0), 2), ("at least once", (2,), 1),
        ("effectively once", (), 1), ("effectively once", (0, 0), 1), ("effectively once", (1,), 1),
        ("effectively once", (1, 1, 1), 1), ("effectively once", (2,), 1),
    ],
)  # fmt: skip
def test_how_often_work_takes_effect(delivery: str, crash_after: tuple[int, ...], times: int) -> None:
    assert policies.effects(delivery, crash_after) == times


@given(crashes=st.lists(st.integers(0, 2), max_size=6))
def test_the_names_of_the_deliveries_are_true(crashes: list[int]) -> None:
    assert policies.effects("at most once", crashes) <= 1
    assert policies.effects("at least once", crashes) >= 1
    assert policies.effects("effectively once", crashes) == 1


@pytest.mark.parametrize(
    ("delivery", "crashes"), [("exactly once", ()), ("at most once", (3,)), ("at least once", (-1,))]
)
def test_no_such_delivery(delivery: str, crashes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be one of|cannot finish"):
        policies.effects(delivery, crashes)


def test_visibility_counts_from_the_receive_and_a_change_from_the_call() -> None:
    assert policies.visible_again_s(100.0) == 130.0
    assert policies.visible_again_s(0.0, 60) == 60.0
    assert policies.changed_visible_s(0.0, 15.0, 10) == 25.0  # the example of the developer guide
    assert policies.changed_visible_s(0.0, 15.0, 0) == 15.0


@given(received=SECONDS, later=TIMEOUTS, timeout=TIMEOUTS)
def test_twelve_hours_from_the_receive_and_no_more(received: float, later: float, timeout: float) -> None:
    now = received + later
    if timeout and now + timeout > received + 43_200:
        with pytest.raises(ValueError, match="beyond the limit"):
            policies.changed_visible_s(received, now, timeout)
    else:
        assert policies.changed_visible_s(received, now, timeout) == now + timeout


@pytest.mark.parametrize("timeout", [-1, 43_200.5, float("nan")])
def test_a_visibility_timeout_there_is_not(timeout: float) -> None:
    with pytest.raises(ValueError, match="0 to 43200"):
        policies.visible_again_s(0.0, timeout)


@pytest.mark.parametrize(
    ("count", "most", "goes"), [(0, 1, False), (1, 1, True), (2, 3, False), (3, 3, True), (99, None, False)]
)
def test_dead_letters(count: int, most: int | None, goes: bool) -> None:
    assert policies.dead_letter(count, most) is goes


def test_when_to_extend() -> None:
    assert policies.extend_at_s(130.0, 30.0) == 115.0
    with pytest.raises(ValueError, match="between 0 and 1"):
        policies.extend_at_s(130.0, 30.0, 1.0)


def test_backoff_doubles_up_to_its_cap() -> None:
    backoff = Backoff(base_s=1, factor=2, cap_s=10)
    assert [backoff.delay_s(n, Random(1)) for n in (1, 2, 3, 4, 5, 10_000)] == [1, 2, 4, 8, 10, 10]
    assert Backoff(base_s=3, factor=1, cap_s=10).delay_s(50, Random(1)) == 3


@given(count=st.integers(1, 60), jitter=st.floats(0, 1), seed=st.integers(0, 99))
def test_jitter_only_shortens(count: int, jitter: float, seed: int) -> None:
    longest = Backoff(jitter=0).delay_s(count, Random(seed))
    delay = Backoff(jitter=jitter).delay_s(count, Random(seed))
    assert (1 - jitter) * longest - 1e-9 <= delay <= longest


@pytest.mark.parametrize("bad", [{"base_s": 0}, {"factor": 0.5}, {"cap_s": 0.1}, {"jitter": 2}])
def test_backoff_that_makes_no_sense(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="base_s > 0"):
        Backoff(**bad)


@given(
    groups=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=20),
    busy=st.sets(st.sampled_from(["a", "b", "c"])),
    limit=st.integers(0, 10),
)
def test_nothing_passes_a_busy_group(groups: list[str | None], busy: set[str], limit: int) -> None:
    waiting = [Item(number, group) for number, group in enumerate(groups)]
    given_out = list(policies.in_order(iter(waiting), busy, limit))
    free = [item for item in waiting if item.group not in busy]
    assert given_out == free[:limit]


@pytest.mark.parametrize(
    ("held", "prefetch", "chosen"),
    [
        ({"a": 1, "b": 0}, 1, "b"),
        ({"a": 0, "b": 0}, 1, "a"),
        ({"a": 1, "b": 1}, 1, None),
        ({"a": 3, "b": 5}, 10, "a"),
        ({}, 1, None),
    ],
)
def test_prefetch(held: dict[str, int], prefetch: int, chosen: str | None) -> None:
    assert policies.dispatch(held, prefetch) == chosen


@pytest.mark.parametrize(
    ("waiting", "now", "ageing_s", "index"),
    [
        ([(1, 0.0), (0, 9.0)], 10.0, float("inf"), 1),
        ([(1, 0.0), (0, 9.0)], 10.0, 5.0, 0),
        ([(0, 5.0), (0, 3.0)], 10.0, float("inf"), 1),
        ([(2, 1.0), (2, 1.0)], 10.0, 1.0, 0),
    ],
)
def test_priority_with_ageing(waiting: list[tuple[int, float]], now: float, ageing_s: float, index: int) -> None:
    assert policies.first_by_priority(waiting, now, ageing_s) == index


def test_with_ageing_nobody_starves_and_without_somebody_does() -> None:
    for ageing_s, last in ((2.0, True), (float("inf"), False)):
        waiting, served = [(5, 0.0)], []
        for second in range(1, 40):  # one urgent message comes a second, and one is served
            waiting.append((0, float(second)))
            served.append(waiting.pop(policies.first_by_priority(waiting, float(second), ageing_s)))
        assert ((5, 0.0) in served) is last


@pytest.mark.parametrize(
    ("length", "limit", "pressure", "what"),
    [
        (5, None, "reject", "enqueue"),
        (4, 5, "block", "enqueue"),
        (5, 5, "block", "wait"),
        (5, 5, "reject", "refuse"),
        (9, 5, "shed oldest", "shed oldest"),
    ],
)
def test_back_pressure(length: int, limit: int | None, pressure: str, what: str) -> None:
    assert policies.admit(length, limit, pressure) == what


def test_bad_numbers_are_named() -> None:
    for call in (
        lambda: policies.admit(1, 0), lambda: policies.admit(1, 1, "panic"), lambda: policies.dispatch({"a": 0}, 0),
        lambda: policies.first_by_priority([], 0.0), lambda: policies.first_by_priority([(0, 0.0)], 1.0, 0.0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="got"):
            call()


def test_idempotency_store() -> None:
    store = Idempotency(keep_s=100, lock_s=10)
    assert store.begin("a", 0) == "new"
    assert store.begin("a", 9) == "running"
    assert store.begin("a", 10) == "new"  # the first worker is dead
    store.done("a", 42)
    assert store.begin("a", 50) == "done"
    assert store.began["a"][1] == 42
    assert store.begin("b", 109) == "new"
    assert store.begin("c", 110.5) == "new"
    assert "a" not in store.began
    assert store.begin("a", 111) == "new"  # forgotten: a duplicate later than keep_s is not seen
    with pytest.raises(KeyError):
        store.done("never")
