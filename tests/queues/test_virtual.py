"""The live broker and the model, on the same orders with the same crashes: message by message the same."""

from __future__ import annotations

import numpy as np
import pytest

from minisys.queues.model import Plan, through_queue
from minisys.queues.virtual import play
from minisys.testbed.laws import Zipf
from minisys.testbed.workload import Exponential, Poisson, workload

PLANS = {
    "plain": Plan(consumers=3),
    "crashes": Plan(consumers=4, visibility_s=2, crash_share=0.2, restart_s=0.7),
    "at most once": Plan(consumers=3, delivery="at most once", crash_share=0.2, restart_s=0.3),
    "effectively once": Plan(consumers=3, visibility_s=3, delivery="effectively once", crash_share=0.2),
    "poison": Plan(consumers=4, visibility_s=1, max_receives=3, poison_share=0.1, poison_kills=True, restart_s=0.4),
    "ordered": Plan(consumers=4, visibility_s=2, crash_share=0.1, restart_s=0.7, ordered=True),
    "too short": Plan(consumers=5, visibility_s=1, crash_share=0.1),
    "too short and ordered": Plan(consumers=5, visibility_s=1, ordered=True),
}


@pytest.mark.parametrize("name", PLANS)
def test_broker_and_model_agree_message_by_message(name: str) -> None:
    work = Exponential(0.4 if "short" in name else 0.1)
    offered = workload(100, arrivals=Poisson(15.0), work=work, keys=Zipf(10, 1.0), seed=5)
    model, broker = through_queue(offered, PLANS[name], until_s=60.0), play(offered, PLANS[name], until_s=60.0)
    for column in ("sent_s", "started_s", "done_s"):
        np.testing.assert_allclose(broker.frame[column], model.frame[column], atol=1e-6, rtol=0)
    for column in ("effects", "receives", "state", "key"):
        assert broker.frame[column].tolist() == model.frame[column].tolist(), column


def test_what_sqs_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="no limit of length"):
        play(workload(5, arrivals=Poisson(1.0), work=Exponential(1.0), seed=1), Plan(limit=3), until_s=1.0)
