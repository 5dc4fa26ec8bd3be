"""What happened to each request: fixed columns, figures that agree with NumPy, checks that can fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from minisys.testbed.trace import COLUMNS, OUTCOMES, Trace, band

NAN = float("nan")


def small(**changes) -> Trace:
    """Five requests: three well, one failed, one unfinished."""
    columns = {
        "sent_s": [0.0, 0.5, 1.0, 1.5, 2.0],
        "started_s": [0.0, 0.6, 1.0, NAN, NAN],
        "finished_s": [0.2, 1.0, 3.0, 1.6, NAN],
        "server_code": [0, 1, 0, -1, -1],
        "servers": ["a", "b", "c"],
        "outcome_code": [0, 0, 0, 2, 4],
        "attempts": [1, 2, 1, 2, 1],
        "key": [7, 8, 9, 7, 7],
    }
    return Trace.from_columns(**(columns | changes))


def test_the_columns_are_always_the_same():
    assert list(small().frame.columns) == list(COLUMNS)
    assert small().servers == ["a", "b", "c"] and len(small()) == 5
    assert list(small().frame["server"].cat.categories) == ["a", "b", "c"]


def test_figures_are_those_of_the_answered_requests():
    trace = small()
    latency = [0.2, 0.5, 2.0]
    assert trace.percentiles((0, 50, 90)) == pytest.approx(tuple(np.percentile(latency, (0, 50, 90))))
    assert trace.latency_s.isna().sum() == 2
    assert trace.throughput_per_s == pytest.approx(3 / 3.0) and trace.goodput_per_s(0.5) == pytest.approx(2 / 3.0)
    assert trace.availability == pytest.approx(3 / 4)
    assert [trace.count(outcome) for outcome in OUTCOMES] == [3, 0, 1, 0, 1]


def test_nothing_answered_has_no_percentile_and_nothing_finished_no_availability():
    none = small(outcome_code=[4] * 5, finished_s=[NAN] * 5, started_s=[NAN] * 5)
    assert np.isnan(none.percentile(50)) and np.isnan(none.availability) and none.throughput_per_s == 0
    assert small()[:0].span_s == 0


def test_second_by_second():
    table = small().per_second(1.0)
    assert table["second"].tolist() == [0, 1, 2] and table["sent"].tolist() == [2, 2, 1]
    assert table["ok"].tolist() == [2, 1, 0] and table["failed"].tolist() == [0, 1, 0]
    assert table["p50_s"].iloc[0] == pytest.approx(0.35)
    by = small().by_server(1.0)
    assert by[by["ok"] > 0].astype({"server": str}).to_numpy().tolist() == [[0.0, "a", 1], [1.0, "b", 1], [3.0, "a", 1]]


def test_a_slice_keeps_the_servers_and_counts_from_zero():
    part = small()[2:]
    assert len(part) == 3 and part.servers == ["a", "b", "c"] and part.frame.index[0] == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sent_s": [0.0, 0.5, 0.4, 1.5, 2.0]}, "in order of sending"),
        ({"finished_s": [0.2, 1.0, 3.0, 1.6, 2.5]}, "has a time of it"),
        ({"finished_s": [0.2, 1.0, NAN, 1.6, NAN]}, "has a time of it"),
        ({"started_s": [0.0, 0.4, 1.0, NAN, NAN]}, "before they ask"),
        ({"finished_s": [0.2, 0.55, 3.0, 1.6, NAN]}, "before it starts"),
        ({"server_code": [0, -1, 0, -1, -1]}, "answered by somebody"),
    ],
)
def test_a_trace_that_cannot_be_is_refused(changes, told):
    small().check()
    with pytest.raises(ValueError, match=told):
        small(**changes).check()


@pytest.mark.parametrize("changes", [{"server_code": [9, 0, 0, 0, 0]}, {"outcome_code": [0, 0, 0, 9, 0]}, {"key": [1]}])
def test_codes_that_name_nothing_and_columns_of_other_lengths_are_refused(changes):
    with pytest.raises(ValueError, match=r"codes need to be between|same length"):
        small(**changes)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_trace_survives_a_file_exactly(tmp_path, kind):
    path = tmp_path / f"trace.{kind}"
    getattr(small(), f"to_{kind}")(path)
    again = getattr(Trace, f"from_{kind}")(path)
    for name in COLUMNS:
        pd.testing.assert_series_equal(again.frame[name].astype(object), small().frame[name].astype(object))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sent_s,finished_s\n0,1\n", "column 'started_s' is missing"),
        (",".join(COLUMNS) + "\n0,0,1,a,great,1,1\n", "unknown outcome 'great'"),
        (",".join(COLUMNS) + "\n5,5,1,a,ok,1,1\n", "before"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(tmp_path, text, told):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        Trace.from_csv(path)


def test_a_band_over_seeds_is_students_interval():
    traces = [small(finished_s=[0.2 + shift, 1.0, 3.0, 1.6, NAN]) for shift in (0.0, 0.1, 0.2)]
    low, mid, high = band(traces, lambda trace: trace.latency_s.iloc[0])
    assert mid == pytest.approx(0.3) and high - mid == pytest.approx(9.925 * 0.1 / np.sqrt(3), rel=1e-3)
    assert mid - low == pytest.approx(high - mid)
    with pytest.raises(ValueError, match="at least 2 runs"):
        band(traces[:1], lambda trace: 0.0)


def test_bad_questions_are_refused_with_the_value():
    with pytest.raises(ValueError, match="unknown outcome 'fine'"):
        small().count("fine")
    with pytest.raises(ValueError, match="between 0 and 100, got 101"):
        small().percentile(101)
    with pytest.raises(ValueError, match="step_s must be above 0 seconds, got 0"):
        small().per_second(0)


def test_a_summary_is_a_row_of_rounded_figures():
    summary = small().summary()
    assert all(isinstance(value, int | float) for value in summary.values()) and len(summary) >= 4
