"""The formulas beside the published numbers, by enumeration, and beside draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from minisys.replication import pbs, theory
from minisys.replication.policies import Quorum


@pytest.mark.parametrize(
    ("n", "r", "w", "versions", "published"),
    [(3, 1, 1, 1, 0.667), (3, 1, 1, 3, 0.296), (3, 1, 1, 10, 0.0173), (3, 1, 2, 1, 0.333), (3, 1, 2, 3, 0.037)],
)
def test_staleness_in_versions_is_the_paper_s(n, r, w, versions, published):
    assert theory.stale_probability(n, r, w, versions) == pytest.approx(published, rel=0.01)


@pytest.mark.parametrize(("n", "r", "w"), [(n, r, w) for n in range(1, 6) for r in range(1, n + 1) for w in (1, n)])
def test_overlap_by_counting_all_read_sets(n, r, w):
    sets = list(itertools.combinations(range(n), r))
    assert theory.overlap_probability(n, r, w) == pytest.approx(sum(min(s) < w for s in sets) / len(sets))
    assert (theory.overlap_probability(n, r, w) == 1) == Quorum(n, r, w).overlaps


def test_availability_of_aurora_s_quorums():
    assert theory.quorum_availability(6, 4, 0.99) == pytest.approx(0.99998045, abs=1e-8)
    assert theory.quorum_availability(6, 3, 0.99) == pytest.approx(0.99999985, abs=1e-8)
    assert theory.quorum_availability(3, 2, 0.99) == pytest.approx(0.999702, abs=1e-8)
    assert theory.zoned_availability(3, 2, 4, 0.99, 1.0) == pytest.approx(theory.quorum_availability(6, 4, 0.99))
    up = [*itertools.product([0, 1], repeat=3)]
    by_hand = math.fsum(
        math.prod(0.9 if z else 0.1 for z in zones)
        * sum(
            math.prod(0.8 if c else 0.2 for c in copies)
            for copies in itertools.product([0, 1], repeat=6)
            if sum(c * zones[i // 2] for i, c in enumerate(copies)) >= 4
        )
        for zones in up
    )
    assert theory.zoned_availability(3, 2, 4, 0.8, 0.9) == pytest.approx(by_hand)


def test_aurora_writes_without_a_zone_and_reads_without_a_zone_and_one_more():
    assert theory.survives(3, 2, 4, zones_down=1) and theory.survives(3, 2, 3, zones_down=1, more_down=1)
    assert not theory.survives(3, 2, 4, zones_down=1, more_down=1)
    assert not theory.survives(3, 1, 2, zones_down=1, more_down=1)  # three copies, one in each zone: not even reads


# FACTS: read p99.9, write p99.9, t-visibility 99.9 %, P(consistent at once); times in ms
PUBLISHED = {
    ("LNKD-SSD", 1, 1): (0.66, 0.65, 1.85, 0.973),
    ("LNKD-DISK", 1, 1): (0.66, 10.93, 45.5, 0.439),
    ("YMMR", 1, 1): (5.60, 11.38, 1364.0, 0.888),
    ("LNKD-DISK", 2, 1): (1.63, 10.93, 14.1, 0.763),
    ("YMMR", 2, 1): (35.3, 11.4, 202.0, 0.990),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("fit", "r", "w"), PUBLISHED)
def test_staleness_in_seconds_is_the_paper_s(fit, r, w, seed):
    found = pbs.wars(Quorum(3, r, w), pbs.FITS[fit], draws=200_000, seed=seed)
    read, write, visible, at_once = PUBLISHED[fit, r, w]
    assert np.quantile(found.read_s, 0.999) * 1e3 == pytest.approx(read, rel=0.1)
    assert np.quantile(found.write_s, 0.999) * 1e3 == pytest.approx(write, rel=0.1)
    assert found.visible_s() * 1e3 == pytest.approx(visible, rel=0.2)
    assert found.consistent(0.0) == pytest.approx(at_once, abs=0.006)
    assert found.curve(np.array([0.0, 0.01])) == pytest.approx([found.consistent(0.0), found.consistent(0.01)])


@pytest.mark.parametrize(("r", "w"), [(2, 2), (1, 3), (3, 1)])
def test_quorums_that_overlap_are_never_stale(r, w):
    assert pbs.wars(Quorum(3, r, w), pbs.FITS["YMMR"], draws=20_000).visible_s(1.0) == 0.0


def test_draws_right_after_a_write_stay_below_the_bound_of_copies_that_never_spread():
    found = pbs.wars(Quorum(3, 1, 1), pbs.FITS["LNKD-DISK"], draws=50_000)
    assert 1 - found.consistent(0.0) < theory.stale_probability(3, 1, 1)


def test_lag_catching_up_and_loss():
    assert theory.replication_lag_s(80, 0.01, 0.002, cv=1) == pytest.approx(0.002 + 0.05)
    assert theory.catch_up_s(1_000, 50, 0.01) == pytest.approx(20.0)
    assert theory.catch_up_s(1, 100, 0.01) == math.inf
    assert theory.expected_loss(200, 0.05) == pytest.approx(10)


def test_elections_beside_draws():
    rng = np.random.default_rng(3)
    first = np.sort(rng.uniform(0.15, 0.3, (200_000, 4)), axis=1)
    gone = rng.uniform(0, 0.075, 200_000)
    expected = theory.election_s(5, 0.15, 0.3, heartbeat_s=0.075, round_trip_s=0.015)
    assert np.mean(first[:, 0] - gone + 0.015) == pytest.approx(expected, rel=0.005)
    split = np.mean(first[:, 1] - first[:, 0] < 0.0075)
    assert theory.split_vote_probability(5, 0.15, 0.3, 0.0075) == pytest.approx(split, abs=0.005)
    assert theory.split_vote_probability(5, 0.15, 0.15, 0.0075) == 1.0


def test_spanner_s_wait():
    assert theory.clock_uncertainty_s() == pytest.approx(0.004)
    assert theory.commit_wait_s(theory.clock_uncertainty_s()) == pytest.approx(0.008)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: theory.overlap_probability(3, 4, 1),
        lambda: theory.stale_probability(3, 1, 1, 0),
        lambda: theory.quorum_availability(3, 4, 0.9),
        lambda: theory.election_s(1, 0.1, 0.2),
        lambda: theory.split_vote_probability(2, 0.1, 0.2, 0.01),
        lambda: pbs.wars(Quorum(3, 1, 1), pbs.FITS["YMMR"], draws=0),
        lambda: theory.replication_lag_s(100, 0.01),
    ],
)
def test_bad_input_is_refused_with_the_value(wrong):
    with pytest.raises(ValueError, match=r"got|is 1"):
        wrong()
