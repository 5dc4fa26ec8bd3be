"""The chapter's pictures: they say what the models say, follow every control, and the lessons hold for five seeds."""

from __future__ import annotations

import pytest

from minisys.queues import explore, explore_delivery, policies
from minisys.testbed import picture
from minisys.testbed.tables import Table


def numbers(made: Table, key: str) -> dict:
    """The rows of *made* by column *key*, as numbers where they are."""
    frame = made.frame.set_index(key)
    return {row: {name: _number(text) for name, text in cells.items()} for row, cells in frame.to_dict("index").items()}


def _number(text: object) -> object:
    try:
        return float(str(text).replace(",", ""))
    except ValueError:
        return text


def test_the_explorers_begin_without_an_error():
    for made in (explore.leveling_explorer(), explore.lag_explorer(), explore.worse_explorer(),
                 explore_delivery.guarantees_explorer(), explore_delivery.rebalance_explorer()):  # fmt: skip
        assert made.error == ""


def test_every_corner_of_the_sliders_draws():
    for corner in ((50, 40), (400, 6)):
        assert picture.spec(explore.leveling_at(*corner)[0])["title"]
    assert "never caught up" in explore.lag_at(10_000, 100, 2_000)[1]
    assert "300,000 records are 5 min of work" in explore.lag_at(300_000, 1_000, 800)[1]
    for line in explore.LINES:
        picture.spec(explore.worse_at(line, 0.2)[0])
    for what in explore_delivery.REBALANCES:
        picture.spec(explore_delivery.rebalance_at(what, 0.0, 25)[0])


def test_without_a_sale_nobody_is_refused_and_through_a_queue_nobody_ever():
    assert "Straight 0 % are refused" in explore.leveling_at(60, 10)[1]
    assert "through the queue none" in explore.leveling_at(400, 6)[1]


def test_the_line_of_the_sale_is_the_fluids():
    made = picture.spec(explore.drain_chart())
    rows = [row for rows in made["datasets"].values() for row in rows if "backlog" in row and "kind" in row]
    found = {(row["kind"], row["time_s"]): row["backlog"] for row in rows}
    for at in (20.0, 40.0):  # Poisson counts: one sigma of 4,000 orders is 63, of a mean of five 28
        assert found["simulated", at] == pytest.approx(found["predicted", at], abs=150)


@pytest.mark.parametrize(("delivery", "lost", "twice"), [
    ("at most once", True, False), ("at least once", False, True), ("effectively once", False, False),
])  # fmt: skip
def test_each_delivery_has_its_own_harm(delivery, lost, twice):
    said = explore_delivery.guarantees_at(delivery, 20, 5)[1]
    assert delivery in policies.DELIVERIES
    assert (": 0 never done" not in said) == lost and (", 0 done twice" not in said) == twice


def test_a_full_queue_refuses_sheds_or_makes_its_producers_wait():
    found = numbers(explore.pressure_table(), "when full")
    assert found["block"]["done"] == found["no limit"]["done"]
    assert found["reject"]["refused"] > 1_000 < found["shed oldest"]["shed"]
    assert found["block"]["longest block (s)"] > 10 > found["block"]["longest in the queue (s)"]


def test_an_endless_queue_under_overload_answers_nobody_in_time():
    for seed in explore.SEEDS:
        endless, short = (explore.in_time(1.2, line, 1.0, seed)[0] for line in list(explore.LINES)[:2])
        assert endless < 0.2 < 0.7 < short


def test_a_timeout_shorter_than_the_work_repeats_it_without_a_crash():
    found = numbers(explore_delivery.timeout_table(), "visibility timeout (s)")
    rows = list(found.values())
    assert rows[0]["without one"] > 10 and rows[-1]["without one"] == 0 and rows[-1]["after a crash"] > 50


def test_dead_letters_free_the_others():
    rows = list(numbers(explore_delivery.poison_table(), "dead-letter queue").values())
    done = [row["good messages done (%)"] for row in rows]
    assert done == sorted(done) and rows[0]["dead letters"] == 0 < rows[2]["dead letters"]
    assert rows[2]["receives of poison"] < rows[0]["receives of poison"] / 2


def test_a_log_of_few_partitions_is_ordered_and_late():
    found = numbers(explore_delivery.queue_or_log_table(), "through")
    order = {name: row["out of order"] for name, row in found.items()}
    assert order.pop("queue") > 0 and set(order.values()) == {0}
    assert found["log of 3 partitions"]["p50 (s)"] > 3 * found["queue with groups"]["p50 (s)"]
