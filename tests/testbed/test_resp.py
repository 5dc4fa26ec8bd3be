"""Requests come out as they were sent, wherever the stream is cut; what is no request takes no memory."""

from __future__ import annotations

import tracemalloc

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisys.testbed import resp
from minisys.testbed.resp import Limits, ProtocolError, Requests, Resp2, Resp3, array, bulk, error, integer, simple

words = st.lists(st.binary(max_size=40), min_size=1, max_size=5)
tricky = st.sampled_from(
    [b"*1\r\n$4\r\nPING\r\n", b"*99999\r\n", b"~99999\r\n", b"\r\n", b"$-1\r\n", resp._END, b"*2\r\n$1"]
)
requests = st.lists(st.one_of(words, st.lists(tricky, min_size=1, max_size=3)), max_size=6)


def parse(chunks, limits=None, fast_bytes=None):
    """The requests in *chunks*, and the parser."""
    parser, reader, found = Requests(limits or Limits()), hiredis.Reader(), []
    if fast_bytes is not None:
        parser._fast_bytes = fast_bytes
    for chunk in chunks:
        found += parser.feed(chunk, reader)
    return found, parser


@given(requests, st.lists(st.integers(0, 400), max_size=5))
def test_requests_are_the_same_wherever_the_stream_is_cut(sent, cuts):
    stream = b"".join(hiredis.pack_command(tuple(each)) for each in sent)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    found, parser = parse(stream[a:b] for a, b in zip(edges, edges[1:], strict=False))
    assert found == sent and parser.error is None and parser.size == 0


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_bytes_give_the_same_requests_cut_or_whole(stream, cut):
    whole, one = parse([stream])
    halves, two = parse([stream[:cut], stream[cut:]])
    assert whole == halves and str(one.error) == str(two.error)


@given(requests)
def test_both_parsers_find_the_same(sent):
    stream = b"".join(hiredis.pack_command(tuple(each)) for each in sent)
    assert parse([stream])[0] == parse([stream], fast_bytes=0)[0]


def test_a_client_that_types():
    stream = b'PING\r\n  set k \'a b\'\n\r\nGET "\\x41\\n\\""\r\n*1\r\n$4\r\nQUIT\r\n'
    assert parse([stream])[0] == [[b"PING"], [b"set", b"k", b"a b"], [b"GET", b'A\n"'], [b"QUIT"]]
    assert parse([stream[i : i + 1] for i in range(len(stream))])[0] == parse([stream])[0]


@pytest.mark.parametrize(
    "line, problem", [(b"GET 'a", "unbalanced"), (b'GET "a"b', "unbalanced"), (b"GET 'a'b", "unb")]
)
def test_open_quotes_are_refused(line, problem):
    with pytest.raises(ProtocolError, match=problem):
        resp.split_inline(line)


@pytest.mark.parametrize(
    "stream, problem",
    [
        (b"*abc\r\n", "invalid multibulk length"),
        (b"*4000000000\r\n", "invalid multibulk length"),
        (b"*1\r\n*4000000000\r\n", "expected '$', got '*'"),
        (b"*1\r\n:5\r\n", "expected '$', got ':'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*2\r\n$3\r\nGET\r\n$99999999999\r\n", "invalid bulk length"),
        (b"*" + b"1" * 100, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 100, "too big bulk count string"),
        (b"x" * 70_000, "too big inline request"),
    ],
)
def test_what_is_no_request_is_named(stream, problem):
    good = b"*1\r\n$4\r\nPING\r\n"
    found, parser = parse([good + stream])
    assert found == [[b"PING"]] and problem in str(parser.error)
    assert parser.feed(good, hiredis.Reader()) == []  # nothing after it is believed
    assert parser.size <= len(good)


def test_nothing_is_held_beyond_the_limits():
    limits = Limits(bulk_bytes=1000, request_bytes=4000, arguments=100)
    assert parse([b"*1\r\n$1000\r\n" + b"x" * 1000 + b"\r\n"], limits)[0] == [[b"x" * 1000]]
    assert "bulk length" in str(parse([b"*1\r\n$1001\r\n" + b"x" * 1001 + b"\r\n"], limits)[1].error)
    assert "multibulk" in str(parse([b"*101\r\n"], limits)[1].error)
    five = b"*5\r\n" + (b"$1000\r\n" + b"x" * 1000 + b"\r\n") * 5
    assert "too big request" in str(parse([five], limits)[1].error)


def test_an_announcement_takes_no_memory():
    reader, parser = hiredis.Reader(), Requests(Limits())
    tracemalloc.start()
    for stream in (b"*1000000\r\n", b"*3\r\n~900000000\r\n", b"*1\r\n$16777216\r\nabc"):
        parser.feed(stream, reader)
        parser = Requests(Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


def test_a_request_of_many_pieces_is_looked_at_once_a_piece():
    value, parser, reader = b"x" * 2_000_000, Requests(Limits()), hiredis.Reader()
    stream = hiredis.pack_command((b"SET", b"k", value))
    found = [each for i in range(0, len(stream), 1000) for each in parser.feed(stream[i : i + 1000], reader)]
    assert found == [[b"SET", b"k", value]] and parser.size == 0


@pytest.mark.parametrize("bad", [{"bulk_bytes": 0}, {"arguments": 0}, {"bulk_bytes": 10, "request_bytes": 9}])
def test_limits_make_sense(bad):
    with pytest.raises(ValueError, match="request_bytes"):
        Limits(**bad)


@pytest.mark.parametrize(
    "wire, encoded, value",
    [
        (Resp2, array([bulk(b"a\r\nb"), integer(-7), simple("OK"), Resp2.null]), [b"a\r\nb", -7, b"OK", None]),
        (Resp2, Resp2.mapping([(bulk(b"a"), integer(1))]), [b"a", 1]),
        (Resp3, Resp3.mapping([(bulk(b"a"), integer(1))]), {b"a": 1}),
        (Resp3, array([Resp3.null, Resp3.null_array]), [None, None]),
        (Resp2, Resp2.null_array, None),
    ],
)
def test_answers_are_understood(wire, encoded, value):
    reader = hiredis.Reader()
    reader.feed(encoded)
    assert reader.gets() == value


def test_an_error_stays_on_its_line():
    assert error("ERR no\r\n+OK") == b"-ERR no  +OK\r\n"
