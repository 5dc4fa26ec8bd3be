"""What chapter 05 shows: the pictures, the incidents in virtual time, and that sliders are fast."""

from __future__ import annotations

import pytest

from minisys.caching import edge_incidents, explore_edge, explore_offload
from minisys.caching.explore_edge import best_places, coastline, world_at
from minisys.testbed import picture


def rows(table, *columns):
    return [tuple(row) for row in table.frame[list(columns)].itertuples(index=False)]


def test_the_map_has_land_cities_and_words():
    made, said = world_at(6, 90, "Frankfurt")
    spec = picture.spec(made)
    assert said in spec["description"] and "Mean first byte" in said
    assert len(spec["datasets"]["land"]) == len(coastline()) < 2000
    assert sum(row["edge"] for row in spec["datasets"]["cities"]) == 7  # six and the one beside the origin
    assert picture.png(spec)[1] > 600


def test_more_edges_are_never_worse_and_hits_help():
    def mean(*given):
        return float(world_at(*given)[1].split("first byte ")[1].split(" ms")[0])

    for origin in explore_edge.ORIGINS:
        waits = [mean(edges, 90, origin) for edges in (0, 1, 3, 6, 12)]
        assert waits == sorted(waits, reverse=True)
        assert mean(6, 100, origin) < mean(6, 50, origin) < mean(6, 0, origin) < mean(0, 0, origin)
    assert len(set(best_places(12, "Frankfurt"))) == 12


def test_explorers_and_tables_have_words():
    for explorer in (explore_edge.world_explorer(), explore_offload.offload_explorer()):
        assert explorer.error == "" and len(explorer.scene.alt) > 60
    assert "0.822" in repr(explore_edge.by_hand())
    assert all(saved >= 0 for (saved,) in rows(explore_edge.dynamic(), "saved (%)") for saved in [int(saved)])
    assert "Sydney" in str(picture.spec(explore_edge.by_region())["datasets"])


def test_formula_and_simulation_agree_within_the_band():
    chart = picture.spec(explore_offload.offload_by_formula_and_model(seeds=3))
    assert "with a shield and 6 regions 15 % by formula, 15 % simulated" in chart["description"]


def test_five_hundred_readers_with_and_without_coalescing():
    assert edge_incidents.readers(500) == "500 readers, 1 request to the origin"
    assert edge_incidents.readers(50, coalescing=False) == "50 readers, 50 requests to the origin"


def test_the_vary_traps_come_out_in_their_order_and_the_same_twice():
    first = edge_incidents.vary_traps(150)
    hits = dict(rows(first, "the answer varies with", "hits (%)"))
    share = {name: int(text) for name, text in hits.items()}
    assert share["*"] == 0 < share["Cookie"] < share["User-Agent"] < share["Accept-Encoding"]
    assert share["Accept-Encoding"] < share["Accept-Encoding, made normal"] <= share["nothing"]
    assert share["a campaign's parameter in the URL"] < 20
    assert share["the same, left out of the key"] == share["nothing"]
    assert first.frame.equals(edge_incidents.vary_traps(150).frame)


def test_public_shows_ben_the_basket_of_anna_and_nothing_else_does():
    seen = rows(edge_incidents.private_pages(), "the origin says", "Ben sees")
    assert [who.split()[-1] for _, who in seen] == ["Anna", "Ben", "Ben", "Ben"]


def test_signatures_are_checked_and_the_copy_is_shared():
    seen = rows(edge_incidents.signed_content(), "status", "X-Cache", "requests at the origin so far")
    assert seen == [("403", "ERROR", "0"), ("200", "MISS", "1"), ("200", "HIT", "1"), ("403", "ERROR", "1"),
                    ("403", "ERROR", "1")]  # fmt: skip


@pytest.mark.parametrize("shield", [None, "Frankfurt"])
def test_a_soft_purge_spares_users_the_wait_and_the_old_price_goes_in_the_end(shield):
    kinds = ("everything, hard", "everything, soft", "nothing at all")
    found = edge_incidents.purges(shield, kinds).frame.set_index("purged")
    wait_ms = {kind: float(found.loc[kind, "p99 then (ms)"].replace(",", "")) for kind in kinds}
    assert wait_ms["everything, soft"] < 20 < wait_ms["everything, hard"]
    old = found["old prices until (s)"]
    assert old["everything, hard"] == "0.00" and old["nothing at all"] == "the end of the run"
    assert 0 < float(old["everything, soft"]) < 4
