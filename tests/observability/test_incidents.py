"""Incidents and the marks that rules get for them."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minisys.observability.alerts import PUBLISHED, STEPS, Condition, Rule
from minisys.observability.incidents import KINDS, LEAD_S, QUIET, draw, score
from minisys.observability.slo import Slo


@pytest.fixture(scope="module")
def incidents():
    return draw(240, seed=1)


@pytest.fixture(scope="module")
def scores(incidents):
    return {rule.name: score(rule, incidents) for rule in STEPS}


def test_one_seed_one_set_of_incidents():
    code = "from minisys.observability.incidents import draw; x = draw(12, 3); print(x.bad.sum(), x.spent.tolist())"
    outputs = {
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True,
                       text=True, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_the_truth_adds_up(incidents):
    """What is spent is what fails beyond the quiet share, within five standard deviations of the sum."""
    for row in range(len(incidents)):
        if incidents.kind[row] == "low traffic":
            continue
        expected = incidents.total[row, -1] * QUIET * incidents.slo.budget
        expected += (incidents.ratio[row] * 50 * 60).sum()
        assert abs(incidents.bad[row, -1] - expected) < 5 * np.sqrt(expected)
    assert not incidents.spent[[kind == "low traffic" for kind in incidents.kind]].any()
    assert (incidents.end_s >= LEAD_S).all()
    assert (np.diff(incidents.total) >= 0).all() and (incidents.bad <= incidents.total).all()


def test_an_incident_keeps_its_course_when_others_are_added():
    few, many = draw(6, seed=2), draw(12, seed=2)
    assert (few.bad == many.bad[:6]).all()


def test_the_six_steps_of_the_workbook_are_better_and_worse_as_it_says(scores):
    plain, long, waits, one, several, both = (scores[rule.name] for rule in STEPS)
    assert plain.recall == 1 and plain.precision < 0.85  # catches all, and cries wolf
    assert long.precision > 0.95 and long.reset_s > 24 * 3600  # goes on for more than a day afterwards
    assert waits.recall < 0.5 and waits.frame.groupby("kind")["fired"].mean()["total outage"] == 0
    assert one.precision > 0.95 and one.frame.groupby("kind")["fired"].mean()["slow burn"] == 0
    assert several.recall > 0.9 and both.recall == several.recall
    assert both.reset_s < several.reset_s / 5


@pytest.mark.parametrize("seed", [2, 3])
def test_other_seeds_rank_the_same(seed):
    made = draw(60, seed=seed)
    recalls = [score(rule, made).recall for rule in STEPS]
    assert recalls[0] == 1 and recalls[5] == recalls[4] > recalls[3] and recalls[5] > recalls[2]


def test_detection_of_total_outages_is_as_computed(scores):
    found = scores[PUBLISHED.name].frame.query("kind == 'total outage'")["detection_s"]
    assert (found == 60).all()  # 51.84 s, seen at the look after


def test_a_rule_that_never_fires_has_no_precision(incidents):
    never = score(Rule("never", (Condition(60, 1000.0),)), incidents)
    assert np.isnan(never.precision) and never.recall == 0 and np.isnan(never.detection_s)


def test_pages_and_tickets_apart(incidents):
    pages, tickets = (score(PUBLISHED, incidents, kind).frame["fired"] for kind in ("page", "ticket"))
    everything = score(PUBLISHED, incidents).frame["fired"]
    assert (everything == (pages | tickets)).all() and not (pages == tickets).all()


def test_a_shape_of_your_own():
    made = draw(4, kinds={"nothing": KINDS["low traffic"]}, quiet=0.0)
    assert not made.bad.any() and not score(PUBLISHED, made).frame["fired"].any()
    assert made.frame(0)["hour"].iloc[-1] == 4 * 24 and made.frame(0)["bad"].sum() == 0


@pytest.mark.parametrize("call", [
    lambda: draw(0), lambda: draw(2, kinds={}), lambda: draw(2, quiet=1.5), lambda: draw(2, slo=Slo(1.5)),
])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()
