"""Any design that makes sense can be priced, judged and attacked: never a traceback, always figures in their range."""

import math

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from minisys.design.attack import attack, suspects
from minisys.design.availability import cut_sets, exact
from minisys.design.cost import monthly
from minisys.design.headroom import headroom
from minisys.design.judge import RULES, judge
from minisys.design.mean_field import slice_of
from minisys.design.parts import Clients, Design
from tests.design.designs import designs

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # a design is small enough to be read without shrinking
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW, phases=QUICK)
@given(designs(small=False))
def test_flows_bill_and_availability_of_any_design(design: Design) -> None:
    room = headroom(design)
    assert room.at_times > 0 and (room.parts.utilisation >= 0).all()
    bill = monthly(design)
    assert math.isfinite(bill.total) and bill.total >= 0
    assert 0 <= exact(design) <= 1
    assert all(1 <= len(cut) <= 2 for cut in cut_sets(design))
    places = {part.name for part in design.parts} | set(design.regions)
    assert all(each.component in places for each in suspects(design))


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW, phases=QUICK)
@given(designs(small=False), st.integers(1, 50))
def test_a_slice_has_a_kth_of_the_users(design: Design, k: int) -> None:
    part_of = slice_of(design, k)
    small, whole = (sum(users.rate for users in each.of(Clients)) for each in (part_of.design, design))
    assert math.isclose(small * k, whole, abs_tol=1e-300)  # a rate may be the smallest number there is
    assert all(part.copies >= 1 and part.workers >= 1 for part in part_of.design.parts)


@settings(max_examples=8, deadline=None, suppress_health_check=SLOW, phases=QUICK)
@given(designs(most=6))
def test_any_small_design_is_judged_and_attacked(design: Design) -> None:
    verdict = judge(design, requests=200)
    asked = [name for name in RULES if getattr(design.objectives, name) is not None]
    assert len(verdict.rows) == len(asked) and isinstance(repr(verdict), str)
    for finding in attack(design, requests=200):
        assert 0 < finding.damage <= 2 and finding.sentence and finding.component
