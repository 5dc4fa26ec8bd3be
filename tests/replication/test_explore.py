"""What the chapter's charts and tables say: the claims of the text, over the seeds that the reader gets."""

from __future__ import annotations

import re

import numpy as np
import pytest

from minisys.replication import election_film, explore, explore_quorum, explore_stores
from minisys.replication.check import linearizable
from minisys.testbed import picture


def words(made):
    return repr(made).splitlines()


@pytest.mark.parametrize("mode", ["async", "semi-sync", "all", "raft"])
@pytest.mark.parametrize("fault", ["crash", "cut off"])
def test_failover_minute_by_minute(mode, fault):
    chart, caption = explore.minute_by_minute(mode, fault)
    assert picture.spec(chart)["description"]
    lost = int(caption.split(" of ")[0])
    assert (lost > 0) == (mode == "async")
    assert ("no write succeeded" in caption) == (mode == "all" and fault == "crash")


def test_losses_grow_with_the_lag_and_raft_has_none():
    found = explore.losses()
    mean = found.groupby(["mode", "lag_s"])["rpo_s"].mean()
    for lag_s in (0.02, 0.04, 0.08):
        assert mean["async", lag_s] == pytest.approx(lag_s, rel=0.35)
    assert (found[found["mode"] == "raft"]["lost"] == 0).all()
    assert picture.spec(explore.loss_worlds(prediction=12))["description"]


def test_the_two_stories_are_violations_with_their_names():
    run, verdict = explore.story("async", "crash", "lost write")
    assert verdict.anomaly == "lost write" and not linearizable(verdict.operations).holds
    assert run.mode == "async" and len(verdict.operations) <= 5
    said = picture.spec(explore.lost_write())["description"] + picture.spec(explore.two_truths())["description"]
    assert "client 0" in str(picture.spec(explore.old_value()))
    assert "read" in said and "write" in said
    with pytest.raises(LookupError, match="no run of raft"):
        explore.story("raft", "crash", "lost write", seeds=3)


def test_no_register_answers_both_sides_of_a_cut_and_is_linearizable():
    rows = words(explore.cut_table(range(3)))[2:]
    assert len(rows) == 3
    for row in rows:
        small, kept = int(re.search(r"(\d+)\s+\d of 3$", row)[1]), "3 of 3" in row
        assert kept == (small == 0)


def test_levels_zones_and_clocks_are_drawn():
    for chart in (explore_stores.levels_chart(), explore_stores.zones_chart(), explore_stores.commit_wait_chart()):
        assert len(picture.spec(chart)["description"]) > 40
    assert "80" in repr(explore_stores.levels_cost())


@pytest.mark.parametrize(
    ("n", "r", "w", "says"), [(3, 2, 2, "at once"), (3, 1, 1, "99.9 % of reads"), (2, 7, 1, "R=2")]
)
def test_the_quorum_explorer_says_when_a_read_is_fresh(n, r, w, says):
    chart, caption = explore_quorum.quorum_at(n, r, w)
    assert says in caption and picture.spec(chart)["description"]


def test_the_counter_example_is_short_and_beats_repair():
    _, verdict = explore_quorum.counter_example()
    assert verdict.anomaly == "new-old inversion" and len(verdict.operations) == 4
    rows = words(explore_quorum.registers_table())
    kept = [int(re.search(r"(\d+) of 20", row)[1]) for row in rows if " of 20" in row]
    assert kept[0] < kept[1] < kept[2] < kept[3] == 20  # repair makes it rarer and does not cure it


def test_a_replica_that_cannot_keep_up_says_so():
    assert "for ever" in explore_quorum.lag_at(120, 10.0)[1]
    assert "50 ms behind" in explore_quorum.lag_at(80, 10.0)[1]
    caption = explore_quorum.lag_at(80, 10.0, 1.0, 5)[1]
    assert "20 s to be level" in caption


def test_the_replica_s_queue_is_as_long_as_theory_says():
    rng = np.random.default_rng(1)
    came = np.cumsum(rng.exponential(1 / 80, 200_000))
    done = explore_quorum._applied(came, rng.exponential(0.01, len(came)), 0.0, 0.0)
    assert np.mean(done - came) == pytest.approx(0.05, rel=0.1)


def test_elections_with_more_spread_split_less():
    found = repr(explore_quorum.elections(range(6)))
    assert "150 to 300 ms" in found and "100" in found


@pytest.mark.parametrize("seed", [6, 18])
def test_the_film_shows_one_leader_a_term_and_messages_on_their_way(seed):
    film = election_film.film(seed)
    leaders = dict[int, str]()
    for moment in film.moments:
        if moment.role == "leader":
            assert leaders.setdefault(moment.term, moment.server) == moment.server
    assert max(leaders) > 1  # somebody was elected after the first
    for ms in (-50, 0, 150, 228, 400, 690):
        flying = film.under_way(film.fault_s + ms / 1e3)
        assert all(0 <= share < 1 for share, *_ in flying)
        roles = film.roles(film.fault_s + ms / 1e3)
        assert (roles[film.dead][0] == "dead") == (ms >= 0)
        chart, caption = election_film.at(ms, seed)
        assert picture.spec(chart)["description"].startswith("Five servers") and caption


def test_some_seed_of_the_film_splits_the_vote():
    terms = {seed: max(m.term for m in election_film.film(seed).since(1e9)) for seed in (6, 18)}
    assert terms == {6: 2, 18: 3}


def test_what_the_text_says_of_time_outs_elections_and_quorums():
    quick, patient = (explore.failover("raft", "crash", 60, timeout_ms, 2).back_s for timeout_ms in (50, 150))
    assert (round(quick, 2), round(patient, 2)) == (1.53, 0.74)
    assert "0.127 s until noticed + 0.243 s until elected" in explore.minute_by_minute()[1]
    assert "p99 of a write 13.9 ms" in explore_quorum.quorum_at(3, 1, 2)[1]
    assert "p99 of a write 10.5 ms" in explore_quorum.quorum_at(5, 1, 3)[1]
    assert "500 ms behind" in explore_quorum.lag_at(98)[1]
    assert "0.667" in repr(explore_quorum.stale_table())


def test_the_lag_climbs_during_the_stop_and_is_gone_before_the_axis_ends():
    rows = next(iter(picture.spec(explore_quorum.lag_at(80, 10.0, 1.0, 10)[0])["datasets"].values()))
    lag = {(row["kind"], row["time_s"]): row["lag_s"] for row in rows if "lag_s" in row and "time_s" in row}
    assert {second: round(lag["run 1", second]) for second in (19.5, 25.0, 30.0, 85.0)} == {
        19.5: 0, 25.0: 5, 30.0: 10, 85.0: 0,
    }  # fmt: skip
