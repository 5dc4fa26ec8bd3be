"""Raft in the model: seeded runs keep every promise, planted bugs do not, and one seed gives one run."""

import subprocess
import sys
from collections import Counter

import pytest

from minisys.replication import raft_bugs, raft_model
from minisys.replication.check import linearizable
from minisys.replication.raft import Raft
from minisys.replication.raft_cluster import Design
from minisys.replication.raft_invariants import Broken, Invariants
from minisys.replication.raft_messages import COMMAND, MEMBERS, NO_OP
from minisys.replication.raft_store import Store


@pytest.mark.parametrize("seed", range(2_000, 2_012))
def test_a_bad_day_breaks_no_promise(seed):
    report = raft_model.run(seed)
    outcomes = Counter(operation.outcome for operation in report.history)
    assert report.elections >= 1 and report.agreed > 20 and outcomes["ok"] > 20
    assert linearizable(report.history).holds


class Counts(Invariants):
    """Counts what a run must contain to show anything."""

    seen: Counter = Counter()

    def restored(self, server, snapshot):
        self.seen["snapshots"] += 1
        super().restored(server, snapshot)

    def applied(self, server, entry):
        self.seen[entry.kind] += 1
        super().applied(server, entry)


def test_the_runs_are_of_every_kind():
    """A schedule that never crashes, cuts or changes anything would find nothing, and look the same."""
    told = " ".join(fault for seed in range(2_003, 2_013) for fault in raft_model.run(seed, None, Counts()).faults)
    for word in ("crashes", "restart", "cut off from each other", "hears nothing", "stops for a while", "the members",
                 "power cut", "mended"):  # fmt: skip
        assert word in told
    assert min(Counts.seen[kind] for kind in ("snapshots", MEMBERS, NO_OP, COMMAND)) > 10


@pytest.mark.parametrize("bug", raft_bugs.BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_shows_in_the_run_that_is_stored_for_it(bug):
    assert raft_bugs.shows(bug, bug.seed) is not None
    assert bug.seed < 200 and bug.does.endswith((".", "?", ")."))


def test_the_run_that_shows_a_bug_goes_well_without_it():
    for bug in raft_bugs.BUGS[::5]:
        raft_model.run(bug.seed, Design(state=bug.design.state))


def test_servers_that_never_agree_are_noticed():
    class Deaf(Raft):
        def _count(self, now):
            """Nobody is ever elected."""

    with pytest.raises(Broken, match="goes on again"):
        raft_model.run(1, Design(raft=Deaf))


def test_one_seed_one_run_in_two_processes():
    code = "from minisys.replication.raft_model import run; r = run(7); print(r.faults, r.steps, *r.history)"
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] and len(said[0]) > 1000


def command(kind, key="x", value=None, serial=1, client="c"):
    return {"client": client, "serial": serial, "kind": kind, "key": key, "value": value}


def test_the_store_answers_each_kind_and_a_repeated_command_once():
    store = Store()
    assert store.apply(command("incr", value=5)) == store.apply(command("incr", value=5)) == 5
    assert store.apply(command("cas", value=[5, 7], serial=2)) is True
    assert store.apply(command("cas", value=[5, 8], serial=3)) is False
    assert store.apply(command("read", serial=4)) == 7
    assert store.apply(command("delete", serial=5)) is True and store.apply(command("delete", serial=6)) is False
    assert store.apply(command("write", value=1, client="d")) is None
    with pytest.raises(ValueError, match="kind must be"):
        store.apply(command("rename", serial=7))


def test_a_restored_store_still_knows_who_was_answered():
    store, other = Store(), Store()
    store.apply(command("incr", value=5))
    other.restore(store.data())
    store.apply(command("incr", value=1, serial=2))
    assert other.values == {"x": 5} and other.apply(command("incr", value=5)) == 5
    other.restore(None)
    assert other.values == {}
