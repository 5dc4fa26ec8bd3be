"""The harness judged by stores whose sins are known: it must count exactly what they lose, and nothing else."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import pytest

from minisys.replication import harness
from minisys.replication.clients import Load, Refused
from minisys.replication.harness import Fault, Found, kill_primary, run
from minisys.replication.history import History, Operation

SHORT = Load(for_s=0.3, clients=3, think_s=0.001)


class Shelf:
    """A store in this process, linearizable but for what *sin(key, value)* does at the end of each write."""

    name, mode = "shelf", "plain"

    def __init__(self, sin: Callable[[str, str], None] = lambda key, value: None) -> None:
        self.values: dict[str, str] = {}
        self.lock, self.sin, self.written, self.closed = threading.Lock(), sin, list[str](), False

    def store(self) -> Shelf:
        return self

    def connect(self) -> None:
        if self.closed:
            raise ConnectionError("closed for good")

    def close(self) -> None:
        """Nothing to hang up."""

    def write(self, key: str, value: str) -> None:
        with self.lock:
            self.connect()
            self.values[key] = value
            self.sin(key, value)
            self.written.append(key)

    def read(self, key: str) -> str | None:
        with self.lock:
            self.connect()
            return self.values.get(key)

    def kill_primary(self) -> None:
        self.closed = True

    def pause_primary(self) -> None:
        self.closed = True

    def forget(self, last: int) -> list[str]:
        """Lose the *last* acknowledged writes of keys that were written once."""
        with self.lock:
            gone = [key for key in self.written if key[0] == "w"][-last:]
            for key in gone:
                del self.values[key]
            return gone


def test_an_honest_store_loses_nothing_and_is_linearizable() -> None:
    found = run(Shelf(), SHORT)
    assert found.lost == () and found.verdict.holds and found.acknowledged > 20
    assert math.isnan(found.rto_s) and found.frame()["fault"].item() == "none"
    assert found.rates()["per_s"].sum() * 0.05 == pytest.approx(
        sum(o.kind == "write" and o.outcome == "ok" for o in found.history)
    )


def test_exactly_the_writes_that_were_forgotten_are_counted_and_the_checker_sees_them_too() -> None:
    shelf, gone = Shelf(), list[str]()
    found = run(shelf, SHORT, Fault(0.15, "amnesia", lambda: gone.extend(shelf.forget(7))))
    assert sorted(o.key for o in found.lost) == sorted(gone) and len(gone) == 7
    assert not found.verdict.holds and found.verdict.anomaly
    assert found.frame()[["lost", "fault"]].iloc[0].tolist() == [7, "amnesia"]


def test_a_broken_connection_after_the_write_is_indefinite_and_no_loss() -> None:
    def sometimes(key: str, value: str) -> None:
        if value.endswith("7"):
            raise ConnectionError("gone, but it is written")

    found = run(Shelf(sometimes), SHORT)
    unsure = [o for o in found.history if o.outcome == "indefinite"]
    assert unsure and all(o.kind == "write" for o in unsure)
    assert found.lost == () and found.verdict.holds


def test_a_store_that_says_it_did_nothing_and_did_it_is_caught() -> None:
    def lie(key: str, value: str) -> None:
        if value.endswith("7"):
            raise Refused("nothing happened (a lie)")

    found = run(Shelf(lie), SHORT)
    assert any(o.outcome == "failed" and o.kind == "write" for o in found.history)
    assert not found.verdict.holds


def test_a_store_that_stays_away_is_a_timeout_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BACK_WITHIN_S", 0.1)
    shelf = Shelf()
    with pytest.raises(TimeoutError, match=r"nobody answered within 0.1 s after the load; left: \d+ keys"):
        run(shelf, SHORT, kill_primary(shelf, 0.1))


def test_a_bug_in_a_store_is_not_taken_for_a_failure_of_the_system() -> None:
    def bug(key: str, value: str) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        run(Shelf(bug), SHORT)


def _acks(*at_s: float) -> History:
    return History(Operation(0, "write", f"w0-{n}", str(n), None, at - 0.01, at) for n, at in enumerate(at_s))


@pytest.mark.parametrize(
    ("acks", "fault_s", "rto_s"),
    [
        ((0.1, 0.9, 1.0, 1.8, 1.9), 1.05, 0.8),
        ((0.1, 0.9, 1.0, 1.8, 1.9), 0.95, 0.8),  # an answer that was under way when the primary died
        ((0.1, 0.9, 1.0), 1.05, math.inf),  # nobody came back
        ((), 1.0, math.inf),
    ],
)
def test_rto_is_the_longest_silence_that_ends_after_the_fault(
    acks: tuple[float, ...], fault_s: float, rto_s: float
) -> None:
    found = Found("shelf", "plain", _acks(*acks), (), (("death", fault_s),), harness.linearizable(_acks(*acks)))
    assert found.rto_s == pytest.approx(rto_s)


@pytest.mark.parametrize("bad", [{"for_s": 0}, {"clients": 0}, {"think_s": -1}, {"registers": 0}])
def test_a_load_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="need for_s > 0, clients >= 1"):
        Load(**bad)  # type: ignore[arg-type]
