"""What is drawn and said of a live sale, from sales that are written down here: no process is started."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from minisys.autoscaling import experiments
from minisys.autoscaling.experiments import Sale
from minisys.autoscaling.policies import Look
from minisys.testbed import picture
from minisys.testbed.trace import Trace


def look(time_s: float, current: int, ready: int, wanted: int) -> Look:
    return Look(time_s, current, ready, 0.9, 20.0, 3, wanted)


def a_sale(outcomes: list[str], looks: list[Look], lines: tuple[str, ...] = ()) -> Sale:
    """One request a second, each answered after half a second."""
    sent = np.arange(len(outcomes), dtype=float)
    kinds = list(dict.fromkeys(outcomes))
    codes = [["ok", "failed"].index(kind) for kind in outcomes]
    assert set(kinds) <= {"ok", "failed"}
    trace = Trace.from_columns(
        sent, sent, sent + 0.5, np.zeros(len(sent), "i2"), ["m1"], codes, np.ones(len(sent), "i4"), np.zeros(len(sent))
    )
    return Sale(trace, looks, list(lines), True)


GROWS = [look(-0.5, 1, 1, 1), look(0.5, 1, 1, 3), look(2.0, 3, 3, 3), look(4.0, 3, 3, 1), look(20.0, 1, 1, 1)]


def test_a_sale_counts_what_users_and_machines_did() -> None:
    sale = a_sale(["ok"] * 9 + ["failed"], GROWS)
    assert (sale.failed, sale.most, sale.left_early) == (1, 3, 2)
    assert experiments.users_saw(sale) == (
        "10 requests, 1 failed; p50 0.50 s, p99 0.50 s; 3 machines at most, 2 drained while requests still came"
    )


def test_machines_that_go_after_the_last_request_did_not_leave_early() -> None:
    assert a_sale(["ok"] * 3, GROWS).left_early == 0  # the last was sent at 2 s, they go at 4 s


def test_the_chart_shows_both_worlds_from_the_first_request_to_the_last_look() -> None:
    model = pd.DataFrame({"time_s": [0.5, 1.0, 9.0], "ready": [1, 4, 1]})
    made = picture.spec(experiments.machines_chart(a_sale(["ok"] * 5, GROWS), model))
    rows = [row for data in made["datasets"].values() for row in data if "machines" in row and "kind" in row]
    ends = {kind: max(row["time_s"] for row in rows if row["kind"] == kind) for kind in ("simulated", "measured")}
    assert ends == {"simulated": 20.0, "measured": 20.0}
    assert min(row["time_s"] for row in rows) >= 0
    last = {row["kind"]: row["machines"] for row in rows if row["time_s"] == 20.0}
    assert last == {"simulated": 1, "measured": 1}


def test_the_model_of_a_sale_grows_and_shrinks_with_it_and_repeats() -> None:
    offered = experiments.offered(seed=3)
    made, again = (experiments.simulated("hpa", offered) for _ in range(2))
    pd.testing.assert_frame_equal(made, again)
    ready = made["ready"].tolist()
    assert ready[0] == 1 and max(ready) > 2 and ready[-1] < max(ready)
    slow = experiments.simulated("hpa", offered, boot_s=3.0)
    for name in (made, slow):  # nobody serves before its boot is over
        ordered_s = name["time_s"][name["wanted"] > 1].iloc[0]
        served_s = name["time_s"][name["ready"] > 1].iloc[0]
        assert served_s - ordered_s >= (1.0 if name is made else 3.0)
    assert max(experiments.simulated("hpa", offered, maximum=2)["ready"]) == 2


def test_the_model_takes_a_policy_of_your_own_and_refuses_an_unknown_rule() -> None:
    class Two:
        def desired(self, seen: object, now: float) -> int:
            return 2

    made = experiments.simulated(Two(), experiments.offered(4.0))
    assert made["wanted"].unique().tolist() == [2]
    with pytest.raises(ValueError, match="no rule 'best'"):
        experiments.simulated("best", experiments.offered(4.0))


def test_the_table_of_troubles_has_the_controllers_first_line() -> None:
    told = a_sale(["ok", "failed"], GROWS, ("m2 did not boot: no image", "and more"))
    frame = experiments.troubles_table({"quiet": a_sale(["ok"], GROWS), "no boot": told}).frame
    assert frame["trouble"].tolist() == ["quiet", "no boot"]
    assert frame["failed"].astype(int).tolist() == [0, 1]
    assert frame["the controller's line"].tolist() == ["", "m2 did not boot: no image"]


def test_the_offer_is_the_sale_that_its_text_says() -> None:
    counts = [
        [((work.arrival_s >= low) & (work.arrival_s < high)).sum() / (high - low) for low, high in ((2, 6), (7, 10))]
        for work in (experiments.offered(seed=seed) for seed in range(20))
    ]
    peak, quiet = np.mean(counts, axis=0)
    assert abs(peak - 45.0) < 4 * math.sqrt(45.0 / 4 / 20)  # Poisson: 20 runs of 4 s
    assert abs(quiet - 8.0) < 4 * math.sqrt(8.0 / 3 / 20)
