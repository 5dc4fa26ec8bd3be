"""Exact availability against brute force, cut sets by definition, sampling against exact, and what is refused."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.availability import theory
from minisys.availability.graph import (
    Service,
    any_of,
    at_least,
    availability,
    diagram,
    minimal_cut_sets,
    sampled,
    single_points,
)


@st.composite
def services(draw, most: int = 9) -> Service:
    """Any service of up to *most* components: each may need groups of those that are added after it."""
    names = [f"c{i}" for i in range(draw(st.integers(1, most)))]
    service = Service()
    for i, name in enumerate(names):
        needs = []
        for _ in range(draw(st.integers(0, 2)) if i + 1 < len(names) else 0):
            of = draw(st.lists(st.sampled_from(names[i + 1 :]), min_size=1, max_size=4, unique=True))
            needs.append(at_least(draw(st.integers(1, len(of))), *of))
        service.add(name, draw(st.sampled_from([0.0, 0.3, 0.5, 0.9, 0.999, 1.0])), needs)
    return service


def states(service: Service) -> list[tuple[dict[str, bool], float]]:
    """Every state of the components with its probability."""
    names = service.components()
    found = []
    for up in itertools.product((False, True), repeat=len(names)):
        state = dict(zip(names, up, strict=True))
        share = math.prod(service.availability_of(n) if state[n] else 1 - service.availability_of(n) for n in names)
        found.append((state, share))
    return found


@given(services(most=12))
def test_exact_equals_the_sum_over_all_states(service):
    assert availability(service) == pytest.approx(sum(p for up, p in states(service) if service.works(up)), abs=1e-12)


@given(services())
def test_cut_sets_stop_the_service_and_none_of_them_is_too_large(service):
    fallible = [name for name in service.components() if service.availability_of(name) < 1]
    cuts = minimal_cut_sets(service)
    for cut in cuts:
        assert not service.works({name: name not in cut for name in fallible})
        assert all(service.works({name: name not in cut - {one} for name in fallible}) for one in cut)
    for size in range(len(fallible) + 1):  # none is missing: whatever stops the service contains one
        for down in map(set, itertools.combinations(fallible, size)):
            if not service.works({name: name not in down for name in fallible}):
                assert any(cut <= down for cut in cuts)


def test_k_of_n_is_the_binomial_tail_far_beyond_25_components():
    service = Service().add("users", needs=[at_least(20, *(f"node {i}" for i in range(40)))])
    for i in range(40):
        service.add(f"node {i}", 0.6)
    assert availability(service) == pytest.approx(theory.k_of_n(20, 40, 0.6))


def test_series_and_parallel():
    service = Service().add("users", needs=["a", any_of("b", "c")]).add("a", 0.9).add("b", 0.8).add("c", 0.7)
    assert availability(service) == pytest.approx(0.9 * (1 - 0.2 * 0.3))
    assert minimal_cut_sets(service) == [{"a"}, {"b", "c"}] and single_points(service) == ["a"]


def test_what_both_copies_need_is_a_single_point():
    service = Service().add("users", needs=[any_of("a", "b")]).add("a", 0.9, ["rack"]).add("b", 0.9, ["rack"])
    assert single_points(service.add("rack", 0.99)) == ["rack"]


def test_a_component_that_nobody_needs_and_one_that_never_fails_do_not_count():
    service = Service().add("users", needs=["a", "sure"]).add("a", 0.9).add("sure", 1.0).add("idle", 0.1)
    assert availability(service) == 0.9 and "idle" not in service.components()
    assert single_points(service) == ["a"]


def test_a_service_that_never_and_one_that_always_works():
    assert availability(Service().add("a", 0.0)) == 0.0
    assert availability(Service().add("a", 1.0)) == 1.0 and diagram(Service().add("a", 1.0)) is True


def test_the_interval_holds_the_exact_value_in_95_of_100_runs():
    service = Service().add("users", needs=["a", any_of("b", "c")]).add("a", 0.97).add("b", 0.8).add("c", 0.7)
    exact = availability(service)
    inside = [(found := sampled(service, 2_000, seed=seed)).low <= exact <= found.high for seed in range(200)]
    assert sum(inside) >= 190


def test_one_seed_gives_one_answer():
    service = Service().add("a", 0.97)
    assert sampled(service, 1000, seed=3) == sampled(service, 1000, seed=3) != sampled(service, 1000, seed=4)


def test_many_states_at_once():
    service = Service().add("users", needs=[any_of("a", "b")]).add("a", 0.5).add("b", 0.5)
    up = {"a": np.array([True, False, False]), "b": np.array([False, True, False])}
    assert service.works(up).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Service().add("a").add("a"), "'a' is there already"),
        (lambda: Service().add("a", 99.9), "a: availability must be a share"),
        (lambda: Service().add("a", needs=["b"]).add("b", needs=["a"]), "needs itself"),
        (lambda: availability(Service().add("a", needs=["b"])), "'b' is needed but was not added"),
        (lambda: availability(Service()), "no component yet"),
        (lambda: at_least(3, "a", "b"), "k=3"),
        (lambda: any_of("a", "a"), "different names"),
        (lambda: sampled(Service().add("a"), 0), "n=0"),
    ],
)
def test_what_makes_no_sense_is_refused(build, said):
    with pytest.raises(ValueError, match=said):
        build()
