"""Lab 05: plausible wrong answers are told why, right ones written another way pass."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from minisys.grading.checks import check

answers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("wrong_05.py"))))
milliseconds, words, shop = answers.milliseconds, answers.words, answers.shop


WRONG = [
    # task, answer, what the report must say
    (1, milliseconds(no_edge=300), "a new connection costs two round trips before the request"),
    (1, milliseconds(no_edge=550), "one handshake is missing"),
    (1, milliseconds(no_edge=1050), "TLS 1.3 needs one round trip"),
    (1, milliseconds(hit=80), "on a hit the origin does not work"),
    (1, milliseconds(hit=10), "also near by, a new connection is set up first"),
    (1, milliseconds(miss=800), "the user's handshakes end at the edge"),
    (1, milliseconds(miss=330), "from the edge it is 240 ms"),
    (1, milliseconds(miss=270), "the origin works before it answers"),
    (1, milliseconds(no_edge=0.8), "these look like seconds"),
    (1, lambda: 800, "a dict with the keys"),
    (2, words("hit", "hit", "wait", "stale", "error"), "count on from there"),
    (2, words("hit", "stale", "stale", "stale", "error"), "that would be right for a copy that was new at second 0"),
    (2, words("hit", "stale", "wait", "error", "error"), "stale-if-error counts: 600 s"),
    (2, words("hit", "stale", "wait", "stale", "stale"), "stale-if-error has an end too"),
    (2, words("hit", "stale", "wait"), "5 words out of hit, stale, wait, error"),
    (3, answers.once_every_ttl, "he comes 1/rate seconds later"),
    (3, answers.counts_the_hits, "that is what the edge answers itself"),
    (3, answers.a_share, "requests a second, not a share"),
    (3, answers.forgets_the_regions, "that is one edge for everybody"),
    (3, answers.gives_every_edge_everything, "that gives each edge all the traffic"),
    (3, answers.forgets_the_shield, "that is the number without a shield"),
    (3, answers.lumps_the_pages, "add up what reaches the origin page by page"),
    (3, answers.nothing, "came out  None"),
    (4, answers.the_path_only, "the second user would see"),
    (4, answers.the_whole_target, "the campaign's parameters"),
    (4, answers.forgets_the_language, "Accept-Language: its first two letters say the language"),
    (4, answers.language_as_it_comes, "de-DE is de"),
    (4, answers.encoding_as_it_comes, "spellings of Accept-Encoding"),
    (4, answers.looks_for_the_letters_br, "q=0 means not taken"),
    (4, answers.a_copy_for_each_browser, "User-Agent and Cookie change nothing"),
    (4, answers.drops_all_parameters, "the page itself: path and query"),
    (4, answers.a_list, "something hashable"),
    (4, answers.needs_every_header, "KeyError"),
    (5, shop(static="public, max-age=3600"), "a copy can be good for a year"),
    (5, shop(static="s-maxage=31536000"), "s-maxage is for shared caches only"),
    (
        5,
        shop(item="s-maxage=60, stale-while-revalidate=60, stale-if-error=3600"),
        "s-maxage and must-revalidate forbid",
    ),
    (5, shop(item="max-age=120, stale-if-error=3600"), "fresh for a minute, not longer"),
    (5, shop(item="max-age=60, stale-while-revalidate=120, stale-if-error=3600"), "the two times add up"),
    (5, shop(item="max-age=60, stale-while-revalidate=60"), "stale-if-error=3600"),
    (5, shop(item="max-age=60, stale-while-revalidate=60, stale-if-error=86400"), "an hour, in seconds"),
    (5, shop(price="max-age=2, stale-if-error=60"), "rather no price than an old one"),
    (5, shop(price="no-store"), "a hundred readers of one price are one question"),
    (5, shop(price="max-age=60, must-revalidate"), "two seconds at most"),
    (5, shop(search="max-age=30"), "max-age=0 is for the browser, s-maxage=30 for the edge"),
    (5, shop(search="no-cache"), "half a minute at the edge"),
    (5, shop(account="public, max-age=60"), "the edge kept one user's page for all"),
    (5, shop(account="no-store"), "no-store keeps it out of the user's own browser too"),
    (5, shop(account="private, max-age=600"), "a basket changes"),
    (5, shop(other="no-cache"), "no-store does not let it be kept"),
    (5, shop(static="max_age=31536000"), "a directive that exists"),
    (5, shop(price="max-age=2s"), "whole seconds"),
    (5, lambda: {"static": "no-store"}, "a dict with the keys static, item"),
]


def told_why(report, told):
    assert not report.complete, report
    assert any(outcome.state == "failed" for outcome in report.outcomes)
    assert told in " ".join(str(report).split()) or told in str(report), report


@pytest.mark.parametrize("task, answer, told", WRONG, ids=[f"{task}-{told[:30]}" for task, _, told in WRONG])
def test_a_plausible_wrong_answer_is_told_why(progress, task, answer, told):
    told_why(check("05", task, answer, progress=progress), told)


@pytest.mark.parametrize(
    "respond, purge, told",
    [
        (answers.good, answers.everything, "why render ninety others again?"),
        (answers.good, answers.everything_softly, "shows one old page to the first reader"),
        (answers.good, answers.one_page, "was everything purged that changed?"),
        (answers.good, answers.does_nothing, "an old price 3."),
        (answers.good, answers.a_word_that_is_none, '"url", "tag" or "all"'),
        (answers.renders_first, answers.the_garden, "the page was rendered for a 304"),
        (answers.a_tag_that_stays, answers.the_garden, "a tag that stays says that the old page is still good"),
        (answers.without_quotes, answers.the_garden, "an entity tag stands in double quotes"),
        (answers.never_304, answers.the_garden, "equal means 304 and an empty body"),
        (answers.keeps_nothing, answers.the_garden, "nothing is kept by the edges"),
        (answers.other_tags, answers.the_garden, "puts the word 'garden' on the pages"),
        (answers.only_a_page, answers.the_garden, "a status, a dict of headers (texts), a body"),
    ],
)
def test_a_wrong_origin_or_purge_is_told_why(progress, respond, purge, told):
    told_why(check("05", 6, respond, purge, progress=progress), told)


@pytest.mark.parametrize(
    "task, given",
    [
        (1, (milliseconds(800, 30, 320),)),
        (3, (answers.by_hit_ratio,)),
        (4, (answers.one_text,)),
        (5, (shop(search={"Cache-Control": "no-cache", "CDN-Cache-Control": "max-age=30"}),)),
        (5, (shop(price="public, max-age=2", account="private, max-age=0", other="private, no-store"),)),
        (6, (answers.without_grace, answers.everything_softly)),
        (6, (answers.good, answers.page_by_page)),
    ],
)
def test_a_right_answer_written_another_way_passes(progress, task, given):
    report = check("05", task, *given, progress=progress)
    assert report.complete, report
