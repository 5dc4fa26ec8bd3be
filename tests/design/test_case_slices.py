"""How much of each case's estimate its reference serves: every number of `slice`, computed again from the prompts."""

from __future__ import annotations

import re

import pytest

from minisys.design import cases
from minisys.design.parts import Clients

DAY, HOUR, MONTH = 86_400, 3_600, 30 * 86_400
WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "a dozen": 12}
# From the estimate's prompt: the words that hold the figures, what they come to a second, and as `slice` writes it;
# then how many cells of the reference's traffic that is, and as `slice` writes it ("" if it names no cells).
SLICES = {
    "chat": (["50 million", "40 messages a day", "three times"], 3 * 50e6 * 40 / DAY, "69,000 messages", "some 190"),
    "file_sync": (["10 million people", "15 changes a day"], 10e6 * 15 / DAY, "1,740 changes", "a dozen"),
    "key_value_store": (["2,000 requests a second"], 2_000, "2,000/s of the estimate", ""),
    "leaderboard": (["30 million", "five rounds"], 30e6 * 5 / (4 * HOUR), "10,400 updates", "some 40"),
    "metrics": (["10,000 machines", "every ten seconds"], 10_000 / 10, "send 1,000 a second", ""),
    "news_feed": (["200 million people a day", "ten feeds"], 200e6 * 10 / DAY, "23,000 feeds", "some 33"),
    "notifications": (["10 million", "half", "eight and nine"], 10e6 / 2 / HOUR, "1,390 messages a second", "five"),
    "payments": (["20 million payments a day"], 20e6 / DAY, "231 payments a second", ""),
    "rate_limiter": (["1,500 requests a second"], 1_500, "1,500/s of the estimate", "two"),
    "ride_hailing": (["300,000", "30 cities", "every four"], 300_000 / 30 / 4, "2,500 positions a second", ""),
    "ticket_sale": (["A million", "ten minutes", "three clicks"], 1e6 * 3 / 600, "5,000 requests a second", ""),
    "typeahead": (["20 million", "eight times", "six"], 20e6 * 8 * 6 / DAY, "11,100 requests", "seven or eight"),
    "unique_ids": (["3,000 numbers a second"], 3_000, "3,000/s of the estimate", "three"),
    "url_shortener": (["100 million new links a month", "hundred reads"], 1e8 * 100 / MONTH, "3,860 reads", "five"),
    "video": (["5 million views an hour"], 5e6 / HOUR, "1,390 a second", ""),
    "web_crawler": (["A billion pages a month"], 1e9 / MONTH, "386 a second", ""),
}  # fmt: skip
MORE = {  # other figures of a slice, and what they must be
    "leaderboard": {"150 million rounds": 30e6 * 5 / 1e6, "hours": None},
    "metrics": {"500 points": 500, "10,000 machines": 10_000},
    "payments": {"694 at three times": 3 * 20e6 / DAY},
    "ride_hailing": {"10,000 drivers": 300_000 / 30},
    "video": {"5 million views": 5},
}
ABOUT = {  # a share of the whole in words: what it says, and what it is
    "metrics": ("three quarters", 0.75, lambda rate: 0.95 * rate / 1_000),
    "ride_hailing": ("a quarter of the city", 0.25, lambda rate: 700 / 2_500),
    "ticket_sale": ("one in ten", 0.1, lambda rate: rate / 5_000),
    "payments": ("one of four", 0.25, lambda rate: 0.6 * rate / (3 * 20e6 / DAY)),
    "web_crawler": ("all of them", 1.0, lambda rate: rate / (1e9 / MONTH)),
    "video": ("are their beginnings", 1.0, lambda rate: rate / (5e6 / HOUR)),
}


def first(text: str) -> float:
    return float(re.search(r"\d[\d,]*", text)[0].replace(",", ""))


def clients(case):
    return list(case.design().of(Clients))


def test_every_case_is_here():
    assert set(SLICES) == set(cases.names())


@pytest.mark.parametrize("name", SLICES)
def test_the_slice_is_the_estimates_figure_and_the_references_traffic(name):
    case = cases.case(name)
    said, value, written, cells = SLICES[name]
    assert all(words in case.prompts["estimate"] or words in case.brief for words in said)
    assert written in case.slice and first(written) == pytest.approx(value, rel=0.01)
    own = clients(case)[0]
    assert f"{own.rate:,.0f}/s here" in case.slice or f"these {own.rate:,.0f}/s" in case.slice
    share = re.search(r"(\d+) % of them", case.slice)
    assert share is None or float(share[1]) == pytest.approx(100 * own.writes)
    if cells:
        assert f"{cells} " in case.slice
        counted = own.rate * (own.writes if share else 1.0)
        number = 7.5 if " or " in cells else WORDS.get(cells) or first(cells)
        assert number == pytest.approx(value / counted, rel=0.2 if cells == "two" else 0.09), value / counted


@pytest.mark.parametrize("name", MORE)
def test_the_other_figures_of_a_slice(name):
    for words, value in MORE[name].items():
        assert words in cases.case(name).slice
        assert value is None or first(words) == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize("name", ABOUT)
def test_a_share_in_words_is_about_that_share(name):
    words, share, counted = ABOUT[name]
    case = cases.case(name)
    assert words in case.slice and counted(clients(case)[0].rate) == pytest.approx(share, rel=0.15)


def test_no_number_of_a_slice_is_left_unchecked():
    for case in cases.cases():
        known = {SLICES[case.name][2], *MORE.get(case.name, ()), SLICES[case.name][3]}
        checked = {number for words in known for number in re.findall(r"\d[\d,]*", words)}
        checked |= {f"{one.rate:,.0f}" for one in clients(case)} | {f"{100 * one.writes:g}" for one in clients(case)}
        assert set(re.findall(r"\d[\d,]*\d|\d", case.slice)) <= checked, case.name
