"""The live chain: the model's outcomes on the virtual clock, real users on the real one, and nothing left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import psutil
import pytest

from minisys.resilience import experiments, live, model
from minisys.resilience.breaker import Breaker
from minisys.resilience.bulkhead import Bulkhead
from minisys.resilience.chain import Chain, Service, Trouble
from minisys.resilience.concurrency import Aimd
from minisys.resilience.defences import Defences, Protection
from minisys.resilience.fallback import LastGood
from minisys.resilience.live import Measured
from minisys.resilience.retries import Backoff, RatioBudget, Retries
from minisys.resilience.shedding import CoDel
from minisys.testbed import nodes
from minisys.testbed.laws import Deterministic, Exponential
from minisys.testbed.nodes import NodeFailed

TROUBLES = (Trouble("orders", 0.3, 0.5, slow=5.0), Trouble("database", 0.5, 0.7, slow=10.0, fails=0.3))


def three(callers: tuple[Defences, ...], protection: Protection = Protection()) -> Chain:  # noqa: B008
    """Three services whose last is the narrow one; nothing on the way takes time."""
    work = Exponential(0.004), Exponential(0.004), Exponential(0.03)
    names, workers, shields = ("shop", "orders", "database"), (20, 10, 3), (Protection(), Protection(), protection)
    services = [Service(*each) for each in zip(names, workers, work, shields, strict=True)]
    return Chain(tuple(services), callers, net_s=0.0, patience_s=0.8)


NAIVE = three((Defences(timeout_s=0.8, retries=Retries(2)), Defences(timeout_s=0.8), Defences(timeout_s=0.3)))
CAREFUL = three(
    (
        Defences(timeout_s=0.8, deadline=True, retries=Retries(2, Backoff(0.05, 0.4, "full"))),
        Defences(timeout_s=0.6, deadline=True, bulkhead=Bulkhead(9)),
        Defences(
            timeout_s=0.3, deadline=True, breaker=Breaker(5, 0.2),
            retries=Retries(3, Backoff(0.02, 0.2, "equal"), RatioBudget(0.2)),
        ),
    ),
    Protection(codel=CoDel(0.02, 0.1), concurrency=Aimd(0.3, start=10)),
)  # fmt: skip


@pytest.mark.parametrize("chain", [NAIVE, CAREFUL], ids=["naive", "careful"])
def test_on_the_virtual_clock_every_user_has_the_models_outcome_and_time(chain: Chain) -> None:
    users = experiments.offered(1.6, 60.0, seed=5)
    lived = live.run(chain, users, TROUBLES, seed=5, clock="virtual")
    simulated = model.simulate(chain, users, TROUBLES, seed=5).trace().frame
    measured = lived.trace.frame
    assert set(measured["outcome"]) > {"ok"}  # the troubles were felt
    assert list(measured["outcome"]) == list(simulated["outcome"])
    np.testing.assert_allclose(measured["finished_s"], simulated["finished_s"], rtol=0, atol=1e-5)
    conserved(lived)


def conserved(lived: Measured) -> None:
    """Each request is counted once, and what one service sends the next one gets."""
    for told in lived.counts.values():
        counted = told["requests"]
        assert counted["arrived"] == sum(counted[name] for name in ("served", "refused", "late", "failed"))
    names = [live.APP, *(each.name for each in lived.chain.services)]
    for caller, called in zip(names, names[1:], strict=False):
        assert lived.counts[caller]["calls"]["sent"] == lived.counts[called]["requests"]["arrived"]


def test_the_outage_lasts_without_cures_and_ends_with_them() -> None:
    bare, cured = experiments.outage(experiments.offered(4.0))
    assert len(bare.trace) == len(cured.trace) == 88  # nobody lost
    assert bare.goodput(0, 0.8) > 0.95 and cured.goodput(0, 0.8) > 0.95
    assert experiments.after(bare) < 0.2
    assert experiments.after(cured) > 0.95
    assert bare.amplification[-1] > 2 * cured.amplification[-1]
    assert not left_over()


def left_over() -> list[str]:
    """Processes of the chain that still run under this one."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            found += [line for line in each.cmdline() if line == live.NODE]
        except psutil.Error:
            continue
    return found


def test_the_other_defences_do_what_they_are_for() -> None:
    bare, hedged = experiments.hedging(clock="virtual")
    assert hedged.trace.percentile(99) < 0.6 * bare.trace.percentile(99)
    assert hedged.amplification[-1] < 1.12
    bare, guarded = experiments.breaking(clock="virtual")
    assert experiments.waits(guarded) < 0.5 * experiments.waits(bare)
    bare, guarded = experiments.bulkheads(clock="virtual")
    assert experiments.own_and_others(bare)[0] < 0.8 < experiments.own_and_others(guarded)[0]
    for each in (bare, guarded):
        conserved(each)


