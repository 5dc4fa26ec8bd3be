"""Fields, freshness and validation as functions: tables, and what must hold for anything that comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from minisys.caching import fields, freshness, validation
from minisys.caching.fields import date, directives, http_date, seconds
from minisys.caching.freshness import current_age_s, lifetime, may_serve_on_error, reuse, why_not_store

LINES = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)
WORDS = [*"max-age=60 s-maxage=5 no-store no-cache private public must-revalidate max-age=x must-understand".split()]
WORDS += ['ext="a, no-store"', "stale-if-error=9", "stale-while-revalidate=9", "proxy-revalidate"]
CACHE_CONTROL = st.lists(st.sampled_from(WORDS)).map(", ".join)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("max-age=60", {"max-age": "60"}),
        ("Public , MAX-AGE=60", {"public": None, "max-age": "60"}),
        ('max-age="60"', {"max-age": "60"}),
        ('ext="no-store, private", public', {"ext": "no-store, private", "public": None}),
        ('ext="a\\"b"', {"ext": 'a"b'}),
        ("max-age=1, max-age=2", {"max-age": "1"}),
        ("max-age = 60", {}),
        (",, ,no-store,", {"no-store": None}),
        ('broken="no-store', {"broken": '"no-store'}),
        ("", {}),
    ],
)
def test_directives(text, expected):
    assert directives({"cache-control": text}) == expected


def test_several_lines_are_one_list():
    headers = CIMultiDict([("Cache-Control", "max-age=60"), ("X", "y"), ("cache-control", "no-store")])
    assert directives(headers) == {"max-age": "60", "no-store": None}


@pytest.mark.parametrize("text", ["", "-1", "1.5", "'60'", "six", "60 ", "²", None])
def test_what_is_no_number_of_seconds(text):
    assert seconds(text) is None


def test_a_number_of_seconds_has_a_largest_value():
    assert seconds("0060") == 60 and seconds("9" * 5000) == 2**31


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_the_three_forms_of_a_date_are_one_moment(text):
    assert http_date(text) == 784111777


@pytest.mark.parametrize("text", [None, "", "0", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994"])
def test_what_is_no_date(text):
    assert http_date(text) is None


@given(st.integers(0, 2**33))
def test_a_date_reads_back(moment):
    assert http_date(date(moment)) == moment


AT = 1_700_000_000
LIFETIMES = [
    ({"Cache-Control": "max-age=60"}, 60, "max-age"),
    ({"Cache-Control": "max-age=60, s-maxage=5"}, 5, "s-maxage"),
    ({"Cache-Control": "max-age=x"}, 0, "max-age"),
    ({"Date": date(AT), "Expires": date(AT + 30)}, 30, "Expires"),
    ({"Date": date(AT), "Expires": date(AT - 30)}, 0, "Expires"),
    ({"Date": date(AT), "Expires": "0"}, 0, "Expires"),
    ({"Date": date(AT), "Expires": date(AT + 30), "Cache-Control": "max-age=5"}, 5, "max-age"),
    ({"Date": date(AT), "Last-Modified": date(AT - 1000)}, 100, "heuristic"),
    ({"Date": date(AT), "Last-Modified": date(AT - 10**8)}, 86_400, "heuristic"),
    ({"Date": date(AT), "Last-Modified": date(AT + 1000)}, 0, "heuristic"),
    ({}, 0, "nothing"),
    ({"CDN-Cache-Control": "max-age=7", "Cache-Control": "max-age=60"}, 7, "max-age"),
]


@pytest.mark.parametrize("headers, expected_s, source", LIFETIMES)
def test_lifetime(headers, expected_s, source):
    assert lifetime(200, headers) == (expected_s, source)


def test_a_browser_reads_neither_s_maxage_nor_what_is_said_to_cdns():
    headers = {"Cache-Control": "max-age=60, s-maxage=5", "CDN-Cache-Control": "max-age=7"}
    assert lifetime(200, headers, shared=False).seconds == 60
    assert why_not_store("GET", {}, 200, {"Cache-Control": "private, max-age=60"}, shared=False) == ""


def test_age_counts_what_came_before_the_way_and_the_stay():
    assert current_age_s({"Age": "30"}, AT, AT + 2, AT + 12) == 42
    assert current_age_s({"Date": date(AT - 100)}, AT, AT, AT + 1) == 101
    assert current_age_s({"Date": date(AT)}, AT, AT + 0.9, AT + 0.9) == pytest.approx(0.9)  # the way here, no more
    assert current_age_s({"Date": date(AT + 500), "Age": "old"}, AT, AT, AT) == 0


NOT_STORED = [
    ("POST", {}, 200, {"Cache-Control": "max-age=60"}, "POST"),
    ("GET", {"Cache-Control": "no-store"}, 200, {"Cache-Control": "max-age=60"}, "request"),
    ("GET", {}, 200, {"Cache-Control": "no-store"}, "no-store"),
    ("GET", {}, 200, {"Cache-Control": "private"}, "private"),
    ("GET", {}, 206, {"Cache-Control": "max-age=60"}, "206"),
    ("GET", {}, 299, {"Cache-Control": "must-understand, max-age=60"}, "must-understand"),
    ("GET", {"Authorization": "x"}, 200, {"Cache-Control": "max-age=60"}, "Authorization"),
    ("GET", {}, 200, {"Cache-Control": "max-age=60", "Set-Cookie": "a=b"}, "Set-Cookie"),
    ("GET", {}, 200, {"Vary": "Foo, *"}, "Vary"),
    ("GET", {}, 302, {}, "302"),
]


@pytest.mark.parametrize("method, request_, status, headers, why", NOT_STORED)
def test_the_reason_not_to_store_is_named(method, request_, status, headers, why):
    assert why in why_not_store(method, request_, status, headers)


@given(CACHE_CONTROL, st.floats(0, 1e6), st.floats(0, 1e6))
def test_must_revalidate_is_never_served_stale(text, lifetime_s, age_s):
    headers = {"Cache-Control": f"{text}, must-revalidate"}
    verdict = reuse({"Cache-Control": "max-stale"}, headers, lifetime_s, age_s)
    assert verdict.verb == "validate" or age_s < lifetime_s
    assert age_s < lifetime_s or not may_serve_on_error({"Cache-Control": "stale-if-error=9999999"}, headers, -1.0)


@given(CACHE_CONTROL, CACHE_CONTROL)
def test_no_store_and_private_are_never_shared(before, after):
    for word in ("no-store", "private"):
        headers = {"Cache-Control": ", ".join(filter(None, [before, word, after]))}
        if word == "private" or "must-understand" not in headers["Cache-Control"]:
            assert why_not_store("GET", {}, 200, headers)


@given(LINES, LINES, LINES)
def test_rubbish_in_headers_raises_nothing(text, other, third):
    headers = {"Cache-Control": text, "Expires": other, "Date": third, "Age": text, "Vary": other, "ETag": third}
    headers |= {"Last-Modified": text, "Pragma": other}
    why_not_store("GET", headers, 200, headers)
    assert lifetime(200, headers).seconds >= 0 and current_age_s(headers, 0.0, 1.0, 2.0) >= 1
    reuse(headers, headers, 1.0, 2.0)
    validation.not_modified({"If-None-Match": text, "If-Modified-Since": other}, headers)
    validation.byte_range({"Range": text, "If-Range": other}, headers, 10)
    validation.vary_key(other, headers)
    validation.merge_304(headers, {"ETag": third})


# Validation ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("bytes=0-4", (0, 4)), ("bytes=5-", (5, 9)), ("bytes=-3", (7, 9)), ("bytes=-30", (0, 9)),
        ("bytes=0-99", (0, 9)),
        ("bytes=10-", (10, -1)), ("bytes=-0", (10, -1)), ("bytes=4-2", None), ("bytes=0-1,3-4", None),
        ("lines=0-4", None), ("bytes=a-b", None), ("bytes=", None), ("bytes=-", None), ("", None), ("bytes 0-4", None),
    ],
)  # fmt: skip
def test_a_range_of_ten_bytes(text, expected):
    assert validation.byte_range({"Range": text}, {}, 10) == expected


def test_if_range_compares_strongly():
    for version, whole in (('"1"', False), ('W/"1"', True), ('"2"', True)):
        found = validation.byte_range({"Range": "bytes=0-1", "If-Range": version}, {"ETag": '"1"'}, 10)
        assert (found is None) == whole
    weak = validation.byte_range({"Range": "bytes=0-1", "If-Range": 'W/"1"'}, {"ETag": 'W/"1"'}, 10)
    assert weak is None


def test_the_key_leaves_out_what_it_is_told_to():
    key = validation.cache_key
    assert key("/a?b=1&utm_source=x&c=2", ["utm_*"]) == "/a?b=1&c=2"
    assert key("/a?utm_source=x", ["utm_*"]) == "/a" == key("/a", ["utm_*"])
    assert key("/a?c=2&b=1") == "/a?c=2&b=1"


@pytest.mark.parametrize(
    "accepted, normal",
    [
        ("gzip, deflate, br", "br"), ("br;q=1.0, gzip;q=0.8", "br"), ("gzip", "gzip"), ("gzip, br;q=0", "gzip"),
        ("gzip, br;q=0.000", "gzip"), ("GZIP", "gzip"), ("deflate", "identity"), (None, "identity"), ("", "identity"),
    ],
)  # fmt: skip
def test_a_dozen_spellings_of_accept_encoding_are_three_keys(accepted, normal):
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    assert validation.vary_key("accept-encoding", headers, ("br", "gzip")) == (("accept-encoding", normal),)


def test_an_absent_header_differs_from_an_empty_one():
    assert validation.vary_key("Foo", {}) != validation.vary_key("Foo", {"Foo": ""})


def test_a_304_replaces_headers_and_leaves_those_of_the_bytes():
    stored = CIMultiDict([("Content-Length", "9"), ("Age", "50"), ("X", "1"), ("X", "2"), ("Content-Encoding", "br")])
    merged = validation.merge_304(stored, CIMultiDict([("X", "3"), ("Content-Length", "0"), ("Date", "now")]))
    assert merged.getall("X") == ["3"] and merged["Content-Length"] == "9" and merged["Content-Encoding"] == "br"
    assert "Age" not in merged and merged["Date"] == "now"


def test_what_a_change_invalidates():
    found = validation.invalidated
    assert found("GET", 200, "/a", "h", {}) == [] == found("POST", 500, "/a", "h", {})
    assert found("POST", 201, "/a", "h", {"Location": "/a/1?x=2"}) == ["/a", "/a/1?x=2"]
    assert found("PUT", 200, "/a/b", "h", {"Content-Location": "c"}) == ["/a/b", "/a/c"]
    assert found("DELETE", 204, "/a", "h", {"Location": "http://elsewhere/b"}) == ["/a"]


def test_names_are_found_in_any_case():
    assert fields.field({"eTaG": "x"}, "ETag") == "x" and fields.field({}, "ETag") is None
    assert freshness.only_if_cached({"cache-control": "Only-If-Cached"})
