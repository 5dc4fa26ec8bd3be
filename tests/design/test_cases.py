"""The classic cases: complete, readable, and their references and damages come out as promised (all in the soak)."""

from __future__ import annotations

import pytest

from minisys.design import cases
from minisys.design.cases.trial import Trial, trial
from minisys.design.draw import mermaid

ALL = cases.cases()
SOME = [(case, case.damaged[i % 3]) for i, case in enumerate(ALL) if i % 4 == 0]  # the others are tried in the soak


def test_there_are_enough_and_each_has_its_phases_levels_and_three_damages():
    assert len(ALL) >= 15
    for case in ALL:
        assert tuple(case.prompts) == cases.PHASES and tuple(case.levels) == cases.LEVELS
        assert len(case.damaged) >= 3 and len(case.follow_ups) >= 3
        assert len({spoilt.label for spoilt in case.damaged}) == len(case.damaged)
    assert len({case.brief for case in ALL}) == len(ALL) == len({case.title for case in ALL})


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_every_version_reads_back_as_it_is_and_draws_itself(case):
    whole = case.design()
    assert whole.name.replace("-", "_") == case.name
    for spoilt in case.damaged:
        design = case.design(spoilt)
        assert design != whole and spoilt.component in {part.name for part in design.parts}
        assert getattr(design.objectives, spoilt.objective) is not None
    assert all(part.name in mermaid(whole) for part in whole.parts)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_the_reference_keeps_its_promises(case):
    assert trial(case).wrong == ""


@pytest.mark.parametrize(("case", "spoilt"), SOME, ids=lambda one: getattr(one, "name", getattr(one, "component", "")))
def test_a_damaged_version_is_caught_and_the_attack_names_what_was_spoilt(case, spoilt):
    assert trial(case, spoilt).wrong == ""


def test_a_trial_that_comes_out_otherwise_says_so():
    case, spoilt = ALL[0], ALL[0].damaged[0]
    planted = (spoilt.weakness, spoilt.component)
    assert Trial(case.name, None, ("rto",), ()).wrong == f"{case.name}: the reference misses rto"
    assert "is kept; missed: nothing" in Trial(case.name, spoilt, (), (planted,)).wrong
    assert "the attack names nothing, not" in Trial(case.name, spoilt, (spoilt.objective,), ()).wrong
    assert Trial(case.name, spoilt, (spoilt.objective,), (("one region", "eu"), planted)).wrong == ""


def test_what_is_no_case_is_refused():
    with pytest.raises(ValueError, match="no case 'ebay'; there are chat, "):
        cases.case("ebay")
    with pytest.raises(ValueError, match="'parts.db.copies': there is no 'db'"):
        cases.changed({"parts": {"app": {}}}, {"parts.db.copies": 1})
    assert cases.changed({"a": {"b": 1, "c": 2}}, {"a.b": None, "a.d": 3}) == {"a": {"c": 2, "d": 3}}
