"""Decisions about regions: names, promotion, homes, merges."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisys.regions.policies import (
    FIVE_MINUTES,
    FOR_EVER,
    OBEYS,
    Evidence,
    answer,
    home_region,
    keep_both,
    keep_latest,
    promote,
    restored_after,
)
from minisys.replication.policies import Stamp

REGIONS = ["Virginia", "Frankfurt", "Tokyo"]


@pytest.mark.parametrize(
    ("healthy", "leads_to"),
    [(set(REGIONS), "Virginia"), ({"Tokyo", "Frankfurt"}, "Frankfurt"), ({"Tokyo"}, "Tokyo"), (set(), "Virginia")],
)
def test_a_name_leads_to_the_first_healthy_region_and_fails_open(healthy, leads_to):
    assert answer(REGIONS, healthy) == leads_to


def test_a_name_without_regions_is_refused():
    with pytest.raises(ValueError, match="order is empty"):
        answer([], {"Virginia"})


@pytest.mark.parametrize(("kind", "keeps_s"), [(OBEYS, 60), (FIVE_MINUTES, 300), (FOR_EVER, math.inf)])
def test_resolvers_keep_answers_as_long_as_they_like(kind, keeps_s):
    assert kind.keeps_s(60) == keeps_s and kind.keeps_s(86_400) >= 86_400


@pytest.mark.parametrize(
    ("seen", "then"),
    [
        (Evidence(silent_s=30, witnesses=3, asked=3, lag_s=1, fenced=True), "wait"),  # too soon
        (Evidence(silent_s=90, witnesses=0, asked=3, lag_s=1, fenced=True), "wait"),  # our own line is cut
        (Evidence(silent_s=90, witnesses=1, asked=2, lag_s=1, fenced=True), "wait"),  # no majority
        (Evidence(silent_s=90, witnesses=2, asked=3, lag_s=1, fenced=False), "fence first"),
        (Evidence(silent_s=90, witnesses=2, asked=3, lag_s=9, fenced=True), "ask a person"),
        (Evidence(silent_s=90, witnesses=2, asked=3, lag_s=1, fenced=True), "promote"),
    ],
)
def test_promotion(seen, then):
    assert promote(seen, patience_s=60, rpo_s=5) == then


@given(st.builds(Evidence, st.floats(0, 1e4), st.integers(0, 5), st.just(5), st.floats(0, 1e4), st.booleans()))
def test_nobody_is_promoted_beside_an_unfenced_primary(seen):
    if promote(seen) == "promote":
        assert seen.fenced and seen.witnesses >= 3 and seen.silent_s >= 60


def test_impossible_evidence_is_refused():
    with pytest.raises(ValueError, match="witnesses <= asked"):
        promote(Evidence(90, 4, 3, 1, True))


@settings(max_examples=30)
@given(st.text(min_size=1), st.sampled_from(REGIONS))
def test_only_the_keys_of_a_dead_region_move(key, dead):
    alive = [name for name in REGIONS if name != dead]
    home = home_region(key, REGIONS)
    assert home_region(key, REGIONS, alive) == (home if home != dead else home_region(key, alive))


def test_a_key_without_a_region_is_refused():
    with pytest.raises(ValueError, match="no region of .* is alive to take 'cart'"):
        home_region("cart", REGIONS, [])


versions = st.tuples(
    st.builds(Stamp, st.integers(0, 5).map(float), st.sampled_from("ab")), st.frozensets(st.integers(0, 5))
)


@given(versions, versions, versions)
def test_merging_sets_does_not_depend_on_order_and_keeps_all(one, two, three):
    assert keep_both(one, two) == keep_both(two, one) and keep_both(one, one) == one
    assert keep_both(keep_both(one, two), three) == keep_both(one, keep_both(two, three))
    assert keep_both(one, two)[1] >= one[1] | two[1]


def test_the_last_writer_wins_and_the_other_is_gone():
    early, late = (Stamp(1.0, "a"), frozenset({1})), (Stamp(2.0, "b"), frozenset({2}))
    assert keep_latest(early, late) == keep_latest(late, early) == late


def test_who_is_back_too_late_when_services_come_back_one_by_one():
    order = [("identity", 20.0), ("orders", 30.0), ("search", 20.0)]
    assert restored_after(order, 60.0) == ["search"] and restored_after(order, 70.0) == []
    with pytest.raises(ValueError, match="orders: a recovery takes 0 or more"):
        restored_after([("orders", -1.0)], 60.0)
