"""What the playback draws is what the trace says: nothing is lost, nobody is drawn in two places."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minisys.testbed import picture
from minisys.testbed.film import NEVER, PLACES, Film
from minisys.testbed.playback import playback
from minisys.testbed.trace import Trace


def some_trace(n: int = 200, seed: int = 1) -> Trace:
    """*n* requests to a, b and c with one worker each (first come first served); some refused, one never finished."""
    rng = np.random.default_rng(seed)
    sent = np.cumsum(rng.exponential(0.02, n))
    server, free = rng.integers(0, 3, n), np.zeros(3)
    started, finished, outcome = np.empty(n), np.empty(n), np.zeros(n, int)
    for i in range(n):
        if i % 40 == 7:
            started[i], finished[i], outcome[i] = np.nan, sent[i], 1
            continue
        started[i] = max(sent[i], free[server[i]])
        finished[i] = free[server[i]] = started[i] + rng.exponential(0.04)
    finished[-1], outcome[-1] = np.nan, 4
    return Trace.from_columns(sent, started, finished, server, list("abc"), outcome, np.ones(n), np.zeros(n))


@pytest.fixture(scope="module")
def trace() -> Trace:
    return some_trace()


@pytest.fixture(scope="module")
def film(trace) -> Film:
    return Film.of(trace)


def moments(film: Film) -> np.ndarray:
    """Moments all over the film, its ends and beyond included."""
    return np.linspace(film.begin_s - 1, film.end_s + 1, 97)


def test_at_every_moment_every_request_is_in_exactly_one_place(film):
    for t in moments(film):
        counts = film.at(t)
        assert tuple(counts) == PLACES
        assert sum(counts.values()) == 200


def test_waiting_and_in_service_are_those_of_the_trace_two_hops_earlier(film, trace):
    frame = trace.frame
    for t in moments(film):
        s = t - 2 * film.hop_s
        for name, (waiting, serving) in film.by_server(t).items():
            mine = frame[(frame["server"] == name)]
            begins, ends = mine["started_s"].fillna(mine["finished_s"]), mine["finished_s"].fillna(np.inf)
            assert waiting == ((mine["sent_s"] <= s) & (begins > s)).sum()
            assert serving == ((begins <= s) & (ends > s)).sum()


def test_before_the_film_nobody_is_sent_and_after_it_all_that_ended_are_done(film):
    assert film.at(film.begin_s - 1e-6)["not sent"] == 200
    after = film.at(film.end_s)
    assert after["done"] == 199
    assert after["in service"] == 1  # the one that the trace never saw finish


def test_a_request_only_moves_forward(film):
    places = np.array([film.place(t) for t in moments(film)])
    assert (np.diff(places, axis=0) >= 0).all()


def test_a_request_that_never_finishes_never_leaves():
    film = Film.of(some_trace())
    assert film.moments[-1, 4] == NEVER and film.moments[-1, 5] == NEVER


def test_workers_are_the_most_in_service_at_once(film):
    assert film.workers == 1


def test_the_still_shows_the_fullest_moment(film):
    full = film.at(film.busiest_s)
    others = [film.at(t) for t in moments(film)]
    assert full["waiting"] + full["in service"] >= max(o["waiting"] + o["in service"] for o in others) - 2


def test_a_film_can_begin_later_with_those_who_are_still_inside(trace):
    film = Film.of(trace, start_s=1.0)
    assert film.begin_s == 1.0
    assert (trace.frame["finished_s"].fillna(NEVER) >= 1.0).sum() == len(film.server)


def test_who_is_inside_when_a_film_begins_stands_at_the_server(trace):
    film = Film.of(trace, start_s=1.0)
    early = trace.frame["sent_s"][trace.frame["finished_s"].fillna(NEVER) >= 1.0].to_numpy() < 1.0
    assert early.any() and set(film.place(1.0)[early]) <= {3, 4} and not film.place(1.0 - 1e-9)[early].any()
    assert (np.diff(film.moments, axis=1) >= 0).all()


def test_a_film_may_end_with_the_last_arrival_and_says_who_is_still_inside(trace):
    sent_s = trace.frame["sent_s"]
    for n in range(20, 200, 20):
        short, whole = Film.of(trace, n, drain=False), Film.of(trace, n)
        assert short.end_s == pytest.approx(sent_s[n - 1] + 4 * short.hop_s) and short.end_s <= whole.end_s
        inside = n - short.at(short.end_s)["done"]
        assert (f"{inside} unfinished" in short.in_words()) == (inside > 0) and "unfinished" not in whole.in_words()


def test_the_sentence_counts_outcomes(film):
    words = film.in_words()
    assert "200 requests" in words and "194 ok" in words and "5 refused" in words and "1 unfinished" in words


def test_what_is_sent_to_the_page_is_plain_small_and_complete(trace):
    shown = playback(trace, events={1.0: "kill b", 99.0: "too late"}, title="A film", balancer="random")
    text = json.dumps(shown.data)
    assert len(text) < 60_000
    assert len(shown.data["moments"]) == 200
    assert [word for _, word in shown.data["events"]] == ["kill b"]
    assert shown.data["words"] == shown.film.in_words()


def test_rounding_for_the_page_moves_nobody(trace):
    film = Film.of(trace)
    sent = np.array(playback(trace).data["moments"])
    assert np.abs(np.where(film.moments == NEVER, 0, sent - film.moments)).max() < 1e-4
    assert (np.diff(sent, axis=1) >= 0).all()


def test_the_static_twin_is_a_chart_with_a_line_for_each_request(trace):
    spec = picture.spec(playback(trace, events={1.0: "kill b"}, title="A film").static())
    rows = max(spec["datasets"].values(), key=len)
    assert sorted(row["request"] for row in rows) == list(range(1, 201))
    assert all(row["time_s"] <= row["starts"] <= row["ends"] for row in rows)
    assert "A film" in spec["description"] and "194 ok" in spec["description"]


def test_the_saved_notebook_has_a_picture_and_a_sentence(trace):
    shown, how = playback(trace, title="A film")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert shown["text/plain"].startswith("A film. 200 requests")
    assert how["image/png"]["alt"] == shown["text/plain"] and how["image/png"]["width"] <= 830


def test_the_script_fetches_nothing():
    from minisys.testbed.playback import Playback

    code = str(Playback._esm)
    assert "http" not in code and "fetch(" not in code and "import(" not in code


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"requests": 0}, "1 to 1,000 requests, not 0"), ({"requests": 5000}, "not 5000"), ({"watch_s": 0}, "watch_s")],
)
def test_bad_input_says_what_is_wrong(trace, asked, says):
    with pytest.raises(ValueError, match=says):
        playback(trace, **asked)


def test_an_empty_stretch_is_an_error():
    trace = some_trace()[:100]
    with pytest.raises(ValueError, match="no request of the trace is in the system after 99"):
        Film.of(trace, start_s=99.0)
