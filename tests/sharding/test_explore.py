"""The chapter's pictures: they say what the models say, follow every control, and fit their limits."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from minisys.sharding import explore, explore_keys, explore_ring, explore_writes, placements, theory
from minisys.sharding.cures import CURES
from minisys.testbed import picture


def drawn(chart: object) -> dict:
    return picture.spec(chart)


@pytest.mark.parametrize("method", explore_ring.METHODS)
@pytest.mark.parametrize("change", ["added", "removed"])
def test_the_circle_counts_what_it_draws(method, change):
    chart, said = explore_ring.circle(method, 4, 8, change, 100)
    moved = int(re.match(r"(\d+) of the \1 keys", said)[1])
    sizes = [row["size"] for rows in drawn(chart)["datasets"].values() for row in rows if "size" in row]
    assert len(sizes) == 2 * explore_ring.KEYS and sizes.count(110) == 2 * moved
    expected = (theory.modulo_movement if method == "modulo" else theory.least_movement)(
        4, 5 if change == "added" else 3
    )
    assert moved / explore_ring.KEYS == pytest.approx(expected, abs=0.2)
    assert "expected" not in said  # the reader predicts it


def test_the_circle_moves_key_by_key_and_never_a_key_that_may_stay():
    counts = []
    for progress in (0, 40, 100):
        _, said = explore_ring.circle("ring", 3, 10, "added", progress)
        counts.append(int(said.split()[0]))
    assert counts[0] == 0 < counts[1] < counts[2] < explore_ring.KEYS / 2


def test_every_cure_and_every_corner_of_the_sliders_draws():
    for cure in CURES:
        chart, said = explore.hot_at(share=60, shards=5, writes=100, cure=cure)
        assert drawn(chart)["title"] and cure in said
    for values in ((0.1, 2), (5.0, 100)):
        drawn(explore.fan_out_at(*values)[0])
    for rate, piece, load in ((5, 20.0, 80), (80, 0.1, 30), (80, 20.0, 80)):
        assert "The move takes" in explore_writes.move_at(rate, piece, load)[1]


def test_the_fan_out_says_dean_and_barrosos_number():
    assert "63.4 % of the requests wait" in explore.fan_out_at(1.0, 100)[1]


def test_the_explorers_begin_without_an_error():
    for made in (explore_ring.circle_explorer(), explore.hot_explorer(), explore.fan_out_explorer(),
                 explore_writes.move_explorer()):  # fmt: skip
        assert made.error == ""


def test_when_the_coordinator_dies_its_accounts_are_refused_and_the_others_are_not():
    rows = next(iter(drawn(explore_writes.blocked_chart())["datasets"].values()))
    share: dict[str, list[float]] = {}
    for row in rows:
        at = next(value for key, value in row.items() if "time" in key or key == "second")
        if 4 <= at <= 6:
            share.setdefault(row["kind"], []).append(row["refused_percent"])
    mean = {kind: sum(values) / len(values) for kind, values in share.items()}
    assert mean["two-phase commit, accounts in doubt"] == 100
    assert mean["saga"] < mean["two-phase commit, others"] < 20


def test_the_tables_name_every_design_and_cure():
    assert set(explore.index_table().frame["design"]) == set(explore.scatter.DESIGNS)
    assert set(explore_ring.movement_table(600).frame["placement"]) == set(placements.NAMES)
    hours = explore_writes.availability_table().frame["hours a year that it is not"]
    assert [float(text) for text in hours][:2] == [8.76, 17.5]


def test_the_worlds_of_growth_agree():
    made = drawn(explore_ring.growth_chart(prediction=60))
    rows = [row for rows in made["datasets"].values() for row in rows if "moved_percent" in row and "kind" in row]
    found = {(row["kind"], row["shards"]): row["moved_percent"] for row in rows}
    for count in range(1, 9):
        assert found["simulated", count] == pytest.approx(found["predicted", count], abs=2)


def test_the_most_popular_key_explains_the_busiest_shard_when_popularity_is_skewed():
    made = drawn(explore.skew_chart())
    rows = [row for rows in made["datasets"].values() for row in rows if "busiest_percent" in row and "kind" in row]
    found = {(row["kind"], row["skew"]): row["busiest_percent"] for row in rows}
    for skew in (1.0, 1.2, 1.4):
        assert found["predicted", skew] <= found["simulated", skew] + 1 < found["predicted", skew] + 4
    assert found["simulated", 0.0] < 12


def test_each_shard_key_is_bad_at_something():
    made = explore_keys.key_table().frame.set_index("shard key").map(float)
    number, customer, country, day = (made.loc[name] for name in made.index)
    busiest = "busiest's writes today (%)"
    assert day[busiest] == 100 and country[busiest] > 30 and number[busiest] < 20 and customer[busiest] < 20
    made = explore_keys.orders()
    for column in ("customer", "country"):  # what the table says of a customer's orders is so
        shard = explore_keys.placed(made, column, 10)
        assert pd.Series(shard).groupby(made["customer"].to_numpy()).nunique().max() == 1
    drawn(explore_keys.tenants_chart())


def test_the_film_shows_the_line_at_one_shard():
    film = explore.hot_film().film
    waiting = [count for count, _ in film.by_server(film.busiest_s).values()]
    assert max(waiting) > 10 and sorted(waiting)[-2] <= 2


def test_what_the_chapter_quotes_of_its_explorers_is_what_they_say():
    busiest = [explore.hot_at(30, shards, 5, "nothing")[1] for shards in (10, 20, 40)]
    assert [int(re.search(r"asked for (\d+) %", said)[1]) for said in busiest] == [139, 123, 118]
    slowest = [re.findall(r"([\d.]+) ms", explore_writes.move_at(30, 1.0, load)[1]) for load in (50, 80)]
    assert [[round(float(ms)) for ms in pair] for pair in slowest] == [[9, 14], [24, 57]]
    largest = [explore_ring.circle("ring", 3, points, "added", 100)[1] for points in (1, 40)]
    assert [float(re.search(r"has ([\d.]+) times", said)[1]) for said in largest] == [2.53, 1.22]
