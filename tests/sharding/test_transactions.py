"""Two-phase commit and the saga: money conserved, all or nothing, who is blocked, what an audit sees."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.sharding import transactions
from minisys.testbed.workload import Exponential, Poisson, Uniform, Workload, Zipf, workload


def transfers(seed: int, n: int = 1_500, keys: object = None) -> Workload:
    return workload(n, arrivals=Poisson(300.0), work=Exponential(0.001), keys=keys or Zipf(1_000, 0.8), seed=seed)


@pytest.mark.parametrize("protocol", transactions.PROTOCOLS)
@pytest.mark.parametrize("crash_s", [None, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_money_is_conserved_and_every_transfer_has_one_end(protocol, crash_s, seed):
    made = transactions.simulate(protocol, transfers(seed), crash_s=crash_s, down_s=2.0)  # raises if money is lost
    a = made.account
    assert made.money == 1_000 * transactions.START
    assert a.committed == made.trace.count("ok") and len(made.trace) == a.committed + a.locked_out + a.declined
    assert a.compensated == (a.declined if protocol == "saga" else 0)


def test_the_other_account_declines_as_often_as_asked():
    declined = [transactions.simulate("saga", transfers(seed), decline_share=0.1).account.declined for seed in range(5)]
    n = 5 * 1_500
    assert sum(declined) / n == pytest.approx(0.1, abs=2.6 * (0.09 / n) ** 0.5)


def test_two_phase_commit_locks_out_as_many_as_the_locks_explain():
    """Each of two accounts is locked a share u = rate x 2 / accounts x hold of the time: refused 1 - (1 - u)^2."""
    seen, holds = [], 2 * 0.01 + 2 * 0.001  # two messages and two pieces of work
    for seed in range(5):
        made = transactions.simulate("two-phase commit", transfers(seed, 3_000, Uniform(1_000)), decline_share=0.0)
        seen.append(made.account.locked_out / len(made.trace))
    locked = 300 * 2 / 1_000 * holds
    expected = 1 - (1 - locked) ** 2
    assert np.mean(seen) == pytest.approx(expected, rel=0.25)  # the first hold lasts a little longer: waiting, the max


def test_a_dead_coordinator_leaves_accounts_locked_until_it_is_back():
    for seed in range(3):
        well = transactions.simulate("two-phase commit", transfers(seed)).account
        hurt = transactions.simulate("two-phase commit", transfers(seed), crash_s=1.0, down_s=2.0).account
        assert well.longest_lock_s < 0.2 and 1.9 < hurt.longest_lock_s < 2.2


def test_a_saga_locks_nothing_and_shows_the_moment_in_between():
    saga = transactions.simulate("saga", transfers(1)).account
    two_phase = transactions.simulate("two-phase commit", transfers(1)).account
    assert saga.locked_out == 0 == saga.longest_lock_s == saga.audits_blocked and saga.audits_wrong > 0
    assert two_phase.audits_wrong == 0 and two_phase.audits_blocked > 0 and two_phase.locked_out > 0


def test_both_protocols_on_the_same_transfers_side_by_side():
    made = transactions.compare([transfers(seed, 400) for seed in range(2)])
    assert list(made["protocol"]) == ["two-phase commit"] * 2 + ["saga"] * 2 and not made.isna().any().any()


@pytest.mark.parametrize(
    ("protocol", "settings"),
    [("three-phase", {}), ("saga", {"accounts": 1}), ("saga", {"crash_s": 1.0, "coordinators": 1}),
     ("saga", {"decline_share": -0.1}), ("saga", {"down_s": 0})],
)  # fmt: skip
def test_a_bad_setting_is_named(protocol, settings):
    with pytest.raises(ValueError, match="need a protocol of two-phase commit, saga"):
        transactions.simulate(protocol, transfers(1, 5), **settings)
