"""The queue in virtual time: against a server, against theory, and against its own promises."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.queues import theory
from minisys.queues.delivered import STATES, Delivered
from minisys.queues.log_model import Member, through_log
from minisys.queues.log_model import Plan as LogPlan
from minisys.queues.model import Plan, straight, through_queue
from minisys.testbed.laws import Deterministic, Zipf
from minisys.testbed.workload import Exponential, FlashSale, Poisson, Workload, workload

SALE = FlashSale(50.0, 400.0, 10.0, ramp_s=0.01, hold_s=10.0)


def sale(n: int = 9000, seed: int = 1) -> Workload:
    return workload(n, arrivals=SALE, work=Exponential(0.1), seed=seed)


def steady(n: int = 3000, rate_per_s: float = 20.0, seed: int = 1) -> Workload:
    return workload(n, arrivals=Poisson(rate_per_s), work=Exponential(0.1), keys=Zipf(50, 1.0), seed=seed)


def poison(offered: Workload, share: float) -> int:
    return int((offered.luck < share).sum())


def test_without_crashes_a_queue_is_a_server_with_an_endless_line() -> None:
    offered = sale()
    through, into = through_queue(offered, Plan(consumers=10)), straight(offered, 10)
    np.testing.assert_array_equal(through.frame["done_s"], into.frame["finished_s"])
    np.testing.assert_array_equal(through.frame["started_s"], into.frame["started_s"])
    np.testing.assert_array_equal(through.trace().frame["finished_s"], into.frame["finished_s"])


@pytest.mark.parametrize("seed", [1, 2])
def test_the_sale_is_levelled_as_the_fluid_says(seed: int) -> None:
    offered = sale(seed=seed)
    spike = theory.Spike(50.0, 400.0, 10.0, 100.0)
    line = through_queue(offered, Plan(consumers=10)).backlog()
    assert line["backlog"].max() == pytest.approx(spike.backlog, rel=0.1)  # 4,000 Poisson arrivals: 2 % is one sigma
    empty = line[(line["time_s"] > 20) & (line["backlog"] < 20)]["time_s"].min()
    assert empty - 20 == pytest.approx(spike.drain_s, rel=0.15)
    refused = straight(offered, 10, room=50)
    assert refused.count("refused") > 0.8 * spike.backlog
    assert through_queue(offered, Plan(consumers=10)).count("done") == len(offered)


@pytest.mark.parametrize(("rate_per_s", "patience_s"), [(24.0, 0.5), (40.0, 0.2)])
def test_reneging_is_erlang_a(rate_per_s: float, patience_s: float) -> None:
    wanted = theory.reneging(rate_per_s, 0.1, 3, patience_s)
    shares = []
    for seed in range(5):
        offered = steady(8_000, rate_per_s, seed)
        shares.append(through_queue(offered, Plan(consumers=3, patience_s=patience_s)).count("expired") / 8_000)
    assert np.mean(shares) == pytest.approx(wanted.abandoned, rel=0.05)


@pytest.mark.parametrize(
    ("delivery", "lost", "twice"), [("at most once", 1, 0), ("at least once", 0, 1), ("effectively once", 0, 0)]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_guarantees_when_consumers_die(delivery: str, lost: int, twice: int, seed: int) -> None:
    offered = steady(seed=seed)
    crashes = poison(offered, 0.1)
    run = through_queue(offered, Plan(consumers=8, delivery=delivery, crash_share=0.1, visibility_s=2, restart_s=0.5))
    assert (run.count("lost"), run.twice) == (lost * crashes, twice * crashes)
    assert run.count("done") == len(offered) - lost * crashes


def test_poison_without_a_dead_letter_queue_eats_the_consumers() -> None:
    offered = steady(2000, 15.0)
    bad, last_s = poison(offered, 0.02), float(offered.arrival_s[-1])
    plans = {most: Plan(consumers=2, poison_share=0.02, max_receives=most, visibility_s=1) for most in (3, None)}
    runs = {most: through_queue(offered, plan, until_s=last_s) for most, plan in plans.items()}
    assert runs[3].count("dead") == pytest.approx(bad, abs=3)
    assert (runs[3].frame["receives"] <= 3).all()
    assert runs[None].count("dead") == 0
    assert runs[None].frame["receives"].max() > 10
    assert runs[None].wait_s.median() > 5 * runs[3].wait_s.median()
    with pytest.raises(ValueError, match="comes back for ever"):
        through_queue(offered, plans[None])


def test_a_timeout_shorter_than_the_work_does_everything_again_and_again() -> None:
    offered = workload(200, arrivals=Poisson(2.0), work=Deterministic(1.0), seed=1)
    short = through_queue(offered, Plan(consumers=6, visibility_s=0.5), until_s=150.0)
    assert short.twice > 50
    assert short.frame["effects"].max() > 10  # with consumers to spare its receipt is always an old one
    assert short.count("waiting") > 0
    with pytest.raises(ValueError, match="work longer than visibility_s=0.5 comes back for ever"):
        through_queue(offered, Plan(consumers=6, visibility_s=0.5))
    enough = through_queue(offered, Plan(consumers=6, visibility_s=2))
    assert (enough.twice, enough.count("done")) == (0, 200)


def test_order_costs_parallelism() -> None:
    offered = steady(3000, 40.0)
    free, ordered = (through_queue(offered, Plan(consumers=8, ordered=flag)) for flag in (False, True))
    assert free.out_of_order() > 0
    assert ordered.out_of_order() == 0
    assert ordered.wait_s.mean() > free.wait_s.mean()


@pytest.mark.parametrize("pressure", ["reject", "shed oldest", "block"])
def test_a_full_queue_does_as_it_was_told(pressure: str) -> None:
    offered = sale(3000)
    run = through_queue(offered, Plan(consumers=10, limit=100, pressure=pressure, visibility_s=600))
    gone = {"reject": "refused", "shed oldest": "shed", "block": None}[pressure]
    assert sum(run.count(state) for state in STATES) == len(offered)
    assert run.count("done") + (run.count(gone) if gone else 0) == len(offered)
    if gone:
        assert run.count(gone) > 500
        assert run.wait_s.max() < 4  # 100 in line for 100 a second, and chance


@settings(max_examples=15, deadline=None)
@given(
    consumers=st.integers(1, 6), crash=st.floats(0, 0.3), bad=st.floats(0, 0.3), most=st.integers(1, 4),
    delivery=st.sampled_from(["at most once", "at least once", "effectively once"]), ordered=st.booleans(),
    kills=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_every_message_ends_somewhere(
    consumers: int, crash: float, bad: float, most: int, delivery: str, ordered: bool, kills: bool, seed: int
) -> None:
    offered = steady(150, 30.0, seed)
    plan = Plan(
        consumers, 1.0, most, delivery, crash_share=crash, restart_s=0.3, poison_share=bad, poison_kills=kills,
        ordered=ordered,
    )  # fmt: skip
    run = through_queue(offered, plan)
    assert run.count("waiting") == 0
    assert sum(run.count(state) for state in STATES) == len(offered)
    if delivery == "at most once":
        assert run.twice == 0 and run.count("dead") == 0
    if delivery == "effectively once":
        assert run.twice == 0 and run.count("lost") == 0
    if delivery == "at least once":
        assert run.count("lost") == 0


def test_a_log_keeps_the_order_of_keys_and_is_no_wider_than_its_partitions() -> None:
    offered = steady(3000, 25.0)
    spans = {}
    for members in (1, 2, 4, 8):
        names = [Member(f"m{n}") for n in range(members)]
        run, _ = through_log(offered, LogPlan(4, names, pause_s=0.0))
        assert run.out_of_order() == 0
        assert run.count("done") == len(offered) and run.twice == 0
        spans[members] = run.frame["done_s"].max()
    assert spans[1] > 1.6 * spans[2]  # the load is 2.5 of one reader
    assert spans[8] == spans[4]  # four have nothing to read


def test_one_slow_record_holds_up_its_partition_and_no_queue() -> None:
    offered = steady(400, 8.0)
    slow = Workload(
        offered.arrival_s, np.where(np.arange(400) == 50, 30.0, offered.work_s), offered.key, offered.size, offered.luck
    )
    log, _ = through_log(slow, LogPlan(4, [Member(f"m{n}") for n in range(4)], pause_s=0.0))
    queue = through_queue(slow, Plan(consumers=4, visibility_s=60))
    held_up = {"log": int((log.wait_s > 5).sum()), "queue": int((queue.wait_s > 5).sum())}
    assert held_up["queue"] == 1
    assert held_up["log"] > 20


def test_who_pauses_when_a_reader_comes() -> None:
    offered = steady(600, 10.0)
    paused = {}
    for kind, eager in (("sticky", False), ("round robin", False), ("sticky", True)):
        members = [Member("a"), Member("b"), Member("c"), Member("d", from_s=20.0)]
        run, rebalances = through_log(offered, LogPlan(12, members, kind, eager=eager))
        paused[kind, eager] = int(rebalances["paused"].iloc[-1])
        assert run.count("done") == len(offered)
    assert paused == {("sticky", False): 3, ("round robin", False): 9, ("sticky", True): 12}


def test_a_reader_that_dies_is_missed_for_its_session_and_nothing_is_lost() -> None:
    offered = steady(600, 10.0)
    members = [Member("a"), Member("b", until_s=20.0, crashed=True)]
    run, rebalances = through_log(offered, LogPlan(4, members, pause_s=1.0, session_s=5.0))
    assert run.count("done") == len(offered)
    assert rebalances["time_s"].iloc[-1] == 25.0
    stuck = run.frame[(run.frame["sent_s"] > 20) & (run.frame["sent_s"] < 21)]
    assert (stuck["done_s"] - stuck["sent_s"]).max() > 5  # its partitions waited for the session and the pause
    assert run.out_of_order() == 0


def test_bad_plans_are_named() -> None:
    for bad in (
        {"consumers": 0}, {"crash_share": 1.5}, {"delivery": "exactly once"}, {"visibility_s": -1}, {"max_receives": 0},
        {"limit": 0}, {"pressure": "panic"}, {"patience_s": 0}, {"restart_s": math.nan},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="got"):
            Plan(**bad)
    for members in ((), (Member("a"), Member("a")), (Member("a", 5.0, 4.0),)):
        with pytest.raises(ValueError, match="got"):
            LogPlan(3, members)
    with pytest.raises(ValueError, match="lottery"):
        LogPlan(3, [Member("a")], "lottery")
    run = through_queue(steady(20), Plan())
    with pytest.raises(ValueError, match="one of"):
        run.count("eaten")
    with pytest.raises(ValueError, match="above 0"):
        run.backlog(0)
    broken = run.frame.copy()
    broken.loc[3, "effects"] = 0
    with pytest.raises(ValueError, match="cannot be"):
        Delivered(broken).check()


ONE = """
from tests.queues.test_model import *
run = through_queue(steady(500), Plan(3, 1.0, 3, crash_share=0.1, poison_share=0.05, ordered=True))
log, _ = through_log(steady(500), LogPlan(5, [Member("a"), Member("b"), Member("c", from_s=7.0)]))
print(repr(run.frame.to_csv()), repr(log.frame.to_csv()))
"""


def test_one_seed_gives_one_answer_in_two_processes() -> None:
    code = ONE.replace("from tests.queues.test_model import *", Path(__file__).read_text().split("SALE =")[0] + STEADY)
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1 and len(seen.pop()) > 10_000


STEADY = """
def steady(n, rate_per_s=20.0, seed=1):
    return workload(n, arrivals=Poisson(rate_per_s), work=Exponential(0.1), keys=Zipf(50, 1.0), seed=seed)
"""