def test_tables_and_charts_say_what_they_show() -> None:
    runs = dict(zip(("without", "with"), experiments.outage(experiments.offered(3.5), clock="virtual"), strict=True))
    assert "in time before" in repr(experiments.goodput_table(runs))
    for chart in (experiments.goodput_chart(runs), experiments.calls_chart(runs)):
        told = chart.to_dict()["description"]
        assert "without" in told and "with" in told
    frame = experiments.by_second(runs["with"])
    assert frame["come"].sum() * 0.5 == len(runs["with"].trace)


def test_a_fallback_answers_when_the_next_service_cannot() -> None:
    services = Service("shop", 5, Deterministic(0.001)), Service("database", 5, Deterministic(0.001), fails=1.0)
    chain = Chain(services, (Defences(), Defences(fallback=LastGood(60.0))))
    lived = live.run(chain, experiments.offered(0.5, 40.0), clock="virtual")
    assert lived.goodput() == 1.0
    assert lived.counts["database"]["requests"]["failed"] == len(lived.trace)


def test_a_running_chain_can_be_told_what_to_do_and_says_what_it_does_not_understand() -> None:
    with live.start(three((Defences(), Defences(), Defences(timeout_s=0.2)))) as here:
        assert status(f"{here.url}/item/1") == 200
        for path, headers, told in (
            ("/item/one", {}, "N in /item/N must be a number"),
            ("/item/1", {"X-Work-S": "-1"}, "X-Work-S must be a number from 0 to 3600"),
            ("/item/1", {"x-deadline-s": "soon"}, "soon"),
            ("/item/1", {"X-Priority": "high"}, "X-Priority must be a number"),
        ):
            assert told in said(400, f"{here.url}{path}", headers)
        admin = f"http://127.0.0.1:{here.services['orders'].admin_port}"
        for what, told in (
            ("fail?share=2", "between 0 and 1"),
            ("next?url=nowhere", "http://host:port"),
            ("x", "known"),
        ):
            with pytest.raises(NodeFailed, match=told):
                nodes.ask("POST", f"{admin}/control/{what}")
        with pytest.raises(ValueError, match="it has users, shop, orders, database"):
            here.slow("cache", 2)
        here.fail("database", 1.0)
        assert status(f"{here.url}/item/2") == 502
        here.fail("database", 0.0)
        here.slow("database", 1e5)
        assert status(f"{here.url}/item/3") == 502  # orders' timeout; users only hear that it failed
        here.services["database"].kill()
        assert status(f"{here.url}/item/4") == 502
        counts = here.counts()
        assert list(counts) == ["users", "shop", "orders"]
        assert counts["orders"]["calls"] == {"ok": 1, "sent": 4, "failed": 1, "timeout": 1, "refused": 1}
    assert not left_over()


def status(url: str) -> int:
    """The status of the answer of *url*."""
    try:
        with urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as problem:
        return problem.code


def said(expected: int, url: str, headers: dict[str, str]) -> str:
    """The text of an answer that must have the *expected* status."""
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(url, headers=headers), timeout=10)
    assert caught.value.code == expected
    return caught.value.read().decode()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"clock": "sun"}, 'must be "virtual" or "real"'),
        ({"troubles": (Trouble("cache", 1, 1),)}, "it has shop, orders, database"),
    ],
)
def test_a_bad_argument_starts_nothing(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        live.run(NAIVE, experiments.offered(0.5), **arguments)  # type: ignore[arg-type]


def test_troubles_that_overlap_are_steps_that_undo_each_other() -> None:
    overlap = (Trouble("database", 1.0, 2.0, slow=3.0), Trouble("database", 2.0, 2.0, slow=4.0, fails=0.5))
    assert live.steps(NAIVE, overlap) == [
        (1.0, "database", 3.0, 0.0), (2.0, "database", 12.0, 0.5), (3.0, "database", 4.0, 0.5),
        (4.0, "database", 1.0, 0.0),
    ]  # fmt: skip


def test_a_job_of_somebody_else_is_refused(tmp_path) -> None:
    import pickle

    from minisys.resilience import job

    path = tmp_path / "x.job"
    path.write_bytes(pickle.dumps({"work": 1}))
    with pytest.raises(ValueError, match="must hold a Job, it holds dict"):
        job.read(str(path))
    assert replace(job.Job(), luck=job.array("d", [0.5])).luck[0] == 0.5
    assert json.dumps([job.Table([0.25, 0.5]).uniform(0, 4)]) == "[1.0]"
