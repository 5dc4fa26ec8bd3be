"""The audit on books made by hand: clean books pass, and each planted fault is found, counted and named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.design import shop_ledger as ledger
from minisys.design.live_audit import RULES, Books, compare

OWNERS = {(0, 1): "a/0", (0, 2): "b/0", (1, 1): "a/1"}
CHARGES = [(name, ledger.cents(item)) for (item, _), name in OWNERS.items()]
GOOD = Books({0: 2, 1: 1}, OWNERS, CHARGES, [("a/0", 0, 1), ("a/1", 1, 1)], stock=2)


def test_books_that_agree_are_clean():
    found = compare(GOOD)
    assert found.clean and (found.orders, found.charges, found.receipts, found.unused) == (3, 3, 2, 0)
    assert found.sentence == (
        "Clean: of 4 units 3 are sold, each charged once; of 2 confirmed to users none is missing."
    )


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("oversold", {"owners": OWNERS | {(0, 3): "c/0"}, "charges": [*CHARGES, ("c/0", ledger.cents(0))]}),
        ("sold_twice", {"owners": OWNERS | {(1, 2): "a/1"}}),
        ("lost", {"receipts": [("z/0", 0, 2)]}),
        ("lost", {"receipts": [("a/0", 0, 2)]}),  # it is there, but with another unit than was promised
        ("charged_twice", {"charges": [*CHARGES, CHARGES[0]]}),
        ("not_charged", {"charges": CHARGES[1:]}),
        ("wrong_amount", {"charges": [("a/0", 1), *CHARGES[1:]]}),
        ("without_order", {"charges": [*CHARGES, ("ghost/1", ledger.cents(1))]}),
    ],
)
def test_each_planted_fault_is_found_and_nothing_else(rule, change):
    found = compare(replace(GOOD, **change))
    assert not found.clean
    assert {name: getattr(found, name) for name in RULES if getattr(found, name)} == {rule: 1}
    assert found.sentence.startswith(f"Not clean: 1 {RULES[rule]} (such as {rule} ")
    assert found.table().set_index("rule: there are no")["found"].sum() == 1


def test_a_number_that_was_drawn_and_not_used_is_counted_and_no_fault():
    found = compare(replace(GOOD, drawn={0: 2, 1: 5}))  # three asked for item 1 after it was sold out, one went away
    assert found.clean and found.unused == 1


def test_orders_that_came_while_it_counted_need_no_charge_yet():
    assert compare(replace(GOOD, charges=CHARGES[:2])).not_charged == 1
    assert compare(replace(GOOD, charges=CHARGES[:2], due={"a/0", "b/0"})).clean


@given(st.dictionaries(st.integers(0, 5), st.integers(0, 8), min_size=1), st.integers(1, 8), st.data())
def test_honest_books_are_clean_and_one_missing_unit_is_seen(drawn, stock, data):
    owners = {(i, n): f"k{n}/{i}" for i, count in drawn.items() for n in range(1, min(count, stock) + 1)}
    charges = [(name, ledger.cents(item)) for (item, _), name in owners.items()]
    receipts = [(name, *place) for place, name in owners.items()]
    books = Books(drawn, owners, charges, receipts, stock)
    assert compare(books).clean
    if owners:
        gone = data.draw(st.sampled_from(sorted(owners)))
        without = {place: name for place, name in owners.items() if place != gone}
        found = compare(replace(books, owners=without))
        assert (found.lost, found.without_order, found.unused) == (1, 1, 1)
