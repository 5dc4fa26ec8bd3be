"""The same boto3 code against our broker and against moto; where moto differs, differences.yaml says what AWS says.

A listed difference must show: when moto is mended, the test fails and the line can go.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws

from minisys.testbed import nodes
from tests.queues import (  # noqa: F401 (they fill behaviours.CASES and refusals.CASES)
    behaviours,
    behaviours_dead,
    behaviours_fifo,
    behaviours_groups,
    behaviours_more,
    behaviours_moves,
    behaviours_queues,
    behaviours_sent,
    refusals,
    refusals_more,
)
from tests.queues.stage import Stage

TOLD = yaml.safe_load(Path(__file__).with_name("differences.yaml").read_text())
DIFFERENCES = {name: told for told in TOLD for name in told["cases"]}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with nodes.start("minisys.queues", "--data", str(tmp_path_factory.mktemp("broker"))) as node:
        yield Stage(node.url)
        assert node.running, node.tail()


@pytest.fixture(scope="module")
def moto() -> Iterator[Stage]:
    with mock_aws():
        yield Stage(None)


@pytest.fixture(params=["minisys", "moto"])
def who(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(who: str, request: pytest.FixtureRequest) -> Stage:
    found: Stage = request.getfixturevalue("ours" if who == "minisys" else "moto")
    return found


def filled(parameters: dict[str, Any], on: Stage) -> dict[str, Any]:
    """*parameters* with queues that exist for those that are meant."""
    out = dict(parameters)
    for name, value in parameters.items():
        if value in (refusals.URL, refusals.FIFO):
            url = on.queue(fifo=value == refusals.FIFO)
            out[name] = on.arn(url) if name.endswith("Arn") else url
        elif value == refusals.GONE:
            out[name] = on.queue().rpartition("/")[0] + "/nowhere"
        elif value == "new":
            out[name] = on.name()
    return out


def refuses(on: Stage, name: str) -> None:
    action, parameters, code = refusals.CASES[name]
    assert on.code(action, **filled(parameters, on)) == code


@pytest.mark.parametrize("name", [*refusals.CASES, *behaviours.CASES])
def test_as_sqs_does(who: str, stage: Stage, name: str) -> None:
    act = behaviours.CASES.get(name, lambda on: refuses(on, name))
    if who == "moto" and name in DIFFERENCES:
        with pytest.raises((AssertionError, AttributeError, ClientError, KeyError, ValueError, NotImplementedError)):
            act(stage)
    else:
        act(stage)


def test_what_takes_time_is_as_sqs_does_it(who: str, stage: Stage) -> None:
    assert not set(DIFFERENCES) & set(behaviours.WAITING)
    with ThreadPoolExecutor(len(behaviours.WAITING)) as threads:
        runs = {name: threads.submit(act, stage) for name, act in behaviours.WAITING.items()}
    assert {name: run.exception() for name, run in runs.items() if run.exception()} == {}


def test_the_differences_are_of_cases_that_exist_and_name_their_judge() -> None:
    assert set(DIFFERENCES) <= {*refusals.CASES, *behaviours.CASES}
    assert sum(len(told["cases"]) for told in TOLD) == len(DIFFERENCES)
    for told in TOLD:
        assert set(told) == {"moto", "aws", "source", "cases"}
        assert told["source"].startswith("https://docs.aws.amazon.com/")
