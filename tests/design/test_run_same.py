"""The compiled engine says what the readable one says, on random designs with faults; nobody gets lost in either."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisys.design.run import run
from tests.design.designs import designs
from tests.design.same import MANY, SHOP, assert_same, digest, plans


@settings(max_examples=18, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_both_engines_agree_and_nobody_gets_lost(data: st.DataObject) -> None:
    design = data.draw(designs())
    plan = data.draw(plans(design))
    fast = run(design, plan=plan, for_s=3.0, seed=1)
    model = run(design, plan=plan, for_s=3.0, seed=1, engine="model")
    for one in (fast, model):
        one.conservation()
        one.trace.check()
    assert_same(model, fast)


def test_an_autoscaled_shop_in_a_sale_is_the_same_in_both() -> None:
    fast, model = (run(SHOP, MANY, for_s=8.0, seed=4, engine=engine) for engine in ("fast", "model"))
    assert_same(model, fast)
    for one in (fast, model):
        one.conservation()
    assert fast.little().set_index("copy").loc["messages in mail", "number"] > 10
    assert fast.in_service()["app"].max() > 2


def test_another_process_gives_the_same_answer_from_what_lies_on_disk() -> None:
    code = "from same import *; from minisys.design.run import run; print(digest(run(SHOP, MANY, for_s=6.0, seed=4)))"
    here = Path(__file__).parent
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=here, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == digest(run(SHOP, MANY, for_s=6.0, seed=4))


def test_another_seed_another_day() -> None:
    assert digest(run(SHOP, for_s=2.0, seed=1)) != digest(run(SHOP, for_s=2.0, seed=2))
