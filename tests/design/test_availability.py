"""Exact availability of designs against products by hand, against sampled states, and against killed copies in runs."""

import pytest

from minisys.availability import theory
from minisys.design import availability
from minisys.design.availability import Ground, cut_sets, exact, sampled, single_points
from minisys.design.parts import Cache, Call, Clients, Database, Design, Dns, Edge, External, Service
from tests.design.shops import solid, with_part

FIRM = Ground(1.0, 1.0)
A = theory.from_repair(30 * 86400, 600)


def design(*parts: object, writes: float = 0.1, **regions: tuple[str, ...]) -> Design:
    users = Clients("users", region=next(iter(regions), ""), writes=writes, calls=[Call(parts[0].name)])  # type: ignore
    return Design("d", parts=(users, *parts), regions=regions or {"eu": ("eu-a",)})


def test_series_parallel_and_shared_zone_by_hand() -> None:
    app = Service("app", copies=2, calls=[Call("db")])
    assert exact(design(app, Database("db")), FIRM) == pytest.approx((1 - (1 - A) ** 2) * A)
    one = exact(design(app, Database("db")), Ground(0.99, 1.0))
    assert one == pytest.approx(0.99 * (1 - (1 - A) ** 2) * A)
    two = exact(design(Service("app", copies=2), eu=("eu-a", "eu-b")), Ground(0.99, 0.999))
    assert two == pytest.approx(0.999 * (1 - (1 - 0.99 * A) ** 2))


def test_what_only_some_requests_need_counts_for_these() -> None:
    db, cache = Database("db"), Cache("cache", hits=0.9)
    calls = [Call("cache", on="reads", optional=True), Call("db", on="misses"), Call("db", on="writes")]
    got = exact(design(Service("app", calls=calls), db, cache), FIRM)
    reads = A * (A * (0.9 + 0.1 * A) + (1 - A) * A)  # with the cache: hit or store; without it: the store
    assert got == pytest.approx(0.9 * reads + 0.1 * A * A)
    needed = [Call("cache", on="reads"), *calls[1:]]
    assert exact(design(Service("app", calls=needed), db, cache), FIRM) == pytest.approx(
        0.9 * A * A * (0.9 + 0.1 * A) + 0.1 * A * A
    )
    rare = exact(design(Service("app", calls=[Call("db", share=0.3)]), db), FIRM)
    assert rare == pytest.approx(A * (0.7 + 0.3 * A))


def test_an_edge_serves_its_hits_while_the_origin_is_down() -> None:
    got = exact(design(Edge("edge", hits=0.5, calls=[Call("app")]), Service("app"), writes=0.0), FIRM)
    assert got == pytest.approx(A * (0.5 + 0.5 * A))


def test_primary_failover_and_majority() -> None:
    zones = {"eu": ("a", "b", "c")}
    fixed = exact(design(Database("db", copies=3, replication="async"), **zones), FIRM)
    assert fixed == pytest.approx(A, rel=1e-6)
    moving = exact(design(Database("db", copies=3, replication="async", failover=10.0), **zones), FIRM)
    assert moving == pytest.approx(theory.from_repair(30 * 86400, 10) * (1 - (1 - A) ** 3))
    raft = exact(design(Database("db", copies=3, replication="raft", failover=0.0), **zones), FIRM)
    assert raft == pytest.approx(theory.k_of_n(2, 3, A))
    reads = design(Database("db", copies=3, replication="async", read_replicas=True), writes=0.0, **zones)
    assert exact(reads, FIRM) == pytest.approx(1 - (1 - A) ** 3)


def test_attempts_help_against_errors_of_single_calls() -> None:
    pay = External("pay", available=0.99)
    once = exact(design(Service("app", calls=[Call("pay")]), pay), FIRM)
    twice = exact(design(Service("app", calls=[Call("pay", attempts=2)]), pay), FIRM)
    assert (once, twice) == pytest.approx((A * 0.99, A * 0.9999))


def test_a_name_with_two_regions_needs_one() -> None:
    parts = (Dns("dns", calls=[Call("eu app"), Call("us app")]), Service("eu app", zones=("eu-a",)))
    made = design(*parts, Service("us app", zones=("us-a",)), eu=("eu-a",), us=("us-a",))
    each = 0.999 * 0.9999 * A
    assert exact(made) == pytest.approx(1 - (1 - each) ** 2)
    assert single_points(made) == [] and frozenset({"region eu", "region us"}) in cut_sets(made)


@pytest.mark.parametrize("seed", range(3))
def test_sampled_states_agree_within_their_interval(seed: int) -> None:
    made = with_part(solid(), "app", mtbf=6000.0)
    got, ground = sampled(made, 40_000, seed=seed, ground=Ground(0.97, 0.99)), Ground(0.97, 0.99)
    assert got.low <= exact(made, ground) <= got.high


def test_enough_copies_for_the_load_are_k_of_n() -> None:
    app = Service("app", copies=3, takes=0.015, workers=1)  # 100 requests/s keep 1.5 of them busy
    assert exact(design(app), Ground(1.0, 1.0, carry=True)) == pytest.approx(theory.k_of_n(2, 3, A))


def test_cut_sets_name_copies_zones_and_regions() -> None:
    made = design(Service("app", copies=2, calls=[Call("db")]), Database("db"), eu=("eu-a", "eu-b"))
    assert single_points(made) == ["db", "region eu", "zone eu-a"]
    assert frozenset({"app/1", "app/2"}) in cut_sets(made)
    assert single_points(solid()) == ["region eu"]


def test_a_circle_and_a_wrong_word_are_refused() -> None:
    made = design(Service("a", calls=[Call("b")]), Service("b", calls=[Call("a")]))
    with pytest.raises(ValueError, match="the calls go in a circle: a → b → a"):
        exact(made)
    with pytest.raises(ValueError, match="on must be reads or writes, got 'all'"):
        availability.components(made, made.parts[0], "all")  # type: ignore[arg-type]
