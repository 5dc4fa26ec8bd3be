"""Every lab: its solution passes each check, its stub only says that it is not started."""

from __future__ import annotations

import asyncio
import inspect
import re
from functools import cache

import pytest

from minisys.grading import make_labs
from minisys.grading.checks import check, tasks_of
from tests.labs.written import LABS, ROOT, definitions, tasks, whole

EACH_TASK = [(lab, task) for lab in LABS for task in tasks(lab)]


@cache
def written(folder, lab):
    return definitions(folder, lab)


def test_the_labs_are_what_the_solutions_give():
    assert make_labs.make(ROOT / "solutions", ROOT / "labs", check=True) == []


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_has_at_least_five_tasks_and_hands_in_every_one(lab):
    assert list(tasks(lab)) == list(range(1, len(tasks_of(lab)) + 1)) and len(tasks(lab)) >= 5


@pytest.mark.parametrize("lab, task", EACH_TASK)
def test_the_solution_is_stored_as_passing_every_check(lab, task):
    """Run they are by nbval, which compares what comes out with what is stored, so that must be a full score."""
    (cell,) = (cell for cell in whole("solutions", lab) if f'check("{lab}", {task}, ' in "".join(cell["source"]))
    assert "nbval-ignore-output" not in cell["metadata"].get("tags", [])
    said = "".join(cell["outputs"][0]["data"]["text/plain"])
    passed, checks = re.search(r"passed (\d+) of (\d+) checks", said).groups()
    assert passed == checks and said.splitlines()[-1] == f"{checks} of {checks} points."


@pytest.mark.parametrize("lab, task", EACH_TASK)
def test_the_stub_is_only_not_started(lab, task, progress):
    report = check(lab, task, *(written("labs", lab)[name] for name in tasks(lab)[task]), progress=progress)
    assert {outcome.state for outcome in report.outcomes} == {"not started"}


@pytest.mark.parametrize("lab, task", EACH_TASK)
def test_every_gap_says_which_it_is(lab, task):
    for name in tasks(lab)[task]:
        answer = written("labs", lab)[name]
        parts = [answer] if inspect.isfunction(answer) else [*vars(answer).values()]
        gaps = [part for part in parts if inspect.isfunction(part) and "NotImplementedError" in part.__code__.co_names]
        assert gaps, name
        for gap in gaps:
            with pytest.raises(NotImplementedError, match=f"lab {lab}, task {task}: "):
                found = gap(*[None] * gap.__code__.co_argcount)
                asyncio.run(found)


@pytest.mark.parametrize("lab", LABS)
def test_cells_are_short_and_were_run(lab):
    for cell in whole("solutions", lab):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            assert len(text.split()) <= 150, cell["id"]
        else:
            assert len(text.splitlines()) <= 30, cell["id"]
            assert cell["execution_count"], f"{cell['id']} was not run: its output would not be compared"
