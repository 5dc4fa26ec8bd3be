"""Must be shown: same trigger, same load; without cures it stays down, with them it is back. And cascades, and harm."""

from __future__ import annotations

import pytest

from minisys.resilience import cascades, hurts, metastable, theory
from minisys.resilience.hedging import Hedge

CURED = ("no retries at all", "a deadline that travels", "a breaker", "a line of 20 at most", "CoDel",
         "deadline, budget, short line")  # fmt: skip


def test_the_outage_stays_without_cures_and_ends_with_them_over_twenty_seeds():
    chosen = {name: metastable.CURES[name] for name in ("as it was", "deadline, budget, short line")}
    found = metastable.compare(chosen, range(20)).set_index("design")
    assert (found["before"] > 0.99).all()
    assert (found.loc["as it was", "afterwards"] < 0.2).all()
    assert (found.loc["deadline, budget, short line", "afterwards"] > 0.95).all()


def test_which_cures_cure_alone():
    found = metastable.compare(seeds=range(2)).groupby("design")["afterwards"]
    assert (found.min()[list(CURED)] > 0.95).all()
    assert found.max()["backoff with jitter"] < 0.2 and found.max()["a retry budget of 10 %"] < 0.95


@pytest.mark.parametrize("attempts", [2, 3])
def test_it_stays_down_above_capacity_over_attempts(attempts):
    edge = theory.Vulnerability(1.0, 160.0, attempts).hidden_capacity_per_s / 160.0
    found = metastable.by_load((0.75 * edge, 1.2 * edge), metastable.alone(attempts), range(3)).groupby("load")
    low, high = found["afterwards"].mean()
    assert low > 0.95 and high < 0.05


def test_a_break_ends_it_if_it_is_long_enough():
    found = metastable.relieved((5.0, 30.0), seeds=range(2)).groupby("break_s")["afterwards"]
    assert found.max()[5.0] < 0.2 and found.min()[30.0] > 0.95


def test_a_slow_dependency_takes_the_others_down_unless_they_are_kept_apart():
    found = cascades.hang(seeds=range(2)).groupby("design").mean()
    assert found.loc["a timeout of 2 s", "own"] < 0.3
    assert (found.loc[["a timeout of 0.2 s", "a bulkhead of 8", "0.2 s, bulkhead and breaker"], "own"] > 0.95).all()
    assert (found["others"] < 0.2).all() and (found["afterwards"] > 0.95).all()


def test_a_second_copy_halves_the_tail_for_a_tenth_more_and_ruins_a_busy_service():
    alone, few, many = (
        cascades.hedged((0.3, 0.7), hedge, range(2)).groupby("load").mean()
        for hedge in (None, Hedge(0.95, 0.1), Hedge(0.5, 1.0))
    )
    assert few.loc[0.3, "p99_s"] < 0.6 * alone.loc[0.3, "p99_s"] and few["calls"].max() < 1.11
    assert many.loc[0.3, "p99_s"] < 0.4 * alone.loc[0.3, "p99_s"]
    assert many.loc[0.7, "p99_s"] > 3 * alone.loc[0.7, "p99_s"]


def test_each_defence_hurts_somewhere():
    found = hurts.compare(seeds=range(1)).set_index("defence")
    good = found["measure"] == hurts.PERCENT
    assert len(found) == 9
    assert (found["with"] < found["without"] - 10)[good].all() and (found["with"] > 1.1 * found["without"])[~good].all()
