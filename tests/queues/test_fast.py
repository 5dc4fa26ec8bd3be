"""The fast twin equals the events, message by message."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.queues import fast
from minisys.queues.model import Plan, straight, through_queue
from minisys.testbed.workload import Exponential, FlashSale, Workload, workload


def sale(seed: int) -> Workload:
    arrivals = FlashSale(50.0, 300.0, 5.0, ramp_s=0.5, hold_s=4.0)
    return workload(2_000, arrivals=arrivals, work=Exponential(0.1), seed=seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("limit", "pressure"), [(None, "reject"), (20, "reject"), (20, "shed oldest"), (20, "block")])
def test_the_twin_is_the_model(seed: int, limit: int | None, pressure: str) -> None:
    offered = sale(seed)
    made, blocked_s = fast.through_queue(offered, 10, limit, pressure)
    want = through_queue(offered, Plan(consumers=10, limit=limit, pressure=pressure)).frame
    for column in ("started_s", "done_s"):
        np.testing.assert_allclose(made.check().frame[column], want[column], rtol=1e-12)
    for column in ("state", "effects", "receives", "key"):
        assert made.frame[column].tolist() == want[column].tolist()
    assert (blocked_s > 0).any() == (pressure == "block")
    assert (blocked_s <= (made.frame["started_s"] - made.frame["sent_s"]).fillna(0) + 1e-9).all()


def test_refusing_is_the_database_with_a_short_line() -> None:
    offered = sale(4)
    made, _ = fast.through_queue(offered, 10, 30)
    assert made.count("refused") == straight(offered, 10, 30).count("refused") > 100


@pytest.mark.parametrize(
    ("wrong", "said"), [((0,), "consumers >= 1"), ((1, 0), "limit >= 1"), ((1, 5, "pray"), "pray")]
)
def test_numbers_that_make_no_sense_are_named(wrong: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fast.through_queue(sale(1), *wrong)
