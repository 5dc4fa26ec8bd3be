"""Little's law at every copy of any design, and in every queue: exact, for the accounts are closed at the run's end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from minisys.design.result import Run
from minisys.design.run import run
from minisys.design.tally import MOST_SPANS
from tests.design.designs import designs
from tests.design.same import SHOP, plans

QUICK: dict[str, Any] = {
    "deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.generate),
}  # fmt: skip


def assert_little(result: Run) -> None:
    law = result.little()
    assert (law["number"] >= 0).all() and (law["stay_s"] >= 0).all()
    np.testing.assert_allclose(law["number"], law["per_s"] * law["stay_s"], rtol=1e-9, atol=1e-12)


@settings(max_examples=25, **QUICK)
@given(st.data())
def test_number_is_rate_times_stay_whatever_breaks(data: st.DataObject) -> None:
    """The area under the number inside over time beside the stays of those who were, both from the run's own events."""
    design = data.draw(designs())
    engine = data.draw(st.sampled_from(["fast", "fast", "model"]))
    assert_little(run(design, plan=data.draw(plans(design)), for_s=2.0, seed=3, engine=engine))


@settings(max_examples=12, **QUICK)
@given(designs())
def test_the_spans_tell_the_same_number(design: Any) -> None:
    """A third figure, from the kept spans: each visit's own times, where nobody is inside at the end."""
    result = run(design, for_s=2.0, seed=4)
    spans, law = result.spans, result.little().set_index("copy")
    if result.tally.every > 1 or result.tally.used >= MOST_SPANS:
        return
    begun = np.where(
        spans["to"].map(lambda name: result.design[name].kind == "workers"), spans["began_s"], spans["reached_s"]
    )
    seen = (spans["done_s"] - begun).groupby(spans["copy"]).sum() / result.tally.until_s
    for row in result.copies.itertuples():
        if row.unfinished == 0:
            assert law.loc[row.copy, "number"] == pytest.approx(seen.get(row.copy, 0.0), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("account", ["inside_s", "stayed_s", "line_s", "lined_s"])
def test_a_visit_that_is_forgotten_is_found_out(account: str) -> None:
    result = run(SHOP, for_s=1.0, seed=1)
    result.conservation()
    row = int(np.argmax(result.tally.copies[account]))
    result.tally.copies[account][row] -= 0.001 * result.tally.copies[account][row]
    with pytest.raises(ValueError, match="Little's law fails"):
        result.conservation()
