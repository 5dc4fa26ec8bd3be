"""The supervisor and its runbooks: tables, limits that hold whatever it sees, repairs in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.availability.theory import from_repair
from minisys.observability.healing_model import (
    BOOT_S,
    CALL_S,
    CURES,
    HUMAN_S,
    PERIOD_S,
    Fault,
    draw,
    simulate,
)
from minisys.observability.runbooks import DEFAULT, SYMPTOMS, Limits, Runbook, Runbooks
from minisys.observability.supervisor import EVERYTHING, Act, Seen, Supervisor

LOOKS = {
    "": {}, "dead": {"alive": False}, "silent": {"answers": False}, "slow": {"slow": True}, "failing": {"failing": True}
}  # fmt: skip


def seen(**symptoms: str) -> list[Seen]:
    return [Seen(name, **LOOKS[symptom]) for name, symptom in symptoms.items()]


def told(acts: list[Act]) -> list[tuple[str, str]]:
    return [(act.action, act.target) for act in acts]


def test_the_default_runbooks_survive_yaml() -> None:
    assert Runbooks.from_yaml(DEFAULT.to_yaml()) == DEFAULT


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("runbooks: {dead: {steps: [reboot]}}", "steps are restart, replace, drain, fail over, page; got ['reboot']"),
        ("runbooks: {ill: {steps: [page]}}", "runbooks: 'ill' is unknown; known: dead, silent, slow, failing"),
        ("runbooks: {dead: {steps: [page, restart]}}", "after a page a human is in charge"),
        ("runbooks: {dead: {steps: restart}}", "steps must be a list, got 'restart'"),
        ("runbooks: {dead: {steps: [page], after: 0}}", "after counts looks, 1 or more; got 0"),
        ("runbooks: {dead: {steps: [page], after: soon}}", "after must be a number, got 'soon'"),
        ("limits: {at_once: 0}", "0 < at_once <= 1, got 3 and 0"),
        ("limits: {restarts: 3}", "limits: 'restarts' is unknown"),
        ("limits: {wait_s: 0}", "need 0 < wait_s <= longest_wait_s"),
        ("- dead", "the file: expected a mapping of runbooks, limits, got ['dead']"),
        ("a: [", "not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, says: str) -> None:
    with pytest.raises(ValueError) as problem:
        Runbooks.from_yaml(text)
    assert says in str(problem.value)


def test_steps_follow_each_other_and_end_with_a_page() -> None:
    book = Runbooks((Runbook("dead", ("restart", "replace"), after=1),), Limits(steps=5, wait_s=10))
    supervisor, did = Supervisor(book), []
    for now_s in range(0, 100, 5):
        did += [(act.at_s, act.action) for act in supervisor.decide(seen(a="dead", b="", c=""), now_s)]
    assert did == [(0, "restart"), (10, "replace"), (30, "page")]  # the second wait is twice as long


def test_a_crash_loop_is_stopped_though_it_looks_well_in_between() -> None:
    book = Runbooks((Runbook("dead", ("restart",) * 9, after=1),), Limits(steps=3, within_s=100, wait_s=2))
    supervisor, did = Supervisor(book), []
    for now_s in range(60):
        did += told(supervisor.decide(seen(a="dead" if now_s % 3 == 0 else "", b="", c=""), now_s))
    assert did == [("restart", "a")] * 3 + [("page", "a")]
    supervisor.resume("a")
    assert told(supervisor.decide(seen(a="dead", b="", c=""), 60)) == [("restart", "a")]


def test_who_stayed_well_for_the_whole_window_begins_anew() -> None:
    book = Runbooks((Runbook("dead", ("restart", "page"), after=1),), Limits(within_s=20, wait_s=1))
    supervisor = Supervisor(book)
    assert told(supervisor.decide(seen(a="dead", b=""), 0)) == [("restart", "a")]
    for now_s in range(2, 24):
        assert not supervisor.decide(seen(a="", b=""), now_s)
    assert told(supervisor.decide(seen(a="dead", b=""), 24)) == [("restart", "a")]


def test_one_after_the_other() -> None:
    supervisor, did = Supervisor(Runbooks(DEFAULT.books, Limits(wait_s=10, at_once=0.34))), []
    dead = dict.fromkeys("abc", "dead")
    for now_s in range(25):
        acts = supervisor.decide(seen(**dead), now_s)
        did += [(act.at_s, act.target) for act in acts]
        dead.update({act.target: "" for act in acts})
    assert did == [(0, "a"), (10, "b"), (20, "c")]


@pytest.mark.parametrize("symptom", ["silent", "slow", "failing"])
def test_if_most_are_ill_alike_the_cause_lies_elsewhere(symptom: str) -> None:
    supervisor, did = Supervisor(DEFAULT), []
    for now_s in range(0, 60, 2):
        did += told(supervisor.decide(seen(a=symptom, b=symptom, c=""), now_s))
    assert did == [("page", EVERYTHING)]
    assert not supervisor.decide(seen(a="", b="", c=""), 60)
    again = [told(supervisor.decide(seen(a=symptom, b=symptom, c=""), 62 + 2 * look)) for look in range(9)]
    assert sum(again, []) == [("page", EVERYTHING)]


def test_a_dead_one_is_repaired_while_all_others_are_slow() -> None:
    supervisor, did = Supervisor(DEFAULT), []
    for now_s in range(0, 20, 2):
        did += told(supervisor.decide(seen(a="slow", b="slow", c="dead"), now_s))
    assert sorted(did) == [("page", EVERYTHING), ("restart", "c")]


def test_a_drained_one_that_is_well_again_returns_and_a_failed_over_one_does_not() -> None:
    for step, back in (("drain", [("drain", "a"), ("return", "a")]), ("fail over", [("fail over", "a")])):
        supervisor, did = Supervisor(Runbooks((Runbook("slow", (step,), after=1),), Limits(wait_s=5))), []
        for now_s in range(40):
            did += told(supervisor.decide(seen(a="slow" if now_s < 3 else "", b="", c=""), now_s))
        assert did == back


symptoms = st.sampled_from(["", *SYMPTOMS])


@settings(max_examples=60, deadline=None)
@given(
    looks=st.lists(st.tuples(symptoms, symptoms, symptoms, symptoms), min_size=1, max_size=60),
    steps=st.integers(1, 4), at_once=st.sampled_from([0.25, 0.5, 1.0]), wait_s=st.integers(1, 20),
)  # fmt: skip
def test_the_limits_hold_whatever_it_sees(looks: list, steps: int, at_once: float, wait_s: int) -> None:
    limits = Limits(steps=steps, within_s=50, wait_s=wait_s, at_once=at_once)
    supervisor, did = Supervisor(Runbooks(DEFAULT.books, limits)), list[Act]()
    for look, ill in enumerate(looks):
        now_s = 2.0 * look
        acts = supervisor.decide(seen(**dict(zip("abcd", ill, strict=True))), now_s)
        assert len({act.target for act in acts}) == len(acts)
        assert supervisor.under_repair(now_s) <= limits.targets(4)
        did += acts
    repairs = [act for act in did if act.action not in ("page", "return")]
    for act in repairs:
        same = [one for one in repairs if one.target == act.target and 0 <= act.at_s - one.at_s < limits.within_s]
        assert len(same) <= steps
    for name in "abcd":  # hands off after a page, until it was well for a window, which these looks are too short for
        mine = [act.action for act in did if act.target == name and act.action != "return"]
        assert "page" not in mine[:-1] or 2.0 * len(looks) > limits.within_s


@pytest.mark.parametrize("kind", CURES)
def test_every_fault_ends_sooner_with_runbooks_and_nobody_is_restarted_for_ever(kind: str) -> None:
    with_it, without = (simulate(book, [Fault(60.0, kind, 2)]) for book in (DEFAULT, None))
    assert without.mttr_s == pytest.approx(CALL_S + HUMAN_S, abs=2 * PERIOD_S)
    assert with_it.mttr_s < HUMAN_S + 600
    assert with_it.repairs <= DEFAULT.limits.steps
    assert with_it.down_s <= without.down_s
    if kind in ("crash", "hang"):
        assert with_it.mttr_s <= BOOT_S + 3 * PERIOD_S
        assert with_it.pages == 0
    if kind == "slow database":
        assert (with_it.repairs, with_it.pages) == (0, 1)


def test_a_wait_shorter_than_the_boot_restarts_what_is_starting() -> None:
    hasty = Runbooks(DEFAULT.books, Limits(wait_s=5.0))
    assert simulate(hasty, [Fault(60.0, "crash", 2)]).repairs > simulate(DEFAULT, [Fault(60.0, "crash", 2)]).repairs


@pytest.mark.parametrize("book", [DEFAULT, None])
def test_availability_is_what_renewal_theory_says(book: Runbooks | None) -> None:
    every_s, count = 3_000.0, 5  # a crash of one machine each *every_s* seconds, long enough for any repair
    faults = [Fault(100.0 + every_s * number, "crash", 0) for number in range(count)]
    run = simulate(book, faults, places=2, needed=1, for_s=every_s * count)
    theory = from_repair(every_s - run.mttr_s, run.mttr_s)
    assert run.availability == pytest.approx((1 + theory) / 2, abs=1e-3)  # the other machine never fails
    assert run.lost_s == pytest.approx(run.mttr_s * count, rel=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_random_faults_are_over_sooner_and_the_same_seed_gives_the_same(seed: int) -> None:
    faults = draw(seed=seed)
    assert draw(seed=seed) == faults
    assert simulate(DEFAULT, faults).mttr_s < 0.5 * simulate(None, faults).mttr_s


@pytest.mark.parametrize(
    "bad", [lambda: Fault(0.0, "flood"), lambda: Fault(-1.0, "crash"), lambda: simulate(None, [Fault(0, "crash", 9)])]
)
def test_bad_faults_are_refused(bad: object) -> None:
    with pytest.raises(ValueError):
        bad()  # type: ignore[operator]
