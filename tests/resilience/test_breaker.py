"""Breakers as a state machine, bulkheads, and the two records that hold all policies."""

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from minisys.resilience.breaker import Breaker, RateBreaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.concurrency import Aimd
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.rate_limits import TokenBucket
from minisys.resilience.retries import RatioBudget, Retries
from minisys.resilience.shedding import AdaptiveThrottle, CoDel, PriorityShedding, QueueLimit


class Transitions(RuleBasedStateMachine):
    """Any order of calls, answers and pauses, beside what the states mean written down once more."""

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(failures=3, open_s=10, probes=2)
        self.now = 0.0
        self.in_a_row = 0
        self.opened = None  # when it opened last
        self.probing = None  # when the present probes began
        self.sent = self.good = 0

    @rule(seconds=st.sampled_from([0.5, 4.0, 10.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def asks(self):
        allowed = self.breaker.allow(self.now)
        if self.opened is None and self.probing is None:
            assert allowed
            return
        since = self.opened if self.opened is not None else self.probing
        if self.now >= since + 10:
            self.opened, self.probing, self.sent, self.good = None, self.now, 0, 0
        if self.opened is not None:
            assert not allowed
        else:
            assert allowed is (self.sent < 2)
            self.sent += allowed

    @rule()
    def went_well(self):
        self.breaker.record(True, self.now)
        if self.probing is not None:
            self.good += 1
            if self.good >= 2:
                self.probing, self.in_a_row = None, 0
        elif self.opened is None:
            self.in_a_row = 0

    @rule()
    def failed(self):
        self.breaker.record(False, self.now)
        if self.probing is not None:
            self.probing, self.opened = None, self.now
        elif self.opened is None:
            self.in_a_row += 1
            if self.in_a_row >= 3:
                self.opened = self.now

    @invariant()
    def the_state_is_the_one_expected(self):
        expected = "open" if self.opened is not None else "half-open" if self.probing is not None else "closed"
        assert self.breaker.state == expected

    @precondition(lambda self: self.breaker.state == "closed")
    @rule()
    def a_closed_breaker_has_forgotten_what_is_over(self):
        assert self.breaker.in_a_row == self.in_a_row < 3


TestTransitions = Transitions.TestCase
TestTransitions.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


def test_a_rate_needs_enough_calls():
    breaker = RateBreaker(rate=0.5, at_least=20, window_s=10, open_s=5)
    for i in range(19):
        breaker.record(False, i / 10)
    assert breaker.state == "closed"
    breaker.record(True, 2.0)  # 19 of 20
    assert breaker.state == "open"
    assert not breaker.allow(6.9)
    assert breaker.allow(7.0)
    assert breaker.state == "half-open"
    assert not breaker.allow(7.0)
    breaker.record(True, 7.1)
    assert breaker.state == "closed"
    breaker.record(False, 7.2)  # the old failures are forgotten
    assert breaker.state == "closed"


def test_a_rate_forgets_what_is_older_than_its_window():
    breaker = RateBreaker(rate=0.5, at_least=20, window_s=10)
    for _ in range(19):
        breaker.record(False, 0.0)
    for i in range(20):
        breaker.record(i % 3 > 0, 11.0 + i / 100)  # 7 of 20 failed
    assert breaker.state == "closed"


def test_one_failure_in_three_opens_by_rate_and_never_by_count():
    by_count, by_rate = Breaker(failures=5), RateBreaker(rate=0.3)
    for i in range(300):
        by_count.record(i % 3 > 0, i / 100)
        by_rate.record(i % 3 > 0, i / 100)
    assert (by_count.state, by_rate.state) == ("closed", "open")


def test_a_probe_that_never_answers_does_not_shut_the_door_for_ever():
    breaker = Breaker(failures=1, open_s=5)
    breaker.record(False, 0)
    assert breaker.allow(5)
    assert not breaker.allow(9.9)
    assert breaker.allow(10)


@pytest.mark.parametrize(
    "make",
    [lambda: Breaker(0), lambda: Breaker(open_s=0), lambda: RateBreaker(0), lambda: RateBreaker(at_least=0)],
)
def test_breakers_that_make_no_sense(make):
    with pytest.raises(ValueError, match="got"):
        make()


def test_a_bulkhead_is_full_and_then_not():
    bulkhead = Bulkhead(2)
    assert [bulkhead.enter() for _ in range(3)] == [True, True, False]
    bulkhead.leave()
    assert bulkhead.enter()
    for _ in range(2):
        bulkhead.leave()
    with pytest.raises(RuntimeError, match="without enter"):
        bulkhead.leave()
    with pytest.raises(ValueError, match="got 0"):
        Bulkhead(0)


def test_each_run_starts_with_fresh_policies():
    defences = Defences(timeout_s=0.5, breaker=Breaker(failures=1), retries=Retries(3, budget=RatioBudget(1)))
    run = defences.start()
    run.done("timeout", 1.0)
    run.retries.request()
    assert run.refused_by(1.0, Random(1)) == "breaker"
    assert defences.start().refused_by(1.0, Random(1)) == ""
    assert not defences.retries.again(0, "timeout")
    assert run.retries.again(0, "timeout")
    with pytest.raises(ValueError, match="got 0"):
        Defences(timeout_s=0)


def test_who_is_refused_holds_no_place():
    rng = Random(1)
    run = Defences(bulkhead=Bulkhead(1), breaker=Breaker(failures=2), throttle=AdaptiveThrottle()).start()
    assert run.refused_by(0, rng) == ""
    assert run.refused_by(0, rng) == "bulkhead"
    run.done("failed", 0)  # broke while working: accepted, but a failure
    assert run.refused_by(0, rng) == ""
    run.done("failed", 0)
    assert run.refused_by(0, rng) == "breaker"
    assert run.bulkhead.in_flight == 0
    assert run.throttle.calls.totals(0) == (3, 2)


def test_a_wrong_request_is_no_reason_to_open():
    run = Defences(breaker=Breaker(failures=1)).start()
    run.done("invalid", 0)
    assert run.breaker.state == "closed"


def test_a_server_asks_at_the_door_and_at_the_turn():
    run = Protection(
        queue_limit=QueueLimit(10), priority=PriorityShedding(10), codel=CoDel(0.01, 0.1), concurrency=Aimd(0.5)
    ).start()
    assert run.comes(9, 0, 0.0)
    assert not run.comes(9, 3, 0.0)
    assert not run.comes(10, 0, 0.0)
    assert run.turn(5, 0.5, 0, 0.0)
    assert run.turn(5, 0.5, 0, 0.05)
    assert not run.turn(5, 0.5, 0, 0.1)  # a whole interval without a short wait
    limited = Protection(rate_limit=TokenBucket(1, 1)).start()
    assert [limited.comes(0, 0, 0.0) for _ in range(2)] == [True, False]
    assert Protection().start().turn(99, 99.0, 0, 0.0)
