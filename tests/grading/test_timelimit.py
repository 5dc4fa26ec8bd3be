"""Endless code is stopped, and nothing else is."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from minisys.grading import timelimit
from minisys.grading.timelimit import TooLong, time_limit


def endless():
    while True:
        pass


def endless_and_stubborn():
    while True:
        try:
            time.sleep(0.001)
        except Exception:
            pass


def test_an_endless_loop_is_stopped():
    with pytest.raises(TooLong, match="stopped after 0.05 s"), time_limit(0.05) as note:
        assert note == ""
        endless()


def test_a_loop_that_swallows_every_exception_is_stopped():
    with pytest.raises(TooLong), time_limit(0.05):
        endless_and_stubborn()


def test_what_ends_in_time_is_left_alone_and_the_alarm_is_put_back():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(30):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_error_inside_passes_through():
    with pytest.raises(ZeroDivisionError), time_limit(30):
        _ = 1 / 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_without_the_alarm_signal_the_interrupt_of_the_stop_button_is_used(monkeypatch):
    monkeypatch.delattr(timelimit.signal, "SIGALRM")
    with pytest.raises(TooLong, match="stopped after 0.05 s"), time_limit(0.05):
        endless()


def test_without_the_alarm_signal_a_real_interrupt_stays_one(monkeypatch):
    monkeypatch.delattr(timelimit.signal, "SIGALRM")
    with pytest.raises(KeyboardInterrupt), time_limit(30):
        raise KeyboardInterrupt


def test_another_thread_says_that_it_has_no_limit():
    notes = []

    def work():
        with time_limit(0.01) as note:
            notes.append(note)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert notes == [timelimit.NO_LIMIT]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_limit_is_positive(seconds):
    with pytest.raises(ValueError, match="must be positive"), time_limit(seconds):
        pass
